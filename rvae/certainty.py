"""How sure one can be of an estimate: how often such a one is right, not how far it is ahead.

What is weighed against each other in `metrical` and `tempo` says which answer is the best, and is far too sure of it
where there is little to hear. These are logistic regressions from that and from how much was heard to how often the
answer was right; docs/import-figures.md says on what they were fitted, and how they do on sets left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, log2

CERTAIN = 0.9  # from here on one may go by an estimate
SUREST = 0.99  # as it is told: nobody is wholly certain
UNSURE = 0.5  # the most where too little is heard to be sure of anything
_LEAST_ODDS, _MOST_ODDS = -2.0, 5.0
_MOST_PLACES = 32
# Constant, then one weight for each thing known, in the order of `bar_known` and `division_known`.
_BAR = (-5.86, 1.09, 5.06, 1.27)
_DIVISION = (0.85, 1.04)


def bar_known(chance: float, *, is_single: bool, places: int) -> tuple[float, ...]:
    """What tells how sure the length of a bar is: its chance among all that were weighed, whether the clip is one bar
    by its length, and at how many places there are onsets.
    """
    return _odds(chance), float(is_single), log2(min(places, _MOST_PLACES))


def division_known(chance: float) -> tuple[float, ...]:
    """What tells how sure the beats of a bar are whose length is known: their chance among those of its length."""
    return (_odds(chance),)


def of_meter(bar: Sequence[float], division: Sequence[float]) -> float:
    """How often a meter is right, 0 to 1, of which so much is known."""
    return _logistic(_BAR, bar) * _logistic(_DIVISION, division)


def _odds(chance: float) -> float:
    """A chance as log odds, within what was met when fitting."""
    if chance <= 0 or chance >= 1:
        return _LEAST_ODDS if chance <= 0 else _MOST_ODDS
    return min(max(log(chance / (1 - chance)), _LEAST_ODDS), _MOST_ODDS)


def _logistic(weights: Sequence[float], known: Sequence[float]) -> float:
    sure = weights[0] + sum(weight * value for weight, value in zip(weights[1:], known, strict=True))
    return 1 / (1 + exp(-sure))
