"""The streaming checker: what must hold of every performance, whoever plays it, event by event."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from performance.sequencer import BeatStart, Event, Onset, Release
from performance.transport import Barline, Bars


class StreamChecker:
    """Feed it events in the order they were made; it raises AssertionError at the first that is wrong."""

    def __init__(self) -> None:
        self.sounding: dict[int, Onset] = {}
        self.seen: set[tuple[int, int, int]] = set()
        self.last = Fraction(-1)
        self.beats: list[BeatStart] = []
        self.onsets: list[Onset] = []
        self.changes: tuple[Barline, ...] = ()

    def feed(self, events: Iterable[Event], in_force: Bars) -> None:
        """Check more events; `in_force`: the bars when they were made."""
        earlier = tuple(change for change in self.changes if change.bar < in_force.changes[0].bar)
        self.changes = earlier + in_force.changes
        bars = Bars(self.changes)
        for event in events:
            assert event.quarters >= self.last, f"out of order: {event} after {self.last}"
            self.last = event.quarters
            match event:
                case Onset():
                    self._onset(event, bars)
                case Release():
                    assert event.pitch in self.sounding, f"an end without a beginning: {event}"
                    assert event.quarters >= self.sounding.pop(event.pitch).quarters
                case BeatStart():
                    self._beat(event, bars)

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
        assert beat.quarters == bars.quarters_at(beat.bar, beat.beat * 24), f"a beat out of place: {beat}"
        if not self.beats:
            assert (beat.bar, beat.beat) == (0, 0)
        else:
            before = self.beats[-1]
            last_of_bar = before.beat == bars.in_force(before.bar).meter.beats - 1
            follows = (before.bar + 1, 0) if last_of_bar else (before.bar, before.beat + 1)
            assert (beat.bar, beat.beat) == follows, f"{beat} does not follow {before}"
        self.beats.append(beat)

    def at_end(self) -> None:
        assert not self.sounding, f"stuck: {sorted(self.sounding)}"
