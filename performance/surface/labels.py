"""Names on the plane: tidy, and never on top of one another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pygame

# 7-8 is a meter, where the name of a file can have no stroke
_SPLIT = re.compile(r"(?<!\d)[\s_\-]+|[\s_\-]+(?!(?:2|4|8|16)(?!\d))")


def tidy_name(name: str) -> str:
    """A clip's name for reading: `house-01-four-on-floor` becomes `House: four on floor`.

    The words before a number are taken as the style, those after it as the rhythm; other names only lose their dashes
    and the file's ending.
    """
    words = [word for word in _SPLIT.split(re.sub(r"\.midi?$", "", name.strip(), flags=re.IGNORECASE)) if word]
    if not words:
        return name
    number = next((at for at, word in enumerate(words) if at and word.isdigit()), None)
    if number is None or number == len(words) - 1:
        text = " ".join(words)
    else:
        text = f"{' '.join(words[:number])}: {' '.join(words[number + 1 :])}"
    return text[:1].upper() + text[1:]


def place_labels(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[int, int]],
    area: pygame.Rect,
    *,
    reach: int,
    taken: Iterable[pygame.Rect] = (),
) -> tuple[pygame.Rect | None, ...]:
    """A box for each label beside its anchor (a pixel), or None where there is no room; earlier labels have the choice.

    Boxes lie within `area`, `reach` pixels from their anchor or three times that, and overlap neither one another nor
    `taken`.
    """
    used = list(taken)
    placed: list[pygame.Rect | None] = []
    for (x, y), (width, height) in zip(anchors, sizes, strict=True):
        corners = (corner for far in (reach, 3 * reach) for corner in _corners(x, y, width, height, far))
        boxes = (pygame.Rect(round(left), round(top), width, height) for left, top in corners)
        free = next((box for box in boxes if area.contains(box) and box.collidelist(used) < 0), None)
        placed.append(free)
        if free is not None:
            used.append(free)
    return tuple(placed)


def _corners(x: float, y: float, width: int, height: int, reach: float) -> tuple[tuple[float, float], ...]:
    """Upper left corners of boxes around a pixel: beside it first, then above, below and aslant."""
    aslant = reach * 0.6
    return (
        (x + reach, y - height / 2),
        (x - reach - width, y - height / 2),
        (x - width / 2, y - reach - height),
        (x - width / 2, y + reach),
        (x + aslant, y - aslant - height),
        (x - aslant - width, y + aslant),
        (x + aslant, y + aslant),
        (x - aslant - width, y - aslant - height),
    )
