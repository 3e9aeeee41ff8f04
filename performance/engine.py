"""The engine: commands in, events out, on time. It knows no device, no process and no model.

It makes events on its timeline `horizon` ahead of their due time and gives them to the dispatch, which brings each to
the outputs. What a command changes is heard from the end of the horizon on; only Stop and Panic take back what is
already made. Run on a virtual clock it is the renderer: same code, same events.

When late: an event is always sent, at once, and counted. Where the engine itself was held up so long that the music
fell behind by more than `MAX_BEHIND_NS` (a machine that slept), the music waits for it: nothing is skipped, nothing
comes in a burst, and the slip is counted.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from fractions import Fraction

from performance.click import clicks
from performance.clock import NS_PER_MS, Clock
from performance.commands import (
    CloseOutput,
    EngineCommand,
    Export,
    OpenOutput,
    Panic,
    Play,
    Quit,
    SetControl,
    SetPattern,
    SetVoice,
    StartRecording,
    Stop,
    StopRecording,
    StrikePad,
)
from performance.controls import control, defaults
from performance.dispatch import Dispatch
from performance.journal import Applied, Closed, Journal, Opened
from performance.keeping import Clips, Journals, Keeping
from performance.lateness import LatenessMeter
from performance.leader import Leader, NoLeader, Said, Started, Stopped, steered_qpm, whole_qpm
from performance.outputs.output import Output
from performance.outputs.reopening import RunAside, run_at_once
from performance.pace import Pace
from performance.pulse import LEAD_NS
from performance.sequencer import Sequencer
from performance.snapshot import EngineStatus, Message
from performance.timeline import Begin, End, Move, Tempo, Timeline, Wait
from performance.transport import Barline, Transport
from rvae.errors import RvaeError, UsageError
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.pattern import Pattern

STEP_NS = 8 * NS_PER_MS
"""How often events are made while it plays."""

_STEER_NS = 20 * NS_PER_MS
MAX_BEHIND_NS = 100 * NS_PER_MS
# Events are made up to whole parts of a quarter, so that tempo changes without end leave the fractions small.
_PARTS_OF_QUARTER = 24 * 2**16
_MESSAGES = 8


class Engine:
    """Plays patterns to outputs. Call `step` again and again, no later than it says; `do` takes commands in between.

    `step_ns`: how often events are made. `start_ns`: how long after Play the first beat is due, at the least.
    """

    def __init__(
        self,
        clock: Clock,
        pattern: Pattern,
        outputs: Sequence[Output] = (),
        *,
        step_ns: int = STEP_NS,
        start_ns: int = 0,
        leader: Leader | None = None,
        run_aside: RunAside = run_at_once,
        journals: Journals | None = None,
        export: Clips | None = None,
        make_output: Callable[[OpenOutput], Output] | None = None,
    ) -> None:
        self._clock = clock
        self._step_ns = step_ns
        self._start_ns = start_ns
        self._controls = defaults()
        self._pace = Pace(
            bpm=self._controls["tempo"], swing=self._controls["swing"], microtiming=self._controls["microtiming"]
        )
        self._keeping = Keeping(journals, export)
        self._dispatch = Dispatch(clock, outputs, run_aside, self._keeping)
        self._timeline = Timeline(pattern, sends_clock=self._dispatch.sends_clock)
        self._leader = leader or NoLeader()
        self._steer_ns = 0
        self._messages: deque[Message] = deque(maxlen=_MESSAGES)
        self._message_count = 0
        self._barline: Barline | None = None
        self._is_counted = False  # it clicks until the stop
        self._make_output = make_output
        self.has_quit = False

    @property
    def sequencer(self) -> Sequencer:
        """What makes the events."""
        return self._timeline.sequencer

    @property
    def transport(self) -> Transport | None:
        """Where the music is in time, None while stopped."""
        return self._timeline.transport

    @property
    def lateness(self) -> LatenessMeter:
        """How late events went."""
        return self._dispatch.lateness

    def open_outputs(self, kit: Kit) -> None:
        """Open all outputs; one that cannot be is left out, with a message."""
        for problem in self._dispatch.open(kit, self._controls["volume"]):
            self.say(problem, is_error=True)

    def tend_outputs(self) -> None:
        """Say which outputs have gone and which are back, and have those that are gone opened again.

        For idle moments; takes microseconds.
        """
        for text, is_error in self._dispatch.tend(self._controls["volume"]):
            self.say(text, is_error=is_error)

    def close(self) -> None:
        """Stop, silence and close everything. May be called twice."""
        self._stop()
        self.end_journal()
        self._dispatch.close()
        leader, self._leader = self._leader, NoLeader()
        leader.close()

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Leave a line for the player."""
        self._message_count += 1
        self._messages.append(Message(self._message_count, text, is_error))

    def start_journal(self, journal: Journal) -> None:
        """Note from here on all that is done and played; a journal that is being kept is closed first."""
        self.end_journal()
        now_ns = self._clock.now_ns()
        kit, waiting = self.sequencer.pattern.kit, self._dispatch.waiting
        self._keeping.begin(journal, Opened(now_ns, kit, self._timeline.state, waiting, self._controls["volume"]))

    def end_journal(self) -> None:
        """Close the journal, if one is kept."""
        if self._keeping.has_journal:
            self._dispatch.send_due(now_ns := self._clock.now_ns())
            self._keeping.end(Closed(self._timeline.position, now_ns))

    def _start_recording(self, folder: str) -> None:
        journals = self._keeping.journals
        self.end_journal()
        self.start_journal(journals(folder))
        self._keeping.is_recording = True

    def _note(self, what: EngineCommand | Move | Barline, position: Fraction | None = None) -> None:
        where = self._timeline.position if position is None else position
        self._keeping.note(Applied(where, self._clock.now_ns(), what))

    def do(self, command: EngineCommand) -> None:
        """Carry a command out. One that cannot be becomes a message."""
        try:
            self._do(command)
            if not isinstance(
                command, SetPattern | SetVoice | StartRecording | Export | StrikePad | OpenOutput | CloseOutput
            ):  # noted before, or none of the music's
                self._note(command)
        except RvaeError as error:
            self.say(str(error), is_error=True)

    def _do(self, command: EngineCommand) -> None:
        match command:
            case Play(bars, count_in_bars):
                self._play(bars, count_in_bars)
            case Stop():
                self._stop_by_player()
            case Panic():
                self._stop_by_player()
                self._dispatch.panic()
            case SetPattern(pattern):
                if pattern.kit != self.sequencer.pattern.kit:
                    self._dispatch.take_kit(pattern.kit)
                self._apply(command)
                self._meet_meter()
            case SetControl(name, value):
                self._set_control(name, control(name).clamp(value))
            case SetVoice("nudge", voice, value):
                self._pace.nudge(voice, control("nudge").clamp(value))
                self._note(command)
                self._set_feel()
            case SetVoice():
                self._apply(command)
            case StartRecording(folder):
                self._start_recording(folder)
            case StopRecording():
                self.end_journal()
            case Export(bars):
                self._keeping.export(bars, self.sequencer.pattern, float(self._qpm()))
            case OpenOutput(kind, name):
                self._open_output(command, kind, name)
            case CloseOutput(kind, name):
                self._dispatch.leave(kind, name)
                self.say(f"{kind} {name} is closed")
            case StrikePad(voice, velocity, at_ns):
                now_ns = self._clock.now_ns()
                has_voice = voice < len(self.sequencer.pattern.kit)
                self._dispatch.strike(voice if has_voice else None, velocity, now_ns if at_ns is None else at_ns)
            case Quit():
                self.close()
                self.has_quit = True

    def _open_output(self, command: OpenOutput, kind: str, name: str) -> None:
        make = self._make_output
        if make is None:
            raise UsageError("no outputs can be opened here; play with `rvae play`")
        self._dispatch.join(kind, name, lambda: make(command))

    def _apply(self, move: Move) -> None:
        position = self._timeline.position
        made = self._timeline.apply(move)
        self._note(move, position)
        for timed in made:
            self._dispatch.schedule(timed)

    def _play(self, bars: int | None, count_in_bars: int | None) -> None:
        if self.transport is not None:
            return
        lead_ns = max(self._dispatch.lead_ns, self._start_ns) + self._dispatch.earliest_ns
        earliest_ns = self._clock.now_ns() + lead_ns + (LEAD_NS if self._dispatch.sends_clock else 0)
        start = self._leader.entry(earliest_ns, self.sequencer.pattern.meter.bar_quarters)
        self._leader.player_did(start.at_ns, playing=True)
        if count_in_bars and isinstance(self._leader, NoLeader):
            start = Started(start.at_ns, -count_in_bars * self.sequencer.pattern.meter.bar_quarters)
        self._is_counted = count_in_bars is not None
        self._begin(start, bars)
        self._click(start.quarters, Fraction(0))

    def _begin(self, start: Started, bars: int | None = None) -> None:
        self._nudge_by_tempo()
        self._apply(Begin(start.at_ns, start.quarters, self._qpm(), bars))
        self._meet_meter()

    def _stop_by_player(self) -> None:
        self._leader.player_did(self._clock.now_ns(), playing=False)
        self._stop()

    def _stop(self) -> None:
        self._dispatch.send_due(now_ns := self._clock.now_ns())  # so that it is known what went
        end = End(now_ns)
        self._note(end)
        self._dispatch.stop(self._timeline.apply(end))
        self._barline = None
        self._is_counted = False

    def _meet_meter(self) -> None:
        """Where the meter has become another one: the tempo counts its beats from here on."""
        if self.transport is None:
            return
        bars = self._timeline.bars
        here = bars.in_force(bars.place_at(self._timeline.position).bar)
        if here != self._barline:
            self._barline = here
            self._note(here)
            self._follow_tempo()

    def _set_control(self, name: str, value: float) -> None:
        self._controls[name] = value
        match name:
            case "tempo":
                self._pace.bpm = value
                self._leader.player_did(self._clock.now_ns(), qpm=self._pace.own_qpm(self._meter()))
                if not self._pace.is_led:
                    self._pace.led_qpm = None
                    self._follow_tempo()
            case "click":
                self._is_counted = False  # from here on it is as it is set
            case "volume":
                self._dispatch.set_volume(value)
            case "swing":
                self._pace.swing = value
                self._set_feel()
            case "microtiming":
                self._pace.microtiming = value
                self._set_feel()

    def _set_feel(self) -> None:
        self._apply(self._pace.feel(self._qpm()))

    def _nudge_by_tempo(self) -> None:
        if self._pace.is_off(self._qpm()):
            self._set_feel()

    def _qpm(self) -> Fraction:
        """The tempo in quarters."""
        return self._pace.qpm(self._meter())

    def _meter(self) -> Meter:
        """The one in force where the music stands, or begins."""
        place, pattern = self._timeline.bars.place_at(self._timeline.position), self.sequencer.pattern
        return pattern.meter if self.transport is None else place.meter

    def _follow_tempo(self) -> None:
        self._nudge_by_tempo()
        self._set_tempo(self._qpm())

    def _set_tempo(self, qpm: Fraction) -> None:
        if self.transport is not None and self.transport.qpm != qpm:
            self._apply(Tempo(qpm))

    @property
    def horizon_ns(self) -> int:
        """How far ahead events are made: the control, or what the outputs need if that is more."""
        return max(int(self._controls["horizon"] * NS_PER_MS), self._dispatch.lead_ns) + self._dispatch.earliest_ns

    @property
    def next_due_ns(self) -> int | None:
        """When the next event that waits is due."""
        return self._dispatch.next_due_ns

    @property
    def made_ahead_ns(self) -> int:
        """For how long there are events already."""
        if self.transport is None:
            return 0
        return self.transport.ns_at(self.sequencer.position) - self._clock.now_ns()

    def step(self) -> int:
        """Send what is due and make what comes next. Returns when to call again, in ns on the clock."""
        self.send_due()
        self._follow(self._clock.now_ns())
        if self.transport is not None:
            self._make_events(self._clock.now_ns())
            self.send_due()
        next_ns = self._clock.now_ns() + min(self._step_ns, self.horizon_ns // 2)
        due_ns = self._dispatch.next_due_ns
        return next_ns if due_ns is None else min(due_ns, next_ns)

    def _follow(self, now_ns: int) -> None:
        """Start and stop with the leader, and play a little faster or slower until we are where it is."""
        for news in self._leader.poll(now_ns, self.sequencer.pattern.meter.bar_quarters):
            match news:
                case Started():
                    self._stop()
                    self._steer_ns = 0
                    aim = self._leader.aim(None, news.quarters)
                    self._pace.led_qpm = self._pace.led_qpm if aim is None else whole_qpm(aim.qpm)
                    self._begin(news)
                case Stopped():
                    self._stop()
                case Said(text, is_error):
                    self.say(text, is_error=is_error)
        if now_ns >= self._steer_ns:
            self._steer_ns = now_ns + _STEER_NS
            self._steer()

    def _steer(self) -> None:
        position = self.sequencer.position
        aim = self._leader.aim(self.transport, position)
        was_led, self._pace.is_led = self._pace.is_led, aim is not None
        if aim is None:
            if was_led:
                self._follow_tempo()
            return
        self._pace.led_qpm = whole_qpm(aim.qpm)
        self._nudge_by_tempo()
        if self.transport is None:
            return
        bar_quarters = self.sequencer.bars.place_at(position).meter.bar_quarters
        if aim.ahead_quarters is not None and abs(aim.ahead_quarters) > bar_quarters:
            self._stop()  # the machine slept, or the leader went elsewhere: in again at its next bar
            self._play(None, None)
        else:
            self._set_tempo(steered_qpm(aim))

    @property
    def is_idle(self) -> bool:
        """Whether it is stopped and everything has been sent."""
        return self.transport is None and self._dispatch.next_due_ns is None

    def send_due(self, *, waits: bool = False) -> None:
        """Send what is due; after a sleep, from its first event on in the same distances.

        With `waits`, wait for the next that will be.
        """
        due_ns = self._dispatch.next_due_ns
        if due_ns is not None:
            self._wait_if_behind(due_ns)
        self._dispatch.send_due(waits=waits)

    def _wait_if_behind(self, due_ns: int) -> None:
        behind_ns = self._clock.now_ns() - due_ns
        if behind_ns > MAX_BEHIND_NS:
            self._apply(Wait(behind_ns))
            self._dispatch.wait(behind_ns)
            self.lateness.slips += 1

    def _make_events(self, now_ns: int) -> None:
        assert self.transport is not None
        self._wait_if_behind(self.transport.ns_at(self.sequencer.position))
        until_ns = now_ns + self.horizon_ns
        # The tempo counts felt beats: where the meter changes, the next stretch has a tempo of its own.
        for change in self.sequencer.bars.changes:
            if self.sequencer.position < change.quarters and self._is_before(until_ns, change.quarters):
                self._hand_out(change.quarters)
                self._meet_meter()
        if self.transport is not None:
            parts = math.floor(self.transport.quarters_at(until_ns) * _PARTS_OF_QUARTER)
            self._hand_out(Fraction(parts, _PARTS_OF_QUARTER))

    def _is_before(self, until_ns: int, quarters: Fraction) -> bool:
        return self.transport is not None and self.transport.ns_at(quarters) <= until_ns

    def _click(self, since: Fraction, until: Fraction) -> None:
        """The clicks of a stretch. They are no events: what is played, and its journal, are the same without."""
        if self.transport is not None and (self._is_counted or self._controls["click"]):
            end = self.sequencer.end_quarters
            for click in clicks(self._timeline.bars, since, until if end is None else min(until, end)):
                self._dispatch.click(click.level, self.transport.ns_at(click.quarters))

    def _hand_out(self, to: Fraction) -> None:
        self._click(self.sequencer.position, to)
        for timed in self._timeline.advance(to):
            self._dispatch.schedule(timed)

    def status(self, realtime: str = "") -> EngineStatus:
        """How everything stands."""
        return EngineStatus(
            now_ns=self._clock.now_ns(),
            transport=self.transport,
            lateness=self.lateness.summary(),
            outputs=self._dispatch.states,
            messages=tuple(self._messages),
            horizon_ms=self.horizon_ns / NS_PER_MS,
            realtime=realtime,
            first_sound_ns=self._dispatch.first_sound_ns,
            sync=self._leader.state,
            led_qpm=None if self._pace.led_qpm is None else float(self._pace.led_qpm),
            recording=self._keeping.is_recording,
        )
