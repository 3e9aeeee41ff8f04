"""Drawings as inline SVG: bars of shares, and bars of music on a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

WIDTH = 720
# Okabe and Ito (2008): told apart by people who see colours differently, and in grey print by lightness.
BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#999999"
INK, FAINT = "#222222", "#dddddd"


def svg(parts: Iterable[str], height: float, *, title: str, width: float = WIDTH) -> str:
    """One `<svg>` element that scales with the page; `title` is what a reader who cannot see it hears."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'font-family="sans-serif" font-size="12" fill="{INK}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def rect(x: float, y: float, width: float, height: float, colour: str, *, opacity: float = 1.0) -> str:
    """A filled rectangle."""
    faint = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" fill="{colour}"{faint}/>'


def line(
    x1: float, y1: float, x2: float, y2: float, colour: str = INK, *, width: float = 1.0, dashed: bool = False
) -> str:
    """A straight line."""
    dashes = ' stroke-dasharray="3 2"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashes}/>'
    )


def dot(x: float, y: float, radius: float, colour: str, *, opacity: float = 1.0) -> str:
    """An onset."""
    faint = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}"{faint}/>'


def cross(x: float, y: float, radius: float, colour: str = RED) -> str:
    """What was lost."""
    return line(x - radius, y - radius, x + radius, y + radius, colour, width=2) + line(
        x - radius, y + radius, x + radius, y - radius, colour, width=2
    )


def text(x: float, y: float, words: str, *, anchor: str = "start", size: float = 12, colour: str = INK) -> str:
    """Words at a place; `anchor`: start, middle or end of them."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"


_ROW, _LABEL, _VALUE = 20, 212, 110


def share_bars(
    rows: Sequence[tuple[str, float, str]],
    *,
    title: str,
    colours: Sequence[str] = (),
    most: float | None = None,
    marks: Sequence[tuple[float, float] | None] = (),
    even: float | None = None,
) -> str:
    """A bar for each (label, value, words beside it).

    `colours`: of each, blue where nothing is said; `marks`: the interval of each, drawn as a thin line; `most`: the
    value of a bar of full length, the largest where nothing is said; `even`: a value at which a line stands over all
    bars.
    """
    full = most or max([*(value for _, value, _ in rows), *(mark[1] for mark in marks if mark), even or 0, 1e-9])
    room = WIDTH - _LABEL - _VALUE
    parts = []
    for row, (label, value, words) in enumerate(rows):
        y = row * _ROW + 4
        parts.append(text(_LABEL - 8, y + 12, _short(label), anchor="end"))
        colour = colours[row] if row < len(colours) else BLUE
        parts.append(rect(_LABEL, y + 2, room * min(value / full, 1), 12, colour))
        end = value
        if row < len(marks) and (mark := marks[row]):
            low, high = (_LABEL + room * min(part / full, 1) for part in mark)
            parts.append(line(low, y + 8, high, y + 8, INK, width=1.5))
            end = max(value, mark[1])
        beside = _LABEL + room * min(end / full, 1) + 6
        words_at = text(beside, y + 12, words) if even is None else text(WIDTH - 4, y + 12, words, anchor="end")
        parts.append(words_at)  # clear of the line
    if even is not None:
        at = _LABEL + room * min(even / full, 1)
        parts.append(line(at, 0, at, len(rows) * _ROW + 8, INK, dashed=True))
    return svg(parts, len(rows) * _ROW + 8, title=title)


def _short(label: str, most: int = 28) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
