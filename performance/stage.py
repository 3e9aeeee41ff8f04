"""The stage: model, cursor and controls, between the hands (window, keys, OSC) and the engine.

It lives in the window's process and draws nothing. `do` takes commands; `tick`, called once a frame, moves what moves,
decodes where something has changed, passes it to the engine and gives back a `Snapshot`. Decoding happens here and
never on the beat's path.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from performance.clock import NS_PER_S, Clock, MonotonicClock
from performance.commands import (
    DropGestures,
    EngineCommand,
    Export,
    GoToClip,
    MoveCursor,
    Panic,
    PinPlace,
    Play,
    Quantum,
    Quit,
    RecallScene,
    Redo,
    SetControl,
    SetMeter,
    SetPattern,
    SetVoice,
    StageCommand,
    StartRecording,
    StepControl,
    Stop,
    StopRecording,
    StoreScene,
    TakeGesture,
    TogglePlay,
    ToggleRecording,
    Undo,
    Unpin,
)
from performance.controls import control
from performance.cursor import Path, Point, on_plane
from performance.decoding import Decoded, Wanted
from performance.links import EngineLink, ModelFeed, SettingsKeeper
from performance.motion import Moment
from performance.movement import Movement
from performance.offers import first_point, meters_of, usual_bpm
from performance.osc_input import CursorEcho, OscInput
from performance.pins import Pin, Pins
from performance.scenes import Scene, corner_mix, scene_number
from performance.settings import Settings
from performance.snapshot import EngineStatus, Message, Playhead, Snapshot
from performance.transport import Place
from performance.undo import History, name_of
from rvae.errors import RvaeError, UsageError
from rvae.meter import Meter
from rvae.model import Model

_MESSAGES = 8
_MOVED_BY_MORPH = ("density", "tempo", "voice_density", "nudge")


class Stage:
    """Holds what is played: see `links.StageLike`. `path`: moves the cursor while it plays, until a hand does.

    `settings`: to begin with, as a session kept them; what else is given goes before them.
    """

    def __init__(
        self,
        model: Model,
        engine: EngineLink,
        *,
        name: str = "",
        meter: Meter | None = None,
        bpm: float | None = None,
        density: float | None = None,
        osc_in: OscInput | None = None,
        echo: CursorEcho | None = None,
        path: Path | None = None,
        learning: ModelFeed | None = None,
        settings: Settings | None = None,
        keeper: SettingsKeeper | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._model = model
        self._engine = engine
        self._name = name
        self._osc_in, self._echo, self._learning, self._keeper = osc_in, echo, learning, keeper
        self._clock = clock or MonotonicClock()
        self._now_ns = self._clock.now_ns()
        self._messages: deque[Message] = deque(maxlen=_MESSAGES)
        self._numbers = 0
        self._heard_number = 0
        self._lost = False
        self._history: History[Settings] = History()
        meter = meter or (model.meter if settings is None else settings.meter)
        self._settings = Settings.at_first(first_point(model, meter), meter, len(model.kit))
        begun = self._settings if settings is None else replace(settings, meter=meter)
        if density is not None:
            begun = begun.with_control("density", density)
        self._decoded = Decoded.of(model, Wanted.of(begun))
        self._movement = Movement(begun.cursor, path)
        self._adopt(begun)
        if settings is None or bpm is not None:
            self._set_control("tempo", bpm or usual_bpm(model, meter, begun.cursor))
        self._send(SetPattern(self._decoded.pattern, "now"))

    @property
    def model(self) -> Model:
        """What is played."""
        return self._model

    @property
    def settings(self) -> Settings:
        """All that the player has set."""
        return self._settings

    def do(self, command: StageCommand) -> None:
        """Do what was asked. What cannot be done becomes a message."""
        before, mark = self._settings, self._movement.mark
        try:
            self._do(command)
        except RvaeError as error:
            self.say(str(error), is_error=True)
        if (self._settings, self._movement.mark) != (before, mark) and not isinstance(command, Undo | Redo):
            self._history = self._history.did(name_of(command, self._model.kit), before, self._now_ns / NS_PER_S)

    def _do(self, command: StageCommand) -> None:
        match command:
            case MoveCursor(x, y):
                self._put(on_plane(x, y))
            case GoToClip(clip):
                clips = self._model.clips_of(self._settings.meter.beats)
                if not 0 <= clip < len(clips):
                    raise UsageError(f"clip {clip + 1}: this plane has {len(clips)}; choose one of them")
                if self._settings.controls["mix"]:  # a clip's place is one of the plane, not of the mix
                    self._set_control("mix", 0)
                    self._movement.set_down(self._settings.cursor)
                self._put(clips[clip].point)
            case SetControl(name, value):
                self._set_control(name, value)
            case StepControl(name, steps):
                known = control(name)
                self._set_control(name, known.stepped(self._settings.controls.get(name, known.default), steps))
            case SetVoice(name, voice, value):
                self._set_voice(name, voice, value)
            case SetMeter(meter):
                self._model.space(meter.beats)  # raises where that number of beats was not learned
                self._movement.let_go()
                self._settings = replace(self._settings, meter=meter)
            case StoreScene(number):
                kept = {**self._settings.scenes, scene_number(number): self._settings.scene()}
                self._settings = replace(self._settings, scenes=kept)
                self.say(f"scene {number} is kept")
            case RecallScene(number, bars):
                self._recall(number, self._settings.controls["morph"] if bars is None else bars)
            case TakeGesture() | DropGestures():
                self._change_gestures(command)
            case PinPlace() | Unpin():
                self._settings = replace(self._settings, pins=self._pinned(command))
            case Undo() | Redo():
                self._go_back(forth=isinstance(command, Redo))
            case TogglePlay():
                self._send(Play() if self._engine.status().transport is None else Stop())
            case ToggleRecording():
                self._send(StopRecording() if self._engine.status().recording else StartRecording())
            case Play() | Stop() | Panic() | StartRecording() | StopRecording() | Export():
                self._send(command)
            case Quit():
                self.close()

    def _adopt(self, new: Settings) -> None:
        """Go over to other settings: the engine is told what is new to it."""
        old, self._settings = self._settings, new
        for name, value in new.controls.items():
            if value != old.controls[name] and control(name).group == "engine":
                self._send(SetControl(name, value))
        for name in ("mute", "nudge"):
            for voice, (was, value) in enumerate(zip(old.voices[name], new.voices[name], strict=True)):
                if was != value:
                    self._send(SetVoice(name, voice, value))
        if new.cursor != old.cursor and self._echo is not None:
            self._echo.send(*new.cursor)

    def _go_back(self, *, forth: bool) -> None:
        found = self._history.redone(self._settings) if forth else self._history.undone(self._settings)
        if found is None:
            raise UsageError(f"there is nothing to {'do again' if forth else 'undo'}")
        self._history, step = found
        self._model.space(step.before.meter.beats)  # a model learned since may not have it
        self._adopt(step.before)
        self._movement.set_down(step.before.cursor)
        self.say(f"{'done again' if forth else 'undone'}: {step.what}")

    def _recall(self, number: int, bars: float) -> None:
        scene = self._settings.scenes.get(scene_number(number))
        if scene is None:
            kept = ", ".join(map(str, sorted(self._settings.scenes))) or "none"
            raise UsageError(f"scene {number} was never stored; there are {kept}")
        self._model.space(scene.meter.beats)  # a model learned since may not have it
        start = self._settings.scene()
        unmixed = self._settings.with_control("mix", 0)
        if self._movement.morph(start, scene, bars):
            # What comes in is heard onset by onset; what goes is muted at the end.
            self._adopt(unmixed.with_mutes([was and ends for was, ends in zip(start.mute, scene.mute, strict=True)]))
            return
        self._adopt(unmixed.with_scene(scene))
        self._movement.set_down(scene.cursor)

    def _change_gestures(self, command: TakeGesture | DropGestures) -> None:
        layers = self._settings.layers
        if isinstance(command, DropGestures):
            self._settings = replace(self._settings, layers=() if command.all else layers[:-1])
            return
        was_taking = self._movement.is_taking
        self._settings = self._movement.take_gesture(self._settings)
        if was_taking and self._settings.layers == layers:
            self.say("the cursor did not move: no gesture is kept")
        elif was_taking:
            self.say(f"the gesture goes round in {self._settings.layers[-1].bars} bars; d lets it go")

    def _pinned(self, command: PinPlace | Unpin) -> Pins:
        pins, ticks = self._settings.pins, self._decoded.pattern.ticks
        if isinstance(command, Unpin):
            return Pins()
        self._decoded.check_place(command.voice, command.tick)
        if command.hold is None:
            return pins.without(ticks, command.voice, command.tick)
        if command.hold == "rest":
            return pins.with_pin(Pin(ticks, command.voice, command.tick))
        return pins.with_pin(self._decoded.onset_at(command.voice, command.tick))

    def _set_control(self, name: str, value: float) -> None:
        known = control(name)
        if known.per_voice:
            raise UsageError(f"control '{name}' has a value for each voice; name the voice too")
        changed = self._settings.with_control(name, value)
        if name == "mix" and changed.controls["mix"] and not self._settings.controls["mix"]:
            corner_mix(changed.scenes, (0.5, 0.5), changed.meter)  # raises where there are none to mix
        if name in _MOVED_BY_MORPH and changed != self._settings:
            self._movement.let_go()
        self._settings = changed
        if known.group == "engine":  # also where it is so already: a leader may have another tempo
            self._send(SetControl(name, changed.controls[name]))

    def _set_voice(self, name: str, voice: int, value: float) -> None:
        known = control(name)
        if not known.per_voice or not 0 <= voice < len(self._model.kit):
            raise UsageError(
                f"'{name}' of voice {voice + 1}: there are {len(self._model.kit)} voices; choose one of them"
            )
        if name == "freeze":
            pins, pattern = self._settings.pins, self._decoded.pattern
            frozen = pins.freeze(pattern, voice) if known.clamp(value) else pins.thaw(voice, pattern.ticks)
            self._settings = replace(self._settings, pins=frozen)
            return
        if name in _MOVED_BY_MORPH:
            self._movement.let_go()
        self._settings = self._settings.with_voice(name, voice, value)
        if known.group == "engine":
            self._send(SetVoice(name, voice, self._settings.voices[name][voice]))

    def _send(self, command: EngineCommand) -> None:
        if not self._engine.do(command) and not self._lost:
            self._lost = True
            self.say("the engine does not answer: quit and start again, nothing else is lost", is_error=True)

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Leave a line for the player."""
        self._numbers += 1
        self._messages.append(Message(self._numbers, text, is_error))

    def tick(self) -> Snapshot:
        """Hear OSC and the engine, move on, decode if something changed, and say how everything stands."""
        if self._osc_in is not None:
            for command in self._osc_in.receive():
                self.do(command)
            for line in self._osc_in.news():
                self.say(line)
        status = self._engine.status()
        for message in status.messages:
            if message.number > self._heard_number:
                self._heard_number = message.number
                self.say(message.text, is_error=message.is_error)
        before_ns, self._now_ns = self._now_ns, self._clock.now_ns()
        place = self._place(status)
        bars = None if place is None else place.bar + float(place.ticks) / place.meter.bar_ticks
        self._move_on(Moment((self._now_ns - before_ns) / NS_PER_S, bars, self._settings.meter.beats))
        self._take_learned()
        wanted = Wanted.of(self._settings)
        if wanted != self._decoded.wanted:
            self._decode_and_send(wanted)
        if self._keeper is not None:
            self._keeper.offer(self._settings)
            for line in self._keeper.news():
                self.say(line, is_error=True)
        return self._snapshot(status, self._playhead(place))

    def _put(self, point: Point) -> None:
        self._movement.put(point, self._settings.manner)
        self._move_on(replace(self._movement.when, elapsed_s=0.0))

    def _move_on(self, when: Moment) -> None:
        gestures = len(self._settings.layers)
        try:
            moved = self._movement.step(self._settings, when)
        except UsageError as error:  # the scenes of the mix are not on this plane
            self.say(str(error), is_error=True)
            self._settings = self._settings.with_control("mix", 0)
            return
        if len(moved.layers) > gestures:
            self.say("the gesture ended where the music did, or at its greatest length; it goes round")
        if moved is not self._settings:
            self._adopt(moved)

    def _take_learned(self) -> None:
        """Go over to a model that has just been learned: at the next bar, with the cursor where it is."""
        found = None if self._learning is None else self._learning.poll()
        if isinstance(found, str):
            self.say(found, is_error=True)
        elif found is not None:
            if self._settings.meter.beats not in found.beats or len(found.kit) != len(self._model.kit):
                self.say("the model that was learned has other meters or voices; it is not taken", is_error=True)
                return
            self._model = found
            self._decoded = Decoded.of(found, Wanted.of(self._settings))
            self._send(SetPattern(self._decoded.pattern, "bar"))
            self.say(f"learned: {len(found.clips)} patterns are on the plane")

    def show(self, model: Model) -> None:
        """The same model with more clips on its plane: nothing that is heard changes."""
        self._model = model

    def _decode_and_send(self, wanted: Wanted) -> None:
        try:
            self._decoded = Decoded.of(self._model, wanted)
        except RvaeError as error:
            self._settings = replace(self._settings, meter=self._decoded.wanted.meter)
            self.say(str(error), is_error=True)
            return
        quantum: Quantum = ("now", "beat", "bar")[int(self._settings.controls["quantum"])]
        if quantum == "now" and self._movement.shown != wanted.cursor:
            quantum = "beat"  # a jump that has not landed
        self._send(SetPattern(self._decoded.pattern, quantum))

    def _place(self, status: EngineStatus) -> Place | None:
        """Where the music is, None while it is stopped."""
        transport = status.transport
        if transport is None:
            return None
        quarters = transport.quarters_at(self._now_ns)
        return transport.bars.place_at(quarters) if quarters > 0 else Place(0, quarters * 0, self._settings.meter)

    def _playhead(self, place: Place | None) -> Playhead:
        if place is None:
            return Playhead()
        ticks, pattern = float(place.ticks), self._decoded.pattern
        return Playhead(
            bar=place.bar + 1,
            beat=place.beat + 1,
            ticks=ticks,
            cycle_ticks=(place.bar % pattern.bars) * pattern.meter.bar_ticks + min(ticks, pattern.meter.bar_ticks),
        )

    def _snapshot(self, status: EngineStatus, playhead: Playhead) -> Snapshot:
        now, decoded, movement = self._settings, self._decoded, self._movement
        progress = "" if self._learning is None else self._learning.progress
        frozen = now.pins.frozen_voices(decoded.pattern.ticks)
        return Snapshot(
            model_name=f"{self._name}, learning: {progress}" if progress else self._name,
            kit=self._model.kit,
            cursor=movement.shown,
            pattern=decoded.pattern,
            probability=decoded.probability,
            playing=status.transport is not None,
            playhead=playhead,
            meter=now.meter,
            meters=meters_of(self._model, now.meter.beats),
            beats=self._model.beats,
            clips=self._model.clips_of(now.meter.beats),
            controls=dict(now.controls),
            voice_density=now.voices["voice_density"],
            mute=now.mute,
            status=replace(status, messages=()),
            engine_lives=self._engine.is_alive,
            messages=tuple(self._messages),
            learned_meters=self._model.meters,
            scenes=_on_plane(now.scenes, now.meter),
            hand=movement.held(now.manner),
            target=None if movement.shown == now.cursor else now.cursor,
            pins=now.pins.of_cycle(decoded.pattern.ticks),
            freeze=tuple(voice in frozen for voice in range(len(self._model.kit))),
            gestures=len(now.layers),
            is_taking=movement.is_taking,
            morphs=movement.morphing is not None,
            credits=decoded.credits,
            nudge=now.voices["nudge"],
        )

    def close(self) -> None:
        """End the engine, silence and close everything. May be called twice."""
        self._engine.close()
        for part in (self._osc_in, self._echo, self._learning, self._keeper):
            if part is not None:
                part.close()
        self._osc_in = self._echo = self._learning = self._keeper = None


def _on_plane(scenes: Mapping[int, Scene], meter: Meter) -> tuple[tuple[int, Point], ...]:
    """Number and place of the scenes that lie on the plane of a meter."""
    return tuple((number, scene.cursor) for number, scene in sorted(scenes.items()) if scene.meter.beats == meter.beats)
