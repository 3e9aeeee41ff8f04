"""MIDI clock through a real JACK server: what we send is heard frame by frame, and another process is followed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from jack_recorder import Recorder, play_and_check
from jack_support import jack_server, wait_for
from music import beat_of

from performance.commands import Play, SetControl
from performance.process import EngineProcess
from performance.specs import LeaderSpec, OutputSpec
from rvae.meter import Meter
from rvae.model import load

SEVEN = Meter.parse("7/8(2+2+3)")
# At 125 quarters a minute a pulse takes 960 frames.
PULSE_FRAMES = 960
PERIOD = 256
TRIES, MOST_BARS = 8, 8


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with jack_server(monkeypatch, period=PERIOD):
        recorder = Recorder("ours", "theirs")
        yield recorder
        recorder.close()


def test_every_pulse_we_send_is_at_its_frame_and_the_downbeat_on_a_pulse(recorder: Recorder) -> None:
    engine = EngineProcess(beat_of(SEVEN, [0]), [OutputSpec("virtual", sends_clock=True)])

    def play() -> None:
        engine.do(Play(bars=2))
        assert wait_for(lambda: recorder.frames(0, 0xFC) != []), engine.status().messages

    def check() -> None:
        kinds = [data[0] for _, data in recorder.messages[0]]
        assert kinds.count(0xFA) == kinds.count(0xFC) == 1
        assert kinds.index(0xFA) < kinds.index(0xF8)
        assert 0xF8 not in kinds[kinds.index(0xFC) :]
        pulses = np.array(recorder.frames(0, 0xF8))
        assert set(np.diff(pulses)) <= {PULSE_FRAMES - 1, PULSE_FRAMES, PULSE_FRAMES + 1}
        # 84 pulses to a bar of seven eighths.
        assert recorder.frames(0, 0x99) == [pulses[0], pulses[84]]

    try:
        engine.do(SetControl("tempo", 125))
        assert recorder.connect("rvae:out"), engine.status().messages
        play_and_check(engine, recorder, play, check)
    finally:
        engine.close()


LEADER = """
import itertools, sys, jack
client = jack.Client("their-clock", no_start_server=True)
out = client.midi_outports.register("out")
pulse_frames = int(sys.argv[1])
state = {"frame": 0, "begun": None, "starts": False, "stops": False}

def process(frames):
    out.clear_buffer()
    begun = state["begun"]
    if begun is not None:
        first = -(-(state["frame"] - begun) // pulse_frames)
        for pulse in itertools.count(max(0, first)):
            offset = begun + pulse * pulse_frames - state["frame"]
            if offset >= frames:
                break
            if state["starts"] and pulse >= 24:  # after a quarter of pulses
                state["starts"] = False
                out.write_midi_event(offset, b"\\xfa")
                out.write_midi_event(offset, b"\\x90\\x24\\x7f")
            if state["stops"]:
                state["stops"] = False
                out.write_midi_event(offset, b"\\xfc")
            out.write_midi_event(offset, b"\\xf8")
    state["frame"] += frames

client.set_process_callback(process)
client.activate()
print("ready", flush=True)
for line in sys.stdin:
    if line == "go\\n":
        if state["begun"] is None:
            state["begun"] = state["frame"] + 4096
        state["starts"] = True
    else:
        state["stops"] = True
client.deactivate()
client.close()
"""


def test_another_process_is_followed_from_downbeat_to_stop(recorder: Recorder) -> None:
    def their_downbeats() -> list[int]:
        starts = recorder.frames(1, 0x90)
        return [frame for frame in recorder.frames(1, 0xF8) if starts and frame >= starts[0]][::84]

    def off_frames() -> list[int]:
        """How far each of our downbeats was from the nearest of theirs."""
        theirs, ours = their_downbeats(), recorder.frames(0, 0x99)
        return [min((frame - other for other in theirs), key=abs) for frame in ours if theirs]

    command = [sys.executable, "-c", LEADER, str(PULSE_FRAMES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as leader:
        assert leader.stdin is not None
        assert leader.stdout is not None
        assert leader.stdout.readline() == "ready\n"
        engine = EngineProcess(beat_of(SEVEN, [0]), [OutputSpec("virtual")], leader=LeaderSpec("midi", "their-clock"))
        try:
            assert recorder.connect("rvae:out", 0), engine.status().messages
            assert recorder.connect("their-clock:out", 1)

            def tell(word: str) -> None:
                assert leader.stdin is not None
                leader.stdin.write(f"{word}\n")
                leader.stdin.flush()

            def is_followed() -> bool:
                last = off_frames()[2:][-3:]
                return len(last) == 3 and all(abs(off) < PULSE_FRAMES / 2 for off in last)

            for _ in range(TRIES):
                recorder.forget()
                held_up = recorder.held_up
                tell("go")
                assert wait_for(lambda: is_followed() or len(off_frames()) > MOST_BARS)
                if is_followed() or recorder.held_up == held_up:
                    break
                # A pulse that came late as the server stood still is one that was lost, to whoever counts them.
                tell("stop")
                assert wait_for(lambda: engine.status().transport is None)
            else:
                pytest.skip(f"the server stands still all the time: {off_frames()}")
            assert is_followed(), f"three downbeats on their pulses: {off_frames()}"
            tell("stop")
            assert wait_for(lambda: recorder.frames(1, 0xFC) != [])
            assert wait_for(lambda: engine.status().transport is None)
            sync, (port,) = engine.status().sync, engine.status().outputs
        finally:
            engine.close()
            leader.stdin.close()
    assert "their-clock" in sync
    print(f"downbeats of 7/8 after a leader in another process, frames: {off_frames()}")
    bars = len([frame for frame in their_downbeats() if frame < recorder.frames(1, 0xFC)[0]])
    assert abs(len(recorder.frames(0, 0x99)) + port.missed - bars) <= 1


def test_a_clock_that_is_not_there_is_named_and_the_music_plays(recorder: Recorder) -> None:
    engine = EngineProcess(beat_of(SEVEN, [0]), [OutputSpec("virtual")], leader=LeaderSpec("midi", "no such clock"))
    try:
        assert recorder.connect("rvae:out", 0)
        assert wait_for(lambda: engine.status().messages)
        (message,) = engine.status().messages
        assert "no such clock" in message.text
        assert message.is_error
        engine.do(Play())
        assert wait_for(lambda: recorder.frames(0, 0x99) != [])
    finally:
        engine.close()


def test_the_command_sends_a_whole_performance_with_its_clock(
    recorder: Recorder, model_file: Path, tmp_path: Path
) -> None:
    words = ["play", str(model_file), "--headless", "--bars", "3", "--virtual", "--no-audio", "--osc-in", "0"]
    words += ["--clock-out", "midi", "--clock-in", "no such clock", "--bpm", "150", "-o", str(tmp_path)]
    command = [sys.executable, "-m", "performance.cli", *words]
    root = Path(__file__).resolve().parents[1]
    pulses = 24 * load(model_file).meter.bar_quarters * 3
    for _ in range(TRIES):
        recorder.forget()
        held_up = recorder.held_up
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as played:
            assert recorder.connect("rvae:out", 0)
            _, errors = played.communicate(timeout=120)
        assert played.returncode == 0, errors
        assert "no such clock" in errors
        kinds = [data[0] for _, data in recorder.messages[0] if data[0] >= 0xF0]
        if kinds == [0xFA, *[0xF8] * int(pulses), 0xFC]:
            return
        if kinds[:1] == [0xFA]:  # otherwise the music had begun before we listened
            assert recorder.held_up > held_up, kinds
    pytest.skip(f"this machine is held up all the time: {kinds}")
