"""Evaluation: how well a model gives clips back, and what its planes are like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from rvae.measures import LATTICE, Match, PlaneMeasures, lattice, match, plane_measures
from rvae.model import Model
from rvae.pattern import Pattern

Json = dict[str, object]


def matches(model: Model, patterns: Sequence[Pattern]) -> list[Match]:
    """Each pattern against what the model plays at the place it encodes it to, in order.

    The patterns have beats that the model has learned; others raise MeterError.
    """
    return [match(given, true) for given, true in zip(_given_back(model, patterns), patterns, strict=True)]


def _given_back(model: Model, patterns: Sequence[Pattern]) -> list[Pattern]:
    """What the model plays at the place it encodes each pattern to."""
    points = model.encode(patterns)
    return [model.pattern(point, meter=pattern.meter) for point, pattern in zip(points, patterns, strict=True)]


def figures(results: Sequence[tuple[Pattern, Match]]) -> Json:
    """The keys of `rvae evaluate` that speak of onsets, over all of them (micro average), and the same by meter."""
    by_meter: dict[str, list[Match]] = {}
    for pattern, result in results:
        by_meter.setdefault(pattern.meter.name, []).append(result)
    return {
        **summary([result for _, result in results]),
        "by_meter": {name: summary(group) for name, group in sorted(by_meter.items())},
    }


def summary(results: Sequence[Match]) -> Json:
    """Figures of a set of matches as one."""
    total = sum(results, Match())
    return {
        "onset_f1": total.onset_f1,
        "onset_f1_exact": total.onset_f1_exact,
        "onset_precision": total.onset_precision,
        "onset_recall": total.onset_recall,
        "velocity_mae": total.velocity_mae,
        "microtiming_mae_ms": total.microtiming_mae_ms,
        "patterns": len(results),
        "onsets": total.true,
    }


def by_voice(given: Sequence[Pattern], true: Sequence[Pattern]) -> Json:
    """The onset figures of each voice by itself, of the voices that either side has."""
    names = true[0].kit.names if true else ()
    results = {
        name: [match(_only(ours, row), _only(theirs, row)) for ours, theirs in zip(given, true, strict=True)]
        for row, name in enumerate(names)
    }
    return {
        name: summary(group) for name, group in results.items() if any(found.true or found.given for found in group)
    }


def _only(pattern: Pattern, row: int) -> Pattern:
    """A pattern with one voice left."""
    onset = np.zeros_like(pattern.onset)
    onset[row] = pattern.onset[row]
    rest = {"bars": pattern.bars, "kit": pattern.kit, "qpm": pattern.qpm}
    return Pattern.of_arrays(onset, pattern.velocity, pattern.microtiming, pattern.meter, **rest)


def plane_of(model: Model, beats: int, patterns: Sequence[Pattern], given: Sequence[Pattern]) -> PlaneMeasures:
    """Measure the plane of one number of beats. `patterns`: its training patterns; `given`: these given back."""
    return plane_measures(_onsets(model, lattice(LATTICE), beats), _flat(patterns), _flat(given))


def _flat(patterns: Sequence[Pattern]) -> npt.NDArray[np.bool_]:
    return np.stack([pattern.onset.ravel() == 1 for pattern in patterns])


def _onsets(model: Model, points: npt.NDArray[np.float64], beats: int) -> npt.NDArray[np.bool_]:
    onsets = model.onsets(points, beats=beats)
    return onsets.reshape(len(onsets), -1)


def plane_figures(model: Model, patterns: Sequence[Pattern], given: Sequence[Pattern]) -> Json:
    """The `plane` key: each number of beats by itself under `by_beats`, and their mean weighted by patterns on top.

    `blown_out` is the sum. `patterns`: the training patterns, of beats that the model has learned; `given`: what the
    model gives back for each.
    """
    planes: dict[int, tuple[int, PlaneMeasures]] = {}
    for beats in sorted({pattern.meter.beats for pattern in patterns}):
        rows = [row for row, pattern in enumerate(patterns) if pattern.meter.beats == beats]
        own = [patterns[row] for row in rows]
        planes[beats] = len(own), plane_of(model, beats, own, [given[row] for row in rows])
    total = sum(count for count, _ in planes.values())

    def mean(name: str) -> float:
        return sum(count * float(getattr(plane, name)) for count, plane in planes.values()) / max(1, total)

    shares = {name: mean(name) for name in ("unique", "dead_moves", "jumps", "evenness", "clip_recall")}
    return {
        "resolution": LATTICE,
        **shares,
        "blown_out": sum(plane.blown_out for _, plane in planes.values()),
        "by_beats": {str(beats): {"patterns": count, **asdict(plane)} for beats, (count, plane) in planes.items()},
    }


def evaluate(model: Model, patterns: Sequence[Pattern]) -> Json:
    """All of evaluate's keys for patterns of beats that the model has learned.

    Others are counted in `patterns_skipped`.
    """
    known = [pattern for pattern in patterns if pattern.meter.beats in model.beats]
    given = _given_back(model, known)
    results = [(true, match(ours, true)) for ours, true in zip(given, known, strict=True)]
    return {
        **figures(results),
        "by_voice": by_voice(given, known),
        "plane": plane_figures(model, known, given),
        "patterns_skipped": len(patterns) - len(known),
    }
