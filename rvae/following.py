"""The beats of a clip that was played freely, from a first guess of how long they last.

Guesses are the times after which onsets come again (the autocorrelation of the onsets). Each is followed through the
clip as its tempo drifts: an onset is taken for the nearest division of the beat, and the beats are the smooth curve
through all of them (least squares with a penalty on changes of tempo, as in Whittaker's smoothing), so that what a
player does around the beat stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

MIN_BPM, MAX_BPM = 60.0, 200.0  # what is looked for; a card may say others
_HEARD_S, _HEARD_ONSETS = 60.0, 400  # enough to know by
_LAG_STEP_S, _LAGS = 0.005, 212
_LAG_BLUR_S = 0.012
_PEAKS = 8
_RATIOS = (1, 2, 4, 3, 1 / 2, 3 / 2, 2 / 3, 1 / 3)
_FOLLOWED_BEATS = 8  # from so many the following begins
_FEW_BEATS = 400  # of so many the matrix may as well be whole
_STIFFNESS = 100.0  # the tempo moves over some sixteen beats, no faster
_STEP_S = 0.025
_PHASE_GAIN, _PERIOD_GAIN = 0.55, 0.1


@dataclass(frozen=True, eq=False)
class Take:
    """N onsets in real time, in order; `end_s`: where the recording ends.

    `seconds`; `voices`, any numbers; `parts`: KICK, SNARE or OTHER; `loudness`: 0 to 1.
    """

    seconds: Reals
    voices: Ints
    parts: Ints
    loudness: Reals
    end_s: float

    def heard(self) -> Take:
        """As much of it as is needed to know by."""
        near = int(np.searchsorted(self.seconds, self.seconds[0] + _HEARD_S))
        upto = slice(0, min(near, _HEARD_ONSETS))
        return Take(self.seconds[upto], self.voices[upto], self.parts[upto], self.loudness[upto], self.end_s)

    @property
    def weights(self) -> Reals:
        return 0.3 + 0.7 * self.loudness


def candidates(take: Take) -> list[float]:
    """Periods in seconds at which the onsets come again, and simple ratios of them, as far as they may be beats."""
    seconds, voices, weights = take.seconds, take.voices, take.weights
    again = np.zeros(_LAGS)
    for step in range(1, min(80, len(seconds))):
        lags = seconds[step:] - seconds[:-step]
        near = (lags < (_LAGS - 1) * _LAG_STEP_S) & (lags > 0.02)  # nearer ones are one stroke
        each = weights[step:] * weights[:-step] * np.where(voices[step:] == voices[:-step], 1.5, 1.0)
        again += np.bincount((lags[near] / _LAG_STEP_S).astype(np.int64), weights=each[near], minlength=_LAGS)
    blur = np.exp(-0.5 * (np.arange(-8, 9) * _LAG_STEP_S / _LAG_BLUR_S) ** 2)
    again = np.convolve(again, blur, "same")
    inside = again[1:-1]
    peaks = 1 + np.flatnonzero((inside >= again[:-2]) & (inside > again[2:]))
    peaks = peaks[peaks * _LAG_STEP_S > 0.1]
    found: list[float] = []
    for peak in peaks[np.argsort(-again[peaks], kind="stable")][:_PEAKS].tolist():
        before, here, after = again[peak - 1 : peak + 2].tolist()
        lag = (peak + 0.5 + (before - after) / 2 / (before - 2 * here + after)) * _LAG_STEP_S
        for period in (lag * ratio for ratio in _RATIOS):
            is_new = all(abs(log2(period / other)) > log2(1.03) for other in found)
            if 60 / MAX_BPM <= period <= 60 / MIN_BPM and is_new:
                found.append(period)
    return found


def followed(take: Take, period_s: float, division: int) -> Reals | None:
    """The beats of a take from a period on; None where they come to nothing."""
    seconds, weights = take.seconds, take.weights
    places = _first_pass(seconds, weights, *_begin(seconds, weights, period_s, division), division)
    times = None
    for _ in range(2):
        places = places - np.floor(places.min())
        times = _smooth(places, seconds, weights)
        if (np.diff(times) < 0.1 * period_s).any():
            return None
        places = np.rint(beats_at(seconds, times) * division) / division
    return times


def _begin(seconds: Reals, weights: Reals, period_s: float, division: int) -> tuple[float, float]:
    """Period and first beat, in seconds, that the onsets of the first beats stand best on."""
    near = seconds < seconds[0] + _FOLLOWED_BEATS * period_s
    strength = np.array([1.0, 0.35, 0.7, 0.35] if division == 4 else [1.0, 0.35, 0.6])
    phases = np.arange(24) / 24
    best = (-1.0, period_s, 0.0)
    for period in period_s * np.linspace(0.96, 1.04, 9):
        beats = (seconds[near] - seconds[0])[:, None] / period - phases
        steps = np.rint(beats * division)
        off_s = (beats - steps / division) * period
        each = strength[steps.astype(np.int64) % division] * np.exp(-0.5 * (off_s / _STEP_S) ** 2)
        scores = (each * weights[near, None]).sum(axis=0)
        place = int(scores.argmax())
        best = max(best, (float(scores[place]), float(period), float(phases[place] * period)))
    return best[1], float(seconds[0]) + best[2]


def _first_pass(seconds: Reals, weights: Reals, period_s: float, first_s: float, division: int) -> Reals:
    """Which division of which beat each onset is, in beats: one after the other, each correcting phase and period."""
    places = np.empty(len(seconds))
    beat, beat_s, period = 0, first_s, period_s
    for number, (second, weight) in enumerate(zip(seconds.tolist(), weights.tolist(), strict=True)):
        step = round((second - beat_s) / period * division)
        off_s = second - beat_s - step / division * period
        places[number] = beat + step / division
        inside = step % division
        trust = 1.0 if inside == 0 else 0.6 if division == 3 or inside == 2 else 0.4
        gain = trust * weight * float(np.exp(-0.5 * (off_s / 0.04) ** 2))
        if step >= division:
            beat_s += step // division * period
            beat += step // division
        beat_s += _PHASE_GAIN * gain * off_s
        period = min(max(period + _PERIOD_GAIN * gain * off_s, period_s * 0.7), period_s * 1.4)
    return places


def _smooth(places: Reals, seconds: Reals, weights: Reals) -> Reals:
    """When each beat is, from 0 to after the last place: near the onsets, and as even as they let it be."""
    count = int(np.ceil(places.max())) + 2
    low = np.floor(places).astype(np.int64)
    part = places - low
    bands, right = np.zeros((3, count)), np.zeros(count)  # of a symmetric matrix, from its diagonal down
    np.add.at(bands[0], low, weights * (1 - part) ** 2)
    np.add.at(bands[0], low + 1, weights * part**2)
    np.add.at(bands[1], low, weights * part * (1 - part))
    np.add.at(right, low, weights * (1 - part) * seconds)
    np.add.at(right, low + 1, weights * part * seconds)
    if count > 2:
        bands[0, :-2] += _STIFFNESS
        bands[0, 1:-1] += 4 * _STIFFNESS
        bands[0, 2:] += _STIFFNESS
        bands[1, :-2] -= 2 * _STIFFNESS
        bands[1, 1:-1] -= 2 * _STIFFNESS
        bands[2, :-2] += _STIFFNESS
    bands[0] += 1e-9
    if count <= _FEW_BEATS:
        whole = sum(np.diag(band[: count - below], -below) for below, band in enumerate(bands))
        times: Reals = np.linalg.solve(whole + np.tril(whole, -1).T, right)
        return times
    from scipy.linalg import solveh_banded  # a quarter of a second to import, and few clips need it

    banded: Reals = solveh_banded(bands, right, lower=True)
    return banded


def beats_at(seconds: Reals, times: Reals) -> Reals:
    """Moments in beats."""
    inside = np.interp(seconds, times, np.arange(len(times), dtype=np.float64))
    early, late = seconds < times[0], seconds > times[-1]
    inside[early] = (seconds[early] - times[0]) / (times[1] - times[0])
    inside[late] = len(times) - 1 + (seconds[late] - times[-1]) / (times[-1] - times[-2])
    return inside
