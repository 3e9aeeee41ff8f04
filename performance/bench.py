"""`rvae bench`: figures of this machine, each lateness beside a bare loop of the same priority, in one run."""

from __future__ import annotations

import multiprocessing
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from performance.clock import NS_PER_MS, MonotonicClock
from performance.commands import Play
from performance.process import EngineProcess
from performance.realtime import take_realtime
from performance.snapshot import Lateness
from performance.stage import Stage
from rvae.corpus import bundled_corpora
from rvae.errors import OutputError
from rvae.model import Model
from rvae.pattern import Pattern

CONDITIONS = ("idle", "window", "window_training")
_DECODES = 2000
_LOOP_NS = 10 * NS_PER_MS
_SPIN_NS = NS_PER_MS // 2
_WAIT_S = 60.0
Json = dict[str, object]


def measure(model: Model, model_file: Path, *, seconds: float, say: Callable[[str], None]) -> Json:
    """All of `rvae bench`'s keys. `seconds`: how long each lateness is measured, the engine and then the bare loop."""
    say("decoding")
    decode_ms = decoding_ms(model)
    say("time to the first sound")
    first_sound = first_sound_s(model_file)
    lateness: dict[str, Json] = {}
    for suffix, realtime in (("", False), ("_realtime", True)):
        if realtime and not _may_be_realtime():
            say("real-time priority is not allowed here: those rows are left out; `rvae devices` says how to allow it")
            continue
        for condition in CONDITIONS:
            say(f"lateness, {condition}{suffix}: {2 * seconds:.0f} s")
            lateness[condition + suffix] = lateness_ms(model, condition, realtime=realtime, seconds=seconds)
    return {
        "decode_ms": decode_ms,
        "first_sound_s": first_sound,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "midi_lateness_ms": lateness,
    }


def decoding_ms(model: Model) -> Json:
    """One place decoded, as when a hand moves: p50 and p99 of many."""
    beats = model.meter.beats
    points = np.random.default_rng(0).random((_DECODES, 1, 2))
    model.decode(points[0], beats=beats)
    spent = []
    for point in points:
        begun_ns = time.perf_counter_ns()
        model.decode(point, beats=beats)
        spent.append((time.perf_counter_ns() - begun_ns) / NS_PER_MS)
    return _percentiles(spent, {"p50": 50, "p99": 99})


def _percentiles(values: Sequence[float], wanted: dict[str, float]) -> Json:
    return {name: round(float(np.percentile(values, at)), 4) for name, at in wanted.items()}


def first_sound_s(model_file: Path) -> float:
    """From the command to the first onset that another program is sent. Raises OutputError where none comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear, tempfile.TemporaryDirectory() as folder:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(_WAIT_S)
        address = f"127.0.0.1:{ear.getsockname()[1]}"
        command = [sys.executable, "-m", "performance.cli", "play", str(model_file), "--headless", "--no-audio"]
        command += ["--osc", address, "--osc-in", "0", "--bars", "1", "-o", folder]
        begun_s = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                while b"/rvae/onset" not in ear.recv(65536):
                    pass
                return round(time.perf_counter() - begun_s, 3)
            except TimeoutError:
                raise OutputError(f"no onset came in {_WAIT_S:.0f} s; run `rvae play` to see why") from None
            finally:
                process.terminate()


def lateness_ms(model: Model, condition: str, *, realtime: bool, seconds: float) -> Json:
    """How late events go out, and how late a bare loop wakes up in the same condition, one after the other."""
    with _training() if condition == "window_training" else nullcontext():
        windowed = condition != "idle"
        ours = _engine_lateness(model, realtime=realtime, seconds=seconds, windowed=windowed)
        reference = _loop_lateness(model, realtime=realtime, seconds=seconds, windowed=windowed)
    return {
        "p50": round(ours.p50_ms, 4),
        "p99": round(ours.p99_ms, 4),
        "max": round(ours.max_ms, 4),
        "events": ours.events,
        "reference_p50": round(float(np.percentile(reference, 50)), 4),
        "reference_p99": round(float(np.percentile(reference, 99)), 4),
        "reference_max": round(float(np.max(reference)), 4),
    }


def _busy_pattern(model: Model) -> Pattern:
    return model.pattern((0.5, 0.5), meter=model.meter, density=1.0)


def _engine_lateness(model: Model, *, realtime: bool, seconds: float, windowed: bool) -> Lateness:
    engine = EngineProcess(_busy_pattern(model), realtime=realtime)
    try:
        if windowed:
            return _in_window(Stage(model, engine, density=1.0), seconds, play=True)
        engine.do(Play())
        _pass(seconds)
        return engine.status().lateness
    finally:
        engine.close()


def _in_window(stage: Stage, seconds: float, *, play: bool) -> Lateness:
    from performance.surface.window import run  # pygame, where a window is measured

    until_s = time.perf_counter() + seconds
    if play:
        stage.do(Play())
    found = Lateness()

    def on_frame(_work_s: float) -> bool:
        nonlocal found
        found = stage.tick().status.lateness
        return time.perf_counter() < until_s

    run(stage, on_frame=on_frame)
    return found


def _loop_lateness(model: Model, *, realtime: bool, seconds: float, windowed: bool) -> list[float]:
    """A process that does nothing but wake every 10 ms: how late, in ms."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_bare_loop, args=(there, realtime, seconds), daemon=True
    )
    process.start()
    there.close()
    try:
        if windowed:
            silent = EngineProcess(_busy_pattern(model), realtime=False)
            _in_window(Stage(model, silent), seconds, play=False)
        found: list[float] = here.recv()
        return found
    finally:
        process.join(_WAIT_S)


def _bare_loop(end: Connection, realtime: bool, seconds: float) -> None:
    """Sleep and spin: the least that any sequencer does."""
    if realtime:
        take_realtime()
    clock = MonotonicClock()
    late_ms: list[float] = []
    due_ns = clock.now_ns() + _LOOP_NS
    end_ns = due_ns + int(seconds * 1e9)
    while due_ns < end_ns:
        spare_ns = due_ns - clock.now_ns() - _SPIN_NS
        if spare_ns > 0:
            time.sleep(spare_ns / 1e9)
        while clock.now_ns() < due_ns:
            pass
        late_ms.append((clock.now_ns() - due_ns) / NS_PER_MS)
        due_ns += _LOOP_NS
    end.send(late_ms)


def _pass(seconds: float) -> None:
    """Let time go by: this is a measurement of what others do in it."""
    time.sleep(seconds)


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


def _may_be_realtime() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except (OSError, AttributeError):
        return False
    return True


def report(found: Json) -> str:
    """The figures as lines for a person."""
    decode, lateness = found["decode_ms"], found["midi_lateness_ms"]
    assert isinstance(decode, dict)
    assert isinstance(lateness, dict)
    lines = [
        f"one decode            {decode['p50']:.3f} ms (median), {decode['p99']:.3f} ms (99 %)",
        f"command to first sound  {found['first_sound_s']:.2f} s",
        f"memory                {found['memory_mb']:.0f} MB",
        "lateness of events, ms    p50     p99     max   bare loop's p99",
    ]
    for name, row in lateness.items():
        lines.append(
            f"  {name:<23} {row['p50']:5.2f}   {row['p99']:5.2f}  {row['max']:6.2f}   {row['reference_p99']:5.2f}"
        )
    return "\n".join(lines)
