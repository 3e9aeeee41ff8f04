"""What a hostile network sends: OSC that is none, and far too much of it."""

from __future__ import annotations

import struct
import time

from playing_support import Played, osc


def bundle(*parts: bytes) -> bytes:
    return b"#bundle\0" + bytes(8) + b"".join(struct.pack(">I", len(part)) + part for part in parts)


def deep(part: bytes, depth: int) -> bytes:
    for _ in range(depth):
        part = bundle(part)
    return part


HOSTILE: dict[str, bytes] = {
    "bytes": b"\xde\xad\xbe\xef" * 40,
    "nothing": b"",
    "a bundle of nothing": bundle(*[b""] * 300),
    "bundles too deep": deep(osc("/rvae/stop"), 60),
    "a bundle that lies about its lengths": b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xf0/rvae/stop",
    "wrong types": osc("/rvae/tempo", "fast", True, b"blob"),
    "not a number": osc("/rvae/cursor", float("nan"), float("inf")),
    "no arguments": osc("/rvae/density"),
    "a meter beyond reason": osc("/rvae/meter", "999999999/8"),
    "a meter of many digits": osc("/rvae/meter", "9" * 900 + "/8"),
    "a string that never ends": osc("/rvae/meter", "4/4")[:-4] + b"\xff" * 300,
    "arrays in arrays": b"/rvae/cursor\0\0\0\0," + b"[" * 20_000 + b"]" * 20_000 + bytes(3),
    "a scene of no number": osc("/rvae/scene", "store", 10**18),
    "somebody else's": osc("/their/fader", 0.5),
}


def flood(played: Played, seconds: float, a_second: int = 10_000) -> int:
    """Ten thousand messages a second of everything there is, from hands, faders and enemies; how many were sent."""
    kinds = [
        *(osc("/rvae/cursor", number / 97, 1 - number / 97) for number in range(97)),
        *(osc("/rvae/density", 0.3 + number / 200) for number in range(60)),
        *(osc("/rvae/voice", "kick", "mute", number % 2) for number in range(10)),
        *(packet for what, packet in HOSTILE.items() if len(packet) < 2000),
    ]
    begun, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - begun) < seconds:
        for _ in range(int(now * a_second) - sent):
            played.tell(kinds[sent * 7 % len(kinds)])
            sent += 1
        played.log.read()
        time.sleep(0.002)  # the rate of the flood
    return sent
