"""The command `export`: a corpus as clean MIDI, with the meters and the notes it was understood by."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

import tomlkit

from rvae.ableton import SET_SUFFIX
from rvae.arguments import Command, add_reading_arguments, corpus_of, print_json, reading_of
from rvae.card import CARD_NAME, ClipCard, card_texts
from rvae.corpus import Corpus
from rvae.cutting import cleaned, cut, moved, with_beats
from rvae.errors import FileError, UsageError
from rvae.kit import STANDARD_KIT
from rvae.midi import MidiClip, read_midi, write_clip, write_text
from rvae.pattern import Pattern
from rvae.reading import Reading
from rvae.sources import ARCHIVE_SUFFIX, read_clip

KIT_NAME = "kit.toml"


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_reading_arguments(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="a new folder for the clean clips")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(arguments: argparse.Namespace) -> int:
    grid, how = arguments.grid, arguments.quantise
    reading = replace(reading_of(arguments), ticks_per_beat=grid, quantise=how, on_time=arguments.on_time)
    corpus = corpus_of(arguments)
    folder = Path(arguments.output)
    files = export(corpus, folder, reading)
    changed = [file for file, same in files.items() if not same]
    if arguments.json:
        print_json({"folder": str(folder), "files": len(files), "patterns": len(corpus.patterns), "changed": changed})
        return 0
    print(f"{folder}: {len(files)} clips, {len(corpus.patterns)} patterns, {CARD_NAME}")  # noqa: T201  # the product
    if corpus.kit != STANDARD_KIT:
        print(f"read them with --kit {folder / KIT_NAME}")  # noqa: T201  # the product
    if changed:
        print(f"not read again as the same patterns: {', '.join(changed)}")  # noqa: T201  # the product
    return 0


EXPORT = Command("export", "the corpus as clean MIDI, as it was understood", _arguments, _run)


def export(corpus: Corpus, folder: Path, reading: Reading) -> dict[str, bool]:
    """Write a file for each clip of a corpus, with the card and the kit, into a folder that is new or empty.

    Each file is read again: the names of the files, by whether its patterns are the same. Raises UsageError where the
    folder has something in it, FileError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder}: has something in it already; name a new folder, so that nothing is lost")
    except OSError as error:
        raise FileError(f"{folder}: cannot be used ({error.strerror or error}); choose another") from None
    names = file_names(corpus.clips)
    same: dict[str, bool] = {}
    leans = {report.file: report.lean_ms for report in corpus.report.clips}
    for clip, name in names.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        patterns = [pattern for pattern in corpus.patterns if pattern.source == clip]
        source = with_beats(read_clip(clip), reading, _known(corpus, clip)).clip
        if reading.on_time:
            source = moved(source, -leans[clip])
        same[name] = _write(path, source, replace(reading, on_time=False), _known(corpus, clip), patterns)
    write_text(folder / CARD_NAME, _card(corpus, names))
    if corpus.kit != STANDARD_KIT:
        write_text(folder / KIT_NAME, corpus.kit.to_toml())
    return same


def file_names(clips: Sequence[str]) -> dict[str, str]:
    """For each file the name of its clean one: its place below the folder that all are in; none twice."""
    above = os.path.commonpath([os.path.dirname(os.path.abspath(clip)) for clip in clips])
    names: dict[str, str] = {}
    taken: set[str] = set()
    for clip in clips:
        parts = PurePath(os.path.relpath(os.path.abspath(clip), above)).with_suffix("").parts
        plain = PurePath(*(part.removesuffix(ARCHIVE_SUFFIX).removesuffix(SET_SUFFIX) or part for part in parts))
        ways = (f"{plain.as_posix()}{f'-{number}' if number > 1 else ''}.mid" for number in range(1, len(clips) + 1))
        names[clip] = next(way for way in ways if way.lower() not in taken)
        taken.add(names[clip].lower())
    return names


def _known(corpus: Corpus, clip: str) -> ClipCard:
    card = corpus.card_of.get(clip)
    return ClipCard() if card is None else card.of_clip(clip)


def _write(path: Path, clip: MidiClip, reading: Reading, card: ClipCard, patterns: Sequence[Pattern]) -> bool:
    """Write a clip clean; whether it is read again as the same patterns. Where that needs them, collisions go in."""
    said = {"people": card.people, "licence": card.licence, "consent": card.consent}
    for with_collisions in (False, True):
        clean = cleaned(clip, reading, card, with_collisions=with_collisions)
        write_clip(path, clean, name=path.stem, texts=card_texts(said))
        again, _ = cut(read_midi(path), str(path), reading)
        if len(again) == len(patterns) and all(map(Pattern.same_as, again, patterns)):
            return True
    return False


def _card(corpus: Corpus, names: dict[str, str]) -> str:
    """What holds of all clips, and a table for each of which something else does."""
    card, document = corpus.card, tomlkit.document()
    known = {name: _said(_known(corpus, clip)) for clip, name in names.items()}
    of_all: dict[str, object] = {"name": card.name, "description": card.description, "sources": list(card.sources)}
    if all(said["people"] for said in known.values()):
        of_all["people"] = list(card.people)
    for key in ("licence", "consent"):
        texts = [said[key] for said in known.values()]
        of_all[key] = texts[0] if all(text == texts[0] for text in texts) else ""
    for key, value in of_all.items():
        if value:
            document[key] = value
    clips = tomlkit.table(is_super_table=True)
    for name, said in known.items():
        table = tomlkit.table()
        for key, value in said.items():
            if value and value != of_all.get(key):
                table[key] = value
        if table:
            clips[name] = table
    if clips:
        document["clips"] = clips
    return tomlkit.dumps(document)


def _said(card: ClipCard) -> dict[str, object]:
    people, tags = list(card.people), list(card.tags)
    return {"people": people, "licence": card.licence, "consent": card.consent, "tags": tags}
