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
    CloseOutput,
    EngineCommand,
    Explain,
    Export,
    HearDevice,
    OpenNamed,
    OpenOutput,
    Panic,
    Play,
    PlayIn,
    Quit,
    SetControl,
    SetPattern,
    StageCommand,
    StartRecording,
    StepControl,
    Stop,
    StopRecording,
    StrikePad,
    TogglePlay,
    ToggleRecording,
)
from performance.controls import control
from performance.cursor import Path, Point
from performance.instrument import Instrument
from performance.links import EngineLink, ModelFeed, SettingsKeeper
from performance.motion import Moment
from performance.offers import first_point, meters_of, usual_bpm
from performance.opening import Opened
from performance.osc_input import CursorEcho, OscInput
from performance.resuming import settings_for
from performance.rows import Rows
from performance.scenes import Scene
from performance.session import Session
from performance.settings import Settings
from performance.snapshot import EngineStatus, Message, Playhead, Snapshot
from performance.telling import ENGINE_HAS_STOPPED, Teller
from performance.transport import Place
from rvae.counts import several
from rvae.errors import RvaeError
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.model import Model
from rvae.pattern import Pattern

_MESSAGES = 64


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
        self._engine = engine
        self._name = name
        self._osc_in, self._echo, self._learning, self._keeper = osc_in, echo, learning, keeper
        self._clock = clock or MonotonicClock()
        self._now_ns = self._clock.now_ns()
        self._messages: deque[Message] = deque(maxlen=_MESSAGES)
        self._numbers = 0
        self._engines_lines = Teller(lambda message: self.say(message.text, is_error=message.is_error))
        self._lives, self._lost, self._is_hushed = True, False, False
        self._passed: list[StageCommand] = []
        meter = meter or (model.meter if settings is None else settings.meter)
        begun = settings or Settings.at_first(first_point(model, meter), meter, len(model.kit))
        begun = replace(begun, meter=meter)
        if density is not None:
            begun = begun.with_control("density", density)
        if settings is None or bpm is not None:
            begun = begun.with_control("tempo", bpm or usual_bpm(model, meter, begun.cursor))
        self._rows = Rows.of(model.kit)
        self._instrument = Instrument(model, begun, send=self._send, say=self._say, path=path)
        self._echoed = begun.cursor
        self._send(SetPattern(self._instrument.decoded.pattern, "now"))

    @property
    def model(self) -> Model:
        """What is played."""
        return self._instrument.model

    @property
    def kit(self) -> Kit:
        """Its voices, with the notes that the player gives them."""
        return self._instrument.decoded.pattern.kit

    @property
    def rows(self) -> tuple[str, ...]:
        """The engine's voices by name: those that were there before stay in their rows."""
        return self._rows.engine.names

    @property
    def settings(self) -> Settings:
        """All that the player has set."""
        return self._instrument.settings

    def do(self, command: StageCommand) -> None:
        """Do what was asked. What cannot be done becomes a message."""
        match command:
            case TogglePlay():
                self._send(Play() if self._engine.status().transport is None else Stop())
            case ToggleRecording():
                self._send(StopRecording() if self._engine.status().recording else StartRecording())
            case (
                Play()
                | Stop()
                | Panic()
                | StartRecording()
                | StopRecording()
                | Export()
                | StrikePad()
                | OpenOutput()
                | CloseOutput()
            ):
                self._send(command)
            case StepControl("tempo", steps) if (bpm := self._led_bpm(self._engine.status())) is not None:
                self.do(SetControl("tempo", control("tempo").stepped(bpm, steps)))  # from the tempo that is played
            case Explain(why):
                self.say(why, is_error=True)
            case Quit():
                self.close()
            case _:
                self._instrument.do(command, self._now_ns / NS_PER_S)
                self._tell_cursor()

    def _led_bpm(self, status: EngineStatus) -> float | None:
        """The tempo that came from a leader; None where the player's holds."""
        if status.led_qpm is None:
            return None
        return round(status.led_qpm / float(self.settings.meter.tempo_beat_quarters), 1)

    def _tell_cursor(self) -> None:
        """Where the cursor is now, to whoever learns from it."""
        if self._echo is not None and self._echoed != self.settings.cursor:
            self._echoed = self.settings.cursor
            self._echo.send(*self._echoed)

    def _send(self, command: EngineCommand) -> None:
        if self._is_hushed and isinstance(command, SetPattern):
            command = _hushed(command)
        is_lost = not self._engine.do(self._rows.sent(command))
        if is_lost and self._lives and not self._lost:
            self._lost = True
            self.say("the engine does not answer: quit and start again, nothing else is lost", is_error=True)

    def hush(self, is_hushed: bool) -> None:
        """Play rests instead of the pattern from now on; or the pattern again, from the next bar, without a count-in's
        click.
        """
        self._is_hushed = is_hushed
        self._send(SetPattern(self._instrument.decoded.pattern, "now" if is_hushed else "bar"))
        if not is_hushed:
            self._send(SetControl("click", self.settings.controls["click"]))

    def passed_on(self) -> list[StageCommand]:
        """What was asked for over OSC since the last time and is for those around the stage."""
        passed, self._passed = self._passed, []
        return passed

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Leave a line for the player."""
        self._say(text, is_error)

    def _say(self, text: str, is_error: bool) -> None:
        self._numbers += 1
        self._messages.append(Message(self._numbers, text, is_error))

    def tick(self) -> Snapshot:
        """Hear OSC and the engine, move on, decode if something changed, and say how everything stands."""
        if self._osc_in is not None:
            for command in self._osc_in.receive():
                if isinstance(command, PlayIn | OpenNamed | OpenOutput | HearDevice):
                    self._passed.append(command)
                else:
                    self.do(command)
            for line in self._osc_in.news():
                self.say(line)
        lived, self._lives = self._lives, self._engine.is_alive
        status = self._engine.status()  # after that: its last words, where it has just ended
        self._engines_lines.hear(status.messages)
        if not self._lives:  # what it said last is true no longer
            status = replace(status, transport=None, recording=False, outputs=())
            if lived:
                self.say(ENGINE_HAS_STOPPED, is_error=True)
        before_ns, self._now_ns = self._now_ns, self._clock.now_ns()
        place = self._place(status)
        bars = None if place is None else place.bar + float(place.ticks) / place.meter.bar_ticks
        now = self._instrument
        now.move(Moment((self._now_ns - before_ns) / NS_PER_S, bars, now.settings.meter.beats))
        self._take_learned()
        now.decode()
        self._tell_cursor()
        if self._keeper is not None:
            self._keeper.offer(now.settings)
            for line in self._keeper.news():
                self.say(line, is_error=True)
        return self._snapshot(status, self._playhead(place))

    def _take_learned(self) -> None:
        """Go over to a model that has just been learned: at the next bar, with the cursor where it is."""
        found = None if self._learning is None else self._learning.poll()
        if isinstance(found, str):
            self.say(found, is_error=True)
        elif found is not None:
            now = self._instrument
            if now.settings.meter.beats not in found.beats or len(found.kit) != len(now.model.kit):
                self.say("the model that was learned has other meters or voices; it is not taken", is_error=True)
                return
            now.take(found)
            self.say(f"learned: {several(len(found.clips), 'pattern')} on the plane")

    def open(self, opened: Opened) -> None:
        """Go over to another model at the next bar: what was set stays, by the names of the voices, or is as a session
        kept it. What cannot be done becomes a message, and all is as it was.
        """
        now, lines = self._instrument, list[str]()
        if self._learning is not None and self._learning.progress:
            self.say(f"{opened.name}: not while the training runs; open it when that has ended", is_error=True)
            return
        kept = opened.session or Session("", now.model.kit.names, now.settings)
        settings = settings_for(kept, opened.model, lines.append)
        before, kit = self._rows, opened.model.kit
        try:
            self._rows = Rows.of(kit) if now.movement.when.bars is None else before.with_kit(kit)
            now.open(opened.model, settings)
        except RvaeError as error:
            self._rows = before
            self.say(str(error), is_error=True)
            return
        if self._learning is not None:
            self._learning.close()
            self._learning = None
        self._name = opened.name
        if self._osc_in is not None:
            self._osc_in.take_kit(opened.model.kit)
        if self._keeper is not None:
            rest = {} if opened.session is None else opened.session.rest
            session = Session(str(opened.file or ""), opened.model.kit.names, settings, rest=rest)
            self._keeper.turn_to(session, opened.kept_in)
        played = f"{opened.name} is played{'' if now.movement.when.bars is None else ' from the next bar on'}"
        self.say("; ".join((played, *lines)))

    def keep(self, name: str, value: object) -> None:
        """Keep something more in the session, by a name of its own; `value`: as JSON has it."""
        if self._keeper is not None:
            self._keeper.keep(name, value)

    def show(self, model: Model) -> None:
        """The same model with more clips on its plane: nothing that is heard changes."""
        self._instrument.model = model

    def _place(self, status: EngineStatus) -> Place | None:
        """Where the music is, None while it is stopped."""
        transport = status.transport
        if transport is None:
            return None
        quarters = transport.quarters_at(self._now_ns)
        return transport.bars.place_at(quarters) if quarters > 0 else Place(0, quarters * 0, self.settings.meter)

    def _playhead(self, place: Place | None) -> Playhead:
        if place is None:
            return Playhead()
        ticks, pattern = float(place.ticks), self._instrument.decoded.pattern
        return Playhead(
            bar=place.bar + 1,
            beat=place.beat + 1,
            ticks=ticks,
            cycle_ticks=(place.bar % pattern.bars) * pattern.meter.bar_ticks + min(ticks, pattern.meter.bar_ticks),
        )

    def _snapshot(self, status: EngineStatus, playhead: Playhead) -> Snapshot:
        model, now = self._instrument.model, self._instrument.settings
        decoded, movement = self._instrument.decoded, self._instrument.movement
        progress = "" if self._learning is None else self._learning.progress
        frozen = now.pins.frozen_voices(decoded.pattern.ticks)
        return Snapshot(
            model_name=f"{self._name}, learning: {progress}" if progress else self._name,
            kit=decoded.pattern.kit,
            cursor=movement.shown,
            pattern=decoded.pattern,
            probability=decoded.probability,
            playing=status.transport is not None,
            playhead=playhead,
            meter=now.meter,
            meters=meters_of(model, now.meter.beats),
            beats=model.beats,
            clips=model.clips_of(now.meter.beats),
            controls={**now.controls, **({} if (bpm := self._led_bpm(status)) is None else {"tempo": bpm})},
            voice_density=now.voices["voice_density"],
            mute=now.mute,
            status=replace(status, messages=()),
            engine_lives=self._lives,
            messages=tuple(self._messages),
            learned_meters=model.meters,
            scenes=_on_plane(now.scenes, now.meter),
            hand=movement.held(now.manner),
            target=None if movement.shown == now.cursor else now.cursor,
            pins=now.pins.of_cycle(decoded.pattern.ticks),
            freeze=tuple(voice in frozen for voice in range(len(model.kit))),
            gestures=len(now.layers),
            is_taking=movement.is_taking,
            morphs=movement.morphing is not None,
            credits=decoded.credits,
            nudge=now.voices["nudge"],
            own_kit=now.kit,
        )

    def close(self) -> None:
        """End the engine, silence and close everything. May be called twice."""
        self._engine.close()
        for part in (self._osc_in, self._echo, self._learning, self._keeper):
            if part is not None:
                part.close()
        self._osc_in = self._echo = self._learning = self._keeper = None


def _hushed(command: SetPattern) -> SetPattern:
    pattern = command.pattern
    return replace(command, pattern=Pattern.silent(pattern.meter, bars=pattern.bars, kit=pattern.kit))


def _on_plane(scenes: Mapping[int, Scene], meter: Meter) -> tuple[tuple[int, Point], ...]:
    """Number and place of the scenes that lie on the plane of a meter."""
    return tuple((number, scene.cursor) for number, scene in sorted(scenes.items()) if scene.meter.beats == meter.beats)
