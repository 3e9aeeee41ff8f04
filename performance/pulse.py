"""MIDI clock as events: 24 pulses a quarter whatever the meter, start, stop, continue and song position; pure.

A quarter is a quarter in every meter: a bar of 6/8 has 72 pulses, one of 7/8 has 84. Which pulse a bar begins on
follows from the bars of the performance, not from the pulses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

PULSES_PER_QUARTER = 24
PULSES_PER_SIXTEENTH = 6  # the unit of MIDI's song position
MAX_SONG_POSITION = 0x3FFF
LEAD_NS = 2_000_000
"""How long before its first pulse a start is sent; MIDI asks for a millisecond at least."""


@dataclass(frozen=True, slots=True)
class ClockPulse:
    """One of 24 in a quarter."""

    quarters: Fraction


@dataclass(frozen=True, slots=True)
class ClockStart:
    """The next pulse is the first of the first bar."""

    quarters: Fraction


@dataclass(frozen=True, slots=True)
class ClockContinue:
    """The next pulse is the one at `quarters`, which is a whole number of sixteenths from the start."""

    quarters: Fraction

    @property
    def song_position(self) -> int:
        """Sixteenths from the start, as MIDI counts them; it ends at 16,383 and starts again there."""
        return int(self.quarters * 4) % (MAX_SONG_POSITION + 1)


@dataclass(frozen=True, slots=True)
class ClockStop:
    """The music ends here; pulses end with it."""

    quarters: Fraction


ClockEvent = ClockPulse | ClockStart | ClockContinue | ClockStop


def clock_start(position: Fraction) -> ClockStart | ClockContinue:
    """What opens a performance that begins at a position, in quarters: a song can be entered at a sixteenth only."""
    return ClockStart(position) if position <= 0 else ClockContinue(Fraction(math.ceil(position * 4), 4))


def clock_events(since: Fraction, to: Fraction, end: Fraction | None = None) -> list[ClockPulse | ClockStop]:
    """The pulses from `since` to below `to`, in quarters from the start, and the stop at `end` if that lies there."""
    limit = to if end is None else min(to, end)
    first, beyond = math.ceil(since * PULSES_PER_QUARTER), math.ceil(limit * PULSES_PER_QUARTER)
    events: list[ClockPulse | ClockStop] = [
        ClockPulse(Fraction(pulse, PULSES_PER_QUARTER)) for pulse in range(first, beyond)
    ]
    if end is not None and since <= end < to:
        events.append(ClockStop(end))
    return events
