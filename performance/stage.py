"""The stage: model, cursor and controls, between the hands (window, keys, OSC) and the engine.

It lives in the window's process and draws nothing. `do` takes commands; `tick`, called once a frame, decodes where
something has changed, passes it to the engine and gives back a `Snapshot`. Decoding happens here and never on the
beat's path.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from performance.commands import (
    EngineCommand,
    GoToClip,
    MoveCursor,
    Panic,
    Play,
    Quantum,
    Quit,
    RecallScene,
    SetControl,
    SetMeter,
    SetPattern,
    SetVoice,
    StageCommand,
    StepControl,
    Stop,
    StoreScene,
    TogglePlay,
)
from performance.controls import control, defaults
from performance.cursor import Path, Point, on_plane
from performance.links import EngineLink, ModelFeed
from performance.offers import first_point, meters_of, usual_bpm
from performance.osc_input import CursorEcho, OscInput
from performance.scenes import Scene, scene_number
from performance.snapshot import EngineStatus, Message, Playhead, Snapshot
from performance.transport import Place
from rvae.errors import RvaeError, UsageError
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.model import Model
from rvae.pattern import Floats, Pattern

_MESSAGES = 8


@dataclass(frozen=True, slots=True)
class _Wanted:
    """All that the pattern depends on: where two are equal, nothing is decoded again."""

    cursor: Point
    meter: Meter
    densities: tuple[float, ...]


class Stage:
    """Holds what is played: see `links.StageLike`. `path`: moves the cursor while it plays, until a hand does."""

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
    ) -> None:
        self._model = model
        self._engine = engine
        self._name = name
        self._controls = defaults()
        self._meter = meter or model.meter
        self._cursor: Point = first_point(model, self._meter)
        self._voice_density = [control("voice_density").default] * len(model.kit)
        self._mute = [False] * len(model.kit)
        self._osc_in, self._echo, self._path, self._learning = osc_in, echo, path, learning
        self._messages: deque[Message] = deque(maxlen=_MESSAGES)
        self._scenes: dict[int, Scene] = {}
        self._numbers = 0
        self._heard_number = 0
        self._lost = False
        if density is not None:
            self._controls["density"] = control("density").clamp(density)
        self._decoded = self._decode(self._wanted())
        self._set_control("tempo", bpm or usual_bpm(model, self._meter, self._cursor))
        self._send(SetPattern(self._decoded[1], "now"))

    @property
    def model(self) -> Model:
        """What is played."""
        return self._model

    def do(self, command: StageCommand) -> None:
        """Do what was asked. What cannot be done becomes a message."""
        try:
            self._do(command)
        except RvaeError as error:
            self.say(str(error), is_error=True)

    def _do(self, command: StageCommand) -> None:
        match command:
            case MoveCursor(x, y):
                self._path = None
                self._move(on_plane(x, y))
            case GoToClip(clip):
                clips = self._model.clips_of(self._meter.beats)
                if not 0 <= clip < len(clips):
                    raise UsageError(f"clip {clip + 1}: this plane has {len(clips)}; choose one of them")
                self._path = None
                self._move(clips[clip].point)
            case SetControl(name, value):
                self._set_control(name, value)
            case StepControl(name, steps):
                known = control(name)
                self._set_control(name, known.stepped(self._controls.get(name, known.default), steps))
            case SetVoice(name, voice, value):
                self._set_voice(name, voice, value)
            case SetMeter(meter):
                self._model.space(meter.beats)  # raises where that number of beats was not learned
                self._meter = meter
            case StoreScene(number):
                self._scenes[scene_number(number)] = self._scene()
                self.say(f"scene {number} is kept")
            case RecallScene(number):
                self._recall(scene_number(number))
            case TogglePlay():
                self._send(Play() if self._engine.status().transport is None else Stop())
            case Play() | Stop() | Panic():
                self._send(command)
            case Quit():
                self.close()

    def _scene(self) -> Scene:
        voices = tuple(self._voice_density), tuple(self._mute)
        return Scene(self._cursor, self._meter, self._controls["density"], *voices)

    def _recall(self, number: int) -> None:
        scene = self._scenes.get(number)
        if scene is None:
            kept = ", ".join(map(str, sorted(self._scenes))) or "none"
            raise UsageError(f"scene {number} was never stored; there are {kept}")
        self._model.space(scene.meter.beats)  # a model learned since may not have it
        self._path = None
        self._meter = scene.meter
        self._move(scene.cursor)
        self._set_control("density", scene.density)
        for voice, (density, muted) in enumerate(zip(scene.voice_density, scene.mute, strict=True)):
            self._set_voice("voice_density", voice, density)
            if muted != self._mute[voice]:
                self._set_voice("mute", voice, float(muted))

    def _set_control(self, name: str, value: float) -> None:
        known = control(name)
        if known.per_voice:
            raise UsageError(f"control '{name}' has a value for each voice; name the voice too")
        self._controls[name] = known.clamp(value)
        if known.group == "engine":
            self._send(SetControl(name, self._controls[name]))

    def _set_voice(self, name: str, voice: int, value: float) -> None:
        known = control(name)
        if not known.per_voice or not 0 <= voice < len(self._model.kit):
            raise UsageError(
                f"'{name}' of voice {voice + 1}: there are {len(self._model.kit)} voices; choose one of them"
            )
        if name == "mute":
            self._mute[voice] = known.clamp(value) >= 0.5
            self._send(SetVoice("mute", voice, float(self._mute[voice])))
        elif name == "nudge":
            self._send(SetVoice("nudge", voice, known.clamp(value)))
        else:
            self._voice_density[voice] = known.clamp(value)

    def _move(self, point: Point) -> None:
        if point != self._cursor:
            self._cursor = point
            if self._echo is not None:
                self._echo.send(*point)

    def _send(self, command: EngineCommand) -> None:
        if not self._engine.do(command) and not self._lost:
            self._lost = True
            self.say("the engine does not answer: quit and start again, nothing else is lost", is_error=True)

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Leave a line for the player."""
        self._numbers += 1
        self._messages.append(Message(self._numbers, text, is_error))

    def tick(self) -> Snapshot:
        """Hear OSC and the engine, decode if something moved, and say how everything stands."""
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
        playhead = self._playhead(status)
        if self._path is not None and status.transport is not None:
            beats = playhead.ticks / TICKS_PER_BEAT / self._meter.beats
            self._move(on_plane(*self._path.at(playhead.bar - 1 + beats)))
        self._take_learned()
        wanted = self._wanted()
        if wanted != self._decoded[0]:
            self._decode_and_send(wanted)
        return self._snapshot(status, playhead)

    def _take_learned(self) -> None:
        """Go over to a model that has just been learned: at the next bar, with the cursor where it is."""
        found = None if self._learning is None else self._learning.poll()
        if isinstance(found, str):
            self.say(found, is_error=True)
        elif found is not None:
            if self._meter.beats not in found.beats or len(found.kit) != len(self._model.kit):
                self.say("the model that was learned has other meters or voices; it is not taken", is_error=True)
                return
            self._model = found
            self._decoded = self._decode(self._wanted())
            self._send(SetPattern(self._decoded[1], "bar"))
            self.say(f"learned: {len(found.clips)} patterns are on the plane")

    def _decode_and_send(self, wanted: _Wanted) -> None:
        try:
            self._decoded = self._decode(wanted)
        except RvaeError as error:
            self._meter = self._decoded[0].meter
            self.say(str(error), is_error=True)
            return
        quantum: Quantum = ("now", "beat", "bar")[int(self._controls["quantum"])]
        self._send(SetPattern(self._decoded[1], quantum))

    def _wanted(self) -> _Wanted:
        amounts = (min(1.0, max(0.0, self._controls["density"] + own - 0.5)) for own in self._voice_density)
        return _Wanted(self._cursor, self._meter, tuple(amounts))

    def _decode(self, wanted: _Wanted) -> tuple[_Wanted, Pattern, Floats]:
        pattern = self._model.pattern(wanted.cursor, meter=wanted.meter, density=wanted.densities)
        probability, _, _ = self._model.decode(np.array([wanted.cursor]), beats=wanted.meter.beats)
        return wanted, pattern, probability[0]

    def _playhead(self, status: EngineStatus) -> Playhead:
        transport = status.transport
        if transport is None:
            return Playhead()
        quarters = transport.quarters_at(time.perf_counter_ns())
        place = transport.bars.place_at(quarters) if quarters > 0 else Place(0, quarters * 0, self._meter)
        ticks = float(place.ticks)
        pattern = self._decoded[1]
        return Playhead(
            bar=place.bar + 1,
            beat=place.beat + 1,
            ticks=ticks,
            cycle_ticks=(place.bar % pattern.bars) * pattern.meter.bar_ticks + min(ticks, pattern.meter.bar_ticks),
        )

    def _snapshot(self, status: EngineStatus, playhead: Playhead) -> Snapshot:
        _, pattern, probability = self._decoded
        progress = "" if self._learning is None else self._learning.progress
        return Snapshot(
            model_name=f"{self._name}, learning: {progress}" if progress else self._name,
            kit=self._model.kit,
            cursor=self._cursor,
            pattern=pattern,
            probability=probability,
            playing=status.transport is not None,
            playhead=playhead,
            meter=self._meter,
            meters=meters_of(self._model, self._meter.beats),
            beats=self._model.beats,
            clips=self._model.clips_of(self._meter.beats),
            controls=dict(self._controls),
            voice_density=tuple(self._voice_density),
            mute=tuple(self._mute),
            status=replace(status, messages=()),
            engine_lives=self._engine.is_alive,
            messages=tuple(self._messages),
            learned_meters=self._model.meters,
            scenes=tuple(
                (number, scene.cursor)
                for number, scene in sorted(self._scenes.items())
                if scene.meter.beats == self._meter.beats
            ),
        )

    def close(self) -> None:
        """End the engine, silence and close everything. May be called twice."""
        self._engine.close()
        for part in (self._osc_in, self._echo, self._learning):
            if part is not None:
                part.close()
        self._osc_in = self._echo = self._learning = None
