"""Musical time to seconds, exactly."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from rvae.time import quarters_to_s, s_to_quarters, us_per_quarter_to_qpm

tempos = st.integers(1, 0xFFFFFF).map(us_per_quarter_to_qpm)


@given(st.fractions(-(10**6), 10**6, max_denominator=19_200), tempos)
def test_quarters_and_seconds_are_exact_inverses(quarters: Fraction, qpm: Fraction) -> None:
    assert s_to_quarters(quarters_to_s(quarters, qpm), qpm) == quarters


@given(tempos)
def test_a_minute_holds_as_many_quarters_as_the_tempo_says(qpm: Fraction) -> None:
    assert quarters_to_s(qpm, qpm) == 60


def test_half_a_million_microseconds_a_quarter_is_120() -> None:
    assert us_per_quarter_to_qpm(500_000) == 120
