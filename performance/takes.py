"""Takes: what is played in on pads or keys while the music, or only the click, runs; pure.

A stroke's place is its time on the transport that was in force then, so a tempo may change under it. A take has whole
bars. It begins with a barline and ends with the one nearest to where it was asked to end, but never before a stroke.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from performance.recent import Excerpt
from performance.sequencer import GATE_QUARTERS
from performance.transport import Bars, Place, Transport
from rvae.kit import Kit
from rvae.midi import DRUM_CHANNEL, WRITE_PPQ, MidiNote
from rvae.pattern import CYCLE_BARS, MAX_MIDI_VELOCITY, Pattern

MOST_STROKES = 20_000  # an hour of the densest drumming; what comes after is counted
_LOOP_BARS = max(CYCLE_BARS)
_GRACE_NS = 150_000_000  # a stroke is told so much later than it was struck, at the most
_BEGUN_ANEW = Fraction(1, 4)  # the music is so far back, in quarters, that it is another performance


@dataclass(frozen=True, slots=True)
class Stroke:
    """A pad was struck, at `quarters` from the start of the music. `pitch`: its MIDI note; `velocity`: 1 to 127."""

    quarters: Fraction
    pitch: int
    velocity: int


class Take:
    """Call `strike` with what is struck and `follow` with how the music stands, again and again, until it `is_over`.

    `from_start`: the music begins with it, maybe with a count-in; otherwise it begins with the next bar. `bars`: it
    ends by itself after so many. `offset_ns`: strokes are told so much later than they are meant.
    """

    def __init__(self, kit: Kit, *, from_start: bool, bars: int | None = None, offset_ns: int = 0) -> None:
        self.kit, self._wanted_bars, self._offset_ns = kit, bars, offset_ns
        self._start = Fraction(0) if from_start else None
        self._end: Fraction | None = None
        self._here: Fraction | None = None
        self._looked_ns = 0
        self._bars: Bars | None = None
        self._transports: list[tuple[int, Transport]] = []  # from when each holds
        self._untimed: list[tuple[int, int, int]] = []
        self._strokes: list[Stroke] = []
        self.unread: Counter[int] = Counter()
        self.early = self.late = 0
        self.is_over = False

    @property
    def has_begun(self) -> bool:
        """Whether its first bar runs, or has run."""
        return self._start is not None and self._here is not None and self._here >= self._start

    @property
    def is_ending(self) -> bool:
        """Whether it was asked to end, and its last bar still runs."""
        return self._end is not None and self._wanted_bars is None and not self.is_over

    @property
    def place(self) -> Place | None:
        """Where the music is, with bars counted from the take's first; None while it has not begun to run."""
        if self._bars is None or self._here is None or self._start is None:
            return None
        here = self._bars.place_at(self._here)
        return Place(here.bar - self._bars.place_at(self._start).bar, here.ticks, here.meter)

    @property
    def strokes(self) -> int:
        """How many are in it by now."""
        return len(self._strokes)

    def shown(self, cycle_bars: int) -> Pattern | None:
        """The strokes of the last bars, as many as a cycle has, on the grid of the meter that is played now; None while
        nothing is played.
        """
        if (here := self.place) is None or self._bars is None or self._start is None:
            return None
        meter, first = here.meter, self._bars.place_at(self._start).bar
        shape = (len(self.kit), cycle_bars * meter.bar_ticks)
        onset, velocity, microtiming = (np.zeros(shape, kind) for kind in (np.int8, np.float32, np.float32))
        for stroke in reversed(self._strokes):
            place, row = self._bars.place_at(stroke.quarters), self.kit.row_of_pitch(stroke.pitch)
            if place.bar - first < here.bar - cycle_bars:
                break  # a stroke or two may have been told out of order, none by a bar
            if row is not None and place.meter == meter and place.bar - first > here.bar - cycle_bars:
                tick = round(place.ticks)
                column = ((place.bar - first) * meter.bar_ticks + tick) % shape[1]
                if not onset[row, column]:  # the last one stands
                    onset[row, column], velocity[row, column] = 1, stroke.velocity / MAX_MIDI_VELOCITY
                    microtiming[row, column] = float(place.ticks - tick)
        return Pattern(onset, velocity, microtiming, meter, cycle_bars, self.kit)

    def strike(self, pitch: int, velocity: int, at_ns: int) -> None:
        """A pad was struck at a time of the monotonic clock."""
        self._untimed.append((at_ns, pitch, velocity))

    def follow(self, transport: Transport | None, now_ns: int) -> None:
        """The music stands so now; None: it is stopped."""
        if self.is_over:
            return
        here = None if transport is None else transport.quarters_at(now_ns - self._offset_ns)
        if here is None or transport is None or self._is_begun_anew(transport, here):
            if self._here is not None:
                self.stop()
            else:
                self._start = Fraction(0)  # there is no bar to wait for
            return
        self._know(transport, now_ns, here)
        self._here, self._looked_ns = here, now_ns
        assert self._bars is not None
        if self._start is None:
            self._start = self._bars.quarters_at(self._bars.first_bar_from(here))
        if self._wanted_bars is not None:
            self._end = self._bars.quarters_at(self._bars.place_at(self._start).bar + self._wanted_bars)
        self._time_strokes()
        grace = transport.quarters_at(now_ns - self._offset_ns - _GRACE_NS)
        self.is_over = self._end is not None and grace >= self._end

    def _is_begun_anew(self, transport: Transport, here: Fraction) -> bool:
        """Whether this is another performance; music that waited for a machine that stood still goes back, too."""
        if self._here is None or here >= self._here - _BEGUN_ANEW:
            return False
        return transport.anchor_ns >= self._looked_ns and transport.anchor_quarters < self._here - _BEGUN_ANEW

    def _know(self, transport: Transport, now_ns: int, here: Fraction) -> None:
        before = self._transports[-1][1] if self._transports else None
        if before is None or (before.anchor_ns, before.qpm) != (transport.anchor_ns, transport.qpm):
            moved = before is None or before.anchor_quarters != transport.anchor_quarters
            self._transports.append((transport.anchor_ns if moved else now_ns, transport))
        first = transport.bars.changes[0].bar
        gone = () if self._bars is None else self._bars.changes
        old = tuple(change for change in gone if change.bar < first and change.quarters <= here)
        self._bars = Bars((*old, *transport.bars.changes))

    def _time_strokes(self) -> None:
        for at_ns, pitch, velocity in self._untimed if self._transports else ():
            known = max(0, bisect_right(self._transports, at_ns - self._offset_ns, key=lambda pair: pair[0]) - 1)
            quarters = self._transports[known][1].quarters_at(at_ns - self._offset_ns)
            self._take(Stroke(quarters, pitch, velocity))
        if self._transports:
            self._untimed.clear()

    def _take(self, stroke: Stroke) -> None:
        assert self._bars is not None
        assert self._start is not None
        meter = self._bars.place_at(self._start).meter
        if stroke.quarters < self._start - min(meter.beat_eighths) / 4:  # half the shortest beat
            self.early += 1
        elif (self._end is not None and stroke.quarters >= self._end) or len(self._strokes) >= MOST_STROKES:
            self.late += 1
        else:
            self._strokes.append(stroke)
            if self.kit.row_of_pitch(stroke.pitch) is None:
                self.unread[stroke.pitch] += 1

    def end(self) -> None:
        """End it at the nearest barline, but not before a stroke. One that has not begun is over, and empty."""
        if self._wanted_bars is not None or not self.has_begun:
            self.is_over = True
            self._strokes.clear()
            return
        assert self._bars is not None
        assert self._here is not None
        assert self._start is not None
        here = self._bars.place_at(self._here)
        bar = here.bar + (here.ticks * 2 >= here.meter.bar_ticks)
        last = max((self._start, *(stroke.quarters for stroke in self._strokes)))  # one may be early for it
        first_bar = self._bars.place_at(self._start).bar
        self._end = self._bars.quarters_at(max(bar, first_bar, self._bars.place_at(last).bar + bool(self._strokes)))

    def stop(self) -> None:
        """The music has stopped: what was struck by then is all."""
        self._time_strokes()
        if self._end is None:
            self.end()
        self.is_over = True

    def excerpt(self) -> Excerpt | None:
        """What was played, to be written as a clip, when it is over; None where nothing was struck.

        In a clip of at most 4 bars, which goes round, a stroke before its first bar stands at its end; in a longer one
        it stands on the barline.
        """
        if not self.is_over or not self._strokes or self._bars is None or self._start is None or self._end is None:
            return None
        start, length = self._start, self._end - self._start
        bars = self._bars.place_at(self._end).bar - self._bars.place_at(start).bar
        notes = sorted(
            MidiNote(
                _on_grid(stroke.quarters - start, length, goes_round=bars <= _LOOP_BARS),
                GATE_QUARTERS,
                DRUM_CHANNEL,
                stroke.pitch,
                stroke.velocity,
            )
            for stroke in self._strokes
        )
        first = self._bars.place_at(start).meter
        changes = [change for change in self._bars.changes if start < change.quarters < self._end]
        meters = [(Fraction(0), first), *((change.quarters - start, change.meter) for change in changes)]
        return Excerpt(bars, tuple(notes), self._tempos(start, self._end), tuple(meters), length)

    def _tempos(self, start: Fraction, end: Fraction) -> tuple[tuple[Fraction, float], ...]:
        found: list[tuple[Fraction, float]] = []
        for _, transport in self._transports:
            at, qpm = max(Fraction(0), transport.anchor_quarters - start), float(transport.qpm)
            if at >= end - start:
                break
            while found and found[-1][0] >= at:
                found.pop()
            if not found or found[-1][1] != qpm:
                found.append((at, qpm))
        return tuple(found)


def _on_grid(quarters: Fraction, length: Fraction, *, goes_round: bool) -> Fraction:
    """A place on the file's own grid, within the clip."""
    pulses, all_pulses = round(quarters * WRITE_PPQ), round(length * WRITE_PPQ)
    return Fraction(pulses % all_pulses if goes_round else min(max(0, pulses), all_pulses - 1), WRITE_PPQ)
