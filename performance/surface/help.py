"""The help overlay: every control and action with its keys, from the control table itself."""

from __future__ import annotations

import pygame

from performance.controls import ACTIONS, CONTROLS
from performance.surface.bar import key_text
from performance.surface.layout import Layout
from performance.surface.theme import LOUD, NIGHT, QUIET, RULE, WARM, Words, write

_BY_HAND: tuple[tuple[str, str, str], ...] = (
    ("drag", "Move", "on the plane; with shift finer; a touch on a clip plays it as it was"),
    (
        "pad",
        "Game controller",
        "sticks: cursor, density; A play, B panic, X clip, Y view; with a trigger: scenes, mutes, panels",
    ),
    ("click", "Mute", "on a voice's name; the wheel: denser or sparser; other button: freeze"),
    ("click", "Pin", "in the lanes: holds an onset or forces one; again: a rest; again: lets go"),
)


Row = tuple[str, str, str]


def help_pages() -> tuple[tuple[Row, ...], ...]:
    """(keys, label, what it does) of all that can be done, then of all that can be set and what is done by hand; two
    pages each.
    """
    controls = [(key_text(control.keys), control.label, control.help) for control in CONTROLS.values() if control.keys]
    back = {
        action.label.removeprefix("Previous "): action for action in ACTIONS.values() if "Previous " in action.label
    }
    actions: list[Row] = []
    for action in ACTIONS.values():
        if not key_text(action.keys) or action in back.values():
            continue
        keys, label, reverse = key_text(action.keys), action.label, back.get(action.label.removeprefix("Next "))
        if reverse is not None:  # there and back on one line
            keys, label = f"{keys}  {key_text(reverse.keys)}", label.replace("Next ", "Next, previous ")
        actions.append((keys, label, action.help))
    pages = (*_halves(actions), *_halves([*controls, *_BY_HAND]))
    more = (key_text(ACTIONS["help"].keys), "More")
    lines = ("what else can be done", "what can be set", "what else can be set, and what hands do", "")
    return tuple((*page, (*more, line)) if line else page for page, line in zip(pages, lines, strict=True))


def _halves(rows: list[Row]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """On two pages, so that they are read from afar."""
    middle = -(-len(rows) // 2)
    return tuple(rows[:middle]), tuple(rows[middle:])


def draw_help(target: pygame.Surface, layout: Layout, words: Words, page: int) -> None:
    """Cover plane and lanes with a page of the table, counted from 1; the bar and the status line stay in view, and the
    music goes on.
    """
    box = layout.window.copy()
    if layout.items:
        box.height = max(1, layout.items[0].box.top - layout.unit // 2)
    target.fill(NIGHT, box)
    rows = help_pages()[page - 1]
    inner = box.inflate(-layout.unit * 3, -layout.unit)
    columns = 1 if inner.width < inner.height * 1.1 else 2
    per_column = -(-len(rows) // columns)
    gap = layout.unit * 2
    width = (inner.width - gap * (columns - 1)) // columns
    height = inner.height // per_column
    for index, row in enumerate(rows):
        column, down = divmod(index, per_column)
        line = pygame.Rect(inner.left + column * (width + gap), inner.top + down * height, width, height)
        if line.width > 0 and line.height > 0:
            _draw_row(target, words, line, row)


def _draw_row(target: pygame.Surface, words: Words, line: pygame.Rect, row: tuple[str, str, str]) -> None:
    keys, label, what = row
    px = max(9, min(round(line.height * 0.46), line.width // 18))
    small = max(8, round(px * 0.74))
    first = line.width * 31 // 100
    room = pygame.Rect(line.left, line.top, first - px // 2, line.height)
    keys_px = px
    while words.width(keys, keys_px) > room.width and keys_px > max(8, px * 0.6):
        keys_px -= 1
    write(target, words, keys, keys_px, room, colour=WARM)
    right = pygame.Rect(line.left + first, line.top, line.width - first, line.height)
    while len(words.wrap(what, small, right.width)) * small > line.height - px and small > max(8, px * 0.56):
        small -= 1
    explained = words.wrap(what, small, right.width)[: max(0, (line.height - px) // small)]
    top = line.top + (line.height - px - small * len(explained)) // 2
    write(target, words, label, px, pygame.Rect(right.left, top, right.width, px), colour=LOUD)
    for count, text in enumerate(explained):
        under = pygame.Rect(right.left, top + px + count * small, right.width, small)
        write(target, words, text, small, under, colour=QUIET)
    target.fill(RULE, (line.left, line.bottom - 1, line.width, 1))
