"""Syncopation in any meter, after Longuet-Higgins and Lee (1984), by the meter's own tree.

They call a note syncopated where a stronger place follows it in silence: before the next note of its line there comes a
place of more weight than its own, which stays empty. The weights are those of a tree: the bar, its half where equal
beats pair up, its felt beats, equal or not, and each beat in halves and halves again, or in thirds and then halves. A
dotted beat is cut in thirds, a plain one in halves, unless more of its onsets lie on the other cut. That holds for
simple, compound and additive meters alike (London 2004 on beats of unequal length). Each voice is a line of its own, as
in Witek et al. (2014): a backbeat is a syncopation of the snare.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from rvae.meter import TICKS_PER_BEAT, Meter

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SOURCE = "Longuet-Higgins and Lee 1984; lines by voice as in Witek et al. 2014; unequal beats as in London 2004"
_HALVES, _THIRDS = (12, 6, 3), (8, 4, 2)


def in_thirds(beat: Ints, tick: Ints, meter: Meter) -> Flags:
    """Whether the felt beat of each of N onsets is cut in thirds. `beat`, `tick`: int64 `[N]`, the tick 0..23."""
    used, at = np.unique(beat, return_inverse=True)
    off_halves = np.bincount(at, weights=tick % _HALVES[-1] != 0)
    off_thirds = np.bincount(at, weights=tick % _THIRDS[-1] != 0)
    dotted = np.array([meter.is_ternary_beat(number) for number in range(meter.beats)])[used % meter.beats]
    cut: Flags = np.where(off_halves == off_thirds, dotted, off_thirds < off_halves)
    chosen: Flags = cut[at]
    return chosen


def syncopated(ticks: Ints, rows: Ints, meter: Meter, *, loop_beats: int | None = None) -> Flags:
    """Which of N onsets are syncopated: `[N]`.

    `ticks`: int64 `[N]` from the first barline, in 1/24 beat; `rows`: the voice of each. `loop_beats`: where it goes
    round; otherwise silence follows the last onset of a voice.
    """
    beat, tick = np.divmod(ticks, TICKS_PER_BEAT)
    thirds = in_thirds(beat, tick, meter)
    place = ticks % meter.bar_ticks
    stronger = ticks + np.where(thirds, _to_stronger(meter, True)[place], _to_stronger(meter, False)[place])
    following = np.full(len(ticks), np.iinfo(np.int64).max)
    for row in np.unique(rows):
        mine = np.flatnonzero(rows == row)
        mine = mine[np.argsort(ticks[mine], kind="stable")]
        following[mine[:-1]] = ticks[mine[1:]]
        if loop_beats is not None:
            following[mine[-1]] = ticks[mine[0]] + loop_beats * TICKS_PER_BEAT
    empty: Flags = (stronger < following) & (place != 0)
    return empty


@cache
def _to_stronger(meter: Meter, thirds: bool) -> Ints:
    """How many ticks after each tick of a bar a place of more weight comes; the barline has none above it."""
    weight = np.tile(np.array([_level(meter, tick, thirds) for tick in range(meter.bar_ticks)]), 2)
    ahead = np.zeros(meter.bar_ticks, dtype=np.int64)
    for tick in range(1, meter.bar_ticks):
        ahead[tick] = int(np.argmax(weight[tick + 1 :] > weight[tick])) + 1
    ahead.flags.writeable = False
    return ahead


def _level(meter: Meter, tick: int, thirds: bool) -> int:
    """The weight of a tick: 0 for the barline, less for every level below it."""
    beat, rest = divmod(tick, TICKS_PER_BEAT)
    if rest == 0:
        pairs = meter.is_even and meter.beats >= 4 and meter.beats % 2 == 0
        return 0 if beat == 0 else -1 if pairs and beat == meter.beats // 2 else -2
    steps = _THIRDS if thirds else _HALVES
    return next((-3 - level for level, step in enumerate(steps) if rest % step == 0), -3 - len(steps))
