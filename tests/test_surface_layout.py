"""Everything has its place in windows of any size."""

from __future__ import annotations

from itertools import combinations

import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from performance.surface.labels import place_labels, tidy_name
from performance.surface.layout import Layout

WIDTHS, HEIGHTS, VOICES = st.integers(320, 3840), st.integers(240, 2160), st.integers(1, 16)


def rectangles(layout: Layout) -> list[pygame.Rect]:
    items = [item.box for item in layout.items]
    return [layout.plane, layout.ruler, layout.status, *layout.names, *layout.tracks, *items]


@given(width=WIDTHS, height=HEIGHTS, voices=VOICES)
def test_nothing_overlaps_and_nothing_leaves_the_window(width: int, height: int, voices: int) -> None:
    layout = Layout.of(width, height, voices=voices)
    boxes = rectangles(layout)
    assert all(box.width > 0 and box.height > 0 for box in boxes)
    assert all(layout.window.contains(box) for box in boxes)
    assert not [pair for pair in combinations(boxes, 2) if pair[0].colliderect(pair[1])]
    assert all(item.box.contains(end) for item in layout.items for end in (item.lower, item.raise_) if end.width)


@given(width=WIDTHS, height=HEIGHTS)
def test_the_plane_is_square_and_the_largest_thing_but_the_lanes(width: int, height: int) -> None:
    layout = Layout.of(width, height, voices=9)
    assert layout.plane.width == layout.plane.height
    assert layout.plane.width >= 0.28 * min(width, height)


@given(width=st.integers(1, 400), height=st.integers(1, 400))
def test_a_tiny_window_still_has_a_plane(width: int, height: int) -> None:
    layout = Layout.of(width, height, voices=9)
    assert layout.plane.width >= 1
    assert layout.window.contains(layout.plane)


@given(
    width=WIDTHS,
    height=HEIGHTS,
    x=st.floats(0, 1, allow_nan=False),
    y=st.floats(0, 1, allow_nan=False),
)
def test_a_place_goes_to_a_pixel_and_back(width: int, height: int, x: float, y: float) -> None:
    layout = Layout.of(width, height, voices=9)
    assert layout.point_at(layout.pixel_of(x, y)) == pytest.approx((x, y), abs=1e-6)


def test_y_grows_upward_and_places_outside_are_kept_on_the_plane() -> None:
    layout = Layout.of(1280, 800, voices=9)
    assert layout.point_at((layout.plane.left, layout.plane.bottom - 1)) == (0.0, 0.0)
    assert layout.point_at((layout.plane.right - 1, layout.plane.top)) == (1.0, 1.0)
    assert layout.point_at((-500.0, -500.0)) == (0.0, 1.0)


@given(
    anchors=st.lists(st.tuples(st.floats(0, 600), st.floats(0, 600)), max_size=40),
    widths=st.lists(st.integers(10, 250), min_size=40, max_size=40),
)
def test_names_on_the_plane_never_cover_one_another(anchors: list[tuple[float, float]], widths: list[int]) -> None:
    area = pygame.Rect(0, 0, 600, 600)
    sizes = [(width, 20) for width in widths[: len(anchors)]]
    boxes = [box for box in place_labels(anchors, sizes, area, reach=12) if box is not None]
    assert all(area.contains(box) for box in boxes)
    assert not [pair for pair in combinations(boxes, 2) if pair[0].colliderect(pair[1])]


def test_a_name_under_the_cursor_stands_outside_its_ring() -> None:
    ring = pygame.Rect(276, 276, 48, 48)
    (box,) = place_labels([(300.0, 300.0)], [(100, 20)], pygame.Rect(0, 0, 600, 600), reach=12, taken=[ring])
    assert box is not None
    assert not box.colliderect(ring)


def test_a_name_with_room_is_placed() -> None:
    assert place_labels([(300.0, 300.0)], [(100, 20)], pygame.Rect(0, 0, 600, 600), reach=12) != (None,)


@pytest.mark.parametrize(
    ("name", "tidy"),
    [
        ("house-01-four-on-floor-offbeat-hat", "House: four on floor offbeat hat"),
        ("slow_blues_12_shuffle.mid", "Slow blues: shuffle"),
        ("my beat", "My beat"),
        ("take-07", "Take 07"),
        ("rock_7-8_01_fill", "Rock 7-8: fill"),
        ("samba 2-4", "Samba 2-4"),
        ("blues_12_8_01_slow", "Blues 12_8: slow"),
        ("7", "7"),
        ("--", "--"),
    ],
)
def test_clip_names_are_shown_tidy(name: str, tidy: str) -> None:
    assert tidy_name(name) == tidy
