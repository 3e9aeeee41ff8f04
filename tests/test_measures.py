"""The measures, by cases worked out by hand and by other ways to the same number."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from small_models import FOUR, pattern_of
from strategies import meters, patterns

from rvae import Meter, Pattern
from rvae.measures import LATTICE, Match, PlaneMeasures, exact_f1, lattice, match, matched_ticks, plane_measures

KICK, SNARE = 0, 1
MOVES = 2 * LATTICE * (LATTICE - 1)
Plane = npt.NDArray[np.bool_]


def test_an_onset_a_tick_off_counts_in_the_window_and_not_on_the_tick() -> None:
    found = match(pattern_of([(KICK, 1), (KICK, 24)]), pattern_of([(KICK, 0), (KICK, 24)]))
    assert (found.onset_f1, found.onset_f1_exact) == (1.0, 0.5)


def test_two_ticks_off_is_a_miss() -> None:
    found = match(pattern_of([(KICK, 2)]), pattern_of([(KICK, 0)]))
    assert (found.onset_f1, found.onset_precision, found.onset_recall) == (0.0, 0.0, 0.0)


def test_an_onset_is_matched_once_and_in_its_own_voice() -> None:
    true = pattern_of([(KICK, 24), (SNARE, 48)])
    found = match(pattern_of([(KICK, 23), (KICK, 25), (KICK, 48)]), true)
    assert (found.hits, found.given, found.true) == (1, 3, 2)
    assert (found.onset_precision, found.onset_recall, found.onset_f1) == (1 / 3, 1 / 2, 2 / 5)


def test_silence_is_right_where_there_is_silence_and_wrong_elsewhere() -> None:
    silence, kick = Pattern.silent(FOUR), pattern_of([(KICK, 0)])
    assert match(silence, silence).onset_f1 == match(silence, silence).onset_precision == 1.0
    assert match(silence, kick).onset_f1 == match(silence, kick).onset_precision == 0.0
    assert match(kick, silence).onset_f1 == match(kick, silence).onset_recall == 0.0


def test_velocity_is_off_by_so_many_of_127_over_the_matched_onsets_alone() -> None:
    true = pattern_of([(KICK, 0), (KICK, 24)], velocity=100)
    ours = pattern_of([(KICK, 0), (SNARE, 5)], velocity=90)
    assert match(ours, true).velocity_mae == pytest.approx(10, abs=1e-4)


@pytest.mark.parametrize(
    ("meter", "tick", "qpm", "ms"),
    [
        ("4/4", 0, 120.0, 500 / 24),  # a quarter of 500 ms has 24 ticks
        ("4/4", 30, 60.0, 1000 / 24),
        ("12/8", 30, 120.0, 750 / 24),  # the beat is a dotted quarter
        ("7/8(2+2+3)", 30, 120.0, 500 / 24),
        ("7/8(2+2+3)", 60, 120.0, 750 / 24),  # the third beat of the bar is the long one
        ("7/8(3+2+2)", 60, 120.0, 500 / 24),
    ],
)
def test_a_tick_late_is_so_many_ms_at_the_clips_tempo_in_the_beat_it_is_in(
    meter: str, tick: int, qpm: float, ms: float
) -> None:
    true = pattern_of([(KICK, tick)], Meter.parse(meter), qpm=qpm)
    late = replace(pattern_of([(KICK, tick)], true.meter, microtiming=1.0), qpm=33.0)
    assert match(late, true).microtiming_mae_ms == pytest.approx(ms)
    assert match(pattern_of([(KICK, tick + 1)], true.meter), true).microtiming_mae_ms == pytest.approx(ms)


def test_an_onset_late_by_its_tick_and_early_by_its_microtiming_is_in_time() -> None:
    true = pattern_of([(KICK, 24)], microtiming=0.5)
    assert match(pattern_of([(KICK, 25)], microtiming=-0.5), true).microtiming_mae_ms == pytest.approx(0, abs=1e-4)


def test_across_the_border_of_unequal_beats_time_is_that_of_both() -> None:
    true = pattern_of([(KICK, 48)], Meter.parse("7/8(2+2+3)"), microtiming=0.5)
    early = pattern_of([(KICK, 47)], true.meter)
    assert match(early, true).microtiming_mae_ms == pytest.approx(500 / 24 + 750 / 24 / 2)


@given(patterns(), st.data())
def test_ms_are_those_of_the_meters_own_arithmetic(true: Pattern, data: st.DataObject) -> None:
    rows, ticks = np.nonzero(true.onset)
    assume(len(rows))
    index = data.draw(st.integers(0, len(rows) - 1))
    one = pattern_of([(int(rows[index]), int(ticks[index]))], true.meter, bars=true.bars)
    off = data.draw(st.integers(-12, 12)) / 4
    late = replace(one, microtiming=np.where(one.onset == 1, off, 0.0).astype(np.float32))
    tick = int(ticks[index])
    quarters = true.meter.quarters_at(tick + Fraction(off)) - true.meter.quarters_at(tick)
    assert match(late, one).microtiming_mae_ms == pytest.approx(abs(float(quarters)) * 500, abs=1e-3)


ticks = st.lists(st.integers(0, 40), unique=True, max_size=20).map(sorted)


@given(ticks, ticks, st.integers(0, 3))
def test_as_many_onsets_are_matched_as_can_be(ours: list[int], theirs: list[int], window: int) -> None:
    pairs = matched_ticks(np.array(ours, dtype=np.int64), np.array(theirs, dtype=np.int64), window)
    near = np.abs(np.subtract.outer(np.array(ours), np.array(theirs))) <= window
    if ours and theirs:
        assert len(pairs) == near[linear_sum_assignment(near, maximize=True)].sum()
    assert all(abs(one - other) <= window for one, other in pairs)
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)


@given(patterns())
def test_a_pattern_is_itself(pattern: Pattern) -> None:
    found = match(pattern, pattern)
    assert (found.onset_f1, found.onset_f1_exact, found.velocity_mae, found.microtiming_mae_ms) == (1, 1, 0, 0)


@given(st.data(), meters())
def test_the_figures_have_no_favourite_side_and_stay_in_range(data: st.DataObject, meter: Meter) -> None:
    one, other = (data.draw(patterns(st.just(meter)).filter(lambda found: found.bars == 2)) for _ in range(2))
    there, back = match(one, other), match(other, one)
    assert there.onset_f1 == back.onset_f1
    assert there.onset_precision == back.onset_recall
    assert 0 <= there.onset_f1_exact <= there.onset_f1 <= 1
    assert exact_f1(flat(one), flat(other))[0, 0] == pytest.approx(there.onset_f1_exact)


def flat(pattern: Pattern) -> Plane:
    return pattern.onset.reshape(1, -1) == 1


def test_a_set_is_averaged_over_its_onsets_and_not_over_its_patterns() -> None:
    total = Match(hits=9, exact=9, given=9, true=9) + Match(hits=0, exact=0, given=1, true=1)
    assert total.onset_f1 == pytest.approx(0.9)


def plane_of(cell_sounds: npt.NDArray[np.bool_]) -> Plane:
    """A plane `[R * R, C]` from `[R, R, C]`."""
    return np.broadcast_to(cell_sounds, (LATTICE, LATTICE, cell_sounds.shape[-1])).reshape(LATTICE**2, -1)


def measured(onsets: Plane, clips: Plane | None = None) -> PlaneMeasures:
    return plane_measures(onsets, onsets[:1] if clips is None else clips)


def test_the_lattice_goes_from_edge_to_edge() -> None:
    points = lattice()
    assert points.shape == (LATTICE**2, 2)
    assert points.min() == 0.0
    assert points.max() == 1.0
    assert len(np.unique(points, axis=0)) == LATTICE**2


def test_on_a_plane_of_one_pattern_every_move_is_dead() -> None:
    found = measured(plane_of(np.ones((1, 1, 8), np.bool_)))
    assert (found.dead_moves, found.jumps, found.evenness) == (1.0, 0.0, 0.0)
    assert found.unique == 1 / LATTICE**2
    assert (found.clip_recall, found.blown_out) == (1.0, 0)


def test_on_a_chequered_plane_every_move_jumps() -> None:
    dark = np.add.outer(np.arange(LATTICE), np.arange(LATTICE)) % 2 == 0
    found = measured(plane_of(np.stack([dark] * 4 + [~dark] * 4, axis=-1)))
    assert (found.dead_moves, found.jumps, found.evenness) == (0.0, 1.0, 1.0)
    assert found.unique == 2 / LATTICE**2


def test_on_a_slope_where_each_move_changes_one_onset_all_is_even() -> None:
    place = np.arange(LATTICE)
    across = np.broadcast_to(place[None, :, None] > np.arange(LATTICE - 1), (LATTICE, LATTICE, LATTICE - 1))
    ground = np.ones((LATTICE, LATTICE, 4), np.bool_)  # so that one onset is never more than a quarter
    found = measured(plane_of(np.concatenate([ground, across, across.transpose(1, 0, 2)], axis=-1)))
    assert (found.unique, found.dead_moves, found.jumps, found.evenness) == (1.0, 0.0, 0.0, 1.0)


def test_one_cliff_is_so_many_jumps_on_a_dead_plane() -> None:
    right = np.arange(LATTICE) >= 10
    found = measured(plane_of(np.stack([right, ~right], axis=-1)[None]))
    assert found.jumps == pytest.approx(LATTICE / MOVES)
    assert found.dead_moves == pytest.approx(1 - LATTICE / MOVES)


@pytest.mark.parametrize(("ground", "jumps"), [(2, 1.0), (3, 0.0)])
def test_a_jump_is_more_than_a_quarter_of_the_fuller_side(ground: int, jumps: float) -> None:
    dark = np.add.outer(np.arange(LATTICE), np.arange(LATTICE)) % 2 == 0
    found = measured(plane_of(np.stack([dark, *[np.ones_like(dark)] * ground], axis=-1)))
    assert found.jumps == jumps


@pytest.mark.parametrize(("onsets", "blown_out"), [(4, 0), (5, LATTICE**2)])
def test_blown_out_is_more_than_twice_the_fullest_clip(onsets: int, blown_out: int) -> None:
    clips = np.zeros((2, 8), np.bool_)
    clips[0, 0], clips[1, :2] = True, True
    assert measured(plane_of(np.arange(8)[None, None] < onsets), clips).blown_out == blown_out


@pytest.mark.parametrize(("kept", "recall"), [(9, 0.5), (8, 0.0)])  # F1 of 18 / 19, and of 16 / 18
def test_a_clip_is_on_the_plane_where_a_place_gives_nine_tenths_of_it(kept: int, recall: float) -> None:
    clips = np.arange(20)[None] // 10 == np.arange(2)[:, None]
    plane = plane_of(np.arange(20)[None, None] < kept)
    assert measured(plane, clips).clip_recall == recall
    assert plane_measures(plane, clips, clips).clip_recall == 1.0
