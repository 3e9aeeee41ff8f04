"""From events to commands: a function of an event, of where things are and of the state; nothing is kept here."""

from __future__ import annotations

import math
from dataclasses import replace

import pygame

from performance.asking import asked, step_meter
from performance.commands import (
    DropClip,
    Export,
    GoToClip,
    LearnKnob,
    MoveCursor,
    PinPlace,
    Quit,
    RecallScene,
    SetControl,
    SetVoice,
    StageCommand,
    StepControl,
    StoreScene,
)
from performance.controls import ACTIONS, CONTROLS
from performance.pins import Hold
from performance.snapshot import Snapshot
from performance.surface.bar import fader, segments
from performance.surface.lanes import place_at
from performance.surface.layout import Item, Layout
from performance.surface.look import Held, Look, Second
from performance.surface.plane import clip_at, scene_at
from performance.surface.views import VIEWS

Response = tuple[Look, tuple[StageCommand, ...]]

_NUDGE, _FINE = 1 / 40, 1 / 400  # what an arrow key moves, in sides of the plane; what it moves with shift
_FINE_DRAG = 0.1
_TOUCH_UNITS = 0.6  # how near to a clip's point a touch is meant for the clip
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
_LEARNABLE = {
    "tempo": "tempo",
    "density": "density",
    "change": "quantum",
    "play": "play_stop",
}  # on the bar, with the other button
_TEMPO_STEP_UNITS = 0.5  # how far a drag goes for one step of the tempo


def respond(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """What an event changes of the surface itself, and what it asks of the stage. Unknown events change nothing."""
    match event.type:
        case pygame.KEYDOWN:
            return _key_down(event, snapshot, look)
        case pygame.KEYUP:
            return replace(look, down=look.down - {event.key}), ()
        case pygame.MOUSEBUTTONDOWN if event.button == 1:
            return _mouse_down(event, layout, snapshot, look)
        case pygame.MOUSEBUTTONDOWN if event.button == 3:
            return _second_button(event, layout, snapshot, look)
        case pygame.MOUSEBUTTONUP if event.button == 1:
            return replace(look, held=None), ()
        case pygame.MOUSEMOTION:
            return _mouse_move(event, layout, look)
        case pygame.MOUSEWHEEL:
            return _wheel(event, layout, snapshot, look)
        case pygame.FINGERDOWN | pygame.FINGERMOTION | pygame.FINGERUP:
            return _finger(event, layout, snapshot, look)
        case pygame.CONTROLLERBUTTONDOWN:
            return _pad_button(event, snapshot, look)
        case pygame.CONTROLLERAXISMOTION:
            return _pad_axis(event, look)
        case pygame.CONTROLLERDEVICEREMOVED:  # an unplugged stick is not pushed
            return replace(look, sticks=(0.0, 0.0, 0.0), trigger=""), ()
        case pygame.DROPFILE:
            return look, (DropClip(str(event.file)),)
        case pygame.QUIT | pygame.WINDOWCLOSE:
            return replace(look, closing=True), (Quit(),)
        case pygame.WINDOWLEAVE:
            return replace(look, pointer=None), ()
        case pygame.WINDOWFOCUSLOST:  # keys and buttons let go elsewhere are not told to us
            return replace(look, down=frozenset(), held=None, finger=None, second=None), ()
    return look, ()


def respond_for_audience(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """What an event in the audience's window does: its close button and full screen are its own, keys play, and hands
    that come near it do nothing.
    """
    match event.type:
        case pygame.WINDOWCLOSE:
            return replace(look, audience=False, audience_full_screen=False), ()
        case pygame.KEYDOWN if key_name(event) in ACTIONS["full_screen"].keys:
            return replace(look, audience_full_screen=not look.audience_full_screen), ()
        case pygame.KEYDOWN | pygame.KEYUP | pygame.WINDOWFOCUSLOST:
            return respond(event, layout, snapshot, look)
    return look, ()


# Keys


def key_name(event: pygame.Event) -> str:
    """The key as the control table writes it: SDL's name in lower case after ctrl+, shift+, alt+."""
    name = pygame.key.name(event.key).lower()
    if len(name) == 3 and name[0] == "[" and name[2] == "]":
        name = name[1]  # the keypad's 1 is a 1
    held = (("ctrl+", pygame.KMOD_CTRL), ("shift+", pygame.KMOD_SHIFT), ("alt+", pygame.KMOD_ALT))
    return "".join(prefix for prefix, mask in held if event.mod & mask) + name


def _key_down(event: pygame.Event, snapshot: Snapshot, look: Look) -> Response:
    repeated = event.key in look.down
    look = replace(look, down=look.down | {event.key})
    # A sign that needs a modifier on this keyboard ("?" or a German "=") is known by what it types.
    typed = getattr(event, "unicode", "")
    for name in (key_name(event), "=" if typed == "+" else typed):  # + and = share a key on some keyboards
        known = _by_key(name, snapshot, look)
        if known is not None:
            once = not any(isinstance(command, StepControl | MoveCursor) for command in known[1])
            return (look, ()) if repeated and once else known
    return look, ()


def _by_key(name: str, snapshot: Snapshot, look: Look) -> Response | None:
    if not name:
        return None
    for action in ACTIONS.values():
        if name in action.keys and action.name in _SCENES:
            return look, (_SCENES[action.name](action.keys.index(name) % 9 + 1),)
        if name in action.keys and action.name == "export":
            return look, (Export(_EXPORT_BARS[action.keys.index(name)]),)
        if name in action.keys:
            return (look, (_nudge(name, snapshot),)) if action.name == "move" else _act(action.name, snapshot, look)
    for control in CONTROLS.values():
        keys = control.pads if name.startswith("pad-") else control.keys
        if name not in keys:
            continue
        at = keys.index(name)
        if control.per_voice:
            return (look, _switch_voice(snapshot, at, control.name)) if at < len(snapshot.kit) else (look, ())
        steps = 1 if len(keys) == 1 or at == 1 else -1
        return replace(look, touched=(control.name, look.now_s)), (StepControl(control.name, steps),)
    return (look.more_help(), ()) if name == "?" else None


_EXPORT_BARS = (1, 2, 4, 8, 4)  # of the keys that export, in their order
_SCENES: dict[str, type[StoreScene] | type[RecallScene]] = {"store_scene": StoreScene, "recall_scene": RecallScene}


def _act(name: str, snapshot: Snapshot, look: Look) -> Response:
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


def _switch_voice(snapshot: Snapshot, voice: int, name: str = "mute") -> tuple[StageCommand, ...]:
    """Mute or freeze a voice, or let it go."""
    is_on = voice < len(found := {"mute": snapshot.mute, "freeze": snapshot.freeze}[name]) and found[voice]
    return (SetVoice(name, voice, 0.0 if is_on else 1.0),)


# Game controllers: SDL knows hundreds of them and tells all as one kind. One stick pushes the cursor along, the other
# the density.


def _pad_button(event: pygame.Event, snapshot: Snapshot, look: Look) -> Response:
    name = _PAD_BUTTONS.get(event.button)
    known = _by_key(f"pad-{look.trigger}{name}", snapshot, look) if name else None
    return known or (look, ())


def _pad_axis(event: pygame.Event, look: Look) -> Response:
    if not isinstance(event.value, int | float) or not math.isfinite(event.value):
        return look, ()
    pushed = max(-1.0, min(1.0, event.value / 32767))
    if event.axis in _TRIGGERS:
        held = _TRIGGERS[event.axis]
        return replace(look, trigger=held if pushed > 0.5 else "" if look.trigger == held else look.trigger), ()
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


# Mouse


def _mouse_down(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    at = (float(event.pos[0]), float(event.pos[1]))
    look = replace(look, pointer=at)
    item = next((item for item in layout.items if item.box.collidepoint(at)), None)
    if item is not None:
        return _press(item, at, snapshot, look)
    if look.help_shown:
        return replace(look, help_page=0), ()
    if layout.plane.collidepoint(at):
        mixes = snapshot.controls["mix"] >= 0.5
        if not mixes and (scene := scene_at(snapshot.scenes, layout, at)) is not None:
            return look, () if getattr(event, "touch", False) else (RecallScene(scene),)
        clip = None if mixes else clip_at(snapshot.clips, layout, at, reach_units=_TOUCH_UNITS)
        point = layout.point_at(at) if clip is None else snapshot.clips[clip].point
        look = replace(look, held=Held("plane", at, point=point))
        return look, () if getattr(event, "touch", False) else (_land(layout, snapshot, at),)
    for voice, box in enumerate(layout.names):
        if box.collidepoint(at):
            return look, _switch_voice(snapshot, voice)
    return look, _pin(layout, snapshot, at)


def _pin(layout: Layout, snapshot: Snapshot, at: tuple[float, float]) -> tuple[StageCommand, ...]:
    """A click in the lanes holds an onset (or forces one), the next holds a rest there, the next lets go."""
    if (place := place_at(layout, snapshot.pattern, at)) is None:
        return ()
    held = _held(snapshot, place)
    return (PinPlace(*place, "onset" if held is None else "rest" if held == "onset" else None),)


def _held(snapshot: Snapshot, place: tuple[int, int]) -> Hold | None:
    return next((pin.hold for pin in snapshot.pins if (pin.voice, pin.tick) == place), None)


def _second_button(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """On the bar it learns a knob for what is there, on a voice's name it freezes the voice; in the lanes it silences a
    place, or lets go of what is held there.
    """
    at = (float(event.pos[0]), float(event.pos[1]))
    if look.help_shown:
        return look, ()
    item = next((item for item in layout.items if item.box.collidepoint(at)), None)
    if item is not None:
        return look, (LearnKnob(_LEARNABLE[item.name]),) if item.name in _LEARNABLE else ()
    for voice, box in enumerate(layout.names):
        if box.collidepoint(at):
            return look, _switch_voice(snapshot, voice, "freeze")
    if (place := place_at(layout, snapshot.pattern, at)) is None:
        return look, ()
    return look, (PinPlace(*place, "rest" if _held(snapshot, place) is None else None),)


def _press(item: Item, at: tuple[float, float], snapshot: Snapshot, look: Look) -> Response:
    end = -1 if item.lower.collidepoint(at) else 1 if item.raise_.collidepoint(at) else 0
    if item.name == "tempo" and end:
        return replace(look, touched=("tempo", look.now_s)), (StepControl("tempo", end),)
    if item.name == "tempo":
        return replace(look, held=Held("tempo", at, snapshot.controls["tempo"])), ()
    if item.name == "meter":
        return look, step_meter(snapshot, end or 1)
    if item.name == "density":
        return replace(look, held=Held("density")), (_density_to(item, at),)
    if item.name == "change":
        parts = segments(item, len(CONTROLS["quantum"].choices))
        chosen = next((index for index, part in enumerate(parts) if part.left <= at[0] < part.right), None)
        return look, () if chosen is None else (SetControl("quantum", float(chosen)),)
    return _act({"play": "play_stop"}.get(item.name, item.name), snapshot, look)


def _mouse_move(event: pygame.Event, layout: Layout, look: Look) -> Response:
    at = (float(event.pos[0]), float(event.pos[1]))
    look = replace(look, pointer=at)
    if look.held is None:
        return look, ()
    if not event.buttons[0]:  # let go outside the window
        return replace(look, held=None), ()
    if look.held.name == "plane":
        return (look, ()) if getattr(event, "touch", False) else _drag_cursor(at, layout, look, look.held)
    item = layout.item(look.held.name)
    if item is None:
        return look, ()
    if item.name == "density":
        return look, (_density_to(item, at),)
    steps = round((at[0] - look.held.at[0]) / (layout.unit * _TEMPO_STEP_UNITS))
    return look, (SetControl("tempo", CONTROLS["tempo"].stepped(look.held.value, steps)),)


def _drag_cursor(at: tuple[float, float], layout: Layout, look: Look, held: Held) -> Response:
    """The cursor goes with the pointer; with shift a tenth as far, and from there on when shift is let go."""
    fine = bool({pygame.K_LSHIFT, pygame.K_RSHIFT} & look.down)
    if fine != held.fine:
        held = Held("plane", at, point=_dragged(at, layout, held), fine=fine)
        look = replace(look, held=held)
    x, y = _dragged(at, layout, held)
    return look, (MoveCursor(min(1.0, max(0.0, x)), min(1.0, max(0.0, y))),)


def _dragged(at: tuple[float, float], layout: Layout, held: Held) -> tuple[float, float]:
    share = _FINE_DRAG if held.fine else 1.0
    across, down = at[0] - held.at[0], at[1] - held.at[1]
    side = max(1, layout.plane.width - 1)
    return held.point[0] + across / side * share, held.point[1] - down / side * share


def _wheel(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """The wheel steps what is under the pointer: tempo, density, meter, or the density of one voice."""
    if look.pointer is None or not event.y:
        return look, ()
    steps = int(event.y)
    for name in ("tempo", "density"):
        item = layout.item(name)
        if item is not None and item.box.collidepoint(look.pointer):
            return replace(look, touched=(name, look.now_s)), (StepControl(name, steps),)
    for voice, box in enumerate(layout.names):
        if box.collidepoint(look.pointer) and not look.help_shown:
            value = CONTROLS["voice_density"].stepped(snapshot.voice_density[voice], steps)
            return look, (SetVoice("voice_density", voice, value),)
    return look, ()


def _land(layout: Layout, snapshot: Snapshot, at: tuple[float, float]) -> StageCommand:
    """What a touch of the plane asks for: on a scene's number that scene, on a clip that clip as it was; while scenes
    are mixed, the place between them.
    """
    if snapshot.controls["mix"] >= 0.5:
        return _cursor_to(layout, at)
    scene = scene_at(snapshot.scenes, layout, at)
    if scene is not None:
        return RecallScene(scene)
    clip = clip_at(snapshot.clips, layout, at, reach_units=_TOUCH_UNITS)
    return _cursor_to(layout, at) if clip is None else GoToClip(clip)


def _cursor_to(layout: Layout, at: tuple[float, float]) -> MoveCursor:
    return MoveCursor(*layout.point_at(at))


def _density_to(item: Item, at: tuple[float, float]) -> SetControl:
    track = fader(item)
    return SetControl("density", CONTROLS["density"].at((at[0] - track.left) / max(1, track.width - 1)))


# Fingers: SDL tells them in shares of the window. The plane is theirs; everywhere else the mouse events that SDL makes
# of a touch do the same as a click, so those are left alone on the plane and these elsewhere.


def _finger(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """The first finger on the plane has the cursor until it is lifted; a second one sets the density, up is more."""
    at = (event.x * layout.window.width, event.y * layout.window.height)
    number = event.finger_id
    if event.type == pygame.FINGERDOWN:
        if look.help_shown or not layout.plane.collidepoint(at):
            return look, ()
        if look.finger is None:
            return replace(look, finger=number), (_land(layout, snapshot, at),)
        return replace(look, second=look.second or Second(number, event.y, snapshot.controls["density"])), ()
    if event.type == pygame.FINGERUP:
        second = None if look.second and look.second.finger == number else look.second
        return replace(look, finger=None if number == look.finger else look.finger, second=second), ()
    if number == look.finger:
        return look, (_cursor_to(layout, at),)
    if look.second and number == look.second.finger:
        up = (look.second.y - event.y) * layout.window.height / max(1, layout.plane.height)
        density = CONTROLS["density"].clamp(look.second.value + up)
        return replace(look, touched=("density", look.now_s)), (SetControl("density", density),)
    return look, ()
