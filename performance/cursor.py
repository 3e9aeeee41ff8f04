"""The cursor: a place on the plane, and paths that move it in musical time."""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path as FilePath
from typing import NamedTuple

from rvae.errors import FileError, UsageError

MAX_POINTS = 100_000
_MAX_BYTES = 8_000_000
Point = tuple[float, float]


def on_plane(x: float, y: float) -> Point:
    """The nearest place on the plane. Raises UsageError for what is not a number."""
    if not (math.isfinite(x) and math.isfinite(y)):
        raise UsageError(f"cursor {x}, {y}: not a place; give two numbers from 0 to 1")
    return min(1.0, max(0.0, float(x))), min(1.0, max(0.0, float(y)))


def parse_point(text: str) -> Point:
    """`X,Y` as a place. Raises UsageError for anything else, and for a place outside 0..1."""
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"'{text}' is no place on the plane; write it like 0.25,0.7, each from 0 to 1") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise UsageError(f"'{text}' lies outside the plane; both numbers go from 0 to 1")
    return x, y


class Key(NamedTuple):
    """At `bar` (from 0, not whole) the cursor is at `x`, `y`."""

    bar: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Path:
    """A recorded way over the plane, straight from key to key; before the first and after the last it stands still.

    Raises UsageError for keys that are out of order, off the plane, or none.
    """

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= MAX_POINTS:
            raise UsageError(f"a path of {len(self.keys)} points; 1 to {MAX_POINTS} are possible")
        for key in self.keys:
            if not all(map(math.isfinite, key)) or not (0 <= key.x <= 1 and 0 <= key.y <= 1):
                raise UsageError(f"path: '{key.bar} {key.x} {key.y}' is off the plane; bar, then x and y from 0 to 1")
        if any(later.bar < earlier.bar for earlier, later in pairwise(self.keys)):
            raise UsageError("path: its bars go back somewhere; put its lines in order")

    def at(self, bar: float) -> Point:
        """Where the cursor is at a bar (not whole)."""
        index = bisect.bisect_right(self.keys, bar, key=lambda key: key.bar)
        if index == 0:
            return self.keys[0].x, self.keys[0].y
        start = self.keys[index - 1]
        if index == len(self.keys):
            return start.x, start.y
        end = self.keys[index]
        share = (bar - start.bar) / (end.bar - start.bar)
        return start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share


def still(point: Point) -> Path:
    """The path that stays in one place."""
    return Path((Key(0.0, *point),))


def tour(points: Sequence[Point], bars: int, *, keys_per_bar: int = 4) -> Path:
    """A smooth closed way over so many bars that passes through the given places (a Catmull-Rom spline)."""
    if len(points) < 2:
        return still(points[0] if points else (0.5, 0.5))
    keys = []
    count = len(points)
    for step in range(bars * keys_per_bar + 1):
        leg, t = divmod(step / (bars * keys_per_bar) * count, 1)
        before, start, end, after = (points[(int(leg) + offset) % count] for offset in (-1, 0, 1, 2))
        place = (
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            for a, b, c, d in zip(before, start, end, after, strict=True)
        )
        keys.append(Key(step / keys_per_bar, *on_plane(*place)))
    return Path(tuple(keys))


def read_path(file: str | FilePath) -> Path:
    """A path from a file: `bar x y` or `bar,x,y` on each line (# begins a remark), or JSON `[[bar, x, y], ...]`.

    Raises FileError, UsageError.
    """
    try:
        with FilePath(file).open("rb") as source:
            data = source.read(_MAX_BYTES + 1)
    except OSError as error:
        raise FileError(f"{file}: cannot be read ({error.strerror or error}); check the name") from None
    if len(data) > _MAX_BYTES:
        raise FileError(f"{file}: larger than {_MAX_BYTES // 1_000_000} MB, which no path is; give another file")
    text = data.decode("utf-8", errors="replace")
    rows = _json_rows(text) if text.lstrip().startswith(("[", "{")) else _text_rows(text)
    if rows is None:
        raise FileError(f"{file}: no path; write a line `bar x y` for each point, x and y from 0 to 1")
    try:
        return Path(tuple(rows))
    except UsageError as error:
        raise FileError(f"{file}: {error}") from None


def _json_rows(text: str) -> list[Key] | None:
    try:
        found = json.loads(text)
        return [Key(float(bar), float(x), float(y)) for bar, x, y in found]
    except (ValueError, TypeError, RecursionError):
        return None


def _text_rows(text: str) -> list[Key] | None:
    rows = []
    for line in text.splitlines():
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            bar, x, y = map(float, words)
        except ValueError:
            return None
        rows.append(Key(bar, x, y))
    return rows
