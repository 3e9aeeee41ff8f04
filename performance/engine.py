"""The engine: commands in, events out, on time. It knows no device, no process and no model.

Events are made `horizon` ahead of their due time and handed at once to the outputs that can wait (audio frames, OSC
timetags, JACK frames); the others get each event when it is due. What a command changes is heard from the end of the
horizon on; only Stop and Panic take back what is already made. Run on a virtual clock it is the renderer: same code,
same events.

When late: an event is always sent, at once, and counted. Where the engine itself was held up so long that the music
fell behind by more than `MAX_BEHIND_NS` (a machine that slept), the music waits for it: nothing is skipped, nothing
comes in a burst, and the slip is counted.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from performance.clock import NS_PER_MS, Clock
from performance.commands import EngineCommand, Panic, Play, Quantum, Quit, SetControl, SetPattern, SetVoice, Stop
from performance.controls import control, defaults
from performance.leader import Leader, Said, Started, Stopped, steered_qpm, whole_qpm
from performance.outputs.output import Output
from performance.outputs.reopening import Reopening, RunAside, run_at_once
from performance.pulse import LEAD_NS, ClockEvent, ClockStop, clock_events, clock_start
from performance.sequencer import Event, Feel, Onset, Sequencer
from performance.snapshot import EngineStatus, Lateness, Message
from performance.transport import Transport
from rvae.errors import OutputError, RvaeError
from rvae.kit import Kit
from rvae.pattern import Pattern

STEP_NS = 8 * NS_PER_MS
"""How often events are made while it plays."""

_STEER_NS = 20 * NS_PER_MS
MAX_BEHIND_NS = 100 * NS_PER_MS
_LATE_NS = 5 * NS_PER_MS
# Events are made up to whole parts of a quarter, so that tempo changes without end leave the fractions small.
_PARTS_OF_QUARTER = 24 * 2**16
_MESSAGES = 8
_KEPT = 4096


def _is_near(qpm: Fraction, other: Fraction, *, exact: bool) -> bool:
    return qpm == other if exact else abs(qpm - other) * 500 < other


class LatenessMeter:
    """Takes the lateness of each event and sums it up: a ring of the last 4096."""

    def __init__(self) -> None:
        self._ring_ns = np.zeros(_KEPT, np.int64)
        self._events = 0
        self._late = 0
        self._summed = -1
        self._summary = Lateness()
        self.slips = 0

    def add(self, lateness_ns: int) -> None:
        """One event went out so much after it was due."""
        self._ring_ns[self._events % _KEPT] = lateness_ns
        self._events += 1
        self._late += lateness_ns > _LATE_NS

    def summary(self) -> Lateness:
        """p50, p99 and maximum of the ring; counts since the start.

        Sorting the ring takes a while, so after the first events it is done once for many.
        """
        fresh = self._events - self._summed
        if self._events and fresh >= max(1, min(self._events // 16, 64)):
            self._summed = self._events
            kept = self._ring_ns[: min(self._events, _KEPT)] / NS_PER_MS
            p50, p99 = np.percentile(kept, (50, 99))
            self._summary = Lateness(p50_ms=float(p50), p99_ms=float(p99), max_ms=float(kept.max()))
        return replace(self._summary, events=self._events, late=self._late, slips=self.slips)

    def all_ms(self) -> list[float]:
        """The ring itself, in ms, for benchmarks."""
        return [float(value) for value in self._ring_ns[: min(self._events, _KEPT)] / NS_PER_MS]


class Engine:
    """Plays patterns to outputs. Call `step` again and again, no later than it says; `do` takes commands in between."""

    def __init__(
        self,
        clock: Clock,
        pattern: Pattern,
        outputs: Sequence[Output] = (),
        *,
        step_ns: int = STEP_NS,
        leader: Leader | None = None,
        run_aside: RunAside = run_at_once,
    ) -> None:
        self._clock = clock
        self._step_ns = step_ns
        self._outputs = list(outputs)
        self._controls = defaults()
        self._sequencer = Sequencer(pattern)
        self._transport: Transport | None = None
        # An event waits once for all outputs of the same offset: (when, count, event, which of the offsets).
        self._due: list[tuple[int, int, Event, int]] = []
        self._offsets_ns = sorted({output.offset_ns for output in self._outputs}) or [0]
        self._sends_clock = any(output.sends_clock for output in self._outputs)
        self._pulses_from = Fraction(0)
        self._leader = leader
        self._led_qpm: Fraction | None = None  # the leader's tempo, also when it is gone
        self._is_led = False
        self._steer_ns = 0
        self._nudge_ms: dict[int, float] = {}
        self._nudged_qpm = Fraction(0)
        self._count = 0
        self._messages: deque[Message] = deque(maxlen=_MESSAGES)
        self._message_count = 0
        self._first_sound_ns: int | None = None
        self._run_aside = run_aside
        self._reopening: Reopening | None = None
        self.lateness = LatenessMeter()
        self.has_quit = False

    @property
    def sequencer(self) -> Sequencer:
        """What makes the events."""
        return self._sequencer

    @property
    def transport(self) -> Transport | None:
        """Where the music is in time, None while stopped."""
        return self._transport

    def open_outputs(self, kit: Kit) -> None:
        """Open all outputs; one that cannot be is left out, with a message."""
        for output in self._outputs:
            try:
                output.open(kit)
                output.set_volume(self._controls["volume"])
            except OutputError as error:
                output.detail = str(error)
                self.say(str(error), is_error=True)
        opened = [output for output in self._outputs if output.is_open]
        self._reopening = Reopening(opened, kit, self._run_aside)

    def tend_outputs(self) -> None:
        """Say which outputs have gone and which are back, and have those that are gone opened again.

        For idle moments; takes microseconds.
        """
        if self._reopening is None:
            return
        for output, is_back in self._reopening.tend(self._clock.now_ns()):
            if is_back:
                output.set_volume(self._controls["volume"])
                self.say(f"{output.kind} {output.name} is back")
            else:
                self.say(output.detail, is_error=True)

    def close(self) -> None:
        """Stop, silence and close everything. May be called twice."""
        self._stop()
        self._reopening = None
        for output in self._outputs:
            output.close(self._clock.now_ns())
        if self._leader is not None:
            self._leader.close()
            self._leader = None

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Leave a line for the player."""
        self._message_count += 1
        self._messages.append(Message(self._message_count, text, is_error))

    def do(self, command: EngineCommand) -> None:
        """Carry a command out. One that cannot be becomes a message."""
        try:
            self._do(command)
        except RvaeError as error:
            self.say(str(error), is_error=True)

    def _do(self, command: EngineCommand) -> None:
        match command:
            case Play(bars=bars):
                self._play(bars)
            case Stop():
                self._stop_by_player()
            case Panic():
                self._stop_by_player()
                for output in self._outputs:
                    output.panic(self._clock.now_ns())
            case SetPattern(pattern, at):
                self._set_pattern(pattern, at)
            case SetControl(name, value):
                self._set_control(name, control(name).clamp(value))
            case SetVoice("mute", voice, value):
                self._sequencer.set_mute(voice, value >= 0.5)
            case SetVoice("nudge", voice, value):
                self._nudge_ms[voice] = control("nudge").clamp(value)
                self._set_feel()
            case SetVoice():
                pass  # other per-voice controls are decoded into the pattern
            case Quit():
                self.close()
                self.has_quit = True

    def _play(self, bars: int | None) -> None:
        if self._transport is not None:
            return
        earliest_ns = self._clock.now_ns() + self._lead_ns + self._earliest_ns + (LEAD_NS if self._sends_clock else 0)
        start = Started(earliest_ns, Fraction(0))
        if self._leader is not None:
            start = self._leader.entry(earliest_ns, self._sequencer.pattern.meter.bar_quarters)
            self._leader.player_did(start.at_ns, playing=True)
        self._begin(start, bars)

    def _begin(self, start: Started, bars: int | None = None) -> None:
        self._nudge_by_tempo()
        self._sequencer.enter(start.quarters, bars)
        self._transport = transport = Transport(start.at_ns, start.quarters, self._qpm(), self._sequencer.bars)
        opening = clock_start(self._sequencer.position)
        self._pulses_from = opening.quarters
        self._schedule_clock(opening, transport.ns_at(self._sequencer.position) - LEAD_NS)

    def _stop_by_player(self) -> None:
        if self._leader is not None:
            self._leader.player_did(self._clock.now_ns(), playing=False)
        self._stop()

    def _stop(self) -> None:
        playing, self._transport = self._transport, None
        self._due.clear()
        for output in self._outputs:
            output.silence(self._clock.now_ns())
            if playing is not None:
                output.send(ClockStop(self._sequencer.position), self._clock.now_ns())
        self._sequencer.rewind()

    def _set_pattern(self, pattern: Pattern, at: Quantum) -> None:
        self._sequencer.set_pattern(pattern, at)
        if self._transport is None:
            self._sequencer.rewind()
        else:
            self._transport = self._transport.with_bars(self._sequencer.bars)

    def _set_control(self, name: str, value: float) -> None:
        self._controls[name] = value
        match name:
            case "tempo":
                if self._leader is not None:
                    self._leader.player_did(self._clock.now_ns(), qpm=self._own_qpm())
                if not self._is_led:
                    self._led_qpm = None
                    self._follow_tempo()
            case "volume":
                for output in self._outputs:
                    output.set_volume(value)
            case "swing" | "microtiming":
                self._set_feel()

    def _set_feel(self) -> None:
        """How the ticks are played; nudges are in ms, so they depend on the tempo."""
        microtiming, swing = (Fraction(self._controls[key]) / 100 for key in ("microtiming", "swing"))
        self._nudged_qpm = qpm = self._qpm()
        nudges = (
            Fraction(self._nudge_ms.get(voice, 0.0)) * qpm / 60_000
            for voice in range(max(self._nudge_ms, default=-1) + 1)
        )
        self._sequencer.set_feel(Feel(microtiming, swing, tuple(nudges)))

    def _nudge_by_tempo(self) -> None:
        """Keep the nudges what they are in ms; a leader's tempo never stands quite still, so not for every hair."""
        if any(self._nudge_ms.values()) and not _is_near(self._nudged_qpm, self._qpm(), exact=not self._is_led):
            self._set_feel()

    def _qpm(self) -> Fraction:
        """The tempo in quarters: the leader's, or our own."""
        return self._own_qpm() if self._led_qpm is None else self._led_qpm

    def _own_qpm(self) -> Fraction:
        """The control, which counts felt beats of the meter that is in force where the sequencer stands."""
        meter = self._sequencer.bars.place_at(self._sequencer.position).meter
        return Fraction(self._controls["tempo"]) * meter.tempo_beat_quarters

    def _follow_tempo(self) -> None:
        self._nudge_by_tempo()
        if self._transport is not None:
            self._transport = self._transport.with_qpm(self._qpm(), self._sequencer.position)

    @property
    def horizon_ns(self) -> int:
        """How far ahead events are made: the control, or what the outputs need if that is more."""
        return max(int(self._controls["horizon"] * NS_PER_MS), self._lead_ns) + self._earliest_ns

    @property
    def _lead_ns(self) -> int:
        return max((output.lead_ns for output in self._outputs if output.is_open), default=0)

    @property
    def _earliest_ns(self) -> int:
        """How far before the music the earliest output plays."""
        return max(0, -self._offsets_ns[0])

    @property
    def next_due_ns(self) -> int | None:
        """When the next event that waits is due."""
        return self._due[0][0] if self._due else None

    @property
    def made_ahead_ns(self) -> int:
        """For how long there are events already."""
        if self._transport is None:
            return 0
        return self._transport.ns_at(self._sequencer.position) - self._clock.now_ns()

    def step(self) -> int:
        """Send what is due and make what comes next. Returns when to call again, in ns on the clock."""
        self.send_due()
        if self._leader is not None:
            self._follow(self._leader, self._clock.now_ns())
        if self._transport is not None:
            self._make_events(self._clock.now_ns())
            self.send_due()
        next_ns = self._clock.now_ns() + min(self._step_ns, self.horizon_ns // 2)
        return min(self._due[0][0], next_ns) if self._due else next_ns

    def _follow(self, leader: Leader, now_ns: int) -> None:
        """Start and stop with the leader, and play a little faster or slower until we are where it is."""
        for news in leader.poll(now_ns, self._sequencer.pattern.meter.bar_quarters):
            match news:
                case Started():
                    self._stop()
                    self._steer_ns = 0
                    aim = leader.aim(None, news.quarters)
                    self._led_qpm = self._led_qpm if aim is None else whole_qpm(aim.qpm)
                    self._begin(news)
                case Stopped():
                    self._stop()
                case Said(text, is_error):
                    self.say(text, is_error=is_error)
        if now_ns >= self._steer_ns:
            self._steer_ns = now_ns + _STEER_NS
            self._steer(leader)

    def _steer(self, leader: Leader) -> None:
        position = self._sequencer.position
        aim = leader.aim(self._transport, position)
        was_led, self._is_led = self._is_led, aim is not None
        if aim is None:
            if was_led:
                self._follow_tempo()
            return
        self._led_qpm = whole_qpm(aim.qpm)
        self._nudge_by_tempo()
        if self._transport is None:
            return
        bar_quarters = self._sequencer.bars.place_at(position).meter.bar_quarters
        if aim.ahead_quarters is not None and abs(aim.ahead_quarters) > bar_quarters:
            self._stop()  # the machine slept, or the leader went elsewhere: in again at its next bar
            self._play(None)
        else:
            self._transport = self._transport.with_qpm(steered_qpm(aim), position)

    @property
    def is_idle(self) -> bool:
        """Whether it is stopped and everything has been sent."""
        return self._transport is None and not self._due

    def send_due(self) -> None:
        """Send what is due."""
        while self._due and self._due[0][0] <= self._clock.now_ns():
            due_ns, _, event, offset = heapq.heappop(self._due)
            for output in self._outputs:
                if not output.takes_ahead and output.offset_ns == self._offsets_ns[offset]:
                    output.send(event, due_ns)
            self._record(event, due_ns)

    def _record(self, event: Event, due_ns: int) -> None:
        now_ns = self._clock.now_ns()
        self.lateness.add(max(0, now_ns - due_ns))
        if self._first_sound_ns is None and isinstance(event, Onset):
            self._first_sound_ns = max(now_ns, due_ns)

    def _make_events(self, now_ns: int) -> None:
        assert self._transport is not None
        behind_ns = now_ns - self._transport.ns_at(self._sequencer.position)
        if behind_ns > MAX_BEHIND_NS:
            self._transport = self._transport.delayed(behind_ns)
            self.lateness.slips += 1
        until_ns = now_ns + self.horizon_ns
        # The tempo counts felt beats: where the meter changes, the next stretch has a tempo of its own.
        for change in self._sequencer.bars.changes:
            if self._sequencer.position < change.quarters and self._transport.ns_at(change.quarters) <= until_ns:
                self._hand_out(change.quarters)
                self._follow_tempo()
        parts = math.floor(self._transport.quarters_at(until_ns) * _PARTS_OF_QUARTER)
        self._hand_out(Fraction(parts, _PARTS_OF_QUARTER))
        if self._sequencer.has_ended:
            self._transport = None

    def _hand_out(self, to: Fraction) -> None:
        assert self._transport is not None
        since = max(self._sequencer.position, self._pulses_from)
        events = self._sequencer.advance(to)
        if self._sends_clock:
            pulses = clock_events(since, to, self._sequencer.end_quarters)
            events = list(heapq.merge(pulses, events, key=lambda event: event.quarters))
        for event in events:
            self._schedule(event, self._transport.ns_at(event.quarters))
        self._transport = self._transport.with_bars(self._sequencer.bars)

    def _schedule(self, event: Event, due_ns: int) -> None:
        for output in self._outputs:
            if output.takes_ahead:
                output.send(event, due_ns + output.offset_ns)
        for offset, offset_ns in enumerate(self._offsets_ns):
            self._count += 1
            heapq.heappush(self._due, (due_ns + offset_ns, self._count, event, offset))

    def _schedule_clock(self, event: ClockEvent, due_ns: int) -> None:
        if self._sends_clock:
            self._schedule(event, due_ns)

    def status(self, realtime: str = "") -> EngineStatus:
        """How everything stands."""
        return EngineStatus(
            now_ns=self._clock.now_ns(),
            transport=self._transport,
            lateness=self.lateness.summary(),
            outputs=tuple(output.state for output in self._outputs),
            messages=tuple(self._messages),
            horizon_ms=self.horizon_ns / NS_PER_MS,
            realtime=realtime,
            first_sound_ns=self._first_sound_ns,
            sync="" if self._leader is None else self._leader.state,
        )
