"""The panel: a list over the lanes, with its chosen row lit; the plane and the bar stay free."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import pygame

from performance.panel import Panel, Row
from performance.surface.layout import Layout
from performance.surface.theme import LOUD, MUTED, NIGHT, PANEL, QUIET, RAISED, RULE, WARM, Words, mix, write


@dataclass(frozen=True)
class PanelLayout:
    """Where the parts of a panel are, in pixels. `rows`: the index of each row that is seen, with its place; the list
    is turned page by page.
    """

    box: pygame.Rect
    title: pygame.Rect
    close: pygame.Rect
    rows: tuple[tuple[int, pygame.Rect], ...]
    hint: pygame.Rect

    @classmethod
    def of(cls, layout: Layout, panel: Panel) -> PanelLayout | None:
        """Over the lanes, beneath the numbers of the bars, as high as it must be; None where it has no room."""
        if not layout.tracks:
            return None
        room = layout.lanes.unionall(layout.names)
        unit = layout.unit
        head, foot, line = unit * 3, unit * 5 // 2, unit * 4
        most = (room.height - head - foot) // line
        if most < 1:
            return None
        count = min(most, max(1, len(panel.rows)))
        box = pygame.Rect(room.left, room.top, room.width, head + foot + line * count)
        first = panel.chosen // most * most
        inner = box.inflate(-unit, 0)
        rows = tuple(
            (index, pygame.Rect(inner.left, box.top + head + line * (index - first), inner.width, line))
            for index in range(first, min(first + most, len(panel.rows)))
        )
        close = pygame.Rect(box.right - head, box.top, head, head)
        title = pygame.Rect(inner.left, box.top, close.left - inner.left, head)
        return cls(box, title, close, rows, pygame.Rect(inner.left, box.bottom - foot, inner.width, foot))


def draw_panel(target: pygame.Surface, layout: Layout, words: Words, panel: Panel) -> None:
    """Title, rows, hint."""
    places = PanelLayout.of(layout, panel)
    if places is None:
        return
    unit = layout.unit
    pygame.draw.rect(target, NIGHT, places.box)
    pygame.draw.rect(target, PANEL, places.box, border_radius=unit // 2)
    pygame.draw.rect(target, QUIET, places.box, max(1, unit // 8), border_radius=unit // 2)
    px = max(10, round(unit * 2.1))
    title = write(target, words, panel.title, px, places.title)
    count = f"{panel.chosen + 1} of {len(panel.rows)}" if len(panel.rows) > len(places.rows) else ""
    beside = places.title.copy()
    beside.width -= title.width + unit
    beside.left = title.right + unit
    write(target, words, count, max(9, round(unit * 1.3)), beside, colour=QUIET)
    arm = max(2, unit // 2)
    x, y = places.close.center
    for way in (-1, 1):
        pygame.draw.line(target, QUIET, (x - arm, y - way * arm), (x + arm, y + way * arm), max(2, unit // 5))
    for index, box in places.rows:
        _draw_row(target, words, box, unit, panel.rows[index], is_chosen=index == panel.chosen)
    if not panel.rows:
        nothing = pygame.Rect(places.title.left, places.title.bottom, places.title.width, unit * 4)
        write(target, words, "nothing here", px, nothing, colour=QUIET)
    write(target, words, panel.hint, max(9, round(unit * 1.35)), places.hint, colour=QUIET)


def _draw_row(target: pygame.Surface, words: Words, box: pygame.Rect, unit: int, row: Row, *, is_chosen: bool) -> None:
    inner = box.inflate(-unit, -max(2, unit // 4))
    if is_chosen:
        pygame.draw.rect(target, RAISED, box.inflate(0, -2), border_radius=max(2, unit // 3))
        pygame.draw.rect(target, LOUD, box.inflate(0, -2), max(2, unit // 7), border_radius=max(2, unit // 3))
    elif row.key:
        target.fill(RULE, (box.left, box.bottom - 1, box.width, 1))
    sign = max(4, unit * 5 // 8)
    if row.is_on:  # told by a sign, not by colour alone
        pygame.draw.circle(target, WARM, (inner.left + sign // 2, inner.top + inner.height * 3 // 10), sign // 2)
    inner.left, inner.width = inner.left + unit * 5 // 4, inner.width - unit * 5 // 4
    large, small = max(10, round(unit * 2)), max(9, round(unit * 1.45))
    upper = pygame.Rect(inner.left, inner.top, inner.width, ceil(inner.height * 0.56))
    lower = pygame.Rect(inner.left, upper.bottom, inner.width, inner.bottom - upper.bottom)
    if not row.detail:
        upper = inner.copy()
    ink = LOUD if row.commands or row.is_on else mix(MUTED, QUIET, 0.5)
    state = write(
        target, words, row.state, max(9, round(unit * 1.7)), upper, colour=WARM if row.is_on else QUIET, align="right"
    )
    upper.width -= state.width + (unit // 2 if state.width else 0)
    write(target, words, row.text, large, upper, colour=ink)
    write(target, words, row.detail, small, lower, colour=QUIET)


def over_panel(layout: Layout, panel: Panel | None, at: tuple[float, float] | None) -> bool:
    """Whether a pixel lies on the panel."""
    places = None if panel is None else PanelLayout.of(layout, panel)
    return places is not None and at is not None and places.box.collidepoint(at)


def row_at(layout: Layout, panel: Panel, at: tuple[float, float]) -> Row | None:
    """The row under a pixel."""
    places = PanelLayout.of(layout, panel)
    index = None if places is None else next((index for index, box in places.rows if box.collidepoint(at)), None)
    return None if index is None else panel.rows[index]


def closes(layout: Layout, panel: Panel, at: tuple[float, float]) -> bool:
    """Whether a pixel lies on what closes it."""
    places = PanelLayout.of(layout, panel)
    return places is not None and places.close.collidepoint(at)
