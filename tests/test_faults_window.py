"""What a stage does to a window: it is dragged, hidden, shrunk, frozen, killed, closed. The beat does not care."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from jack_support import jack_server, wait_for
from playing_support import PATIENCE_S, Ear, Played, is_alive, osc, own_display, resident_kb, text_of


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with own_display() as display:
        yield display


@pytest.fixture(scope="module")
def _server() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, jack_server(patch):
        yield


@pytest.fixture
def ear(_server: None) -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


@pytest.fixture
def played(display: str, ear: Ear, model_file: Path, tmp_path: Path) -> Iterator[Played]:
    """The instrument in a real window, playing to a real MIDI port."""
    words = [str(model_file), "--no-audio", "--bpm", "200", "--midi", "synth:in"]
    played = Played(*words, folder=tmp_path, display=display)
    try:
        played.play()
        assert wait_for(lambda: ear.ons > 4)
        yield played
    finally:
        played.close()


def test_dragged_minimised_shrunk_and_frozen_it_plays_on_and_obeys_afterwards(played: Played, ear: Ear) -> None:
    window, engine = played.window(), played.engine
    before_kb = resident_kb(engine)

    def dragged() -> None:
        for step in range(30):
            played.hands("windowmove", window, 10 * step, 5 * step)

    def minimised() -> None:
        # Without a window manager iconifying may do nothing; what it does to a window is unmapping.
        played.hands("windowminimize", window)
        played.hands("windowunmap", window)
        assert played.plays_on(4)
        played.hands("windowmap", window)

    def shrunk() -> None:
        played.hands("windowsize", window, 1, 1)
        assert played.plays_on(4)
        played.hands("windowsize", window, 1280, 800)

    def frozen() -> None:
        os.kill(played.process.pid, signal.SIGSTOP)
        assert played.plays_on(12)
        os.kill(played.process.pid, signal.SIGCONT)

    for happens in (dragged, minimised, shrunk, frozen):
        happens()
        assert played.plays_on(4), happens.__name__
    assert played.stops()
    assert ear.falls_silent()
    assert ear.wrong == []
    assert resident_kb(engine) - before_kb < 20_000
    assert played.process.poll() is None
    played.process.terminate()
    assert played.process.wait(PATIENCE_S) == 143
    assert played.check() > 0


def test_a_window_that_was_killed_leaves_silence_and_no_process(played: Played, ear: Ear) -> None:
    engine = played.engine
    assert wait_for(lambda: ear.sounding)
    os.kill(played.process.pid, signal.SIGKILL)
    assert played.process.wait(PATIENCE_S) != 0
    assert wait_for(lambda: not is_alive(engine))
    assert ear.falls_silent()
    assert played.check() > 0


@pytest.mark.parametrize("fault", ["the server ends", "the connection is cut"])
def test_a_screen_that_goes_away_takes_no_music_with_it(ear: Ear, model_file: Path, tmp_path: Path, fault: str) -> None:
    session = tmp_path / "set.rvsession"
    words = [str(model_file), "--no-audio", "--bpm", "200", "--midi", "synth:in", "--session", str(session)]
    with ExitStack() as screen:
        played = Played(*words, folder=tmp_path, display=screen.enter_context(own_display()))
        try:
            played.play()
            assert wait_for(lambda: ear.ons > 4)
            if fault == "the server ends":
                screen.close()
            else:
                played.hands("windowkill", played.window())
            assert played.process.stderr
            said = played.process.stderr.readline()
            assert "the screen is gone" in said, said + played.process.stderr.read()
            played.tell(osc("/rvae/cursor", 0.125, 0.875))
            assert played.plays_on(8)
            os.kill(played.process.pid, signal.SIGHUP)  # the terminal was on that screen
            assert played.plays_on(8)
            assert wait_for(lambda: ear.sounding)
            assert wait_for(lambda: "0.125" in text_of(session))
            assert played.stops()
            os.kill(played.process.pid, signal.SIGINT)
            assert played.process.wait(PATIENCE_S) == 130
            assert ear.falls_silent()
            assert ear.wrong == []
            assert json.loads(session.read_text())["ended"] is True
            assert played.check() > 0
            assert "Traceback" not in played.process.stderr.read()
        finally:
            played.close()


def test_an_engine_that_is_told_to_end_ends_its_notes_and_the_window_lives_to_say_so(played: Played, ear: Ear) -> None:
    engine = played.engine
    assert wait_for(lambda: ear.sounding)
    os.kill(engine, signal.SIGTERM)
    assert wait_for(lambda: not is_alive(engine))
    assert ear.falls_silent()
    assert ear.wrong == []
    assert played.process.poll() is None
    played.process.terminate()
    assert played.process.wait(PATIENCE_S) == 143
    assert played.check() > 0


ENDINGS = {
    "SIGTERM": (signal.SIGTERM, 143),
    "Ctrl-C": (signal.SIGINT, 130),
    "the window's own key": ("key", 0),
    "the window manager's cross": ("quit", 0),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_however_it_is_ended_every_note_ends_and_every_process(played: Played, ear: Ear, ending: str) -> None:
    engine, (how, code) = played.engine, ENDINGS[ending]
    window = played.window()
    assert wait_for(lambda: ear.sounding)
    match how:
        case "key":
            played.hands("windowfocus", "--sync", window, "key", "--window", window, "ctrl+q")
        case "quit":
            played.press_cross(window)
        case _:
            os.kill(played.process.pid, how)
    assert played.process.wait(PATIENCE_S) == code
    assert ear.falls_silent()
    assert ear.wrong == []
    assert not is_alive(engine)
    assert played.check() > 0
    assert played.process.stderr
    said = played.process.stderr.read()
    assert "Traceback" not in said
    assert "Warning" not in said
