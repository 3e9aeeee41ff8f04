"""Everything at once that a performer may bring to the stage broken: it is said, and the music is played."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from jack_support import wait_for
from playing_support import PATIENCE_S, Played, osc, own_display, text_of

from performance.bench.processes import family

PRESET = """
[controls]
density = 0.75
sparkle = 3

[[mapping]]
from = "cc 20"
to = "sparkle"
"""


def test_a_torn_session_an_unknown_control_no_numbers_and_a_window_of_a_pixel(model_file: Path, tmp_path: Path) -> None:
    session, preset = tmp_path / "set.rvsession", tmp_path / "stage.toml"
    torn = b'{"format":"rvae session","version":1,"cursor":[0.5'
    session.write_bytes(torn)
    preset.write_text(PRESET)
    words = [str(model_file), "--no-audio", "--bpm", "200", "--session", str(session), "--preset", str(preset)]
    with own_display() as display:
        played = Played(*words, folder=tmp_path, display=display)
        try:
            played.play()
            played.hands("windowsize", played.window(), 1, 1)
            for address in ("/rvae/cursor", "/wek/outputs", "/rvae/tempo", "/rvae/density"):
                played.tell(*[osc(address, bad, bad) for bad in (float("nan"), float("inf"), "up", b"\xff")])
            assert played.plays_on(8)
            played.tell(osc("/rvae/cursor", 0.375, 0.625))
            assert wait_for(lambda: "0.375" in text_of(session))
            assert played.plays_on(4)
            played.process.send_signal(signal.SIGINT)
            assert played.process.wait(PATIENCE_S) == 130
            assert played.check() > 0
            assert played.process.stderr
            of_recording = ("recorded", "the files of the recording")
            said = [line for line in played.process.stderr.read().splitlines() if not line.startswith(of_recording)]
        finally:
            played.close()
    assert '"density":0.75' in session.read_text(), "what the preset does know counts"
    (aside,) = (file for file in tmp_path.iterdir() if file.read_bytes() == torn)
    assert len([line for line in said if aside.name in line]) == 1
    assert len([line for line in said if "sparkle" in line]) == 2, "as a control, and as a target"
    assert len(said) == 3, said


def test_quitting_while_a_recording_is_still_written_says_so_and_may_be_left_to_go_on(
    model_file: Path, tmp_path: Path
) -> None:
    played = Played(str(model_file), "--no-audio", "--bpm", "200", folder=tmp_path)
    try:
        played.play()
        assert wait_for(lambda: "rvae-recorder" in family(played.process.pid)), "it is started beside the beat"
        recorder = family(played.process.pid)["rvae-recorder"]
        os.kill(recorder, signal.SIGSTOP)  # it takes for ever
        played.process.terminate()
        assert played.process.stderr
        assert "the files of the recording are being made" in played.process.stderr.readline()
        played.process.send_signal(signal.SIGINT)
        assert played.process.wait(PATIENCE_S) == -signal.SIGINT
        os.kill(recorder, signal.SIGCONT)
        assert played.check() > 0
        assert "Traceback" not in played.process.stderr.read()
    finally:
        played.close()
