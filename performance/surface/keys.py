"""Keys: what each does, by the control table; and what an action does, however it was asked for."""

from __future__ import annotations

from dataclasses import replace

import pygame

from performance.asking import asked
from performance.commands import (
    Explain,
    Export,
    MoveCursor,
    Quit,
    RecallScene,
    SetVoice,
    StageCommand,
    StepControl,
    StepRow,
    StoreScene,
    StrikePad,
)
from performance.controls import ACTIONS, CONTROLS
from performance.snapshot import Snapshot
from performance.surface.look import Look, Response
from performance.surface.views import VIEWS

_NUDGE, _FINE = 1 / 40, 1 / 400  # what an arrow key moves, in sides of the plane; what it moves with shift
_KEY_VELOCITY = 100  # a key does not tell how hard it was struck
_EXPORT_BARS = (1, 2, 4, 8, 4)  # of the keys that export, in their order
_SCENES: dict[str, type[StoreScene] | type[RecallScene]] = {"store_scene": StoreScene, "recall_scene": RecallScene}


def key_name(event: pygame.Event) -> str:
    """The key as the control table writes it: SDL's name in lower case after ctrl+, shift+, alt+. The upper row has the
    digits, whatever a keyboard has there without shift.
    """
    name = pygame.key.name(event.key).lower()
    if (place := getattr(event, "scancode", 0) - pygame.KSCAN_1) in range(9):
        name = str(place + 1)
    if len(name) == 3 and name[0] == "[" and name[2] == "]":
        name = name[1]  # the keypad's 1 is a 1
    held = (("ctrl+", pygame.KMOD_CTRL), ("shift+", pygame.KMOD_SHIFT), ("alt+", pygame.KMOD_ALT))
    return "".join(prefix for prefix, mask in held if event.mod & mask) + name


def key_down(event: pygame.Event, snapshot: Snapshot, look: Look) -> Response:
    """A key goes down, or is held and comes again: only steps and moves do so."""
    repeated = event.key in look.down
    look = replace(look, down=look.down | {event.key})
    # A sign that needs a modifier on this keyboard ("?" or a German "=") is known by what it types.
    typed = getattr(event, "unicode", "")
    typed = "=" if typed == "+" else typed  # they share a key on some keyboards
    names = (key_name(event), typed)
    if event.mod & pygame.KMOD_ALT and typed != pygame.key.name(event.key):
        names = (typed, key_name(event))  # a German "[" is alt and 8
    for name in names:
        known = by_key(name, snapshot, look)
        if known is not None:
            once = not any(isinstance(command, StepControl | MoveCursor | StepRow) for command in known[1])
            return (look, ()) if repeated and once else known
    return look, ()


def by_key(name: str, snapshot: Snapshot, look: Look) -> Response | None:
    """What a key or a button of a controller does, by its name in the control table; None where it does nothing."""
    if not name:
        return None
    for action in ACTIONS.values():
        if name in action.keys and action.name in _SCENES:
            return look, (_SCENES[action.name](action.keys.index(name) % 9 + 1),)
        if name in action.keys and action.name == "export":
            return look, (Export(_EXPORT_BARS[action.keys.index(name)]),)
        if name in action.keys:
            return (look, (_nudge(name, snapshot),)) if action.name == "move" else act(action.name, snapshot, look)
    for control in CONTROLS.values():
        keys = control.pads if name.startswith("pad-") else control.keys
        if name not in keys:
            continue
        at = keys.index(name)
        if control.name == "mute" and snapshot.take is not None and not name.startswith("pad-"):
            return look, (StrikePad(at, _KEY_VELOCITY),)
        if control.per_voice:
            if at >= len(snapshot.kit):
                return look, (Explain(f"there is no voice {at + 1}: this kit has {len(snapshot.kit)}"),)
            return look, switch_voice(snapshot, at, control.name)
        steps = 1 if len(keys) == 1 or at == 1 else -1
        return replace(look, touched=(control.name, look.now_s)), (StepControl(control.name, steps),)
    return (look.more_help(), ()) if name == "?" else None


def act(name: str, snapshot: Snapshot, look: Look) -> Response:
    """Do one of `ACTIONS`."""
    if name == "help":
        return look.more_help(), ()
    if name == "next_view":
        return replace(look, view=(look.view + 1) % len(VIEWS)), ()
    if name == "audience":
        return replace(look, audience=not look.audience, audience_full_screen=False), ()
    if name == "full_screen":
        return replace(look, full_screen=not look.full_screen), ()
    if name == "quit":
        return replace(look, closing=True), (Quit(),)
    return look, asked(name, snapshot)


def _nudge(key: str, snapshot: Snapshot) -> MoveCursor:
    """The cursor a little further in the direction of an arrow key, kept on the plane."""
    reach = _FINE if key.startswith("shift+") else _NUDGE
    right, up = {"left": (-1, 0), "right": (1, 0), "up": (0, 1), "down": (0, -1)}[
        key.removeprefix("shift+").removeprefix("pad-")
    ]
    x, y = snapshot.hand
    return MoveCursor(min(1.0, max(0.0, x + right * reach)), min(1.0, max(0.0, y + up * reach)))


def switch_voice(snapshot: Snapshot, voice: int, name: str = "mute") -> tuple[StageCommand, ...]:
    """Mute or freeze a voice, or let it go."""
    is_on = voice < len(found := {"mute": snapshot.mute, "freeze": snapshot.freeze}[name]) and found[voice]
    return (SetVoice(name, voice, 0.0 if is_on else 1.0),)
