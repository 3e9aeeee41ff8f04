"""Timeline: the sequencer on the transport. Moves go in, events come out with the time each is due; pure.

It knows no clock and no output. The same moves at the same positions give the same events, live and offline.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction

from performance.commands import SetPattern, SetVoice
from performance.feel import Feel
from performance.pulse import LEAD_NS, ClockStop, clock_events, clock_start
from performance.sequencer import Event, Sequencer, SequencerState
from performance.transport import Bars, Transport
from rvae.pattern import Pattern


@dataclass(frozen=True, slots=True)
class Begin:
    """The music is at `quarters` from the start at `at_ns` and runs from there at `qpm`; `bars`: for so many. Below 0
    it is counted in.
    """

    at_ns: int
    quarters: Fraction
    qpm: Fraction
    bars: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    """The music stops at `at_ns`: what was due later is taken back."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Tempo:
    """Quarters a minute from here on."""

    qpm: Fraction


@dataclass(frozen=True, slots=True)
class Wait:
    """All that is still to come is due so much later: the machine was held up."""

    length_ns: int


Move = Begin | End | Tempo | Wait | Feel | SetPattern | SetVoice
"""All that changes what is played, or when. Of SetVoice only `mute` does."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An event and the time at which it is due."""

    event: Event
    due_ns: int


@dataclass(frozen=True, slots=True)
class TimelineState:
    """All that a timeline knows, to go on from elsewhere. `pulses_from`: where MIDI clock begins, in quarters."""

    sequencer: SequencerState
    transport: Transport | None
    sends_clock: bool
    pulses_from: Fraction


class Timeline:
    """What is played and when. `sends_clock`: MIDI clock is among the events."""

    def __init__(self, pattern: Pattern, *, sends_clock: bool = False) -> None:
        self._sequencer = Sequencer(pattern)
        self._transport: Transport | None = None
        self._sends_clock = sends_clock
        self._pulses_from = Fraction(0)

    @classmethod
    def of_state(cls, state: TimelineState) -> Timeline:
        """One that goes on exactly where another stood."""
        timeline = cls(state.sequencer.patterns[0][1], sends_clock=state.sends_clock)
        timeline._sequencer = Sequencer.of_state(state.sequencer)
        timeline._transport, timeline._pulses_from = state.transport, state.pulses_from
        return timeline

    @property
    def state(self) -> TimelineState:
        """All that it knows."""
        return TimelineState(self._sequencer.state, self._transport, self._sends_clock, self._pulses_from)

    @property
    def sequencer(self) -> Sequencer:
        """What makes the events."""
        return self._sequencer

    @property
    def transport(self) -> Transport | None:
        """Where the music is in time, None while stopped."""
        return self._transport

    @property
    def position(self) -> Fraction:
        """Quarters from the start up to which events have been made."""
        return self._sequencer.position

    @property
    def bars(self) -> Bars:
        """The bars it plays in."""
        return self._sequencer.bars

    def apply(self, move: Move) -> list[Timed]:
        """Change the music from its position on; the clock messages that go with it."""
        match move:
            case Begin():
                return self._begin(move)
            case End(at_ns):
                playing, self._transport = self._transport, None
                stop = ClockStop(self.position)
                self._sequencer.rewind()
                return [Timed(stop, at_ns)] if self._sends_clock and playing is not None else []
            case SetPattern(pattern, at, mute):
                self._sequencer.set_pattern(pattern, at, mute)
                if self._transport is None:
                    self._sequencer.rewind()
                else:
                    self._transport = self._transport.with_bars(self.bars)
            case SetVoice("mute", voice, value):
                self._sequencer.set_mute(voice, value >= 0.5)
            case SetVoice():
                pass  # a nudge comes as Feel, the others are decoded into the pattern
            case Feel():
                self._sequencer.set_feel(move)
            case Tempo(qpm) if self._transport is not None:
                self._transport = self._transport.with_qpm(qpm, self.position)
            case Wait(length_ns) if self._transport is not None:
                self._transport = self._transport.delayed(length_ns)
        return []

    def _begin(self, move: Begin) -> list[Timed]:
        self._sequencer.enter(max(move.quarters, Fraction(0)), move.bars)
        self._transport = transport = Transport(move.at_ns, move.quarters, move.qpm, self.bars)
        opening = clock_start(self.position)
        self._pulses_from = opening.quarters
        return [Timed(opening, transport.ns_at(self.position) - LEAD_NS)] if self._sends_clock else []

    def advance(self, to: Fraction) -> list[Timed]:
        """The events from the position to below `to` (quarters), in order; none while stopped."""
        transport = self._transport
        if transport is None:
            return []
        since = max(self.position, self._pulses_from)
        events = self._sequencer.advance(to)
        if self._sends_clock:
            pulses = clock_events(since, to, self._sequencer.end_quarters)
            events = list(heapq.merge(pulses, events, key=lambda event: event.quarters))
        self._transport = None if self._sequencer.has_ended else transport.with_bars(self.bars)
        return [Timed(event, transport.ns_at(event.quarters)) for event in events]
