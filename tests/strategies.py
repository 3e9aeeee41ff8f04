"""Hypothesis strategies for meters, kits and patterns, and MIDI files made in memory without the code under test."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from rvae.kit import STANDARD_KIT, Kit, Voice
from rvae.meter import MAX_BEATS, Meter
from rvae.pattern import CYCLE_BARS, Pattern

COMMON_METERS = tuple(
    Meter.parse(name)
    for name in (
        *("4/4", "3/4", "2/4", "5/4", "7/4", "2/2", "6/8", "9/8", "12/8", "6/16", "1/4", "1/1"),
        *("5/8(2+3)", "5/8(3+2)", "7/8(2+2+3)", "7/8(2+3+2)", "7/8(3+2+2)", "8/8(3+3+2)", "9/8(2+2+2+3)"),
        *("11/8(2+2+3+2+2)", "13/8", "15/16(4+4+4+3)", "20/8(5+5+5+5)"),
    )
)


@st.composite
def grouped_meters(draw: st.DrawFn, beats: int | None = None) -> Meter:
    """Any row of beats the grid can hold, or of so many beats."""
    groups = draw(st.lists(st.integers(1, 6), min_size=beats or 1, max_size=beats or MAX_BEATS))
    return Meter.of(sum(groups), draw(st.sampled_from([1, 2, 4, 8, 16, 32])), tuple(groups))


def meters() -> st.SearchStrategy[Meter]:
    """Meters in use, and all others."""
    return st.sampled_from(COMMON_METERS) | grouped_meters()


@st.composite
def kits(draw: st.DrawFn) -> Kit:
    """Kits of 1 to 16 voices with notes of their own."""
    count = draw(st.integers(1, 16))
    pitches = draw(st.lists(st.integers(0, 127), min_size=count, max_size=count * 3, unique=True))
    voices = [Voice(f"voice_{row}", tuple(pitches[row::count]), pitches[row]) for row in range(count)]
    return Kit("drawn", tuple(voices))


@st.composite
def patterns(draw: st.DrawFn, meter: st.SearchStrategy[Meter] | None = None, kit: Kit = STANDARD_KIT) -> Pattern:
    """Patterns from silent to crowded, with velocities as MIDI has them and microtiming of -3 to 3 ticks."""
    of_meter = draw(meters() if meter is None else meter)
    bars = draw(st.sampled_from(CYCLE_BARS))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (len(kit), bars * of_meter.bar_ticks)
    onset = (random.random(shape) < draw(st.sampled_from([0.0, 0.02, 0.1, 0.9]))).astype(np.int8)
    velocity = (random.integers(1, 128, shape) / 127).astype(np.float32)
    microtiming = random.uniform(-3, 3, shape).astype(np.float32)
    return Pattern.of_arrays(onset, velocity, microtiming, of_meter, bars=bars, kit=kit)


def variable(number: int) -> bytes:
    """A number as MIDI files write it: seven bits a byte, all but the last with the eighth bit set."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(number & 0x7F | 0x80)
    return bytes(reversed(out))


def track(*events: tuple[int, bytes], end: int = 0) -> bytes:
    """A track chunk from (pulse, event bytes); it ends `end` pulses after the last event."""
    data, before = b"", 0
    for pulse, event in sorted(events, key=lambda each: each[0]):
        data += variable(pulse - before) + event
        before = pulse
    data += variable(end) + b"\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(data)) + data


def midi(*tracks: bytes, ppq: int = 96, kind: int = 0) -> bytes:
    """A MIDI file from its tracks."""
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), ppq) + b"".join(tracks)


def on(pitch: int, velocity: int = 100, channel: int = 10) -> bytes:
    """A note-on."""
    return bytes((0x90 | (channel - 1), pitch, velocity))


def signature(numerator: int, power: int) -> bytes:
    """A time signature; the denominator is 2 to the power."""
    return bytes((0xFF, 0x58, 4, numerator, power, 24, 8))


def tempo(us_per_quarter: int) -> bytes:
    """A tempo."""
    return b"\xff\x51\x03" + us_per_quarter.to_bytes(3, "big")


def words(text: str) -> bytes:
    """A text."""
    return b"\xff\x01" + variable(len(text.encode())) + text.encode()


def bar_pulses(meter: Meter, ppq: int) -> Fraction:
    """How long a bar is in a file."""
    return meter.bar_quarters * ppq
