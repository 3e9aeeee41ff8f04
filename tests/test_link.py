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
PATIENCE_S = 120  # for what never happens

# Runs until its part is played; what it has to tell the others it tells as files, and so do they.
OURS = """
import json, os, sys
from music import beat_of
from performance.clock import MonotonicClock
from performance.commands import Play, SetControl
from performance.engine import Engine
from performance.link import LinkLeader
from performance.outputs.memory import MemoryOutput
from performance.sequencer import BeatStart
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

meter, patience_s, leads = Meter.parse(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "leads"
clock, output = MonotonicClock(), MemoryOutput()
engine = Engine(clock, beat_of(meter, [0]), [output], leader=LinkLeader())
engine.open_outputs(STANDARD_KIT)
until_ns = clock.now_ns() + patience_s * 1e9
tempos = [184.0] if leads else [160.0, 210.0]  # those to get to, one after the other
off_ns, steady, said, read, asked = clock.now_ns(), {tempo: [] for tempo in tempos}, {}, 0, False
while (now_ns := clock.now_ns()) < until_ns and not os.path.exists("over"):
    if leads and not asked and engine.status().sync.startswith("Link with 2"):
        asked = True
        engine.do(SetControl("tempo", 184))
        engine.do(Play())
    clock.sleep_until(engine.step())
    said.update({message.number: message.text for message in engine.status().messages})
    if engine.transport is None:
        if all(len(found) >= 3 for found in steady.values()):
            break
        continue
    if abs(float(engine.transport.qpm) - tempos[0]) > 0.05:
        off_ns = clock.now_ns()  # on the way there
    for sent in output.sent[read:]:
        # For a second it has had nothing to catch up with: there it is, it thinks.
        if isinstance(sent.event, BeatStart) and sent.event.beat == 0 and off_ns < now_ns - 1e9:
            steady[tempos[0]].append(sent.due_ns)
    read = len(output.sent)
    if len(steady[tempos[0]]) >= 3 and now_ns > steady[tempos[0]][-1]:
        open(f"at {tempos[0]:.0f}", "w").close()
        if len(tempos) > 1:
            off_ns = now_ns
            tempos.pop(0)
playing = engine.transport is not None
engine.close()
due = [sent.due_ns for sent in output.sent if isinstance(sent.event, BeatStart)]
print(json.dumps({"steady": steady, "due": due, "said": list(said.values()), "playing": playing}))
"""

PEER = """
import json, os, sys, time
import link

quantum, patience_s, others, starts = *map(float, sys.argv[1:4]), sys.argv[4] == "starts"
session = link.Link(160.0)
session.startStopSyncEnabled = True
session.enabled = True
until = time.perf_counter() + patience_s
while session.numPeers() < others and time.perf_counter() < until:
    time.sleep(0.01)
peers, samples = session.numPeers(), []

def sample_until(name):
    while not os.path.exists(name) and time.perf_counter() < until:
        before_ns, us, after_ns = time.perf_counter_ns(), session.clock().micros(), time.perf_counter_ns()
        if after_ns - before_ns < 50_000:  # held up between the two, it would not be one moment
            state = session.captureAppSessionState()
            sample = (before_ns + after_ns) // 2, state.beatAtTime(us, quantum), state.tempo(), state.isPlaying()
            samples.append(sample)
        time.sleep(0.01)

def commit(change):
    state = session.captureAppSessionState()
    change(state)
    session.commitAppSessionState(state)

if starts:
    # Whoever was there first brings the tempo, and that may be the other.
    commit(lambda state: state.setTempo(160, session.clock().micros()))
    soon_us = session.clock().micros() + 500_000
    commit(lambda state: state.setIsPlayingAndRequestBeatAtTime(True, soon_us, 0.0, quantum))
    sample_until("at 160")
    commit(lambda state: state.setTempo(210, session.clock().micros()))
    sample_until("at 210")
    commit(lambda state: state.setIsPlaying(False, session.clock().micros()))
    while session.numPeers() and time.perf_counter() < until:  # until it has heard that, and gone
        time.sleep(0.01)
else:
    sample_until("at 184")
open("over", "w").close()
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
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, cwd=tmp_path, timeout=280, check=False
    )
    if done.returncode == 9:
        pytest.skip("the loopback cannot be brought up here")
    found = [json.loads((tmp_path / f"{number}.json").read_text() or "{}") for number in range(len(programs))]
    if any("peers" in one and not one["peers"] for one in found):
        pytest.skip("Link finds no peers on this machine")
    assert all(found), done.stderr
    return found


def off_ms(steady_ns: list[int], peer: dict, quantum: float) -> np.ndarray:
    """How far downbeats were from the peer's nearest downbeat, in ms."""
    ns, beats, qpm, _ = np.array(peer["samples"], float).T
    downs = np.array(steady_ns, float)
    phase = (np.interp(downs, ns, beats) + quantum / 2) % quantum - quantum / 2
    return phase * 60_000 / np.interp(downs, ns, qpm)


@pytest.mark.parametrize(("meter", "quantum"), [("3/4", 3), ("6/8", 3), ("7/8(2+2+3)", 3.5), ("12/8", 6)])
def test_the_downbeat_is_on_the_peers_downbeat_and_it_starts_and_stops_us(
    tmp_path: Path, meter: str, quantum: float
) -> None:
    peer, ours = together(tmp_path, (PEER, (quantum, PATIENCE_S, 1, "starts")), (OURS, (meter, PATIENCE_S, "follows")))
    for tempo, steady_ns in ours["steady"].items():
        errors_ms = off_ms(steady_ns, peer, quantum)
        print(f"Link, {meter} at {tempo}: downbeats against the peer's, ms: {np.round(errors_ms, 2)}")
        assert len(errors_ms) >= 3
        assert np.median(np.abs(errors_ms)) < 3
    assert np.all(np.diff(ours["due"]) > 0)
    assert not ours["playing"]
    assert any("1 other" in text for text in ours["said"])


def test_the_player_sets_the_tempo_of_the_session_and_starts_it_for_all(tmp_path: Path) -> None:
    listens = (PEER, (4, PATIENCE_S, 2, "listens"))
    ours, *peers = together(tmp_path, (OURS, ("4/4", PATIENCE_S, "leads")), listens, listens)
    assert ours["playing"]
    for peer in peers:
        *_, qpm, playing = peer["samples"][-1]
        assert playing
        assert qpm == pytest.approx(184, abs=0.01)
        assert np.median(np.abs(off_ms(ours["steady"]["184.0"], peer, 4))) < 3


def test_without_the_extra_it_is_said_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "link", None)
    with pytest.raises(OutputError, match=r"rvae\[link\]"):
        LeaderSpec("link").make()
    assert performance.link is not None
