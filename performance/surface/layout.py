"""Where everything is, for a window of any size: rectangles only, nothing drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import pygame

_SMALLEST_WITH_LANES = 300  # px of width and 220 of height: below that the plane has the window to itself
_SMALLEST_HEIGHT = 220
_WIDE = 1.1  # width to height from which the lanes stand beside the plane, not beneath it

# The control bar from left to right, with the share of its width; a narrow window breaks it into two rows.
_SHARES: tuple[tuple[str, float], ...] = (
    ("play", 1.5),
    ("tempo", 2.5),
    ("meter", 2.9),
    ("density", 2.2),
    ("change", 2.5),
    ("panic", 1.3),
    ("help", 0.9),
)
_FIRST_ROW = 3  # how many of them stand in the first of two rows


@dataclass(frozen=True)
class Item:
    """One place of the control bar: a control, and what a touch there does with it.

    `lower` and `raise_` are the ends of a stepper, empty where the control has none.
    """

    name: str
    box: pygame.Rect
    lower: pygame.Rect
    raise_: pygame.Rect


@dataclass(frozen=True)
class Layout:
    """All rectangles of a window, in pixels; those without room are empty. No two of them overlap.

    `plane` is square. `names[v]` and `tracks[v]`: the label and the lane of voice v; `ruler`: bar numbers above the
    lanes. `unit`: the height that everything else is measured in, 16 at 1280 x 800.
    """

    window: pygame.Rect
    unit: int
    plane: pygame.Rect
    ruler: pygame.Rect
    names: tuple[pygame.Rect, ...]
    tracks: tuple[pygame.Rect, ...]
    items: tuple[Item, ...]
    status: pygame.Rect

    @classmethod
    @lru_cache(maxsize=8)  # the same twice in every frame
    def of(cls, width: int, height: int, *, voices: int) -> Layout:
        """The layout of a window of this size in pixels, for a kit of so many voices."""
        window = pygame.Rect(0, 0, max(1, width), max(1, height))
        unit = max(6, min(window.width // 80, window.height // 50))
        if window.width < _SMALLEST_WITH_LANES or window.height < _SMALLEST_HEIGHT:
            return cls.plane_alone(width, height)
        if window.width < window.height * _WIDE:  # upright windows have room for larger words
            unit = max(6, min(window.width // 50, window.height // 60))
        gap = max(3, unit * 3 // 4)
        room = window.inflate(-2 * gap, -2 * gap)
        status = _cut_bottom(room, unit * 2)
        _cut_bottom(room, gap // 2)
        rows = 1 if window.width >= unit * 70 else 2
        bar = _cut_bottom(room, unit * 6 if rows == 1 else unit * 11)
        _cut_bottom(room, gap)
        plane, lanes = _plane_and_lanes(room, gap, wide=window.width >= window.height * _WIDE)
        ruler, names, tracks = _lanes(lanes, unit, voices)
        return cls(window, unit, plane, ruler, names, tracks, _items(bar, unit, gap, rows), status)

    @classmethod
    def plane_alone(cls, width: int, height: int) -> Layout:
        """The plane as large as the window allows, and nothing else."""
        window = pygame.Rect(0, 0, max(1, width), max(1, height))
        plane = pygame.Rect(0, 0, min(window.size), min(window.size))
        plane.center = window.center
        nothing = pygame.Rect(0, 0, 0, 0)
        return cls(window, max(6, plane.width // 50), plane.clip(window), nothing, (), (), (), nothing)

    @property
    def lanes(self) -> pygame.Rect:
        """The tracks of all voices together."""
        return self.tracks[0].unionall(self.tracks[1:]) if self.tracks else pygame.Rect(0, 0, 0, 0)

    def item(self, name: str) -> Item | None:
        """The place of a control on the bar, or None where there is no bar."""
        return next((item for item in self.items if item.name == name), None)

    def pixel_of(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of a place on the plane (0..1, y up)."""
        plane = self.plane
        return plane.left + x * (plane.width - 1), plane.bottom - 1 - y * (plane.height - 1)

    def point_at(self, pixel: tuple[float, float]) -> tuple[float, float]:
        """The place on the plane under a pixel, kept within the unit square; y grows upward."""
        plane = self.plane
        x = (pixel[0] - plane.left) / max(1, plane.width - 1)
        y = (plane.bottom - 1 - pixel[1]) / max(1, plane.height - 1)
        return min(1.0, max(0.0, x)), min(1.0, max(0.0, y))


def _cut_bottom(room: pygame.Rect, height: int) -> pygame.Rect:
    """Take a strip off the bottom of `room` (which gets smaller)."""
    kept = max(0, min(height, room.height))
    strip = pygame.Rect(room.left, room.bottom - kept, room.width, kept)
    room.height -= kept
    return strip


def _plane_and_lanes(room: pygame.Rect, gap: int, *, wide: bool) -> tuple[pygame.Rect, pygame.Rect]:
    if wide:
        side = max(1, min(room.height, (room.width - gap) * 54 // 100))
        plane = pygame.Rect(room.left, room.top + (room.height - side) // 2, side, side)
        return plane, pygame.Rect(plane.right + gap, plane.top, room.right - plane.right - gap, side)
    side = max(1, min(room.width, (room.height - gap) * 60 // 100))
    plane = pygame.Rect(room.left + (room.width - side) // 2, room.top, side, side)
    return plane, pygame.Rect(room.left, plane.bottom + gap, room.width, room.bottom - plane.bottom - gap)


def _lanes(
    box: pygame.Rect, unit: int, voices: int
) -> tuple[pygame.Rect, tuple[pygame.Rect, ...], tuple[pygame.Rect, ...]]:
    label = min(unit * 9, box.width * 2 // 5)
    ruler = pygame.Rect(box.left + label, box.top, box.width - label, min(unit * 2, box.height // 4))
    names: list[pygame.Rect] = []
    tracks: list[pygame.Rect] = []
    top = ruler.bottom
    space = max(1, unit // 5)
    for row in range(voices):
        # shares of the height, so that no rounding is left over at the bottom
        upper = top + (box.bottom + space - top) * row // voices
        lower = top + (box.bottom + space - top) * (row + 1) // voices
        height = max(1, lower - upper - space)
        names.append(pygame.Rect(box.left, upper, max(1, label - unit // 2), height))
        tracks.append(pygame.Rect(box.left + label, upper, max(1, box.width - label), height))
    return ruler, tuple(names), tuple(tracks)


def _items(bar: pygame.Rect, unit: int, gap: int, rows: int) -> tuple[Item, ...]:
    groups = (_SHARES,) if rows == 1 else (_SHARES[:_FIRST_ROW], _SHARES[_FIRST_ROW:])
    items: list[Item] = []
    height = (bar.height - gap // 2 * (rows - 1)) // rows
    for row, group in enumerate(groups):
        top = bar.top + row * (height + gap // 2)
        whole = sum(share for _, share in group)
        before = 0.0
        for name, share in group:
            left = bar.left + round((bar.width + gap) * before / whole)
            before += share
            right = bar.left + round((bar.width + gap) * before / whole) - gap
            box = pygame.Rect(left, top, max(1, right - left), height)
            items.append(Item(name, box, *_ends(box, unit, name)))
    return tuple(items)


def _ends(box: pygame.Rect, unit: int, name: str) -> tuple[pygame.Rect, pygame.Rect]:
    if name not in ("tempo", "meter"):
        return pygame.Rect(box.topleft, (0, 0)), pygame.Rect(box.topleft, (0, 0))
    width = min(unit * 3, box.width // 4)
    lower = pygame.Rect(box.left, box.top, width, box.height)
    return lower, pygame.Rect(box.right - width, box.top, width, box.height)
