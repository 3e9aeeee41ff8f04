"""What is being played in: the count before it, large enough for somebody who sits at a drum kit, and a band while it
runs.
"""

from __future__ import annotations

import pygame

from performance.snapshot import TakeState
from performance.surface.layout import Layout
from performance.surface.theme import ALARM, LOUD, NIGHT, WARM, Colour, Words, write
from rvae.counts import several

_WORDS = {"clip": "TAKE", "find": "FIND"}
_COLOURS: dict[str, Colour] = {"clip": ALARM, "find": WARM}
_ENDS = {"clip": "F12 ends it", "find": "F10 lets go"}


def take_text(take: TakeState) -> str:
    """How far it is, in the few words that are written large."""
    match take.phase:
        case "counts":
            return f"{several(take.of_bars, 'bar')}, from the next" if take.of_bars else "from the next bar"
        case "runs":
            return f"bar {take.bar} of {take.of_bars}" if take.of_bars else f"bar {take.bar}"
        case "ends":
            return "ends with this bar"
        case "done":
            return take.text
    return "reading it"


def _beside(take: TakeState) -> str:
    """What stands below, smaller."""
    if take.phase in ("thinks", "done"):
        return ""
    strokes = f"{several(take.strokes, 'stroke')}; " if take.phase != "counts" else ""
    return f"{strokes}pads, or keys 1 to 9; {_ENDS[take.purpose]}"


def take_band(layout: Layout) -> pygame.Rect:
    """The band at the top of the plane that tells of a take: its bar is read two metres away."""
    plane = layout.plane
    return pygame.Rect(plane.left, plane.top, plane.width, max(12, plane.height // 6))


def draw_take(
    target: pygame.Surface, layout: Layout, words: Words, take: TakeState, *, cursor: tuple[float, float] = (0.5, 0.5)
) -> None:
    """The band at the top of the plane; over the plane itself the beat that is counted before the take begins, and what
    came of it when it is done, where the cursor is not.
    """
    plane, colour = layout.plane, _COLOURS[take.purpose]
    band = take_band(layout)
    height = band.height
    pygame.draw.rect(target, colour, band)
    pygame.draw.rect(target, colour, plane, max(2, plane.width // 120))
    inner = band.inflate(-height // 3, 0)
    px = max(9, round(height * 0.62))
    sign = write(target, words, _WORDS[take.purpose], px, inner, colour=NIGHT)
    rest = pygame.Rect(sign.right + px // 3, band.top, inner.right - sign.right - px // 3, height)
    upper, lower = rest.copy(), rest.copy()
    upper.height = height * 68 // 100
    lower.top, lower.height = upper.bottom, height - upper.height - max(1, height // 12)
    if take.phase != "done":
        text = take_text(take)
        write(target, words, text, _fitting(words, text, round(height * 0.74), upper.width), upper, colour=NIGHT)
    below = _beside(take)
    write(target, words, below, _fitting(words, below, max(8, height // 4), lower.width), lower, colour=NIGHT)
    if take.phase == "counts":
        _draw_count(target, layout, words, take, colour)
    if take.phase == "done":
        _draw_outcome(target, layout, words, take, colour, is_low=cursor[1] > 0.5)


def _fitting(words: Words, text: str, px: int, width: int) -> int:
    """So large, or as large as the text is not wider."""
    wide = words.width(text, px)
    return px if wide <= width else max(8, px * width // max(1, wide) - 1)


def _draw_count(target: pygame.Surface, layout: Layout, words: Words, take: TakeState, colour: Colour) -> None:
    plane, size = layout.plane, layout.plane.height // 2
    disc = pygame.Rect(0, 0, size, size)
    disc.center = (plane.centerx, plane.centery + take_band(layout).height // 2)
    pygame.draw.circle(target, NIGHT, disc.center, size // 2)
    pygame.draw.circle(target, colour, disc.center, size // 2, max(2, size // 30))
    count = str(take.beat) if take.beat else "..."
    write(target, words, count, max(9, round(size * 0.78)), disc, colour=LOUD, align="centre")


def _draw_outcome(
    target: pygame.Surface, layout: Layout, words: Words, take: TakeState, colour: Colour, *, is_low: bool
) -> None:
    """What came of it, in lines as large as the plane has room for."""
    plane, band = layout.plane, take_band(layout)
    px, edge = max(9, plane.height // 9), max(2, plane.width // 120)
    lines = words.wrap(take.text, px, plane.width * 7 // 8)
    box = pygame.Rect(plane.left, band.bottom, plane.width, (len(lines) + 1) * px * 6 // 5)
    if is_low:
        box.bottom = plane.bottom
    box = box.clip(plane)
    pygame.draw.rect(target, NIGHT, box)
    pygame.draw.rect(target, colour, box, edge)
    row = pygame.Rect(box.left + edge, box.top + px // 2, box.width - 2 * edge, px * 6 // 5)
    for text in lines:
        write(target, words, text, _fitting(words, text, px, row.width), row.clip(box), align="centre")
        row.top = row.bottom
