"""What only the surface knows: where the pointer is, what is held, whether help is shown, where the cursor has been."""

from __future__ import annotations

from dataclasses import dataclass, replace

from performance.commands import StageCommand
from performance.snapshot import Snapshot

TRAIL_S = 1.6
HELP_PAGES = 4
_TRAIL_STEP = 0.004  # moves smaller than this are not worth a point of the trail


@dataclass(frozen=True, slots=True)
class Held:
    """What a pressed pointer holds: a name, the pixel it took it at and the value or point it had then.

    `fine`: the point goes a tenth of the way that the pointer goes.
    """

    name: str
    at: tuple[float, float] = (0.0, 0.0)
    value: float = 0.0
    point: tuple[float, float] = (0.0, 0.0)
    fine: bool = False


@dataclass(frozen=True, slots=True)
class First:
    """The finger that has the cursor, and what it took hold of."""

    finger: int
    held: Held


@dataclass(frozen=True, slots=True)
class Second:
    """A second finger on the plane sets the density. `y`: where it landed, in windows; `value`: the density then."""

    finger: int
    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Drop:
    """What a drop has brought so far: whether a file; the first line of text that names none."""

    has_file: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """State of the surface itself. A value: events and time make a new one of it.

    `pointer`: the mouse in pixels, or None where it has left. `finger`: the finger that has the cursor; `second`: one
    more. `down`: keys now held. `sticks`: how far a controller's sticks are pushed, -1 to 1: right and up for the
    cursor, up for the density. `triggers`: those that are held, `lt+` and `rt+`, the last one last. `drop`: what comes
    in. `help_page`: which is shown, 0 for none. `audience`: whether its window is open. `view`: which of `views.VIEWS`.
    `trail`: (x, y, when in seconds), oldest first. `touched`: the control last changed here, and when. `news`: the
    number of the newest message and when it came; `trouble`: of the newest error.
    """

    now_s: float = 0.0
    pointer: tuple[float, float] | None = None
    held: Held | None = None
    finger: First | None = None
    second: Second | None = None
    down: frozenset[int] = frozenset()
    sticks: tuple[float, float, float] = (0.0, 0.0, 0.0)
    triggers: tuple[str, ...] = ()
    drop: Drop = Drop()
    help_page: int = 0
    view: int = 0
    full_screen: bool = False
    audience: bool = False
    audience_full_screen: bool = False
    closing: bool = False
    trail: tuple[tuple[float, float, float], ...] = ()
    touched: tuple[str, float] | None = None
    news: tuple[int, float] = (0, 0.0)
    trouble: tuple[int, float] = (0, 0.0)

    @property
    def help_shown(self) -> bool:
        """Whether help covers the plane."""
        return self.help_page > 0

    def more_help(self) -> Look:
        """The first page of it, the next, or none after the last."""
        return replace(self, help_page=(self.help_page + 1) % (HELP_PAGES + 1))


Response = tuple[Look, tuple[StageCommand, ...]]
"""The look after an event, and what the event asks of the stage."""


def at_time(look: Look, snapshot: Snapshot, now_s: float) -> Look:
    """The look a moment later: the trail follows the cursor and fades, a new message gets its time."""
    trail = tuple(point for point in look.trail if now_s - point[2] < TRAIL_S)
    x, y = snapshot.cursor
    if not trail or abs(trail[-1][0] - x) + abs(trail[-1][1] - y) > _TRAIL_STEP:
        trail = (*trail, (x, y, now_s))
    newest = snapshot.messages[-1].number if snapshot.messages else 0
    news = look.news if look.news[0] == newest else (newest, now_s)
    wrong = next((message.number for message in reversed(snapshot.messages) if message.is_error), look.trouble[0])
    trouble = look.trouble if look.trouble[0] == wrong else (wrong, now_s)
    return replace(look, now_s=now_s, trail=trail, news=news, trouble=trouble)
