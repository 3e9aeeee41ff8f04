"""Game controllers: SDL knows hundreds of them and tells all as one kind. One stick pushes the cursor along, the other
the density.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pygame

from performance.commands import MoveCursor, SetControl, StageCommand
from performance.controls import CONTROLS
from performance.snapshot import Snapshot
from performance.surface.keys import by_key
from performance.surface.look import Look, Response

_PAD_DEAD, _PAD_SIDES_A_SECOND = 0.15, 0.9
_PAD_BUTTONS = {
    pygame.CONTROLLER_BUTTON_A: "a",
    pygame.CONTROLLER_BUTTON_B: "b",
    pygame.CONTROLLER_BUTTON_X: "x",
    pygame.CONTROLLER_BUTTON_Y: "y",
    pygame.CONTROLLER_BUTTON_BACK: "back",
    pygame.CONTROLLER_BUTTON_START: "start",
    pygame.CONTROLLER_BUTTON_LEFTSHOULDER: "leftshoulder",
    pygame.CONTROLLER_BUTTON_RIGHTSHOULDER: "rightshoulder",
    pygame.CONTROLLER_BUTTON_LEFTSTICK: "leftstick",
    pygame.CONTROLLER_BUTTON_RIGHTSTICK: "rightstick",
    pygame.CONTROLLER_BUTTON_DPAD_LEFT: "left",
    pygame.CONTROLLER_BUTTON_DPAD_RIGHT: "right",
    pygame.CONTROLLER_BUTTON_DPAD_UP: "up",
    pygame.CONTROLLER_BUTTON_DPAD_DOWN: "down",
}
_TRIGGERS = {pygame.CONTROLLER_AXIS_TRIGGERLEFT: "lt+", pygame.CONTROLLER_AXIS_TRIGGERRIGHT: "rt+"}


def pad_button(event: pygame.Event, snapshot: Snapshot, look: Look) -> Response:
    """A button goes down, maybe with triggers held: what both do together goes before what the last one does."""
    name = _PAD_BUTTONS.get(event.button)
    if name is not None:
        for held in ("".join(sorted(look.triggers)), *look.triggers[-1:]):
            if (known := by_key(f"pad-{held}{name}", snapshot, look)) is not None:
                return known
    return look, ()


def pad_axis(event: pygame.Event, look: Look) -> Response:
    """A stick or a trigger is moved; what is no number is passed over."""
    if not isinstance(event.value, int | float) or not math.isfinite(event.value):
        return look, ()
    pushed = max(-1.0, min(1.0, event.value / 32767))
    if event.axis in _TRIGGERS:
        held = _TRIGGERS[event.axis]
        if (pushed > 0.5) != (held in look.triggers):
            others = tuple(trigger for trigger in look.triggers if trigger != held)
            look = replace(look, triggers=(*others, held) if pushed > 0.5 else others)
        return look, ()
    # sticks never rest quite in the middle; the square makes small pushes fine
    far = max(0.0, abs(pushed) - _PAD_DEAD) / (1 - _PAD_DEAD)
    value = math.copysign(far * far, pushed)
    right, up, more = look.sticks
    match event.axis:
        case pygame.CONTROLLER_AXIS_LEFTX:
            right = value
        case pygame.CONTROLLER_AXIS_LEFTY:
            up = -value
        case pygame.CONTROLLER_AXIS_RIGHTY:
            more = -value
    return replace(look, sticks=(right, up, more)), ()


def pushed_by_sticks(look: Look, snapshot: Snapshot, elapsed_s: float) -> tuple[StageCommand, ...]:
    """What held sticks ask for in a frame that took so long."""
    right, up, more = look.sticks
    commands: list[StageCommand] = []
    reach = _PAD_SIDES_A_SECOND * min(elapsed_s, 0.1)
    if right or up:
        x, y = snapshot.hand
        commands.append(MoveCursor(min(1.0, max(0.0, x + right * reach)), min(1.0, max(0.0, y + up * reach))))
    if more:
        commands.append(SetControl("density", CONTROLS["density"].clamp(snapshot.controls["density"] + more * reach)))
    return tuple(commands)
