"""The instrument: a model, all that the player has set, and how the cursor moves over the plane.

Pure but for what it passes on: `send` takes what the engine is asked for, `say` lines for the player.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from performance.commands import (
    DropGestures,
    EngineCommand,
    GoToClip,
    MoveCursor,
    PinPlace,
    Quantum,
    RecallScene,
    Redo,
    SetControl,
    SetKit,
    SetMeter,
    SetPattern,
    SetVoice,
    StageCommand,
    StepControl,
    StoreScene,
    TakeGesture,
    Undo,
    Unpin,
)
from performance.controls import control
from performance.cursor import Path, Point, on_plane
from performance.decoding import Decoded, Wanted
from performance.motion import Moment, landing
from performance.movement import Movement
from performance.offers import first_point
from performance.pins import Pin, Pins
from performance.scenes import Morph, corner_mix, scene_number
from performance.settings import CURSOR, Settings
from performance.undo import History, Part, name_of
from rvae.counts import several
from rvae.errors import RvaeError, UsageError
from rvae.model import Model

_MOVED_BY_MORPH = ("density", "tempo", "voice_density", "nudge")


@dataclass(frozen=True, slots=True)
class _Stand:
    """How things stand, for the way back: what is set, and what is left of a morph that was under way."""

    settings: Settings
    morph: Morph | None


class Instrument:
    """`do` takes what changes settings or moves the cursor; `move` and `decode`, once a frame, what follows from it.

    `settings`: to begin with. `path`: moves the cursor while it plays, until a hand does.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        *,
        send: Callable[[EngineCommand], None],
        say: Callable[[str, bool], None],
        path: Path | None = None,
    ) -> None:
        self.model = model
        self._send, self._say = send, say
        self._history: History[_Stand] = History()
        self._now_s = 0.0
        self._is_another = False  # the model is not the one it began with
        self._bar = 0  # the one from which another model is heard
        self._mutes_wait = False  # for the pattern that they come with
        self._tempo_bars: float | None = None  # where a tempo that came with a scene is heard
        self.settings = Settings.at_first(first_point(model, settings.meter), settings.meter, len(model.kit))
        self.decoded = Decoded.of(model, Wanted.of(settings))
        self.movement = Movement(settings.cursor, path)
        self._adopt(settings)
        if settings.hand is not None:
            self._set_down()

    def do(self, command: StageCommand, now_s: float) -> None:
        """Do what was asked, at a moment in seconds. What cannot be done is said."""
        before, mark, morph, stand = self.settings, self.movement.mark, self.movement.morphing, self._stand
        self._now_s = now_s
        try:
            self._do(command)
        except RvaeError as error:
            self._say(str(error), True)
        if (self.settings, self.movement.mark) != (before, mark) and not isinstance(command, Undo | Redo):
            begun = self.movement.morphing not in (morph, None)
            parts = self._changed_since(before, begun=begun)
            self._history = self._history.did(name_of(command, self.model.kit), stand, now_s, parts)

    @property
    def _stand(self) -> _Stand:
        return _Stand(self.settings, self.movement.morph_left)

    def _changed_since(self, before: Settings, *, begun: bool = False) -> frozenset[Part]:
        """What a step back brings back: what has changed, and what changes by and by because of it. `begun`: a morph
        has.
        """
        now = self.settings
        parts = now.differing(before)
        if begun or ("controls", "mix") in parts or (before.controls["mix"] and ("meter",) in parts):
            parts |= before.sound
        if ("controls", "scene_tempo") in parts:
            parts |= {("controls", "tempo")}
        return parts | {CURSOR} if ("controls", "motion") in parts else parts

    def _set_down(self) -> None:
        """The cursor is where the settings have it."""
        now = self.settings
        mixes = now.hand is not None and now.controls["mix"] >= 0.5
        self.movement.set_down(now.cursor if now.hand is None else now.hand, mixes=mixes)

    def _do(self, command: StageCommand) -> None:
        match command:
            case MoveCursor(x, y):
                self._put(on_plane(x, y))
            case GoToClip(clip):
                clips = self.model.clips_of(self.settings.meter.beats)
                if not 0 <= clip < len(clips):
                    raise UsageError(f"clip {clip + 1}: this plane has {len(clips)}; choose one of them")
                if self.settings.controls["mix"]:  # a clip's place is one of the plane, not of the mix
                    self._set_control("mix", 0)
                self._put(clips[clip].point)
            case SetControl(name, value):
                self._set_control(name, value)
            case StepControl(name, steps):
                known = control(name)
                self._set_control(name, known.stepped(self.settings.controls.get(name, known.default), steps))
            case SetVoice(name, voice, value):
                self._set_voice(name, voice, value)
            case SetMeter(meter):
                self.model.space(meter.beats)  # raises where that number of beats was not learned
                self.movement.let_go()
                self.settings = replace(self.settings, meter=meter)
            case StoreScene(number):
                kept = {**self.settings.scenes, scene_number(number): self.settings.scene()}
                self.settings = replace(self.settings, scenes=kept)
                self._say(f"scene {number} is kept", False)
            case RecallScene(number, bars):
                self._recall(number, self.settings.controls["morph"] if bars is None else bars)
            case TakeGesture() | DropGestures():
                self._change_gestures(command)
            case PinPlace() | Unpin():
                self.settings = replace(self.settings, pins=self._pinned(command))
            case SetKit(kit):
                self.settings = replace(self.settings, kit=kit)
            case Undo() | Redo():
                self._go_back(forth=isinstance(command, Redo))

    def _adopt(self, new: Settings, *, with_pattern: bool = False) -> None:
        """Go over to other settings: the engine is told what is new to it. `with_pattern`: mutes and tempo are heard
        where the pattern is, at the next beat or bar.
        """
        old, self.settings = self.settings, new
        for name, value in new.controls.items():
            if value != old.controls[name] and control(name).group == "engine":
                if name == "tempo" and with_pattern and (bars := self._next_bars()) is not None:
                    self._tempo_bars = bars
                else:
                    self._send(SetControl(name, value))
        self._mutes_wait = self._mutes_wait or (with_pattern and old.mute != new.mute)
        for name in ("nudge",) if self._mutes_wait else ("mute", "nudge"):
            for voice, (was, value) in enumerate(zip(old.voices[name], new.voices[name], strict=True)):
                if was != value:
                    self._send(SetVoice(name, voice, value))

    def _next_bars(self) -> float | None:
        """Where what comes at the quantum is heard, in bars; None for now."""
        when, quantum = self.movement.when, self._quantum
        return None if when.bars is None or quantum == "now" else landing(when.bars, when.beats, quantum)

    @property
    def _quantum(self) -> Quantum:
        return ("now", "beat", "bar")[round(self.settings.controls["quantum"])]

    def _tell_tempo(self, bars: float | None) -> None:
        """The tempo that came with a scene, once its beat or bar is there."""
        at = self._tempo_bars
        if at is not None and (bars is None or not at - 1 <= bars < at):
            self._tempo_bars = None
            self._send(SetControl("tempo", self.settings.controls["tempo"]))

    def _go_back(self, *, forth: bool) -> None:
        found = self._history.redone(self._stand) if forth else self._history.undone(self._stand)
        if found is None:
            if self._is_another and not forth:
                raise UsageError("there is nothing to undo on this model; f7 opens the one before, as things stand now")
            raise UsageError(f"there is nothing to {'do again' if forth else 'undo'}")
        self._history, step = found
        back = self.settings.with_parts_of(step.before.settings, step.parts)
        self.model.space(back.meter.beats)  # a model learned since may not have it
        self._adopt(back)
        if CURSOR in step.parts:
            self._set_down()
            self.movement.go_on(step.before.morph)
        self._say(f"{'done again' if forth else 'undone'}: {step.what}", False)

    def _recall(self, number: int, bars: float) -> None:
        scene = self.settings.scenes.get(scene_number(number))
        if scene is None:
            kept = ", ".join(map(str, sorted(self.settings.scenes))) or "none"
            raise UsageError(f"scene {number} was never stored; there are {kept}")
        self.model.space(scene.meter.beats)  # a model learned since may not have it
        start = self.settings.scene()
        unmixed = self.settings.with_control("mix", 0)
        if self.movement.morph(start, scene, bars):
            # What comes in is heard onset by onset; what goes is muted at the end.
            mutes = [was and ends for was, ends in zip(start.mute, scene.mute, strict=True)]
            self._adopt(unmixed.with_mutes(mutes), with_pattern=True)
            return
        self._adopt(unmixed.with_scene(scene), with_pattern=True)
        self._set_down()

    def _change_gestures(self, command: TakeGesture | DropGestures) -> None:
        layers = self.settings.layers
        if isinstance(command, DropGestures):
            if not layers:
                raise UsageError("no gesture goes round; e records one")
            self.settings = replace(self.settings, layers=() if command.all else layers[:-1])
            return
        was_taking = self.movement.is_taking
        self.settings = self.movement.take_gesture(self.settings)
        if was_taking:
            self.move(replace(self.movement.when, elapsed_s=0.0))  # the hand is where the gesture began
        if was_taking and self.settings.layers == layers:
            self._say("the cursor did not move: no gesture is kept", False)
        elif was_taking:
            self._say(f"the gesture goes round in {several(self.settings.layers[-1].bars, 'bar')}; d lets it go", False)

    def _pinned(self, command: PinPlace | Unpin) -> Pins:
        pins, ticks = self.settings.pins, self.decoded.pattern.ticks
        if isinstance(command, Unpin):
            if pins == Pins():
                raise UsageError("nothing is held, and no voice frozen")
            return Pins()
        self.decoded.check_place(command.voice, command.tick)
        if command.hold is None:
            return pins.without(ticks, command.voice, command.tick)
        if command.hold == "rest":
            return pins.with_pin(Pin(ticks, command.voice, command.tick))
        return pins.with_pin(self.decoded.onset_at(command.voice, command.tick))

    def _set_control(self, name: str, value: float) -> None:
        known = control(name)
        if known.per_voice:
            raise UsageError(f"control '{name}' has a value for each voice; name the voice too")
        changed = self.settings.with_control(name, value)
        if name == "mix" and changed.controls["mix"] and not self.settings.controls["mix"]:
            corner_mix(changed.scenes, (0.5, 0.5), changed.meter)  # raises where there are none to mix
        moves = name in _MOVED_BY_MORPH and (name != "tempo" or self.settings.controls["scene_tempo"] >= 0.5)
        if moves and changed != self.settings:
            self.movement.let_go()
        if name == "mix":
            self._turn_mix(changed)
            return
        self.settings = changed
        if name == "tempo":
            self._tempo_bars = None  # it is told now
        if known.group == "engine":  # also where it is so already: a leader may have another tempo
            self._send(SetControl(name, changed.controls[name]))

    def _turn_mix(self, changed: Settings) -> None:
        """Into the square of four scenes, or out of it: at once, so that a place in it may follow. What all four mute
        is muted after it.
        """
        was, now = self.settings.controls["mix"] >= 0.5, changed.controls["mix"] >= 0.5
        if was and not now and changed.hand is not None:
            mix = corner_mix(changed.scenes, changed.hand, changed.meter)
            for voice in (voice for voice, muted in enumerate(mix.mute) if muted):
                changed = changed.with_voice("mute", voice, 1)
                changed = changed.with_voice("voice_density", voice, mix.voice_density[voice])
        self._adopt(changed, with_pattern=True)
        self.move(replace(self.movement.when, elapsed_s=0.0))

    def _set_voice(self, name: str, voice: int, value: float) -> None:
        known = control(name)
        if not known.per_voice or not 0 <= voice < len(self.model.kit):
            raise UsageError(
                f"'{name}' of voice {voice + 1}: there are {len(self.model.kit)} voices; choose one of them"
            )
        if name == "freeze":
            pins, pattern = self.settings.pins, self.decoded.pattern
            frozen = pins.freeze(pattern, voice) if known.clamp(value) else pins.thaw(voice, pattern.ticks)
            self.settings = replace(self.settings, pins=frozen)
            return
        if name in _MOVED_BY_MORPH:
            self.movement.let_go()
        self.settings = self.settings.with_voice(name, voice, value)
        if known.group == "engine":
            self._send(SetVoice(name, voice, self.settings.voices[name][voice]))

    def _put(self, point: Point) -> None:
        self.movement.put(point, self.settings.manner)
        self.move(replace(self.movement.when, elapsed_s=0.0))

    def move(self, when: Moment) -> None:
        """Let the cursor move on to a moment, and all that goes with it."""
        gestures, morph = len(self.settings.layers), self.movement.morphing
        self._tell_tempo(when.bars)
        try:
            moved = self.movement.step(self.settings, when)
        except UsageError as error:  # the scenes of the mix are not on this plane
            self._say(str(error), True)
            self.settings = replace(self.settings.with_control("mix", 0), hand=None)
            self._set_down()
            return
        if len(moved.layers) > gestures:
            self._history = self._history.did("the gesture", self._stand, self._now_s, moved.differing(self.settings))
            self._say("the gesture ended where the music did, or at its greatest length; it goes round", False)
        if moved is not self.settings:
            self._adopt(moved, with_pattern=morph is not None and self.movement.morphing is None)

    def take(self, model: Model) -> None:
        """Go over to a model of the same voices and beats: at the next bar, with the cursor where it is."""
        self.model = model
        self.decoded = Decoded.of(model, Wanted.of(self.settings))
        self._send(SetPattern(self.decoded.pattern, "bar"))

    def open(self, model: Model, settings: Settings) -> None:
        """Go over to any model at the next bar, with settings that fit it. What was done before cannot be undone then.

        Raises RvaeError, and all is as it was.
        """
        bars, old, names = self.movement.when.bars, self.settings, self.model.kit.names
        self._tell_tempo(None)
        self.decoded = Decoded.of(model, Wanted.of(settings))
        self.model, self.settings, self._history, self._is_another = model, settings, History(), True
        self._bar = 0 if bars is None else math.floor(bars) + 1
        self.movement.let_go()
        if (settings.cursor, settings.hand) != (old.cursor, old.hand):
            self._set_down()
        self._send(SetPattern(self.decoded.pattern, "bar"))
        for name, value in settings.controls.items():
            if value != old.controls[name] and control(name).group == "engine":
                self._send(SetControl(name, value))
        for name in ("mute", "nudge"):
            # Any other row may be as an earlier model left it; while nothing plays, rows are given out anew.
            is_known = bars is not None and not self._mutes_wait
            known = dict(zip(names, old.voices[name], strict=True)) if is_known else {}
            for voice, value in enumerate(settings.voices[name]):
                if known.get(model.kit.names[voice]) != value:
                    self._send(SetVoice(name, voice, value))
        self._mutes_wait = False

    def decode(self) -> None:
        """Where something has changed that the pattern depends on, or that comes with it: decode it and send it."""
        wanted = Wanted.of(self.settings)
        if wanted == self.decoded.wanted and not self._mutes_wait:
            return
        try:
            self.decoded = self.decoded if wanted == self.decoded.wanted else Decoded.of(self.model, wanted)
        except RvaeError as error:
            self.settings = replace(self.settings, meter=self.decoded.wanted.meter)
            self._say(str(error), True)
            return
        quantum = self._quantum
        bars = self.movement.when.bars
        if bars is None or bars >= self._bar:
            self._bar = 0
        else:
            quantum = "bar"  # what the model before plays is played to its end
        if quantum == "now" and self.movement.shown != wanted.cursor:
            quantum = "beat"  # a jump that has not landed
        mute = tuple(voice for voice, muted in enumerate(self.settings.mute) if muted) if self._mutes_wait else None
        self._mutes_wait = False
        self._send(SetPattern(self.decoded.pattern, quantum, mute))
