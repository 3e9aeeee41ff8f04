"""The faults of docs/faults.md at full length, on the whole instrument, and what was lost: `python tests/faults.py`.

Needs JACK, Xvfb and xdotool, and takes some three minutes. Exits 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from clock_leader import GARBAGE, Leader
from hostile_osc import flood
from jack_support import jack_server, wait_for
from playing_support import (
    PATIENCE_S,
    ROOT,
    Ear,
    Played,
    is_alive,
    osc,
    own_display,
    resident_kb,
)

from performance.bundled import bundled_model

MEMORY_KB = 20_000


@dataclass
class Findings:
    """What was done, and what was wrong with what came of it."""

    done: str = ""
    lost: list[str] = field(default_factory=list)
    onsets: int = 0
    memory_kb: tuple[int, int] = (0, 0)
    seconds: float = 0.0

    def must(self, holds: object, what: str) -> None:
        if not holds:
            self.lost.append(what)


class Set:
    """A set that is played to a MIDI port while something happens to it."""

    def __init__(self, display: str, *words: str) -> None:
        self.ear = Ear()
        self.leader = Leader() if "--clock-in" in words else None
        if self.leader is not None:
            self.leader.do("tempo", "160")
            self.leader.do("pulses")
        self.folder = tempfile.TemporaryDirectory(prefix="rvae-faults-")
        arguments = ["--no-audio", "--bpm", "160", "--midi", "synth:in", *words]
        self.played = Played(*arguments, folder=Path(self.folder.name), display=display)
        self.played.play()

    def close(self) -> None:
        self.played.close()
        if self.leader is not None:
            self.leader.close()
        self.ear.close()
        self.folder.cleanup()


def osc_flood(music: Set, found: Findings) -> None:
    sent = flood(music.played, 10)
    found.done = f"{sent} OSC messages in 10 s: moves, faders, garbage, bundles of bundles"


def clock_flood(music: Set, found: Findings) -> None:
    assert music.leader is not None
    for what in (GARBAGE, ["f8"]):
        music.leader.do("flood", *what)
        found.must(plays_for(music, 10), "the beat")
    music.leader.do("flood")
    found.done = "at the port of the clock, 100,000 notes, controllers and sysex in 10 s, then 100,000 pulses in 10 s"


def window_frozen(music: Set, found: Findings) -> None:
    os.kill(music.played.process.pid, signal.SIGSTOP)
    found.must(plays_for(music, 10), "the beat")
    os.kill(music.played.process.pid, signal.SIGCONT)
    found.done = "the window's process stopped for 10 s"


def engine_asleep(music: Set, found: Findings) -> None:
    for _ in range(3):
        os.kill(music.played.engine, signal.SIGSTOP)
        time.sleep(3)  # this long
        os.kill(music.played.engine, signal.SIGCONT)
        found.must(plays_for(music, 2), "the beat")
    found.done = "the engine's process stopped for 3 s, three times"


def window_shaken(music: Set, found: Findings) -> None:
    window = music.played.window()
    for number in range(200):
        music.played.hands("windowmove", window, number % 40 * 8, number % 30 * 5)
        if number % 20 == 0:
            music.played.hands("windowunmap", window)
            music.played.hands("windowmap", window)
        if number % 25 == 0:
            music.played.hands("windowsize", window, 1 + number * 6, 1 + number * 4)
    found.done = "the window moved 200 times, hidden 10 times, resized 8 times, down to 1 x 1"


def tempo_swept(music: Set, found: Findings) -> None:
    for _ in range(10):
        for step in range(100):
            music.played.tell(osc("/rvae/tempo", 20 + 2.8 * step))
            time.sleep(0.01)  # a second for all of it
        music.played.log.read()
    music.played.tell(osc("/rvae/tempo", 160))
    found.done = "tempo from 20 to 300 in a second, ten times"


def trainings(music: Set, found: Findings) -> None:
    clips = str(ROOT / "datasets" / "additive")
    command = [sys.executable, "-m", "rvae", "train", clips, "-o", str(Path(music.folder.name) / "own.rvae")]
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        training = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found.must(plays_for(music, 5), "the beat")
        training.send_signal(number)
        training.wait()
    found.done = "three trainings beside it, each ended by force after 5 s"


def plays_for(music: Set, seconds: float) -> bool:
    """Whether beats come for so long: half of those that are due, on a machine that has other things to do."""
    beats = music.played.log.read()
    until_s = time.perf_counter() + seconds
    wait_for(lambda: music.played.log.read() < 0 or time.perf_counter() > until_s, seconds=seconds + 5)
    return music.played.log.read() - beats >= seconds * 160 / 60 / 2


FAULTS: dict[str, tuple[Callable[[Set, Findings], None], tuple[str, ...]]] = {
    "OSC flood": (osc_flood, ()),
    "MIDI input flood": (clock_flood, ("--clock-in", "their-clock")),
    "window frozen": (window_frozen, ()),
    "engine asleep": (engine_asleep, ()),
    "window shaken": (window_shaken, ()),
    "tempo swept": (tempo_swept, ()),
    "trainings": (trainings, ()),
}


def suffer(name: str, display: str) -> Findings:
    """Play a set, have something happen to it, and look at all that was heard of it."""
    fault, words = FAULTS[name]
    found, begun_s = Findings(), time.perf_counter()
    music = Set(display, *words)
    try:
        pids = (music.played.process.pid, music.played.engine)
        found.must(plays_for(music, 2), "the beat, before anything happened")
        before_kb = [resident_kb(pid) for pid in pids]
        fault(music, found)
        found.must(plays_for(music, 2), "the beat, afterwards")
        grown = [resident_kb(pid) - kb for pid, kb in zip(pids, before_kb, strict=True)]
        found.memory_kb = (grown[0], grown[1])
        found.must(max(grown) < MEMORY_KB, f"memory: {grown} kB more")
        found.must(music.played.stops(), "Stop is not obeyed")
        found.must(music.ear.falls_silent(), f"stuck notes: {music.ear.sounding}")
        found.must(not music.ear.wrong, f"at the port: {music.ear.wrong[:3]}")
        music.played.process.terminate()
        found.must(music.played.process.wait(PATIENCE_S) == 143, "it did not end as it was told to")
        found.must(not any(map(is_alive, pids)), "a process is left")
        try:
            found.onsets = music.played.check()
        except AssertionError as error:
            found.lost.append(str(error))
    finally:
        music.close()
    found.seconds = time.perf_counter() - begun_s
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)} (default: all)")
    names = parser.parse_args().faults or list(FAULTS)
    bundled_model(lambda text: print(text, file=sys.stderr))  # learned first where it is not kept yet
    print("| fault | what happened | onsets checked | memory more, window and engine, kB | lost |")
    print("| --- | --- | --- | --- | --- |")
    lost = 0
    for name in names:
        with pytest.MonkeyPatch.context() as patch, jack_server(patch), own_display() as display:
            found = suffer(name, display)
        grown = ", ".join(map(str, found.memory_kb))
        print(
            f"| {name} | {found.done} | {found.onsets} | {grown} | {'; '.join(found.lost) or 'nothing'} |", flush=True
        )
        lost += len(found.lost)
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
