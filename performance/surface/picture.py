"""The picture of a plane with its clips and a path over it, for where there is no display."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pygame

from performance.surface.field import FieldBuilder
from performance.surface.labels import tidy_name
from performance.surface.layout import Layout
from performance.surface.plane import clip_points, draw_clips, draw_cursor, draw_names, paint_plane
from performance.surface.theme import (
    BAND_NAMES,
    LOUD,
    NIGHT,
    QUIET,
    Words,
    write,
)
from performance.surface.views import balance_colours, balance_hues
from rvae.counts import several
from rvae.errors import FileError
from rvae.meter import Meter

if TYPE_CHECKING:
    from rvae.model import Model

_WIDTH, _PLANE, _TOP, _BOTTOM = 1200, 1080, 110, 100
_UNIT = 15


def draw_plane(
    model: Model,
    meter: Meter,
    path_points: Sequence[tuple[float, float]],
    file: str | Path,
    *,
    title: str = "The plane",
) -> None:
    """Write the plane of `meter`'s number of beats as a PNG, with the clips named and the path (0..1, y up) over it.

    Needs no display. The file appears whole or not at all. Raises FileError where it cannot be written, and what
    `model.decode` raises for a number of beats it has not learned.
    """
    builder = FieldBuilder(model, meter.beats)
    while not builder.is_complete:
        builder.step()
    field = builder.field()
    picture = pygame.Surface((_WIDTH, _TOP + _PLANE + _BOTTOM))
    picture.fill(NIGHT)
    words = Words()
    left = (_WIDTH - _PLANE) // 2
    clips = clip_points([clip for clip in model.clips if clip.meter.beats == meter.beats])
    box = pygame.Rect(left, _TOP, _PLANE, _PLANE)
    if field is not None:
        picture.blit(paint_plane(balance_colours(field), _PLANE), box)
    layout = _layout(box)
    picture.set_clip(box)
    _draw_path(picture, layout, path_points)
    draw_clips(picture, layout, clips)
    draw_names(picture, layout, words, clips, clips=clips)
    picture.set_clip(None)
    facts = f"{several(meter.beats, 'beat')} a bar, as in {meter.label}   ·   {several(len(clips), 'clip')}"
    write(picture, words, tidy_name(title), 52, pygame.Rect(left, 20, _PLANE, 44))
    write(picture, words, facts, 30, pygame.Rect(left, 66, _PLANE, 32), colour=QUIET)
    _draw_legend(picture, words, pygame.Rect(left, box.bottom + 14, _PLANE, 72), path=bool(path_points))
    _save(picture, Path(file))


def _layout(box: pygame.Rect) -> Layout:
    nothing = pygame.Rect(0, 0, 0, 0)
    return Layout(box, _UNIT, box, nothing, (), (), (), nothing)


def _draw_path(picture: pygame.Surface, layout: Layout, points: Sequence[tuple[float, float]]) -> None:
    if not points:
        return
    pixels = [layout.pixel_of(*point) for point in points]
    if len(pixels) > 1:
        pygame.draw.lines(picture, NIGHT, False, pixels, 9)
        pygame.draw.lines(picture, LOUD, False, pixels, 4)
    draw_cursor(picture, layout, *points[-1])
    start = pygame.Rect(0, 0, 18, 18)
    start.center = (round(pixels[0][0]), round(pixels[0][1]))
    pygame.draw.rect(picture, NIGHT, start.inflate(8, 8))
    pygame.draw.rect(picture, LOUD, start)


def _draw_legend(picture: pygame.Surface, words: Words, box: pygame.Rect, *, path: bool) -> None:
    x = box.left
    for name, colour in zip(BAND_NAMES, balance_hues(), strict=True):
        pygame.draw.rect(picture, colour, (x, box.top + 8, 20, 20))
        where = write(picture, words, name, 26, pygame.Rect(x + 30, box.top, box.right - x - 30, 36))
        x = where.right + 34
    line = "brighter: more is played; hue: which voices play more than elsewhere on this plane"
    line += "; path: from the square to the ring" if path else ""
    write(picture, words, line, 24, pygame.Rect(box.left, box.top + 38, box.width, 30), colour=QUIET)


def _save(picture: pygame.Surface, file: Path) -> None:
    """Beside the file first, then in its place, so that a full disk leaves what was there."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".png", dir=file.parent)
        os.close(handle)
        pygame.image.save(picture, temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    except (OSError, pygame.error) as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"{file}: the picture cannot be written ({reason}); choose another place") from None
