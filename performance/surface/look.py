"""What only the surface knows: where the pointer is, what is held, whether help is shown, where the cursor has been."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from performance.commands import StageCommand
from performance.snapshot import Snapshot, unheard

TRAIL_S = 1.6
TROUBLE_S, TURN_S, READ_S = 30.0, 5.0, 3.0
_MOST_TROUBLES = 12
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
class Troubles:
    """Errors that are to be read, in the order in which they take turns: those that came last first, then those before
    them whose turn had not come. `since_s`: when the last came. `passed_over`: how many there was no room for.
    """

    texts: tuple[str, ...] = ()
    since_s: float = 0.0
    passed_over: int = 0

    @property
    def round_s(self) -> float:
        """How long it takes until each was shown once."""
        return TURN_S * (len(self.texts) + bool(self.passed_over))

    @property
    def read_s(self) -> float:
        """How long it takes until each was there for long enough to be read."""
        return self.round_s - TURN_S + READ_S

    def after(self, new: Sequence[str], now_s: float) -> Troubles:
        """With those that have just come, without those that were read, or have stood there long enough."""
        age_s = now_s - self.since_s
        if not new:
            return self if self.texts and age_s < max(TROUBLE_S, self.round_s) else Troubles()
        unread = self.texts[int((age_s + TURN_S - READ_S) / TURN_S) :]
        found = tuple(dict.fromkeys((*new, *unread)))
        passed_over = (self.passed_over if unread else 0) + max(0, len(found) - _MOST_TROUBLES)
        return Troubles(found[:_MOST_TROUBLES], now_s, passed_over)

    def line(self, now_s: float) -> str:
        """The one whose turn it is; empty where there is none. Of several it says which."""
        if len(self.texts) < 2:
            return "".join(self.texts)
        lines = [f"{number} of {len(self.texts)}:  {text}" for number, text in enumerate(self.texts, 1)]
        if self.passed_over:
            lines.append(f"{self.passed_over} more came too fast to be shown")
        return lines[int((now_s - self.since_s) / TURN_S) % len(lines)]


@dataclass(frozen=True, slots=True)
class Look:
    """State of the surface itself. A value: events and time make a new one of it.

    `pointer`: the mouse in pixels, or None where it has left. `finger`: the finger that has the cursor; `second`: one
    more. `down`: keys now held. `sticks`: how far a controller's sticks are pushed, -1 to 1: right and up for the
    cursor, up for the density. `triggers`: those that are held, `lt+` and `rt+`, the last one last. `drop`: what comes
    in. `help_page`: which is shown, 0 for none. `audience`: whether its window is open. `view`: which of `views.VIEWS`.
    `trail`: (x, y, when in seconds), oldest first. `touched`: the control last changed here, and when. `news`: the
    number of the newest message and when it came; `troubles`: the errors.
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
    troubles: Troubles = Troubles()

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
    new = unheard(snapshot.messages, look.news[0])
    wrong = [message.text for message in new if message.is_error or message not in snapshot.messages]
    return replace(look, now_s=now_s, trail=trail, news=news, troubles=look.troubles.after(wrong, now_s))
