"""Writes docs/import-figures.md: how fast clips are read, whether every note is accounted for, and how often the meter
of a clip that says none is found.

    python docs/import_figures.py [FOLDER...]

Each FOLDER is a collection of clips; the bundled corpora come first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from math import log2
from pathlib import Path

import numpy as np
from fit_certainty import (
    AS_IT_IS,
    FOUR_BARS,
    KICK_AND_SNARE,
    STEADY,
    WANDERS,
    WAYS,
    Case,
    FreeTake,
    free_takes,
    left_out,
    meter_cases,
    tempo_case,
    tempo_cases,
)  # fmt: skip

from performance.bench.importing import MANY, account, inspected, meter_claims
from rvae.card import ClipCard
from rvae.corpus import Corpus, bundled_corpora, read_corpus
from rvae.cutting import with_beats
from rvae.errors import MidiFileError, RvaeError
from rvae.findings import find
from rvae.midi import TimeSignature, read_midi, write_clip
from rvae.reading import Reading

TIMES = 3

_HEAD = """# Figures of the import

Written by `python docs/import_figures.py`; do not edit by hand. The five bundled corpora come first, then collections
of other people's clips, which are not part of rvae.
"""


def main(folders: Sequence[Path]) -> None:
    """Measure and write the page."""
    sets = {**bundled_corpora(), **{folder.name: folder for folder in folders}}
    corpora = {name: read_corpus(folder) for name, folder in sets.items()}
    parts = [_HEAD, _accounts(corpora), _meters(sets), _labels(sets), _tempi(sets), _speed(sets)]
    parts.append(f"Measured {datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}.\n")
    (Path(__file__).parent / "import-figures.md").write_text("\n".join(parts), encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]) + "\n"


def _accounts(corpora: dict[str, Corpus]) -> str:
    """Every note of every set, and whether the set comes back the same."""
    rows = []
    for name, corpus in corpora.items():
        found = account(corpus)
        counts = [
            found[key] for key in ("files", "note_ons", "onsets", "collisions", "unmapped", "dropped", "unaccounted")
        ]
        rows.append((name, *counts, f"{found['same_again']} of {found['clips']}"))
    head = ("set", "files", "notes", "kept", "collisions", "unmapped", "dropped", "unaccounted", "same again")
    words = "`same again`: clips that `rvae export` writes as clean MIDI from which the same patterns are read.\n"
    return f"## Every note accounted for\n\n{words}\n{_table(head, rows)}"


def _meters(sets: dict[str, Path]) -> str:
    """Clips in one meter, with their time signatures taken away."""
    judged = left_out(meter_cases(sets))
    rows = []
    for name, folder in sets.items():
        found = meter_claims(folder)
        count = found["asked"]
        if count:
            elsewhere = [(case, sure) for case, sure in judged if case.set_name == name and case.way == AS_IT_IS]
            here = _claims(count, found["certain"], found["right"])
            rows.append((name, count, *here, *_claimed(elsewhere), f"{found['right_of_all'] / count:.1%}"))
    certain, right = "certain", "right of these"
    head = ("set", "clips in one meter", certain, right, "left out: certain", "right of these", "right of all")
    ways = []
    for way in WAYS:
        heard = [(case, sure) for case, sure in judged if case.way == way]
        own = [[pair for pair in heard if pair[0].set_name == name] for name in ("timelines", "drumset-patterns")]
        parts = [value for pairs in own for value in _claimed(pairs)]
        ways.append((way, len(heard), *_claimed(heard), *parts))
    ways_head = ("heard", "clips", certain, right, "of timelines", right, "of drumset-patterns", right)
    words = (
        "The time signatures are taken away, and the meter is estimated from the music. Where it is not certain, rvae\n"
        "reads 4/4, as MIDI has it, and asks. What is weighed was set by judgement, while looking at these sets. How\n"
        "sure one can be of it was fitted: six numbers, by `docs/fit_certainty.py`, to these sets in all the ways of\n"
        "the second table; from 90 % on one goes by it. `left out`: the same with the six numbers fitted to the other\n"
        "sets alone. On other clips expect that.\n"
    )
    less = (
        "The same clips, heard in ways that leave less to hear, each set left out of what is fitted for it. `begins\n"
        "with an upbeat`: four bars or more, a beat later. `ends with its last onset` and later: the end of the file\n"
        "tells nothing of its bars. 16 of the timelines are single cycles longer than any meter that is weighed.\n"
    )
    title = "## Meters that the file does not say"
    return f"{title}\n\n{words}\n{_table(head, rows)}\n{less}\n{_table(ways_head, ways)}"


def _claimed(judged: Sequence[tuple[Case, bool]]) -> tuple[str, str]:
    return _claims(len(judged), sum(sure for _, sure in judged), sum(sure and case.is_right for case, sure in judged))


def _claims(count: int, certain: int, right: int) -> tuple[str, str]:
    """So many of `count` certain, so many of these right, with their shares."""
    share = f"{certain / count:.0%}" if count else "none"
    return f"{certain} ({share})", f"{right} ({right / certain:.1%})" if certain else "0"


_TRIPLETS = "in triplets"


def _labels(sets: dict[str, Path]) -> str:
    """Clips with another time signature than their own: how often that is doubted."""
    rows = []
    for of, given, times in (
        ("4/4", "4/4", 1), ("3/4", "3/4", 1), ("6/8 12/8", "as it is", 1), ("5/4 5/8 7/4 7/8", "as it is", 1),
        ("12/8", f"4/4 {_TRIPLETS}", Fraction(2, 3)), ("6/8", f"2/4 {_TRIPLETS}", Fraction(2, 3)),
        ("12/8", "3/4 in sixteenths", Fraction(1, 2)), ("3/4", "4/4", 1), ("5/4 5/8 7/4 7/8", "4/4", 1),
        ("4/4", "6/8", 1), ("5/8 7/8", "6/8", 1), ("3/4", "6/8", 1), ("6/8", "3/4", 1), ("4/4", "3/4", 1),
    ):  # fmt: skip
        for name, folder in sets.items():
            count, doubted, right = _doubted(folder, of.split(), given, Fraction(times))
            if count:
                rows.append((of, given, name, count, f"{doubted} ({doubted / count:.0%})", right))
    head = ("in truth", "given as", "set", "clips", "doubted", "and the truth proposed")
    words = (
        "Clips of at least 12 onsets in one meter, with their own time signature and with others; `in triplets` and\n"
        "`in sixteenths` with their notes moved as such a file has them. A doubt changes nothing: it is shown. With\n"
        "their own, clips are doubted that are ternary inside (shuffles, jazz waltzes, triplets in four), no others.\n"
    )
    return f"## Labels that the music contradicts\n\n{words}\n{_table(head, rows)}"


def _doubted(folder: Path, of: Sequence[str], given: str, times: Fraction) -> tuple[int, int, int]:
    """Clips in one of the meters `of`; how many are doubted when written as `given`; how many proposals are true."""
    written: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as place:
        for file in sorted(folder.glob("*.mid")):
            try:
                clip = read_midi(file)
            except MidiFileError:
                continue
            said = {f"{sign.numerator}/{sign.denominator}" for sign in clip.signatures}
            ppq = clip.ppq * times.denominator
            if len(said) != 1 or not said <= set(of) or len(clip.notes) < 12 or ppq > 32_767:
                continue
            own = next(iter(said)) if given == "as it is" else given.split()[0]
            numerator, denominator = map(int, own.split("/"))
            notes = clip.notes.copy()
            notes[:, 0] *= times.numerator
            end, signatures = clip.end * times.numerator, (TimeSignature(0, numerator, denominator),)
            other = replace(clip, ppq=ppq, notes=notes, end=end, signatures=signatures, texts=())
            write_clip(Path(place) / file.name, other)
            written[file.name] = {"12/16"} if given.endswith("sixteenths") else said
        if not written:
            return 0, 0, 0
        doubts = find(read_corpus(place)).doubts
    right = sum(doubt.proposed.label.split("(")[0] in written[Path(doubt.file).name] for doubt in doubts)
    return len(written), len(doubts), right


def _tempi(sets: dict[str, Path]) -> str:
    """Clips in one meter and tempo, played at another and with no tempo said."""
    heard = {
        (name, way): [_free_figures(name, way, take) for take in free_takes(folder, way)]
        for name, folder in sets.items()
        for way in (STEADY, WANDERS)
    }
    whole = [take.case for takes in heard.values() for take in takes if take.case is not None]
    judged = left_out([*whole, *tempo_cases(sets, (FOUR_BARS, KICK_AND_SNARE))])
    rows = []
    for (name, way), takes in heard.items():
        free = [take for take in takes if take.case is not None]
        certain = [take for take in free if take.is_certain]
        right = [take for take in certain if take.is_right]
        if not free:
            continue
        elsewhere = [(case, sure) for case, sure in judged if (case.set_name, case.way) == (name, way)]
        near = f"{sum(take.near for take in right) / len(right):.1%}" if right else "none"
        named = sum(take.is_named for take in free if not take.is_certain)
        counts = (len(takes), len(free), *_claims(len(free), len(certain), len(right)), *_claimed(elsewhere))
        barlines = sum(take.is_barline for take in right)
        rows.append((name, way, *counts, f"{named} of {len(free) - len(certain)}", barlines, near))
    head = (
        "set", "tempo", "takes", "played freely", "certain", "right of these", "left out: certain", "right of these",
        "named in the question", "barline right", "onsets within a tick",
    )  # fmt: skip
    words = (
        "Clips of at least 16 onsets in one meter, every second or third of larger sets, are played slower or\n"
        "faster, by up to a quarter, and the tempo and the time signature taken away; programmed clips are given a\n"
        "player's scatter, 8 ms. `wanders`: the tempo takes a step of half a percent, up or down, with every beat,\n"
        "and may leave the first by a tenth. `played freely`: taken as such; the others share a grid with 120.\n"
        "`right`: within 4 %. `named in the question`: where it is not certain, the true tempo is one of the two\n"
        "that are asked for. `barline right` and `onsets within a tick`, a 24th of a beat, of where they are with\n"
        "the tempo known: of those that are right. Four weights, the four thresholds of `played freely` and what\n"
        "is listened to for the certainty were set while looking at these sets. The certainty was fitted, five\n"
        "numbers, by `docs/fit_certainty.py`, to these takes, their first four bars, and kick and snare alone.\n"
        "`left out`: as above; on other clips expect that.\n"
    )
    return f"## Tempi that the file does not say\n\n{words}\n{_table(head, rows)}"


@dataclass(frozen=True)
class _Free:
    """A take without its tempo. `case`: None where it is not taken as free; what else is right of those that are.

    `is_named`: the tempo is one of the two that are asked for; `near`: share of onsets within a tick of where they are.
    """

    case: Case | None = None
    is_certain: bool = False
    is_named: bool = False
    is_barline: bool = False
    near: float = 0.0

    @property
    def is_right(self) -> bool:
        return self.case is not None and self.case.is_right


def _free_figures(name: str, way: str, take: FreeTake) -> _Free:
    """One take."""
    found = with_beats(take.clip, Reading(), ClipCard())
    if found.estimate is None:
        return _Free()
    case, other = tempo_case(name, way, found.estimate, take.bpm), found.estimate.other_bpm
    is_named = case.is_right or (other is not None and abs(log2(other / take.bpm)) < log2(1.04))
    if not found.estimate.is_certain:
        return _Free(case, is_named=is_named)
    off = found.clip.notes[:, 0] / found.clip.ppq - take.beats
    middle = float(np.median(off))
    is_barline = round(middle) % take.meter.beats == 0
    return _Free(case, True, is_named, is_barline, float(np.mean(np.abs(off - middle) <= 1 / 24)))


def _speed(sets: dict[str, Path]) -> str:
    """The command `rvae inspect`, with all that it does."""
    rows = []
    for name, folder in sets.items():
        if name == "groove-midi":
            files = sorted(folder.glob("*.mid"))
            rows.append(_timed(name, files, len(files)))
            rows.append(_timed(f"{MANY:,} files, {name} again and again", files, MANY))
    every = [file for folder in sets.values() for file in sorted(folder.glob("*.mid"))]
    rows.append(_timed(f"{MANY:,} files, the sets in turn", every, MANY))
    head = ("set", "files", "seconds", "files a second", "of the processor", "programs that wanted it")
    words = (
        "`rvae inspect --json` from the command to its end: Python's start, reading, cutting, looking for doubts and\n"
        "twins, printing. `of the processor`: its seconds, however long they took to come. This machine has\n"
        f"{os.cpu_count()} processors; `programs that wanted it`: on average in the minute before. The middle one of\n"
        f"{TIMES} runs each, by the processor's seconds.\n"
    )
    return f"## Speed\n\n{words}\n{_table(head, rows)}"


def _timed(name: str, files: Sequence[Path], count: int) -> tuple[object, ...]:
    runs = sorted((_run(files, count) for _ in range(TIMES)), key=lambda run: run["processor_s"])
    found = runs[TIMES // 2]
    return name, *(found[key] for key in ("files", "seconds", "files_per_s", "processor_s")), f"{found['load']:.1f}"


def _run(files: Sequence[Path], count: int) -> dict[str, float]:
    load = os.getloadavg()[0]
    return {**inspected(files, count), "load": load}


if __name__ == "__main__":
    try:
        main([Path(argument) for argument in sys.argv[1:]])
    except RvaeError as error:
        sys.exit(f"import_figures: {error}")
