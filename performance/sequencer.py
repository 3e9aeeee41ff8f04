"""Sequencer: what sounds in a span of musical time, from patterns; pure, and the same however the time is cut into
spans.

An onset belongs to the pattern that is in force at its tick, wherever its microtiming puts it: one that is a little
early on a barline sounds before it and comes from the pattern of the bar it opens. Every tick of every voice is
decided once. Where a change comes after the moment at which an onset should have sounded, but before its tick, it
sounds at the change. So nothing is played twice and nothing is skipped.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from performance.commands import Quantum
from performance.feel import MAX_MICROTIMING_AMOUNT, MAX_SWING, MIN_SWING, Feel
from performance.part import Part
from performance.pulse import ClockEvent
from performance.transport import Bars
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.pattern import MAX_MICROTIMING_TICKS, Pattern

GATE_QUARTERS = Fraction(1, 8)
"""How long a note lasts, in quarters, unless the same note comes again before."""

# How far an onset can sound before and after its tick: microtiming both ways, swing only after.
_EARLY_TICKS = math.ceil(MAX_MICROTIMING_TICKS * MAX_MICROTIMING_AMOUNT)
_LATE_TICKS = _EARLY_TICKS + math.ceil(TICKS_PER_BEAT * (MAX_SWING - MIN_SWING))
_NUDGED_TICKS = TICKS_PER_BEAT // 2  # and how much further a voice can be nudged, either way


@dataclass(frozen=True, slots=True)
class Onset:
    """A note begins at `quarters` from the start. `velocity`: 1..127. `bar` (from 0) and `tick` (in the bar) are
    where it is written; `quarters` has its microtiming and swing in it.
    """

    quarters: Fraction
    voice: int
    pitch: int
    velocity: int
    bar: int
    tick: int


@dataclass(frozen=True, slots=True)
class Release:
    """A note ends."""

    quarters: Fraction
    voice: int
    pitch: int


@dataclass(frozen=True, slots=True)
class BeatStart:
    """A felt beat begins; `bar` and `beat` count from 0."""

    quarters: Fraction
    bar: int
    beat: int


Event = Onset | Release | BeatStart | ClockEvent


@dataclass(frozen=True, slots=True)
class SequencerState:
    """All that a sequencer knows, to go on from elsewhere: see its properties.

    `patterns`: each with the (bar, tick) from which it is played. `decided`: the (bar, tick, voice) that are done with.
    `open_notes`: (pitch, end in quarters, voice, beginning in quarters) of those that sound. `has_nudged`: whether
    voices have been nudged since the start. `mutes_to_come`: the (bar, tick) from which other voices are muted, and
    which.
    """

    position: Fraction
    bars: Bars
    patterns: tuple[tuple[tuple[int, int], Pattern], ...]
    feel: Feel
    muted: tuple[int, ...]
    has_nudged: bool
    decided: tuple[tuple[int, int, int], ...]
    open_notes: tuple[tuple[int, Fraction, int, Fraction], ...]
    bar: int
    end_bar: int | None
    mutes_to_come: tuple[tuple[tuple[int, int], tuple[int, ...]], ...] = ()


class _Span:
    """A bar in time: exactly by its barline, and roughly, in floats, to find what lies near a position."""

    def __init__(self, barline: Fraction, meter: Meter) -> None:
        self.barline = barline
        self.meter = meter
        self._start = float(barline)
        self._beats = [float(meter.quarters_at(beat * TICKS_PER_BEAT)) for beat in range(meter.beats + 1)]

    def rough_ticks(self, quarters: float) -> float:
        """Ticks from the barline to a position; before and after the bar counted in its last and first beat."""
        beats, inside = self._beats, quarters - self._start
        if inside < 0:
            return inside / (beats[-1] - beats[-2]) * TICKS_PER_BEAT
        if inside >= beats[-1]:
            return (len(beats) - 1 + (inside - beats[-1]) / beats[1]) * TICKS_PER_BEAT
        beat = bisect.bisect_right(beats, inside) - 1
        return (beat + (inside - beats[beat]) / (beats[beat + 1] - beats[beat])) * TICKS_PER_BEAT


class Sequencer:
    """Plays patterns from bar 0 on. `advance` gives the events of the next span; changes take effect from where it
    stands.
    """

    def __init__(self, pattern: Pattern, feel: Feel | None = None) -> None:
        self._feel = feel or Feel()
        self._muted: frozenset[int] = frozenset()
        self._mutes_to_come: list[tuple[tuple[int, int], frozenset[int]]] = []
        self._reach_ticks = _NUDGED_TICKS if any(self._feel.nudge_quarters) else 0
        self._begin(pattern)

    def _begin(self, pattern: Pattern, end_bar: int | None = None) -> None:
        self._position = Fraction(0)
        self._bars = Bars.of(pattern.meter)
        self._parts: list[tuple[tuple[int, int], Part]] = [((0, 0), Part(pattern, self._feel))]
        self._decided: set[tuple[int, int, int]] = set()
        self._open: dict[int, tuple[Fraction, int, Fraction]] = {}
        self._end_bar = end_bar
        self._bar = 0
        self._spans: dict[int, _Span] = {}
        self._next_beat: BeatStart | None = None
        for _, muted in self._mutes_to_come:
            self._muted = muted
        self._mutes_to_come = []

    @classmethod
    def of_state(cls, state: SequencerState) -> Sequencer:
        """One that goes on exactly where another stood."""
        sequencer = cls(state.patterns[0][1], state.feel)
        sequencer._position, sequencer._bars, sequencer._bar = state.position, state.bars, state.bar
        sequencer._parts = [(place, Part(pattern, state.feel)) for place, pattern in state.patterns]
        sequencer._muted = frozenset(state.muted)
        sequencer._mutes_to_come = [(place, frozenset(muted)) for place, muted in state.mutes_to_come]
        sequencer._reach_ticks = _NUDGED_TICKS if state.has_nudged else 0
        sequencer._decided = set(state.decided)
        sequencer._open = {pitch: (release, voice, began) for pitch, release, voice, began in state.open_notes}
        sequencer._end_bar = state.end_bar
        return sequencer

    @property
    def state(self) -> SequencerState:
        """All that it knows."""
        return SequencerState(
            position=self._position,
            bars=self._bars,
            patterns=tuple((place, part.pattern) for place, part in self._parts),
            feel=self._feel,
            muted=tuple(sorted(self._muted)),
            has_nudged=self._reach_ticks > 0,
            decided=tuple(sorted(self._decided)),
            open_notes=tuple((pitch, *note) for pitch, note in sorted(self._open.items())),
            bar=self._bar,
            end_bar=self._end_bar,
            mutes_to_come=tuple((place, tuple(sorted(muted))) for place, muted in self._mutes_to_come),
        )

    @property
    def position(self) -> Fraction:
        """Quarters from the start up to which events have been made."""
        return self._position

    @property
    def bars(self) -> Bars:
        """The bars it plays in, with the meter change that waits, if any."""
        return self._bars

    @property
    def pattern(self) -> Pattern:
        """The pattern that was set last; it may wait for its beat or bar."""
        return self._parts[-1][1].pattern

    @property
    def end_quarters(self) -> Fraction | None:
        """Where the last bar asked for ends; None where it goes on."""
        return None if self._end_bar is None else self._bars.quarters_at(self._end_bar)

    @property
    def has_ended(self) -> bool:
        """Whether the last bar asked for is over, with all that belongs to it."""
        if self._end_bar is None:
            return False
        return self._position >= self._bars.quarters_at(self._end_bar, _LATE_TICKS + self._reach_ticks)

    def rewind(self, end_bar: int | None = None) -> None:
        """Back to bar 0, with the pattern that was set last. `end_bar`: play so many bars only."""
        self._begin(self.pattern, end_bar)

    def enter(self, quarters: Fraction, bars: int | None = None) -> None:
        """Begin in the middle, at `quarters` from the start, with what sounds from there on; `bars`: play so many."""
        first = Bars.of(self.pattern.meter).place_at(quarters)
        self.rewind(None if bars is None else first.bar + bars)
        if quarters > 0:
            self._bar = max(0, first.bar - 1)
            self._position = self._bars.quarters_at(self._bar)
            self.advance(quarters)
            self._open.clear()

    def set_feel(self, feel: Feel) -> None:
        """Play what is not yet decided with another feel."""
        self._feel = feel
        if any(feel.nudge_quarters):  # and from then on: what was nudged before may still be to come
            self._reach_ticks = _NUDGED_TICKS
        self._parts = [(place, part.with_feel(feel)) for place, part in self._parts]

    def set_mute(self, voice: int, muted: bool) -> None:
        """Leave out the onsets of a voice from here on, or play them again."""

        def changed(voices: frozenset[int]) -> frozenset[int]:
            return voices | {voice} if muted else voices - {voice}

        self._muted = changed(self._muted)
        self._mutes_to_come = [(place, changed(voices)) for place, voices in self._mutes_to_come]

    def set_pattern(self, pattern: Pattern, at: Quantum, mute: Sequence[int] | None = None) -> None:
        """Play a pattern from the next tick (`now`), beat or bar on. The last one set counts. `mute`: the voices that
        are muted from there on, and no others; None: as they are.

        One in another meter brings it at the next barline; where it has as many beats it sounds in the old meter
        until then.
        """
        here = self._bars.place_at(self._position).meter
        place = self._next_place(at)
        self._spans = {}
        self._next_beat = None
        if pattern.meter == here:
            # No other meter waits any longer.
            self._bars = self._bars.with_meter(here, self._bars.first_bar_from(self._position))
            self._schedule(place, pattern, mute)
            return
        barline = (self._bars.first_bar_from(self._position), 0)
        if place < barline and pattern.meter.beats == here.beats:
            self._schedule(place, pattern.in_meter(here), mute)
            mute = None
        self._bars = self._bars.with_meter(pattern.meter, barline[0])
        self._schedule(barline, pattern, mute)

    def _next_place(self, at: Quantum) -> tuple[int, int]:
        if at == "bar":
            return self._bars.first_bar_from(self._position), 0
        return self._bars.first_tick_from(self._position, TICKS_PER_BEAT if at == "beat" else 1)

    def _schedule(self, place: tuple[int, int], pattern: Pattern, mute: Sequence[int] | None) -> None:
        kept = [(start, part) for start, part in self._parts if start < place]
        self._parts = [*kept, (place, Part(pattern, self._feel))]
        if mute is not None:
            before = [(start, muted) for start, muted in self._mutes_to_come if start < place]
            self._mutes_to_come = [*before, (place, frozenset(mute))]

    def _is_muted(self, voice: int, place: tuple[int, int]) -> bool:
        to_come = (muted for start, muted in reversed(self._mutes_to_come) if start <= place)
        return voice in next(to_come, self._muted)

    def advance(self, to: Fraction) -> list[Event]:
        """The events from the position to below `to` (quarters), in order; the position is `to` then."""
        if to <= self._position:
            return []
        # At one moment: beats, then ends, then beginnings; where a note begins twice at once, its end stands between.
        keyed: list[tuple[tuple[Fraction, int, int], Event]] = [
            ((start.quarters, 0, start.beat), start) for start in self._beat_starts(to)
        ]
        for index, onset in enumerate(self._onsets(to)):
            if onset.pitch in self._open:
                release, voice, began = self._open.pop(onset.pitch)
                at_quarters = min(release, onset.quarters)
                order = (2, 2 * index) if at_quarters == began else (1, voice)
                keyed.append(((at_quarters, *order), Release(at_quarters, voice, onset.pitch)))
            keyed.append(((onset.quarters, 2, 2 * index + 1), onset))
            self._open[onset.pitch] = (self._release_of(onset), onset.voice, onset.quarters)
        for pitch, (release, voice, _) in sorted(self._open.items()):
            if release < to:
                keyed.append(((release, 1, voice), Release(release, voice, pitch)))
                del self._open[pitch]
        keyed.sort(key=lambda pair: pair[0])
        events = [event for _, event in keyed]
        self._position = to
        self._forget()
        return events

    def _release_of(self, onset: Onset) -> Fraction:
        release = onset.quarters + GATE_QUARTERS
        if self._end_bar is None:
            return release
        # A last note ends with its bar; one that is late beyond the barline keeps its length.
        end = self._bars.quarters_at(self._end_bar)
        return min(release, end) if onset.quarters < end else release

    def _beat_starts(self, to: Fraction) -> list[BeatStart]:
        starts: list[BeatStart] = []
        if self._next_beat is None:
            self._next_beat = self._beat_start(*self._bars.first_tick_from(self._position, TICKS_PER_BEAT))
        while self._next_beat.quarters < to and (self._end_bar is None or self._next_beat.bar < self._end_bar):
            starts.append(self._next_beat)
            bar, beat = self._next_beat.bar, self._next_beat.beat + 1
            last = beat == self._span(bar).meter.beats
            self._next_beat = self._beat_start(bar + 1, 0) if last else self._beat_start(bar, beat * TICKS_PER_BEAT)
        return starts

    def _beat_start(self, bar: int, tick: int) -> BeatStart:
        return BeatStart(self._bars.quarters_at(bar, tick), bar, tick // TICKS_PER_BEAT)

    def _onsets(self, to: Fraction) -> list[Onset]:
        """The onsets to decide up to `to`, in order of time; those that should have sounded already sound at the
        position.
        """
        found: list[Onset] = []
        since, until = float(self._position), float(to)
        bar = max(0, self._bar - 1)
        while self._end_bar is None or bar < self._end_bar:
            span = self._span(bar)
            high = span.rough_ticks(until) + _EARLY_TICKS + self._reach_ticks + 1
            if high <= 0:
                break
            low = max(0, int(span.rough_ticks(since)) - _LATE_TICKS - self._reach_ticks - 1)
            found += self._onsets_of_bar(bar, low, min(math.ceil(high), span.meter.bar_ticks), span.barline, to)
            bar += 1
        return sorted(found, key=lambda onset: (onset.quarters, onset.voice, onset.bar, onset.tick))

    def _span(self, bar: int) -> _Span:
        if bar not in self._spans:
            self._spans[bar] = _Span(self._bars.quarters_at(bar), self._bars.in_force(bar).meter)
        return self._spans[bar]

    def _onsets_of_bar(self, bar: int, low: int, high: int, barline: Fraction, to: Fraction) -> list[Onset]:
        found: list[Onset] = []
        ends = [start for start, _ in self._parts[1:]] + [(bar + 1, 0)]
        for (start, part), end in zip(self._parts, ends, strict=True):
            from_tick = low if start[0] < bar else start[1] if start[0] == bar else high
            to_tick = high if end[0] > bar else end[1] if end[0] == bar else low
            for tick in part.ticks(bar, max(low, from_tick), min(high, to_tick)):
                for offset, voice, velocity in part.onsets(bar, tick):
                    if (bar, tick, voice) in self._decided:
                        continue
                    quarters = max(barline + offset + part.nudge(voice), self._position)
                    if quarters >= to:
                        continue
                    self._decided.add((bar, tick, voice))
                    if not self._is_muted(voice, (bar, tick)):
                        pitch = part.pattern.kit.voices[voice].pitch_out
                        found.append(Onset(quarters, voice, pitch, velocity, bar, tick))
        return found

    def _forget(self) -> None:
        """Let go of what can no longer matter: a set of long standing would slow the beat."""
        if self._position < self._span(self._bar + 1).barline:
            return
        self._bar = self._bars.place_at(self._position).bar
        kept = self._bar - 1
        self._bars = self._bars.since(kept)
        self._spans = {bar: span for bar, span in self._spans.items() if bar >= kept}
        self._decided = {key for key in self._decided if key[0] >= kept}
        for _, muted in (entry for entry in self._mutes_to_come if entry[0] <= (kept, 0)):
            self._muted = muted
        self._mutes_to_come = [entry for entry in self._mutes_to_come if entry[0] > (kept, 0)]
        current = max(index for index, (start, _) in enumerate(self._parts) if index == 0 or start <= (kept, 0))
        self._parts = self._parts[current:]
