"""The engine in a process of its own, with neither window nor torch nor model, and the line to it.

It plays on while the window hangs. It ends, silent, when told to, on SIGTERM, and when the window's process is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import multiprocessing
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from performance.clock import NS_PER_MS, MonotonicClock
from performance.commands import EngineCommand, Export, Quit, SetPattern, StartRecording
from performance.engine import Engine
from performance.leader import Leader
from performance.outputs.audio import AudioOutput, start_speaker
from performance.outputs.output import Output
from performance.outputs.quiet import quiet_drivers
from performance.realtime import AwakeProcessor, hold_still, run_aside, take_realtime
from performance.recorder import DEFAULT_FOLDER, Recorder, RecorderLine
from performance.snapshot import EngineStatus
from performance.wire import Wire, WireFull
from rvae.errors import OutputError, UsageError
from rvae.pattern import Pattern

_STATUS_NS = 15 * NS_PER_MS
_AT_ONCE = 8
_START_NS = 10 * NS_PER_MS  # to make the events of the first beat takes a while
_SWITCH_S = 0.0001  # the callback of JACK waits so long for the interpreter, several times a period
_QUIET_NS = NS_PER_MS  # before a beat nothing else is begun
_BREATH_S = 0.001
_LEAST_AHEAD_NS = 3 * NS_PER_MS  # unless events would run out
_CLOSE_S = 3.0
MAX_OFFSET_MS = 500


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """An output to open: `kind` midi, virtual, osc or audio, and what each calls `name`. It pickles; outputs do not.

    `sends_clock`: whether it is given MIDI clock too. `offset_ms`: how much later than the music it plays, -500 to 500.
    Raises UsageError.
    """

    kind: str
    name: str = ""
    sends_clock: bool = False
    offset_ms: float = 0.0

    def __post_init__(self) -> None:
        if not -MAX_OFFSET_MS <= self.offset_ms <= MAX_OFFSET_MS:
            raise UsageError(
                f"offset of {self.kind} {self.name}: {self.offset_ms:g} ms, "
                f"-{MAX_OFFSET_MS} to {MAX_OFFSET_MS} are possible; choose another"
            )

    def make(self, speaker: socket.socket | None = None) -> Output:
        """The output itself, not yet open; for sound, with the line to its process. Raises UsageError."""
        output = self._make(speaker)
        output.sends_clock = self.sends_clock
        output.offset_ns = round(self.offset_ms * NS_PER_MS)
        return output

    def _make(self, speaker: socket.socket | None) -> Output:
        match self.kind:
            case "midi":
                return midi_output(self.name)
            case "virtual":
                return virtual_output(self.name)
            case "osc":
                from performance.outputs.osc import OscOutput

                return OscOutput(self.name)
            case "audio":
                return AudioOutput(self.name, speaker=speaker)
        raise UsageError(f"no output '{self.kind}'; there are midi, virtual, osc and audio")


def midi_output(name: str) -> Output:
    """The port of a name: the system's own first, then JACK's."""
    from performance.outputs.jack import JackMidiOutput, jack_ports
    from performance.outputs.midi import MidiOutput, output_ports

    with contextlib.suppress(OutputError):
        if any(name.lower() in port.lower() for port in output_ports()):
            return MidiOutput(name)
    if any(name.lower() in port.lower() for port in jack_ports()):
        return JackMidiOutput(name)
    return MidiOutput(name)


def virtual_output(name: str) -> Output:
    """A port of our own: in JACK where it runs, otherwise the system's."""
    from performance.outputs.jack import JackMidiOutput, is_running
    from performance.outputs.midi import VIRTUAL_NAME, MidiOutput

    return (
        JackMidiOutput(client_name=name or VIRTUAL_NAME)
        if is_running()
        else MidiOutput(name or VIRTUAL_NAME, virtual=True)
    )


@dataclass(frozen=True, slots=True)
class LeaderSpec:
    """A leader to follow: `kind` midi, with the `name` of its port, or link."""

    kind: str
    name: str = ""

    def make(self) -> Leader:
        """The leader itself. Raises OutputError where it is not there, UsageError where there is no such kind."""
        match self.kind:
            case "midi":
                from performance.clock_input import MidiClockInput

                return MidiClockInput(self.name)
            case "link":
                from performance.link import LinkLeader

                return LinkLeader()
        raise UsageError(f"no leader '{self.kind}'; there are midi and link")


def _leader(spec: LeaderSpec | None) -> tuple[Leader | None, str]:
    """The leader, or why it cannot be followed."""
    try:
        return (None, "") if spec is None else (spec.make(), "")
    except OutputError as error:
        return None, f"{error}; the music keeps its own time"


class EngineProcess:
    """The window's end: starts the process, sends commands, hears how it stands; never waits for it but at the end."""

    def __init__(
        self,
        pattern: Pattern,
        outputs: Sequence[OutputSpec] = (),
        *,
        realtime: bool = True,
        leader: LeaderSpec | None = None,
        recordings: str = DEFAULT_FOLDER,
    ) -> None:
        here, there = socket.socketpair()
        self._wire = Wire(here)
        self._status = EngineStatus()
        self.recorder = Recorder(recordings)
        # Beside the engine, not by it: each takes its time to start.
        speaker = start_speaker() if any(spec.kind == "audio" for spec in outputs) else None
        self._process = multiprocessing.get_context("spawn").Process(
            target=engine_main,
            args=(there, self.recorder.engine_end, pattern, tuple(outputs), realtime, leader, speaker),
            name="rvae-engine",
        )
        self._process.start()
        # Before multiprocessing waits for it. It is no daemon, which would be ended then: those have no children.
        atexit.register(self.close)
        for end in filter(None, (there, self.recorder.engine_end, speaker)):
            end.close()

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive() and not self._wire.is_closed

    def do(self, command: EngineCommand) -> bool:
        """Send a command. False where the engine has stopped listening and the command is lost."""
        if isinstance(command, StartRecording | Export) and not self._wire.is_closed:
            self.recorder.start()
        try:
            self._wire.send(command)
        except WireFull:
            return False
        return not self._wire.is_closed

    def status(self) -> EngineStatus:
        """The latest the engine said."""
        self._wire.flush()
        for status in self._wire.receive(limit=4096):
            self._status = status
        return self._status

    def close(self) -> None:
        """Ask it to end, silent, and see to it that it does. May be called twice."""
        atexit.unregister(self.close)
        if not self._wire.is_closed:
            with contextlib.suppress(WireFull):
                self._wire.send(Quit())
        self._process.join(_CLOSE_S)
        self._wire.close()
        self.recorder.close()
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_CLOSE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def engine_main(
    end: socket.socket,
    recorder_end: socket.socket,
    pattern: Pattern,
    specs: Sequence[OutputSpec],
    realtime: bool,
    leader_spec: LeaderSpec | None = None,
    speaker: socket.socket | None = None,
) -> None:
    """The engine's process from start to end."""
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the window's process tells us
    sys.setswitchinterval(_SWITCH_S)
    hold_still()
    got = take_realtime() if realtime else "normal priority"
    awake = AwakeProcessor() if realtime else None
    wire, recorder_line = Wire(end), RecorderLine(recorder_end)
    with quiet_drivers():
        leader, problem = _leader(leader_spec)
        engine = Engine(
            MonotonicClock(),
            pattern,
            _outputs(specs, speaker),
            start_ns=_START_NS,
            leader=leader,
            run_aside=run_aside,
            journals=recorder_line.to,
            export=recorder_line.export,
        )
    if problem:
        engine.say(problem, is_error=True)
    try:
        with quiet_drivers():
            engine.open_outputs(pattern.kit)
        _run(engine, wire, recorder_line, ending, got)
    finally:
        engine.close()
        recorder_line.close()
        with contextlib.suppress(WireFull):
            wire.send(engine.status(got))
        wire.close()
        if awake is not None:
            awake.close()


def _outputs(specs: Sequence[OutputSpec], speaker: socket.socket | None) -> list[Output]:
    outputs: list[Output] = []
    for spec in specs:
        is_sound = spec.kind == "audio"
        outputs.append(spec.make(speaker if is_sound else None))
        speaker = None if is_sound else speaker  # the first takes it, another starts its own
    return outputs


def _run(engine: Engine, wire: Wire, recorder_line: RecorderLine, ending: list[int], realtime: str) -> None:
    clock = MonotonicClock()
    next_status_ns = 0
    while not (ending or engine.has_quit or wire.is_closed):
        if _beat_is_near(engine, clock):
            continue
        for command in _latest(wire.receive(limit=_AT_ONCE)):
            _beat_is_near(engine, clock)
            engine.do(command)
        if _beat_is_near(engine, clock):
            continue
        next_step_ns = engine.step()
        now_ns = clock.now_ns()
        if now_ns >= next_status_ns and next_step_ns - now_ns > _QUIET_NS:
            next_status_ns = now_ns + _STATUS_NS
            engine.tend_outputs()
            for words in recorder_line.flush():
                engine.say(words.text, is_error=words.is_error)
            wire.flush()
            if wire.is_clear:  # otherwise the window hangs: it gets the next one
                wire.send(engine.status(realtime))
            if engine.is_idle:
                gc.collect(0)
        _wait(engine, clock, wire, next_step_ns)


def _latest(commands: list[EngineCommand]) -> list[EngineCommand]:
    """Of patterns that came in a row for the same place, the last: the others would never be heard."""
    kept: list[EngineCommand] = []
    for command in commands:
        before = kept[-1] if kept else None
        if isinstance(command, SetPattern) and isinstance(before, SetPattern) and _same_place(command, before):
            kept.pop()
        kept.append(command)
    return kept


def _same_place(one: SetPattern, other: SetPattern) -> bool:
    return one.at == other.at and one.pattern.meter == other.pattern.meter


def _beat_is_near(engine: Engine, clock: MonotonicClock) -> bool:
    """Where an event is due at any moment, wait for it, send it and do nothing else: all other work can wait."""
    due_ns = engine.next_due_ns
    if due_ns is None or due_ns - clock.now_ns() > _QUIET_NS or 0 < engine.made_ahead_ns < _LEAST_AHEAD_NS:
        return False
    engine.send_due(waits=True)
    return True


def _wait(engine: Engine, clock: MonotonicClock, wire: Wire, until_ns: int) -> None:
    """Until `until_ns` or shortly before an event is due, or until something comes in."""
    due_ns = engine.next_due_ns
    if due_ns is not None:
        until_ns = min(until_ns, due_ns - _QUIET_NS)
    spare_s = (until_ns - clock.now_ns()) / 1e9
    if spare_s > 0:
        if wire.has_more:  # a flood; at real-time priority, nobody else would get a turn
            time.sleep(min(spare_s, _BREATH_S))
            return
        with contextlib.suppress(InterruptedError):
            select.select([wire], [], [], spare_s)
