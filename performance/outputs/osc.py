"""OSC out: onsets, beats and bars in bundles that carry the time they are due, to one `host:port` each."""

from __future__ import annotations

import socket
import time

from performance.clock import ahead_ns
from performance.outputs.output import Output
from performance.sequencer import BeatStart, Event, Onset
from rvae.errors import OutputError, UsageError
from rvae.kit import Kit
from rvae.meter import TICKS_PER_BEAT

_NS_PER_S = 1_000_000_000


def parse_address(text: str) -> tuple[str, int]:
    """`host:port` as its parts. Raises UsageError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise UsageError(f"'{text}' is no OSC address; write it like 127.0.0.1:9000, with a port of 1 to 65535")
    return host, int(port)


class OscOutput(Output):
    """Sends `/rvae/onset voice velocity bar beat tick`, `/rvae/bar n` and `/rvae/beat n`.

    `voice` is its name, `velocity` 0 to 1, `bar` and `beat` count from 1, `tick` from 0 within the beat: where the
    onset is written. Each message stands in a bundle whose timetag is the moment it is due, microtiming and all.
    """

    kind = "osc"
    takes_ahead = True

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._host, self._port = parse_address(address)
        self._voices: tuple[str, ...] = ()
        self._socket: socket.socket | None = None

    def _open(self, kit: Kit) -> None:
        # Imported here and not at the top, where all start-ups would wait for it, nor at the first beat, which would.
        from pythonosc.osc_bundle_builder import OscBundleBuilder
        from pythonosc.osc_message_builder import OscMessageBuilder

        self._new_bundle, self._new_message = OscBundleBuilder, OscMessageBuilder
        self._voices = kit.names
        try:
            family, kind, protocol, _, target = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            self._target = target
        except (OSError, UnicodeError) as error:  # no name of a host has a part that is empty, or so long
            why = getattr(error, "strerror", None) or error
            raise OutputError(f"OSC to {self.name}: {why}; check host and port") from None

    def _take_kit(self, kit: Kit) -> None:
        self._voices = kit.names

    def _send(self, event: Event, due_ns: int) -> None:
        match event:
            case Onset():
                beat, tick = divmod(event.tick, TICKS_PER_BEAT)
                values = (self._voices[event.voice], event.velocity / 127, event.bar + 1, beat + 1, tick)
                self._bundle(due_ns, ("/rvae/onset", values))
            case BeatStart(beat=0):
                self._bundle(due_ns, ("/rvae/bar", (event.bar + 1,)), ("/rvae/beat", (1,)))
            case BeatStart():
                self._bundle(due_ns, ("/rvae/beat", (event.beat + 1,)))

    def _bundle(self, due_ns: int, *messages: tuple[str, tuple[object, ...]]) -> None:
        # Asked each time: the system's date may be set back while we play.
        unix_ns = due_ns + ahead_ns(time.time_ns)
        bundle = self._new_bundle(unix_ns / _NS_PER_S)  # type: ignore[arg-type]  # a float is what it needs
        for address, values in messages:
            message = self._new_message(address)
            for value in values:
                message.add_arg(value)  # type: ignore[arg-type]  # str, int and float only
            bundle.add_content(message.build())
        assert self._socket is not None
        try:
            self._socket.sendto(bundle.build().dgram, self._target)
            self.detail = ""
        except OSError as error:
            # UDP: whatever it is, a listener or a network that is away, the next one may arrive.
            self.detail = f"what is sent does not arrive ({error.strerror or error})"

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
