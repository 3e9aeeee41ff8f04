"""Time that misbehaves: a machine that sleeps, a date that is set back, a tempo that is swept in a second."""

from __future__ import annotations

import itertools
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from checker import StreamChecker
from hypothesis import given, settings
from hypothesis import strategies as st
from jack_support import jack_server, wait_for
from music import beat_of, meters, pattern_of
from playing_support import Ear, OscLog, status_now

import performance
from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock, ahead_ns
from performance.commands import Play, Quit, SetControl, Stop
from performance.engine import Engine
from performance.journal import MemoryJournal
from performance.outputs.memory import MemoryOutput
from performance.process import EngineProcess
from performance.replay import difference
from performance.sequencer import BeatStart
from performance.specs import OutputSpec
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

FOUR = Meter.parse("4/4")


class Set:
    """An engine on a virtual clock; every time something was sent, and the checker over all of it."""

    def __init__(self, meter: Meter, *, horizon_ms: float = 30) -> None:
        self.clock, self.output, self.checker = VirtualClock(), MemoryOutput(), StreamChecker()
        self.engine = Engine(self.clock, pattern_of(3, meter), [self.output])
        self.engine.open_outputs(STANDARD_KIT)
        self.engine.do(SetControl("horizon", horizon_ms))
        self.went_ns: list[int] = []
        self.journal = MemoryJournal()
        self.engine.start_journal(self.journal)

    def run(self, seconds: float) -> None:
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            bars = self.engine.sequencer.bars
            due_ns = self.engine.step()
            fresh = self.output.sent[len(self.went_ns) :]
            self.checker.feed((sent.event for sent in fresh), bars)
            self.went_ns += [self.clock.now_ns()] * len(fresh)
            self.clock.sleep_until(min(due_ns, until))

    def beats_ns(self) -> list[int]:
        """When each beat went out."""
        sent = zip(self.output.sent, self.went_ns, strict=True)
        return [went_ns for one, went_ns in sent if isinstance(one.event, BeatStart)]


@settings(max_examples=15)
@given(meters, st.floats(0.15, 3600), st.floats(0.3, 2.9), st.sampled_from([5, 30, 200]))
def test_after_a_sleep_the_music_goes_on_where_it_was_with_nothing_skipped_doubled_or_in_a_burst(
    meter: Meter, asleep_s: float, at_s: float, horizon_ms: float
) -> None:
    plain, slept = Set(meter, horizon_ms=horizon_ms), Set(meter, horizon_ms=horizon_ms)
    for music in (plain, slept):
        music.engine.do(SetControl("tempo", 90))
        music.engine.do(Play())
        music.run(at_s)
    slept.clock.stall(round(asleep_s * NS_PER_S))
    slept.run(2)
    plain.run(2)
    many = min(len(slept.output.sent), len(plain.output.sent))
    assert [one.event for one in slept.output.sent[:many]] == [one.event for one in plain.output.sent[:many]]
    gaps = [
        (b - a, d - c) for (a, b), (c, d) in zip(*(itertools.pairwise(m.went_ns) for m in (plain, slept)), strict=False)
    ]
    assert all(after >= before - NS_PER_MS for before, after in gaps), "closer together than they were"
    assert slept.engine.status().lateness.slips == 1
    slept.engine.do(Quit())
    assert difference(slept.journal.entries) is None


@settings(max_examples=15)
@given(
    meters,
    st.lists(st.floats(20, 300), min_size=2, max_size=20),
    st.floats(0.05, 1),
    st.sampled_from([1 * NS_PER_MS, 8 * NS_PER_MS, 30 * NS_PER_MS]),
)
def test_a_tempo_swept_from_20_to_300_in_a_second_loses_and_doubles_nothing(
    meter: Meter, tempos: list[float], seconds: float, step_ns: int
) -> None:
    music = Set(meter)
    music.engine._step_ns = step_ns
    music.engine.do(Play())
    for tempo in (20, *tempos, 300, *reversed(tempos), 20):
        music.engine.do(SetControl("tempo", tempo))
        music.run(seconds / (2 * len(tempos) + 3))
    music.engine.do(SetControl("tempo", 300))
    music.run(1)
    due = [one.due_ns for one in music.output.sent]
    assert due == sorted(due)
    music.engine.do(Quit())
    assert music.engine.is_idle
    assert difference(music.journal.entries) is None


def test_a_machine_that_stands_still_between_reading_two_clocks_does_not_put_them_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, apart_ns, held_up_ms = VirtualClock(NS_PER_S), 77 * NS_PER_MS, iter([300, 0, 200])

    def theirs_ns() -> int:
        clock.stall(next(held_up_ms) * NS_PER_MS)
        return clock.now_ns() + apart_ns

    monkeypatch.setattr("performance.clock.time", SimpleNamespace(perf_counter_ns=clock.now_ns))
    assert ahead_ns(theirs_ns) == apart_ns


def test_what_keeps_time_never_asks_for_the_date_but_for_the_timetags_of_osc() -> None:
    wall = re.compile(r"\btime\.(time|time_ns|ctime|localtime|gmtime|strftime)\b|\bdatetime\b|CLOCK_REALTIME")
    root = Path(performance.__file__).parent
    asking = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if wall.search(path.read_text("utf-8"))}
    # Files are named by the date.
    for_people = {path for path in asking if path.startswith(("bench/", "recorder.py", "playing_in.py"))}
    assert asking - for_people == {"outputs/osc.py"}


WALL = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* The date of one process, moved by as many seconds as stand in a file; every other clock is left alone. */
static volatile int64_t *seconds;

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) {
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int file = open(getenv("RVAE_TEST_WALL"), O_RDONLY);
    seconds = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
  }
  int failed = real(clock, now);
  if (!failed && clock == CLOCK_REALTIME) now->tv_sec += *seconds;
  return failed;
}
"""


@pytest.fixture
def date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mmap.mmap:
    """The date that processes started from now on are told: ours, and so many seconds. Ours stays what it is."""
    if shutil.which("gcc") is None or os.uname().sysname != "Linux":
        pytest.skip("needs gcc on Linux")
    (tmp_path / "wall.c").write_text(WALL)
    command = ["gcc", "-shared", "-fPIC", "-o", str(tmp_path / "wall.so"), str(tmp_path / "wall.c"), "-ldl"]
    subprocess.run(command, check=True)
    (tmp_path / "wall").write_bytes(bytes(8))
    monkeypatch.setenv("LD_PRELOAD", str(tmp_path / "wall.so"))
    monkeypatch.setenv("RVAE_TEST_WALL", str(tmp_path / "wall"))
    with (tmp_path / "wall").open("r+b") as file:
        return mmap.mmap(file.fileno(), 8)


def test_a_date_that_is_set_back_moves_the_timetags_and_nothing_else(date: mmap.mmap) -> None:
    log = OscLog()
    engine = EngineProcess(beat_of(FOUR, [0, 24, 48, 72]), [OutputSpec("osc", log.address)])
    try:
        engine.do(SetControl("tempo", 240))
        engine.do(Play())
        assert wait_for(lambda: log.read() >= 4), engine.status().messages
        for hours in (-1, 2, 0, -24 * 365):
            date[:] = struct.pack("<q", hours * 3600)
            beats = log.read()
            assert wait_for(lambda beats=beats: log.read() >= beats + 6), f"it stood still at {hours} hours"
        lateness = status_now(engine).lateness
    finally:
        engine.close()
        log.close()
    tags_s = [one.timetag / 2**32 for one in log.heard if one.address == "/rvae/beat"]
    steps_s = [b - a for a, b in itertools.pairwise(tags_s)]
    jumps = [round(step_s / 3600) for step_s in steps_s if abs(step_s) > 60]
    assert jumps == [-1, 3, -2, -24 * 365]
    # But for the jumps a beat is a beat, exactly; longer only where the machine stood still, which is counted.
    beats_s = [step_s - 3600 * round(step_s / 3600) for step_s in steps_s]
    assert min(beats_s) > 0.249
    assert sum(beat_s > 0.251 for beat_s in beats_s) <= lateness.slips
    assert [one.values[0] for one in log.heard if one.address == "/rvae/beat"][:6] == [1, 2, 3, 4, 1, 2]


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be put to sleep here")
def test_an_engine_that_was_put_to_sleep_for_three_seconds_takes_up_where_it_was() -> None:
    log = OscLog()
    engine = EngineProcess(beat_of(FOUR, [0, 24, 48, 72]), [OutputSpec("osc", log.address)])
    try:
        engine.do(SetControl("tempo", 240))
        engine.do(Play())
        assert wait_for(lambda: log.read() >= 4), engine.status().messages
        slips = status_now(engine).lateness.slips
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGSTOP)
        # Nothing comes while it sleeps, however long that is; the length of this sleep is what is tested.
        wait_for(lambda: False, seconds=3)
        asleep = log.read()
        os.kill(engine.pid, signal.SIGCONT)
        assert wait_for(lambda: log.read() >= asleep + 8)
        assert wait_for(lambda: engine.status().lateness.slips > slips), "it is counted"
    finally:
        engine.close()
        log.check(4)
        log.close()
    tags_s = [one.timetag / 2**32 for one in log.heard if one.address == "/rvae/beat"]
    steps_s = [b - a for a, b in itertools.pairwise(tags_s)]
    assert min(steps_s) > 0.249, "no burst"
    assert sum(step_s > 2 for step_s in steps_s) == 1, "one gap"


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be put to sleep here")
def test_after_a_sleep_midi_comes_back_note_by_note_and_none_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    with jack_server(monkeypatch):
        ear = Ear()
        engine = EngineProcess(beat_of(FOUR, list(range(0, 96, 6))), [OutputSpec("midi", "synth:in")])
        try:
            engine.do(SetControl("tempo", 120))
            engine.do(SetControl("horizon", 200))
            engine.do(Play())
            assert wait_for(lambda: ear.ons >= 4), engine.status().messages
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGSTOP)
            wait_for(lambda: False, seconds=3)  # the length of the sleep is what is tested
            before = len(ear.frames)
            os.kill(engine.pid, signal.SIGCONT)
            assert wait_for(lambda: ear.ons >= before + 8), engine.status().messages
            engine.do(Stop())
            assert ear.falls_silent()
        finally:
            engine.close()
            ear.close()
    assert ear.wrong == []
    # From the first onset after it: the server waits for the sleeper, so its own time has a gap of any length there.
    gaps_ms = [(b - a) / 48 for a, b in itertools.pairwise(ear.frames[before:])]
    print(f"after a sleep of 3 s, ms between onsets: {[round(gap) for gap in gaps_ms]}")
    # 125 ms each; some may be short where the machine stands still once more. In a burst of what was missed all are.
    assert sorted(gaps_ms)[len(gaps_ms) // 2] > 60, "no burst"
