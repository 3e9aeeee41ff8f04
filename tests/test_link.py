"""Ableton Link: processes on the loopback, cut off from the network, that find each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import performance.link
from performance.specs import LeaderSpec
from rvae.errors import OutputError

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 8

OURS = """
import json, sys
from music import beat_of
from performance.clock import MonotonicClock
from performance.commands import Play, SetControl
from performance.engine import Engine
from performance.link import LinkLeader
from performance.outputs.memory import MemoryOutput
from performance.sequencer import BeatStart
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

meter, seconds, tempo, play_after = Meter.parse(sys.argv[1]), *map(float, sys.argv[2:5])
clock, output = MonotonicClock(), MemoryOutput()
engine = Engine(clock, beat_of(meter, [0]), [output], leader=LinkLeader())
engine.open_outputs(STANDARD_KIT)
if tempo:
    engine.do(SetControl("tempo", tempo))
begun_ns = clock.now_ns()
while (now_ns := clock.now_ns()) < begun_ns + seconds * 1e9:
    if play_after and now_ns > begun_ns + play_after * 1e9:
        engine.do(Play())
        play_after = 0
    clock.sleep_until(engine.step())
status = engine.status()
playing = status.transport is not None
engine.close()
beats = [(sent.event.beat, sent.due_ns) for sent in output.sent if isinstance(sent.event, BeatStart)]
print(json.dumps({"beats": beats, "said": [message.text for message in status.messages], "playing": playing}))
"""

PEER = """
import json, sys, time
import link

quantum, seconds, then, starts = *map(float, sys.argv[1:4]), sys.argv[4] == "starts"
session = link.Link(97.0)
session.startStopSyncEnabled = True
session.enabled = True
until = time.perf_counter() + 20
while session.numPeers() < 1 and time.perf_counter() < until:
    time.sleep(0.01)
peers = session.numPeers()
if starts:
    state = session.captureAppSessionState()
    state.setIsPlayingAndRequestBeatAtTime(True, session.clock().micros() + 500_000, 0.0, quantum)
    session.commitAppSessionState(state)
samples, begun = [], time.perf_counter()
while (now := time.perf_counter() - begun) < seconds:
    state = session.captureAppSessionState()
    if then and now > seconds / 2:
        state.setTempo(then, session.clock().micros())
        session.commitAppSessionState(state)
        then = 0
    us, ns = session.clock().micros(), time.perf_counter_ns()
    samples.append((ns, state.beatAtTime(us, quantum), state.tempo(), state.isPlaying()))
    time.sleep(0.01)
if starts:
    state = session.captureAppSessionState()
    state.setIsPlaying(False, session.clock().micros())
    session.commitAppSessionState(state)
    time.sleep(0.5)
print(json.dumps({"peers": peers, "samples": samples}))
"""


def together(tmp_path: Path, *programs: tuple[str, tuple[object, ...]]) -> list[dict[str, object]]:
    """Run programs side by side on a loopback of their own; what each printed."""
    pytest.importorskip("link", reason="the extra `link`, or a library it needs, is missing", exc_type=ImportError)
    if os.name != "posix" or subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network of one's own here: needs unshare and the right to use it")
    lines = []
    for number, (code, arguments) in enumerate(programs):
        script = tmp_path / f"{number}.py"
        script.write_text(code)
        words = " ".join(f"'{argument}'" for argument in arguments)
        lines.append(f"'{sys.executable}' '{script}' {words} > '{tmp_path}/{number}.json' &")
    command = ["unshare", "-n", "bash", "-c", "ip link set lo up || exit 9\n" + "\n".join(lines) + "\nwait"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode == 9:
        pytest.skip("the loopback cannot be brought up here")
    found = [json.loads((tmp_path / f"{number}.json").read_text() or "{}") for number in range(len(programs))]
    if any("peers" in one and not one["peers"] for one in found):
        pytest.skip("Link finds no peers on this machine")
    assert all(found), done.stderr
    return found


def phases_ms(ours: dict, peer: dict, quantum: float) -> tuple[np.ndarray, np.ndarray]:
    """When our downbeats were due, in s, and how far each was from the peer's nearest downbeat, in ms."""
    ns, beats, qpm, playing = np.array(peer["samples"], float).T
    downs = np.array([due_ns for beat, due_ns in ours["beats"] if beat == 0], float)
    downs = downs[(downs > ns[0]) & (downs < ns[-1]) & (np.interp(downs, ns, playing) == 1)]
    phase = (np.interp(downs, ns, beats) + quantum / 2) % quantum - quantum / 2
    return (downs - ns[0]) / 1e9, phase * 60_000 / np.interp(downs, ns, qpm)


@pytest.mark.parametrize(("meter", "quantum"), [("3/4", 3), ("6/8", 3), ("7/8(2+2+3)", 3.5), ("12/8", 6)])
def test_the_downbeat_is_on_the_peers_downbeat_and_it_starts_and_stops_us(
    tmp_path: Path, meter: str, quantum: float
) -> None:
    seconds = SECONDS if quantum < 4 else 2 * SECONDS  # enough bars of either tempo
    peer, ours = together(
        tmp_path,
        (PEER, (quantum, seconds, 133, "starts")),
        (OURS, (meter, seconds + 6, 0, 0)),
    )
    at_s, errors_ms = phases_ms(ours, peer, quantum)
    print(f"Link, {meter}: downbeats against the peer's, ms: {np.round(errors_ms, 2)}")
    # The peer jumps from its tempo to 133 in the middle: two bars to get there.
    steady = errors_ms[(at_s < seconds / 2) | (at_s > seconds / 2 + 2 * quantum * 60 / 133)]
    assert len(steady) >= 2
    assert np.percentile(np.abs(steady), 99) < 3
    gaps = np.diff([due_ns for _, due_ns in ours["beats"]])
    assert np.all(gaps > 0)
    assert not ours["playing"]
    assert any("1 other" in text for text in ours["said"])


def test_the_player_sets_the_tempo_of_the_session_and_starts_it_for_all(tmp_path: Path) -> None:
    ours, peer, third = together(
        tmp_path,
        (OURS, ("4/4", SECONDS + 4, 104, 3)),
        (PEER, (4, SECONDS, 0, "listens")),
        (PEER, (4, SECONDS, 0, "listens")),
    )
    assert ours["playing"]
    for one in (peer, third):
        assert any(playing for *_, playing in one["samples"])
        assert {round(qpm) for *_, qpm, _ in one["samples"][-100:]} <= {97, 104}
    _, errors_ms = phases_ms(ours, peer, 4)
    assert len(errors_ms) >= 1
    assert np.percentile(np.abs(errors_ms), 99) < 3


def test_without_the_extra_it_is_said_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "link", None)
    with pytest.raises(OutputError, match=r"rvae\[link\]"):
        LeaderSpec("link").make()
    assert performance.link is not None
