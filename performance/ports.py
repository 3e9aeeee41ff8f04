"""The system's MIDI ports: found, named, heard."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rvae.errors import OutputError

OWN = "rvae"
"""What the names of all ports of our own begin with; those that listen go on with a hyphen."""
_LOOK_S = 0.001
_OLDEST_NS = 100_000_000

Receive = Callable[[bytes, int], None]  # a message, and when it came on the monotonic clock, in ns


def midi_library() -> Any:
    """The library of MIDI ports. Raises OutputError where it does not load."""
    try:
        import pylibremidi  # type: ignore[import-not-found]  # its stub lies outside a package
    except (ImportError, OSError) as error:
        raise OutputError(f"MIDI: the port library does not load ({error}); install pylibremidi again") from None
    return pylibremidi


def port_name(port: Any) -> str:
    """What a port is called."""
    names = (port.device_name, port.port_name, port.display_name)
    return next((name for name in (port.display_name, port.port_name, *names) if name), "unnamed")


def observer(on_output_removed: Callable[[Any], None] | None = None) -> Any:
    """What knows the system's ports. What it notices is told in its `poll`. Raises OutputError, or RuntimeError or
    TypeError where there is no MIDI system at all.
    """
    library = midi_library()
    settings = library.ObserverConfiguration()
    settings.track_virtual = True
    settings.track_hardware = True
    settings.track_any = True
    if on_output_removed is not None:
        settings.output_removed = on_output_removed
    return library.Observer(settings)


def _observed(get: Callable[[Any], Any]) -> list[Any]:
    try:
        return list(get(observer()))
    except (RuntimeError, TypeError):
        return []  # no MIDI system at all: the same as one with no ports


def input_ports() -> list[Any]:
    """The ports that can be heard. Raises OutputError where the library does not load."""
    return _observed(lambda found: found.get_input_ports())


def output_ports() -> list[Any]:
    """The ports that can be played to; those where we listen are left out. Raises OutputError likewise."""
    return [
        port for port in _observed(lambda found: found.get_output_ports()) if not port_name(port).startswith(f"{OWN}-")
    ]


def output_names() -> list[str]:
    """The names of those ports."""
    return [port_name(port) for port in output_ports()]


def find_port(name: str, ports: Sequence[Any]) -> Any:
    """The port of a name, or the first with it in its name. Raises OutputError with those there are."""
    exact = [port for port in ports if port_name(port) == name]
    near = [port for port in ports if name.lower() in port_name(port).lower()]
    if not exact and not near:
        there = ", ".join(map(port_name, ports)) or "none at all"
        raise OutputError(f"MIDI: no port '{name}'; there are: {there}; see `rvae devices`")
    return (exact or near)[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """A port that is heard. `came`: what the library has told of, each with the time on its own clock."""

    midi_in: Any
    came: list[tuple[Sequence[int], int]]
    receive: Receive

    def look(self) -> None:
        """Take what has come."""
        self.midi_in.poll()
        if not self.came:
            return
        now_ns, its_now_ns = time.perf_counter_ns(), self.midi_in.absolute_timestamp()
        for data, its_ns in self.came:
            age_ns = its_now_ns - its_ns
            self.receive(bytes(data), now_ns - (age_ns if 0 <= age_ns < _OLDEST_NS else 0))
        self.came.clear()


class Hearing:
    """Ports that are heard. The library keeps what comes until it is asked, so a thread asks a thousand times a second
    while any is open, and passes it on; the time is that at which it came.
    """

    def __init__(self) -> None:
        self._open: list[_Heard] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hear(self, port: Any, receive: Receive, *, own_name: str, clock: bool = False) -> Callable[[], None]:
        """Hear a port, with its clock or without; the function that ends it. Raises OutputError."""
        library = midi_library()
        settings = library.InputConfiguration()
        settings.ignore_timing = not clock
        came: list[tuple[Sequence[int], int]] = []
        # An error in what it calls would end the process: appending to a list has none.
        settings.on_raw_data = lambda data, its_ns: came.append((data, its_ns))
        midi_in = library.MidiIn(settings)
        if midi_in.open_port(port, own_name) or not midi_in.is_port_open():
            raise OutputError(f"MIDI: port '{port_name(port)}' does not open; it may be in use, see `rvae devices`")
        heard = _Heard(midi_in, came, receive)
        with self._lock:
            self._open.append(heard)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="midi-in", daemon=True)
                self._thread.start()

        def close() -> None:
            with self._lock:
                if heard in self._open:
                    self._open.remove(heard)
            with contextlib.suppress(RuntimeError):  # it may be gone
                midi_in.close_port()

        return close

    def _look(self) -> None:
        while True:
            with self._lock:
                if not self._open:
                    self._thread = None
                    return
                for heard in list(self._open):
                    try:
                        heard.look()
                    except RuntimeError:  # this port is gone, which who opened it will see; the others are heard
                        self._open.remove(heard)
            time.sleep(_LOOK_S)
