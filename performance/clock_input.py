"""MIDI clock in: the leader that a port brings. The device's thread only puts messages with their time in a queue."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from performance.clock import NS_PER_S
from performance.follower import ClockMessage, Follower, clock_message
from performance.leader import Aim, News, Said, Started
from performance.outputs.jack import jack_client
from performance.ports import Hearing, Receive, find_port, input_ports
from performance.transport import Transport
from rvae.errors import OutputError

_LOOK_S = 1.0
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


def _open_port(name: str, receive: Receive) -> Callable[[], None]:
    """A port of the system's; the function that closes it."""
    return Hearing().hear(find_port(name, input_ports()), receive, own_name="rvae-clock", clock=True)


def _open_jack(name: str, receive: Receive) -> Callable[[], None]:
    """A JACK port of our own, `rvae-clock:in`, connected to the first output with `name` in its name."""
    clock = _JackClock(name, receive)
    clock.join()
    threading.Thread(target=clock.stay, name="clock-in", daemon=True).start()
    return clock.close


class _JackClock:
    """Once joined it stays: a thread lets go of a server that has died, for good before another is joined (see
    `outputs.reopening`), and connects again what has come back.
    """

    def __init__(self, name: str, receive: Receive) -> None:
        self._name, self._receive = name, receive
        self._client: Any = None
        self._port: Any = None
        self._is_down = self._has_ended = False
        self._awake = threading.Event()
        self._is_over = threading.Event()

    def join(self) -> None:
        """Open and connect it. Raises OutputError."""
        client = jack_client("rvae-clock")
        try:
            port = client.midi_inports.register("in")
            rate_hz = int(client.samplerate)

            def process(_frames: int) -> None:
                # The same line between frames and time as of what we play: what is in one frame is at one time.
                now_ns = time.perf_counter_ns()
                for offset, data in port.incoming_midi_events():
                    self._receive(bytes(data), now_ns + offset * NS_PER_S // rate_hz)

            client.set_process_callback(process)
            client.set_shutdown_callback(self._down)
            client.activate()
            self._client, self._port = client, port
            self._connect()
        except BaseException:
            self._client = None
            client.close(ignore_errors=True)
            raise

    def _connect(self) -> None:
        there = self._client.get_ports(is_midi=True, is_output=True)
        near = [other for other in there if self._name.lower() in other.name.lower()]
        if not near:
            names = ", ".join(other.name for other in there) or "none at all"
            raise OutputError(f"MIDI clock: no JACK port '{self._name}'; there are: {names}; start its program first")
        self._client.connect(near[0], self._port)

    def _down(self, _status: Any, _reason: str) -> None:
        self._is_down = True
        self._awake.set()

    def stay(self) -> None:
        """Until it is closed."""
        while not self._has_ended:
            self._awake.wait(_LOOK_S)
            self._awake.clear()
            if self._is_down or self._has_ended:
                self._is_down = False
                self._let_go()
                continue
            # Whatever the library says of a server or a port that goes at this moment: it is asked again.
            with contextlib.suppress(Exception):
                if self._client is None:
                    self.join()
                elif not self._port.number_of_connections:
                    self._connect()
        self._let_go()
        self._is_over.set()

    def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.deactivate(ignore_errors=True)
            client.close(ignore_errors=True)

    def close(self) -> None:
        """Let the port go."""
        self._has_ended = True
        self._awake.set()
        self._is_over.wait(_LOOK_S)
