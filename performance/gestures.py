"""Gestures: moves of a hand, kept in musical time, that go round and are added up over whatever else moves the cursor.

A gesture is kept as the places that the hand went through; what it adds is how far each lies from the first one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from performance.cursor import MAX_POINTS, Key, Path, Point
from performance.motion import folded
from rvae.errors import UsageError

MOST_BARS = 64
MOST_LAYERS = 16
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""How fast they go, one for each choice of the control."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """A way that goes round in `bars` whole bars; it began at `start_bars` of the performance, which keeps it in sync.

    The bars of the path's keys count from there. Raises UsageError for a length outside 1 to 64.
    """

    path: Path
    start_bars: float
    bars: int

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= MOST_BARS or not math.isfinite(self.start_bars):
            raise UsageError(f"a gesture of {self.bars} bars: 1 to {MOST_BARS} are possible; record another")

    def offset(self, bars: float, speed: float = 1.0) -> Point:
        """How far from its first place it is, in sides of the plane, at a bar of the performance (not whole)."""
        x, y = self.path.at((bars - self.start_bars) * speed % self.bars)
        first = self.path.keys[0]
        return x - first.x, y - first.y


@dataclass(frozen=True, slots=True)
class Taking:
    """A gesture that is being recorded: the keys so far, in bars of the performance."""

    keys: tuple[Key, ...]

    @classmethod
    def begun(cls, point: Point, bars: float) -> Taking:
        """From this place and bar on."""
        return cls((Key(bars, *point),))

    def with_place(self, point: Point, bars: float) -> Taking:
        """With one more place; one that is no later than the last, or where the hand has not moved, adds nothing."""
        last = self.keys[-1]
        if bars <= last.bar or (last.x, last.y) == point or len(self.keys) > MAX_POINTS - 2:
            return self
        waited = bars - last.bar > _WAITED_BARS
        held = (Key(bars - _WAITED_BARS / 2, last.x, last.y),) if waited else ()
        return Taking((*self.keys, *held, Key(bars, *point)))

    def is_full(self, bars: float) -> bool:
        """Whether no more can be recorded."""
        return not 0 <= bars - self.keys[0].bar < MOST_BARS

    def closed(self, bars: float) -> Gesture | None:
        """The gesture, as many whole bars long as is nearest; None where the hand did not move."""
        start = self.keys[0].bar
        length = min(MOST_BARS, max(1, math.floor(bars - start + 0.5)))
        keys = [Key(key.bar - start, key.x, key.y) for key in self.keys if key.bar - start <= length]
        return Gesture(Path(tuple(keys)), start, length) if len(keys) > 1 else None


_WAITED_BARS = 0.05  # a hand that rested so long stood still: the way does not lead slowly on from where it was


def added(point: Point, layers: Sequence[Gesture], bars: float, *, size: float = 1.0, speed: float = 1.0) -> Point:
    """A place with what all layers add to it, `size` times as large; turned back at the edges of the plane."""
    x, y = point
    for layer in layers:
        across, up = layer.offset(bars, speed)
        x, y = x + size * across, y + size * up
    return folded(x), folded(y)
