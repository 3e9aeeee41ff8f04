"""What a soak hears, from outside: OSC with the time it arrived in the kernel, JACK MIDI as another program prints it.

`python soak_ears.py FILE`: listens to OSC on a free port, which it prints, and writes a JSON line for each bundle.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pythonosc.osc_bundle import OscBundle

_STAMPS = getattr(socket, "SO_TIMESTAMPNS", 35)  # Linux's number, which Python does not name
_DUMPED = re.compile(r"^\s*(\d+):((?:\s[0-9a-f]{2})+)")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle: when it arrived and when it was due, in s since 1970; its messages."""

    arrived_s: float
    due_s: float
    messages: tuple[tuple[str, tuple[float | str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Midi:
    """A message and its frame."""

    frame: int
    data: bytes


def listen(file: Path) -> None:
    """Write down every bundle until the process is ended."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    ear.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
    ear.bind(("127.0.0.1", 0))
    print(ear.getsockname()[1], flush=True)
    with file.open("w", buffering=1) as log:
        while True:
            data, extra, _, _ = ear.recvmsg(65536, 256)
            s, ns = next(struct.unpack("@ll", value[:16]) for _, kind, value in extra if kind == _STAMPS)
            bundle = OscBundle(data)
            messages = [[message.address, message.params] for message in bundle]
            log.write(json.dumps([s + ns / 1e9, bundle.timestamp, messages]) + "\n")


def bundles(lines: Iterable[str]) -> Iterator[Bundle]:
    """What `listen` wrote."""
    for line in lines:
        arrived_s, due_s, messages = json.loads(line)
        yield Bundle(arrived_s, due_s, tuple((address, tuple(values)) for address, values in messages))


def midi_messages(lines: Iterable[str]) -> Iterator[Midi]:
    """What `jack_midi_dump -a` printed."""
    for line in lines:
        if found := _DUMPED.match(line):
            yield Midi(int(found[1]), bytes.fromhex(found[2]))


if __name__ == "__main__":
    listen(Path(sys.argv[1]))
