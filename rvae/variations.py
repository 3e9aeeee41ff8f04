"""Variations: thinner and partial versions of a pattern, so that a plane of very few clips has somewhere to go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rvae.pattern import Bits, Pattern

ENOUGH_PATTERNS = 5


def variations(patterns: Sequence[Pattern], wanted: int) -> list[tuple[Pattern, int]]:
    """Up to `wanted` patterns made of parts of the given ones, none silent, none twice, none equal to a given one.

    Each with the row of the pattern that it is a part of. In turn: the onsets on strong ticks, the loud half, each half
    of the voices that sound, everything but the strong ticks.
    """
    seen = {pattern.onset.tobytes() for pattern in patterns}
    made: list[tuple[Pattern, int]] = []
    for keep in (_strong, _loud, _lower_voices, _upper_voices, _weak):
        for row, pattern in enumerate(patterns):
            if len(made) == wanted:
                return made
            onset = (pattern.onset * keep(pattern)).astype(np.int8)
            if onset.any() and onset.tobytes() not in seen:
                seen.add(onset.tobytes())
                made.append((_with_onsets(pattern, onset), row))
    return made


def _with_onsets(pattern: Pattern, onset: Bits) -> Pattern:
    rest = {"bars": pattern.bars, "kit": pattern.kit, "source": pattern.source, "qpm": pattern.qpm}
    return Pattern.of_arrays(onset, pattern.velocity, pattern.microtiming, pattern.meter, **rest)


def _strong(pattern: Pattern) -> Bits:
    strong = np.array(pattern.meter.metric_weights()) >= 0.5
    return np.tile(strong, pattern.bars)[None, :].astype(np.int8)


def _weak(pattern: Pattern) -> Bits:
    return 1 - _strong(pattern)


def _loud(pattern: Pattern) -> Bits:
    at_onsets = pattern.velocity[pattern.onset == 1]
    loud: Bits = (pattern.velocity >= np.median(at_onsets)).astype(np.int8) if len(at_onsets) else pattern.onset
    return loud


def _upper_voices(pattern: Pattern) -> Bits:
    sounding = np.flatnonzero(pattern.onset.any(axis=1))
    keep = np.isin(np.arange(len(pattern.onset)), sounding[len(sounding) // 2 :])
    return keep[:, None].astype(np.int8)


def _lower_voices(pattern: Pattern) -> Bits:
    return 1 - _upper_voices(pattern)
