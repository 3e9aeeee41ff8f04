"""The bars of a stretch with the onsets that stand in them, and the patterns they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, lcm

import numpy as np
import numpy.typing as npt

from rvae.counts import several
from rvae.pattern import MAX_MIDI_VELOCITY, Pattern
from rvae.reading import Reading
from rvae.stretches import Stretch

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
_PLACES_TOLD = 3


def _no_ints() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(eq=False)
class Bars:
    """A stretch with its bars and N onsets in them, at most one for a tick and a row.

    `number`: of its first bar in the file, from 1; None after bars that were refused. `count`: its bars. `ticks`,
    `rows`, `velocities` (1..127): int64 `[N]`; `microtiming`: float64 `[N]`. The ticks are those of the grid asked for.
    """

    stretch: Stretch
    number: int | None
    count: int = 0
    ticks: Ints = field(default_factory=_no_ints)
    rows: Ints = field(default_factory=_no_ints)
    velocities: Ints = field(default_factory=_no_ints)
    microtiming: Reals = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def after(cls, before: Bars | None, stretch: Stretch) -> Bars:
        """A stretch without notes yet, after another or at the beginning."""
        if before is None:
            return cls(stretch, 1 if stretch.start == 0 else None)
        end = before.stretch.end
        if before.number is None or end is None or end != stretch.start:
            return cls(stretch, None)
        return cls(stretch, before.number + ceil(before.stretch.bars_to(end)))

    @property
    def onsets(self) -> int:
        """N."""
        return len(self.ticks)

    def has(self, tick: int, row: int) -> bool:
        """Whether an onset stands there."""
        return bool(np.any((self.ticks == tick) & (self.rows == row)))

    def put(self, tick: int, row: int, velocity: int, microtiming: float) -> None:
        """One more onset; where one stands already, the louder stays."""
        there = np.flatnonzero((self.ticks == tick) & (self.rows == row))
        if len(there) and self.velocities[there[0]] >= velocity:
            return
        rest = np.setdiff1d(np.arange(self.onsets), there)
        self.ticks = np.append(self.ticks[rest], tick)
        self.rows = np.append(self.rows[rest], row)
        self.velocities = np.append(self.velocities[rest], velocity)
        self.microtiming = np.append(self.microtiming[rest], microtiming)

    def cycles(self, reading: Reading) -> Ints:
        """The cycles that have onsets, from 0."""
        return np.unique(self.ticks // self._cycle_ticks(reading))

    def _cycle_ticks(self, reading: Reading) -> int:
        return reading.bars * self.stretch.meter.beats * reading.ticks_per_beat

    def patterns(self, reading: Reading, source: str, qpm: Callable[[int], float]) -> list[Pattern]:
        """The stretch as cycles: the last is completed with its own first bars, silent ones are passed over.

        `qpm`: the tempo in force at a pulse.
        """
        stretch, length = self.stretch, self._cycle_ticks(reading)
        cycles, ticks = np.divmod(self.ticks, length)
        which = np.arange(self.onsets)
        whole, left = divmod(self.count, reading.bars)
        if left:  # the last one is filled with its own bars again and again
            every = length // reading.bars * left
            last, times = np.flatnonzero(cycles == whole), np.arange(1, ceil(length / every))
            again = np.tile(last, len(times))
            later = ticks[again] + np.repeat(times * every, len(last))
            which = np.append(which, again[later < length])
            ticks = np.append(ticks, later[later < length])
        velocity = self.velocities[which] / MAX_MIDI_VELOCITY
        start, bar_pulses = stretch.start, stretch.bar_pulses
        scale = lcm(start.denominator, bar_pulses.denominator)
        first, each = int(start * scale), int(bar_pulses * scale)  # whole numbers: there are thousands of bars
        return Pattern.cycles_of(
            cycles[which],
            (self.rows[which], ticks, velocity.astype(np.float32), self.microtiming[which]),
            stretch.meter,
            reading.bars,
            reading.kit,
            source=source,
            qpm=lambda bar: qpm((first + bar * each) // scale),
            first_bar=0 if self.number is None else self.number - 1,
            ticks_per_beat=reading.ticks_per_beat,
        )

    def words(self, reading: Reading) -> list[tuple[str, str]]:
        """What is done to fill the cycles: where, and what."""
        stretch, cycle_bars = self.stretch, reading.bars
        whole = stretch.end is None and stretch.start == 0
        start = f"quarter {stretch.start_quarter:g}" if self.number is None else f"bar {self.number}"
        where = "the clip" if whole else f"{stretch.meter} from {start}"
        silent, left = ceil(self.count / cycle_bars) - len(self.cycles(reading)), self.count % cycle_bars
        said = [(where, f"{several(silent, 'silent pattern')} passed over")] if silent else []
        own = "completed with its own first bars"
        if left and self.count < cycle_bars:
            how = own if cycle_bars % left else f"tiled to {cycle_bars} bars"
            said.append((where, f"{several(left, 'bar')}, {how}"))
        elif left:
            said.append((where, f"the last pattern has {left} of {cycle_bars} bars: {own}"))
        return said


def told(said: Iterable[tuple[str, str]]) -> list[str]:
    """What is done at the places of a clip, each thing once: a song may change its meter with every bar."""
    places: dict[str, list[str]] = {}
    for where, what in said:
        places.setdefault(what, []).append(where)
    return [f"{_listed(where)}: {what}" for what, where in places.items()]


def _listed(places: Sequence[str]) -> str:
    more = f" and {len(places) - _PLACES_TOLD} more" if len(places) > _PLACES_TOLD else ""
    return ", ".join(places[:_PLACES_TOLD]) + more + (", each" if len(places) > 1 else "")


def bars_of(stretch: Stretch, clip_end: int, last_beat: int, cycle_bars: int) -> int:
    """The bars of a stretch: to its last onset, and silent ones after it only as far as they fill a cycle.

    `clip_end` in pulses; `last_beat`: the felt beat of its last onset, from its start.
    """
    sounding_bars = last_beat // stretch.meter.beats + 1
    whole_bars = floor(stretch.bars_to(clip_end if stretch.end is None else stretch.end))
    return max(sounding_bars, min(whole_bars, ceil(sounding_bars / cycle_bars) * cycle_bars))
