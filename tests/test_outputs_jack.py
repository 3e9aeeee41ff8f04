"""Through a real JACK server: another client hears our MIDI and our sound, frame by frame."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jack_recorder import RATE_HZ, Recorder, play_and_check
from jack_support import jack_server, wait_for
from music import beat_of, pattern_of
from playing_support import is_alive, status_now

from performance.commands import EngineCommand, Panic, Play, Quit, SetControl, SetPattern, Stop, StrikePad
from performance.outputs.drums import click_drums
from performance.outputs.jack import JackMidiOutput
from performance.process import EngineProcess
from performance.sequencer import Onset, Release
from performance.specs import OutputSpec
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Floats, Pattern

TESTS = Path(__file__).resolve().parent
FOUR = Meter.parse("4/4")
# At 125 bpm a tick is 960 frames: every place is a whole frame.
BPM = 125.0
TICK_FRAMES = 960


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with jack_server(monkeypatch):
        recorder = Recorder()
        yield recorder
        recorder.close()


Start = Callable[..., EngineProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    engines: list[EngineProcess] = []

    def begin(*arguments: Any) -> EngineProcess:
        engines.append(EngineProcess(*arguments))
        engines[-1].do(SetControl("tempo", BPM))
        return engines[-1]

    yield begin
    for engine in engines:
        engine.close()


def test_another_program_gets_every_note_at_its_frame(recorder: Recorder, start: Start) -> None:
    pattern = pattern_of(4, FOUR, microtiming=False)
    engine = start(pattern, [OutputSpec("virtual")])
    assert recorder.connect("rvae:out"), engine.status().messages
    loud = pattern.midi_velocity
    expected = sorted(
        (int(tick) * TICK_FRAMES, STANDARD_KIT.voices[voice].pitch_out, int(loud[voice, tick]))
        for voice, tick in zip(*pattern.onset.nonzero(), strict=True)
    )

    def check() -> None:
        first = recorder.ons()[0][0] - expected[0][0]
        assert sorted((frame - first, *rest) for frame, *rest in recorder.ons()) == expected

    play_and_check(engine, recorder, lambda: _play(engine, recorder, Play(bars=2)), check)
    assert recorder.falls_silent()


def _play(engine: EngineProcess, recorder: Recorder, play: Play) -> None:
    """Play some bars to their end, and listen until the last has faded."""
    events = engine.status().lateness.events
    engine.do(play)
    assert wait_for(lambda: engine.status().lateness.events > events), engine.status().messages
    assert wait_for(lambda: engine.status().transport is None)
    heard = len(recorder.blocks)
    assert wait_for(lambda: len(recorder.blocks) > heard + 100)


def test_the_sound_of_every_onset_begins_at_its_sample(recorder: Recorder, start: Start) -> None:
    ticks = [0, 7, 24, 31, 48, 60, 72, 90]
    engine = start(beat_of(FOUR, ticks), [OutputSpec("audio")])
    assert recorder.connect_sound(), engine.status().messages

    def check() -> None:
        sound = np.concatenate(recorder.blocks)
        # Each kick is the same: find where the first begins, then look for the others at their samples.
        first = int(np.flatnonzero(sound)[0])
        kick = sound[first : first + 7 * TICK_FRAMES].copy()
        made = np.zeros(len(sound) + 4 * RATE_HZ, np.float32)
        made[first : first + len(kick)] += kick
        whole = _kick()
        scale = float(np.dot(kick, whole[: len(kick)]) / np.dot(whole[: len(kick)], whole[: len(kick)]))
        made[:] = 0
        for tick in ticks:
            at = first + tick * TICK_FRAMES
            made[at : at + len(whole)] += whole * scale
        np.testing.assert_allclose(sound, made[: len(sound)], atol=2e-3)

    play_and_check(engine, recorder, lambda: _play(engine, recorder, Play(bars=1)), check)


def test_the_click_of_a_count_in_and_of_the_bar_begins_at_its_sample(recorder: Recorder, start: Start) -> None:
    engine = start(Pattern.silent(Meter.parse("7/8(2+2+3)")), [OutputSpec("audio")])
    assert recorder.connect_sound(), engine.status().messages

    def check() -> None:
        sound = np.concatenate(recorder.blocks)
        first = int(np.flatnonzero(sound)[0])
        made = np.zeros(len(sound) + RATE_HZ, np.float32)
        taps = click_drums(RATE_HZ)
        for count, level in enumerate([0, 2, 1, 2, 1, 2, 2] * 2):  # in eighths: half a beat of the tempo is 12 ticks
            tap = taps[level].dark * taps[level].left
            at = first - 1 + count * 12 * TICK_FRAMES  # the first sample of a click is 0
            made[at : at + len(tap)] += tap
        loudest = int(np.argmax(made))
        np.testing.assert_allclose(sound, made[: len(sound)] * (sound[loudest] / made[loudest]), atol=2e-3)

    play = Play(bars=1, count_in_bars=1)
    play_and_check(engine, recorder, lambda: _play(engine, recorder, play), check)


def test_a_pad_is_heard_in_the_sound_and_nowhere_else(recorder: Recorder, start: Start) -> None:
    engine = start(Pattern.silent(FOUR), [OutputSpec("audio"), OutputSpec("virtual")])
    assert recorder.connect_sound(), engine.status().messages
    assert recorder.connect("rvae:out")
    assert wait_for(lambda: [state.is_open for state in engine.status().outputs] == [True, True])

    def strike() -> None:
        engine.do(StrikePad(0, 100))
        engine.do(StrikePad(99, 100))  # no voice of this kit
        assert wait_for(lambda: any(block.any() for block in list(recorder.blocks)))
        heard = len(recorder.blocks)
        assert wait_for(lambda: len(recorder.blocks) > heard + 150)

    def check() -> None:
        sound, kick = np.concatenate(recorder.blocks), _kick()
        first = int(np.flatnonzero(sound)[0])
        part = sound[first : first + len(kick)]
        assert np.corrcoef(part, kick[: len(part)])[0, 1] > 0.999
        assert recorder.ons() == []

    play_and_check(engine, recorder, strike, check)


def _kick() -> Floats:
    from performance.outputs.drums import drums_of

    drum = drums_of(STANDARD_KIT, RATE_HZ)[0]
    loud = round(100 / 127 * 127) / 127
    sound: Floats = drum.dark * loud**2 + drum.bright * loud**3
    return sound[np.flatnonzero(sound)[0] :]


class Held(JackMidiOutput):
    """An output whose process is held up, once, as soon as it has written the end of a note."""

    held_s = 1.5  # the server waits for half a second, then goes on without

    def _process(self, frames: int) -> None:
        ringing = set(self._ringing)
        super()._process(frames)
        if ringing - self._ringing and self.held_s:
            held_s, self.held_s = self.held_s, 0.0
            time.sleep(held_s)


def test_a_note_ends_although_the_server_went_on_without_the_period_that_its_end_was_in(recorder: Recorder) -> None:
    output = Held("recorder:in")
    output.open(STANDARD_KIT)
    try:
        while not recorder.ons():  # one that this machine holds up for long is not played any more
            missed, begin_ns = output.state.missed, time.perf_counter_ns() + 50_000_000
            output.send(Onset(Fraction(0), 0, 36, 100, 0, 0), begin_ns)
            output.send(Release(Fraction(1), 0, 36), begin_ns + 50_000_000)
            assert wait_for(lambda missed=missed: recorder.ons() or output.state.missed > missed)
        assert wait_for(lambda: output.state.underruns), "the server says so"
        assert len(recorder.ons()) == 1
        assert recorder.falls_silent()
    finally:
        output.close(0)


@pytest.mark.parametrize("ending", [Stop(), Panic(), Quit()], ids=lambda command: type(command).__name__)
def test_no_note_stays_however_it_is_stopped(recorder: Recorder, start: Start, ending: EngineCommand) -> None:
    engine = start(pattern_of(3, FOUR, share=0.3), [OutputSpec("virtual")])
    assert recorder.connect("rvae:out")
    engine.do(Play())
    assert wait_for(lambda: len(recorder.ons()) > 20)
    engine.do(ending)
    if isinstance(ending, Quit):
        engine.close()
    else:
        assert wait_for(lambda: engine.status().transport is None)
    assert recorder.falls_silent()


def test_a_terminated_engine_leaves_silence(recorder: Recorder, start: Start) -> None:
    engine = start(pattern_of(3, FOUR, share=0.3), [OutputSpec("virtual")])
    assert recorder.connect("rvae:out")
    engine.do(Play())
    assert wait_for(lambda: len(recorder.ons()) > 20)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGTERM)
    assert wait_for(lambda: not engine.is_alive)
    assert recorder.falls_silent()


_PARENT = """
import sys, time
from performance.commands import Play
from performance.process import EngineProcess
from performance.specs import OutputSpec
from music import pattern_of
from rvae.meter import Meter
if __name__ == "__main__":
    engine = EngineProcess(pattern_of(3, Meter.parse("4/4"), share=0.3), [OutputSpec("virtual")])
    engine.do(Play())
    print(engine.pid, flush=True)
    while True:
        time.sleep(1)
"""


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "killed"])
def test_the_engine_plays_on_when_the_window_hangs_and_falls_silent_when_it_dies(
    recorder: Recorder, tmp_path: Path, how: signal.Signals
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    root = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (root, root / "tests")))}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert recorder.connect("rvae:out")
            assert wait_for(lambda: len(recorder.ons()) > 10)
            parent.send_signal(how)
            if how == signal.SIGSTOP:
                many = len(recorder.ons())
                assert wait_for(lambda: len(recorder.ons()) > many + 40)
                parent.send_signal(signal.SIGKILL)
            assert wait_for(lambda: not is_alive(pid))
            assert recorder.falls_silent()
        finally:
            parent.kill()


def test_patterns_swapped_all_the_time_leave_the_beat_alone(recorder: Recorder, start: Start) -> None:
    engine = start(beat_of(FOUR, [0, 24, 48, 72]), [OutputSpec("virtual")])
    assert recorder.connect("rvae:out")
    engine.do(Play())
    while len(recorder.ons()) < 6:
        engine.do(SetPattern(beat_of(FOUR, [0, 24, 48, 72]), "now"))
        time.sleep(0.001)  # a flood of patterns, but the recorder in this process needs its turn
    frames = [frame for frame, *_ in recorder.ons()]
    assert wait_for(lambda: engine.status().lateness.events >= 12)
    (port,) = status_now(engine).outputs
    # Where the machine stood still, time is tied to the frames anew; what is late is too far from both its neighbours.
    held_up = port.stalls + 2 * port.late + port.missed + recorder.lost
    assert sum(gap != 24 * TICK_FRAMES for gap in np.diff(frames)) <= held_up, (frames, port)


def test_a_port_that_is_not_there_is_named_with_those_that_are(recorder: Recorder, start: Start) -> None:
    engine = start(beat_of(FOUR, [0]), [OutputSpec("midi", "no such synth")])
    assert wait_for(lambda: engine.status().messages)
    (message,) = engine.status().messages
    assert "no such synth" in message.text
    assert message.is_error
    assert recorder.client is not None


def test_a_port_is_found_by_a_part_of_its_name(recorder: Recorder, start: Start) -> None:
    engine = start(beat_of(FOUR, [0]), [OutputSpec("midi", "RECORDER:i")])
    engine.do(Play())
    assert wait_for(lambda: len(recorder.ons()) >= 2), engine.status().messages


def test_the_systems_own_ports_are_played_to_heard_and_missed_when_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pylibremidi", exc_type=ImportError)
    with jack_server(monkeypatch):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(TESTS / "system_ports.py")],
            env={
                **os.environ,
                "LD_PRELOAD": "libjack.so.0",
                "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent))),
            },
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["inputs"], found["outputs"]) == (["pads"], ["synth"])
    assert [name.partition(":")[2] for name in found["virtual"]] == ["rvae"], "as the manual calls it"
    assert found["played"]
    heard = found["heard"]
    assert heard["arrived"]
    assert heard["in time"]
    assert {name.partition(":")[2] for name in heard["own"]} == {"rvae", "rvae-hands"}
    assert heard["offered"] == ["synth"], "not the port where we listen"
    assert found["is open"]
    assert found["missed"], "the system takes what is sent to nobody"
    assert found["told"] == "midi synth is gone (its port has gone); the music goes on without it"
    assert not found["opens without it"]
    assert found["is back"]
    assert found["played again"]
    assert found["stays"]
