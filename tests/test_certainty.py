"""How sure an estimate is: a share of right answers, that grows with what is heard."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rvae.again import Again
from rvae.certainty import CERTAIN, METER, TEMPO, Known, odds, told
from rvae.kit import Kit, Voice
from rvae.parts import KICK, OTHER, SNARE, parts_of

CHANCES = st.floats(0, 1)


@given(CHANCES, CHANCES, CHANCES)
def test_what_is_likelier_is_never_less_certain(first: float, less: float, more: float) -> None:
    less, more = sorted((less, more))
    for weights, rest in ((METER, (0.0, 4.0)), (TEMPO, (0.0,))):
        second = (odds(first), *(0.0 for _ in weights.second[2:]))
        low = weights.certainty(Known((odds(less), *rest), second))
        high = weights.certainty(Known((odds(more), *rest), second))
        assert 0 < low <= high < 1


def test_something_that_comes_again_off_the_beats_makes_a_tempo_less_certain() -> None:
    on_beats, off_beats = (TEMPO.certainty(Known((5.0, again), (5.0, 0.3))) for again in (-0.5, 0.5))
    assert off_beats < CERTAIN < on_beats


def test_nobody_is_told_to_be_wholly_certain() -> None:
    assert told(1.0) == "99%"
    assert told(0.5) == "50%"
    assert told(0.29) == "29%"
    assert told(CERTAIN - 0.001) == "89%"  # what is asked about is not told as what is gone by


def test_onsets_that_come_again_are_as_alike_as_can_be() -> None:
    again = Again(np.array([0, 3, 4, 7, 8, 11]), np.array([36, 38, 36, 38, 36, 38]))
    assert again.at(4) == 1.0
    assert again.at(3) == 0.0
    assert again.ahead(4, 1) > 0.5


def test_parts_are_told_by_the_names_of_a_kit_of_ones_own() -> None:
    parts = parts_of(Kit("mine", (Voice("kick_low", (24,), 24), Voice("rim", (25,), 25), Voice("bell", (36,), 36))))
    assert [parts[pitch] for pitch in (24, 25, 36, 99)] == [KICK, SNARE, OTHER, OTHER]
