"""The plane: what each place is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import mixed_model, straight_model

from rvae import Model
from rvae.errors import PatternError
from rvae.plane import SHARES, Plane, checked_points, corners, interpolated
from rvae.space import Space

places = st.tuples(st.floats(0, 1), st.floats(0, 1))
anywhere = st.tuples(*2 * [st.floats(allow_nan=False, allow_infinity=False)])


@st.composite
def planes(draw: st.DrawFn) -> Plane:
    """Planes of 2 to 9 nodes a side and 1 to 12 anchors."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    side, anchors = draw(st.integers(2, 9)), draw(st.integers(1, 12))
    weights = random.random((side * side, anchors)) ** draw(st.sampled_from([1, 8])) + 1e-9
    shares = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return Plane(shares, random.random((anchors, 2)))


@given(planes(), st.lists(places, min_size=1, max_size=20))
def test_the_credits_of_a_place_are_shares_of_one(plane: Plane, points: list[tuple[float, float]]) -> None:
    credits_there = plane.credits(points)
    assert credits_there.shape == (len(points), len(plane.places))
    assert np.all(credits_there >= 0)
    np.testing.assert_allclose(credits_there.sum(axis=1), 1.0, atol=1e-5)


@given(planes())
def test_at_a_node_the_credits_are_the_nodes_own(plane: Plane) -> None:
    rows, columns = np.divmod(np.arange(plane.side**2), plane.side)
    nodes = np.stack([columns, rows], axis=1) / (plane.side - 1)
    np.testing.assert_allclose(plane.credits(nodes), plane.weights, atol=1e-5)


@given(planes())
def test_a_plane_that_was_kept_comes_back_the_same(plane: Plane) -> None:
    kept = Plane.of(plane.weights, plane.places)
    assert np.all(kept.shares.sum(axis=1, dtype=int) == SHARES)
    np.testing.assert_allclose(kept.weights, plane.weights, atol=1 / SHARES)
    np.testing.assert_array_equal(Plane.of(kept.shares, kept.places).weights, kept.weights)
    np.testing.assert_array_equal(Plane.of(kept.weights, kept.places).shares, kept.shares)


@given(planes(), anywhere)
def test_a_point_outside_is_moved_to_the_edge(plane: Plane, point: tuple[float, float]) -> None:
    np.testing.assert_array_equal(plane.credits(point), plane.credits(np.clip(point, 0.0, 1.0)))


@given(planes(), places, places)
def test_credits_change_no_faster_than_the_hand(
    plane: Plane, one: tuple[float, float], other: tuple[float, float]
) -> None:
    """Between nodes all is interpolated: no cliffs, so the change is at most two for each node passed."""
    nodes_passed = (abs(one[0] - other[0]) + abs(one[1] - other[1])) * (plane.side - 1)
    assert np.abs(plane.credits(one) - plane.credits(other)).sum() <= 2 * nodes_passed + 1e-4


@given(st.integers(2, 50), st.lists(places, min_size=1, max_size=20))
def test_interpolation_gives_a_flat_slope_back(side: int, points: list[tuple[float, float]]) -> None:
    rows, columns = np.divmod(np.arange(side**2), side)
    slope = np.stack([columns, rows], axis=1).astype(np.float32) / (side - 1)
    np.testing.assert_allclose(interpolated(slope, np.array(points)), points, atol=1e-5)
    nodes, shares = corners(np.array(points), side)
    assert np.all((nodes >= 0) & (nodes < side**2))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("model", [straight_model, mixed_model])
def test_at_a_clips_place_the_credit_is_that_clips_alone(model: object) -> None:
    assert callable(model)
    trained: Model = model()
    for space in trained.spaces:
        assert isinstance(space, Space)
        np.testing.assert_allclose(space.plane.credits(space.plane.places), np.eye(len(space.plane.places)), atol=1e-5)


@pytest.mark.parametrize(
    "points",
    [
        (np.nan, 0.5),
        (0.5, np.inf),
        [[0.1, 0.2], [0.3, np.nan]],
        (0.5,),
        (0.1, 0.2, 0.3),
        np.zeros((2, 2, 2)),
    ],
)
def test_what_is_no_point_is_refused(points: object) -> None:
    with pytest.raises(PatternError, match="give finite numbers"):
        checked_points(points)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "places_of_anchors"),
    [
        (np.ones((3, 1)), np.zeros((1, 2))),  # three nodes are no square
        (np.ones((1, 1)), np.zeros((1, 2))),
        (np.ones((4, 1)), np.zeros((2, 2))),
        (np.full((4, 1), 0.5), np.zeros((1, 2))),
        (np.full((4, 2), [2.0, -1.0]), np.zeros((2, 2))),
        (np.full((4, 1), np.nan), np.zeros((1, 2))),
        (np.ones((4, 1)), np.full((1, 2), 1.5)),
        (np.ones((4, 1)), np.full((1, 2), np.nan)),
    ],
)
def test_a_plane_that_is_none_is_refused(weights: object, places_of_anchors: object) -> None:
    with pytest.raises(PatternError):
        Plane(np.asarray(weights, dtype=np.float32), np.asarray(places_of_anchors))
