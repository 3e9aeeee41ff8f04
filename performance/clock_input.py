"""MIDI clock in: the leader that a port brings. The device's thread only puts messages with their time in a queue."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction

from performance.clock import NS_PER_S
from performance.follower import ClockMessage, Follower, clock_message
from performance.leader import Aim, News, Said, Started
from performance.outputs.jack import jack_client
from performance.outputs.midi import find_port, midi_library, observed_ports
from performance.transport import Transport
from rvae.errors import OutputError

_QUEUE = 256
_AT_ONCE = 16  # taken in one go: four times the fastest clock, and no more of a flood than the beat can bear


class ClockLeader:
    """A follower behind a bounded queue, as a leader for the engine. `lost`: messages that found the queue full.

    `receive` may be called from any thread; all else from the engine's.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = 0
        self._told_lost = 0
        self._follower = Follower()
        self._queue: deque[ClockMessage] = deque()
        self._was_there = False
        self._known = False

    @property
    def waiting(self) -> int:
        """Messages that have come and are not yet understood."""
        return len(self._queue)

    def receive(self, data: bytes, at_ns: int) -> None:
        """Take the bytes of a message that came at a time."""
        message = clock_message(data, at_ns)
        if message is None:
            return
        # A flood of pulses leaves room for the stop.
        if len(self._queue) >= (_QUEUE if message.kind == "clock" else 2 * _QUEUE):
            self.lost += 1
        else:
            self._queue.append(message)

    def poll(self, now_ns: int, bar_quarters: Fraction) -> list[News]:  # noqa: ARG002  # its quarters are counted
        """What the messages that have come mean."""
        news: list[News] = []
        for _ in range(min(len(self._queue), _AT_ONCE)):
            news += self._follower.hear(self._queue.popleft())
        is_there = self._follower.is_there(now_ns)
        if is_there != self._was_there:
            self._was_there = is_there
            news.append(self._told(is_there))
        if self.lost > 10 * self._told_lost:
            self._told_lost = self.lost
            news.append(Said(f"MIDI clock {self.name}: {self.lost} messages too many were passed over", is_error=True))
        return news

    def _told(self, is_there: bool) -> Said:
        if not is_there:
            return Said(f"MIDI clock {self.name} is gone: the music goes on at {self._tempo}", is_error=True)
        known, self._known = self._known, True
        return Said(f"MIDI clock {self.name} {'is back' if known else 'is followed'} at {self._tempo}")

    @property
    def _tempo(self) -> str:
        return f"{self._follower.qpm or 0:.1f} quarters a minute"

    def aim(self, transport: Transport | None, quarters: Fraction) -> Aim | None:
        """Where the leader is when we are at `quarters`."""
        follower = self._follower
        if not self._was_there or follower.qpm is None:
            return None
        if transport is None or not follower.playing:
            return Aim(follower.qpm, None)
        leader = follower.quarters_at(transport.ns_at(quarters))
        return Aim(follower.qpm, None if leader is None else leader - float(quarters))

    def entry(self, earliest_ns: int, bar_quarters: Fraction) -> Started:
        """The leader's next barline where it plays, otherwise the first bar at once."""
        follower = self._follower
        here = follower.quarters_at(earliest_ns)
        if not self._was_there or not follower.playing or here is None or follower.qpm is None:
            return Started(earliest_ns, Fraction(0))
        quarters = max(0, math.ceil(here / float(bar_quarters))) * bar_quarters
        return Started(earliest_ns + round((float(quarters) - here) * 60 * NS_PER_S / follower.qpm), quarters)

    def player_did(self, now_ns: int, *, qpm: Fraction | None = None, playing: bool | None = None) -> None:
        """A MIDI clock does not listen."""

    @property
    def state(self) -> str:
        """Whom it follows, and how fast."""
        return f"MIDI clock {self.name}, {self._tempo}" if self._was_there else f"MIDI clock {self.name} is not there"

    def close(self) -> None:
        """Nothing to let go of."""


class MidiClockInput(ClockLeader):
    """A leader at a MIDI port: the system's own first, then JACK's. Raises OutputError where there is no such port."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        try:
            self._close = _open_port(name, self.receive)
        except OutputError as error:
            try:
                self._close = _open_jack(name, self.receive)
            except OutputError as jack_error:
                raise jack_error if "no JACK port" in str(jack_error) else error from None

    def close(self) -> None:
        """Let the port go."""
        self._close()


Receive = Callable[[bytes, int], None]


def _open_port(name: str, receive: Receive) -> Callable[[], None]:
    """A port of the system's; the function that closes it."""
    library = midi_library()
    port = find_port(name, observed_ports(lambda observer: observer.get_input_ports()))
    settings = library.InputConfiguration()
    settings.ignore_timing = False
    settings.on_message = lambda message: receive(bytes(message.bytes), time.perf_counter_ns())
    midi_in = library.MidiIn(settings)
    if midi_in.open_port(port) or not midi_in.is_port_open():
        raise OutputError(f"MIDI clock: port '{name}' does not open; it may be in use, see `rvae devices`")

    def close() -> None:
        midi_in.close_port()

    return close


def _open_jack(name: str, receive: Receive) -> Callable[[], None]:
    """A JACK port of our own, `rvae-clock:in`, connected to the first output with `name` in its name."""
    client = jack_client("rvae-clock")
    try:
        port = client.midi_inports.register("in")
        rate_hz = int(client.samplerate)

        def process(_frames: int) -> None:
            # The same line between frames and time as of what we play: what is in one frame is at one time.
            now_ns = time.perf_counter_ns()
            for offset, data in port.incoming_midi_events():
                receive(bytes(data), now_ns + offset * NS_PER_S // rate_hz)

        client.set_process_callback(process)
        client.activate()
        there = client.get_ports(is_midi=True, is_output=True)
        near = [other for other in there if name.lower() in other.name.lower()]
        if not near:
            names = ", ".join(other.name for other in there) or "none at all"
            raise OutputError(f"MIDI clock: no JACK port '{name}'; there are: {names}; start its program first")
        client.connect(near[0], port)
    except BaseException:
        client.close()
        raise

    def close() -> None:
        client.deactivate(ignore_errors=True)
        client.close(ignore_errors=True)

    return close
