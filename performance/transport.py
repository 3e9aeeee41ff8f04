"""Transport: where the music is at a time, and when a place in the music is; exact.

Quarters since the start, as fractions, are the common currency. `Bars` maps them to bars and ticks under meter changes;
`Transport` maps them to nanoseconds under tempo changes. Both are values anchored at their last change, so nothing
adds up and nothing drifts: only `ns_at` rounds, once, to a whole nanosecond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

from performance.clock import NS_PER_S
from rvae.errors import MeterError, UsageError
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.time import MAX_QPM, MIN_QPM

_NS_PER_MINUTE = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the music: `bar` counted from 0, `ticks` from its barline (a fraction), and the bar's meter."""

    bar: int
    ticks: Fraction
    meter: Meter

    @property
    def beat(self) -> int:
        """The felt beat of the bar, from 0."""
        return int(self.ticks // TICKS_PER_BEAT)


@dataclass(frozen=True, slots=True)
class Barline:
    """From bar `bar` (counted from 0), which begins at `quarters`, the meter is `meter`."""

    bar: int
    quarters: Fraction
    meter: Meter


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a performance: quarters to bars and ticks and back. `changes`: the meters in order, the first in
    force before its own bar too. Build one with `Bars.of`.
    """

    changes: tuple[Barline, ...]

    def __post_init__(self) -> None:
        if not self.changes or any(a.bar >= b.bar for a, b in zip(self.changes, self.changes[1:], strict=False)):
            raise MeterError("the meters of a performance must stand in the order of their bars; mend the changes")

    @classmethod
    def of(cls, meter: Meter) -> Self:
        """One meter from the start on."""
        return cls((Barline(0, Fraction(0), meter),))

    def in_force(self, bar: int) -> Barline:
        """The change that governs a bar."""
        return next((change for change in reversed(self.changes) if change.bar <= bar), self.changes[0])

    def quarters_at(self, bar: int, ticks: int | Fraction = 0) -> Fraction:
        """Quarters from the start to so many ticks after (or before) a barline, by the meter of that bar."""
        change = self.in_force(bar)
        return change.quarters + (bar - change.bar) * change.meter.bar_quarters + change.meter.quarters_at(ticks)

    def place_at(self, quarters: Fraction) -> Place:
        """The bar and ticks of a position."""
        change = next((c for c in reversed(self.changes) if c.quarters <= quarters), self.changes[0])
        bars, rest = divmod(quarters - change.quarters, change.meter.bar_quarters)
        return Place(change.bar + int(bars), change.meter.ticks_at(rest), change.meter)

    def first_tick_from(self, quarters: Fraction, step_ticks: int = 1) -> tuple[int, int]:
        """The first (bar, tick) at or after a position whose tick is a multiple of `step_ticks`, or a barline."""
        place = self.place_at(quarters)
        tick = math.ceil(place.ticks / step_ticks) * step_ticks
        return (place.bar, tick) if tick < place.meter.bar_ticks else (place.bar + 1, 0)

    def first_bar_from(self, quarters: Fraction) -> int:
        """The first bar whose barline is at or after a position."""
        place = self.place_at(quarters)
        return place.bar if place.ticks == 0 else place.bar + 1

    def with_meter(self, meter: Meter, bar: int) -> Bars:
        """The same bars up to `bar`, and another meter from there on. Later changes fall away."""
        kept = tuple(change for change in self.changes if change.bar < bar)
        before = replace(self, changes=kept) if kept else None
        if before is not None and kept[-1].meter == meter:
            return before
        quarters = before.quarters_at(bar) if before is not None else self.quarters_at(bar)
        return Bars((*kept, Barline(bar, quarters, meter)))

    def since(self, bar: int) -> Bars:
        """The same bars from `bar` on, without the changes that no longer matter."""
        first = self.in_force(bar)
        return Bars((first, *(change for change in self.changes if change.bar > first.bar)))


@dataclass(frozen=True, slots=True)
class Transport:
    """A performance that runs: at `anchor_ns` it is at `anchor_quarters` and goes on at `qpm` quarters a minute.

    Raises UsageError for a tempo outside 10 to 999.
    """

    anchor_ns: int
    anchor_quarters: Fraction
    qpm: Fraction
    bars: Bars

    def __post_init__(self) -> None:
        if not MIN_QPM <= self.qpm <= MAX_QPM:
            raise UsageError(
                f"tempo: {float(self.qpm):.4g} quarters a minute, {MIN_QPM:.0f} to {MAX_QPM:.0f} allowed; choose one"
            )

    def quarters_at(self, now_ns: int) -> Fraction:
        """Quarters from the start at a time."""
        return self.anchor_quarters + Fraction(now_ns - self.anchor_ns) * self.qpm / _NS_PER_MINUTE

    def ns_at(self, quarters: Fraction) -> int:
        """The time of a position, to the nearest nanosecond."""
        return self.anchor_ns + round((quarters - self.anchor_quarters) * _NS_PER_MINUTE / self.qpm)

    def place_at(self, now_ns: int) -> Place:
        """The bar and ticks at a time."""
        return self.bars.place_at(self.quarters_at(now_ns))

    def with_qpm(self, qpm: Fraction, quarters: Fraction) -> Transport:
        """Another tempo from a position on, which keeps its time (to half a nanosecond, which is all a change
        costs).
        """
        if qpm == self.qpm:
            return self
        return replace(self, anchor_ns=self.ns_at(quarters), anchor_quarters=quarters, qpm=qpm)

    def with_bars(self, bars: Bars) -> Transport:
        """The same tempo over other bars."""
        return replace(self, bars=bars)

    def delayed(self, length_ns: int) -> Transport:
        """The same music, so much later: it waited."""
        return replace(self, anchor_ns=self.anchor_ns + length_ns)
