"""Views of the plane: what its colours tell, each a function of what is heard over it. One key goes round them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from performance.surface.field import Bytes, Field, Floats
from performance.surface.theme import BAND_COLOURS, Colour, band_of, oklab_to_rgb
from rvae.measures import exact_f1
from rvae.meter import TICKS_PER_BEAT, Meter

Point = tuple[float, float]

# OKLab a and b of low, middle and high drums: orange, rose, blue, as in theme.BAND_COLOURS
_BAND_AB = np.array(((0.08, 0.15), (0.15, -0.02), (-0.05, -0.17)), np.float32)
_DARKEST, _BRIGHTEST = 0.26, 0.74  # OKLab lightness of the emptiest and the fullest place
# From little to much: dark blue to light yellow, even in lightness and safe for all eyes, as cividis is
_LITTLE, _MUCH = np.array((0.24, -0.02, -0.11)), np.array((0.88, -0.01, 0.15))
# Either side of a middle that is dark
_ONE_WAY, _OTHER_WAY = np.array((0.6, -0.05, -0.12)), np.array((0.68, 0.07, 0.13))
_MIDDLE = np.array((0.27, 0.0, 0.0))
_PULSE_TICKS = 14  # how long a place stays lit after it has sounded
_GOLDEN = 2.399963  # radians: neighbours in a list get hues far apart


@dataclass(frozen=True, slots=True)
class View:
    """A view: its name, and what its colours mean in a few words."""

    name: str
    meaning: str


VIEWS: tuple[View, ...] = (
    View("Voices", "hue: low, middle or high drums; brighter: more is played"),
    View("Pulse", "lights up where the pattern sounds now"),
    View("Density", "yellow: many onsets; blue: few"),
    View("Syncopation", "yellow: off the strong places of the bar; blue: on them"),
    View("Straight or ternary", "blue: halves and quarters; orange: thirds"),
    View("Nearest clip", "one hue for each clip; brighter: more like it"),
    View("Distance", "bright: as a clip; dark: the model is guessing"),
)
PULSE = 1


def view_colours(view: int, field: Field, meter: Meter, clips: Sequence[Point]) -> Bytes:
    """`[side, side, 3]` sRGB of one of `VIEWS` (an index). `clips`: their points; `meter`: one of the field's beats."""
    match VIEWS[view].name:
        case "Density":
            return _scale(_spread(field.played.sum(axis=(2, 3), dtype=np.float32)))
        case "Syncopation":
            return _scale(_spread(syncopation(field, meter)))
        case "Straight or ternary":
            return _two_sided(ternary_leaning(field))
        case "Nearest clip" | "Distance" if clips:
            likeness = clip_likeness(field, clips)
            near = likeness.max(axis=2)
            if VIEWS[view].name == "Distance":
                return _scale(np.clip((near - 0.4) / 0.6, 0.0, 1.0))
            return _by_clip(likeness.argmax(axis=2), near)
        case _:
            return balance_colours(field)


def pulse_colours(field: Field, ground: Bytes, ticks: float | None, muted: Sequence[bool]) -> Bytes:
    """What sounds at a playhead (`ticks` in the cycle, None while stopped), everywhere at once: band colours of lately
    struck voices on a dark `ground`.
    """
    dark = ground * np.float32(0.28)
    if ticks is None:
        return np.asarray(dark, np.uint8)
    length = field.loudness.shape[3]
    age = (np.arange(_PULSE_TICKS) + ticks % 1.0) / _PULSE_TICKS
    fading = ((1.0 - age) ** 1.5 / 255.0).astype(np.float32)
    lit = np.zeros_like(field.loudness[..., 0], dtype=np.float32)
    faded = np.empty_like(lit)
    for back in range(_PULSE_TICKS):
        np.multiply(field.loudness[..., (int(ticks) - back) % length], fading[back], out=faded)
        np.maximum(lit, faded, out=lit)
    to_rgb = np.zeros((lit.shape[2], 3), np.float32)
    for row, (voice, silent) in enumerate(zip(field.kit.voices, muted, strict=True)):
        if not silent:
            to_rgb[row] = BAND_COLOURS[band_of(voice)]
    # many voices at once make it brighter but never glaring: the hue is their mix, the light saturates
    together = lit @ to_rgb.any(axis=1).astype(np.float32)
    light = (lit @ to_rgb) * ((0.7 - 0.7 * np.exp(-1.3 * together)) / np.maximum(together, 1e-3))[..., None]
    return np.asarray(np.clip(dark + light, 0.0, 255.0), np.uint8)


def band_energy(field: Field) -> Floats:
    """`[side, side, 3]`: how much the low, middle and high voices play at each place, in full onsets per beat."""
    per_voice = field.loudness.sum(axis=3, dtype=np.float32) / 255.0
    cycle_beats = field.loudness.shape[3] / TICKS_PER_BEAT
    bands = np.zeros((*per_voice.shape[:2], 3), np.float32)
    for row, voice in enumerate(field.kit.voices):
        bands[..., band_of(voice)] += per_voice[..., row]
    return np.asarray(bands / cycle_beats, np.float32)


def balance_colours(field: Field) -> Bytes:
    """`[side, side, 3]` sRGB: hue tells which voices have the say, lightness how much is played.

    Each band is taken relative to its mean over the plane, so that a corpus that is all hats still shows where there
    are more or fewer of them.
    """
    bands = band_energy(field)
    usual = np.maximum(bands.mean(axis=(0, 1)), 1e-3)
    leaning = (bands / usual + 0.05) ** 3.0
    shares = leaning / leaning.sum(axis=2, keepdims=True)
    fullness = _spread(bands.sum(axis=2))
    chroma = shares @ _BAND_AB
    lightness = _DARKEST + (_BRIGHTEST - _DARKEST) * fullness
    # dark places carry less colour, or they would leave what a screen can show
    return oklab_to_rgb(np.dstack((lightness, chroma * (0.55 + 0.45 * fullness)[..., None])).astype(np.float32))


def balance_hues() -> tuple[Colour, ...]:
    """The colours of places where low, middle or high drums alone have the say, for a legend."""
    swatches = oklab_to_rgb(np.column_stack((np.full(3, 0.7), _BAND_AB)).astype(np.float32)).tolist()
    return tuple((red, green, blue) for red, green, blue in swatches)


def syncopation(field: Field, meter: Meter) -> Floats:
    """`[side, side]`, 0..1: how far the onsets lie from the strong places of the bar: the mean of 1 - `metric_weight`
    over all onsets, as loud as they are.
    """
    weak = 1.0 - np.array(meter.metric_weights(), np.float32)
    per_tick = field.loudness.sum(axis=2, dtype=np.float32)
    bars = per_tick.shape[2] // len(weak)
    return np.asarray((per_tick @ np.tile(weak, bars)) / np.maximum(per_tick.sum(axis=2), 1.0), np.float32)


def ternary_leaning(field: Field) -> Floats:
    """`[side, side]`, -1 (all onsets between the beats on halves and quarters) to 1 (all on thirds and sixths)."""
    ticks = np.arange(field.loudness.shape[3]) % TICKS_PER_BEAT
    straight, ternary = (ticks % 6 == 0) & (ticks > 0), (ticks % 4 == 0) & (ticks > 0)
    both = straight & ternary  # the half of a beat belongs to either
    per_tick = field.loudness.sum(axis=2, dtype=np.float32)
    ones, others = per_tick[..., straight & ~both].sum(axis=2), per_tick[..., ternary & ~both].sum(axis=2)
    ones += 0.5 * per_tick[..., both].sum(axis=2)
    return np.asarray((others - ones) / np.maximum(others + ones, 64.0), np.float32)


def clip_likeness(field: Field, clips: Sequence[Point]) -> Floats:
    """`[side, side, clips]`: the onset F1, on the same ticks, of each place with what is heard at each clip's point."""
    played = field.played.reshape(*field.played.shape[:2], -1)
    side = played.shape[0] - 1
    at = [(round(y * side), round(x * side)) for x, y in clips]
    there = np.stack([played[row, column] for row, column in at])
    return exact_f1(played.reshape(-1, played.shape[2]), there).reshape(*played.shape[:2], len(clips))


def _spread(values: Floats) -> Floats:
    """Values over the plane to 0..1, by their range without the outermost."""
    low, high = np.percentile(values, (2, 98))
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-3), 0.0, 1.0), np.float32)


def _scale(shares: Floats) -> Bytes:
    return oklab_to_rgb((_LITTLE + shares[..., None] * (_MUCH - _LITTLE)).astype(np.float32))


def _two_sided(leaning: Floats) -> Bytes:
    ends = np.where(leaning[..., None] < 0, _ONE_WAY, _OTHER_WAY)
    return oklab_to_rgb((_MIDDLE + np.abs(leaning)[..., None] * (ends - _MIDDLE)).astype(np.float32))


def _by_clip(nearest: npt.NDArray[np.int64], near: Floats) -> Bytes:
    angle = nearest * _GOLDEN
    lightness = 0.25 + 0.5 * np.clip((near - 0.4) / 0.6, 0.0, 1.0) * (0.75 + 0.25 * np.cos(nearest * 1.7))
    return oklab_to_rgb(np.stack((lightness, 0.12 * np.cos(angle), 0.12 * np.sin(angle)), axis=-1).astype(np.float32))
