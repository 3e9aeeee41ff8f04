"""Estimates with their intervals: shares and means over the files of a corpus.

A corpus is a sample of files, not of onsets: the onsets of a take are alike. The interval is therefore a cluster
bootstrap (Efron and Tibshirani 1993; Davison and Hinkley 1997): whole files are drawn again with replacement, seeded,
so that the same files give the same interval.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rvae.audit.figure import Figure, Measure

RESAMPLES = 1000
FEWEST_FILES = 5
LEVEL_PERCENT = (2.5, 97.5)
INTERVAL_WORDS = (
    f"95 % intervals: cluster bootstrap over files, {RESAMPLES} resamples with a fixed seed, percentiles; none is "
    f"given with fewer than {FEWEST_FILES} files"
)
Sums = npt.NDArray[np.float64]


def ratio(
    measure: Measure,
    above: npt.ArrayLike,
    below: npt.ArrayLike,
    *,
    of: tuple[tuple[str, str], ...] = (),
    scale: float = 1.0,
) -> Figure:
    """A share or mean over files: sum of `above` by sum of `below`, each `[files]`, times `scale` (100 for per cent).

    `n` is the sum of `below`. No value where that is 0; no interval with fewer than `FEWEST_FILES` files in it.
    """
    over, under = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    here = under > 0
    over, under = over[here], under[here]
    n = round(float(under.sum()))
    if not len(under):
        return Figure(measure, None, 0, of)
    value = scale * float(over.sum() / under.sum())
    return Figure(measure, value, n, of, _interval(over, under, scale))


def _interval(over: Sums, under: Sums, scale: float) -> tuple[float, float] | None:
    files = len(under)
    if files < FEWEST_FILES:
        return None
    drawn = np.random.default_rng(0).multinomial(files, np.full(files, 1 / files), size=RESAMPLES)
    low, high = np.percentile(scale * (drawn @ over) / (drawn @ under), LEVEL_PERCENT)
    return float(low), float(high)


def share(measure: Measure, count: float, total: float, *, of: tuple[tuple[str, str], ...] = ()) -> Figure:
    """A share that was counted, not estimated, in per cent: it has no interval."""
    return Figure(measure, 100 * count / total if total else None, round(total), of)


def count(measure: Measure, value: float, *, of: tuple[tuple[str, str], ...] = (), n: int | None = None) -> Figure:
    """Something counted; `n`: out of how many, itself where nothing is said."""
    return Figure(measure, float(value), round(value) if n is None else n, of)
