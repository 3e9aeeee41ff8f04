"""Link peers that come, go, jump and fight over the tempo, on a loopback of their own; the music counts on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_link import together

SECONDS = 10
PATIENCE_S = 120  # for what never happens

# When the others have gone it sets a tempo of its own, and goes on until it has played some beats by it.
OURS = """
import json, os, sys
from checker import StreamChecker
from music import beat_of
from performance.clock import MonotonicClock
from performance.commands import Play, SetControl, Stop
from performance.engine import Engine
from performance.link import LinkLeader
from performance.outputs.memory import MemoryOutput
from performance.sequencer import BeatStart, Onset, Release
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

meter, patience_s = Meter.parse(sys.argv[1]), float(sys.argv[2])
clock, output, checker = MonotonicClock(), MemoryOutput(), StreamChecker()
engine = Engine(clock, beat_of(meter, [beat * 24 for beat in range(meter.beats)]), [output], leader=LinkLeader())
engine.open_outputs(STANDARD_KIT)
begun_ns = clock.now_ns()
heard, said, wrong, starts, alone = 0, {}, "", 0, None
while (now_ns := clock.now_ns()) < begun_ns + patience_s * 1e9:
    beats = sum(isinstance(sent.event, BeatStart) for sent in output.sent)
    if alone is not None and beats >= alone + 6:
        break
    if alone is None and os.path.exists("1.left") and os.path.exists("2.left"):
        if any(text.startswith("Link: no others") for text in said.values()):
            alone = beats
            engine.do(SetControl("tempo", 240))
    was, bars = engine.transport, engine.sequencer.bars
    if was is None and now_ns > begun_ns + 1e9:
        engine.do(Play())
    due_ns = engine.step()
    if was is None and engine.transport is not None:
        starts += 1
        checker, bars = StreamChecker(), engine.sequencer.bars
        heard = len(output.sent)
    try:
        checker.feed((sent.event for sent in output.sent[heard:] if sent.cut_ns is None), bars)
    except AssertionError as error:
        wrong = wrong or str(error)
    heard = len(output.sent)
    said.update({message.number: message.text for message in engine.status().messages})
    clock.sleep_until(due_ns)
engine.do(Stop())
sounding = set()
for sent in output.sent:
    if isinstance(sent.event, Onset):
        sounding.add(sent.event.pitch)
    elif isinstance(sent.event, Release):
        sounding.discard(sent.event.pitch)
engine.close()
due = [sent.due_ns for sent in output.sent if isinstance(sent.event, BeatStart)]
found = {"due": due, "said": list(said.values()), "wrong": wrong, "alone": alone}
found |= {"sounding": sorted(sounding), "starts": starts}
print(json.dumps(found))
"""

# Joins and leaves again and again, and sets another tempo each time.
RESTLESS = """
import json, random, sys, time
import link

seconds, number = float(sys.argv[1]), int(sys.argv[2])
chance = random.Random(number)
until, joined = time.perf_counter() + seconds, 0
while time.perf_counter() < until or joined < 5:
    session = link.Link(chance.choice([20.0, 999.0, 61.5, 300.0]))
    session.enabled = True
    joined += 1
    for _ in range(chance.randrange(1, 5)):
        time.sleep(chance.uniform(0.05, 0.6))
        state = session.captureAppSessionState()
        state.setTempo(chance.choice([20.0, 300.0, 120.0, 999.0, 77.7]), session.clock().micros())
        session.commitAppSessionState(state)
    session.enabled = False
    del session
open(f"{number}.left", "w").close()
print(json.dumps({"joined": joined}))
"""


@pytest.mark.parametrize("meter", ["4/4", "7/8(2+2+3)"])
def test_peers_that_join_leave_and_jump_in_tempo_cost_no_beat_and_no_note(tmp_path: Path, meter: str) -> None:
    ours, *others = together(tmp_path, (OURS, (meter, PATIENCE_S)), (RESTLESS, (SECONDS, 1)), (RESTLESS, (SECONDS, 2)))
    assert all(other["joined"] >= 5 for other in others)
    if not any("1 other" in text for text in ours["said"]):
        pytest.skip("Link finds no peers on this machine")
    print(f"Link, {meter}: {len(ours['due'])} beats, {ours['starts']} starts; said: {ours['said']}")
    assert ours["wrong"] == ""
    assert ours["sounding"] == []
    gaps_s = np.diff(ours["due"]) / 1e9
    assert np.all(gaps_s > 0)
    assert ours["alone"] is not None
    assert len(ours["due"]) >= ours["alone"] + 6, "alone again it obeys its own player"
    # The last has left by the end, and that is said.
    assert any(text.startswith("Link: no others") for text in ours["said"])
