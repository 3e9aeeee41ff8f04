"""The last bars that were played, kept while they go by, to be written as a clip."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from performance.journal import Applied, Entry, Went
from performance.sequencer import GATE_QUARTERS, BeatStart, Onset, Release
from performance.timeline import Begin, Tempo
from performance.transport import Barline
from rvae.errors import UsageError
from rvae.grid import pattern_to_onsets
from rvae.meter import Meter
from rvae.midi import DRUM_CHANNEL, WRITE_PPQ, MidiNote, write_midi
from rvae.pattern import Pattern

Value = TypeVar("Value")

MOST_BARS = 16
_MOST_ONSETS = 20_000


@dataclass(frozen=True, slots=True)
class Excerpt:
    """So many whole bars as they were played, to be written as a clip: times in quarters from their start.

    An onset that sounded before the barline it belongs to stands at the end: a clip is a loop.
    """

    bars: int
    notes: tuple[MidiNote, ...]
    tempos: tuple[tuple[Fraction, float], ...]
    meters: tuple[tuple[Fraction, Meter], ...]
    length_quarters: Fraction

    @classmethod
    def of_pattern(cls, pattern: Pattern, qpm: float) -> Excerpt:
        """A pattern as it is written, once through."""
        length = pattern.quarters
        notes = [
            MidiNote(
                _looped(pattern.meter.quarters_at(Fraction(onset.ticks)), length),
                GATE_QUARTERS,
                DRUM_CHANNEL,
                pattern.kit.voices[onset.voice].pitch_out,
                onset.velocity,
            )
            for onset in pattern_to_onsets(pattern)
        ]
        start = Fraction(0)
        return cls(pattern.bars, tuple(sorted(notes)), ((start, qpm),), ((start, pattern.meter),), length)

    def write(self, file: str | Path, *, name: str = "") -> None:
        """Write it as a MIDI file with its tempos and meters. Raises FileError."""
        write_midi(
            file,
            self.notes,
            tempos=self.tempos,
            meters=self.meters,
            length_quarters=self.length_quarters,
            name=name,
        )


class RecentBars:
    """A journal that remembers the last bars only."""

    def __init__(self) -> None:
        self._onsets: deque[tuple[Onset, list[Fraction]]] = deque(maxlen=_MOST_ONSETS)
        self._sounding: dict[int, list[Fraction]] = {}
        self._begin(Fraction(0), Fraction(120))

    def _begin(self, quarters: Fraction, qpm: Fraction) -> None:
        self._onsets.clear()
        self._sounding.clear()
        self._tempos = [(quarters, qpm)]
        self._barlines: dict[int, Fraction] = {}
        self._meters: list[tuple[Fraction, Meter]] = []

    def note(self, entry: Entry) -> None:
        """Remember what an entry says of notes, bars, meters and tempos."""
        match entry:
            case Applied(_, _, Begin(_, quarters, qpm)):
                self._begin(quarters, qpm)
            case Applied(_, _, Barline() as line):
                self._meters.append((line.quarters, line.meter))
            case Applied(position, _, Tempo(qpm)):
                self._tempos.append((position, qpm))
            case Went(BeatStart(quarters, bar, 0)):
                self._barlines[bar] = quarters
                self._forget(bar - MOST_BARS - 1)
            case Went(Onset() as onset):
                self._sounding[onset.pitch] = ends = [onset.quarters + GATE_QUARTERS]
                self._onsets.append((onset, ends))
            case Went(Release(quarters, _, pitch)) if pitch in self._sounding:
                self._sounding.pop(pitch)[0] = quarters

    def _forget(self, before: int) -> None:
        start = self._barlines.get(before)
        if start is None:
            return
        del self._barlines[before]
        while self._onsets and self._onsets[0][0].bar <= before:
            self._onsets.popleft()
        self._tempos = _since(self._tempos, start)
        self._meters = _since(self._meters, start)

    def last(self, bars: int) -> Excerpt:
        """The last whole bars, as many as are asked for or as there are. Raises UsageError where there is none."""
        numbers = sorted(self._barlines)
        whole = numbers[:-1][-bars:]
        if not 1 <= bars <= MOST_BARS or not whole:
            raise UsageError(
                f"export: no whole bar has been played yet; play on, then export 1 to {MOST_BARS} bars"
                if 1 <= bars <= MOST_BARS
                else f"export: {bars} bars; 1 to {MOST_BARS} are kept, choose among those"
            )
        start, end = self._barlines[whole[0]], self._barlines[numbers[-1]]
        notes = sorted(
            MidiNote(
                _looped(onset.quarters - start, end - start),
                max(ends[0] - onset.quarters, GATE_QUARTERS / 8),
                DRUM_CHANNEL,
                onset.pitch,
                onset.velocity,
            )
            for onset, ends in self._onsets
            if whole[0] <= onset.bar <= whole[-1]
        )
        return Excerpt(
            len(whole),
            tuple(notes),
            tuple((max(Fraction(0), at - start), float(qpm)) for at, qpm in _in_force(self._tempos, start, end)),
            tuple((max(Fraction(0), at - start), meter) for at, meter in _in_force(self._meters, start, end)),
            end - start,
        )


def _looped(quarters: Fraction, length: Fraction) -> Fraction:
    """A place within a loop, on the file's own grid, so that the end of it is its start."""
    return Fraction(round(quarters * WRITE_PPQ) % round(length * WRITE_PPQ), WRITE_PPQ)


def _since(changes: list[tuple[Fraction, Value]], start: Fraction) -> list[tuple[Fraction, Value]]:
    """The change that holds at `start`, and all that follow."""
    before = sum(1 for change in changes if change[0] <= start)
    return changes[max(0, before - 1) :]


def _in_force(changes: list[tuple[Fraction, Value]], start: Fraction, end: Fraction) -> list[tuple[Fraction, Value]]:
    """The change that holds at `start`, and those before `end`."""
    before = [change for change in changes if change[0] <= start]
    return [*before[-1:], *(change for change in changes if start < change[0] < end)]
