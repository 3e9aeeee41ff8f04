"""Patterns, meters and hypothesis strategies for the tests of the performance."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

METERS = [
    Meter.parse(name)
    for name in (
        "4/4",
        "3/4",
        "6/8",
        "12/8",
        "9/8",
        "7/8(2+2+3)",
        "7/8(3+2+2)",
        "5/8",
        "2/2",
        "1/4",
        "9/8(2+2+2+3)",
        "15/16",
    )
]
meters = st.sampled_from(METERS)


def pattern_of(seed: int, meter: Meter, *, bars: int = 2, share: float = 0.06, microtiming: bool = True) -> Pattern:
    """A pattern of random onsets, crowded at the barlines where the changes are."""
    random = np.random.default_rng(seed)
    shape = (len(STANDARD_KIT), bars * meter.bar_ticks)
    onset = random.random(shape) < share
    onset[: seed % 4, :: meter.bar_ticks] = True
    velocity = random.uniform(0.01, 1, shape)
    off = random.uniform(-3, 3, shape) if microtiming else np.zeros(shape)
    return Pattern.of_arrays(
        onset.astype(np.int8), velocity.astype(np.float32), off.astype(np.float32), meter, bars=bars
    )


@st.composite
def patterns(draw: st.DrawFn, meter: st.SearchStrategy[Meter] = meters) -> Pattern:
    return pattern_of(draw(st.integers(0, 1000)), draw(meter), bars=draw(st.sampled_from([1, 2, 4])))


spans = st.fractions(Fraction(1, 24), Fraction(2), max_denominator=100)


def beat_of(meter: Meter, kick_ticks: list[int], *, bars: int = 1, velocity: float = 100 / 127) -> Pattern:
    """A pattern with one kick at each of the ticks."""
    onset = np.zeros((len(STANDARD_KIT), bars * meter.bar_ticks), np.int8)
    onset[0, kick_ticks] = 1
    return Pattern.of_arrays(
        onset, onset.astype(np.float32) * velocity, np.zeros(onset.shape, np.float32), meter, bars=bars
    )
