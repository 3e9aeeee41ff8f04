"""One frame: a function of a snapshot, the surface's own state and the colours of the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygame

from performance.snapshot import Snapshot
from performance.surface.bar import draw_bar, draw_status
from performance.surface.help import draw_help
from performance.surface.lanes import Score, draw_score, draw_voices
from performance.surface.layout import Layout
from performance.surface.look import Look
from performance.surface.panel import draw_panel
from performance.surface.plane import (
    ClipPoint,
    clip_at,
    clip_points,
    draw_caption,
    draw_clips,
    draw_cursor,
    draw_mix,
    draw_names,
    draw_running,
    draw_scenes,
    draw_target,
    draw_trail,
    draw_ways,
    named_clips,
    paint_plane,
    ways_text,
)
from performance.surface.planes import PlaneColours
from performance.surface.taking import draw_take, take_band
from performance.surface.theme import NIGHT, PANEL, Words
from performance.surface.views import VIEWS

if TYPE_CHECKING:
    from rvae.model import Clip

_SMALLEST_WITH_NAMES = 200  # px of the plane: below that a name hides more than it tells


class Kept:
    """What lasts longer than a frame: words, the still plane, points of clips, the score. Only speed depends on it."""

    def __init__(self) -> None:
        self.words = Words()
        self._plane: pygame.Surface | None = None
        self._plane_key: object = None
        self._clips: tuple[Clip, ...] = ()
        self._points: tuple[ClipPoint, ...] = ()
        self._score: pygame.Surface | None = None
        self._score_key: tuple[object, ...] = ()

    def plane(self, colours: PlaneColours, side: int) -> pygame.Surface | None:
        """The plane's picture, painted anew where its colours or its size have changed; None while it is not known."""
        if colours.live is not None:
            return paint_plane(colours.live, side, smoothly=False)
        if colours.still is None:
            return None
        if self._plane is None or (colours.key, side) != self._plane_key:
            self._plane, self._plane_key = paint_plane(colours.still, side), (colours.key, side)
        return self._plane

    def points(self, clips: tuple[Clip, ...]) -> tuple[ClipPoint, ...]:
        """The clips as points with names."""
        if clips != self._clips:
            self._clips, self._points = clips, clip_points(clips)
        return self._points

    def draw_score(self, target: pygame.Surface, layout: Layout, score: Score) -> None:
        """Draw the lanes, as they were where nothing in them has changed."""
        box = layout.ruler.union(layout.lanes)
        # Arrays are never changed, so the same object is the same picture; the key holds on to them.
        key = (score.pattern, score.probability, layout, score.muted, score.pins, score.frozen)
        known = self._score_key
        if self._score is not None and known[0] is key[0] and known[1] is key[1] and known[2:] == key[2:]:
            target.blit(self._score, box)
        elif box:
            draw_score(target, layout, self.words, score)
            self._score, self._score_key = target.subsurface(box).copy(), key


def draw(
    target: pygame.Surface, snapshot: Snapshot, look: Look, kept: Kept, colours: PlaneColours | None = None
) -> None:
    """Draw one frame over the whole of `target`; `colours` of the plane, where they are known."""
    layout = Layout.of(*target.get_size(), voices=len(snapshot.kit))
    target.fill(NIGHT)
    if look.help_shown:
        draw_help(target, layout, kept.words, look.help_page, snapshot.learned)
    else:
        _draw_plane(target, layout, snapshot, look, kept, colours or PlaneColours())
        playhead = snapshot.playhead.cycle_ticks if snapshot.playing else None
        score = Score(
            snapshot.pattern,
            snapshot.mute,
            playhead,
            snapshot.probability,
            snapshot.voice_density,
            snapshot.pins,
            snapshot.freeze,
        )
        kept.draw_score(target, layout, score)
        draw_voices(target, layout, kept.words, score)
        if snapshot.panel is not None:
            draw_panel(target, layout, kept.words, snapshot.panel)
        clicks = snapshot.controls["click"] >= 0.5 and snapshot.makes_sound
        draw_running(target, layout, kept.words, recording=snapshot.status.recording, click=clicks)
    draw_bar(target, layout, kept.words, snapshot, look)
    draw_status(target, layout, kept.words, snapshot, look)


def draw_for_audience(
    target: pygame.Surface, snapshot: Snapshot, look: Look, kept: Kept, colours: PlaneColours | None = None
) -> None:
    """Draw the plane alone, and whose it is at the cursor, where that is known."""
    layout = Layout.plane_alone(*target.get_size())
    target.fill(NIGHT)
    _draw_colours(target, layout, kept, colours or PlaneColours())
    target.set_clip(layout.plane)
    draw_trail(target, layout, [(x, y) for x, y, _ in look.trail])
    draw_cursor(target, layout, *snapshot.cursor)
    _draw_credits(target, layout, snapshot, kept)
    target.set_clip(None)


def _draw_credits(target: pygame.Surface, layout: Layout, snapshot: Snapshot, kept: Kept) -> None:
    """Whose clips are being heard, as one line at the foot of the plane."""
    if snapshot.credits and min(layout.plane.size) >= _SMALLEST_WITH_NAMES:
        draw_caption(target, layout, kept.words, snapshot.credits)


def _draw_colours(target: pygame.Surface, layout: Layout, kept: Kept, colours: PlaneColours) -> None:
    picture = kept.plane(colours, layout.plane.width)
    if picture is None:
        target.fill(PANEL, layout.plane)
    else:
        target.blit(picture, layout.plane)


def _draw_plane(
    target: pygame.Surface, layout: Layout, snapshot: Snapshot, look: Look, kept: Kept, colours: PlaneColours
) -> None:
    _draw_colours(target, layout, kept, colours)
    clips = kept.points(snapshot.clips)
    target.set_clip(layout.plane)
    draw_clips(target, layout, clips)
    draw_scenes(target, layout, kept.words, snapshot.scenes)
    draw_trail(target, layout, [(x, y) for x, y, _ in look.trail])
    if min(layout.plane.size) >= _SMALLEST_WITH_NAMES:
        if look.audience and not look.view:
            _draw_credits(target, layout, snapshot, kept)
        if look.view:
            draw_caption(target, layout, kept.words, f"{VIEWS[look.view].name}: {VIEWS[look.view].meaning}")
        pointed = None if look.held else clip_at(snapshot.clips, layout, look.pointer)
        named = named_clips(clips, snapshot.cursor, None if pointed is None else clips[pointed])
        draw_names(target, layout, kept.words, named, clips=clips, cursor=snapshot.cursor)
    if snapshot.target is not None:
        draw_target(target, layout, snapshot.cursor, snapshot.target)
    if snapshot.controls["mix"] >= 0.5:
        draw_mix(target, layout, kept.words, snapshot.hand)
    draw_cursor(target, layout, *snapshot.cursor)
    if snapshot.take is not None:
        draw_take(target, layout, kept.words, snapshot.take, cursor=snapshot.cursor)
    if text := ways_text(snapshot):
        below = 0 if snapshot.take is None else take_band(layout).height
        draw_ways(target, layout, kept.words, text, is_taking=snapshot.is_taking, below=below)
    target.set_clip(None)
