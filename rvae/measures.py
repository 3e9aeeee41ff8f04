"""Measures: how alike two patterns are, and what moving over a plane does. Pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rvae.pattern import MAX_MIDI_VELOCITY, Pattern

LATTICE = 30
RECALL_F1 = 0.9
Pairs = npt.NDArray[np.int64]


def lean_ms(patterns: Sequence[Pattern]) -> float:
    """How early (negative) or late a take is as a whole: the median of its microtiming in ms; 0 without onsets."""
    away = [np.zeros(0)]
    beat_quarters: dict[int, npt.NDArray[np.float64]] = {}  # by meter object: clips have few, and thousands of patterns
    for pattern in patterns:
        meter = pattern.meter
        if id(meter) not in beat_quarters:
            beat_quarters[id(meter)] = np.array([float(beat) / 2 for beat in meter.beat_eighths])
        tick_ms = 60_000 / pattern.qpm / pattern.ticks_per_beat * beat_quarters[id(meter)]
        _, ticks, _, microtiming = pattern.each_onset()
        away.append(microtiming * tick_ms[ticks // pattern.ticks_per_beat % meter.beats])
    all_away = np.concatenate(away)
    return float(np.median(all_away)) if len(all_away) else 0.0


@dataclass(frozen=True, slots=True)
class Match:
    """Onsets of two patterns matched one to one: what F1, precision, recall and the errors are made of.

    `hits` within the window, `exact` on the same tick, `given` and `true` all onsets of either side; `velocity_error`
    (of 127) and `timing_error_ms` are sums over the hits.
    """

    hits: int = 0
    exact: int = 0
    given: int = 0
    true: int = 0
    velocity_error: float = 0.0
    timing_error_ms: float = 0.0

    def __add__(self, other: Match) -> Match:
        return Match(
            self.hits + other.hits,
            self.exact + other.exact,
            self.given + other.given,
            self.true + other.true,
            self.velocity_error + other.velocity_error,
            self.timing_error_ms + other.timing_error_ms,
        )

    @property
    def onset_f1(self) -> float:
        return f1(self.hits, self.given, self.true)

    @property
    def onset_f1_exact(self) -> float:
        return f1(self.exact, self.given, self.true)

    @property
    def onset_precision(self) -> float:
        return self.hits / self.given if self.given else float(self.true == 0)

    @property
    def onset_recall(self) -> float:
        return self.hits / self.true if self.true else float(self.given == 0)

    @property
    def velocity_mae(self) -> float:
        """Mean absolute velocity error over the matched onsets, of 127."""
        return self.velocity_error / self.hits if self.hits else 0.0

    @property
    def microtiming_mae_ms(self) -> float:
        """Mean absolute timing error over the matched onsets, in ms at the true pattern's own tempo."""
        return self.timing_error_ms / self.hits if self.hits else 0.0


def f1(hits: int, given: int, true: int) -> float:
    """The harmonic mean of precision and recall; 1 where both sides are empty."""
    return 2 * hits / (given + true) if given + true else 1.0


def matched_ticks(given: Pairs, true: Pairs, window_ticks: int) -> Pairs:
    """Pairs of (given, true) ticks matched one to one within a window; both sorted. `[M, 2]`.

    Taking the earliest partner each time is a maximum matching for intervals of one width, so this agrees with the
    bipartite matching of mir_eval (Raffel et al., 2014).
    """
    pairs: list[tuple[int, int]] = []
    left = right = 0
    while left < len(given) and right < len(true):
        if abs(int(given[left]) - int(true[right])) <= window_ticks:
            pairs.append((int(given[left]), int(true[right])))
            left, right = left + 1, right + 1
        elif given[left] < true[right]:
            left += 1
        else:
            right += 1
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def match(given: Pattern, true: Pattern, *, window_beats: float = 1 / 24) -> Match:
    """Compare a pattern with the true one, voice by voice. Both have the same shape and ticks per beat."""
    window_ticks = round(window_beats * true.ticks_per_beat)
    total = Match(given=given.onsets, true=true.onsets, exact=int(np.sum((given.onset == 1) & (true.onset == 1))))
    hits, velocity_error, timing_error_ms = 0, 0.0, 0.0
    for row in range(len(true.kit)):
        pairs = matched_ticks(np.flatnonzero(given.onset[row]), np.flatnonzero(true.onset[row]), window_ticks)
        if not len(pairs):
            continue
        ours, theirs = pairs[:, 0], pairs[:, 1]
        ours_ms = _ms_at(true, ours + given.microtiming[row, ours])
        theirs_ms = _ms_at(true, theirs + true.microtiming[row, theirs])
        hits += len(pairs)
        velocity_error += (
            float(np.abs(given.velocity[row, ours] - true.velocity[row, theirs]).sum()) * MAX_MIDI_VELOCITY
        )
        timing_error_ms += float(np.abs(ours_ms - theirs_ms).sum())
    return total + Match(hits=hits, velocity_error=velocity_error, timing_error_ms=timing_error_ms)


def _ms_at(pattern: Pattern, ticks: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """When places of a cycle come, in ms at the pattern's tempo: beats of unequal length have unequal ticks.

    `ticks`: at most a beat before or after the cycle.
    """
    beats = [float(beat) / 2 * 60_000 / pattern.qpm for beat in pattern.meter.beat_eighths]
    borders_ms = np.cumsum([-beats[-1], beats[-1], *beats * pattern.bars, beats[0]])
    borders_ticks = np.arange(-1, len(borders_ms) - 1) * pattern.ticks_per_beat
    ms: npt.NDArray[np.float64] = np.interp(ticks, borders_ticks, borders_ms)
    return ms


@dataclass(frozen=True, slots=True)
class PlaneMeasures:
    """What moving over a plane does, on a square lattice of `resolution` x `resolution` points.

    `unique`: distinct onset patterns over points. `dead_moves`, `jumps`: share of moves to the right or lower
    neighbour that
    change no onset, or more than a quarter of the onsets of the fuller of the two. `evenness`: mean over 95th
    percentile of
    the onsets a move changes. `blown_out`: points with more onsets than twice the fullest clip. `clip_recall`: share of
    training patterns that some point gives back with an onset F1 of 0.9.
    """

    resolution: int
    unique: float
    dead_moves: float
    jumps: float
    evenness: float
    blown_out: int
    clip_recall: float


def lattice(resolution: int = LATTICE) -> npt.NDArray[np.float64]:
    """The points of a square lattice over the unit square, edges included, row by row from y = 0.

    `[resolution^2, 2]`.
    """
    side = np.linspace(0.0, 1.0, resolution)
    across, up = np.meshgrid(side, side)
    return np.stack([across.ravel(), up.ravel()], axis=1)


def moves(onsets: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Onsets changed by each move over a lattice, and the onsets of the fuller end.

    `onsets`: `[R, R, C]`; each `[2R(R-1)]`.
    """
    count = onsets.sum(axis=-1)
    changed = [(onsets[:, 1:] != onsets[:, :-1]).sum(axis=-1), (onsets[1:] != onsets[:-1]).sum(axis=-1)]
    fuller = [np.maximum(count[:, 1:], count[:, :-1]), np.maximum(count[1:], count[:-1])]
    return np.concatenate([part.ravel() for part in changed]), np.concatenate([part.ravel() for part in fuller])


def plane_measures(
    onsets: npt.NDArray[np.bool_], clips: npt.NDArray[np.bool_], places: npt.NDArray[np.bool_] | None = None
) -> PlaneMeasures:
    """Measure a plane. `onsets`: `[R * R, C]` at the points of `lattice(R)`; `clips`: `[N, C]` the training patterns.

    `places`: `[P, C]`, what further points of the plane give, counted for `clip_recall` only: "some point" need not
    lie on the lattice.
    """
    resolution = round(len(onsets) ** 0.5)
    changed, fuller = moves(onsets.reshape(resolution, resolution, -1))
    high = float(np.percentile(changed, 95))
    candidates = onsets if places is None else np.concatenate([onsets, places])
    return PlaneMeasures(
        resolution=resolution,
        unique=len(np.unique(np.packbits(onsets, axis=1), axis=0)) / len(onsets),
        dead_moves=float(np.mean(changed == 0)),
        jumps=float(np.mean(changed > fuller / 4)),
        evenness=float(changed.mean()) / high if high else 0.0,
        blown_out=int(np.sum(onsets.sum(axis=1) > 2 * clips.sum(axis=1).max(initial=0))),
        clip_recall=float(np.mean(exact_f1(candidates, clips).max(axis=0) >= RECALL_F1)) if len(clips) else 0.0,
    )


def exact_f1(given: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Onset F1 on the same tick of every row of `given` `[P, C]` against every row of `true` `[N, C]`: `[P, N]`."""
    hits = given.astype(np.float32) @ true.astype(np.float32).T
    both = given.sum(axis=1, dtype=np.float32)[:, None] + true.sum(axis=1, dtype=np.float32)[None, :]
    return np.where(both > 0, 2 * hits / np.maximum(both, 1), 1.0).astype(np.float32)
