"""Clips as they are read: how fast, whether every note is accounted for and comes back, and how often the meter of one
that says none is found.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from performance.bench.instrument import RVAE, environment
from performance.bench.spread import Json, absent
from rvae.card import ClipCard
from rvae.corpus import Corpus, bundled_corpora, read_corpus
from rvae.errors import MidiFileError
from rvae.exporting import export
from rvae.midi import MidiClip, read_midi
from rvae.reading import Reading
from rvae.stretches import find_stretches

MANY = 1_000


def importing(*, files: int = MANY) -> Json:
    """The bundled corpora: inspected as so many files by the command `rvae inspect`, counted, asked for their meters.

    `seconds` from the command to its end, `processor_s` of it and of the system for it; `unaccounted`: notes of which
    no account says what became of them; `same_again` of `clips`: those read again as the same patterns after an export;
    `asked`, `certain`, `right`: clips without their time signature, those where the estimate is certain, those of them
    where it is right.
    """
    folders = bundled_corpora().values()
    clips = [file for folder in folders for file in sorted(folder.glob("*.mid"))]
    if not clips:
        return absent("the bundled corpora are not there; install rvae again")
    found = inspected(clips, files)
    counts = [account(read_corpus(folder)) for folder in folders]
    claims = [meter_claims(folder) for folder in folders]
    for key in ("note_ons", "unaccounted", "clips", "same_again"):
        found[key] = sum(count[key] for count in counts)
    for key in ("asked", "certain", "right"):
        found[key] = sum(claim[key] for claim in claims)
    return found


def inspected(clips: Sequence[Path], files: int) -> Json:
    """What `rvae inspect --json` takes for a folder of so many copies of clips, one after the other."""
    with tempfile.TemporaryDirectory() as place:
        for number in range(files):
            shutil.copy(clips[number % len(clips)], Path(place) / f"{number}.mid")
        words = [sys.executable, "-c", RVAE, "inspect", place, "--json"]
        begun_s, spent = time.perf_counter(), os.times()
        done = subprocess.run(words, capture_output=True, text=True, env=environment(), check=False)
        took_s, now = time.perf_counter() - begun_s, os.times()
    if done.returncode:
        return absent(done.stderr.strip())
    processor_s = now.children_user + now.children_system - spent.children_user - spent.children_system
    return {
        "files": json.loads(done.stdout)["files"],
        "seconds": round(took_s, 2),
        "files_per_s": round(files / took_s, 1),
        "processor_s": round(processor_s, 2),
    }


def account(corpus: Corpus) -> dict[str, int]:
    """What became of every note of a corpus, and how many of its clips come back the same when they are exported."""
    report = corpus.report
    unmapped, dropped = sum(report.unmapped.values()), sum(gone.onsets for gone in report.dropped)
    reading = Reading(corpus.bars, corpus.kit, ticks_per_beat=corpus.ticks_per_beat)
    with tempfile.TemporaryDirectory() as folder:
        same = export(corpus, Path(folder) / "out", reading)
    return {
        "files": report.files,
        "note_ons": report.note_ons,
        "onsets": report.onsets,
        "collisions": report.collisions,
        "unmapped": unmapped,
        "dropped": dropped,
        "unaccounted": report.note_ons - report.onsets - report.collisions - unmapped - dropped,
        "clips": len(same),
        "same_again": sum(same.values()),
    }


def meter_claims(folder: Path) -> dict[str, int]:
    """Clips in one meter, their time signature taken away: how many, how many certain, right of these and of all."""
    found = {"asked": 0, "certain": 0, "right": 0, "right_of_all": 0}
    for said, clip in _in_one_meter(sorted(folder.glob("*.mid"))):
        estimate = find_stretches(replace(clip, signatures=(), texts=()), (), ClipCard()).estimate
        if estimate is None:
            continue
        is_right = (estimate.meter.numerator, estimate.meter.denominator) == said
        found["asked"] += 1
        found["certain"] += estimate.is_certain
        found["right"] += estimate.is_certain and is_right
        found["right_of_all"] += is_right
    return found


def _in_one_meter(files: Iterable[Path]) -> Iterable[tuple[tuple[int, int], MidiClip]]:
    for file in files:
        try:
            clip = read_midi(file)
        except MidiFileError:
            continue
        said = {(sign.numerator, sign.denominator) for sign in clip.signatures}
        if len(said) == 1:
            yield said.pop(), clip
