"""The engine's process from start to end: what comes down the line is done, and everything goes out when it is due."""

from __future__ import annotations

import contextlib
import gc
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence

from performance.clock import NS_PER_MS, MonotonicClock
from performance.commands import EngineCommand, OpenOutput, SetPattern
from performance.engine import Engine
from performance.forking import outlive_the_terminal
from performance.leader import Leader
from performance.outputs.output import Output
from performance.outputs.quiet import quiet_drivers
from performance.realtime import AwakeProcessor, hold_still, run_aside, take_realtime
from performance.recorder import RecorderLine
from performance.specs import LeaderSpec, OutputSpec
from performance.wire import Wire, WireFull
from rvae.errors import OutputError, what_went_wrong
from rvae.pattern import Pattern

_STATUS_NS = 15 * NS_PER_MS
_AT_ONCE = 8
_START_NS = 10 * NS_PER_MS  # to make the events of the first beat takes a while
_SWITCH_S = 0.0001  # the callback of JACK waits so long for the interpreter, several times a period
_QUIET_NS = NS_PER_MS  # before a beat nothing else is begun
_BREATH_S = 0.001
_LEAST_AHEAD_NS = 3 * NS_PER_MS  # unless events would run out


def keep_time(
    end: socket.socket,
    recorder_ends: Sequence[socket.socket],
    pattern: Pattern,
    specs: Sequence[OutputSpec],
    realtime: bool,
    leader_spec: LeaderSpec | None = None,
    speaker: socket.socket | None = None,
    strikes: socket.socket | None = None,
) -> None:
    """Play until told to quit, on SIGTERM, or until the line is closed. `strikes`: a line on which pads are told."""
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    outlive_the_terminal()
    sys.setswitchinterval(_SWITCH_S)
    if not realtime:
        hold_still()
    got = take_realtime() if realtime else "normal priority"
    awake = AwakeProcessor() if realtime else None
    wire, recorder_line = Wire(end), RecorderLine(recorder_ends)
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
            make_output=_made,
        )
    if problem:
        engine.say(problem, is_error=True)
    try:
        with quiet_drivers():
            engine.open_outputs(pattern.kit)
        lines = [wire, *([] if strikes is None else [Wire(strikes)])]
        _run(engine, lines, recorder_line, ending, got)
    finally:
        engine.close()
        recorder_line.close()
        with contextlib.suppress(WireFull):
            wire.send(engine.status(got))
        wire.close()
        if awake is not None:
            awake.close()


def _made(command: OpenOutput) -> Output:
    return OutputSpec(command.kind, command.name, offset_ms=command.offset_ms).make()


def _outputs(specs: Sequence[OutputSpec], speaker: socket.socket | None) -> list[Output]:
    outputs: list[Output] = []
    for spec in specs:
        is_sound = spec.kind == "audio"
        outputs.append(spec.make(speaker if is_sound else None))
        speaker = None if is_sound else speaker  # the first takes it, another starts its own
    return outputs


def _run(engine: Engine, lines: list[Wire], recorder_line: RecorderLine, ending: list[int], realtime: str) -> None:
    """`lines`: from the window, and from whoever else tells the engine something."""
    clock, wire = MonotonicClock(), lines[0]
    next_status_ns = 0
    while not (ending or engine.has_quit or wire.is_closed):
        if _beat_is_near(engine, clock):
            continue
        for line in lines:
            for command in latest(line.receive(limit=_AT_ONCE)):
                _beat_is_near(engine, clock)
                _do(engine, command)
        lines = [line for line in lines if not line.is_closed]
        if _beat_is_near(engine, clock):
            continue
        next_step_ns = engine.step()
        now_ns = clock.now_ns()
        if now_ns >= next_status_ns and next_step_ns - now_ns > _QUIET_NS:
            next_status_ns = now_ns + _STATUS_NS
            engine.tend_outputs()
            for words in recorder_line.flush():
                engine.say(words.text, is_error=words.is_error)
            if recorder_line.has_gone:
                engine.end_journal()
            wire.flush()
            if wire.is_clear:  # otherwise the window hangs: it gets the next one
                wire.send(engine.status(realtime))
            if engine.is_idle:
                gc.collect(0)
        _wait(engine, clock, lines, next_step_ns)


def _do(engine: Engine, command: EngineCommand) -> None:
    try:
        engine.do(command)
    except Exception as error:  # noqa: BLE001  # a fault of ours in one command must not end the music
        told = traceback.format_exc()
        run_aside(lambda: _tell(told))  # a terminal may make one wait
        what = f"{type(command).__name__}: {what_went_wrong(error)}"
        engine.say(f"the engine stumbled ({what}); the music goes on", is_error=True)


def _tell(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # it may be gone
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # for whoever mends it


def latest(commands: list[EngineCommand]) -> list[EngineCommand]:
    """Of patterns that came in a row for the same place, the last: the others would never be heard. One that mutes is
    kept: what comes after it says nothing of that.
    """
    kept: list[EngineCommand] = []
    for command in commands:
        before = kept[-1] if kept else None
        if isinstance(command, SetPattern) and isinstance(before, SetPattern) and _replaces(command, before):
            kept.pop()
        kept.append(command)
    return kept


def _replaces(command: SetPattern, before: SetPattern) -> bool:
    says_all = command.mute is not None or before.mute is None
    return says_all and (command.at, command.pattern.meter) == (before.at, before.pattern.meter)


def _beat_is_near(engine: Engine, clock: MonotonicClock) -> bool:
    """Where an event is due at any moment, wait for it, send it and do nothing else: all other work can wait."""
    due_ns = engine.next_due_ns
    if due_ns is None or due_ns - clock.now_ns() > _QUIET_NS or 0 < engine.made_ahead_ns < _LEAST_AHEAD_NS:
        return False
    engine.send_due(waits=True)
    return True


def _wait(engine: Engine, clock: MonotonicClock, lines: list[Wire], until_ns: int) -> None:
    """Until `until_ns` or shortly before an event is due, or until something comes in."""
    due_ns = engine.next_due_ns
    if due_ns is not None:
        until_ns = min(until_ns, due_ns - _QUIET_NS)
    spare_s = (until_ns - clock.now_ns()) / 1e9
    if spare_s > 0 and lines:  # with none of them it ends now, and Windows refuses to wait for nothing
        if any(line.has_more for line in lines):  # a flood; at real-time priority, nobody else would get a turn
            time.sleep(min(spare_s, _BREATH_S))
            return
        with contextlib.suppress(InterruptedError):
            select.select(lines, [], [], spare_s)


def _leader(spec: LeaderSpec | None) -> tuple[Leader | None, str]:
    """The leader, or why it cannot be followed."""
    try:
        return (None, "") if spec is None else (spec.make(), "")
    except OutputError as error:
        return None, f"{error}; the music keeps its own time"
