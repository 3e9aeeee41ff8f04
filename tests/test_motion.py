"""Ways to move: what the cursor does by itself, and how it comes to where a hand wants it."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from performance.controls import CONTROLS
from performance.cursor import Point
from performance.gestures import SPEEDS
from performance.motion import KINDS, Kind, Manner, Moment, Motion, folded
from rvae.errors import UsageError

places = st.tuples(st.floats(0, 1), st.floats(0, 1))
manners = st.builds(
    Manner,
    kind=st.sampled_from(KINDS),
    glide_s=st.floats(0.05, 8),
    bounce=st.floats(0, 0.95),
    reach=st.floats(0, 0.5),
    round_bars=st.floats(0.25, 32),
    seed=st.integers(0, 999),
    at=st.sampled_from(["beat", "bar"]),
)
moments = st.lists(st.tuples(st.floats(0, 2), st.one_of(st.none(), st.floats(0, 300))), min_size=1, max_size=12)


def at_bars(bars: float | None, elapsed_s: float = 0.016) -> Moment:
    return Moment(elapsed_s, bars)


@given(places, places, manners, moments)
def test_the_cursor_never_leaves_the_plane(
    start: Point, end: Point, manner: Manner, times: list[tuple[float, float | None]]
) -> None:
    motion = Motion.at_rest(start).put(end, manner, at_bars(0.0))
    for elapsed_s, bars in times:
        motion = motion.moved(manner, Moment(elapsed_s, bars))
        for place in (motion.point, motion.heading(manner), motion.held(manner)):
            assert all(0 <= value <= 1 for value in place)


@given(places, places, manners)
def test_a_hand_is_followed_at_once_where_nothing_else_was_asked_for(start: Point, end: Point, manner: Manner) -> None:
    free = Motion.at_rest(start).put(end, Manner("free"), at_bars(3.3))
    assert free.point == end
    # ... and orbits and drifts begin where the hand left the cursor.
    for kind in ("orbit", "drift"):
        own = Manner(kind, reach=manner.reach, round_bars=manner.round_bars, seed=manner.seed)  # type: ignore[arg-type]
        begun = Motion.at_rest(start).put(end, own, at_bars(3.3)).moved(own, at_bars(3.3))
        assert begun.point == pytest.approx(end, abs=1e-6)


@given(places, places, st.floats(0.1, 3), st.floats(0, 0.9), st.lists(st.floats(0.001, 0.3), min_size=2, max_size=9))
def test_a_glide_does_not_depend_on_the_frames_it_is_cut_into(
    start: Point, end: Point, glide_s: float, bounce: float, frames: list[float]
) -> None:
    manner = Manner("glide", glide_s=glide_s, bounce=bounce)
    # In the middle of the plane, where no wall is met on the way.
    start, end = ((0.4 + x / 5, 0.4 + y / 5) for x, y in (start, end))
    cut = whole = Motion.at_rest(start).put(end, manner, at_bars(None))
    for frame_s in frames:
        cut = cut.moved(manner, at_bars(None, frame_s))
    whole = whole.moved(manner, at_bars(None, sum(frames)))
    assert cut.point == pytest.approx(whole.point, abs=3e-3)


def test_a_glide_sets_out_slowly_arrives_in_its_time_and_comes_to_rest() -> None:
    manner = Manner("glide", glide_s=1.0)
    motion = Motion.at_rest((0.1, 0.5)).put((0.9, 0.5), manner, at_bars(None))
    way = [motion.point[0]]
    for _ in range(240):
        motion = motion.moved(manner, at_bars(None, 1 / 60))
        way.append(motion.point[0])
    assert all(later >= earlier for earlier, later in pairwise(way)), "no bounce: it never goes back"
    assert way[1] - way[0] < way[10] - way[9], "inertia"
    assert 0.1 + 0.8 * 0.85 < way[60] < 0.1 + 0.8 * 0.95
    assert motion == Motion.at_rest((0.9, 0.5))


def test_a_glide_that_bounces_swings_past_its_place() -> None:
    manner = Manner("glide", glide_s=0.5, bounce=0.8)
    motion = Motion.at_rest((0.3, 0.5)).put((0.6, 0.5), manner, at_bars(None))
    way = []
    for _ in range(120):
        motion = motion.moved(manner, at_bars(None, 1 / 60))
        way.append(motion.point[0])
    assert max(way) > 0.65
    assert min(way[way.index(max(way)) :]) < 0.6


def test_a_glide_keeps_its_swing_when_the_hand_goes_elsewhere() -> None:
    manner = Manner("glide", glide_s=1.0)
    motion = Motion.at_rest((0.1, 0.5)).put((0.9, 0.5), manner, at_bars(None)).moved(manner, at_bars(None, 0.3))
    turned = motion.put((0.1, 0.5), manner, at_bars(None)).moved(manner, at_bars(None, 0.02))
    assert turned.point[0] > motion.point[0], "it cannot turn at once"


@pytest.mark.parametrize(("at", "bars", "lands"), [("beat", 2.3, 2.5), ("bar", 2.3, 3.0), ("beat", 2.5, 2.75)])
def test_a_jump_stands_until_the_beat_or_bar_and_is_heard_from_there(at: str, bars: float, lands: float) -> None:
    manner = Manner("jump", at=at)  # type: ignore[arg-type]
    motion = Motion.at_rest((0.1, 0.1)).put((0.5, 0.5), manner, at_bars(bars)).put((0.9, 0.2), manner, at_bars(bars))
    assert motion.heading(manner) == (0.9, 0.2), "the last one counts, and its pattern can be made ready"
    waiting = motion.moved(manner, at_bars(lands - 0.001))
    assert waiting.point == (0.1, 0.1)
    assert waiting.moved(manner, at_bars(lands)).point == (0.9, 0.2)
    assert waiting.moved(manner, at_bars(None)).point == (0.9, 0.2), "the music stopped"
    assert waiting.moved(manner, at_bars(0.0)).point == (0.9, 0.2), "the music began anew"


def test_a_jump_lands_at_once_while_nothing_plays() -> None:
    manner = Manner("jump")
    motion = Motion.at_rest((0.1, 0.1)).put((0.5, 0.5), manner, at_bars(None))
    assert motion.moved(manner, at_bars(None)).point == (0.5, 0.5)


@given(st.floats(0, 100), st.floats(0.25, 16), st.integers(0, 50))
def test_an_orbit_is_round_in_its_bars_and_in_sync(begun: float, round_bars: float, rounds: int) -> None:
    manner = Manner("orbit", reach=0.2, round_bars=round_bars)
    motion = Motion.at_rest((0.5, 0.5)).put((0.5, 0.5), manner, at_bars(begun))
    back = motion.moved(manner, at_bars(begun + rounds * round_bars))
    assert back.point == pytest.approx((0.5, 0.5), abs=1e-6)
    far = motion.moved(manner, at_bars(begun + (rounds + 0.5) * round_bars))
    assert math.dist(far.point, (0.5, 0.5)) == pytest.approx(0.4, abs=1e-6), "the other side of the circle"


@given(st.sampled_from(["orbit", "drift"]), st.integers(0, 99), st.lists(st.floats(0, 40), min_size=1, max_size=30))
def test_what_goes_by_itself_depends_on_the_bars_alone(kind: Kind, seed: int, bars: list[float]) -> None:
    manner = Manner(kind, reach=0.3, round_bars=1.5, seed=seed)
    start = Motion.at_rest((0.4, 0.6)).moved(manner, at_bars(0.0))
    stepped = start
    for bar in sorted(bars):
        stepped = stepped.moved(manner, at_bars(bar))
    direct = start
    for bar in range(math.floor(max(bars)) + 1):
        direct = direct.moved(manner, at_bars(float(bar)))
    assert stepped.point == pytest.approx(direct.moved(manner, at_bars(max(bars))).point)
    assert stepped.moved(manner, at_bars(None)) == stepped, "it stands while the music stands"


@given(places, st.integers(0, 999), st.floats(0.01, 0.5))
def test_a_drift_stays_within_reach_and_goes_smoothly(home: Point, seed: int, reach: float) -> None:
    manner = Manner("drift", reach=reach, round_bars=2, seed=seed)
    motion = Motion.at_rest(home)
    way = []
    for frame in range(400):
        motion = motion.moved(manner, at_bars(frame / 20))
        way.append(motion.point)
    assert all(abs(place[axis] - home[axis]) <= reach + 1e-9 for place in way for axis in (0, 1))
    assert max(math.dist(a, b) for a, b in pairwise(way)) < reach / 8, "no leaps"
    assert way[-1] != way[0]


def test_other_seeds_are_other_drifts() -> None:
    ends = set()
    for seed in range(5):
        manner = Manner("drift", seed=seed)
        motion = Motion.at_rest((0.5, 0.5))
        for frame in range(40):
            motion = motion.moved(manner, at_bars(frame / 2))
        ends.add(motion.point)
    assert len(ends) == 5


@given(st.floats(-9, 9), st.floats(0, 0.4), st.floats(0.5, 1))
def test_folding_turns_back_at_the_walls(value: float, low: float, high: float) -> None:
    assert low <= folded(value, low, high) <= high
    if low <= value <= high:
        assert folded(value, low, high) == pytest.approx(value)


@pytest.mark.parametrize(
    "bad", [{"glide_s": 0}, {"round_bars": 0}, {"bounce": 1}, {"reach": -1}, {"glide_s": math.nan}]
)
def test_a_manner_that_makes_no_sense_cannot_be_made(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="motion"):
        Manner(**bad)  # type: ignore[arg-type]


def test_the_control_offers_the_motions_there_are_and_the_gestures_speeds() -> None:
    assert CONTROLS["motion"].choices == KINDS
    assert [Fraction(choice) for choice in CONTROLS["gesture_speed"].choices] == list(SPEEDS)
