"""Musical time to seconds: pure arithmetic, exact as long as fractions go in.

Inside the code a tempo is always `qpm`, quarters per minute; felt beats per minute (`bpm`) live at the edges only.
"""

from __future__ import annotations

from fractions import Fraction

MIN_QPM = 10.0
MAX_QPM = 999.0


def quarters_to_s(quarters: Fraction, qpm: Fraction) -> Fraction:
    """Seconds that so many quarters last at `qpm` quarters per minute; exact."""
    return quarters * 60 / qpm


def s_to_quarters(seconds: Fraction, qpm: Fraction) -> Fraction:
    """Quarters that fit into so many seconds at `qpm` quarters per minute; exact."""
    return seconds * qpm / 60


def us_per_quarter_to_qpm(us_per_quarter: int) -> Fraction:
    """A MIDI tempo (microseconds per quarter) as quarters per minute; exact."""
    return Fraction(60_000_000, us_per_quarter)
