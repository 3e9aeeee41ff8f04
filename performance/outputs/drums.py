"""Nine drums from arithmetic: no samples to download, the same on every machine.

Each is made of what makes the real one: a kick is a sine whose pitch falls, a snare two modes of its skin and noise,
hats and cymbals are crowds of square waves that fit no scale, behind a high-pass filter, a clap is four bursts of
noise. A sound comes in two layers, dark and bright: the harder the stroke, the more of the bright one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from rvae.kit import STANDARD_KIT, Kit, Voice
from rvae.pattern import Floats

Samples = npt.NDArray[np.float64]
_METAL_HZ = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0, 1047.0, 1481.0)
_FADE_S = 0.01
_CLICK_S, _CLICK_EDGE_S = 0.06, 0.001
_CLICKS = ((2093.0, 0.5), (1396.9, 0.35), (1046.5, 0.16))  # Hz and peak by level


@dataclass(frozen=True, slots=True)
class Drum:
    """One voice's sound: `dark` and `bright` are float32 `[N]` at the kit's rate, peak 1 together. `left`, `right`:
    gains. `chokes`: the names of the voices that it cuts off.
    """

    dark: Floats
    bright: Floats
    left: float
    right: float
    chokes: tuple[str, ...] = ()


def _seconds(length_s: float, rate_hz: int) -> Samples:
    return np.arange(int(length_s * rate_hz)) / rate_hz


def _decay(t: Samples, fall_s: float) -> Samples:
    """Falls by 60 dB in `fall_s` seconds."""
    return np.exp(-6.9 * t / fall_s)


def _sweep(t: Samples, from_hz: float, to_hz: float, fall_s: float) -> Samples:
    """A sine whose pitch falls from one frequency to another; `fall_s` is its time constant."""
    phase = to_hz * t + (from_hz - to_hz) * fall_s * (1 - np.exp(-t / fall_s))
    return np.sin(2 * np.pi * phase)


def _filtered(x: Samples, kind: str, cutoff_hz: float | tuple[float, float], rate_hz: int) -> Samples:
    """A Butterworth filter of second order, by its response over the spectrum: a signal library would take longer to
    import than all drums take to make. Zeros behind the sound keep the filter's tail from its beginning.
    """
    if isinstance(cutoff_hz, tuple):
        return _filtered(_filtered(x, "highpass", cutoff_hz[0], rate_hz), "lowpass", cutoff_hz[1], rate_hz)
    length = 2 * len(x)
    s = 1j * np.fft.rfftfreq(length, 1 / rate_hz) / cutoff_hz
    response = (s * s if kind == "highpass" else 1) / (s * s + np.sqrt(2) * s + 1)
    return np.asarray(np.fft.irfft(np.fft.rfft(x, length) * response, length)[: len(x)], np.float64)


def _noise(t: Samples, seed: int) -> Samples:
    return np.random.default_rng(seed).standard_normal(len(t))


def _metal(t: Samples, scale: float, high_pass_hz: float, rate_hz: int) -> Samples:
    partials = sum(np.sign(np.sin(2 * np.pi * hz * scale * t + index)) for index, hz in enumerate(_METAL_HZ))
    twice = _filtered(np.asarray(partials, np.float64), "highpass", high_pass_hz, rate_hz)
    return _filtered(twice, "highpass", high_pass_hz, rate_hz)


def _kick(rate_hz: int) -> tuple[Samples, Samples]:
    t = _seconds(0.45, rate_hz)
    body = _sweep(t, 160, 47, 0.028) * _decay(t, 0.42)
    click = _filtered(_noise(t, 1), "lowpass", 3500, rate_hz) * _decay(t, 0.018)
    return body, 0.25 * body + 0.5 * click


def _snare(rate_hz: int) -> tuple[Samples, Samples]:
    t = _seconds(0.35, rate_hz)
    skin = (_sweep(t, 260, 185, 0.012) + 0.5 * _sweep(t, 420, 330, 0.01)) * _decay(t, 0.16)
    wires = _filtered(_noise(t, 2), "bandpass", (900, 9000), rate_hz) * _decay(t, 0.24)
    return 0.7 * skin + 0.35 * wires, 0.2 * skin + 0.7 * wires


def _hat(rate_hz: int, ring_s: float) -> tuple[Samples, Samples]:
    t = _seconds(ring_s, rate_hz)
    metal = _metal(t, 4.1, 7000, rate_hz)
    air = _filtered(_noise(t, 3), "highpass", 8500, rate_hz)
    shape = _decay(t, ring_s)
    return (0.3 * metal + 0.3 * air) * shape, (0.25 * metal + 0.5 * air) * _decay(t, 0.6 * ring_s)


def _tom(rate_hz: int, hz: float) -> tuple[Samples, Samples]:
    t = _seconds(0.55, rate_hz)
    body = _sweep(t, 1.6 * hz, hz, 0.03) * _decay(t, 0.5) + 0.3 * _sweep(t, 2.4 * hz, 1.59 * hz, 0.02) * _decay(t, 0.22)
    stick = _filtered(_noise(t, 4), "bandpass", (400, 4000), rate_hz) * _decay(t, 0.03)
    return body, 0.3 * body + 0.4 * stick


def _clap(rate_hz: int) -> tuple[Samples, Samples]:
    t = _seconds(0.4, rate_hz)
    shape = sum((t >= at) * np.exp(-np.maximum(t - at, 0) / 0.004) for at in (0.0, 0.011, 0.021))
    tail = (t >= 0.031) * _decay(np.maximum(t - 0.031, 0), 0.3)
    noise = _noise(t, 5)
    low = _filtered(noise, "bandpass", (700, 2200), rate_hz)
    high = _filtered(noise, "bandpass", (1500, 6000), rate_hz)
    return low * (shape + 0.7 * tail), high * (shape + 0.5 * tail)


def _cymbal(rate_hz: int) -> tuple[Samples, Samples]:
    t = _seconds(1.6, rate_hz)
    ping = _filtered(_metal(t, 3.3, 3000, rate_hz), "lowpass", 12000, rate_hz)
    wash = _filtered(_noise(t, 6), "highpass", 5000, rate_hz)
    return (0.5 * ping * _decay(t, 0.5) + 0.12 * ping * _decay(t, 1.6)), 0.3 * wash * _decay(
        t, 1.5
    ) + 0.2 * ping * _decay(t, 0.7)


# name: how it is made, its peak in the mix, its place from left (-1) to right (1), what it chokes
_SOUNDS: dict[str, tuple[Callable[[int], tuple[Samples, Samples]], float, float, tuple[str, ...]]] = {
    "kick": (_kick, 0.55, 0.0, ()),
    "snare": (_snare, 0.42, -0.08, ()),
    "closed_hat": (lambda rate_hz: _hat(rate_hz, 0.09), 0.2, 0.3, ("open_hat",)),
    "open_hat": (lambda rate_hz: _hat(rate_hz, 0.55), 0.2, 0.3, ()),
    "low_tom": (lambda rate_hz: _tom(rate_hz, 82), 0.4, 0.4, ()),
    "mid_tom": (lambda rate_hz: _tom(rate_hz, 122), 0.38, 0.1, ()),
    "high_tom": (lambda rate_hz: _tom(rate_hz, 168), 0.36, -0.25, ()),
    "clap": (_clap, 0.34, 0.15, ()),
    "cymbal": (_cymbal, 0.22, -0.4, ()),
}


def _sound_of(voice: Voice) -> str:
    """A kit of one's own may have other names: its voices sound as the standard kit reads the notes they play."""
    if voice.name in _SOUNDS:
        return voice.name
    known = {pitch: standard.name for standard in STANDARD_KIT.voices for pitch in standard.pitches_in}
    return known[min(known, key=lambda pitch: (abs(pitch - voice.pitch_out), pitch))]


SILENT = Drum(np.zeros(1, np.float32), np.zeros(1, np.float32), 0.0, 0.0)
"""Where a kit has no voice."""


def drums_of(kit: Kit, rate_hz: int) -> tuple[Drum, ...]:
    """A drum for each voice of a kit, in row order, at a sample rate."""
    made: dict[str, Drum] = {}
    drums: list[Drum] = []
    for voice in kit.voices:
        sound = _sound_of(voice)
        if sound not in made:
            made[sound] = _drum(sound, rate_hz)
        drums.append(made[sound])
    return tuple(drums)


def click_drums(rate_hz: int) -> tuple[Drum, ...]:
    """The click: for a barline, a beat and a part of one; short, and higher than any drum's body."""
    t = _seconds(_CLICK_S, rate_hz)
    edge = np.minimum(1.0, t / _CLICK_EDGE_S) * np.minimum(1.0, (t[-1] - t) / _CLICK_EDGE_S)
    silence = np.zeros(len(t), np.float32)
    return tuple(
        Drum((peak * np.sin(2 * np.pi * hz * t) * _decay(t, _CLICK_S) * edge).astype(np.float32), silence, 1.0, 1.0)
        for hz, peak in _CLICKS
    )


@cache
def _drum(sound: str, rate_hz: int) -> Drum:
    make, peak, side, chokes = _SOUNDS[sound]
    dark, bright = make(rate_hz)
    # No step at either end, nothing below hearing.
    edge = np.ones(len(dark))
    fade = int(_FADE_S * rate_hz)
    edge[-fade:] = np.linspace(1, 0, fade)
    dark, bright = (_filtered(layer, "highpass", 25, rate_hz) * edge for layer in (dark, bright))
    scale = peak / float(np.max(np.abs(dark + bright)))
    angle = (side + 1) * np.pi / 4
    return Drum(
        (dark * scale).astype(np.float32),
        (bright * scale).astype(np.float32),
        float(np.cos(angle) * np.sqrt(2)),
        float(np.sin(angle) * np.sqrt(2)),
        chokes,
    )
