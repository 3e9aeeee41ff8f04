"""What lateness is compared with: loops in processes of their own that do nothing else, in turns with us."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, pairwise
from multiprocessing.connection import Connection
from typing import Self

from performance.clock import NS_PER_MS, NS_PER_S, MonotonicClock
from performance.realtime import take_realtime
from performance.sequencer import Sequencer
from performance.transport import Transport
from rvae.pattern import Pattern

_SPIN_NS = NS_PER_MS // 2
_END_S = 60.0
_TICKS_PER_S = 50_000  # of mido's file: 25,000 to a quarter, at its 120 a minute


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When something is due, in ns from the beginning of a cycle of `length_ns` that comes again and again."""

    dues_ns: tuple[int, ...]
    length_ns: int

    @classmethod
    def of(cls, pattern: Pattern, qpm: Fraction) -> Self:
        """The moments of a pattern at which events are due, each once."""
        sequencer = Sequencer(pattern)
        transport = Transport(0, Fraction(0), qpm, sequencer.bars)
        length = sequencer.bars.quarters_at(pattern.bars)
        dues_ns = {transport.ns_at(event.quarters) for event in sequencer.advance(length)}
        return cls(tuple(sorted(dues_ns)), transport.ns_at(length))

    def until(self, end_ns: int) -> Iterator[int]:
        """Every moment before `end_ns`."""
        for cycle_ns in count(0, self.length_ns):
            for due_ns in self.dues_ns:
                if cycle_ns + due_ns >= end_ns:
                    return
                yield cycle_ns + due_ns


Loop = Callable[[float, Rhythm], list[float]]


class Beside:
    """A process that runs a loop whenever it is its turn, for so many seconds, and keeps how late it was, in ms."""

    def __init__(self, loop: Loop, rhythm: Rhythm, *, realtime: bool) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._here, there = spawn.Pipe()
        self._process = spawn.Process(target=_run, args=(there, loop, rhythm, realtime), daemon=True)
        self._process.start()
        there.close()
        self._here.recv()  # it is ready

    def turn(self, seconds: float) -> None:
        """Let it run; it is over by itself."""
        self._here.send(seconds)

    def found_ms(self) -> list[float]:
        """End it; all it found."""
        self._here.send(None)
        found: list[float] = self._here.recv()
        self._process.join(_END_S)
        return found

    def close(self) -> None:
        """End it, whatever it does. May be called after `found_ms`, and twice."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._here.close()


def _run(end: Connection, loop: Loop, rhythm: Rhythm, realtime: bool) -> None:
    if realtime:
        take_realtime()
    late_ms: list[float] = []
    end.send(None)
    while (seconds := end.recv()) is not None:
        late_ms += loop(seconds, rhythm)
    end.send(late_ms)


def bare_loop(seconds: float, rhythm: Rhythm) -> list[float]:
    """Sleep and spin until each moment: the least that any sequencer does."""
    clock = MonotonicClock()
    late_ms: list[float] = []
    begun_ns = clock.now_ns() + NS_PER_MS
    for after_ns in rhythm.until(int(seconds * NS_PER_S)):
        due_ns = begun_ns + after_ns
        spare_ns = due_ns - clock.now_ns() - _SPIN_NS
        if spare_ns > 0:
            time.sleep(spare_ns / NS_PER_S)
        while clock.now_ns() < due_ns:
            pass
        late_ms.append((clock.now_ns() - due_ns) / NS_PER_MS)
    return late_ms


def mido_loop(seconds: float, rhythm: Rhythm) -> list[float]:
    """A file with a message at each moment, played by the MIDI library's own player."""
    import mido  # type: ignore[import-untyped]

    at = [round(due_ns * _TICKS_PER_S / NS_PER_S) for due_ns in rhythm.until(int(seconds * NS_PER_S))]
    gaps = (later - earlier for earlier, later in pairwise([0, *at]))
    file = mido.MidiFile(ticks_per_beat=_TICKS_PER_S // 2)
    file.tracks.append(mido.MidiTrack(mido.Message("note_on", note=60, time=gap) for gap in gaps))
    late_ms, begun_s = [], time.time()
    for ticks, _ in zip(at, file.play(), strict=False):
        late_ms.append((time.time() - begun_s - ticks / _TICKS_PER_S) * 1e3)
    return [max(0.0, late) for late in late_ms]
