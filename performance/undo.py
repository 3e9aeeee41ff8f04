"""Undo: the way back from what was done by accident, and forth again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from performance.commands import (
    DropGestures,
    GoToClip,
    MoveCursor,
    PinPlace,
    RecallScene,
    SetControl,
    SetKit,
    SetMeter,
    SetVoice,
    StageCommand,
    StepControl,
    StoreScene,
    TakeGesture,
    Unpin,
)
from performance.controls import CONTROLS
from rvae.kit import Kit

State = TypeVar("State")
Part = tuple[str | int, ...]
"""One thing of what is set: ("cursor",), ("controls", "density"), ("voices", "mute", 3), ("scenes", 2)."""

MOST_STEPS = 200
_SAME_S = 1.0  # a drag, or one key pressed again and again, is one step


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """What was done, when, how things stood before, and which parts of that it changed: those alone are brought back,
    so that what has moved on by itself since then goes on.
    """

    what: str
    at_s: float
    before: State
    parts: frozenset[Part]


@dataclass(frozen=True, slots=True)
class History(Generic[State]):
    """The steps behind, oldest first, and those that were taken back. A value: each change makes a new one."""

    behind: tuple[Step[State], ...] = ()
    ahead: tuple[Step[State], ...] = ()

    def did(self, what: str, before: State, at_s: float, parts: frozenset[Part]) -> History[State]:
        """Something was done: what had been taken back is gone. More of the same within a second is the same step."""
        last = self.behind[-1] if self.behind else None
        if last is not None and not self.ahead and last.what == what and at_s - last.at_s < _SAME_S:
            return replace(self, behind=(*self.behind[:-1], replace(last, at_s=at_s, parts=last.parts | parts)))
        return History((*self.behind, Step(what, at_s, before, parts))[-MOST_STEPS:])

    def undone(self, now: State) -> tuple[History[State], Step[State]] | None:
        """One step back: the history then, and the step, whose `before` is how things stand; None at the beginning."""
        if not self.behind:
            return None
        *rest, last = self.behind
        return History(tuple(rest), (*self.ahead, replace(last, before=now))), last

    def redone(self, now: State) -> tuple[History[State], Step[State]] | None:
        """One step forth again, whose `before` is how things stand after it; None where nothing was taken back."""
        if not self.ahead:
            return None
        *rest, last = self.ahead
        return History((*self.behind, replace(last, before=now)), tuple(rest)), last


def name_of(command: StageCommand, kit: Kit) -> str:
    """What a command did, in a few words; commands of the same words in quick succession are one step."""
    match command:
        case MoveCursor() | GoToClip():
            return "the cursor's move"
        case SetControl(name) | StepControl(name):
            return CONTROLS[name].label.lower()
        case SetVoice(name, voice):
            return f"{CONTROLS[name].label.lower()} of {kit.voices[voice].name}"
        case SetMeter():
            return "the meter"
        case StoreScene(number):
            return f"keeping scene {number}"
        case RecallScene(number):
            return f"going to scene {number}"
        case TakeGesture():
            return "the gesture"
        case DropGestures():
            return "letting gestures go"
        case PinPlace(voice, tick):
            return f"the pin of {kit.voices[voice].name} at tick {tick}"
        case Unpin():
            return "letting pins go"
        case SetKit(_, what):
            return what
        case _:
            return "the last change"
