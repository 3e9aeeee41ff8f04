"""Writes docs/import-figures.md: how fast clips are read, whether every note is accounted for, and how often the meter
of a clip that says none is found.

    python docs/import_figures.py [FOLDER...]

Each FOLDER is a collection of clips; the bundled corpora come first.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rvae.card import ClipCard
from rvae.corpus import Corpus, bundled_corpora, read_corpus
from rvae.cutting import Reading
from rvae.errors import MidiFileError, RvaeError
from rvae.exporting import export
from rvae.findings import find
from rvae.midi import read_midi
from rvae.stretches import find_stretches

_MANY = 1_000
_HEAD = """# Figures of the import

Written by `python docs/import_figures.py`; do not edit by hand. The five bundled corpora come first, then collections
of other people's clips, which are not part of rvae.
"""


def main(folders: Sequence[Path]) -> None:
    """Measure and write the page."""
    sets = {**bundled_corpora(), **{folder.name: folder for folder in folders}}
    corpora = {name: read_corpus(folder) for name, folder in sets.items()}
    parts = [_HEAD, _accounts(corpora), _meters(sets), _speed(sets)]
    parts.append(f"Measured {datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}.\n")
    (Path(__file__).parent / "import-figures.md").write_text("\n".join(parts), encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]) + "\n"


def _accounts(corpora: dict[str, Corpus]) -> str:
    """Every note of every set, and whether the set comes back the same."""
    rows = []
    for name, corpus in corpora.items():
        report = corpus.report
        unmapped, dropped = sum(report.unmapped.values()), sum(gone.onsets for gone in report.dropped)
        rest = report.note_ons - report.onsets - report.collisions - unmapped - dropped
        with tempfile.TemporaryDirectory() as folder:
            same = export(corpus, Path(folder) / "out", Reading())
        back = f"{sum(same.values())} of {len(same)}"
        counts = (report.files, report.note_ons, report.onsets, report.collisions, unmapped, dropped, rest)
        rows.append((name, *counts, back))
    head = ("set", "files", "notes", "kept", "collisions", "unmapped", "dropped", "unaccounted", "same again")
    words = "`same again`: clips that `rvae export` writes as clean MIDI from which the same patterns are read.\n"
    return f"## Every note accounted for\n\n{words}\n{_table(head, rows)}"


def _meters(sets: dict[str, Path]) -> str:
    """Clips in one meter, with their time signatures taken away."""
    rows = []
    for name, folder in sets.items():
        count = certain = right = right_of_all = 0
        for file in sorted(folder.glob("*.mid")):
            try:
                clip = read_midi(file)
            except MidiFileError:
                continue
            said = {sign[1:] for sign in clip.signatures}
            found = find_stretches(replace(clip, signatures=(), texts=()), (), ClipCard()).estimate
            if len(said) != 1 or found is None:
                continue
            is_right = (found.meter.numerator, found.meter.denominator) in said
            count, right_of_all = count + 1, right_of_all + is_right
            certain, right = certain + found.is_certain, right + (found.is_certain and is_right)
        if count:
            claims = f"{certain} ({certain / count:.0%})"
            rows.append(
                (name, count, claims, f"{right} ({right / max(certain, 1):.1%})", f"{right_of_all / count:.1%}")
            )
    head = ("set", "clips in one meter", "certain", "right of these", "right of all, certain or not")
    words = (
        "The time signatures are taken away, and the meter is estimated from the music. Where it is not certain, rvae\n"
        "reads 4/4, as MIDI has it, and asks. The weights of the estimate were set by judgement, before it was tried\n"
        "on any of these sets, and not changed after.\n"
    )
    return f"## Meters that the file does not say\n\n{words}\n{_table(head, rows)}"


def _speed(sets: dict[str, Path]) -> str:
    """Reading, cutting, and looking through."""
    rows = [_timed(name, folder) for name, folder in sets.items() if name == "groove-midi"]
    with tempfile.TemporaryDirectory() as place:
        files = [file for folder in sets.values() for file in sorted(folder.glob("*.mid"))]
        for number in range(_MANY):
            shutil.copy(files[number % len(files)], Path(place) / f"{number}.mid")
        rows.append(_timed(f"{_MANY:,} files, the sets in turn", Path(place)))
    head = ("set", "files", "notes", "seconds", "of the processor", "with findings")
    words = (
        "`rvae inspect` without printing; `of the processor` is what it would take with nothing else going on.\n"
        f"The load of the machine, which has {os.cpu_count()} processors, was {os.getloadavg()[0]:.0f}.\n"
    )
    return f"## Speed\n\n{words}\n{_table(head, rows)}"


def _timed(name: str, folder: Path) -> tuple[object, ...]:
    began, busy = time.monotonic(), time.process_time()
    corpus = read_corpus(folder)
    took, used = time.monotonic() - began, time.process_time() - busy
    find(corpus)
    every = time.process_time() - busy
    return name, corpus.report.files, corpus.report.note_ons, f"{took:.1f}", f"{used:.1f}", f"{every:.1f}"


if __name__ == "__main__":
    try:
        main([Path(argument) for argument in sys.argv[1:]])
    except RvaeError as error:
        sys.exit(f"import_figures: {error}")
