"""Recordings in a process of their own: started and stopped while playing, kept whatever ends the others."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import FunctionType, ModuleType

import mido
import numpy as np
import pytest
from jack_support import wait_for
from journals import entries, journals, onsets
from music import beat_of

from performance.commands import Play, SetControl, SetPattern, StartRecording, Stop, StopRecording
from performance.journal import Applied, Closed, Lost, Went
from performance.journal_file import JournalFile, JournalWriter
from performance.process import EngineProcess
from performance.recorder import _RECORDERS, _Recorder
from performance.replay import difference
from performance.sequencer import BeatStart, Onset
from performance.wire import Wire
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
KICKS = beat_of(FOUR, [0, 24, 48, 72])
KICK = np.array([[1, 0, 0, 0]])
ROOT = Path(__file__).resolve().parents[1]
Start = Callable[[], EngineProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[EngineProcess] = []

    def start() -> EngineProcess:
        started.append(EngineProcess(KICKS, recordings=str(tmp_path)))
        return started[-1]

    yield start
    for engine in started:
        engine.close()
        assert engine.recorder.wait(60)


def texts(engine: EngineProcess) -> str:
    return "\n".join(message.text for message in engine.status().messages)


def test_a_recording_is_started_and_stopped_while_it_plays_and_its_files_are_made(start: Start, tmp_path: Path) -> None:
    engine = start()
    engine.do(SetControl("tempo", 300))
    engine.do(Play())
    assert wait_for(lambda: engine.status().lateness.events > 6)
    assert not engine.status().recording
    engine.do(StartRecording())
    assert wait_for(lambda: journals(tmp_path) and onsets(journals(tmp_path)[0]) > 6)
    assert wait_for(lambda: engine.status().recording)
    engine.do(SetPattern(beat_of(Meter.parse("7/8(2+2+3)"), [0, 48]), "bar"))
    engine.do(StopRecording())
    assert wait_for(lambda: "recorded: " in texts(engine)), texts(engine)
    status = engine.status()
    assert not status.recording
    assert status.transport is not None  # the music went on
    (journal,) = journals(tmp_path)
    file = JournalFile(journal)
    assert difference(file) is None
    assert file.problems == []
    kept = list(file)
    assert isinstance(kept[-1], Closed)
    notes = sum(isinstance(entry, Went) and isinstance(entry.event, Onset) for entry in kept)
    written = [message for message in mido.MidiFile(journal.with_suffix(".mid")) if message.type == "note_on"]
    assert len(written) == notes
    with wave.open(str(journal.with_suffix(".wav"))) as sound:
        assert sound.getnframes() > 48_000


def test_two_recordings_one_after_the_other_are_two_files(start: Start, tmp_path: Path) -> None:
    engine = start()
    engine.do(StartRecording())
    engine.do(Play())
    assert wait_for(lambda: journals(tmp_path) and onsets(journals(tmp_path)[0]) > 0)
    engine.do(StartRecording(str(tmp_path / "second")))
    assert wait_for(lambda: journals(tmp_path / "second") and onsets(journals(tmp_path / "second")[0]) > 0)
    engine.close()
    assert engine.recorder.wait(60)
    for journal in (*journals(tmp_path), *journals(tmp_path / "second")):
        assert difference(JournalFile(journal)) is None
        assert isinstance(list(JournalFile(journal))[-1], Closed)
        assert journal.with_suffix(".mid").exists()


def test_an_engine_that_is_killed_leaves_a_journal_to_the_last_moment_and_files_of_it(
    start: Start, tmp_path: Path
) -> None:
    engine = start()
    engine.do(StartRecording())
    engine.do(Play())
    assert wait_for(lambda: journals(tmp_path) and onsets(journals(tmp_path)[0]) > 2)
    heard = engine.status().lateness.events
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    assert wait_for(lambda: not engine.is_alive)
    assert engine.recorder.wait(60)
    (journal,) = journals(tmp_path)
    kept = list(JournalFile(journal))
    assert not isinstance(kept[-1], Closed)
    assert sum(isinstance(entry, Went) for entry in kept) >= heard - 2
    assert difference(kept) is None
    assert journal.with_suffix(".mid").exists()
    assert journal.with_suffix(".wav").exists()


def test_a_recorder_that_is_killed_is_told_of_and_what_it_wrote_stays(start: Start, tmp_path: Path) -> None:
    engine = start()
    engine.do(StartRecording())
    engine.do(Play())
    assert wait_for(lambda: journals(tmp_path) and onsets(journals(tmp_path)[0]) > 2)
    assert engine.recorder.pid is not None
    os.kill(engine.recorder.pid, signal.SIGKILL)
    assert wait_for(lambda: "its process has gone" in texts(engine))
    played = engine.status().lateness.events
    assert wait_for(lambda: engine.status().lateness.events > played + 3)  # the beat goes on
    (journal,) = journals(tmp_path)
    assert difference(JournalFile(journal)) is None
    assert wait_for(lambda: not engine.status().recording)
    first = journal.read_bytes()
    engine.do(Stop())
    engine.do(StartRecording())
    assert wait_for(lambda: engine.status().recording)
    engine.do(Play())
    assert wait_for(lambda: len(journals(tmp_path)) == 2)
    (second,) = (found for found in journals(tmp_path) if found != journal)
    assert wait_for(lambda: onsets(second) > 2)
    engine.close()
    assert engine.recorder.wait(60)
    assert difference(JournalFile(second)) is None
    assert isinstance(list(JournalFile(second))[-1], Closed)
    assert not any(isinstance(entry, Lost) for entry in JournalFile(second))
    assert second.with_suffix(".mid").exists()
    assert journal.read_bytes() == first


def test_a_recorder_that_is_gone_for_good_is_told_of_and_the_beat_goes_on(start: Start) -> None:
    engine = start()
    engine.do(Play())
    for _ in range(_RECORDERS):
        engine.do(StartRecording())
        assert wait_for(lambda: engine.status().recording)
        assert engine.recorder.pid is not None
        os.kill(engine.recorder.pid, signal.SIGKILL)
        assert wait_for(lambda: not engine.status().recording)
        assert wait_for(lambda: not engine.recorder.is_alive), "its line is closed a moment before it is gone"
    engine.do(StartRecording())
    assert wait_for(lambda: "start rvae again to record" in texts(engine))
    played = engine.status().lateness.events
    assert wait_for(lambda: engine.status().lateness.events > played + 3)


PLAY = """
import sys, time
from performance.commands import Play, StartRecording
from performance.process import EngineProcess
sys.path.insert(0, "tests")
from music import beat_of
from rvae.meter import Meter

if __name__ == "__main__":
    engine = EngineProcess(beat_of(Meter.parse("4/4"), [0, 24, 48, 72]), recordings=sys.argv[1])
    engine.do(StartRecording())
    engine.do(Play())
    print("ready", flush=True)
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        engine.close()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_window_that_ends_leaves_the_whole_recording(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "play.py"
    script.write_text(PLAY)
    command = [sys.executable, str(script), str(tmp_path / "sets")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as window:
        assert window.stdout is not None
        assert window.stdout.readline() == b"ready\n"
        assert wait_for(lambda: journals(tmp_path / "sets") and onsets(journals(tmp_path / "sets")[0]) > 2)
        if number == signal.SIGINT:  # Ctrl-C goes to all of them
            os.killpg(window.pid, number)
        else:
            window.send_signal(number)
        window.wait(60)
    (journal,) = journals(tmp_path / "sets")
    assert wait_for(lambda: any(isinstance(entry, Closed) for entry in entries(journal)))
    assert difference(JournalFile(journal)) is None
    assert wait_for(journal.with_suffix(".wav").exists)
    assert journal.with_suffix(".mid").exists()


FULL = """
import resource, signal, sys
from pathlib import Path
from fractions import Fraction
from performance.journal import Closed, Went
from performance.journal_file import JournalWriter
from performance.sequencer import BeatStart

def beats(writer, first, last):
    for number in range(first, last):
        writer.note(Went(BeatStart(Fraction(number), number, 0), number, number))
        if number % 50 == 0:
            writer.flush()

resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
writer = JournalWriter(Path(sys.argv[1]), "2026-01-01", most_bytes=int(sys.argv[2]))
beats(writer, 0, 1000)
writer.flush()
print(writer.problem)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.flush()
print(repr(writer.problem), writer.lost)
beats(writer, 1000, 1500)
writer.note(Closed(Fraction(1500), 1500))
writer.close()
"""


@pytest.mark.parametrize(("most_bytes", "is_whole"), [(10_000_000, True), (30_000, False)])
def test_a_disk_that_fills_loses_nothing_that_memory_can_hold_and_counts_the_rest(
    tmp_path: Path, most_bytes: int, is_whole: bool
) -> None:
    path = tmp_path / "full.rvjournal"
    command = [sys.executable, "-c", FULL, str(path), str(most_bytes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    full, after = done.stdout.splitlines()
    assert full == os.strerror(27)  # EFBIG, as near to a full disk as anyone may make
    kept = list(JournalFile(path))
    beats = [entry.event.bar for entry in kept if isinstance(entry, Went)]
    lost = sum(entry.entries for entry in kept if isinstance(entry, Lost))
    assert after == f"'' {lost}"
    assert len(beats) + lost == 1500
    assert (lost == 0) == is_whole
    assert beats[-500:] == list(range(1000, 1500))
    assert isinstance(kept[-1], Closed)
    assert JournalFile(path).problems == []


def test_a_folder_that_is_not_there_is_made_and_one_that_cannot_be_is_a_problem_in_words(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "new" / "a.rvjournal", "")
    writer.flush()
    assert (writer.problem, writer.path.exists()) == ("", True)
    (tmp_path / "file").write_text("")
    writer = JournalWriter(tmp_path / "file" / "a.rvjournal", "")
    writer.note(Lost(1))
    writer.flush()
    assert writer.problem
    writer.close()
    writer.close()


def test_a_recording_without_room_to_the_end_is_whole_elsewhere(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, file = tmp_path / "home", tmp_path / "file"
    home.mkdir()
    file.write_text("no folder, and so no room")
    monkeypatch.setenv("HOME", str(home))
    engine = start()
    engine.do(StartRecording(str(file)))
    engine.do(Play())
    assert wait_for(lambda: "it is kept in memory" in texts(engine)), texts(engine)
    heard = engine.status().lateness.events
    assert wait_for(lambda: engine.status().lateness.events > heard + 6)  # the beat goes on
    engine.do(StopRecording())
    engine.close()
    assert engine.recorder.wait(60)
    (journal,) = journals(home)
    assert onsets(journal) > 2
    assert difference(JournalFile(journal)) is None
    assert isinstance(list(JournalFile(journal))[-1], Closed)


def test_a_recording_that_has_ended_is_finished_when_there_is_room_again(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder yet")
    engine = start()
    engine.do(StartRecording(str(file)))
    engine.do(Play())
    assert wait_for(lambda: "it is kept in memory" in texts(engine)), texts(engine)
    heard = engine.status().lateness.events
    assert wait_for(lambda: engine.status().lateness.events > heard + 6)
    engine.do(StopRecording())
    assert wait_for(lambda: not engine.status().recording)
    file.unlink()  # now there is
    assert wait_for(lambda: "recorded: " in texts(engine)), texts(engine)
    (journal,) = journals(file)
    assert difference(JournalFile(journal)) is None
    assert journal.with_suffix(".mid").exists()


def held(root: object) -> int:
    """How many objects a thing keeps alive, itself and what programs share left out."""
    shared = type | FunctionType | ModuleType
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) not in seen and not isinstance(thing, shared):
            seen[id(thing)] = thing
            waiting += gc.get_referents(thing)
    return len(seen) + sum(len(thing) for thing in seen.values() if isinstance(thing, dict))  # their keys besides


def test_a_recorder_keeps_no_more_the_longer_it_writes(tmp_path: Path) -> None:
    """An hour of a hand that moves is a hundred thousand patterns; what a writer has seen of them is forgotten."""
    writer = JournalWriter(tmp_path / "long.rvjournal", "")
    kept = []
    for number in range(2 * 600):  # more than are remembered, twice
        kit = Kit(f"kit {number}", STANDARD_KIT.voices[:1])
        pattern = Pattern(KICK, KICK * 0.5, KICK * 0.0, Meter.parse("1/4"), 1, kit, ticks_per_beat=4)
        writer.note(Applied(Fraction(number), number, SetPattern(pattern, "bar")))
        writer.note(Went(BeatStart(Fraction(number), number, 0), number, number))
        if number % 600 == 599:
            writer.flush()
            kept.append(held(writer))
    assert kept[1] - kept[0] < 20, kept
    writer.close()
    assert sum(isinstance(entry, Applied) for entry in JournalFile(writer.path)) == 2 * 600


def test_what_has_piled_up_for_a_recorder_is_written_when_the_engine_has_gone(tmp_path: Path) -> None:
    here, there = map(Wire, socket.socketpair())
    there.send([str(tmp_path)])
    for number in range(150):  # while the machine does other things
        there.send([Went(BeatStart(Fraction(number), number, 0), number, number)])
    assert there.is_clear
    there.close()
    _Recorder(here, str(tmp_path)).run([])
    here.close()
    (journal,) = journals(tmp_path)
    assert [entry.event.bar for entry in entries(journal) if isinstance(entry, Went)] == list(range(150))


def rvae(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "performance.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_commands_record_a_performance_and_replay_it(model_file: Path, tmp_path: Path) -> None:
    words = ["--headless", "--bars", "2", "--bpm", "240", "--no-audio", "--osc-in", "0"]
    done = rvae("play", str(model_file), *words, "--record", str(tmp_path / "sets"), "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    (journal,) = journals(tmp_path / "sets")
    assert "recorded: " in done.stderr
    assert any(isinstance(entry, Applied) and isinstance(entry.what, Play) for entry in JournalFile(journal))
    again = rvae("replay", str(journal), "--midi", str(tmp_path / "a.mid"), "--wav", str(tmp_path / "a.wav"))
    assert again.returncode == 0, again.stderr
    assert "played again the same" in again.stderr
    assert (tmp_path / "a.mid").read_bytes() == journal.with_suffix(".mid").read_bytes()
    assert (tmp_path / "a.wav").read_bytes() == journal.with_suffix(".wav").read_bytes()
    journal.write_bytes(journal.read_bytes()[:-30])
    torn = rvae("replay", str(journal))
    assert torn.returncode == 0
    assert "its last line is torn" in torn.stderr


def test_what_cannot_be_recorded_to_or_replayed_is_one_line(tmp_path: Path, model_file: Path) -> None:
    (tmp_path / "file").write_text("nothing")
    for words in (
        ["play", str(model_file), "--headless", "--record", str(tmp_path / "file")],
        ["play", str(model_file), "--headless", "--takes", str(tmp_path / "file")],
        ["replay", str(tmp_path / "file")],
    ):
        done = rvae(*words)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
