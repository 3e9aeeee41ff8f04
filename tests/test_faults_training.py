"""A training beside the music: started, killed, started again. The music does not care, and the player is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from jack_support import wait_for
from music import pattern_of
from playing_support import ROOT, OscLog, Played, children_of, is_alive, own_display, resident_kb

from performance.commands import Play, SetControl, Stop
from performance.learning import Learning
from performance.process import EngineProcess
from performance.specs import OutputSpec
from rvae.meter import Meter

CLIPS = str(ROOT / "datasets" / "additive")
PATIENCE_S = 120.0


def trainings(pid: int) -> list[int]:
    """The trainings that a process has started and that run."""
    found = []
    for child in children_of(pid):
        words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") if is_alive(child) else []
        if b"train" in words:
            found.append(child)
    return found


def test_a_training_that_is_killed_while_its_sketch_is_played_leaves_the_sketch_and_the_beat(tmp_path: Path) -> None:
    with own_display() as display:
        played = Played("--train", CLIPS, "--no-audio", "--bpm", "200", folder=tmp_path, display=display)
        try:
            played.play()
            (training,) = trainings(played.process.pid)
            before_kb = resident_kb(played.engine)
            os.kill(training, signal.SIGKILL)
            assert played.plays_on(16)
            assert trainings(played.process.pid) == []
            assert resident_kb(played.engine) - before_kb < 20_000
            assert played.stops()
            played.process.terminate()
            assert played.process.wait(60) == 143
            assert played.check() > 0
        finally:
            played.close()


def test_the_end_of_a_training_that_was_killed_is_one_line() -> None:
    learning = Learning.of([CLIPS])
    try:
        (training,) = trainings(os.getpid())
        os.kill(training, signal.SIGKILL)
        said: list[object] = []
        assert wait_for(lambda: said.append(learning.poll()) or said[-1] is not None, seconds=PATIENCE_S)
        assert isinstance(said[-1], str)
        assert said[-1].startswith("the training ended without a model")
        assert len(said[-1].splitlines()) == 1
        assert learning.poll() is None
    finally:
        learning.close()


def test_trainings_that_come_and_go_beside_it_cost_the_music_no_beat(tmp_path: Path) -> None:
    log = OscLog()
    engine = EngineProcess(pattern_of(3, Meter.parse("4/4")), [OutputSpec("osc", log.address)])
    command = [sys.executable, "-m", "rvae", "train", CLIPS, "-o", str(tmp_path / "own.rvae")]
    endings = [signal.SIGKILL, signal.SIGTERM, signal.SIGKILL]  # Ctrl-C keeps what has been learned
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # tests that were started to outlive a terminal
        endings.append(signal.SIGHUP)
    try:
        engine.do(SetControl("tempo", 240))
        engine.do(Play())
        for number in endings:
            training = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            beats = log.read()
            assert wait_for(lambda beats=beats: log.read() >= beats + 8, seconds=PATIENCE_S)
            training.send_signal(number)
            assert training.wait(PATIENCE_S) != 0
            # Nothing half-written is left where the model would have been.
            assert list(tmp_path.glob("*.rvae")) == []
        lateness = engine.status().lateness
        engine.do(Stop())
        assert wait_for(lambda: engine.status().transport is None)
    finally:
        engine.close()
        log.close()
    log.check(4)
    print(f"trainings beside it: {lateness}")
