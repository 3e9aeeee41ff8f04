"""The help overlay: every control and action with its keys, buttons and learned knobs, from the table itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pygame

from performance.controls import ACTIONS, CONTROLS
from performance.surface.bar import key_text
from performance.surface.layout import Layout
from performance.surface.theme import LOUD, NIGHT, QUIET, RULE, WARM, Words, write


class Row(NamedTuple):
    """One line of the help. `pads`, `knobs`: buttons of a game controller, and of MIDI devices, that do the same."""

    keys: str
    label: str
    what: str
    pads: str = ""
    knobs: str = ""


_BY_HAND: tuple[Row, ...] = (
    Row("drag", "Move", "on the plane; with shift finer; a touch on a clip plays it as it was"),
    Row("two fingers", "Move, density", "the first has the cursor; the second goes up for more onsets, down for less"),
    Row("sticks", "Game controller", "left: cursor, right: density; LT, RT: triggers held, LS, RS: sticks pressed"),
    Row("click", "Mute", "on a voice's name; the wheel: denser or sparser; other button: freeze"),
    Row("click", "Pin", "in the lanes: holds an onset or forces one; again: a rest; again: lets go"),
)
_BUTTONS = {
    "leftshoulder": "LB",
    "rightshoulder": "RB",
    "leftstick": "LS",
    "rightstick": "RS",
    "left up right down": "D-pad",
    "left right up down": "D-pad",
}
_AXES = {"x": "move", "y": "move", "clip": "next_clip"}  # targets of knobs that are on the line of something else


def help_pages(learned: Sequence[tuple[str, str]] = ()) -> tuple[tuple[Row, ...], ...]:
    """All that can be done, then all that can be set and what is done by hand; two pages each. `learned`: what knobs
    and pads are for and which they are, as `Snapshot.learned`.
    """
    knobs: dict[str, list[str]] = {}
    for target, source in learned:
        name = target.split()[0]
        knobs.setdefault(_AXES.get(name, name), []).append(source)
    controls = [
        Row(key_text(control.keys), control.label, control.help, _pads(control.pads), _knobs(knobs.get(name, [])))
        for name, control in CONTROLS.items()
        if control.keys or name in knobs
    ]
    back = {
        action.label.removeprefix("Previous "): action for action in ACTIONS.values() if "Previous " in action.label
    }
    actions: list[Row] = []
    for name, action in ACTIONS.items():
        if (not action.keys and name not in knobs) or action in back.values():
            continue
        keys, label, reverse = key_text(action.keys), action.label, back.get(action.label.removeprefix("Next "))
        pads, sources = action.keys, knobs.get(name, [])
        if reverse is not None:  # there and back on one line
            keys, label = f"{keys}  {key_text(reverse.keys)}", label.replace("Next ", "Next, previous ")
            pads, sources = (*pads, *reverse.keys), [*sources, *knobs.get(reverse.name, [])]
        actions.append(Row(keys, label, action.help, _pads(pads), _knobs(sources)))
    pages = (*_halves(actions), *_halves([*controls, *_BY_HAND]))
    more = ACTIONS["help"].keys
    lines = ("what else can be done", "what can be set", "what else can be set, and what hands do", "")
    return tuple(
        (*page, Row(key_text(more), "More", line, _pads(more))) if line else page
        for page, line in zip(pages, lines, strict=True)
    )


def _pads(keys: Sequence[str]) -> str:
    """Buttons as they are written on most controllers: `pad LB`, `pad RT+A B X Y`, `pad LT/RT+D-pad`."""
    held: dict[str, list[str]] = {}
    for key in keys:
        if key.startswith("pad-"):
            trigger, _, button = key.removeprefix("pad-").rpartition("+")
            held.setdefault(trigger.upper(), []).append(button)
    triggers: dict[str, list[str]] = {}
    for trigger, buttons in held.items():
        row = _BUTTONS.get(" ".join(buttons)) or " ".join(_BUTTONS.get(one, one.capitalize()) for one in buttons)
        triggers.setdefault(row, []).append(trigger)
    shown = "  ".join("/".join(some) + "+" * any(some) + row for row, some in triggers.items())
    return f"pad {shown}" if shown else ""


def _knobs(sources: Sequence[str]) -> str:
    """`cc 1, cc 2`, or the first and how many more."""
    return ", ".join(sources) if len(sources) < 3 else f"{sources[0]} and {len(sources) - 1} more"


def _halves(rows: list[Row]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """On two pages, so that they are read from afar."""
    middle = -(-len(rows) // 2)
    return tuple(rows[:middle]), tuple(rows[middle:])


def draw_help(
    target: pygame.Surface, layout: Layout, words: Words, page: int, learned: Sequence[tuple[str, str]] = ()
) -> None:
    """Cover plane and lanes with a page of the table, counted from 1; the bar and the status line stay in view, and the
    music goes on.
    """
    box = layout.window.copy()
    if layout.items:
        box.height = max(1, layout.items[0].box.top - layout.unit // 2)
    target.fill(NIGHT, box)
    rows = help_pages(learned)[page - 1]
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


def _draw_row(target: pygame.Surface, words: Words, line: pygame.Rect, row: Row) -> None:
    px = max(9, min(round(line.height * 0.46), line.width // 18))
    small = max(8, round(px * 0.74))
    first = line.width * 31 // 100
    room = pygame.Rect(line.left, line.top, first - px // 2, line.height)
    others = [text for text in (row.pads, row.knobs) if text]
    heights = [px] * bool(row.keys) + [small] * len(others)
    shrunk = min(1.0, (line.height - 4) / max(1, sum(heights)))
    top = line.centery - round(sum(heights) * shrunk) // 2
    for text, height in zip((*([row.keys] if row.keys else []), *others), heights, strict=True):
        one = pygame.Rect(room.left, top, room.width, round(height * shrunk))
        fitting = _fitting(words, text, one.height, room.width)
        write(target, words, text, fitting, one, colour=WARM if text == row.keys else LOUD)
        top = one.bottom
    right = pygame.Rect(line.left + first, line.top, line.width - first, line.height)
    while len(words.wrap(row.what, small, right.width)) * small > line.height - px and small > max(8, px * 0.56):
        small -= 1
    explained = words.wrap(row.what, small, right.width)[: max(0, (line.height - px) // small)]
    top = line.top + (line.height - px - small * len(explained)) // 2
    write(target, words, row.label, px, pygame.Rect(right.left, top, right.width, px), colour=LOUD)
    for count, text in enumerate(explained):
        under = pygame.Rect(right.left, top + px + count * small, right.width, small)
        write(target, words, text, small, under, colour=QUIET)
    target.fill(RULE, (line.left, line.bottom - 1, line.width, 1))


def _fitting(words: Words, text: str, px: int, width: int) -> int:
    """The largest size up to `px` at which the text has room, not much smaller than asked for."""
    least = max(8, px * 0.6)
    while words.width(text, px) > width and px > least:
        px -= 1
    return px
