"""What is being played in: the count before it, large enough for somebody who sits at a drum kit, and a band while it
runs.
"""

from __future__ import annotations

import pygame

from performance.snapshot import TakeState
from performance.surface.layout import Layout
from performance.surface.theme import ALARM, LOUD, NIGHT, WARM, Colour, Words, write

_WORDS = {"clip": "TAKE", "find": "FIND"}
_COLOURS: dict[str, Colour] = {"clip": ALARM, "find": WARM}
_ENDS = {"clip": "F12 ends it", "find": "F10 lets go"}


def take_text(take: TakeState) -> str:
    """How far it is, in a few words."""
    strokes = f"{take.strokes} stroke{'' if take.strokes == 1 else 's'}"
    match take.phase:
        case "counts":
            return f"{take.of_bars} bars, from the next" if take.of_bars else "from the next bar"
        case "runs":
            return f"bar {take.bar} of {take.of_bars}, {strokes}" if take.of_bars else f"bar {take.bar}, {strokes}"
        case "ends":
            return f"ends with this bar, {strokes}"
        case "done":
            return take.text
    return "reading it"


def take_band(layout: Layout) -> pygame.Rect:
    """The band at the top of the plane that tells of a take."""
    plane = layout.plane
    return pygame.Rect(plane.left, plane.top, plane.width, max(12, plane.height // 9))


def draw_take(target: pygame.Surface, layout: Layout, words: Words, take: TakeState) -> None:
    """The band at the top of the plane; before the take begins also the beat that is counted, over all of the plane."""
    plane, colour = layout.plane, _COLOURS[take.purpose]
    band = take_band(layout)
    height = band.height
    pygame.draw.rect(target, colour, band)
    pygame.draw.rect(target, colour, plane, max(2, plane.width // 120))
    inner = band.inflate(-height // 2, 0)
    px = max(9, round(height * 0.62))
    sign = write(target, words, _WORDS[take.purpose], px, inner, colour=NIGHT)
    rest = pygame.Rect(sign.right + px // 2, band.top, inner.right - sign.right - px // 2, height)
    upper, lower = rest.copy(), rest.copy()
    upper.height = height * 58 // 100
    lower.top, lower.height = upper.bottom, height - upper.height - max(1, height // 12)
    write(target, words, take_text(take), max(8, round(height * 0.44)), upper, colour=NIGHT)
    is_over = take.phase in ("thinks", "done")
    keys = "" if is_over else f"pads, or keys 1 to 9; {_ENDS[take.purpose]}"
    write(target, words, keys, max(8, round(height * 0.28)), lower, colour=NIGHT)
    if take.phase == "counts":
        size = plane.height // 2
        disc = pygame.Rect(0, 0, size, size)
        disc.center = (plane.centerx, plane.centery + height // 2)
        pygame.draw.circle(target, NIGHT, disc.center, size // 2)
        pygame.draw.circle(target, colour, disc.center, size // 2, max(2, size // 30))
        count = str(take.beat) if take.beat else "..."
        write(target, words, count, max(9, round(size * 0.78)), disc, colour=LOUD, align="centre")
