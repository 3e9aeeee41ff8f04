"""MIDI out, to a port by name or to a virtual port of our own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from performance.outputs.output import Output
from performance.pulse import ClockContinue, ClockEvent, ClockPulse, ClockStart, ClockStop
from performance.sequencer import Event, Onset, Release
from rvae.errors import OutputError
from rvae.kit import Kit

CHANNEL = 9  # channel 10 as people count: the drums
VIRTUAL_NAME = "rvae"


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


def output_ports() -> list[str]:
    """The names of all MIDI ports that can be played to."""
    return [port_name(port) for port in _find_ports()]


def _find_ports() -> list[Any]:
    return observed_ports(lambda observer: observer.get_output_ports())


def observed_ports(get: Callable[[Any], Any]) -> list[Any]:
    """The ports of the system's that `get` takes from the library's observer."""
    library = midi_library()
    settings = library.ObserverConfiguration()
    settings.track_virtual = True
    settings.track_hardware = True
    settings.track_any = True
    try:
        return list(get(library.Observer(settings)))
    except (RuntimeError, TypeError):
        return []  # no MIDI system at all: the same as one with no ports


def find_port(name: str, ports: Sequence[Any]) -> Any:
    """The port of a name, or the first with it in its name. Raises OutputError with those there are."""
    exact = [port for port in ports if port_name(port) == name]
    near = [port for port in ports if name.lower() in port_name(port).lower()]
    if not exact and not near:
        there = ", ".join(map(port_name, ports)) or "none at all"
        raise OutputError(f"MIDI: no port '{name}'; there are: {there}; see `rvae devices`")
    return (exact or near)[0]


def clock_messages(event: ClockEvent) -> list[Any]:
    """The MIDI messages, mido's, of a clock event."""
    from mido import Message  # type: ignore[import-untyped]  # mido ships no types

    match event:
        case ClockPulse():
            return [Message("clock")]
        case ClockStart():
            return [Message("start")]
        case ClockContinue():
            return [Message("songpos", pos=event.song_position), Message("continue")]
        case ClockStop():
            return [Message("stop")]


class MidiOutput(Output):
    """Plays the notes of the kit on channel 10, and MIDI clock where it `sends_clock`.

    `name`: all or a part of a port's name; with `virtual`, the name of a port of our own that others connect to.
    Libraries: messages are mido's, the port pylibremidi's.
    """

    kind = "midi"

    def __init__(self, name: str, *, virtual: bool = False) -> None:
        super().__init__(name)
        self._virtual = virtual
        self._port: Any = None

    def _open(self, kit: Kit) -> None:  # noqa: ARG002  # the notes come with the events
        from mido import Message

        library = midi_library()
        self._library, self._message = library, Message
        self._port = library.MidiOut()
        if self._virtual:
            if sys.platform == "win32":
                raise OutputError(
                    "MIDI: Windows has no virtual ports of its own; install loopMIDI and name its port with --midi"
                )
            self._port.set_port_name(self.name)
        try:
            failed = (
                self._port.open_virtual_port()
                if self._virtual
                else self._port.open_port(find_port(self.name, _find_ports()))
            )
        except RuntimeError as error:
            raise OutputError(f"MIDI: port '{self.name}' does not open ({error}); see `rvae devices`") from None
        if failed or not self._port.is_port_open():
            raise OutputError(f"MIDI: port '{self.name}' does not open; it may be in use, see `rvae devices`")

    def _send(self, event: Event, due_ns: int) -> None:  # noqa: ARG002  # the engine calls when it is due
        match event:
            case Onset():
                self._put("note_on", note=event.pitch, velocity=event.velocity)
            case Release():
                self._put("note_off", note=event.pitch, velocity=0)
            case ClockPulse() | ClockStart() | ClockContinue() | ClockStop():
                for message in clock_messages(event):
                    self._write(message)

    def _silence(self, sounding: dict[int, int], now_ns: int) -> None:  # noqa: ARG002  # the template's signature
        for pitch in sounding:
            self._put("note_off", note=pitch, velocity=0)

    def _panic(self, now_ns: int) -> None:  # noqa: ARG002  # the template's signature
        for channel in range(16):
            for control in (120, 123):  # all sound off, all notes off
                self._write(self._message("control_change", channel=channel, control=control, value=0))
        for pitch in range(128):  # for drum modules that do not know those two
            self._put("note_off", note=pitch, velocity=0)

    def _recover(self, pitches: Sequence[int]) -> None:
        self._write(self._message("control_change", channel=CHANNEL, control=123, value=0))  # all notes off
        for pitch in pitches:
            self._put("note_off", note=pitch, velocity=0)

    def _close(self) -> None:
        self._discard()

    def _discard(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(RuntimeError):  # what it is attached to may be gone
                port.close_port()

    def _put(self, kind: str, **values: int) -> None:
        self._write(self._message(kind, channel=CHANNEL, **values))

    def _write(self, message: Any) -> None:
        packet = self._library.Message()
        packet.bytes = message.bytes()
        try:
            failed = self._port.send_message(packet)  # an error, or what is false
        except RuntimeError as error:
            raise OutputError(str(error)) from None
        if failed:
            raise OutputError("the port does not take what it is sent")
