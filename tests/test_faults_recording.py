"""A disk that fills while a set is recorded: a real small disk, the whole engine, and another program that counts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from jack_support import wait_for
from journals import journals, onsets
from music import pattern_of
from playing_support import OscLog, resident_kb

from performance.commands import Play, SetControl, StartRecording, Stop, StopRecording
from performance.journal import Lost
from performance.journal_file import JournalFile
from performance.process import EngineProcess
from performance.replay import difference
from performance.specs import OutputSpec
from rvae.meter import Meter

PATIENCE_S = 60.0


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 24 MB of our own, and a home folder with room."""
    monkeypatch.setenv("HOME", str(tmp_path))
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "rvae-test", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here: needs root on Linux")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room for another byte."""
    ballast = disk / "somebody's film"
    with ballast.open("wb", buffering=0) as film:
        for size in (1 << 16, 1):
            try:
                while True:
                    film.write(bytes(size))
            except OSError:
                pass  # full
    return ballast


class Recorded:
    """An engine that records to a disk while its onsets are heard over OSC."""

    def __init__(self, disk: Path) -> None:
        self.log = OscLog()
        pattern = pattern_of(3, Meter.parse("4/4"), share=0.2)
        self.engine = EngineProcess(pattern, [OutputSpec("osc", self.log.address)], recordings=str(disk))
        self.engine.do(StartRecording())
        self.engine.do(SetControl("tempo", 240))
        self.engine.do(Play())
        assert wait_for(lambda: self.log.read() >= 8), self.said()
        assert wait_for(lambda: any(map(onsets, journals(disk)))), "it is being written"

    def said(self) -> str:
        return "\n".join(message.text for message in self.engine.status().messages)

    def plays_on(self, beats: int) -> bool:
        until = self.log.read() + beats
        return wait_for(lambda: self.log.read() >= until)

    def close(self) -> None:
        self.engine.close()
        assert self.engine.recorder.wait(PATIENCE_S)
        self.log.close()


@pytest.fixture
def recorded(disk: Path) -> Iterator[Recorded]:
    recorded = Recorded(disk)
    yield recorded
    recorded.close()


def test_when_there_is_room_again_not_one_note_of_the_recording_is_missing(disk: Path, recorded: Recorded) -> None:
    engine = recorded.engine
    assert engine.pid is not None
    assert engine.recorder.pid is not None
    before = [resident_kb(pid) for pid in (engine.pid, engine.recorder.pid)]
    ballast = fill(disk)
    assert wait_for(lambda: "cannot be written" in recorded.said()), "it is told"
    assert recorded.plays_on(16)
    after = [resident_kb(pid) for pid in (engine.pid, engine.recorder.pid)]
    assert all(now - then < 20_000 for then, now in zip(before, after, strict=True)), (before, after)
    assert len(recorded.said().splitlines()) <= 3
    ballast.unlink()
    assert wait_for(lambda: "room again, nothing is lost" in recorded.said()), recorded.said()
    engine.do(Stop())
    assert wait_for(lambda: engine.status().transport is None)
    engine.do(StopRecording())
    assert wait_for(lambda: "recorded: " in recorded.said()), recorded.said()
    recorded.log.check(4)
    (journal,) = disk.glob("*.rvjournal")
    assert difference(JournalFile(journal)) is None
    assert not any(isinstance(entry, Lost) for entry in JournalFile(journal))
    # OSC is sent ahead: what Stop took back was heard there and was not played.
    assert len(recorded.log.onsets) - 20 <= onsets(journal) <= len(recorded.log.onsets)
    assert journal.with_suffix(".mid").stat().st_size > 0


def test_a_disk_that_stays_full_keeps_what_was_written_and_the_music_ends_as_it_should(
    disk: Path, recorded: Recorded
) -> None:
    (journal,) = disk.glob("*.rvjournal")
    assert wait_for(lambda: onsets(journal) > 6)
    kept = onsets(journal)
    fill(disk)
    assert recorded.plays_on(16)
    recorded.close()
    recorded.log.check(4)
    assert onsets(journal) >= kept
    assert difference(JournalFile(journal)) is None
    (rescued,) = disk.parent.glob("*.rvjournal")
    assert onsets(rescued) > onsets(journal)
    assert difference(JournalFile(rescued)) is None
    assert os.statvfs(disk).f_bavail == 0
