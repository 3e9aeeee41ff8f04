"""What an audit looks at: a corpus as it is learned, and every drum note of its files as it was, before any grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from math import ceil
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt

from rvae.bars import bars_of
from rvae.card import NOBODY, ClipCard
from rvae.corpus import Corpus, cut_corpus, read_files
from rvae.cutting import LOOP_BARS, with_beats
from rvae.grid import quantise
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.midi import DEFAULT_US_PER_QUARTER, MidiClip
from rvae.reading import Reading, drum_channel, rows_of
from rvae.stretches import Stretch, find_stretches, positions

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Clip:
    """One file: where it is, whose it is (at least one name), what it is called, and the pulses of a quarter in it."""

    file: str
    people: tuple[str, ...]
    tags: tuple[str, ...]
    ppq: int

    @property
    def name(self) -> str:
        return PurePath(self.file).name


@dataclass(frozen=True, eq=False)
class Notes:
    """Every note-on of the drums in bars that the grid can hold: N of them, by file and time; nothing is quantised.

    int64 `[N]`: `clip`: its place in `Material.clips`; `run`: in `Material.runs`; `beat`: felt beats from the start of
    the run; `pitch` 0..127; `row` of the kit, or -1 where no voice reads the pitch; `velocity` 1..127; `tick`: the one
    that rvae takes it to mean, in 1/24 beat from the start of the run, and `division`: into how many it takes its beat
    to be divided, both -1 where the row is. float64 `[N]`: `place` in the beat, 0 to below 24, in 1/24 beat; `tick_ms`:
    how long 1/24 beat lasts there; `quarter`: quarters from the start of the run.
    """

    clip: Ints
    run: Ints
    beat: Ints
    pitch: Ints
    row: Ints
    velocity: Ints
    tick: Ints
    division: Ints
    place: Reals
    tick_ms: Reals
    quarter: Reals

    def __len__(self) -> int:
        return len(self.clip)

    def where(self, chosen: npt.NDArray[np.bool_] | Ints) -> Notes:
        """Some of them, by flags or by places."""
        return Notes(*(getattr(self, each.name)[chosen] for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Run:
    """Bars of one meter, one after the other, in one file.

    `qpm`: the tempo of its onsets, on average. `loop_beats`: where it goes round, its felt beats.
    """

    clip: int
    meter: Meter
    bars: int
    qpm: float
    loop_beats: int | None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.bars * float(self.meter.bar_quarters) * 60 / self.qpm


@dataclass(frozen=True)
class Material:
    """A corpus with the notes of its files."""

    corpus: Corpus
    clips: tuple[Clip, ...]
    runs: tuple[Run, ...]
    notes: Notes

    @cached_property
    def meters(self) -> tuple[Meter, ...]:
        """The meters of the runs, each once, the one with most bars first."""
        bars: Counter[Meter] = Counter()
        for run in self.runs:
            bars[run.meter] += run.bars
        return tuple(meter for meter, _ in bars.most_common())

    @cached_property
    def contributors(self) -> tuple[str, ...]:
        """Everybody named, each once, in order of the clips."""
        return tuple(dict.fromkeys(person for clip in self.clips for person in clip.people))

    @cached_property
    def seconds(self) -> Reals:
        """How long each run lasts: `[runs]`."""
        return np.array([run.seconds for run in self.runs])

    def by_clip(self, weights: Reals, chosen: Flags | None = None) -> Reals:
        """Sums over the runs of each clip, or over some of them. `weights`: `[runs]`; the sums `[clips]`."""
        clips = np.array([run.clip for run in self.runs])
        kept = weights if chosen is None else np.where(chosen, weights, 0.0)
        return np.bincount(clips, weights=kept, minlength=len(self.clips)).astype(np.float64)

    def onsets_by_clip(self, chosen: Flags | None = None) -> Reals:
        """How many onsets each clip has, or how many of those chosen of all notes: `[clips]`."""
        clip = self.notes.clip if chosen is None else self.notes.clip[chosen]
        return np.bincount(clip, minlength=len(self.clips)).astype(np.float64)


def read_material(paths: Iterable[str | Path], reading: Reading) -> Material:
    """Read a corpus and its notes. Raises RvaeError as `read_corpus` does."""
    files = read_files(paths)
    corpus = cut_corpus(files, reading)
    clips: list[Clip] = []
    gatherer = _Gatherer(reading)
    for (path, midi, card), report in zip(files.clips, corpus.report.clips, strict=True):
        known = ClipCard() if card is None else card.of_clip(path)
        if report.is_withheld:
            continue
        warped = with_beats(midi, reading, known)
        if not warped.is_readable:
            continue
        makers = corpus.makers_of(str(path))
        clips.append(Clip(str(path), _named(makers.people, str(path)), makers.tags, midi.ppq))
        gatherer.add(len(clips) - 1, warped.clip, known)
    return Material(corpus, tuple(clips), tuple(gatherer.runs), gatherer.notes())


def _named(people: Sequence[str], file: str) -> tuple[str, ...]:
    """Who is not named is told apart by folder at least."""
    return tuple(f"{NOBODY} ({Path(file).parent.name})" if person == NOBODY else person for person in people)


class _Gatherer:
    """Puts the notes of clips together."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.runs: list[Run] = []
        self.parts: list[Notes] = []
        self.row_of = rows_of(reading.kit)

    def add(self, number: int, midi: MidiClip, card: ClipCard) -> None:
        """Take the drum notes of a file."""
        channel = drum_channel(midi, self.reading)
        notes = midi.notes if channel is None else midi.notes[midi.notes[:, 1] == channel]
        stretches = find_stretches(midi, self.reading.groupings, card, self.reading.kit).found
        for stretch in stretches:
            last = np.iinfo(np.int64).max if stretch.end is None else stretch.end
            inside = notes[(notes[:, 0] >= ceil(stretch.start)) & (notes[:, 0] < last)]
            if len(inside):
                self._add(number, midi, stretch, inside, may_loop=len(stretches) == 1 and stretch.end is None)

    def _add(self, number: int, midi: MidiClip, stretch: Stretch, inside: Ints, *, may_loop: bool) -> None:
        meter, pulses = stretch.meter, inside[:, 0]
        beats, places = positions(pulses, stretch)
        rows, velocities = self.row_of[inside[:, 2]], inside[:, 3]
        bars = bars_of(stretch, midi.end, int(beats.max()), self.reading.bars)
        tempos = np.array([DEFAULT_US_PER_QUARTER, *(tempo for _, tempo in midi.tempos)])
        us_per_quarter = tempos[np.searchsorted([pulse for pulse, _ in midi.tempos], pulses, side="right")]
        loop_beats = bars * meter.beats if may_loop and bars <= LOOP_BARS else None
        run = Run(number, meter, bars, 60e6 / float(us_per_quarter.mean()), loop_beats)
        beat_quarters = np.array([float(beat / 2) for beat in meter.beat_eighths])[beats % meter.beats]
        tick_ms = us_per_quarter / 1000 * beat_quarters / TICKS_PER_BEAT
        ticks, divisions = np.full(len(inside), -1), np.full(len(inside), -1)
        if (read := rows >= 0).any():
            found = quantise(
                beats[read], places[read], rows[read], velocities[read], meter,
                tick_ms=tick_ms[read], cycle_beats=run.loop_beats,
            )  # fmt: skip
            ticks[read], divisions[read] = found.ticks, found.division
        same = np.ones(len(inside), dtype=np.int64)
        quarters = (pulses - float(stretch.start)) / midi.ppq
        voices = (inside[:, 2], rows, velocities, ticks, divisions)
        self.parts.append(Notes(same * number, same * len(self.runs), beats, *voices, places, tick_ms, quarters))
        self.runs.append(run)

    def notes(self) -> Notes:
        """All of them: a corpus has at least one."""
        return Notes(*(np.concatenate([getattr(part, each.name) for part in self.parts]) for each in fields(Notes)))
