"""The plane: the model's colours, the clips in it, the cursor and where it has been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pygame

from performance.controls import CONTROLS
from performance.scenes import CORNERS
from performance.snapshot import Snapshot
from performance.surface.field import Bytes, enlarge
from performance.surface.labels import place_labels, tidy_name
from performance.surface.layout import Layout
from performance.surface.theme import ALARM, LOUD, NIGHT, WARM, Words, mix, write
from rvae.counts import several

if TYPE_CHECKING:
    from rvae.model import Clip

Point = tuple[float, float]

_SMOOTH_PX = 320  # what is computed smoothly; from there on plain stretching looks the same
_NAMED = 4  # clips named around the cursor; more is a crowd
_NEAR = 0.22  # how near to the cursor a clip is named, in sides of the plane
_HOVER_UNITS = 1.6  # how near to a clip a pointer must be to ask for its name


@dataclass(frozen=True)
class ClipPoint:
    """A clip on the plane: its tidy name and its place (0..1, y up)."""

    name: str
    x: float
    y: float


def paint_plane(colours: Bytes, side: int, *, smoothly: bool = True) -> pygame.Surface:
    """The colours of the plane (row 0 at the bottom) as a picture of `side` pixels square.

    `smoothly`: with no trace of the lattice; without it a few times faster, for what changes with each frame.
    """
    smooth = min(side, _SMOOTH_PX)
    pixels = (enlarge(colours, smooth, smooth) if smoothly else colours)[::-1]
    small = pygame.Surface(pixels.shape[:2])
    pygame.surfarray.blit_array(small, np.ascontiguousarray(pixels.swapaxes(0, 1)))
    return small if small.get_width() == side else pygame.transform.smoothscale(small, (side, side))


def draw_clips(target: pygame.Surface, layout: Layout, clips: Sequence[ClipPoint]) -> None:
    """A point for each clip."""
    radius = max(2, layout.unit * 3 // 8)
    for clip in clips:
        where = layout.pixel_of(clip.x, clip.y)
        pygame.draw.circle(target, NIGHT, where, radius + max(1, radius // 3))
        pygame.draw.circle(target, LOUD, where, radius)


def draw_scenes(target: pygame.Surface, layout: Layout, words: Words, scenes: Sequence[tuple[int, Point]]) -> None:
    """The number of each scene in a box at its place."""
    for number, point in scenes:
        box = scene_box(layout, point)
        side = box.width
        pygame.draw.rect(target, NIGHT, box.inflate(4, 4), border_radius=side // 4)
        pygame.draw.rect(target, WARM, box, border_radius=side // 4)
        write(target, words, str(number), round(side * 0.95), box, colour=NIGHT, align="centre")


def scene_box(layout: Layout, point: Point) -> pygame.Rect:
    """Where the number of a scene stands: at its place, or beside it where that is at the edge of the plane."""
    side = max(8, round(layout.unit * 1.5))
    box = pygame.Rect(0, 0, side, side)
    box.center = layout.pixel_of(*point)
    return box.clamp(layout.plane)


def scene_at(scenes: Sequence[tuple[int, Point]], layout: Layout, pixel: Point) -> int | None:
    """The number of the scene that a pointer is on, or None."""
    return next((number for number, point in scenes if scene_box(layout, point).collidepoint(pixel)), None)


def draw_trail(target: pygame.Surface, layout: Layout, trail: Sequence[tuple[float, float]]) -> None:
    """Where the cursor was, oldest first: a line that gets thinner with age."""
    count = len(trail)
    for step, (start, end) in enumerate(pairwise(trail), start=1):
        share = step / count
        width = max(1, round(layout.unit * 0.35 * share))
        colour = mix(NIGHT, LOUD, 0.35 + 0.65 * share)
        pygame.draw.line(target, colour, layout.pixel_of(*start), layout.pixel_of(*end), width)


def draw_cursor(target: pygame.Surface, layout: Layout, x: float, y: float) -> None:
    """A ring that shows what is under it, with a point in its middle: white on black, so it is seen on any colour."""
    at = layout.pixel_of(x, y)
    radius = max(3, round(layout.unit * 1.1))
    line = max(1, layout.unit // 5)
    pygame.draw.circle(target, NIGHT, at, radius + line, line * 3)
    pygame.draw.circle(target, LOUD, at, radius, line)
    pygame.draw.circle(target, NIGHT, at, line * 2)
    pygame.draw.circle(target, LOUD, at, max(1, round(line * 1.2)))


def draw_target(target: pygame.Surface, layout: Layout, cursor: Point, to: Point) -> None:
    """Where a jump will land: a smaller ring, with a line from the cursor."""
    start, end = layout.pixel_of(*cursor), layout.pixel_of(*to)
    line = max(1, layout.unit // 5)
    pygame.draw.line(target, NIGHT, start, end, line * 3)
    pygame.draw.line(target, WARM, start, end, line)
    pygame.draw.circle(target, NIGHT, end, round(layout.unit * 0.7) + line)
    pygame.draw.circle(target, WARM, end, round(layout.unit * 0.7))


def draw_mix(target: pygame.Surface, layout: Layout, words: Words, hand: Point) -> None:
    """The numbers of the four scenes in their corners, and the place between them as a square."""
    side = round(layout.unit * 3)
    for number, corner in CORNERS.items():
        box = pygame.Rect(0, 0, side, side)
        box.center = layout.pixel_of(*corner)
        box.clamp_ip(layout.plane)
        pygame.draw.rect(target, WARM, box)
        write(target, words, str(number), round(side * 0.9), box, colour=NIGHT, align="centre")
    square = pygame.Rect(0, 0, layout.unit * 2, layout.unit * 2)
    square.center = layout.pixel_of(*hand)
    line = max(2, layout.unit // 4)
    pygame.draw.rect(target, NIGHT, square.inflate(2 * line, 2 * line), 3 * line)
    pygame.draw.rect(target, WARM, square, line)


def draw_ways(
    target: pygame.Surface, layout: Layout, words: Words, text: str, *, is_taking: bool, below: int = 0
) -> None:
    """How the cursor moves, at the upper edge of the plane or so many pixels `below` it; with a red point while a
    gesture is recorded.
    """
    px = max(12, round(layout.unit * 1.4))
    pad = max(2, px // 4)
    dot = px if is_taking else 0
    picture = words.picture(words.fit(text, px, layout.plane.width // 2), px)
    box = pygame.Rect(0, layout.plane.top + below, dot + picture.get_width() + 4 * pad, picture.get_height() + 2 * pad)
    box.centerx = layout.plane.centerx
    pygame.draw.rect(target, NIGHT, box)
    if is_taking:
        pygame.draw.circle(target, ALARM, (box.left + pad + px // 2 - 1, box.centery), px * 2 // 5)
    target.blit(picture, picture.get_rect(midleft=(box.left + 2 * pad + dot, box.centery)))


def draw_running(target: pygame.Surface, layout: Layout, words: Words, *, recording: bool, click: bool) -> None:
    """That the set is being recorded, that it clicks: above the names of the voices, where nothing else is, or over the
    plane.
    """
    if layout.names:
        box = pygame.Rect(layout.names[0].left, layout.ruler.top, layout.names[0].width, layout.ruler.height)
    else:
        box = pygame.Rect(layout.plane.left, layout.plane.top, layout.plane.width // 4, layout.plane.height // 12)
    box = box.inflate(0, -max(2, box.height // 6))
    signs = [("REC", ALARM)] * recording + [("CLICK", WARM)] * click
    for index, (word, colour) in enumerate(signs):
        part = box.copy()
        part.width = box.width // len(signs)
        part.left += part.width * index
        part.width -= layout.unit // 4 if index < len(signs) - 1 else 0
        pygame.draw.rect(target, colour, part, border_radius=max(2, box.height // 6))
        px = max(10, round(box.height * (0.95 if len(signs) == 1 else 0.8)))
        write(target, words, word, px, part, colour=NIGHT, align="centre")


def ways_text(snapshot: Snapshot) -> str:
    """How the cursor moves, where that is not by the hand alone; empty there."""
    motion = CONTROLS["motion"].text(snapshot.controls["motion"])
    parts = [
        "recording a gesture" if snapshot.is_taking else "",
        "morph" if snapshot.morphs else "",
        "mix of 4 scenes" if snapshot.controls["mix"] >= 0.5 else "",
        "" if motion == "free" else motion,
        several(snapshot.gestures, "gesture") if snapshot.gestures else "",
    ]
    return ", ".join(part for part in parts if part)


def named_clips(
    clips: Sequence[ClipPoint], cursor: tuple[float, float], hover: ClipPoint | None
) -> tuple[ClipPoint, ...]:
    """The clips whose names are worth reading now: the one pointed at, then those around the cursor, nearest first."""

    def away(clip: ClipPoint) -> float:
        return (clip.x - cursor[0]) ** 2 + (clip.y - cursor[1]) ** 2

    near = sorted((clip for clip in clips if away(clip) <= _NEAR**2), key=away)[:_NAMED]
    return tuple(near) if hover is None else (hover, *(clip for clip in near if clip != hover))


def clip_at(
    clips: Sequence[Clip], layout: Layout, pixel: tuple[float, float] | None, *, reach_units: float = _HOVER_UNITS
) -> int | None:
    """The index of the clip that a pointer is on, or None."""
    if pixel is None or not clips or not layout.plane.collidepoint(pixel):
        return None
    places = np.array([layout.pixel_of(*clip.point) for clip in clips])
    away = np.hypot(*(places - np.array(pixel)).T)
    nearest = int(away.argmin())
    return nearest if away[nearest] <= layout.unit * reach_units else None


def draw_names(
    target: pygame.Surface,
    layout: Layout,
    words: Words,
    named: Sequence[ClipPoint],
    *,
    clips: Sequence[ClipPoint],
    cursor: tuple[float, float] | None = None,
) -> None:
    """Names beside their points, as many as have room, the first ones first; none covers a point of `clips`."""
    px = max(12, round(layout.unit * 1.4))
    pad = max(2, px // 4)
    dot = layout.unit * 3 // 4
    taken = [pygame.Rect(x - dot // 2, y - dot // 2, dot, dot) for x, y in (layout.pixel_of(p.x, p.y) for p in clips)]
    if cursor is not None:
        ring = pygame.Rect(0, 0, layout.unit * 3, layout.unit * 3)
        ring.center = layout.pixel_of(*cursor)
        taken.append(ring)
    for clip in named:
        # The first is what one plays or points at: its start at least is told.
        for share in (2 / 3, 1 / 3, 1 / 5) if clip == named[0] else (2 / 3,):
            text = words.fit(clip.name, px, round(layout.plane.width * share))
            picture = words.picture(text, px)
            size = (picture.get_width() + 2 * pad, picture.get_height() + pad)
            at, reach = layout.pixel_of(clip.x, clip.y), max(4, layout.unit * 3 // 4)
            (box,) = place_labels([at], [size], layout.plane, reach=reach, taken=taken)
            if box is not None:
                pygame.draw.rect(target, NIGHT, box, border_radius=pad)
                target.blit(picture, picture.get_rect(center=box.center))
                taken.append(box)
                break


def clip_points(clips: Sequence[Clip]) -> tuple[ClipPoint, ...]:
    """Clips as points with tidy names; where a file gave several, each says at which of its bars it begins."""
    times = Counter(clip.name for clip in clips)
    points: list[ClipPoint] = []
    for clip in clips:
        bar = f", bar {clip.first_bar + 1}" if times[clip.name] > 1 else ""
        points.append(ClipPoint(tidy_name(clip.name) + bar, float(clip.point[0]), float(clip.point[1])))
    return tuple(points)


def draw_caption(target: pygame.Surface, layout: Layout, words: Words, text: str) -> None:
    """One line in the lower left corner of the plane."""
    px = max(12, round(layout.unit * 1.4))
    pad = max(2, px // 4)
    picture = words.picture(words.fit(text, px, layout.plane.width - 4 * pad), px)
    box = pygame.Rect(layout.plane.left, 0, picture.get_width() + 2 * pad, picture.get_height() + pad)
    box.bottom = layout.plane.bottom
    pygame.draw.rect(target, NIGHT, box)
    target.blit(picture, picture.get_rect(center=box.center))
