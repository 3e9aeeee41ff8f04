"""Names of clips in any script are read in the window: by a typeface that has them, or in words."""

from __future__ import annotations

import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from performance.surface.letters import SYSTEM_FACES, Letters, stand_in

WHITE = (255, 255, 255)
ALONE, WITH_SYSTEM = Letters(()), Letters(SYSTEM_FACES)


def pixels(letters: Letters, text: str) -> bytes:
    return pygame.image.tobytes(letters.picture(text, 40, WHITE), "RGBA")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("🥁 groove 🔥.mid", ":drum: groove :fire:.mid"),
        ("リズム 2", "rizumu 2"),
        ("太鼓", "592a9f13"),
        ("❤️", ":heavy black heart:"),
        ("a\udcffb", "a?b"),
    ],
)
def test_letters_that_no_typeface_has_are_said_in_words(text: str, said: str) -> None:
    assert pixels(ALONE, text) == pixels(ALONE, said)


def test_what_the_typeface_has_stays_as_it_is() -> None:
    own = pygame.font.Font(None, 40).render("João & Zoë: Жψ", True, WHITE)
    assert pixels(WITH_SYSTEM, "João & Zoë: Жψ") == pygame.image.tobytes(own, "RGBA")


@given(st.text(max_size=12))
def test_any_name_is_drawn_as_wide_as_it_is_measured(text: str) -> None:
    for letters in (ALONE, WITH_SYSTEM):
        picture = letters.picture(text, 40, WHITE)
        assert abs(picture.get_width() - letters.width(text, 40)) <= 1


@given(st.characters())
def test_every_letter_has_a_stand_in(letter: str) -> None:
    assert stand_in(letter)
