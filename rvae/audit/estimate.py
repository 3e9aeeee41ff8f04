"""Estimates with their intervals: shares and means over the files of a corpus.

A corpus is a sample of files, not of onsets: the onsets of a take are alike. The interval is therefore a cluster
bootstrap (Efron and Tibshirani 1993; Davison and Hinkley 1997): whole files are drawn again with replacement, seeded,
so that the same files give the same interval.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rvae.audit.figure import Figure, Measure

RESAMPLES = 1000
FEWEST_FILES = 5
LEVEL_PERCENT = (2.5, 97.5)
_ROUNDING = 1e-9  # less than this is no spread, but how sums are rounded
INTERVAL_WORDS = (
    f"95 % intervals: cluster bootstrap over files, {RESAMPLES} resamples with a fixed seed, percentiles; none is "
    f"given with fewer than {FEWEST_FILES} files, or where all of them say the same"
)
Of = tuple[tuple[str, str], ...]
Sums = npt.NDArray[np.float64]


def of_sums(
    measure: Measure, table: npt.ArrayLike, statistic: Callable[[Sums], Sums], *, n: int, of: Of = ()
) -> Figure:
    """A figure of what all files have together, with its interval.

    `table`: `[files, columns]`, what each file has; `statistic`: from sums over files `[R, columns]` to values `[R]`.
    """
    each = np.asarray(table, dtype=np.float64)
    value = float(statistic(each.sum(axis=0, keepdims=True))[0])
    if len(each) < FEWEST_FILES:
        return Figure(measure, value, n, of)
    low, high = np.percentile(statistic(_drawn(len(each)) @ each), LEVEL_PERCENT)
    spread = high - low > _ROUNDING * max(1.0, abs(value))
    return Figure(measure, value, n, of, (float(low), float(high)) if spread else None)


def ratio(measure: Measure, above: npt.ArrayLike, below: npt.ArrayLike, *, of: Of = (), scale: float = 1.0) -> Figure:
    """A share or mean over files: sum of `above` by sum of `below`, each `[files]`, times `scale` (100 for per cent).

    `n` is the sum of `below`. No value where that is 0; no interval with fewer than `FEWEST_FILES` files in it.
    """
    table = np.stack([np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)], axis=1)
    table = table[table[:, 1] > 0]
    n = round(float(table[:, 1].sum()))
    if not len(table):
        return Figure(measure, None, 0, of)
    return of_sums(measure, table, lambda sums: scale * sums[:, 0] / sums[:, 1], n=n, of=of)


def evenness(measure: Measure, counts: npt.ArrayLike, *, of: Of = ()) -> Figure:
    """How evenly something is spread over its kinds, 0 to 1: Pielou's J, entropy by that of an even spread.

    `counts`: `[files, kinds]`, how much of each kind is in each file. `n` is the number of kinds there are; no value
    for fewer than two of them.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) > 0]
    kinds = int((table.sum(axis=0) > 0).sum())
    return Figure(measure, None, kinds, of) if kinds < 2 else of_sums(measure, table, _pielou, n=kinds, of=of)


def entropy(sums: Sums) -> Sums:
    """Shannon's entropy in nats of each row `[R, kinds]` of counts; 0 for an empty one: `[R]`."""
    share = sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-300)
    nats: Sums = -np.sum(share * np.log(np.where(share > 0, share, 1.0)), axis=1) + 0.0
    return nats


def _pielou(sums: Sums) -> Sums:
    """J of each row `[R, kinds]`; 0 for a row of one kind."""
    kinds = (sums > 0).sum(axis=1)
    even: Sums = np.where(kinds > 1, entropy(sums) / np.log(np.maximum(kinds, 2)), 0.0)
    return even


@lru_cache(maxsize=32)
def _drawn(files: int) -> npt.NDArray[np.float32]:
    """How often each file is drawn in each resample: `[RESAMPLES, files]`."""
    often = np.random.default_rng(0).multinomial(files, np.full(files, 1 / files), size=RESAMPLES).astype(np.float32)
    often.flags.writeable = False
    return often


def share(measure: Measure, count: float, total: float, *, of: Of = ()) -> Figure:
    """A share that was counted, not estimated, in per cent: it has no interval."""
    return Figure(measure, 100 * count / total if total else None, round(total), of)


def count(measure: Measure, value: float, *, of: Of = (), n: int | None = None) -> Figure:
    """Something counted; `n`: out of how many, itself where nothing is said."""
    return Figure(measure, float(value), round(value) if n is None else n, of)
