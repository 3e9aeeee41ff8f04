"""What the actions of `controls.ACTIONS` ask of the stage, by name: the same for a key, a pad and a MIDI note; and how
what was asked leaves things.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from performance.commands import (
    ChooseRow,
    DropGestures,
    Explain,
    Export,
    ForgetKnob,
    GoToClip,
    LearnKnob,
    MoveCursor,
    NextPanel,
    Panic,
    Play,
    PlayIn,
    RecallScene,
    Redo,
    SetControl,
    SetMeter,
    SetVoice,
    ShowPanel,
    StageCommand,
    StepRow,
    Stop,
    StoreScene,
    TakeGesture,
    TogglePlay,
    ToggleRecording,
    Undo,
    Unpin,
)
from performance.snapshot import Snapshot
from rvae.counts import several
from rvae.meter import Meter

Value = TypeVar("Value")

_PLAIN: dict[str, StageCommand] = {
    "play_stop": TogglePlay(),
    "play": Play(),
    "stop": Stop(),
    "panic": Panic(),
    "take_gesture": TakeGesture(),
    "drop_gesture": DropGestures(),
    "drop_gestures": DropGestures(all=True),
    "unpin": Unpin(),
    "record": ToggleRecording(),
    "export_pattern": Export(0),
    "play_in": PlayIn("clip"),
    "find": PlayIn("find"),
    "undo": Undo(),
    "redo": Redo(),
    "learn": LearnKnob(),
    "forget": ForgetKnob(),
    "models": ShowPanel("models"),
    "devices": ShowPanel("devices"),
    "kit": ShowPanel("kit"),
    "dropped": ShowPanel("dropped"),
    "next_panel": NextPanel(),
    "next_row": StepRow(1),
    "previous_row": StepRow(-1),
    "choose_row": ChooseRow(),
}
_OF_SNAPSHOT = ("next_meter", "previous_meter", "next_beats", "next_clip", "previous_clip")
PLAIN_ACTIONS = (*_PLAIN, *_OF_SNAPSHOT)
NUMBERED_ACTIONS = ("store_scene", "recall_scene", "clip", "export")
"""Those that take a number; `clip` is one of this plane, counted from 1."""


def asked(name: str, snapshot: Snapshot, number: int = 1) -> tuple[StageCommand, ...]:
    """The commands of an action; none where there is nothing to do, or the surface itself does it."""
    if name in _PLAIN:
        return (_PLAIN[name],)
    match name:
        case "next_meter" | "previous_meter":
            return step_meter(snapshot, 1 if name == "next_meter" else -1)
        case "next_beats":
            return _next_beats(snapshot)
        case "next_clip" | "previous_clip":
            return _step_clip(snapshot, 1 if name == "next_clip" else -1)
        case "store_scene":
            return (StoreScene(number),)
        case "recall_scene":
            return (RecallScene(number),)
        case "clip":
            return (GoToClip(number - 1),)
        case "export":
            return (Export(number),)
    return ()


def name_of_command(command: StageCommand) -> str:
    """The action a command does, with its number where it has one; empty for those that set something."""
    match command:
        case StoreScene(number):
            return f"store_scene {number}"
        case RecallScene(number):
            return f"recall_scene {number}"
        case GoToClip(clip):
            return f"clip {clip + 1}"
        case Export(bars) if bars:
            return f"export {bars}"
    return next((name for name, known in _PLAIN.items() if known == command), "")


def step_meter(snapshot: Snapshot, steps: int) -> tuple[StageCommand, ...]:
    """So many meters on, of those on this plane."""
    meters = snapshot.meters
    if len(meters) < 2:
        return (Explain(f"{snapshot.meter.label} is the only meter of {snapshot.meter.beats} beats here"),)
    at = meters.index(snapshot.meter) if snapshot.meter in meters else -1 if steps > 0 else 0
    return (SetMeter(meters[(at + steps) % len(meters)]),)


def _next_beats(snapshot: Snapshot) -> tuple[StageCommand, ...]:
    if len(snapshot.beats) < 2:
        return (Explain(f"this model has learned bars of {several(snapshot.meter.beats, 'beat')} only"),)
    later = [beats for beats in sorted(snapshot.beats) if beats > snapshot.meter.beats]
    beats = later[0] if later else min(snapshot.beats)
    learned = (meter for meter in snapshot.learned_meters if meter.beats == beats)
    return (SetMeter(next(learned, Meter.of(beats, 4))),)


def _step_clip(snapshot: Snapshot, steps: int) -> tuple[StageCommand, ...]:
    """The next clip after the one that the hand is at or nearest to; of several in one place the first."""
    points = [clip.point for clip in snapshot.clips]
    places = list(dict.fromkeys(points))
    if not places:
        return (Explain(f"no clip has bars of {several(snapshot.meter.beats, 'beat')}"),)
    x, y = snapshot.cursor if snapshot.controls["mix"] >= 0.5 else snapshot.hand
    away = [(place[0] - x) ** 2 + (place[1] - y) ** 2 for place in places]
    nearest = away.index(min(away))
    return (GoToClip(points.index(places[(nearest + steps) % len(places)])),)


def foreseen(snapshot: Snapshot, command: StageCommand) -> Snapshot:
    """How a command leaves the values that hands ask for, before the stage has said so."""
    match command:
        case MoveCursor(x, y):
            return replace(snapshot, hand=(x, y))
        case SetControl(name, value):
            return replace(snapshot, controls={**snapshot.controls, name: value})
        case GoToClip(clip) if 0 <= clip < len(snapshot.clips):
            return replace(snapshot, hand=snapshot.clips[clip].point)
        case SetMeter(meter):
            return replace(snapshot, meter=meter)
        case SetVoice("voice_density", voice, value):
            return replace(snapshot, voice_density=_with(snapshot.voice_density, voice, value))
        case SetVoice("nudge", voice, value):
            return replace(snapshot, nudge=_with(snapshot.nudge, voice, value))
        case SetVoice("mute", voice, value):
            return replace(snapshot, mute=_with(snapshot.mute, voice, value >= 0.5))
        case SetVoice("freeze", voice, value):
            return replace(snapshot, freeze=_with(snapshot.freeze, voice, value >= 0.5))
    return snapshot


def _with(values: tuple[Value, ...], row: int, value: Value) -> tuple[Value, ...]:
    return (*values[:row], value, *values[row + 1 :])
