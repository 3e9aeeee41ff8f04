"""A hostile set, played live through a real JACK server, and once more offline from its journal: do they agree?

    JACK_DEFAULT_SERVER=name python tests/hostile_set.py --seconds 60 --training

Tempo sweeps from 20 to 300 and back, a second each way; patterns and meters change several times a second, now, at the
beat or at the bar; mutes, swing, microtiming and nudges jump; a training runs beside it. Another JACK client keeps
every message with its frame. Its notes must be those of the journal played again: the same, in the same order, and as
far apart.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jack_support import MidiInput
from music import METERS, pattern_of
from playing_support import status_now

from performance.commands import EngineCommand, Play, Quantum, SetControl, SetPattern, SetVoice, StartRecording, Stop
from performance.journal_file import JournalFile
from performance.process import EngineProcess
from performance.replay import check, replay
from performance.sequencer import Onset, Release
from performance.snapshot import EngineStatus
from performance.specs import OutputSpec
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

ROOT = Path(__file__).resolve().parents[1]
RATE_HZ = 48_000
_FRAME_S = 1 / 60
_LAST_S = 8.0  # a last silent bar, so that nothing is taken back by the stop
_MOST_MISSING = 40  # in a row; a period holds no more
_ON, _OFF = 0x99, 0x89


@dataclass(frozen=True)
class Note:
    """A note begins (`velocity` 1..127) or ends (0), at a time in frames that need not be whole."""

    frame: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Report:
    """What came of it. `missing`: of the offline notes, those that were not heard, in all and the first of them; a
    server that is held up by its machine drops what was written in that period and says so (`xruns`), and an onset that
    comes much too late is not played (`missed`). `repeated`: messages that such a server handed out twice. `extra`:
    what was heard besides and is not there offline. `gap_error_frames`: by how much notes that follow one another are
    further apart, or nearer, live than offline.
    """

    seconds: float
    commands: int
    live_onsets: int
    offline_onsets: int
    missing: int
    first_missing: str
    repeated: int
    extra: str
    replay: str
    gap_error_frames: dict[str, float]
    gaps_within_a_frame: float
    lateness_p99_ms: float
    slips: int
    xruns: int
    stalls: int
    missed: int

    @property
    def agrees(self) -> bool:
        """Whether all that was heard is what is there offline, in the same order, and nothing but JACK lost a note."""
        whole = (self.missing <= self.missed and not self.repeated) or self.xruns > 0
        return whole and not self.extra and self.live_onsets > 0 and "the same" in self.replay


class Ear:
    """Another client: keeps every message that comes, with its frame."""

    def __init__(self) -> None:
        import jack

        self.client: Any = jack.Client("hostile-ear", no_start_server=True)
        self.input = MidiInput(self.client)
        self.messages: list[tuple[int, bytes]] = []
        self.client.set_process_callback(self._process)
        self.client.activate()

    def _process(self, _frames: int) -> None:
        begun = self.client.last_frame_time  # counts periods that went by without us, too
        self.messages += [(begun + at, data) for at, data in self.input.take()]

    def connect(self, source: str) -> None:
        """Connect a port as soon as it is there; for a minute at the most."""
        import jack

        for _ in range(6000):
            try:
                self.client.connect(source, self.input.port)
            except jack.JackError:
                time.sleep(0.01)
            else:
                return
        raise SystemExit(f"there is no JACK port {source}")

    def notes(self) -> list[Note]:
        """What was heard."""
        found: list[Note] = []
        sounding: set[int] = set()
        for frame, data in list(self.messages):
            if data[0] == _ON:
                sounding.add(data[1])
                found.append(Note(frame, data[1], data[2]))
            elif data[0] == _OFF and data[1] in sounding:  # after an xrun all that has ended is ended once more
                sounding.discard(data[1])
                found.append(Note(frame, data[1], 0))
        return found

    def close(self) -> None:
        """Let the port go."""
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)


def moves(seed: int, seconds: float) -> Iterator[EngineCommand | None]:
    """The commands of a set, None for the end of a frame."""
    hand = random.Random(seed)
    for frame in range(round(seconds / _FRAME_S)):
        phase = frame * _FRAME_S / 2 % 1  # there and back in two seconds
        yield SetControl("tempo", 20 + 280 * (1 - abs(2 * phase - 1)))
        if hand.random() < 0.1:
            pattern = pattern_of(hand.randrange(300), hand.choice(METERS), share=hand.choice([0.02, 0.06, 0.2]))
            yield SetPattern(pattern, hand.choice(get_args(Quantum)))
        if hand.random() < 0.05:
            yield SetVoice("mute", hand.randrange(len(STANDARD_KIT)), float(hand.random() < 0.3))
        if hand.random() < 0.05:
            yield SetVoice("nudge", hand.randrange(len(STANDARD_KIT)), hand.uniform(-50, 50))
        if hand.random() < 0.05:
            yield SetControl("swing", hand.uniform(50, 75))
            yield SetControl("microtiming", hand.uniform(0, 150))
        yield None


@contextmanager
def training(on: bool) -> Iterator[None]:
    """A training in a process of its own meanwhile, begun anew whenever it has ended."""
    if not on:
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        clips = " ".join(f"'{path}'" for path in sorted(ROOT.glob("datasets/threes/*.mid"))[:6])
        again = f"while '{sys.executable}' -m rvae train {clips} -o '{folder}/a.rvae'; do :; done"
        process = subprocess.Popen(
            ["sh", "-c", again], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield
        finally:
            subprocess.run(["kill", "--", f"-{process.pid}"], check=False)
            process.wait()


def play(folder: Path, *, seconds: float, seed: int, trains: bool) -> Report:
    """Play a set to JACK, and compare what was heard with its journal played again."""
    four = Meter.parse("4/4")
    engine = EngineProcess(pattern_of(seed, four), [OutputSpec("virtual")], recordings=str(folder))
    ear, sent = Ear(), 0
    try:
        ear.connect("rvae:out")
        engine.do(StartRecording())
        engine.do(Play())
        with training(trains):
            next_s = time.perf_counter()
            for command in moves(seed, seconds):
                if command is None:
                    next_s += _FRAME_S
                    time.sleep(max(0.0, next_s - time.perf_counter()))
                else:
                    sent += engine.do(command)
            engine.do(SetControl("tempo", 240))
            engine.do(SetPattern(Pattern.silent(four), "now"))
            time.sleep(_LAST_S)
        engine.do(Stop())
        time.sleep(0.5)
        status = status_now(engine)  # nobody has read for so long that what comes first is old
    finally:
        engine.close()
        engine.recorder.wait(300)
        ear.close()
    (journal,) = folder.glob("*.rvjournal")
    return report(ear, JournalFile(journal), seconds, sent, status)


def report(ear: Ear, journal: JournalFile, seconds: float, sent: int, status: EngineStatus) -> Report:
    """Compare, note by note."""
    heard = ear.notes()
    again = []
    for timed in replay(journal):
        frame = timed.due_ns * RATE_HZ / 1e9
        if isinstance(timed.event, Onset):
            again.append(Note(frame, timed.event.pitch, timed.event.velocity))
        elif isinstance(timed.event, Release):
            again.append(Note(frame, timed.event.pitch, 0))
    pairs, missing, extra = _paired(heard, again)
    off = np.diff([a.frame for a, _ in pairs]) - np.diff([b.frame for _, b in pairs])
    errors = np.abs(off) if len(off) else np.zeros(1)
    return Report(
        seconds=seconds,
        commands=sent,
        live_onsets=sum(note.velocity > 0 for note in heard),
        offline_onsets=sum(note.velocity > 0 for note in again),
        missing=len(missing),
        first_missing=str(missing[0]) if missing else "",
        repeated=ear.input.repeated,
        extra=extra,
        replay=check(journal),
        gap_error_frames={
            "p50": round(float(np.percentile(errors, 50)), 2),
            "p99": round(float(np.percentile(errors, 99)), 2),
            "max": round(float(errors.max()), 2),
        },
        gaps_within_a_frame=round(float(np.mean(errors <= 1)), 4),
        lateness_p99_ms=round(status.lateness.p99_ms, 3),
        slips=status.lateness.slips,
        xruns=status.outputs[0].underruns,
        stalls=status.outputs[0].stalls,
        missed=status.outputs[0].missed,
    )


def _paired(heard: list[Note], again: list[Note]) -> tuple[list[tuple[Note, Note]], list[Note], str]:
    """Each note that was heard with its own offline; those that were not heard; the first that is not there."""
    pairs: list[tuple[Note, Note]] = []
    missing: list[Note] = []
    following = 0
    for note in heard:
        at = next((n for n in range(following, len(again)) if _key(again[n]) == _key(note)), None)
        if at is None or at - following > _MOST_MISSING:
            return pairs, missing, f"{note}, after {len(pairs)} that are there"
        missing += again[following:at]
        pairs.append((note, again[at]))
        following = at + 1
    return pairs, missing + again[following:], ""


def _key(note: Note) -> tuple[int, int]:
    return note.pitch, note.velocity


def main() -> int:
    """Play it and print the report as JSON; exit 1 where live and offline differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--training", action="store_true")
    given = parser.parse_args()
    import jack

    try:
        with tempfile.TemporaryDirectory() as folder:
            found = play(Path(folder), seconds=given.seconds, seed=given.seed, trains=given.training)
    except jack.JackOpenError:
        parser.error("no JACK server answers: start one, and name it in JACK_DEFAULT_SERVER")
    print(json.dumps(asdict(found), indent=2))
    return 0 if found.agrees else 1


if __name__ == "__main__":
    raise SystemExit(main())
