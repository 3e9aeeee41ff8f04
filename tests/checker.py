"""The streaming checker: what must hold of every performance, whoever plays it, event by event.

`StreamChecker` looks at one run of music; `JournalChecker` at a whole journal, each run of which it also plays again.
Every engine that a test makes is given one (see conftest): the engine stops at the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from performance.journal import Applied, Closed, Entry, Lost, Opened, Went
from performance.pulse import PULSES_PER_QUARTER, ClockContinue, ClockPulse, ClockStart
from performance.replay import Comparison
from performance.sequencer import BeatStart, Event, Onset, Release
from performance.timeline import Begin, End
from performance.transport import Barline, Bars
from rvae.meter import TICKS_PER_BEAT


class StreamChecker:
    """Feed it events in the order they were made; it raises AssertionError at the first that is wrong."""

    def __init__(self, start: Fraction = Fraction(0), ringing: Iterable[int] = ()) -> None:
        """`start`: where in the music it begins, in quarters; `ringing`: the pitches that sound already."""
        self.start = max(start, Fraction(0))  # what is counted in begins with the first bar
        self.ringing = set(ringing)
        self.sounding: dict[int, Onset] = {}
        self.seen: set[tuple[int, int, int]] = set()
        self.last = Fraction(-1)
        self.beats: list[BeatStart] = []
        self.onsets: list[Onset] = []
        self.changes: tuple[Barline, ...] = ()
        self.next_pulse: Fraction | None = None

    def feed(self, events: Iterable[Event], in_force: Bars) -> None:
        """Check more events; `in_force`: the bars when they were made."""
        earlier = tuple(change for change in self.changes if change.bar < in_force.changes[0].bar)
        self.changes = earlier + in_force.changes
        bars = Bars(self.changes)
        for event in events:
            if not isinstance(event, ClockStart | ClockContinue):  # they announce what is to come
                assert event.quarters >= self.last, f"out of order: {event} after {self.last}"
                self.last = event.quarters
            match event:
                case Onset():
                    self._onset(event, bars)
                case Release() if event.pitch in self.ringing:
                    self.ringing.discard(event.pitch)
                case Release():
                    assert event.pitch in self.sounding, f"an end without a beginning: {event}"
                    assert event.quarters >= self.sounding.pop(event.pitch).quarters
                case BeatStart():
                    self._beat(event, bars)
                case ClockStart() | ClockContinue():
                    self.next_pulse = event.quarters
                case ClockPulse():
                    assert self.next_pulse in (None, event.quarters), f"{event} comes where {self.next_pulse} was to"
                    self.next_pulse = event.quarters + Fraction(1, PULSES_PER_QUARTER)

    def _onset(self, onset: Onset, bars: Bars) -> None:
        assert onset.pitch not in self.sounding, f"begins before it ended: {onset}"
        assert 1 <= onset.velocity <= 127
        key = (onset.bar, onset.tick, onset.voice)
        assert key not in self.seen, f"played twice: {onset}"
        meter = bars.in_force(onset.bar).meter
        assert 0 <= onset.tick < meter.bar_ticks
        # Swing and microtiming move an onset by a beat at the very most; a change may hold it back to where it came.
        assert abs(onset.quarters - bars.quarters_at(onset.bar, onset.tick)) < max(meter.beat_eighths) / 2
        self.seen.add(key)
        self.onsets.append(onset)
        self.sounding[onset.pitch] = onset

    def _beat(self, beat: BeatStart, bars: Bars) -> None:
        assert beat.quarters == bars.quarters_at(beat.bar, beat.beat * TICKS_PER_BEAT), f"a beat out of place: {beat}"
        if not self.beats:
            bar, tick = bars.first_tick_from(self.start, TICKS_PER_BEAT)
            assert (beat.bar, beat.beat) == (bar, tick // TICKS_PER_BEAT), f"{beat} is not the first"
        else:
            before = self.beats[-1]
            last_of_bar = before.beat == bars.in_force(before.bar).meter.beats - 1
            follows = (before.bar + 1, 0) if last_of_bar else (before.bar, before.beat + 1)
            assert (beat.bar, beat.beat) == follows, f"{beat} does not follow {before}"
        self.beats.append(beat)

    def at_end(self) -> None:
        assert not self.sounding, f"stuck: {sorted(self.sounding)}"


class JournalChecker:
    """A journal that keeps nothing and checks everything; or feed it one that was kept."""

    def __init__(self) -> None:
        self.comparison = Comparison()
        self.bars: Bars | None = None
        self.stream: StreamChecker | None = None
        self.before: StreamChecker | None = None  # what ended by itself and may have a last event to send
        self.begun_ns = 0
        self.due_ns = 0
        self.onsets = 0

    def note(self, entry: Entry) -> None:
        different = self.comparison.feed(entry)
        assert different is None, different
        match entry:
            case Opened():
                self._open(entry)
            case Applied(_, _, Begin() as begin):
                self.before, self.stream = self.stream, StreamChecker(begin.quarters)
                self.begun_ns, self.bars = begin.at_ns, None
            case Applied(_, _, End()):
                self.stream = self.before = None
                self.due_ns = 0
            case Applied(_, _, Barline() as barline):
                kept = () if self.bars is None else tuple(c for c in self.bars.changes if c.bar < barline.bar)
                self.bars = Bars((*kept, barline))
            case Went():
                self._went(entry)
            case Lost(entries):
                raise AssertionError(f"{entries} entries are lost")
            case Closed():
                pass

    def _open(self, entry: Opened) -> None:
        if entry.state.transport is None:
            return
        state = entry.state.sequencer
        ringing = {pitch for pitch, *_ in state.open_notes}
        for timed in reversed(entry.waiting):  # of a note that ends and begins again, the end comes first
            if isinstance(timed.event, Release):
                ringing.add(timed.event.pitch)
            elif isinstance(timed.event, Onset):
                ringing.discard(timed.event.pitch)
        beats = [timed.event for timed in entry.waiting if isinstance(timed.event, BeatStart)]
        self.stream = StreamChecker(beats[0].quarters if beats else state.position, ringing)
        self.bars = state.bars

    def _went(self, entry: Went) -> None:
        assert entry.went_ns >= entry.due_ns, f"too early: {entry}"
        if not isinstance(entry.event, ClockStart | ClockContinue):  # they go at once if they should have gone before
            assert entry.due_ns >= self.due_ns, f"due before the one that went before: {entry}"
            self.due_ns = entry.due_ns
        self.onsets += isinstance(entry.event, Onset)
        stream = self.before if self.before is not None and entry.due_ns < self.begun_ns else self.stream
        if stream is not None and self.bars is not None:
            stream.feed([entry.event], self.bars)

    def at_end(self) -> None:
        """No more entries will come."""
        different = self.comparison.rest()
        assert different is None, different


def check_journal(entries: Iterable[Entry]) -> JournalChecker:
    """Check a journal that was kept; raises AssertionError at the first thing that is wrong."""
    checker = JournalChecker()
    for entry in entries:
        checker.note(entry)
    checker.at_end()
    return checker
