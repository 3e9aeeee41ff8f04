"""Estimates with their intervals: shares and means over the files of a corpus.

A corpus is a sample of files, not of onsets: the onsets of a take are alike. The interval is therefore a cluster
bootstrap (Efron and Tibshirani 1993; Davison and Hinkley 1997): whole files are drawn again with replacement, seeded,
so that the same files give the same interval.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rvae.audit.figure import Figure, Measure

RESAMPLES = 1000
FEWEST_FILES = 5
LEVEL_PERCENT = (2.5, 97.5)
INTERVAL_WORDS = (
    f"95 % intervals: cluster bootstrap over files, {RESAMPLES} resamples with a fixed seed, percentiles; none is "
    f"given with fewer than {FEWEST_FILES} files, or where all of them say the same"
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


def evenness(measure: Measure, counts: npt.ArrayLike, *, of: tuple[tuple[str, str], ...] = ()) -> Figure:
    """How evenly something is spread over its kinds, 0 to 1: Pielou's J, entropy by that of an even spread.

    `counts`: `[files, kinds]`, how much of each kind is in each file. `n` is the number of kinds there are; no value
    for fewer than two of them.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) > 0]
    kinds = int((table.sum(axis=0) > 0).sum())
    if kinds < 2:
        return Figure(measure, None, kinds, of)
    value = float(_pielou(table.sum(axis=0, keepdims=True))[0])
    if len(table) < FEWEST_FILES:
        return Figure(measure, value, kinds, of)
    low, high = np.percentile(_pielou(_drawn(len(table)) @ table), LEVEL_PERCENT)
    return Figure(measure, value, kinds, of, (float(low), float(high)))


def _pielou(sums: Sums) -> Sums:
    """J of each row `[R, kinds]`; 0 for a row of one kind."""
    share = sums / sums.sum(axis=1, keepdims=True)
    entropy = -np.sum(share * np.log(np.where(share > 0, share, 1.0)), axis=1)
    kinds = (share > 0).sum(axis=1)
    even: Sums = np.where(kinds > 1, entropy / np.log(np.maximum(kinds, 2)), 0.0)
    return even


@lru_cache(maxsize=32)
def _drawn(files: int) -> npt.NDArray[np.float32]:
    """How often each file is drawn in each resample: `[RESAMPLES, files]`."""
    often = np.random.default_rng(0).multinomial(files, np.full(files, 1 / files), size=RESAMPLES).astype(np.float32)
    often.flags.writeable = False
    return often


def _interval(over: Sums, under: Sums, scale: float) -> tuple[float, float] | None:
    files = len(under)
    if files < FEWEST_FILES:
        return None
    drawn = _drawn(files)
    low, high = np.percentile(scale * (drawn @ over) / (drawn @ under), LEVEL_PERCENT)
    return (float(low), float(high)) if low < high else None


def share(measure: Measure, count: float, total: float, *, of: tuple[tuple[str, str], ...] = ()) -> Figure:
    """A share that was counted, not estimated, in per cent: it has no interval."""
    return Figure(measure, 100 * count / total if total else None, round(total), of)


def count(measure: Measure, value: float, *, of: tuple[tuple[str, str], ...] = (), n: int | None = None) -> Figure:
    """Something counted; `n`: out of how many, itself where nothing is said."""
    return Figure(measure, float(value), round(value) if n is None else n, of)
