"""Near duplicates: patterns of one clip that are almost those of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rvae.measures import exact_f1
from rvae.pattern import Pattern

NEAR_F1 = 0.95
_ROWS = 1000  # patterns compared with all others at a time: what is held in memory


@dataclass(frozen=True, slots=True)
class Nearest:
    """The pattern of another group that is most like one: its place, -1 where there is none to compare with, and F1."""

    place: int
    onset_f1: float


def nearest_others(patterns: Sequence[Pattern], groups: Sequence[int]) -> list[Nearest]:
    """For each pattern the one of another group that is most like it, of as many bars in the same meter.

    `groups`: of each pattern, its file for instance. Likeness is the onset F1 on the same tick.
    """
    found = [Nearest(-1, 0.0)] * len(patterns)
    alike: dict[tuple[object, int, int], list[int]] = {}
    for place, pattern in enumerate(patterns):
        alike.setdefault((pattern.meter, pattern.bars, pattern.ticks_per_beat), []).append(place)
    group_of = np.asarray(groups)
    for places in map(np.array, alike.values()):
        if len(np.unique(group_of[places])) < 2:
            continue
        onsets = np.stack([patterns[place].onset.ravel() == 1 for place in places.tolist()])
        onsets = onsets[:, onsets.any(axis=0)]  # cells that never sound make no difference
        for first in range(0, len(places), _ROWS):
            rows = slice(first, first + _ROWS)
            likeness = exact_f1(onsets[rows], onsets)
            likeness[group_of[places[rows]][:, None] == group_of[places][None, :]] = -1.0
            best: npt.NDArray[np.int64] = likeness.argmax(axis=1)
            for row, column in enumerate(best.tolist()):
                score = float(likeness[row, column])
                if score >= 0:
                    found[int(places[first + row])] = Nearest(int(places[column]), score)
    return found


def same_notes(one: Pattern, other: Pattern) -> bool:
    """Whether two patterns are one to the note: onsets, velocities and microtiming."""
    return (
        np.array_equal(one.onset, other.onset)
        and np.array_equal(one.velocity, other.velocity)
        and np.allclose(one.microtiming, other.microtiming, atol=1e-3)
    )
