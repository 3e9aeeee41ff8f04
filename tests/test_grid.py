"""The grid: onsets to patterns and back, and which ticks are meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import grouped_meters, meters, patterns

from rvae.errors import PatternError
from rvae.grid import DIVISIONS, QUANTISERS, Onset, Quantised, onsets_to_pattern, pattern_to_onsets, quantise
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
TWELVE = Meter.parse("12/8")
MODES = st.sampled_from(QUANTISERS)
TICK_MS_AT_120 = 60_000 / 120 / 24


@st.composite
def onset_lists(draw: st.DrawFn, meter: Meter, bars: int) -> list[Onset]:
    """Onsets anywhere in a cycle, some exactly on ticks, no two of a voice with one nearest tick."""
    cycle_ticks = bars * meter.bar_ticks
    anywhere = st.floats(0, cycle_ticks, exclude_max=True) | st.integers(0, cycle_ticks - 1).map(float)
    onsets = draw(st.lists(st.builds(Onset, anywhere, st.integers(0, 8), st.integers(1, 127)), max_size=40))
    by_tick = {(int(np.floor(onset.ticks + 0.5)) % cycle_ticks, onset.voice): onset for onset in onsets}
    return list(by_tick.values())


@given(st.data(), meters(), st.sampled_from([1, 2, 4]), MODES)
def test_every_onset_comes_back_where_it_was(data: st.DataObject, meter: Meter, bars: int, mode: str) -> None:
    onsets = data.draw(onset_lists(meter, bars))
    pattern, collisions = onsets_to_pattern(onsets, meter, bars=bars, mode=mode)
    cycle_ticks = bars * meter.bar_ticks
    assert collisions == 0
    assert pattern.onsets == len(onsets)
    left = list(onsets)
    for back in pattern_to_onsets(pattern):
        around = (abs((back.ticks - onset.ticks + cycle_ticks / 2) % cycle_ticks - cycle_ticks / 2) for onset in left)
        match = min(
            (away, place) for place, away in enumerate(around) if left[place][1:] == (back.voice, back.velocity)
        )
        assert match[0] < 1e-6
        del left[match[1]]


@given(patterns())
def test_a_pattern_on_nearest_ticks_comes_back_exactly(pattern: Pattern) -> None:
    near = Pattern.of_arrays(pattern.onset, pattern.velocity, pattern.microtiming / 8, pattern.meter, bars=pattern.bars)
    back, collisions = onsets_to_pattern(pattern_to_onsets(near), near.meter, bars=near.bars, mode="nearest")
    assert collisions == 0
    assert np.array_equal(back.onset, near.onset)
    assert np.array_equal(back.midi_velocity, near.midi_velocity)
    assert np.allclose(back.microtiming, near.microtiming, atol=1e-6)


@given(patterns(), st.data())
def test_a_pattern_moved_to_a_meter_of_as_many_beats_keeps_its_ticks_as_notes(
    pattern: Pattern, data: st.DataObject
) -> None:
    moved = pattern.in_meter(data.draw(grouped_meters(beats=pattern.meter.beats)))
    assert pattern_to_onsets(moved) == pattern_to_onsets(pattern)


@given(st.data(), meters(), MODES)
def test_of_two_onsets_on_one_tick_the_louder_stays_and_the_loss_is_counted(
    data: st.DataObject, meter: Meter, mode: str
) -> None:
    ticks = data.draw(st.floats(0, meter.bar_ticks - 1))
    soft = Onset(ticks, 3, 40)
    pattern, collisions = onsets_to_pattern([soft, Onset(ticks, 3, 90), soft], meter, bars=1, mode=mode)
    assert collisions == 2
    assert [onset.velocity for onset in pattern_to_onsets(pattern)] == [90]


@given(st.data(), meters(), st.sampled_from([4, 12, 24]))
def test_coarser_grids_keep_the_place_within_half_a_tick_of_theirs(
    data: st.DataObject, meter: Meter, ticks_per_beat: int
) -> None:
    ticks = data.draw(st.floats(0, meter.bar_ticks, exclude_max=True))
    pattern, _ = onsets_to_pattern([Onset(ticks, 0, 1)], meter, bars=1, ticks_per_beat=ticks_per_beat, mode="nearest")
    assert pattern.ticks == meter.beats * ticks_per_beat
    assert np.abs(pattern.microtiming).max() <= 0.5
    (back,) = pattern_to_onsets(pattern)
    assert min(abs(back.ticks - ticks), abs(back.ticks + meter.bar_ticks - ticks)) < 1e-5


def test_a_coarser_grid_loses_what_it_cannot_tell_apart() -> None:
    roll = [Onset(3.0 * tick, 1, 100) for tick in range(8)]
    assert onsets_to_pattern(roll, FOUR, ticks_per_beat=4)[1] == 3  # the last goes to the next beat
    assert onsets_to_pattern(roll, FOUR, ticks_per_beat=24)[1] == 0


def test_an_onset_just_before_the_end_is_the_first_one_played_early() -> None:
    pattern, _ = onsets_to_pattern([Onset(95.4, 0, 100)], FOUR, bars=1)
    assert pattern.onset[0, 0] == 1
    assert pattern.microtiming[0, 0] == pytest.approx(-0.6)


def played(
    places: Sequence[float],
    *,
    bars: int = 8,
    scatter_ms: float = 12,
    lean_ms: float = -12,
    bpm: float = 120,
    seed: int = 1,
) -> tuple[np.ndarray, np.ndarray, float]:
    """One voice at these places of every beat, scattered and early as people are: beats, places and a tick in ms."""
    tick_ms = 60_000 / bpm / 24
    exact = np.add.outer(np.arange(bars * 4) * 24.0, np.array(places)).ravel() + 24 * 4
    away_ms = np.random.default_rng(seed).normal(lean_ms, scatter_ms, exact.shape)
    at = np.sort(exact + away_ms / tick_ms)
    return np.floor(at / 24).astype(np.int64), at % 24, tick_ms


def read(
    beats: np.ndarray, places: np.ndarray, tick_ms: float, meter: Meter = FOUR, mode: str = "subdivision"
) -> Quantised:
    voices = np.arange(len(beats)) % 9  # neighbours are never of one voice
    return quantise(beats, places, voices, np.full(len(beats), 90), meter, tick_ms=tick_ms, mode=mode)


def share(found: Quantised, places: set[int]) -> float:
    return float(np.isin(found.ticks % 24, sorted(places)).mean())


@pytest.mark.parametrize("bpm", [70, 95, 120, 140])
@pytest.mark.parametrize("lean_ms", [-30, -12, 0, 12])
@pytest.mark.parametrize(
    ("places", "meter"),
    [((0, 12), FOUR), ((0, 6, 12, 18), FOUR), ((0, 16), FOUR), ((0, 8, 16), FOUR), ((0, 8, 16), TWELVE)],
)
def test_played_straight_it_comes_out_straight_and_shuffled_it_comes_out_in_three(
    places: tuple[int, ...], meter: Meter, lean_ms: float, bpm: float
) -> None:
    found = read(*played(places, lean_ms=lean_ms, bpm=bpm), meter)
    assert share(found, set(places)) > 0.95


def test_the_nearest_tick_scatters_where_the_subdivision_does_not() -> None:
    take = played((0, 6, 12, 18))
    assert share(read(*take), {0, 6, 12, 18}) > 0.95
    assert share(read(*take, mode="nearest"), {0, 6, 12, 18}) < 0.7


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_a_stray_onset_does_not_turn_the_reading_of_its_beat(seed: int) -> None:
    beats, places, tick_ms = played((0, 6, 12, 18), seed=seed, scatter_ms=5, lean_ms=0)
    places = places.copy()
    places[30] = 8.1
    others = np.arange(len(beats)) != 30
    assert np.isin(read(beats, places, tick_ms).ticks[others] % 24, [0, 6, 12, 18]).all()


def test_a_triplet_among_sixteenths_is_read_as_one() -> None:
    straight = [(beat, place) for beat in range(16) if beat != 7 for place in (0, 6, 12, 18)]
    rows = np.array(sorted([*straight, (7, 0), (7, 8), (7, 16)]))
    away = np.random.default_rng(3).normal(0, 0.3, len(rows))
    at = rows[:, 0] * 24 + rows[:, 1] + 24 + away
    found = read(np.floor(at / 24).astype(np.int64), at % 24, TICK_MS_AT_120)
    assert (found.ticks == rows[:, 0] * 24 + rows[:, 1] + 24).all()


def test_a_roll_of_32nds_keeps_its_onsets() -> None:
    found = read(*played((0, 3, 6, 9, 12, 15, 18, 21), scatter_ms=4, lean_ms=0, bpm=80))
    assert share(found, set(range(0, 24, 3))) > 0.97


def test_a_flam_stays_two_onsets() -> None:
    beat = [Onset(24.0 * tick, 0, 100) for tick in range(8)]
    flam = [Onset(22.6, 1, 40), Onset(24.0, 1, 110)]
    pattern, collisions = onsets_to_pattern(beat + flam, FOUR)
    assert collisions == 0
    snares = [onset for onset in pattern_to_onsets(pattern) if onset.voice == 1]
    assert [onset.velocity for onset in snares] == [40, 110]
    assert [onset.ticks for onset in snares] == pytest.approx([22.6, 24.0])


@pytest.mark.parametrize("division", DIVISIONS)
def test_what_a_machine_wrote_on_ticks_stays_on_them(division: int) -> None:
    step = 24 // division
    onsets = [Onset(float(tick), tick % 3, 80) for tick in range(0, 192, step)]
    pattern, _ = onsets_to_pattern(onsets, FOUR)
    assert pattern_to_onsets(pattern) == onsets


@given(st.data(), meters())
def test_no_onset_lies_more_than_three_ticks_from_its_tick(data: st.DataObject, meter: Meter) -> None:
    onsets = data.draw(onset_lists(meter, 2))
    pattern, _ = onsets_to_pattern(onsets, meter, qpm=data.draw(st.floats(30, 300)))
    assert np.abs(pattern.microtiming).max() <= 3


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0, 23.9)), min_size=1, max_size=60), meters(), st.floats(5, 60))
def test_no_onset_of_a_stretch_falls_before_it(at: list[tuple[int, float]], meter: Meter, tick_ms: float) -> None:
    beats = np.array([beat for beat, _ in at], dtype=np.int64)
    found = read(beats, np.array([place for _, place in at]), tick_ms, meter)
    assert found.ticks.min() >= 0


def test_an_onset_at_the_start_of_a_take_played_late_does_not_fall_before_it() -> None:
    beats = np.array([0, 0, *np.repeat(np.arange(4, 12), 2)])
    places = np.array([0.1, 4.2, *np.tile([2.9, 14.9], 8)])
    found = read(beats, places, 30.0)
    assert found.ticks[0] == 0


@pytest.mark.parametrize(
    "onset", [Onset(192, 0, 100), Onset(-4, 0, 100), Onset(0, 9, 100), Onset(0, 0, 0), Onset(0, 0, 128)]
)
def test_an_onset_that_is_not_of_the_cycle_is_refused(onset: Onset) -> None:
    with pytest.raises(PatternError, match="Onset"):
        onsets_to_pattern([onset], FOUR)


def test_a_grid_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(PatternError, match="4, 12, 24"):
        onsets_to_pattern([], FOUR, ticks_per_beat=16)
