"""Following a MIDI clock: where the leader is, from pulses that come late, early, twice or not at all; pure.

A straight line through the pulses of the last eight quarters, by least squares, is the estimate of tempo and phase at
once: with pulses that scatter by 3 ms its end scatters by 0.4 ms. Pulses that lie off the line are held back until it
is clear what they are: alone, they are outliers; a row of them that is off by the same whole number of pulses means
that pulses were lost; a row that runs away is another tempo. A tempo that glides shortens the line.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from performance.clock import NS_PER_MS, NS_PER_S
from performance.leader import News, Started, Stopped
from performance.pulse import PULSES_PER_QUARTER, PULSES_PER_SIXTEENTH
from rvae.time import MAX_QPM, MIN_QPM

_WINDOW = 8 * PULSES_PER_QUARTER
_SHORT = 24  # pulses of a line that was shortened
_ENOUGH = 8  # pulses for a line at all, and to tell what a row of strays is
_INLIERS = 3  # pulses on the line after which strays are forgotten
_WATCHED = 12  # pulses whose mean error tells that the tempo glides
_LEAST_SCATTER_NS = 0.3 * NS_PER_MS
_GONE_PULSES = 8
_GONE_NS = 300 * NS_PER_MS
_FIRST_GAP_NS = NS_PER_S
_NEAR = 0.25  # of a pulse: so near a whole number of them, some were lost
_ALIKE = 0.75  # of a pulse: strays that grow by less from first to last are off by the same
_GAP = 0.7  # of a pulse too long: between these two, some were lost
_NS_PER_MINUTE = 60 * NS_PER_S
_NONE: NDArray[np.int64] = np.empty((0, 2), np.int64)

Kind = Literal["clock", "start", "continue", "stop", "songpos"]
_STATUS: dict[int, Kind] = {0xF8: "clock", 0xFA: "start", 0xFB: "continue", 0xFC: "stop", 0xF2: "songpos"}


@dataclass(frozen=True, slots=True)
class ClockMessage:
    """A message of a MIDI clock and when it came. `sixteenths`: of a song position, from the start."""

    kind: Kind
    at_ns: int
    sixteenths: int = 0


def clock_message(data: bytes, at_ns: int) -> ClockMessage | None:
    """The message that some bytes are; None where they are none of a clock's."""
    kind = _STATUS.get(data[0]) if data else None
    if kind is None:
        return None
    if kind == "songpos":
        return ClockMessage(kind, at_ns, data[1] | data[2] << 7) if len(data) >= 3 else None
    return ClockMessage(kind, at_ns)


@dataclass(frozen=True, slots=True)
class _Line:
    """Pulse `pulse` (not whole) is at `at_ns`; each takes `pulse_ns`."""

    at_ns: int
    pulse: float
    pulse_ns: float

    def ns_of(self, pulse: float) -> float:
        return self.at_ns + (pulse - self.pulse) * self.pulse_ns

    def pulse_at(self, ns: float) -> float:
        return self.pulse + (ns - self.at_ns) / self.pulse_ns


class Follower:
    """Takes the messages of a clock in the order they came; says where the leader is at any time.

    Pulses are counted through, whether the song plays or not; `_zero` is the one at the start of the song.
    """

    def __init__(self) -> None:
        self.playing = False
        self._pulses: NDArray[np.int64] = _NONE  # [N, 2]: number and time of each on the line
        self._since_scatter = 0
        self._strays: list[tuple[int, int]] = []
        self._inliers = 0
        self._errors_ns: deque[float] = deque(maxlen=_WATCHED)
        self._scatter_ns = _LEAST_SCATTER_NS
        self._line: _Line | None = None
        self._last_ns: int | None = None
        self._makes_sense = True
        self._next = 0
        self._zero = 0
        self._song = 0  # pulses from the start where a continue goes on
        self._entering: int | None = None

    @property
    def qpm(self) -> float | None:
        """The leader's tempo, held when it is gone; None before it is known."""
        return None if self._line is None else _NS_PER_MINUTE / (self._line.pulse_ns * PULSES_PER_QUARTER)

    def quarters_at(self, ns: int) -> float | None:
        """Where in the song the leader is, in quarters from the start; None before it is known."""
        return None if self._line is None else (self._line.pulse_at(ns) - self._zero) / PULSES_PER_QUARTER

    def is_there(self, now_ns: int) -> bool:
        """Whether pulses that make sense have come lately."""
        if self._last_ns is None or self._line is None or not self._makes_sense:
            return False
        return now_ns - self._last_ns <= self._gone_ns

    @property
    def _gone_ns(self) -> float:
        return _FIRST_GAP_NS if self._line is None else max(_GONE_NS, _GONE_PULSES * self._line.pulse_ns)

    def hear(self, message: ClockMessage) -> list[News]:
        """Take a message; what it means for the music."""
        match message.kind:
            case "clock":
                return self._pulse(message.at_ns)
            case "start":
                self._song = 0
                return self._enter(message.at_ns)
            case "continue":
                return self._enter(message.at_ns)
            case "songpos":
                self._song = message.sixteenths * PULSES_PER_SIXTEENTH
                return self._enter(message.at_ns) if self.playing else []
            case "stop":
                was, self.playing, self._entering = self.playing, False, None
                if was:
                    self._song = max(0, self._next - self._zero)
                return [Stopped()] if was else []

    def _enter(self, now_ns: int) -> list[News]:
        """The song goes on with the next pulse; where the tempo is known, it is known when that will be."""
        self._entering = self._song
        return self._entered(self._next) if self._line is not None and self.is_there(now_ns) else []

    def _entered(self, pulse: int) -> list[News]:
        assert self._entering is not None
        song, self._entering, self.playing = self._entering, None, True
        self._zero = pulse - song
        at_ns = self._line.ns_of(pulse) if self._line is not None else self._last_ns
        return [Started(round(at_ns or 0), Fraction(song, PULSES_PER_QUARTER))]

    def _pulse(self, at_ns: int) -> list[News]:
        if self._last_ns is not None and at_ns - self._last_ns > self._gone_ns:
            self._come_back(at_ns)
        self._last_ns = at_ns
        if self._line is None:
            self._take(at_ns)
        else:
            self._compare(at_ns, self._line)
        return [] if self._entering is None else self._entered(self._next - 1)

    def _come_back(self, at_ns: int) -> None:
        """After a silence: on with the pulse that is the nearest by now; the old ones tell nothing any more."""
        self._pulses = _NONE
        self._strays.clear()
        self._errors_ns.clear()
        if self._line is not None:
            self._next = max(self._next, round(self._line.pulse_at(at_ns)))

    def _take(self, at_ns: int) -> None:
        self._add([(self._next, at_ns)])
        self._next += 1
        self._draw_line()

    def _add(self, pulses: list[tuple[int, int]]) -> None:
        self._pulses = np.concatenate((self._pulses, np.array(pulses, np.int64)))[-_WINDOW:]

    def _compare(self, at_ns: int, line: _Line) -> None:
        error_ns = at_ns - line.ns_of(self._next)
        allowed_ns = (0.5 if self._scatter_ns < 0.3 * line.pulse_ns else 0.9) * line.pulse_ns
        if abs(error_ns) > allowed_ns:
            self._strays.append((self._next, at_ns))
            self._inliers = 0
            self._next += 1
            if len(self._strays) == _ENOUGH:
                self._tell_strays(line)
            return
        self._inliers += 1
        if self._inliers >= _INLIERS:
            self._strays.clear()
            self._makes_sense = True
        self._errors_ns.append(error_ns)
        self._shorten_if_gliding()
        self._take(at_ns)

    def _shorten_if_gliding(self) -> None:
        if len(self._errors_ns) < _WATCHED or len(self._pulses) <= _SHORT:
            return
        if abs(sum(self._errors_ns)) > 4.5 * self._scatter_ns * _WATCHED**0.5:
            self._pulses = self._pulses[-_SHORT:]
            self._errors_ns.clear()

    def _tell_strays(self, line: _Line) -> None:
        strays, self._strays = self._strays, []
        off = np.array([(at_ns - line.ns_of(pulse)) / line.pulse_ns for pulse, at_ns in strays])
        lost = _lost(off)
        before = self._pulses
        if lost is not None:
            self._add([(pulse + row, at_ns) for (pulse, at_ns), row in zip(strays, lost, strict=True)])
            self._next += lost[-1]
        else:
            self._pulses = _counted(np.array(strays, np.int64))
            self._next = int(self._pulses[-1, 0]) + 1
            self._since_scatter = _WATCHED
        self._errors_ns.clear()
        self._makes_sense = self._draw_line()
        if not self._makes_sense:  # no clock runs like that
            self._pulses = before
            self._next = strays[0][0]

    def _draw_line(self) -> bool:
        """Least squares through the pulses; False where that is no tempo."""
        if len(self._pulses) < _ENOUGH:
            return True
        if self._line is None:
            self._pulses = _counted(self._pulses)
            self._next = int(self._pulses[-1, 0]) + 1
        first_pulse, first_ns = self._pulses[0]
        pulses, ns = (self._pulses - self._pulses[0]).T.astype(np.float64)
        middle, middle_ns = pulses.mean(), ns.mean()
        spread = pulses - middle
        pulse_ns = float(spread @ (ns - middle_ns) / (spread @ spread))
        fastest, slowest = (_NS_PER_MINUTE / (qpm * PULSES_PER_QUARTER) for qpm in (MAX_QPM, MIN_QPM))
        if not fastest <= pulse_ns <= slowest:
            if self._line is None:
                self._pulses = self._pulses[1:]
            return False
        self._since_scatter += 1
        if self._line is None or self._since_scatter >= _WATCHED:
            self._since_scatter = 0
            errors_ns = np.abs(ns - middle_ns - spread * pulse_ns)
            self._scatter_ns = max(_LEAST_SCATTER_NS, 1.4826 * float(np.median(errors_ns)))
        self._line = _Line(int(first_ns) + round(float(middle_ns)), float(first_pulse + middle), pulse_ns)
        return True


def _lost(off: NDArray[np.float64]) -> list[int] | None:
    """How many pulses were lost before each of a row of strays that are `off` by so many pulses; None: the tempo
    changed instead.
    """
    # The slope by hand: a library's solver takes 32 MB the first time it is asked, on the beat's path.
    spread = np.arange(len(off)) - (len(off) - 1) / 2
    growth = (len(off) - 1) * float((spread * off).sum() / (spread * spread).sum())
    if abs(growth) < _ALIKE:
        return [round(float(np.median(off)))] * len(off)
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(off, 1, "edge"), 3), axis=1)
    whole = np.maximum.accumulate(np.rint(smooth).astype(int))
    if np.median(np.abs(off - whole)) < _NEAR and 0 < growth < len(off) / 2:
        return [int(row) for row in whole]
    return None


def _counted(pulses: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pulses numbered anew from the first on, with those left out that were lost, where that can be told."""
    gaps = np.diff(pulses[:, 1]) / max(1.0, float(np.median(np.diff(pulses[:, 1]))))
    steps = np.ones(len(gaps), np.int64)
    if np.median(np.abs(gaps - 1)) < _NEAR:
        long = gaps > 1 + _GAP
        steps[long] = np.rint(gaps[long]).astype(np.int64)
    numbers = pulses[0, 0] + np.concatenate(([0], np.cumsum(steps)))
    return np.column_stack((numbers, pulses[:, 1]))
