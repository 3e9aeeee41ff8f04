"""Scenes: places to come back to with all that belongs to how they sound; mixed, and morphed one into another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from performance.cursor import Point
from rvae.errors import UsageError
from rvae.kit import Kit
from rvae.meter import Meter

MOST_SCENES = 128
CORNERS: Mapping[int, Point] = {1: (0.0, 1.0), 2: (1.0, 1.0), 3: (0.0, 0.0), 4: (1.0, 0.0)}
"""Where the scenes 1 to 4 stand when they are mixed."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a scene keeps: the cursor, the meter, the tempo (felt beats a minute), the density, and the density, mute
    and nudge (ms) of each voice. `kit`: the player's own; None: as the model has it.
    """

    cursor: Point
    meter: Meter
    tempo_bpm: float
    density: float
    voice_density: tuple[float, ...]
    mute: tuple[bool, ...]
    nudge_ms: tuple[float, ...]
    kit: Kit | None = None


@dataclass(frozen=True, slots=True)
class Morph:
    """From one scene to another, from `start_bars` of the performance on, over so many bars."""

    start: Scene
    end: Scene
    start_bars: float
    bars: float

    def has_ended(self, bars: float) -> bool:
        """Whether the other scene is reached."""
        return bars - self.start_bars >= self.bars

    def moved(self, bars: float) -> Morph:
        """The same, so many bars later."""
        return replace(self, start_bars=self.start_bars + bars)

    def at(self, bars: float) -> Scene:
        """How it sounds at a bar (not whole). The meter changes half way, or, where the planes are not the same, at the
        end; until then the cursor stays.
        """
        if self.has_ended(bars):
            return self.end
        share = max(0.0, bars - self.start_bars) / self.bars  # below it, the engine was held up
        between = mixed(((self.start, 1 - share), (self.end, share)))
        if self.start.meter.beats != self.end.meter.beats:
            return replace(between, cursor=self.start.cursor, meter=self.start.meter)
        return replace(between, meter=self.start.meter if share < 0.5 else self.end.meter)


def mixed(parts: Sequence[tuple[Scene, float]]) -> Scene:
    """Scenes by their weights, which add up to 1; in the meter of the first.

    A voice that is muted in some of them comes in onset by onset, as one of density 0 there. One scene of weight 1 is
    that scene.
    """
    heard = [(scene, weight) for scene, weight in parts if weight > 0]
    first = parts[0][0]
    if len(heard) == 1:
        return replace(heard[0][0], meter=first.meter)

    def mean(values: Sequence[float]) -> float:
        return sum(value * weight for value, (_, weight) in zip(values, heard, strict=True))

    voices = range(len(first.mute))
    mute = tuple(all(scene.mute[voice] for scene, _ in heard) for voice in voices)
    density = tuple(
        mean([0.0 if scene.mute[voice] and not mute[voice] else scene.voice_density[voice] for scene, _ in heard])
        for voice in voices
    )
    return Scene(
        (mean([scene.cursor[0] for scene, _ in heard]), mean([scene.cursor[1] for scene, _ in heard])),
        first.meter,
        round(mean([scene.tempo_bpm for scene, _ in heard]), 1),
        mean([scene.density for scene, _ in heard]),
        density,
        mute,
        tuple(round(mean([scene.nudge_ms[voice] for scene, _ in heard]), 1) for voice in voices),
        first.kit,
    )


def corner_mix(scenes: Mapping[int, Scene], place: Point, meter: Meter) -> Scene:
    """The scenes 1 to 4, each in its corner, mixed as near as each is to a place of the square.

    Raises UsageError where one of them was not stored on the plane that is played.
    """
    missing = [str(number) for number in CORNERS if number not in scenes or scenes[number].meter.beats != meter.beats]
    if missing:
        raise UsageError(
            f"mixing needs scenes 1 to 4 with {meter.beats} beats a bar; keep scene {' and '.join(missing)} first"
        )
    blend = mixed([(scenes[number], weight) for number, weight in zip(CORNERS, _weights(place), strict=True)])
    return replace(blend, meter=meter)


def _weights(place: Point) -> tuple[float, ...]:
    """What each of `CORNERS` counts for at a place of the square."""
    x, y = place
    return tuple((x if right else 1 - x) * (y if up else 1 - y) for right, up in CORNERS.values())


def nearest_mix(scenes: Mapping[int, Scene], cursor: Point, meter: Meter) -> Point:
    """The place of the square whose mix lies nearest to a cursor, to a twentieth: mixing begins there. Raises
    UsageError as `corner_mix` does.
    """
    corner_mix(scenes, (0.5, 0.5), meter)
    places = [(across / 20, up / 20) for across in range(21) for up in range(21)]
    corners = [scenes[number].cursor for number in CORNERS]

    def away(place: Point) -> float:  # whole mixes of so many places would take longer than a frame
        weights = _weights(place)
        x, y = (sum(w * corner[axis] for w, corner in zip(weights, corners, strict=True)) for axis in (0, 1))
        return (x - cursor[0]) ** 2 + (y - cursor[1]) ** 2

    return min(places, key=away)


def scene_number(number: int) -> int:
    """The number of a scene. Raises UsageError outside 1 to 128."""
    if not 1 <= number <= MOST_SCENES:
        raise UsageError(f"scene {number}: 1 to {MOST_SCENES} are possible; choose another")
    return number
