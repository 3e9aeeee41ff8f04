"""The command `forget`: consent withdrawn. The model is trained again without a person's clips, and proves it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePath

from rvae.arguments import Command, print_json
from rvae.card import CARD_NAME, plain_name
from rvae.carding import write_card
from rvae.copies import copies
from rvae.corpus import Corpus, cut_corpus, read_files
from rvae.counts import several
from rvae.errors import CorpusError, CreditsError, RvaeError, UsageError
from rvae.evaluation import evaluate
from rvae.learning import check_output
from rvae.measures import LATTICE, lattice
from rvae.meter import Meter
from rvae.model import Model, load
from rvae.progress import training_bar
from rvae.reading import Reading

FORGOTTEN = "forgotten"  # the key of the card


@dataclass(frozen=True, slots=True)
class Proof:
    """What a model still has of a person.

    `credit`: the most of any place of its planes, 0 to 1, or None where the model keeps no account; `clips`: how many
    of theirs; `texts`: where in its header the name stands, in words.
    """

    credit: float | None
    clips: int
    texts: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not self.credit and not self.clips and not self.texts


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", metavar="MODEL", help="a model file")
    add("paths", nargs="+", metavar="PATH", help="all clips that it was trained on: MIDI files, and folders of them")
    add("--person", required=True, metavar="NAME", help="whose clips are forgotten, by the card")
    add("--channel", type=int, metavar="N", help="as it was trained: MIDI channel of the drums")
    add("--meter", action="append", default=[], metavar="M", help="as it was trained: how a meter is felt")
    add("-o", "--output", metavar="MODEL", help="the new model file (default: in the place of the old one)")
    add("--json", action="store_true", help="print one JSON object")


def _run(arguments: argparse.Namespace) -> int:
    file, person = Path(arguments.model), arguments.person.strip()
    if not person:
        raise UsageError("--person needs a name; rvae inspect MODEL says who is in it")
    output = file if arguments.output is None else Path(arguments.output)
    model = load(file)
    check_output(output)
    files = read_files(arguments.paths)
    felt = tuple(map(Meter.parse, arguments.meter))
    corpus = cut_corpus(files, Reading(model.bars, model.kit, arguments.channel, groupings=felt))
    learned_from = {clip.source for clip in model.clips}
    # Who was named in the card, and said no there, only after the training.
    refused = [
        clip.file for clip in corpus.report.clips if clip.is_withheld and PurePath(clip.file).name in learned_from
    ]
    gone = [clip for clip in (*corpus.clips, *refused) if _names(corpus.makers_of(clip).people, person)]
    copied = [str(path) for path in copies(files.clips, lambda path, _: str(path) in gone)]
    learned, names = _without_person(model, corpus, [*gone, *copied], person)
    today = date.today().isoformat()
    _say(f"training again without {len(model.clips) - len(learned.patterns)} of {len(model.clips)} patterns")
    forgetful = _trained(model, learned)
    earlier = {FORGOTTEN: model.card[FORGOTTEN]} if FORGOTTEN in model.card else {}
    card = card_without({**forgetful.card, **earlier}, person, said=_line(len(names), today))
    forgetful = replace(forgetful, card=card)
    forgetful = replace(forgetful, figures=evaluate(forgetful, learned.patterns))
    found = proof(forgetful, person)
    if found.credit or found.clips:  # the learner has clips that are not theirs only
        raise CorpusError(f"{file}: the new model still has credit for {person}; nothing was written, report this")
    forgetful.save(output)
    marked = _mark(gone, today)
    _report(arguments, output, person, found, names, copied, learned, marked, today)
    return 0


FORGET = Command("forget", "consent withdrawn: train a model again without a person's clips", _arguments, _run)


def _names(people: Sequence[str], person: str) -> bool:
    return person.casefold() in (name.casefold() for name in people)


def _without_person(model: Model, corpus: Corpus, gone: Sequence[str], person: str) -> tuple[Corpus, tuple[str, ...]]:
    """What is left to learn, and the names of the files that go. Raises UsageError, CorpusError."""
    of_person = {PurePath(clip).name for clip in gone}
    strays = {clip.source for clip in model.clips if _names(clip.people, person)} - of_person
    if not of_person and not strays:
        makers = [clip.people for clip in model.clips] + [corpus.makers_of(clip).people for clip in corpus.clips]
        known = ", ".join(sorted({name for people in makers for name in people})) or "nobody"
        raise UsageError(f"--person {person}: nobody of that name is in the model or the cards; there are {known}")
    sources = {clip.source for clip in model.clips}
    # What its makers do not let be trained on any more is not read, and is no reason to stop.
    refused = {PurePath(clip.file).name for clip in corpus.report.clips if clip.is_withheld}
    missing = sorted(sources - of_person - strays - refused - {PurePath(clip).name for clip in corpus.clips})
    if missing:
        some = ", ".join(missing[:3])
        raise UsageError(
            f"{several(len(missing), 'clip')} of others not in the folders given ({some}); give all that it was "
            "trained on"
        )
    kept = [
        clip
        for clip in corpus.clips
        if clip not in gone and PurePath(clip).name in sources and PurePath(clip).name not in strays
    ]
    if not kept:
        raise CorpusError(f"all clips are {person}'s: nothing is left to learn from; delete the model")
    return corpus.of_clips(kept), tuple(sorted(of_person | strays))


def _trained(model: Model, corpus: Corpus) -> Model:
    """A model trained as the first one was."""
    from rvae.fitting import Recipe
    from rvae.training import PRESETS, train  # torch, only where training happens

    places = [len(space.plane.places) for space in model.spaces if space.plane is not None]
    recipe = Recipe(most_anchors=max(places)) if places else None  # as many places, where they were limited
    preset = model.preset if model.preset in PRESETS else PRESETS[0]
    with training_bar() as show:
        return train(corpus, seed=model.seed, preset=preset, recipe=recipe, on_progress=show)


def _line(files: int, today: str) -> str:
    return f"{today}: {several(files, 'clip')} of a contributor who withdrew consent, trained again without"


def card_without(card: Mapping[str, object], person: str, *, said: str) -> dict[str, object]:
    """A card as plain values without any text that names a person, and with a line that says what was forgotten."""
    left = {key: value for key, value in card.items() if key != FORGOTTEN}
    cleaned = {key: value for key, old in left.items() if (value := _cleaned(old, person)) is not None}
    before = card.get(FORGOTTEN, ())
    lines = [str(line) for line in before] if isinstance(before, list | tuple) else [str(before)]
    return {**cleaned, FORGOTTEN: [*lines, said]}


def _cleaned(value: object, person: str) -> object:
    """A plain value without the texts that name a person; None where it is such a text."""
    if isinstance(value, str):
        return None if _is_named(value, person) else value
    if isinstance(value, list | tuple):
        return [kept for part in value if (kept := _cleaned(part, person)) is not None]
    if isinstance(value, Mapping):
        return {key: kept for key, part in value.items() if (kept := _cleaned(part, person)) is not None}
    return value


def _is_named(text: str, person: str) -> bool:
    """Whether a text has the name, as words of their own: Ada is not in adagio."""
    at, folded, name = -1, text.casefold(), person.casefold()
    while (at := folded.find(name, at + 1)) >= 0:
        before, after = folded[at - 1 : at], folded[at + len(name) : at + len(name) + 1]
        if not before.isalnum() and not after.isalnum():
            return True
    return plain_name(text).casefold() == name


def proof(model: Model, person: str) -> Proof:
    """What a model has of a person: read from the model alone, on 30 x 30 places of each plane."""
    credit: float | None = 0.0
    for beats in model.beats:
        try:
            shares = model.credits(lattice(LATTICE), beats=beats).by_person()
        except CreditsError:
            credit = None
            break
        most = max((float(part.max()) for name, part in shares.items() if _names([name], person)), default=0.0)
        credit = max(credit or 0.0, most)
    texts = [f"the card's {key}" for key, value in model.card.items() if _is_named(json.dumps(value), person)]
    texts += [f"the clip {clip.source}" for clip in model.clips if _is_named(f"{clip.name} {clip.tags}", person)]
    return Proof(credit, sum(_names(clip.people, person) for clip in model.clips), tuple(texts))


def _mark(clips: Sequence[str], today: str) -> tuple[str, ...]:
    """Say in the cards that these clips may not be trained on; what could not be marked is told."""
    marked: list[str] = []
    for clip in clips:
        path = Path(clip).absolute()
        # The card that speaks for it: beside it, or in the nearest folder above.
        folder = next((above for above in path.parents if os.path.isfile(above / CARD_NAME)), path.parent)
        try:
            write_card(folder, {"consent": f"withdrawn on {today}"}, [path.relative_to(folder).as_posix()])
        except RvaeError as error:
            _say(f"{clip}: could not be marked as withdrawn ({error}); write it into the card by hand")
        else:
            marked.append(clip)
    return tuple(marked)


def _report(
    arguments: argparse.Namespace,
    output: Path,
    person: str,
    found: Proof,
    names: Sequence[str],
    copied: Sequence[str],
    learned: Corpus,
    marked: Sequence[str],
    today: str,
) -> None:
    if arguments.json:
        print_json(
            {
                "model": str(output),
                "person": person,
                "date": today,
                "clips_forgotten": list(names),
                "copies_forgotten": [PurePath(clip).name for clip in copied],
                "clips_left": len(learned.clips),
                "patterns_left": len(learned.patterns),
                "credit": found.credit,
                "clips_of_person": found.clips,
                "still_named_in": list(found.texts),
                "marked": list(marked),
            }
        )
        return
    credit = "keeps no account of credits" if found.credit is None else f"credit for {person} at any place: 0"
    lines = [
        f"{output}: trained again without {several(len(names), 'clip')}; {len(learned.clips)} left",
        f"proof, read from the new model: {several(found.clips, 'clip')} of {person}; {credit}; its card says when",
        f"marked as withdrawn, so that no training takes them again: {several(len(marked), 'clip')}",
        *(f"{PurePath(clip).name} went too: it has the onsets of one of theirs" for clip in copied),
        *(f"the name still stands in {text}" for text in found.texts),
    ]
    if output != Path(arguments.model):
        lines.append(f"{arguments.model} still has their clips: delete it, and every copy that was handed on")
    else:
        lines.append("copies of the old model that were handed on still have their clips: tell those who have one")
    print("\n".join(lines))  # noqa: T201  # the product


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # words go to standard error
