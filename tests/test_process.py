"""The engine's process without any device: starting, ending, and the line to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jack_support import wait_for
from music import beat_of
from playing_support import PATIENCE_S, Played

from performance.beat import latest
from performance.commands import Play, SetControl, SetPattern, Stop
from performance.process import EngineProcess
from performance.specs import OutputSpec
from performance.wire import Wire, WireFull
from rvae.errors import UsageError
from rvae.meter import Meter

FOUR = Meter.parse("4/4")
KICKS = beat_of(FOUR, [0, 24, 48, 72])


@pytest.fixture
def wires() -> Iterator[tuple[Wire, Wire]]:
    here, there = (Wire(end, capacity=1_000_000) for end in socket.socketpair())
    yield here, there
    here.close()
    there.close()


@given(st.lists(st.one_of(st.binary(max_size=300), st.integers(), st.text()), max_size=30))
def test_values_come_whole_and_in_order(values: list[object]) -> None:
    here, there = (Wire(end) for end in socket.socketpair())
    for value in values:
        here.send(value)
    got: list[object] = []
    while len(got) < len(values):
        here.flush()
        got += there.receive(limit=7)
    assert got == values
    here.close()
    there.close()


def test_of_patterns_for_one_place_the_last_is_played_and_no_mute_is_lost() -> None:
    hand, scene = SetPattern(KICKS, "bar"), SetPattern(KICKS, "bar", mute=(2,))
    assert latest([hand, hand, scene, hand, hand]) == [scene, hand]
    assert latest([hand, Stop(), hand, SetPattern(KICKS, "beat")]) == [hand, Stop(), hand, SetPattern(KICKS, "beat")]


def test_a_reader_that_sleeps_makes_nobody_wait_and_a_full_line_is_said(wires: tuple[Wire, Wire]) -> None:
    here, there = wires
    big = b"x" * 10_000
    with pytest.raises(WireFull):
        all(here.send(big) is None for _ in range(10_000))
    assert not here.is_clear
    while not here.is_clear:
        assert there.receive(limit=1000)
        here.flush()


def test_an_end_that_is_gone_is_noticed_and_no_error(wires: tuple[Wire, Wire]) -> None:
    here, there = wires
    there.close()
    here.send("hello?")
    here.receive()
    assert here.is_closed


def test_a_process_plays_obeys_and_says_how_it_stands() -> None:
    engine = EngineProcess(KICKS)
    try:
        engine.do(SetControl("tempo", 300))
        engine.do(Play())
        assert wait_for(lambda: engine.status().lateness.events > 6)
        assert engine.status().transport is not None
        assert engine.status().realtime
        engine.do(SetPattern(beat_of(Meter.parse("7/8(2+2+3)"), [0]), "now"))
        assert wait_for(lambda: _meter(engine) == "7/8")
        engine.do(Stop())
        assert wait_for(lambda: engine.status().transport is None)
    finally:
        engine.close()
    assert not engine.is_alive


def _meter(engine: EngineProcess) -> str:
    transport = engine.status().transport
    return "" if transport is None else transport.bars.changes[-1].meter.label.split("(")[0]


def test_a_process_that_was_killed_is_noticed_and_closing_twice_is_fine() -> None:
    engine = EngineProcess(KICKS)
    assert wait_for(lambda: engine.status().now_ns > 0)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    assert wait_for(lambda: not engine.is_alive)
    assert wait_for(lambda: not engine.do(Play()))
    engine.close()
    engine.close()


def test_a_command_that_fails_in_a_way_nobody_thought_of_does_not_end_the_music() -> None:
    engine = EngineProcess(KICKS)
    try:
        engine.do(Play())
        engine.do(SetControl("tempo", "fast"))  # type: ignore[arg-type]  # as a fault of ours would have it
        assert wait_for(
            lambda: any("the engine stumbled (SetControl" in m.text for m in engine.status().messages), seconds=60
        )
        events = engine.status().lateness.events
        assert wait_for(lambda: engine.status().lateness.events > events + 3, seconds=60)
        engine.do(Stop())
        assert wait_for(lambda: engine.status().transport is None, seconds=60)
    finally:
        engine.close()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="terminals end so on POSIX")
def test_a_terminal_that_is_closed_does_not_cut_off_the_engine_with_notes_sounding() -> None:
    """With no window the terminal's end is the instrument's, but whoever started the engine tells it so, and it ends
    its notes.
    """
    engine = EngineProcess(KICKS)
    try:
        engine.do(Play())
        assert wait_for(lambda: engine.status().lateness.events > 0, seconds=60)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGHUP)
        events = engine.status().lateness.events
        assert wait_for(lambda: engine.status().lateness.events > events + 3, seconds=60)
    finally:
        engine.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")
def test_hands_with_no_window_are_told_that_the_engine_has_gone_and_keep_what_was_recorded(
    model_file: Path, tmp_path: Path
) -> None:
    played = Played(str(model_file), "--headless", "--no-audio", "-o", str(tmp_path / "out"), folder=tmp_path / "set")
    try:
        played.play()
        os.kill(played.engine, signal.SIGKILL)
        assert played.process.wait(PATIENCE_S) == 1, "as the manual has it"
        assert played.process.stderr
        said = played.process.stderr.read()
        assert said.count("the engine has stopped, and the music with it") == 1
        assert "Traceback" not in said
        assert list((tmp_path / "out").iterdir()) == [], "nobody has asked for the files of a path"
        assert wait_for(lambda: list((tmp_path / "set").glob("*.wav")))
    finally:
        played.close()


def test_an_engine_plays_on_and_obeys_where_the_process_has_gone_that_it_was_forked_from() -> None:
    code = """
import os, pathlib, signal
from jack_support import wait_for
from test_process import KICKS
from performance.commands import Play, Stop
from performance.forking import forking
from performance.process import EngineProcess

def main():
    engine = EngineProcess(KICKS, context=forking())
    engine.do(Play())
    assert wait_for(lambda: engine.status().lateness.events > 0, seconds=60)
    children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    (forked_from,) = [pid for pid in children if "forkserver" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(int(forked_from), signal.SIGKILL)
    assert wait_for(lambda: not engine._process.is_alive(), seconds=60)
    assert engine.is_alive
    engine.do(Stop())
    assert wait_for(lambda: engine.status().transport is None, seconds=60)
    engine.close()
    print("done")

if __name__ == "__main__":
    main()
"""
    root = Path(__file__).resolve().parents[1]
    paths = os.pathsep.join(map(str, (root, root / "tests")))
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert ran.stdout == "done\n", ran.stderr


def test_the_engine_process_loads_neither_torch_nor_a_window() -> None:
    root = Path(__file__).resolve().parents[1]
    code = """
import sys, performance.process, performance.outputs.audio, performance.outputs.midi, performance.outputs.jack
import performance.outputs.osc, performance.outputs.drums
print(sorted({name.split(".")[0] for name in sys.modules} & {"torch", "pygame", "sounddevice", "scipy", "pythonosc"}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_output_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="midi, virtual, osc and audio"):
        OutputSpec("smoke").make()
