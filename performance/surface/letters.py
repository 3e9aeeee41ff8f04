"""Letters of any script as pictures: pygame's own typeface, one of the system's for letters it lacks, words for the
rest: never the empty box that a typeface has for what it does not know.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import pygame

# Names of typefaces as pygame has them, of which one system or another has some; between them most letters there are.
SYSTEM_FACES = (
    "dejavusans", "notocoloremoji", "segoeuiemoji", "applecoloremoji", "segoeuisymbol", "applesymbols", "symbola",
    "segoeui", "arialunicodems", "arial", "notosans", "notosansarabic", "notonaskharabic", "geezapro", "notosanshebrew",
    "notosansdevanagari", "notosansthai", "notosansethiopic", "nirmalaui", "notosanscjkjp", "notosanscjksc", "yugothic",
    "msgothic", "microsoftyahei", "malgungothic", "hiraginosans", "pingfangsc", "applesdgothicneo", "wqyzenhei",
    "droidsansfallback", "freesans", "unifont",
)  # fmt: skip
OWN = ""  # pygame's own typeface, bundled with it, so that a stage machine shows what was tested
_UNKNOWN = "\U0010fffe"  # no letter, in no typeface
_TRIED_PX = 24
_WHITE = (255, 255, 255)
_NO_LETTERS = ("Cn", "Co", "Cs")
_JOINERS = (*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400))  # emoji or text; the colour of a skin


class Run(NamedTuple):
    """Neighbouring letters of one typeface, read from the right where `is_rtl`."""

    face: str
    text: str
    is_rtl: bool


class Letters:
    """`faces`: names of typefaces to look for on the system, the first that has a letter is taken."""

    def __init__(self, faces: Sequence[str] = SYSTEM_FACES) -> None:
        pygame.font.init()
        self._names = faces
        self._paths: list[str] | None = None
        self._font = lru_cache(maxsize=128)(self._opened)
        self._face_of = lru_cache(maxsize=4096)(self._found)

    def picture(self, text: str, px: int, colour: tuple[int, int, int]) -> pygame.Surface:
        """One line."""
        own = self._font(OWN, px, False)
        runs = self._runs(text)
        if all(run.face == OWN for run in runs):
            return own.render("".join(run.text for run in runs), True, colour)
        parts = [(run, self._rendered(run, px, colour)) for run in runs]
        line = pygame.Surface((sum(part.get_width() for _, part in parts), own.get_linesize()), pygame.SRCALPHA)
        x = 0
        for run, part in parts:
            lower = own.get_ascent() - self._font(run.face, px, run.is_rtl).get_ascent()
            line.blit(part, (x, max(0, min(lower, line.get_height() - part.get_height()))))
            x += part.get_width()
        return line

    def width(self, text: str, px: int) -> int:
        """How wide that line would be."""
        if text.isascii() and text.isprintable():  # most are, and need not be drawn for it
            return self._font(OWN, px, False).size(text)[0]
        return self.picture(text, px, _WHITE).get_width()

    def _rendered(self, run: Run, px: int, colour: tuple[int, int, int]) -> pygame.Surface:
        """A run at most as high as a line: pictures of emoji come in one size."""
        part = self._font(run.face, px, run.is_rtl).render(run.text, True, colour)
        most = self._font(OWN, px, False).get_linesize()
        if part.get_height() <= most:
            return part
        return pygame.transform.smoothscale(part, (max(1, part.get_width() * most // part.get_height()), most))

    def _runs(self, text: str) -> list[Run]:
        if text.isascii() and text.isprintable():
            return [Run(OWN, text, False)]
        text = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)
        runs: list[Run] = []
        for place, letter in enumerate(text):
            before = runs[-1] if runs else None
            face = self._joined(letter, before)
            if face is None:
                continue
            is_rtl = bool(face) and _is_rtl(letter)
            if letter == " " and before is not None and before.is_rtl and _is_rtl(text[place + 1 : place + 2]):
                face, is_rtl = before.face, True  # words of one line from the right stay in their order
            shown = letter if face or self._is_own(letter) else stand_in(letter)
            if before is not None and (before.face, before.is_rtl) == (face, is_rtl):
                runs[-1] = before._replace(text=before.text + shown)
            else:
                runs.append(Run(face, shown, is_rtl))
        return runs

    def _joined(self, letter: str, before: Run | None) -> str | None:
        """The typeface of a letter; what only joins or changes the one before goes with it, or away."""
        if ord(letter) in _JOINERS or unicodedata.category(letter) == "Cf":
            return before.face if before is not None and before.face else None
        return self._face_of(letter)

    def _found(self, letter: str) -> str:
        """The first typeface that has a letter; our own, where none has: then something stands in for it."""
        if unicodedata.category(letter) in _NO_LETTERS or self._is_own(letter):
            return OWN
        if self._paths is None:  # asking the system takes a moment, and hardly anybody needs it
            paths = (pygame.font.match_font(name, bold=True) for name in self._names)
            self._paths = [path for path in paths if path is not None]
        return next((path for path in self._paths if self._has(path, letter)), OWN)

    def _is_own(self, letter: str) -> bool:
        """Whether our own typeface has a letter; of scripts from the right it has some, which make no words."""
        return not _is_rtl(letter) and self._has(OWN, letter)

    def _has(self, face: str, letter: str) -> bool:
        if letter.isspace():
            return face == OWN
        if unicodedata.category(letter) in _NO_LETTERS:
            return False
        try:
            font = self._font(face, _TRIED_PX, False)
            drawn, unknown = (font.render(shown, False, _WHITE) for shown in (letter, _UNKNOWN))
        except (pygame.error, OSError):
            return False
        return pygame.image.tobytes(drawn, "RGBA") != pygame.image.tobytes(unknown, "RGBA")

    def _opened(self, face: str, px: int, is_rtl: bool) -> pygame.font.Font:
        font = pygame.font.Font(face or None, px)
        if is_rtl:
            font.set_direction(pygame.DIRECTION_RTL)
        return font


def stand_in(letter: str) -> str:
    """Words for a letter that no typeface has: `:drum:`, `ri` for a kana, `592a` for an ideograph."""
    name = unicodedata.name(letter, "").partition(" WITH ")[0]
    if not name:
        return "?"
    if unicodedata.category(letter)[0] == "S":
        return f":{name.lower()}:"
    return name.split()[-1].split("-")[-1].lower()


def _is_rtl(letter: str) -> bool:
    return bool(letter) and unicodedata.bidirectional(letter) in ("R", "AL")
