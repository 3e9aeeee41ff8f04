"""MIDI out, to a port by name or to a virtual port of our own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Any

from performance.outputs.output import Output
from performance.ports import OWN, find_port, midi_library, observer, output_ports, port_name
from performance.pulse import ClockContinue, ClockEvent, ClockPulse, ClockStart, ClockStop
from performance.sequencer import Event, Onset, Release
from rvae.errors import OutputError
from rvae.kit import Kit

CHANNEL = 9  # channel 10 as people count: the drums
VIRTUAL_NAME = OWN


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
        self._observer: Any = None
        self._gone: list[tuple[str, int]] = []

    def _open(self, kit: Kit) -> None:  # noqa: ARG002  # the notes come with the events
        from mido import Message

        self._message = Message
        if self._virtual and sys.platform == "win32":
            raise OutputError(
                "MIDI: Windows has no virtual ports of its own; install loopMIDI and name its port with --midi"
            )
        self._port = midi_library().MidiOut()
        try:
            failed = self._port.open_virtual_port(self.name) if self._virtual else self._open_other()
        except RuntimeError as error:
            raise OutputError(f"MIDI: port '{self.name}' does not open ({error}); see `rvae devices`") from None
        is_open = not failed and self._port.is_port_open()
        if self._virtual and not is_open:
            raise OutputError(f"MIDI: no port '{self.name}' of our own: this system has no MIDI for it; start JACK")
        if not is_open:
            raise OutputError(f"MIDI: port '{self.name}' does not open; it may be in use, see `rvae devices`")

    def _open_other(self) -> object:
        """Open another's port, and have told when it goes; an error, or what is false."""
        there = find_port(self.name, output_ports())
        ours, gone = (port_name(there), there.port), self._gone

        def removed(port: Any) -> None:
            if (port_name(port), port.port) == ours:
                gone.append(ours)

        gone.clear()
        self._observer = observer(removed)
        return self._port.open_port(there, OWN)

    def _check(self) -> None:
        # The system takes what is sent to nobody: it has to be asked.
        if self._observer is not None:
            self._observer.poll()
        if self._gone:
            raise OutputError("its port has gone")

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
        port, self._port, self._observer = self._port, None, None
        if port is not None:
            with contextlib.suppress(RuntimeError):  # what it is attached to may be gone
                port.close_port()

    def _put(self, kind: str, **values: int) -> None:
        self._write(self._message(kind, channel=CHANNEL, **values))

    def _write(self, message: Any) -> None:
        try:
            failed = self._port.send_message(message.bytes())  # an error, or what is false
        except RuntimeError as error:
            raise OutputError(str(error)) from None
        if failed:
            raise OutputError("the port does not take what it is sent")
