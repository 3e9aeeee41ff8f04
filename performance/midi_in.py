"""MIDI in from hands: ports that come and go, in a process of its own, so that no port ever waits for a picture.

The system's ports and JACK's are looked for once a second; those that are wanted are open while they are there. Every
message has the time at which it came: through JACK that of its frame, elsewhere that of the system's own clock.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any

from performance.forking import outlive_the_terminal, start
from performance.heard import Drums, Heard, Missed, Plugged, Wanted
from performance.outputs.jack import jack_client
from performance.outputs.quiet import quiet_drivers
from performance.ports import OWN, Hearing, input_ports, port_name
from performance.wire import Wire, WireFull
from rvae.errors import OutputError

_LOOK_S = 1.0
_AGAIN_S = 2.0
_QUEUE = 4096
_A_FRAME = 256  # messages taken in one go: more than hands can send, and no more of a flood than a frame can bear
_END_S = 2.0
_NS_PER_S = 1_000_000_000


Put = Callable[[str, bytes, int], None]  # device, message, when


@dataclass(frozen=True, slots=True)
class _Listening:
    """What is wanted and there is open."""

    wanted: Wanted


Told = Heard | Plugged | Missed | _Listening


class MidiIn:
    """The process that hears, seen from the stage: `want` what, then `receive` once a frame. It starts when it is
    first needed; where a driver takes it along, all its devices are gone, and another is started. `strikes`: a line to
    the engine, for drums that sound before a frame has passed. `context`: how processes are started, see `forking`.
    """

    def __init__(self, strikes: socket.socket | None = None, context: BaseContext | None = None) -> None:
        self._strikes, self._context = strikes, context
        self._wanted, self._heard = Wanted(), Wanted()
        self._drums: Drums | None = None
        self._there: set[str] = set()
        self._connection: Connection | None = None
        self._process: Any = None
        self._again_s = 0.0

    def want(self, wanted: Wanted) -> None:
        """Hear these from now on."""
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if self._connection is None:
            self._begin()
        else:
            self._tell(wanted)

    def _begin(self) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self._process = start(_listen, theirs, self._strikes, name="rvae-hands", context=self._context, daemon=True)
        theirs.close()
        self._tell(self._wanted)
        if self._drums is not None:
            self._tell(self._drums)

    def _tell(self, what: Wanted | Drums | None) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):  # it has gone, as `receive` finds
                self._connection.send(what)

    def drum(self, drums: Drums | None) -> None:
        """Have these sound when they are struck; None: nothing does."""
        self._drums = drums
        self._tell(drums)

    @property
    def is_ready(self) -> bool:
        """Whether all that is wanted and there is heard by now."""
        return self._heard == self._wanted

    def receive(self) -> list[Heard | Plugged | Missed]:
        """What has come, oldest first. Never waits."""
        found: list[Heard | Plugged | Missed] = []
        try:
            while self._connection is not None and len(found) < _A_FRAME and self._connection.poll():
                message = self._connection.recv()
                if isinstance(message, _Listening):
                    self._heard = message.wanted
                    continue
                found.append(message)
                if isinstance(message, Plugged):
                    (self._there.add if message.is_there else self._there.discard)(message.device)
        except (OSError, EOFError):
            found += self._lost()
        if self._connection is None and self._wanted != Wanted() and time.monotonic() >= self._again_s:
            self._begin()
        return found

    def _lost(self) -> list[Plugged]:
        """The process has gone, and every device with it."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._heard, self._again_s = None, Wanted(), time.monotonic() + _AGAIN_S
        gone, self._there = sorted(self._there), set()
        return [Plugged(device, False) for device in gone]

    def close(self) -> None:
        """End the process. May be called twice."""
        self._wanted = Wanted()
        if self._strikes is not None:
            self._strikes.close()
        if self._connection is None:
            return
        self._connection.close()  # it ends when nobody listens
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_END_S)
        self._connection = None


def _listen(connection: Connection, strikes: socket.socket | None) -> None:
    outlive_the_terminal()
    listener = _Listener()
    engine = None if strikes is None else Wire(strikes)
    threading.Thread(target=_hear_wanted, args=(connection, listener), daemon=True).start()
    try:
        while not listener.ended:
            listener.look()
            look_s = time.monotonic() + _LOOK_S  # also while messages come without end
            while not (listener.looks_again or listener.ended) and (left_s := look_s - time.monotonic()) > 0:
                if listener.awake.wait(left_s):
                    listener.awake.clear()
                    for message in listener.backlog.take():
                        connection.send(_sounded(message, listener.drums, engine))
    except OSError:
        pass  # the window has gone
    finally:
        listener.close()


def _sounded(message: Told, drums: Drums | None, engine: Wire | None) -> Told:
    """The message, after the engine was told where it is a drum."""
    if drums is None or engine is None or engine.is_closed or not isinstance(message, Heard):
        return message
    if (strike := drums.strike_of(message)) is None:
        return message
    try:
        engine.send(strike)
    except WireFull:  # it does not read: the window's way is left
        return message
    return replace(message, has_sounded=not engine.is_closed)


def _hear_wanted(connection: Connection, listener: _Listener) -> None:
    while not listener.ended:
        try:
            asked = connection.recv()
            if isinstance(asked, Wanted):
                listener.wanted = asked
            else:
                listener.drums = asked
                continue
        except (EOFError, OSError):
            listener.ended = True
        listener.looks_again = True
        listener.awake.set()


class Backlog:
    """What has come and was not sent on yet: at most so many, of which the oldest go first and are counted."""

    def __init__(self, most: int = _QUEUE) -> None:
        self._waiting: deque[Told] = deque(maxlen=most)
        self._lost = 0
        self._lock = threading.Lock()  # held for microseconds: ports wait for it too

    def put(self, message: Told) -> None:
        """One more. Called from the threads of the ports."""
        with self._lock:
            self._lost += len(self._waiting) == self._waiting.maxlen
            self._waiting.append(message)

    def take(self) -> Sequence[Told]:
        """All of it, oldest first; before it, where any were lost, how many."""
        with self._lock:
            waiting, lost = list(self._waiting), self._lost
            self._waiting.clear()
            self._lost = 0
        return [Missed(lost), *waiting] if lost else waiting


class _Listener:
    """The ports that are open. Their threads only put what comes in the backlog."""

    def __init__(self) -> None:
        self.wanted = Wanted()
        self.drums: Drums | None = None
        self._told: Wanted | None = None
        self.ended = self.looks_again = False
        self.awake = threading.Event()
        self.backlog = Backlog()
        self._open: dict[str, Callable[[], None]] = {}
        self._hearing, self._jack = Hearing(), _Jack(self._put)

    def _put(self, device: str, data: bytes, at_ns: int) -> None:
        self.backlog.put(Heard(device, data, at_ns))
        self.awake.set()

    def _open_port(self, name: str, port: Any) -> Callable[[], None]:
        return self._hearing.hear(port, lambda data, at_ns: self._put(name, data, at_ns), own_name="rvae-hands")

    def look(self) -> None:
        """Open what is wanted and there, close what is not."""
        self.looks_again = False  # before what is wanted is read: what comes between is looked for again
        wanted = self.wanted
        there: dict[str, Callable[[], Callable[[], None]]] = {}
        with quiet_drivers():
            for name, port in _named(_system_ports()).items():
                there[name] = lambda name=name, port=port: self._open_port(name, port)  # type: ignore[misc]
            for name in self._jack.names():
                there.setdefault(name, lambda name=name: self._jack.open(name))  # type: ignore[misc]
            for name in [name for name in self._open if name not in there or not wanted.wants(name)]:
                self._open.pop(name)()
                if name not in there:  # the others are not wanted any more: nobody misses them
                    self._tell(name, is_there=False)
            for name in [name for name in there if name not in self._open and wanted.wants(name)]:
                with contextlib.suppress(OutputError, RuntimeError):  # in use, or gone again: it is tried again
                    self._open[name] = there[name]()
                    self._tell(name, is_there=True)
        if wanted != self._told:
            self._told = wanted
            self.backlog.put(_Listening(wanted))
            self.awake.set()

    def _tell(self, name: str, *, is_there: bool) -> None:
        self.backlog.put(Plugged(name, is_there))
        self.awake.set()

    def close(self) -> None:
        for let_go in self._open.values():
            let_go()
        self._jack.close()


def _system_ports() -> list[Any]:
    try:
        return input_ports()
    except OutputError:
        return []


def input_names(jack: Sequence[str]) -> list[str]:
    """The names of all ports that can be heard, as `Heard` has them, with those of JACK; our own are left out."""
    names = dict.fromkeys((*_named(_system_ports()), *jack))
    return [name for name in names if not name.lower().startswith(OWN)]


def _named(ports: Sequence[Any]) -> dict[str, Any]:
    """Ports by name; of two with the same name the second is `NAME (2)`."""
    counts: Counter[str] = Counter()
    found: dict[str, Any] = {}
    for port in ports:
        name = port_name(port)
        counts[name] += 1
        found[name if counts[name] == 1 else f"{name} ({counts[name]})"] = port
    return found


class _Jack:
    """A client with an input for each wanted port of others, while a server runs."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._client: Any = None
        self._ports: dict[str, Any] = {}
        self._is_down = False

    def names(self) -> list[str]:
        """The MIDI outputs of other clients; none where no server runs."""
        if self._is_down:
            self.close()
        if self._client is None:
            try:
                self._client = jack_client("rvae-hands")
            except OutputError:
                return []
            self._client.set_shutdown_callback(self._down)
            self._client.set_process_callback(self._process)
            self._client.activate()
        with contextlib.suppress(RuntimeError):  # it, or a port, has gone meanwhile
            own = f"{self._client.name}:"
            found = self._client.get_ports(is_midi=True, is_output=True)
            return [port.name for port in found if not port.name.startswith(own)]
        return []

    def _down(self, _status: Any, _reason: str) -> None:
        self._is_down = True

    def open(self, name: str) -> Callable[[], None]:
        """Hear a port; the function that ends it. Raises OutputError."""
        import jack

        try:
            port = self._client.midi_inports.register(name.replace(":", " ")[:60])
            self._client.connect(name, port)
        except jack.JackError as error:
            raise OutputError(f"JACK: {name} does not connect ({error})") from None
        self._ports = {**self._ports, name: port}

        def close() -> None:
            self._ports = {kept: other for kept, other in self._ports.items() if kept != name}
            # The server may be gone, and the port with it: the library then fails over the port's name.
            with contextlib.suppress(jack.JackError, ValueError, RuntimeError):
                port.unregister()

        return close

    def _process(self, _frames: int) -> None:
        ports = self._ports
        if not ports:
            return
        client, now_ns = self._client, time.perf_counter_ns()
        frame_ns = _NS_PER_S / client.samplerate
        start_ns = now_ns - client.frames_since_cycle_start * frame_ns
        for name, port in ports.items():
            for offset, data in port.incoming_midi_events():
                self._put(name, bytes(data), round(start_ns + offset * frame_ns))

    def close(self) -> None:
        client, self._client, self._ports, self._is_down = self._client, None, {}, False
        if client is not None:
            client.deactivate(ignore_errors=True)
            client.close(ignore_errors=True)
