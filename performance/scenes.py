"""Scenes: places to come back to, with all that belongs to how they sound."""

from __future__ import annotations

from dataclasses import dataclass

from performance.cursor import Point
from rvae.errors import UsageError
from rvae.meter import Meter

MOST_SCENES = 128


@dataclass(frozen=True, slots=True)
class Scene:
    """What a scene keeps: the cursor, the meter, the density, and the density and mute of each voice."""

    cursor: Point
    meter: Meter
    density: float
    voice_density: tuple[float, ...]
    mute: tuple[bool, ...]


def scene_number(number: int) -> int:
    """The number of a scene. Raises UsageError outside 1 to 128."""
    if not 1 <= number <= MOST_SCENES:
        raise UsageError(f"scene {number}: 1 to {MOST_SCENES} are possible; choose another")
    return number
