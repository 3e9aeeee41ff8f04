"""How late events go out, in turns with a bare loop of the same priority and with a plain MIDI player."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from fractions import Fraction

from performance.bench.beside import Beside, Rhythm, bare_loop, mido_loop
from performance.bench.computing import busy_pattern
from performance.bench.spread import Json, spread
from performance.bench.window import until_over
from performance.clock import NS_PER_S
from performance.commands import EngineCommand, Play, SetControl, Stop
from performance.process import EngineProcess
from performance.snapshot import EngineStatus
from performance.stage import Stage
from performance.transport import Transport
from rvae.corpus import bundled_corpora
from rvae.errors import OutputError
from rvae.model import Model

CONDITIONS = ("idle", "window", "window_training")
_TURN_S = 2.5
_BETWEEN_S = 0.1
_BPM = 300.0  # so that there is something to be late
_PATIENCE_NS = 20 * NS_PER_S


def lateness_ms(model: Model, condition: str, *, realtime: bool, seconds: float) -> Json:
    """How late events go out, and how late the others wake up, in short turns, so that all see the same weather.

    The window, where there is one, and the training go on through all of them; the window draws the playhead in each.
    The engine's figures are those of its last 4,096 events.
    """
    with _training() if condition == "window_training" else nullcontext():
        pattern = busy_pattern(model)
        rhythm = Rhythm.of(pattern, Fraction(_BPM) * pattern.meter.tempo_beat_quarters)
        engine = EngineProcess(pattern, realtime=realtime)
        beside = {"reference_": Beside(bare_loop, rhythm, realtime=realtime)}
        try:
            if not realtime:
                beside["mido_"] = Beside(mido_loop, rhythm, realtime=False)
            _latest(engine)
            engine.do(SetControl("tempo", _BPM))
            turns = _turns(engine, list(beside.values()), seconds)
            if condition == "idle":
                for wait_s in turns:
                    time.sleep(wait_s)
            else:
                until_over(Stage(model, AlwaysPlaying(engine), density=1.0, bpm=_BPM), turns)
            ours = _latest(engine).lateness
            others = {prefix: one.found_ms() for prefix, one in beside.items()}
        finally:
            engine.close()
            for one in beside.values():
                one.close()
    found: Json = {"p50": round(ours.p50_ms, 4), "p99": round(ours.p99_ms, 4), "max": round(ours.max_ms, 4)}
    found |= {"events": ours.events, "slips": ours.slips}
    for prefix, late_ms in others.items():
        found |= spread(late_ms, prefix=prefix)
    return found


def _turns(engine: EngineProcess, beside: Sequence[Beside], seconds: float) -> Iterator[float]:
    """Give each its turn, again and again; yields how long to wait before the next."""
    count = max(1, round(seconds / _TURN_S))
    for _ in range(count):
        engine.do(Play())
        yield seconds / count
        until_ns = time.perf_counter_ns() + _PATIENCE_NS
        while not engine.status().lateness.events and time.perf_counter_ns() < until_ns:
            yield _BETWEEN_S  # a machine that is held up plays nothing in a short turn, and nothing has no lateness
        engine.do(Stop())
        yield _BETWEEN_S
        for one in beside:
            one.turn(seconds / count)
            yield seconds / count + _BETWEEN_S


def _latest(engine: EngineProcess) -> EngineStatus:
    """How the engine stands now; what it said earlier and nobody read is passed over."""
    asked_ns = time.perf_counter_ns()
    while (status := engine.status()).now_ns < asked_ns:
        if time.perf_counter_ns() - asked_ns > _PATIENCE_NS:
            raise OutputError("the engine does not answer; close what else is working hard and try again")
        time.sleep(0.005)
    return status


class AlwaysPlaying:
    """The engine as the window should see it: playing all the time, so that it draws as much in everybody's turn."""

    def __init__(self, engine: EngineProcess) -> None:
        self._engine = engine
        self._transport: Transport | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._engine.is_alive

    def do(self, command: EngineCommand) -> bool:
        """Pass a command on."""
        return self._engine.do(command)

    def status(self) -> EngineStatus:
        """The latest it said; where it has stopped, as if it had not."""
        status = self._engine.status()
        self._transport = status.transport or self._transport
        return replace(status, transport=self._transport)

    def close(self) -> None:
        """The engine is closed by whoever started it."""


@contextmanager
def _training() -> Iterator[None]:
    """A training that goes on and on in another process."""
    with tempfile.TemporaryDirectory() as folder:
        clips = " ".join(f"'{path}'" for path in bundled_corpora().values())
        again = f"while '{sys.executable}' -m rvae train {clips} -o '{folder}/bench.rvae'; do :; done"
        process = subprocess.Popen(
            ["sh", "-c", again], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, 15)
            process.wait()


def may_be_realtime() -> bool:
    """Whether this process may take real-time priority; it does not keep it."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except (OSError, AttributeError):
        return False
    return True
