"""One frame: a function of a snapshot, the surface's own state and the colours of the plane."""

from __future__ import annotations

from collections.abc import Sequence

import pygame

from performance.snapshot import Snapshot
from performance.surface.bar import draw_bar, draw_status
from performance.surface.field import Bytes
from performance.surface.help import draw_help
from performance.surface.lanes import Score, draw_lanes
from performance.surface.layout import Layout
from performance.surface.look import Look
from performance.surface.plane import (
    ClipPoint,
    clip_at,
    clip_points,
    draw_cursor,
    draw_names,
    draw_trail,
    named_clips,
    paint_plane,
)
from performance.surface.theme import NIGHT, Words


class Kept:
    """Pictures that last longer than a frame: words, and the still plane. Only speed depends on what is in it."""

    def __init__(self) -> None:
        self.words = Words()
        self._plane: pygame.Surface | None = None
        self._plane_key: object = None

    def plane(
        self, key: object, colours: Bytes | None, clips: Sequence[ClipPoint], side: int, unit: int
    ) -> pygame.Surface:
        """The still plane, painted anew where `key` (what the colours are of), the clips or the size have changed."""
        whole_key = (key, tuple(clips), side, unit)
        if self._plane is None or whole_key != self._plane_key:
            self._plane, self._plane_key = paint_plane(colours, clips, side, unit), whole_key
        return self._plane


def draw(
    target: pygame.Surface,
    snapshot: Snapshot,
    look: Look,
    kept: Kept,
    *,
    colours: Bytes | None = None,
    colours_key: object = None,
) -> None:
    """Draw one frame over the whole of `target`.

    `colours`: `[side, side, 3]` sRGB of the plane, row 0 at the bottom, or None while it is not known; `colours_key`
    changes whenever they do.
    """
    layout = Layout.of(*target.get_size(), voices=len(snapshot.kit))
    target.fill(NIGHT)
    if look.help_shown:
        draw_help(target, layout, kept.words)
    else:
        _draw_plane(target, layout, snapshot, look, kept, colours, colours_key)
        playhead = snapshot.playhead.cycle_ticks if snapshot.playing else None
        draw_lanes(target, layout, kept.words, Score(snapshot.pattern, snapshot.mute, playhead, snapshot.probability))
    draw_bar(target, layout, kept.words, snapshot, look)
    draw_status(target, layout, kept.words, snapshot, look)


def _draw_plane(
    target: pygame.Surface,
    layout: Layout,
    snapshot: Snapshot,
    look: Look,
    kept: Kept,
    colours: Bytes | None,
    colours_key: object,
) -> None:
    clips = clip_points(snapshot.clips)
    still = kept.plane(colours_key, colours, clips, layout.plane.width, layout.unit)
    target.blit(still, layout.plane)
    target.set_clip(layout.plane)
    draw_trail(target, layout, [(x, y) for x, y, _ in look.trail])
    pointed = None if look.held else clip_at(clips, layout, look.pointer)
    if min(layout.plane.size) >= 200:
        named = named_clips(clips, snapshot.cursor, pointed)
        draw_names(target, layout, kept.words, named, clips=clips, cursor=snapshot.cursor)
    draw_cursor(target, layout, *snapshot.cursor)
    target.set_clip(None)
