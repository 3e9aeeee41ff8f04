"""How sure one can be of an estimate: how often such a one is right, not how far it is ahead.

What is weighed against each other in `metrical` and `tempo` says which answer is the best, and is far too sure of it
where there is little to hear. These are logistic regressions from that and from how much was heard to how often the
answer was right. docs/fit_certainty.py fits them; docs/import-figures.md says to what, and how they do elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, log

CERTAIN = 0.9  # from here on one may go by an estimate
_SUREST = 0.99  # as it is told: nobody is wholly certain
_ROUNDING = 1e-9  # 0.29 * 100 is a little less than 29
UNSURE = 0.5  # the most where too little is heard to be sure of anything
_LEAST_ODDS, _MOST_ODDS = -2.0, 5.0


@dataclass(frozen=True, slots=True)
class Known:
    """What tells how sure an answer in two steps is: the first (how long a bar is), and the second if the first is
    right (which beats it has).
    """

    first: tuple[float, ...]
    second: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the two steps: a constant, then one weight for each number in `Known`."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    def certainty(self, known: Known) -> float:
        """How often an answer is right, 0 to 1, of which so much is known."""
        return logistic(self.first, known.first) * logistic(self.second, known.second)


# Odds of the length of a bar among all; whether the clip is one bar by its length; places with onsets, as log2.
# Odds of the beats among the meters of that length.
METER = Weights((-6.57, 1.08, 5.94, 1.47), (0.91, 0.99))
# Odds of the tempo, its doubles and halves among all; how much more comes again off the beats than on them.
# Odds of the tempo among its doubles and halves; how alike the bars are.
TEMPO = Weights((-0.13, 0.61, -1.59), (-0.38, 0.53, 2.22))


def told(certainty: float) -> str:
    """A certainty for people, in whole percent that it reaches: what is asked about is never told as certain."""
    return f"{floor(min(certainty, _SUREST) * 100 + _ROUNDING)}%"


def odds(chance: float) -> float:
    """A chance as log odds, within what was met when fitting."""
    if chance <= 0 or chance >= 1:
        return _LEAST_ODDS if chance <= 0 else _MOST_ODDS
    return min(max(log(chance / (1 - chance)), _LEAST_ODDS), _MOST_ODDS)


def logistic(weights: Sequence[float], known: Sequence[float]) -> float:
    """The logistic function of a constant and weighted numbers, 0 to 1."""
    sure = weights[0] + sum(weight * value for weight, value in zip(weights[1:], known, strict=True))
    return 1 / (1 + exp(-sure))
