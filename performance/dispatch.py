"""Dispatch: events to the outputs, each at its time.

Outputs that can wait (audio frames, OSC timetags, JACK frames) are handed each event at once; the others get it when it
is due. An output's offset moves all that it is given.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from performance.clock import Clock
from performance.journal import Journal, Went
from performance.lateness import LatenessMeter
from performance.outputs.joining import Joining
from performance.outputs.output import MAX_LATE_NS, Output
from performance.outputs.reopening import Reopening, RunAside
from performance.sequencer import Event, Onset
from performance.snapshot import OutputState
from performance.strokes import SilentStrokes
from performance.timeline import Timed
from rvae.errors import UsageError, what_went_wrong
from rvae.kit import Kit

_ACCOUNTS_NS = 150_000
"""What writing down a few events takes at the most, where the machine is not slow."""


_PATIENCE_NS = 4_000_000_000
_LOOK_NS = 5_000_000  # the clock spins at the end of each sleep, and what is opened needs the processor


def _itself(output: Output) -> Output:
    return output


class Dispatch:
    """The outputs of an engine, and the events that wait for them."""

    def __init__(self, clock: Clock, outputs: Sequence[Output], run_aside: RunAside, journal: Journal) -> None:
        self._clock = clock
        self._outputs = list(outputs)
        self._run_aside = run_aside
        self._journal = journal
        self._reopening: Reopening | None = None
        self._joining = Joining(run_aside)
        self._kit: Kit | None = None
        # An event waits once for all outputs of the same offset: (when, count, event, which of the offsets).
        self._due: list[tuple[int, int, Event, int]] = []
        # One of them is always 0, the music itself: that is what the journal has.
        self._offsets_ns = sorted({0, *(output.offset_ns for output in self._outputs)})
        self._takers: list[tuple[Output, ...]] = []
        self._arrange()
        self._count = 0
        self._strokes = SilentStrokes()
        self.lateness = LatenessMeter()
        self.first_sound_ns: int | None = None

    def _arrange(self) -> None:
        """Whom each event goes to. An offset keeps its place: what waits knows it by that."""
        self._offsets_ns += sorted({output.offset_ns for output in self._outputs} - {*self._offsets_ns})
        self._takers = [
            tuple(output for output in self._outputs if not output.takes_ahead and output.offset_ns == offset_ns)
            for offset_ns in self._offsets_ns
        ]

    @property
    def sends_clock(self) -> bool:
        """Whether any output is given MIDI clock."""
        return any(output.sends_clock for output in self._outputs)

    @property
    def lead_ns(self) -> int:
        """How long before its due time an event must be made, for the outputs' sake."""
        return max((output.lead_ns for output in self._outputs if output.is_open), default=0)

    @property
    def earliest_ns(self) -> int:
        """How far before the music the earliest output plays."""
        return max(0, -min((output.offset_ns for output in self._outputs), default=0))

    @property
    def next_due_ns(self) -> int | None:
        """When the next event that waits is due."""
        return self._due[0][0] if self._due else None

    def wait(self, length_ns: int) -> None:
        """Have all that waits here wait so much longer."""
        self._due = [(due_ns + length_ns, number, event, offset) for due_ns, number, event, offset in self._due]

    @property
    def states(self) -> tuple[OutputState, ...]:
        """How each output stands."""
        return (*(output.state for output in self._outputs), *self._joining.states)

    def open(self, kit: Kit, volume: float) -> Iterator[str]:
        """Open all outputs; yields why for each that cannot be and is left out. One that needs longer than the others
        can wait joins when it is there.
        """
        self._kit = kit
        slow = [output for output in self._outputs if output.opens_slowly]
        for output in slow:
            self._joining.join(output.kind, output.name, partial(_itself, output), kit)
        for output in self._outputs:
            if output.opens_slowly:
                continue
            try:
                output.open(kit)
            except Exception as error:  # noqa: BLE001  # one that breaks in a way of its own does not take the rest along
                output.detail = what_went_wrong(error)
        until_ns = self._clock.now_ns() + _PATIENCE_NS
        while self._joining.is_waiting and self._clock.now_ns() < until_ns:
            self._clock.sleep_until(self._clock.now_ns() + _LOOK_NS)
        there = [output for output, _, _ in self._joining.joined()]
        late = [output for output in slow if self._joining.is_opening(output.kind, output.name)]
        self._outputs = [output for output in self._outputs if output not in late]
        self._arrange()
        opened = [output for output in self._outputs if output in there or (output.is_open and output not in slow)]
        self._reopening = Reopening(opened, kit, self._run_aside)
        for output in self._outputs:
            if output in opened:
                output.set_volume(volume)
            else:
                yield output.detail

    def take_kit(self, kit: Kit) -> None:
        """Have the outputs play the voices of another kit; where a voice stays it keeps its row."""
        self._kit = kit
        for output in self._outputs:
            output.take_kit(kit)
        if self._reopening is not None:
            self._reopening.take_kit(kit)

    def tend(self, volume: float) -> Iterator[tuple[str, bool]]:
        """Have outputs that have gone opened again. Yields what the player should know, also of strokes that were not
        heard, and whether it is bad news.
        """
        if self._reopening is None:
            return
        for output, is_back in self._reopening.tend(self._clock.now_ns()):
            if is_back:
                output.set_volume(volume)
                yield f"{output.kind} {output.name} is back", False
            else:
                yield output.detail, True
                self._miss_strokes(output.unheard)
        yield from self._welcome(self._reopening, volume)
        yield from self._strokes.news()

    def join(self, kind: str, name: str, make: Callable[[], Output]) -> None:
        """Open one more output and play to it as soon as it is there. Raises UsageError where it is already, is being
        opened, or has gone and comes back by itself: twice there, every note would be played twice.
        """
        there = next((output for output in self._outputs if (output.kind, output.name) == (kind, name)), None)
        if there is not None and there.is_open:
            raise UsageError(f"{kind} {name} is open already; choose another")
        if there is not None and self._reopening is not None and self._reopening.watches(there):
            raise UsageError(f"{kind} {name} has gone and is opened again when it is back; nothing more needs doing")
        if self._joining.is_opening(kind, name):
            raise UsageError(f"{kind} {name} is being opened; wait a moment")
        if there is not None:  # it could not be opened, and is not looked after
            self._outputs.remove(there)
            self._arrange()
        assert self._kit is not None
        self._joining.join(kind, name, make, self._kit)

    def _welcome(self, reopening: Reopening, volume: float) -> Iterator[tuple[str, bool]]:
        for output, kit, problem in self._joining.joined():
            if output is None:
                yield problem, True
                continue
            if self._kit is not None and kit != self._kit:
                output.take_kit(self._kit)
            output.set_volume(volume)
            self._outputs.append(output)
            self._arrange()
            reopening.watch(output)
            yield f"{output.kind} {output.name} is open", False

    def leave(self, kind: str, name: str) -> None:
        """Let an output go, its notes ended. Raises UsageError where there is none of that kind and name."""
        found = next((output for output in self._outputs if (output.kind, output.name) == (kind, name)), None)
        if found is None:
            there = ", ".join(f"{output.kind} {output.name}" for output in self._outputs) or "none"
            raise UsageError(f"no output {kind} {name}; there are: {there}")
        now_ns = self._clock.now_ns()
        found.silence(now_ns)
        self._outputs.remove(found)
        self._arrange()
        if self._reopening is not None:
            self._reopening.forget(found)
        self._joining.leave(found, now_ns)

    def set_volume(self, volume: float) -> None:
        """How loud, 0 to 1, where the sound is made here."""
        for output in self._outputs:
            output.set_volume(volume)

    def schedule(self, timed: Timed) -> None:
        """Take an event that is due later."""
        for output in self._outputs:
            if output.takes_ahead:
                output.send(timed.event, timed.due_ns + output.offset_ns)
        for offset, offset_ns in enumerate(self._offsets_ns):
            self._count += 1
            heapq.heappush(self._due, (timed.due_ns + offset_ns, self._count, timed.event, offset))

    def click(self, level: int, due_ns: int) -> None:
        """Have a click heard, where sound is made here; it is no event of the music."""
        for output in self._outputs:
            output.click(level, due_ns + output.offset_ns)

    def strike(self, voice: int | None, velocity: int, at_ns: int) -> None:
        """Have a drum heard at once, where sound is made here. One that is not, as it was struck long ago, while the
        sound was being opened, or as there is no sound or no such voice, is counted.
        """
        if voice is None:
            self._miss_strokes(1, "what plays now has no such voice")
        elif self._clock.now_ns() - at_ns > MAX_LATE_NS:
            self._miss_strokes(1, "it came too late to be played")
        elif sum(output.strike(voice, velocity, at_ns) for output in self._outputs):
            self._strokes.heard()
        else:
            self._miss_strokes(1)

    def _miss_strokes(self, count: int, why: str = "no sound is open here; f8 lists what can be") -> None:
        self._strokes.missed(count, why, is_error=any(state.kind == "audio" for state in self.states))

    @property
    def waiting(self) -> tuple[Timed, ...]:
        """The events that are not yet due in the music."""
        music = self._offsets_ns.index(0)
        return tuple(Timed(event, due_ns) for due_ns, _, event, offset in sorted(self._due) if offset == music)

    def send_due(self, until_ns: int | None = None, *, waits: bool = False) -> None:
        """Send what is due, now or until a moment; with `waits`, wait for the next that will be and send it first.

        Then it is at hand: what is looked up only when it is due goes ten microseconds later. What is due so soon
        after it that the accounts would make it late is waited for too.
        """
        went: list[tuple[int, int, Event, int]] = []
        near_ns = _ACCOUNTS_NS if waits else 0
        while self._due and (
            waits or self._due[0][0] <= (self._clock.now_ns() + near_ns if until_ns is None else until_ns)
        ):
            due_ns, _, event, offset = heapq.heappop(self._due)
            takers = self._takers[offset]
            if near_ns:
                self._clock.sleep_until(due_ns)
                waits = False
            for output in takers:
                output.send(event, due_ns)
            went.append((self._clock.now_ns(), due_ns, event, offset))
        for went_ns, due_ns, event, offset in went:  # when all have gone: what is due at once waits for no accounts
            self._record(event, due_ns, went_ns)
            if self._offsets_ns[offset] == 0:
                self._note(event, due_ns, went_ns)

    def _note(self, event: Event, due_ns: int, went_ns: int) -> None:
        self._journal.note(Went(event, due_ns, went_ns))

    def _record(self, event: Event, due_ns: int, went_ns: int) -> None:
        self.lateness.add(max(0, went_ns - due_ns))
        if self.first_sound_ns is None and isinstance(event, Onset):
            self.first_sound_ns = max(went_ns, due_ns)

    def stop(self, last: Sequence[Timed]) -> None:
        """Take back what is still to come, end what sounds, and send `last` at once."""
        self._due.clear()
        for output in self._outputs:
            output.silence(self._clock.now_ns())
            for timed in last:
                output.send(timed.event, timed.due_ns)
        for timed in last:
            self._note(timed.event, timed.due_ns, self._clock.now_ns())

    def panic(self) -> None:
        """End everything that may sound, whether we began it or not."""
        for output in self._outputs:
            output.panic(self._clock.now_ns())

    def close(self) -> None:
        """Let all outputs go, silent. May be called twice."""
        self._reopening = None
        for output in self._outputs:
            output.close(self._clock.now_ns())
