"""Mouse and fingers: what is pressed, dragged and turned, and where."""

from __future__ import annotations

from dataclasses import replace

import pygame

from performance.asking import step_meter
from performance.commands import (
    ChooseRow,
    GoToClip,
    LearnKnob,
    MoveCursor,
    PinPlace,
    RecallScene,
    SetControl,
    SetVoice,
    ShowPanel,
    StageCommand,
    StepControl,
    StepRow,
)
from performance.controls import CONTROLS
from performance.panel import Panel
from performance.pins import Hold
from performance.snapshot import Snapshot
from performance.surface.bar import fader, segments
from performance.surface.keys import act, switch_voice
from performance.surface.lanes import place_at
from performance.surface.layout import Item, Layout
from performance.surface.look import First, Held, Look, Response, Second
from performance.surface.panel import closes, over_panel, row_at
from performance.surface.plane import clip_at, scene_at

_FINE_DRAG = 0.1
_TOUCH_UNITS = 0.6  # how near to a clip's point a touch is meant for the clip
_LEARNABLE = {
    "tempo": "tempo",
    "density": "density",
    "change": "quantum",
    "play": "play_stop",
}  # on the bar, with the other button
_TEMPO_STEP_UNITS = 0.5  # how far a drag goes for one step of the tempo


def mouse_down(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """The button goes down: on the plane, on the bar, on a voice's name or in the lanes."""
    at = (float(event.pos[0]), float(event.pos[1]))
    look = replace(look, pointer=at)
    item = next((item for item in layout.items if item.box.collidepoint(at)), None)
    if item is not None:
        return _press(item, at, snapshot, look)
    if look.help_shown:
        return replace(look, help_page=0), ()
    if snapshot.panel is not None and over_panel(layout, snapshot.panel, at):
        return look, _on_panel(layout, snapshot.panel, at)
    if layout.plane.collidepoint(at):
        held, command = _land(layout, snapshot, at)
        return (look, ()) if getattr(event, "touch", False) else (replace(look, held=held), (command,))
    for voice, box in enumerate(layout.names):
        if box.collidepoint(at):
            return look, switch_voice(snapshot, voice)
    return look, _pin(layout, snapshot, at)


def _on_panel(layout: Layout, panel: Panel, at: tuple[float, float]) -> tuple[StageCommand, ...]:
    if closes(layout, panel, at):
        return (ShowPanel(""),)
    row = row_at(layout, panel, at)
    return () if row is None else (ChooseRow(row.key),)


def _pin(layout: Layout, snapshot: Snapshot, at: tuple[float, float]) -> tuple[StageCommand, ...]:
    """A click in the lanes holds an onset (or forces one), the next holds a rest there, the next lets go."""
    if (place := place_at(layout, snapshot.pattern, at)) is None:
        return ()
    held = _held(snapshot, place)
    return (PinPlace(*place, "onset" if held is None else "rest" if held == "onset" else None),)


def _held(snapshot: Snapshot, place: tuple[int, int]) -> Hold | None:
    return next((pin.hold for pin in snapshot.pins if (pin.voice, pin.tick) == place), None)


def second_button(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """On the bar it learns a knob for what is there, on a voice's name it freezes the voice; in the lanes it silences a
    place, or lets go of what is held there.
    """
    at = (float(event.pos[0]), float(event.pos[1]))
    if look.help_shown or over_panel(layout, snapshot.panel, at):
        return look, ()
    item = next((item for item in layout.items if item.box.collidepoint(at)), None)
    if item is not None:
        return look, (LearnKnob(_LEARNABLE[item.name]),) if item.name in _LEARNABLE else ()
    for voice, box in enumerate(layout.names):
        if box.collidepoint(at):
            return look, switch_voice(snapshot, voice, "freeze")
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
    return act({"play": "play_stop"}.get(item.name, item.name), snapshot, look)


def mouse_move(event: pygame.Event, layout: Layout, look: Look) -> Response:
    """The pointer moves; what it holds goes with it."""
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
    return look, (_carried(at, layout, held),)


def _carried(at: tuple[float, float], layout: Layout, held: Held) -> MoveCursor:
    x, y = _dragged(at, layout, held)
    return MoveCursor(min(1.0, max(0.0, x)), min(1.0, max(0.0, y)))


def _dragged(at: tuple[float, float], layout: Layout, held: Held) -> tuple[float, float]:
    share = _FINE_DRAG if held.fine else 1.0
    across, down = at[0] - held.at[0], at[1] - held.at[1]
    side = max(1, layout.plane.width - 1)
    return held.point[0] + across / side * share, held.point[1] - down / side * share


def wheel(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """The wheel steps what is under the pointer: tempo, density, meter, or the density of one voice."""
    if look.pointer is None or not event.y:
        return look, ()
    steps = int(event.y)
    for name in ("tempo", "density"):
        item = layout.item(name)
        if item is not None and item.box.collidepoint(look.pointer):
            return replace(look, touched=(name, look.now_s)), (StepControl(name, steps),)
    if not look.help_shown and over_panel(layout, snapshot.panel, look.pointer):
        return look, (StepRow(-steps),)
    for voice, box in enumerate(layout.names):
        if box.collidepoint(look.pointer) and not look.help_shown:
            value = CONTROLS["voice_density"].stepped(snapshot.voice_density[voice], steps)
            return look, (SetVoice("voice_density", voice, value),)
    return look, ()


def _land(layout: Layout, snapshot: Snapshot, at: tuple[float, float]) -> tuple[Held | None, StageCommand]:
    """What a touch of the plane takes hold of, and what it asks for: on a scene's number that scene, on a clip that
    clip as it was; while scenes are mixed, the place between them.
    """
    if snapshot.controls["mix"] < 0.5:
        if (scene := scene_at(snapshot.scenes, layout, at)) is not None:
            return None, RecallScene(scene)
        if (clip := clip_at(snapshot.clips, layout, at, reach_units=_TOUCH_UNITS)) is not None:
            return Held("plane", at, point=snapshot.clips[clip].point), GoToClip(clip)
    point = layout.point_at(at)
    return Held("plane", at, point=point), MoveCursor(*point)


def _density_to(item: Item, at: tuple[float, float]) -> SetControl:
    track = fader(item)
    return SetControl("density", CONTROLS["density"].at((at[0] - track.left) / max(1, track.width - 1)))


# Fingers: SDL tells them in shares of the window. The plane is theirs; everywhere else the mouse events that SDL makes
# of a touch do the same as a click, so those are left alone on the plane and these elsewhere.


def finger(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """The first finger on the plane has the cursor until it is lifted; a second one sets the density, up is more."""
    at = (event.x * layout.window.width, event.y * layout.window.height)
    number = event.finger_id
    if event.type == pygame.FINGERDOWN:
        if look.help_shown or not layout.plane.collidepoint(at):
            return look, ()
        if look.finger is None:
            held, command = _land(layout, snapshot, at)
            return (look if held is None else replace(look, finger=First(number, held))), (command,)
        return replace(look, second=look.second or Second(number, event.y, snapshot.controls["density"])), ()
    if event.type == pygame.FINGERUP:
        second = None if look.second and look.second.finger == number else look.second
        first = None if look.finger and look.finger.finger == number else look.finger
        return replace(look, finger=first, second=second), ()
    if look.finger and number == look.finger.finger:
        return look, (_carried(at, layout, look.finger.held),)
    if look.second and number == look.second.finger:
        up = (look.second.y - event.y) * layout.window.height / max(1, layout.plane.height)
        density = CONTROLS["density"].clamp(look.second.value + up)
        return replace(look, touched=("density", look.now_s)), (SetControl("density", density),)
    return look, ()
