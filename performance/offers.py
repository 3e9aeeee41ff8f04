"""What a model offers a player before anything was chosen: meters, a first place, a tempo."""

from __future__ import annotations

from functools import lru_cache

from performance.controls import control
from performance.cursor import Point
from rvae.meter import Meter
from rvae.model import Model

# Meters that one may want to move to on a plane of so many beats, beside those that were learned.
_OFFERED = [
    "4/4",
    "12/8",
    "2/2",
    "2/4",
    "6/8",
    "3/4",
    "9/8",
    "7/8(2+2+3)",
    "7/8(2+3+2)",
    "7/8(3+2+2)",
    "8/8(3+3+2)",
    "5/8(2+3)",
    "5/8(3+2)",
    "5/4",
    "6/4",
    "7/4",
    "9/8(2+2+2+3)",
    "10/8(3+2+2+3)",
    "11/8(2+2+3+2+2)",
]


@lru_cache(maxsize=2)  # asked for with every frame of a window; a model is the same while it is the same object
def meters_of(model: Model, beats: int) -> tuple[Meter, ...]:
    """The meters to offer on the plane of a number of beats: those learned, then others of as many beats."""
    learned = [meter for meter in model.meters if meter.beats == beats]
    others = [meter for meter in map(Meter.parse, _OFFERED) if meter.beats == beats]
    return tuple(dict.fromkeys(learned + others))


def first_point(model: Model, meter: Meter) -> Point:
    """Where the cursor stands at first: on the clip nearest to the middle of the plane."""
    clips = model.clips_of(meter.beats)
    if not clips:
        return 0.5, 0.5
    near = min(clips, key=lambda clip: (clip.meter != meter, (clip.point[0] - 0.5) ** 2 + (clip.point[1] - 0.5) ** 2))
    return near.point


def usual_bpm(model: Model, meter: Meter, point: Point) -> float:
    """The tempo of the clip that is nearest to a place, in felt beats of its meter; kept within the control's range."""
    x, y = point
    clips = model.clips_of(meter.beats)
    near = min(clips, key=lambda clip: (clip.point[0] - x) ** 2 + (clip.point[1] - y) ** 2, default=None)
    tempo = control("tempo")
    return tempo.default if near is None else tempo.clamp(round(near.meter.bpm_of(near.qpm), 1))
