"""In step with others: OSC timetags, a Link peer in another process, a MIDI clock that scatters."""

from __future__ import annotations

import json
import math
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from performance.bench.spread import Json, absent, spread
from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock, ahead_ns
from performance.clock_input import ClockLeader
from performance.commands import Play
from performance.engine import Engine
from performance.feel import Feel
from performance.outputs.memory import MemoryOutput
from performance.process import EngineProcess
from performance.pulse import PULSES_PER_QUARTER
from performance.sequencer import BeatStart
from performance.snapshot import EngineStatus
from performance.specs import LeaderSpec, OutputSpec
from performance.transport import Bars, Transport
from rvae.errors import OutputError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

_STAMPS = 35  # SO_TIMESTAMPNS, Linux's number, which Python does not name
LINK_METERS = ("3/4", "6/8", "7/8(2+2+3)")
_PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class _Heard:
    """An OSC bundle: when it came and when it was due, in ns since 1970, its address and its values."""

    arrived_ns: int
    due_ns: int
    address: str
    values: Sequence[object]


def osc_timetags(pattern: Pattern, *, seconds: float) -> Json:
    """How far timetags are from the moment each onset is due, and how far ahead of it they arrive, in ms."""
    from pythonosc.osc_bundle import OscBundle

    heard: list[_Heard] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        is_stamped = sys.platform.startswith("linux")
        if is_stamped:
            ear.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(0.2)
        engine = EngineProcess(pattern, [OutputSpec("osc", f"127.0.0.1:{ear.getsockname()[1]}")])
        try:
            transport = _begun(engine)
            apart_ns = ahead_ns(time.time_ns)
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:
                try:
                    data, extra, _, _ = ear.recvmsg(65536, 256)
                except TimeoutError:
                    continue
                arrived_ns = time.time_ns()
                for _, kind, value in extra:
                    if kind == _STAMPS:
                        whole_s, ns = struct.unpack("@ll", value[:16])
                        arrived_ns = whole_s * NS_PER_S + ns
                bundle = OscBundle(data)
                for message in bundle:
                    due_ns = round(bundle.timestamp * NS_PER_S)
                    heard.append(_Heard(arrived_ns, due_ns, message.address, message.params))
            slips = _status_now(engine).lateness.slips
        finally:
            engine.close()
    if not heard:
        return absent("no bundle arrived; something on this machine keeps UDP from the loopback")
    due = ((one.due_ns - apart_ns, _due_ns(one, transport, pattern)) for one in heard)
    errors_ms = [abs(tagged_ns - due_ns) / NS_PER_MS for tagged_ns, due_ns in due if due_ns is not None]
    ahead_ms = [(one.due_ns - one.arrived_ns) / NS_PER_MS for one in heard]
    return {
        **spread(errors_ms),
        "ahead_least": round(min(ahead_ms), 4),
        "ahead_p50": round(float(np.percentile(ahead_ms, 50)), 4),
        "late": sum(ahead <= 0 for ahead in ahead_ms),
        "bundles": len(heard),
        "slips": slips,  # where the machine stood still, and the music waited for it, all is due later from there on
    }


def _begun(engine: EngineProcess) -> Transport:
    """Start it; where its music is in time."""
    engine.do(Play())
    until_s = time.monotonic() + _PATIENCE_S
    while (transport := engine.status().transport) is None:
        if time.monotonic() > until_s:
            raise OutputError("the engine does not play; run `rvae play` to see why")
        time.sleep(0.005)
    return transport


def _status_now(engine: EngineProcess) -> EngineStatus:
    """How it stands now: what waits on the line first is old."""
    now_ns, until_s = time.perf_counter_ns(), time.monotonic() + _PATIENCE_S
    while (status := engine.status()).now_ns < now_ns and time.monotonic() < until_s:
        time.sleep(0.005)
    return status


def _due_ns(heard: _Heard, transport: Transport, pattern: Pattern) -> int | None:
    """When, by the engine's own arithmetic, what a message tells of is due; None for what is no onset."""
    if heard.address != "/rvae/onset":
        return None
    name, _, bar, beat, tick_in_beat = heard.values
    meter, voice = pattern.meter, pattern.kit.row_of_name(str(name))
    tick = (int(str(beat)) - 1) * meter.bar_ticks // meter.beats + int(str(tick_in_beat))
    column = (int(str(bar)) - 1) % pattern.bars * meter.bar_ticks + tick
    at = Feel().sounding_ticks(tick, float(pattern.microtiming[voice, column]), meter)
    quarters = Bars.of(meter).quarters_at(int(str(bar)) - 1) + meter.quarters_at(at)
    return transport.ns_at(max(quarters, Fraction(0)))


_PEER = """
import json, sys, time
import link
quantum, patience, seconds = map(float, sys.argv[1:])
session = link.Link(113.0)
session.startStopSyncEnabled = True
session.enabled = True
until = time.perf_counter() + patience
while session.numPeers() < 1 and time.perf_counter() < until:
    time.sleep(0.01)
if session.numPeers():
    state = session.captureAppSessionState()
    state.setIsPlayingAndRequestBeatAtTime(True, session.clock().micros() + 500_000, 0.0, quantum)
    session.commitAppSessionState(state)
samples, begun = [], time.perf_counter()
while session.numPeers() and time.perf_counter() - begun < seconds:
    state, ns, us = session.captureAppSessionState(), time.perf_counter_ns(), session.clock().micros()
    samples.append((ns, state.phaseAtTime(us, quantum), state.tempo()))
    time.sleep(0.01)
print(json.dumps(samples), flush=True)
"""


def link_phase(meter: Meter, *, seconds: float) -> Json:
    """How far our downbeats are from those of a peer in another process that started us, in ms, as both have them."""
    try:
        import link  # noqa: F401  # asked here, so that a missing extra is told and not waited for
    except ImportError:
        return absent('Link: not installed; `pip install "rvae[link]"` brings it')
    quantum = float(meter.bar_quarters)
    engine = EngineProcess(_downbeats(meter), leader=LeaderSpec("link"))
    downs: dict[int, int] = {}
    words = [sys.executable, "-c", _PEER, str(quantum), str(_PATIENCE_S), str(seconds)]
    try:
        # Into a file: it says more than a pipe holds, and nobody reads until it has ended.
        with tempfile.TemporaryFile("w+") as told, subprocess.Popen(words, stdout=told, text=True) as peer:
            until_s = time.monotonic() + 4 * _PATIENCE_S + seconds
            while peer.poll() is None:
                if time.monotonic() > until_s:
                    peer.kill()
                    return absent("Link: the peer does not come to an end")
                if (transport := engine.status().transport) is not None:
                    bar = transport.place_at(time.perf_counter_ns()).bar
                    downs[bar] = transport.ns_at(transport.bars.quarters_at(bar))  # the latest word before the next bar
                time.sleep(0.005)
            told.seek(0)
            samples = np.array(json.loads(told.read() or "[]"))
    finally:
        engine.close()
    if len(samples) == 0:
        return absent("Link: no peer was found; the network of this machine does not let them see each other")
    ns, phase, qpm = samples.T
    errors_ms = []
    for down_ns in sorted(downs.values()):
        if not ns[0] < down_ns < ns[-1]:
            continue
        near = int(np.searchsorted(ns, down_ns))
        then = phase[near] - (ns[near] - down_ns) * qpm[near] / 60 / NS_PER_S
        off = (then + quantum / 2) % quantum - quantum / 2
        errors_ms.append(abs(off) * 60_000 / qpm[near])
    if not errors_ms:
        return absent("Link: the peer did not start us")
    return {**spread(errors_ms), "downbeats": len(errors_ms)}


def _downbeats(meter: Meter) -> Pattern:
    onset = np.zeros((len(STANDARD_KIT), meter.bar_ticks), np.int8)
    onset[0, 0] = 1
    return Pattern.of_arrays(
        onset, onset.astype(np.float32), np.zeros(onset.shape, np.float32), meter, bars=1, kit=STANDARD_KIT
    )


@dataclass(frozen=True, slots=True)
class _Clock:
    """A MIDI clock at `qpm` whose pulses scatter by `scatter_ms` (standard deviation)."""

    qpm: float
    scatter_ms: float
    seed: int


def clock_following(pattern: Pattern, *, minutes: float, scatter_ms: float = 3.0) -> Json:
    """The engine after a MIDI clock that scatters, on a virtual clock: the error of each beat after the first four
    bars, in ms, and what the last hundred beats are off on average, which is the drift.
    """
    errors_ms = _followed(pattern, _Clock(120.0, scatter_ms, 7), minutes)
    settled = np.array(errors_ms[4 * pattern.meter.beats :])
    return {
        **spread(np.abs(settled).tolist()),
        "drift": round(float(settled[-100:].mean()), 4),
        "minutes": minutes,
        "scatter_ms": scatter_ms,
        "beats": len(settled),
    }


def _followed(pattern: Pattern, theirs: _Clock, minutes: float) -> list[float]:
    clock, output, leader = VirtualClock(), MemoryOutput(), ClockLeader("a clock")
    engine = Engine(clock, pattern, [output], leader=leader)
    engine.open_outputs(pattern.kit)
    chance = random.Random(theirs.seed)
    begin_ns, pulse_ns = NS_PER_S, 60 * NS_PER_S / theirs.qpm / PULSES_PER_QUARTER
    leader.receive(b"\xfa", begin_ns - 5 * NS_PER_MS)
    last_ns = 0
    for pulse in range(math.ceil(minutes * theirs.qpm * PULSES_PER_QUARTER)):
        last_ns = max(last_ns, round(begin_ns + pulse * pulse_ns + chance.gauss(0, theirs.scatter_ms * NS_PER_MS)))
        while clock.now_ns() < last_ns:
            clock.sleep_until(min(engine.step(), last_ns))
        leader.receive(b"\xf8", last_ns)
    engine.close()
    beats = ((sent.event, sent.due_ns) for sent in output.sent if isinstance(sent.event, BeatStart))
    quarter_ns = 60 * NS_PER_S / theirs.qpm
    return [(due_ns - begin_ns - float(beat.quarters) * quarter_ns) / NS_PER_MS for beat, due_ns in beats]
