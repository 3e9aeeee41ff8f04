from __future__ import annotations

from pathlib import Path as FilePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from performance.cursor import Key, Path, on_plane, parse_point, read_path, tour
from rvae.errors import FileError, UsageError

unit = st.floats(0, 1)
points = st.tuples(unit, unit)


def test_a_path_goes_straight_from_key_to_key_and_stands_still_outside() -> None:
    path = Path((Key(1, 0, 0), Key(3, 1, 0.5)))
    assert [path.at(bar) for bar in (0, 1, 2, 2.5, 3, 9)] == [
        (0, 0),
        (0, 0),
        (0.5, 0.25),
        (0.75, 0.375),
        (1, 0.5),
        (1, 0.5),
    ]


def test_two_keys_at_one_bar_are_a_jump() -> None:
    path = Path((Key(0, 0, 0), Key(1, 0.5, 0.5), Key(1, 1, 1), Key(2, 1, 1)))
    assert path.at(0.999)[0] < 0.5
    assert path.at(1) == (1, 1)


@given(st.lists(points, min_size=2, max_size=8), st.integers(1, 16), st.floats(-1, 20))
def test_a_tour_stays_on_the_plane_visits_its_places_and_comes_back(
    stops: list[tuple[float, float]], bars: int, at: float
) -> None:
    path = tour(stops, bars, keys_per_bar=len(stops))
    x, y = path.at(at)
    assert 0 <= x <= 1
    assert 0 <= y <= 1
    for index, stop in enumerate(stops):
        assert path.at(index * bars / len(stops)) == pytest.approx(stop, abs=1e-9)
    assert path.at(bars) == pytest.approx(stops[0])


@pytest.mark.parametrize(
    "text",
    [
        "0 0.1 0.2\n2 0.3 0.4\n",
        "# mine\n0,0.1,0.2\n\n2, 0.3, 0.4 # end",
        "[[0, 0.1, 0.2], [2, 0.3, 0.4]]",
        "0\t.1 .2\r\n2 .3 .4",
    ],
)
def test_a_path_file_may_be_lines_or_json(tmp_path: FilePath, text: str) -> None:
    file = tmp_path / "way"
    file.write_text(text, newline="")
    assert read_path(file) == Path((Key(0, 0.1, 0.2), Key(2, 0.3, 0.4)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\0",
        b"1 2",
        b"a b c",
        b"[1, 2]",
        b"[[0, 1]",
        b"{}",
        b"0 nan 1",
        b"0 2 0",
        b"3 0 0\n1 0 0",
        b"[" * 99999,
    ],
)
def test_what_is_no_path_is_one_line(tmp_path: FilePath, data: bytes) -> None:
    file = tmp_path / "way"
    file.write_bytes(data)
    with pytest.raises(FileError) as caught:
        read_path(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_file_that_is_not_there_is_one_line(tmp_path: FilePath) -> None:
    with pytest.raises(FileError, match="check the name"):
        read_path(tmp_path / "nothing")


@pytest.mark.parametrize("text", ["", "1", "a,b", "0.5,0.5,0.5", "1.1,0", "nan,0", "inf,1"])
def test_a_place_off_the_plane_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="plane"):
        parse_point(text)


def test_a_hand_that_leaves_the_plane_stops_at_its_edge() -> None:
    assert on_plane(-3, 0.5) == (0, 0.5)
    with pytest.raises(UsageError):
        on_plane(float("nan"), 0)
