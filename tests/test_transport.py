from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music import meters

from performance.clock import VirtualClock
from performance.transport import Bars, Transport
from rvae.errors import UsageError
from rvae.meter import Meter

tempos = st.fractions(20, 300, max_denominator=100)
positions = st.fractions(0, 500, max_denominator=96)


@given(meters, st.integers(0, 10_000), st.integers(0, 10_000))
def test_every_tick_of_every_bar_comes_back_exactly(meter: Meter, bar: int, tick: int) -> None:
    tick %= meter.bar_ticks
    bars = Bars.of(meter)
    place = bars.place_at(bars.quarters_at(bar, tick))
    assert (place.bar, place.ticks, place.meter) == (bar, tick, meter)


@given(st.lists(st.tuples(meters, st.integers(1, 5)), min_size=1, max_size=6), positions)
def test_places_survive_any_row_of_meter_changes(changes: list[tuple[Meter, int]], quarters: Fraction) -> None:
    bars, bar = Bars.of(changes[0][0]), 0
    for meter, length in changes[1:]:
        bar += length
        bars = bars.with_meter(meter, bar)
    place = bars.place_at(quarters)
    assert bars.quarters_at(place.bar, place.ticks) == quarters
    assert 0 <= place.ticks < place.meter.bar_ticks
    kept = bars.since(place.bar)
    assert kept.place_at(quarters) == place
    assert kept.quarters_at(place.bar + 7, 5) == bars.quarters_at(place.bar + 7, 5)


@given(tempos, positions)
def test_time_and_position_are_each_others_inverse_to_the_nanosecond(qpm: Fraction, quarters: Fraction) -> None:
    transport = Transport(12_345, Fraction(0), qpm, Bars.of(Meter.parse("4/4")))
    off = transport.quarters_at(transport.ns_at(quarters)) - quarters
    assert abs(off) * 60_000_000_000 / qpm <= Fraction(1, 2)


@given(st.lists(st.tuples(tempos, st.fractions(Fraction(1, 50), 4, max_denominator=50)), max_size=20))
def test_a_tempo_change_never_moves_the_position_it_is_made_at(changes: list[tuple[Fraction, Fraction]]) -> None:
    transport = Transport(0, Fraction(0), Fraction(120), Bars.of(Meter.parse("4/4")))
    quarters, exact_ns = Fraction(0), Fraction(0)
    for qpm, length in changes:
        exact_ns += length * 60_000_000_000 / transport.qpm
        quarters += length
        before = transport.ns_at(quarters)
        transport = transport.with_qpm(qpm, quarters)
        assert transport.ns_at(quarters) == before
    assert abs(transport.ns_at(quarters) - exact_ns) <= len(changes)


def test_a_day_at_an_awkward_tempo_does_not_drift() -> None:
    transport = Transport(0, Fraction(0), Fraction(1333, 10), Bars.of(Meter.parse("7/8")))
    beats = 24 * 60 * 1333 // 10
    assert transport.ns_at(Fraction(beats)) == round(Fraction(beats) * 600_000_000_000 / 1333)


def test_an_impossible_tempo_is_refused() -> None:
    with pytest.raises(UsageError, match="10 to 999"):
        Transport(0, Fraction(0), Fraction(5), Bars.of(Meter.parse("4/4")))


def test_a_virtual_clock_moves_by_sleeping_only_and_never_back() -> None:
    clock = VirtualClock(5)
    clock.sleep_until(3)
    assert clock.now_ns() == 5
    clock.sleep_until(9)
    clock.stall(2)
    assert clock.now_ns() == 11
