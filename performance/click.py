"""The click: where it falls in the bars of a performance; pure.

Every felt beat has one, the barline's is another. Where the beats of a bar are not equal, as in 7/8(2+2+3), the parts
that they are counted in have one too, softer: so the groups are heard.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from performance.transport import Bars
from rvae.meter import TICKS_PER_BEAT, Meter

BAR, BEAT, PART = range(3)
"""Levels: a barline, a felt beat, a part of one."""


@dataclass(frozen=True, slots=True)
class Click:
    """A click at `quarters` from the start; `level`: BAR, BEAT or PART."""

    quarters: Fraction
    level: int


@cache
def clicks_of(meter: Meter) -> tuple[Click, ...]:
    """The clicks of one bar, from its barline."""
    part = Fraction(4, meter.denominator)
    found: list[Click] = []
    for beat, group in enumerate(meter.groups):
        start = meter.quarters_at(beat * TICKS_PER_BEAT)
        found.append(Click(start, BEAT if beat else BAR))
        if not meter.is_even:
            found += [Click(start + part * count, PART) for count in range(1, math.ceil(group))]
    return tuple(found)


def clicks(bars: Bars, since: Fraction, until: Fraction) -> Iterator[Click]:
    """The clicks from `since` to below `until`, in quarters; before the start the first meter holds."""
    bar = bars.place_at(since).bar
    while (barline := bars.quarters_at(bar)) < until:
        for click in clicks_of(bars.in_force(bar).meter):
            if since <= (at := barline + click.quarters) < until:
                yield Click(at, click.level)
        bar += 1
