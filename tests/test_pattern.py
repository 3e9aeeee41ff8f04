"""Patterns: arrays that cannot be wrong once they are a pattern."""

from __future__ import annotations

import copy
import pickle
import random
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import grouped_meters, patterns

from rvae.errors import PatternError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern, velocity_to_midi

FOUR = Meter.parse("4/4")


def arrays(**changes: float) -> dict[str, np.ndarray]:
    """One onset at tick 5 of the first voice, with some of its values changed."""
    values = {"onset": 1, "velocity": 0.5, "microtiming": 0.25} | changes
    made = {name: np.zeros((9, 192), np.float32) for name in values}
    for name, value in values.items():
        made[name][0, 5] = value
    return made


@given(patterns())
def test_a_pattern_has_a_row_per_voice_and_24_columns_per_beat(pattern: Pattern) -> None:
    assert pattern.onset.shape == (len(pattern.kit), pattern.bars * pattern.meter.beats * 24)
    assert pattern.quarters == pattern.meter.bar_quarters * pattern.bars
    assert pattern.onsets == int((pattern.onset == 1).sum())


@given(patterns())
def test_a_pattern_cannot_be_written_to(pattern: Pattern) -> None:
    for array in (pattern.onset, pattern.velocity, pattern.microtiming):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_a_pattern_does_not_change_with_the_arrays_it_was_made_of() -> None:
    made = arrays()
    pattern = Pattern(**made, meter=FOUR)
    made["onset"][:] = 0
    assert pattern.onsets == 1


@given(patterns(), st.data())
def test_moved_to_a_meter_of_as_many_beats_it_keeps_its_ticks(pattern: Pattern, data: st.DataObject) -> None:
    meter = data.draw(grouped_meters(beats=pattern.meter.beats))
    moved = pattern.in_meter(meter)
    assert moved.meter == meter
    for name in ("onset", "velocity", "microtiming"):
        assert np.array_equal(getattr(moved, name), getattr(pattern, name))
    assert moved.in_meter(pattern.meter).same_as(pattern)


@pytest.mark.parametrize(
    ("one", "other"), [("4/4", "12/8"), ("7/8(2+2+3)", "3/4"), ("3/4", "9/8"), ("6/8", "5/8(3+2)")]
)
def test_meters_with_as_many_beats_share_patterns(one: str, other: str) -> None:
    pattern = Pattern.silent(Meter.parse(one))
    assert pattern.in_meter(Meter.parse(other)).ticks == pattern.ticks


def test_a_meter_of_more_beats_is_refused_by_name() -> None:
    with pytest.raises(PatternError, match="3/4 has 3"):
        Pattern.silent(FOUR).in_meter(Meter.parse("3/4"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"onset": 2}, {"onset": 0.5}, {"velocity": 0}, {"velocity": 1.5}, {"velocity": -0.1}, {"microtiming": 3.5},
        {"microtiming": float("nan")}, {"velocity": float("inf")}, {"onset": 0},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PatternError):
        Pattern(**arrays(**wrong), meter=FOUR)


@pytest.mark.parametrize("onset", [np.full((9, 192), 0.4), np.full((9, 192), -0.4), np.full((9, 192), 256)])
def test_probabilities_are_not_taken_for_silence(onset: np.ndarray) -> None:
    nothing = np.zeros((9, 192), np.float32)
    with pytest.raises(PatternError, match="threshold the probabilities first"):
        Pattern(onset, nothing, nothing, FOUR)


def test_arrays_of_another_shape_are_refused_with_the_right_one() -> None:
    with pytest.raises(PatternError, match=r"\(9, 144\)"):
        Pattern(**arrays(), meter=Meter.parse("3/4"))


@pytest.mark.parametrize("velocity", range(1, 128))
def test_midi_velocities_come_back_exactly(velocity: int) -> None:
    pattern = Pattern(**arrays(velocity=velocity / 127), meter=FOUR)
    assert pattern.midi_velocity[0, 5] == velocity
    assert velocity_to_midi(velocity / 127) == velocity


def test_no_onset_is_so_soft_that_it_becomes_a_note_off() -> None:
    assert velocity_to_midi(0.0001) == 1


@given(patterns())
def test_a_pattern_is_the_same_as_itself_and_not_as_one_with_an_onset_less(pattern: Pattern) -> None:
    assume(pattern.onsets)
    assert pattern.same_as(pattern)
    onset = pattern.onset.copy()
    onset[tuple(np.argwhere(onset == 1)[0])] = 0
    fewer = Pattern.of_arrays(onset, pattern.velocity, pattern.microtiming, pattern.meter, bars=pattern.bars)
    assert not pattern.same_as(fewer)


def test_a_pattern_keeps_only_its_onsets_and_gives_whole_arrays() -> None:
    shape = (9, 192)
    onset, velocity, microtiming = np.zeros(shape, np.int8), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    onset[0, ::24], velocity[0, ::24], microtiming[0, ::24] = 1, 0.3, -0.7
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    many = [Pattern(onset, velocity, microtiming, Meter.parse("4/4")) for _ in range(500)]
    kept_bytes = (tracemalloc.get_traced_memory()[0] - before) / len(many)
    tracemalloc.stop()
    assert kept_bytes < onset.nbytes
    for array, made_of in ((many[0].velocity, velocity), (many[0].microtiming, microtiming)):
        assert np.array_equal(array, made_of)
        assert not array.flags.writeable
    for again in (pickle.loads(pickle.dumps(many[0])), copy.deepcopy(many[0]), replace(many[0])):
        assert again.same_as(many[0])
    with pytest.raises(AttributeError, match="loudness"):
        many[0].loudness  # noqa: B018  # asking is what is tried


@pytest.mark.parametrize(("velocities", "most"), [("as MIDI has them", 7), ("any", 10)])
def test_an_onset_takes_few_bytes_and_comes_back_to_the_bit(velocities: str, most: int) -> None:
    chance = np.random.default_rng(1)
    onset = chance.random((9, 192)) < 0.5
    loud = (chance.integers(1, 128, onset.shape) / 127) if most == 7 else chance.uniform(0.01, 1, onset.shape)
    values = [np.where(onset, each, 0).astype(np.float32) for each in (loud, chance.uniform(-3, 3, onset.shape))]
    pattern = Pattern(onset, *values, FOUR)
    assert len(pickle.dumps(pattern)) - len(pickle.dumps(Pattern.silent(FOUR))) < most * pattern.onsets + 20
    assert [each.tobytes() for each in (pattern.velocity, pattern.microtiming)] == [each.tobytes() for each in values]


def test_a_pattern_of_more_cells_than_16_bits_tell_keeps_the_last_of_them() -> None:
    onset = np.zeros((9, 80 * 96), np.int8)  # a stranger's journal may hold such a one
    onset[[0, 8], [0, -1]] = 1
    pattern = Pattern(onset, onset * np.float32(0.5), onset * np.float32(0.25), FOUR, 80)
    assert np.array_equal(pattern.onset, onset)
    assert np.array_equal(pattern.velocity, onset * np.float32(0.5))
    assert [each.tolist() for each in pattern.each_onset()[:2]] == [[0, 8], [0, 80 * 96 - 1]]


@given(patterns(), st.randoms(use_true_random=False))
def test_a_pattern_is_made_again_of_its_onsets_in_any_order(pattern: Pattern, chance: random.Random) -> None:
    onsets = pattern.each_onset()
    assert all(len(each) == pattern.onsets for each in onsets)
    order = list(range(pattern.onsets))
    chance.shuffle(order)
    rows, ticks, velocity, microtiming = (each[np.array(order, dtype=np.int64)] for each in onsets)
    onsets, cycles = (rows, ticks, velocity, microtiming), np.full(pattern.onsets, 3)
    again = Pattern.cycles_of(cycles, onsets, pattern.meter, pattern.bars, pattern.kit)
    assert len(again) == (pattern.onsets > 0)
    assert all(made.same_as(pattern) and made.first_bar == 3 * pattern.bars for made in again)


@pytest.mark.parametrize(
    ("rows", "ticks", "velocity", "microtiming"),
    [([0, 0], [5, 5], 0.5, 0.0), ([9], [0], 0.5, 0.0), ([0], [192], 0.5, 0.0), ([0], [-1], 0.5, 0.0),
     ([0], [5], 0.0, 0.0), ([0], [5], 1e-60, 0.0), ([0], [5], float("nan"), 0.0), ([0], [5], 0.5, 3.5)],
)  # fmt: skip
def test_onsets_that_make_no_pattern_are_refused(
    rows: list[int], ticks: list[int], velocity: float, microtiming: float
) -> None:
    values = np.full(len(rows), velocity), np.full(len(rows), microtiming)
    onsets = np.array(rows), np.array(ticks), *values
    with pytest.raises(PatternError):
        Pattern.cycles_of(np.zeros(len(rows), np.int64), onsets, FOUR, 2, STANDARD_KIT)
