"""The plane as a file, where there is no display."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pygame
import pytest
from surface_support import FOUR, SEVEN, Blend

from performance.surface.picture import draw_plane
from performance.surface.theme import LOUD
from rvae.errors import FileError

TESTS = Path(__file__).resolve().parent
PATH = [(0.1, 0.1), (0.5, 0.55), (0.9, 0.4)]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> pygame.Surface:
    file = tmp_path_factory.mktemp("picture") / "plane.png"
    draw_plane(Blend(), FOUR, PATH, file, title="straight-four")  # type: ignore[arg-type]  # decodes as a model does
    assert file.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    return pygame.image.load(str(file))


def test_the_path_is_drawn_from_its_first_point_to_its_last(drawn: pygame.Surface) -> None:
    left, top, side = 60, 110, 1080
    for x, y in PATH:
        at = (left + round(x * (side - 1)), top + round((1 - y) * (side - 1)))
        assert drawn.get_at(at)[:3] == LOUD


def test_it_is_about_twelve_hundred_pixels_square(drawn: pygame.Surface) -> None:
    assert drawn.get_width() == 1200
    assert 1200 <= drawn.get_height() <= 1320


def test_it_needs_neither_a_display_nor_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from surface_support import *; from performance.surface.picture import draw_plane;"
        f"draw_plane(Blend(), SEVEN, (), {str(tmp_path / 'p.png')!r}); assert 'torch' not in sys.modules"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "SDL_VIDEODRIVER")}
    environment["PYTHONPATH"] = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, check=True)
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_a_place_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        draw_plane(Blend(), SEVEN, (), tmp_path / "none" / "plane.png")  # type: ignore[arg-type]
    taken = tmp_path / "folder.png"
    taken.mkdir()
    with pytest.raises(FileError, match=r"folder\.png"):
        draw_plane(Blend(), SEVEN, (), taken)  # type: ignore[arg-type]
    assert [each.name for each in tmp_path.iterdir()] == ["folder.png"]
