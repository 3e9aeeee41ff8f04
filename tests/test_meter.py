"""Meters: what their names mean, and that nothing drifts."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import meters

from rvae.errors import MeterError
from rvae.meter import TICKS_PER_BEAT, Meter


@pytest.mark.parametrize(
    ("name", "beats"),
    [
        ("4/4", (2, 2, 2, 2)), ("3/4", (2, 2, 2)), ("6/8", (3, 3)), ("9/8", (3, 3, 3)), ("12/8", (3, 3, 3, 3)),
        ("2/2", (4, 4)), ("5/4", (2, 2, 2, 2, 2)), ("5/8", (2, 3)), ("5/8(3+2)", (3, 2)), ("7/8", (2, 2, 3)),
        ("7/8(3+2+2)", (3, 2, 2)), ("9/8(2+2+2+3)", (2, 2, 2, 3)), ("11/8", (2, 2, 3, 2, 2)), ("3/8", (1, 1, 1)),
        ("13/8", (2, 2, 2, 2, 2, 3)), ("6/16", (Fraction(3, 2), Fraction(3, 2))), ("4/2", (4, 4, 4, 4)),
    ],
)  # fmt: skip
def test_a_signature_is_read_as_the_beats_that_are_felt(name: str, beats: tuple[int, ...]) -> None:
    assert Meter.parse(name).beat_eighths == beats


@given(meters())
def test_the_name_of_a_meter_reads_back_as_it(meter: Meter) -> None:
    assert Meter.parse(meter.name) == meter
    assert Meter.parse(meter.label) == meter


@given(meters())
def test_the_grouping_is_shown_only_where_it_is_not_the_usual_one(meter: Meter) -> None:
    try:
        usual = Meter.of(meter.numerator, meter.denominator)
    except MeterError:  # a bar of too many beats unless a grouping is given
        usual = None
    assert ("(" in meter.name) == (usual != meter)


@given(meters(), st.fractions(-1000, 1000, max_denominator=19200))
def test_ticks_and_quarters_are_exact_inverses(meter: Meter, quarters: Fraction) -> None:
    assert meter.quarters_at(meter.ticks_at(quarters)) == quarters


@given(meters(), st.integers(-100_000, 100_000))
def test_barlines_never_drift(meter: Meter, bar: int) -> None:
    assert meter.quarters_at(bar * meter.bar_ticks) == bar * meter.bar_quarters
    assert meter.ticks_at(bar * meter.bar_quarters) == bar * meter.bar_ticks


@given(meters(), st.integers(0, 400))
def test_positions_grow_with_ticks(meter: Meter, tick: int) -> None:
    assert meter.quarters_at(tick) < meter.quarters_at(tick + 1)


@given(meters())
def test_every_beat_has_as_many_ticks_whatever_its_length(meter: Meter) -> None:
    starts = [meter.quarters_at(beat * TICKS_PER_BEAT) for beat in range(meter.beats + 1)]
    lengths = [(after - before) * 2 for before, after in pairwise(starts)]
    assert tuple(lengths) == meter.beat_eighths
    assert meter.bar_ticks == meter.beats * TICKS_PER_BEAT


@given(meters(), st.floats(20, 300))
def test_felt_tempo_and_quarters_per_minute_are_inverses(meter: Meter, bpm: float) -> None:
    assert meter.bpm_of(meter.qpm_of(bpm)) == pytest.approx(bpm)


def test_six_eight_at_60_is_90_quarters_a_minute() -> None:
    assert Meter.parse("6/8").qpm_of(60) == 90


@given(meters())
def test_the_barline_weighs_most_and_beats_more_than_what_is_between(meter: Meter) -> None:
    weights = meter.metric_weights()
    beats = weights[::TICKS_PER_BEAT]
    between = [weight for tick, weight in enumerate(weights) if tick % TICKS_PER_BEAT]
    assert len(weights) == meter.bar_ticks
    assert weights[0] == max(weights) == 1
    assert min(beats) > max(between)


def test_halves_come_first_in_a_plain_beat_and_thirds_in_a_dotted_one() -> None:
    plain, dotted = Meter.parse("4/4"), Meter.parse("12/8")
    assert plain.metric_weight(12) > plain.metric_weight(8)
    assert dotted.metric_weight(8) > dotted.metric_weight(12)


@pytest.mark.parametrize(
    "name", ["", "4", "4/5", "0/4", "7/8(2+2+2)", "7/8()", "7/8(0+7)", "-4/4", "four four", "33/4", "4/4/4", "999/999"]
)
def test_what_is_no_meter_is_refused_in_one_line_that_names_it(name: str) -> None:
    with pytest.raises(MeterError) as refusal:
        Meter.parse(name)
    text = str(refusal.value)
    assert "\n" not in text
    assert name.split("(")[0] in text


def test_beats_that_do_not_fill_the_bar_are_refused() -> None:
    with pytest.raises(MeterError, match="add up"):
        Meter(4, 4, (Fraction(2), Fraction(2)))
