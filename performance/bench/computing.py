"""What the instrument computes, with no clock and no device: a place decoded, a bar's events made, a block mixed."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np

from performance.bench.spread import Json, spread
from performance.clock import NS_PER_MS
from performance.outputs.mixer import Mixer
from performance.sequencer import Onset, Sequencer
from rvae.model import Model
from rvae.pattern import Pattern

_DECODES = 2000
_BARS = 200
_STEP_QUARTERS = Fraction(1, 64)  # about what one step of the engine makes
BLOCK_FRAMES, RATE_HZ = 480, 48_000  # 10 ms


def busy_pattern(model: Model) -> Pattern:
    """All that the middle of the plane knows."""
    return model.pattern((0.5, 0.5), meter=model.meter, density=1.0)


def decoding_ms(model: Model) -> Json:
    """One place decoded, as when a hand moves: p50 and p99 of many."""
    beats = model.meter.beats
    points = np.random.default_rng(0).random((_DECODES, 1, 2))
    model.decode(points[0], beats=beats)
    spent = []
    for point in points:
        begun_ns = time.perf_counter_ns()
        model.decode(point, beats=beats)
        spent.append((time.perf_counter_ns() - begun_ns) / NS_PER_MS)
    return spread(spent, largest=False)


def sequencing_ms(pattern: Pattern) -> Json:
    """What the events of one bar cost in all, in spans as short as the engine's; and how many a bar has."""
    sequencer = Sequencer(pattern)
    spent, events = [], 0
    for bar in range(1, _BARS + 1):
        barline = sequencer.bars.quarters_at(bar)
        begun_ns = time.perf_counter_ns()
        while sequencer.position < barline:
            events += len(sequencer.advance(min(barline, sequencer.position + _STEP_QUARTERS)))
        spent.append((time.perf_counter_ns() - begun_ns) / NS_PER_MS)
    return {**spread(spent), "events_per_bar": round(events / _BARS, 1)}


def mixing_load(pattern: Pattern) -> Json:
    """What the sound of a busy bar costs: shares of the 10 ms that a block of it lasts."""
    mixer = Mixer(pattern.kit, RATE_HZ, BLOCK_FRAMES)
    sequencer = Sequencer(pattern)
    out = np.zeros((BLOCK_FRAMES, 2), np.float32)
    block_quarters = Fraction(BLOCK_FRAMES, RATE_HZ) * 120 / 60
    shares = []
    for _ in range(2000):
        found = sequencer.advance(sequencer.position + block_quarters)
        onsets = [event for event in found if isinstance(event, Onset)]
        begun_ns = time.perf_counter_ns()
        for onset in onsets:
            mixer.begin(onset.voice, onset.velocity, 0)
        mixer.mix(out)
        shares.append((time.perf_counter_ns() - begun_ns) / 1e9 * RATE_HZ / BLOCK_FRAMES)
    return {"block_frames": BLOCK_FRAMES, "rate_hz": RATE_HZ, **spread(shares)}
