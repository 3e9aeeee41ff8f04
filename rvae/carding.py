"""The command `card`: asks, or is told, whose the clips of a folder are, and keeps it in `dataset.toml`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from rvae.arguments import Command, print_json
from rvae.card import CARD_NAME, Card, read_card
from rvae.copies import copies
from rvae.corpus import read_files
from rvae.errors import FileError, UsageError
from rvae.midi import write_text
from rvae.sources import Sources

# What is asked, in this order: the key in the file, other names for it there, the question, whether clips may differ.
_QUESTIONS: tuple[tuple[str, tuple[str, ...], str, bool], ...] = (
    ("name", ("title",), "What shall these clips be called?", False),
    ("description", ("what",), "What are they? One line.", False),
    ("people", ("who",), "Who made them? Names, with commas between.", True),
    ("licence", ("license",), "Under what licence may others use them?", True),
    ("consent", (), "Do their makers agree to training with them (yes, no, or what they said)?", True),
)
_ALSO = {key: others for key, others, _, _ in _QUESTIONS}
_OF_CLIPS = tuple(key for key, _, _, single in _QUESTIONS if single)
_MUSIC = ("meter", "bpm")  # what is never asked, and said of single clips only
Answers = dict[str, str | float | list[str]]
Ask = Callable[[str, str], str]  # a question and what stands; the answer, empty where it shall stand


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="a folder with clips")
    add("--clip", action="append", default=[], metavar="NAME", help="only these clips; * stands for anything")
    add("--name", metavar="TEXT", help="what the clips are called")
    add("--description", metavar="TEXT", help="what they are")
    add("--people", action="append", metavar="NAME", help="who made them (repeatable)")
    add("--licence", metavar="TEXT", help="under what licence others may use them")
    add("--consent", metavar="TEXT", help="yes, no, or what their makers said about training with them")
    add(
        "--meter",
        metavar="M",
        help="with --clip: the meter of clips that do not say it or say it wrong, or how their bars are felt",
    )
    add("--bpm", type=float, metavar="N", help="with --clip: felt beats per minute of takes that were played freely")
    add("--json", action="store_true", help="print the card as one JSON object")


def _run(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.folder)
    clips = _clips(folder)
    said: Answers = {key: value for key in (*_ALSO, *_MUSIC) if (value := getattr(arguments, key)) is not None}
    for key in _MUSIC:
        if key in said and not arguments.clip:
            raise UsageError(f'--{key} is said of clips: give --clip NAME with it, or --clip "*" for all of them')
    if said:
        chosen = _chosen(clips, arguments.clip, said) if arguments.clip else None
        write_card(folder, said, chosen)
    elif arguments.clip:
        raise UsageError(
            "--clip needs something to say of it: --people, --licence, --consent, --meter, --bpm; see rvae card --help"
        )
    elif sys.stdin.isatty() and not arguments.json:
        _converse(folder, clips, _ask_at_terminal)
    card = read_card(folder) or Card()
    copied = copies_of_refused(folder) if any(card.of_clip(clip).is_refused for clip in clips) else {}
    if arguments.json:
        print_json({**card.as_mapping(), "clips": {clip: _of_clip(card, clip, copied) for clip in clips}})
    else:
        print("\n".join(describe(card, folder, clips, copied)))  # noqa: T201  # the product
    return 0


CARD = Command("card", "whose the clips of a folder are, under what licence, and who agreed", _arguments, _run)


def _clips(folder: Path) -> list[str]:
    """The clips below a folder, as a card names them. Raises UsageError."""
    if os.path.isfile(folder):
        raise UsageError(f"{folder}: a file; give the folder that it is in, where its card has its place beside it")
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: no such folder; give the folder that your clips are in")
    found = [clip.relative_to(folder).as_posix() for clip in Sources().find(folder) if clip != folder]
    if not found:
        raise UsageError(f"{folder}: no clips in it; put MIDI files there, or give the folder that has them")
    return found


def _chosen(clips: Sequence[str], patterns: Sequence[str], said: Answers) -> list[str]:
    """The clips that are meant by `--clip`. Raises UsageError where there are none, or where they cannot differ."""
    for key in said:
        if key not in (*_OF_CLIPS, *_MUSIC):
            raise UsageError(f"--{key} is said of a whole folder; leave --clip out, or say it without --{key}")
    chosen: list[str] = []
    for pattern in patterns:
        found = [clip for clip in clips if _is_meant(clip, pattern)]
        if not found:
            raise UsageError(f"--clip {pattern}: no such clip in the folder; it has {len(clips)}, as {_some(clips)}")
        chosen += found
    return list(dict.fromkeys(chosen))


def _is_meant(clip: str, pattern: str) -> bool:
    """By its name or its path below the folder; as it stands, too: a name with brackets is no pattern."""
    return any(name == pattern or fnmatch(name, pattern) for name in (clip, Path(clip).name))


def _some(clips: Sequence[str]) -> str:
    return ", ".join(clips[:3]) or "none"


def write_card(folder: Path, said: Answers, clips: Sequence[str] | None = None) -> None:
    """Put answers into the card of a folder, of all its clips or of some; everything else in it stays as it is.

    Raises FileError where there is a card that cannot be read, or the place cannot be written.
    """
    path = folder / CARD_NAME
    read_card(folder)  # one that cannot be read is not written over
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if os.path.exists(path) else tomlkit.document()
        for table in [document] if clips is None else [_table_of(document, clip) for clip in clips]:
            for key, value in said.items():
                standing = next((name for name in (key, *_ALSO.get(key, ())) if name in table), key)
                table[standing] = value
    except TOMLKitError as error:
        raise FileError(f"{path}: cannot be changed ({error}); mend it by hand") from None
    text = tomlkit.dumps(document)
    Card.parse(text, where=str(path))
    write_text(path, text)


def _table_of(document: tomlkit.TOMLDocument, clip: str) -> Any:
    """The table of one clip, made where there is none."""
    clips: Any = document.setdefault("clips", tomlkit.table(is_super_table=True))
    if isinstance(clips, list):
        found = next((entry for entry in clips if entry.get("file") in (clip, Path(clip).name)), None)
        if found is None:
            found = tomlkit.table()
            found["file"] = clip
            clips.append(found)
            return clips[-1]
        return found
    name = next((name for name in (clip, Path(clip).name) if name in clips), clip)
    if name not in clips:
        clips[name] = tomlkit.table()
    return clips[name]


def _converse(folder: Path, clips: Sequence[str], ask: Ask) -> None:
    """Ask what a card should say and write it when everything is answered."""
    card = read_card(folder) or Card(name=folder.resolve().name)
    of_all: Answers = {}
    for key, _, question, _ in _QUESTIONS:
        standing = getattr(card, key)
        shown = "; ".join(standing) if isinstance(standing, tuple) else standing
        if answer := _answer(key, ask(question, shown)):
            of_all[key] = answer
    if "name" not in of_all and card.name:
        of_all["name"] = card.name
    each = _ask_of_some(clips, ask) if len(clips) > 1 else []
    write_card(folder, of_all)
    for chosen, own in each:
        write_card(folder, own, chosen)


def _ask_of_some(clips: Sequence[str], ask: Ask) -> list[tuple[list[str], Answers]]:
    """Clips of which something else is true, and what: asked until there are no more, some at a time."""
    found: list[tuple[list[str], Answers]] = []
    question = f"Is something else true of some of the {len(clips)} clips? Their name; * stands for anything."
    while (pattern := ask(question, "none").strip()).lower() not in ("", "none", "no", "n"):
        chosen = [clip for clip in clips if _is_meant(clip, pattern)]
        if not chosen:
            question = f"No clip is called {pattern}; there are {_some(clips)}, ... Which?"
            continue
        named = chosen[0] if len(chosen) == 1 else f"{pattern}, {len(chosen)} clips"
        own: Answers = {}
        for key in _OF_CLIPS:
            if answer := _answer(key, ask(f"{named}: {key}", "as for all")):
                own[key] = answer
        if own:
            found.append((chosen, own))
        question = "And of others? Their name."
    return found


def _answer(key: str, text: str) -> str | list[str]:
    text = text.strip()
    return [name.strip() for name in text.split(",") if name.strip()] if key == "people" else text


def _ask_at_terminal(question: str, standing: str) -> str:
    shown = f" [{standing}]" if standing else ""
    print(f"{question}{shown} ", end="", file=sys.stderr, flush=True)  # noqa: T201  # a question
    line = sys.stdin.readline()
    if not line:
        raise UsageError("no more answers: nothing was written; answer all questions, or give flags (--help)")
    return line


def copies_of_refused(folder: Path) -> dict[str, str]:
    """Clips below a folder with the onsets of others whose makers have not agreed, and of which, by their names."""
    found = copies(read_files(folder).clips)
    return {clip.relative_to(folder).as_posix(): of.relative_to(folder).as_posix() for clip, of in found.items()}


def _of_clip(card: Card, clip: str, copied: Mapping[str, str]) -> dict[str, object]:
    known = card.of_clip(clip)
    said = {"people": list(known.people), "licence": known.licence, "consent": known.consent}
    return {**said, "trained_on": not known.is_refused and clip not in copied}


def describe(card: Card, folder: Path, clips: Sequence[str], copied: Mapping[str, str]) -> list[str]:
    """What a card says, and what it does not, in lines. `copied`: clips with the onsets of others that are refused."""
    lines = [f"{folder / CARD_NAME}: {len(clips)} clips"]
    for key in _ALSO:
        standing = getattr(card, key)
        text = "; ".join(standing) if isinstance(standing, tuple) else standing
        lines.append(f"  {key}: {text or 'not said'}")
    for clip in clips:
        own = card.clips.get(clip) or card.clips.get(Path(clip).name)
        if own is not None and (own.people or own.licence or own.consent):
            said = (*own.people, own.licence, f"consent: {own.consent}" if own.consent else "")
            lines.append(f"  {clip}: {'; '.join(filter(None, said))}")
    refused = sum(card.of_clip(clip).is_refused for clip in clips)
    if refused:
        lines.append(f"  not trained on, for want of consent: {refused} of {len(clips)} clips")
    for clip, of in copied.items():
        lines.append(
            f"  {clip}: not trained on: it has the onsets of {of}; if it is no copy, --clip NAME --consent yes"
        )
    silent = sum(not card.of_clip(clip).consent for clip in clips)
    if silent:
        lines.append(f"  nothing said about consent: {silent} of {len(clips)} clips; ask, then rvae card {folder}")
    return ["".join(letter if letter.isprintable() else " " for letter in line) for line in lines]
