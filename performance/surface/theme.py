"""Colours and words of the surface: a dark stage, strong contrast, the typeface that ships with pygame."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pygame

from performance.surface.letters import Letters
from rvae.kit import Voice

Colour = tuple[int, int, int]

NIGHT: Colour = (9, 11, 14)  # behind everything
PANEL: Colour = (22, 26, 31)  # what lies on it
RAISED: Colour = (41, 48, 56)  # what can be touched
RULE: Colour = (66, 76, 86)  # lines
QUIET: Colour = (160, 171, 181)  # captions: 8:1 on PANEL
LOUD: Colour = (246, 248, 249)  # everything that must be read
WARM: Colour = (255, 176, 46)  # what is switched on
ALARM: Colour = (232, 96, 28)  # panic, and errors
MUTED: Colour = (112, 120, 128)  # a voice that is not heard

# Low, middle and high voices: orange, pale rose and blue. They differ in lightness too, so that they are far apart for
# all kinds of colour-blind eyes (tested); nothing on the surface is told by colour alone.
BAND_COLOURS: tuple[Colour, Colour, Colour] = ((245, 150, 30), (255, 205, 222), (84, 146, 240))
BAND_NAMES = ("low drums", "middle: snare, toms, claps", "high: hats, cymbals")

# General MIDI percussion notes by height, for kits of any names: what is in neither is in the middle.
_LOW_PITCHES = frozenset((35, 36, 41, 43, 64, 66, 86, 87))
_HIGH_PITCHES = frozenset((22, 26, 42, 44, 46, 49, 51, 52, 53, 54, 55, 57, 59, 69, 70, 71, 72, 80, 81, 82, 83, 84))
_KEPT_WORDS = 600
_FINER = 3


def band_of(voice: Voice) -> int:
    """0 low, 1 middle, 2 high: by the General MIDI note that the voice plays."""
    return 0 if voice.pitch_out in _LOW_PITCHES else 2 if voice.pitch_out in _HIGH_PITCHES else 1


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour `share` (0..1) of the way from the first to the second."""
    kept = min(1.0, max(0.0, share))
    return (
        round(first[0] + (second[0] - first[0]) * kept),
        round(first[1] + (second[1] - first[1]) * kept),
        round(first[2] + (second[2] - first[2]) * kept),
    )


def oklab_to_rgb(oklab: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """`[..., 3]` OKLab (lightness 0..1, a, b) to sRGB bytes, clipped to what a screen has.

    OKLab: Ottosson (2020), "A perceptual color space for image processing": equal steps look equal.
    """
    lightness, a, b = oklab[..., 0], oklab[..., 1], oklab[..., 2]
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        (
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        ),
        axis=-1,
    ).clip(0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * 255), np.uint8)


class Words:
    """Words as pictures: rendered once, kept while they are in use (the few hundred used last)."""

    def __init__(self, letters: Letters | None = None) -> None:
        self._letters = letters or Letters()
        self._render = lru_cache(maxsize=_KEPT_WORDS)(self._new_picture)
        self._width = lru_cache(maxsize=_KEPT_WORDS)(self._measure)
        self._fit = lru_cache(maxsize=_KEPT_WORDS)(self._longest_start)

    def _new_picture(self, text: str, px: int, colour: Colour) -> pygame.Surface:
        # Drawn large and made smaller: set at its own size, small type gets uneven gaps between its letters.
        large = self._letters.picture(text, px * _FINER, colour)
        return pygame.transform.smoothscale(large, (large.get_width() // _FINER, large.get_height() // _FINER))

    def _measure(self, text: str, px: int) -> int:
        return self._letters.width(text, px * _FINER) // _FINER

    def _longest_start(self, text: str, px: int, width: int) -> str:
        if self.width(text, px) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.width(text[:middle].rstrip() + "…", px) <= width
            low, high = (middle, high) if fits else (low, middle - 1)
        return text[:low].rstrip() + "…" if low else ""

    def picture(self, text: str, px: int, colour: Colour = LOUD) -> pygame.Surface:
        """One line of text, `px` pixels high."""
        return self._render(text, max(1, px), colour)

    def width(self, text: str, px: int) -> int:
        """How many pixels wide a line would be."""
        return self._width(text, max(1, px))

    def wrap(self, text: str, px: int, width: int) -> list[str]:
        """The text in lines of at most that width, broken between words; a word that is wider has a line of its own."""
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer, px) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def fit(self, text: str, px: int, width: int) -> str:
        """The text, or as much of its start as is that wide, with an ellipsis; nothing where not even that fits."""
        return self._fit(text, px, width)


def write(
    target: pygame.Surface,
    words: Words,
    text: str,
    px: int,
    box: pygame.Rect,
    *,
    colour: Colour = LOUD,
    align: str = "left",
) -> pygame.Rect:
    """Write one line into a box, in its vertical middle, cut to its width; `align`: left, centre or right."""
    fitted = words.fit(text, px, box.width)
    if not fitted or box.height < 2:
        return pygame.Rect(box.topleft, (0, 0))
    picture = words.picture(fitted, px, colour)
    where = picture.get_rect(centery=box.centery)
    if align == "centre":
        where.centerx = box.centerx
    elif align == "right":
        where.right = box.right
    else:
        where.left = box.left
    target.blit(picture, where)
    return where
