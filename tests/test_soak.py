"""Two minutes of the soak, and that its checks find what is wrong."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import soak
from jack_support import jack_server
from music import beat_of, pattern_of
from soak_checks import Findings, Standstills, check_journal, check_midi, check_osc, match, match_journal
from soak_ears import Bundle, Midi, midi_messages
from soak_watch import standstills

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import Play, SetControl, SetPattern, Stop
from performance.engine import Engine
from performance.journal import Entry, MemoryJournal, Went
from performance.outputs.memory import MemoryOutput, Sent
from performance.sequencer import BeatStart, Onset, Release
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

MINUTES = 2
DUMPED = """    960: 99 24 64 note on (channel  9): pitch  36, velocity 100
   1200: 89 24 00 note off (channel  9): pitch  36, velocity   0
   1920: 99 26 40 note on (channel  9): pitch  38, velocity  64
   2160: 89 26 00 note off (channel  9): pitch  38, velocity   0
"""


def played() -> tuple[list[Bundle], list[Midi]]:
    """A beat with a kick, a beat with a snare, as both are heard."""
    osc = [
        Bundle(0.0, 0.02, (("/rvae/bar", (1,)), ("/rvae/beat", (1,)))),
        Bundle(0.0, 0.02, (("/rvae/onset", ("kick", 100 / 127, 1, 1, 0)),)),
        Bundle(0.02, 0.04, (("/rvae/beat", (2,)),)),
        Bundle(0.02, 0.04, (("/rvae/onset", ("snare", 64 / 127, 1, 2, 0)),)),
    ]
    return osc, list(midi_messages(DUMPED.splitlines()))


def faults_of(osc: list[Bundle], midi: list[Midi]) -> int:
    findings = Findings()
    match(check_osc(osc, findings), check_midi(midi, findings), STANDARD_KIT, findings)
    return findings.fault_count


def test_what_is_right_passes() -> None:
    assert faults_of(*played()) == 0


@pytest.mark.parametrize("lost", range(4))
def test_a_lost_message_is_found(lost: int) -> None:
    osc, midi = played()
    late = [replace(bundle, due_s=bundle.due_s + (bundle.due_s > 0.03)) for bundle in osc]  # beats are a second long
    assert faults_of(late, midi) == 0
    assert faults_of(late, midi[:lost] + midi[lost + 1 :]) > 0 or lost == 2  # the last may be one that a stop took back
    if lost in (1, 3):
        assert faults_of(late[:lost] + late[lost + 1 :], midi) > 0


def test_a_note_that_came_too_late_as_the_machine_stood_still_is_counted_and_what_comes_after_it_is_checked() -> None:
    osc, midi = played()
    onsets, findings = check_osc(osc, Findings()), Findings()
    match(onsets, check_midi(midi[2:], findings), STANDARD_KIT, findings, Standstills(((0.0, 0.1),)))
    assert findings.fault_count == 0
    assert findings.counts["onsets too late for a note, as the machine stood still"] == 1
    match(onsets, check_midi(midi[2:], findings), STANDARD_KIT, findings, Standstills(((7.0, 8.0),)))
    assert findings.fault_count > 0


def test_it_is_told_when_a_bare_loop_stood_still() -> None:
    line = json.dumps([1000.0, [0.1, 0.1, 80.0, 70.0, 0.0]])  # a wake-up each 10 ms; the third should have been at .98
    assert list(standstills([line], least_s=0.075)) == [(pytest.approx(999.98), pytest.approx(1000.06))]


@pytest.mark.parametrize("doubled", range(4))
def test_a_doubled_message_is_found(doubled: int) -> None:
    osc, midi = played()
    if midi[doubled].data[0] == 0x99:
        assert faults_of(osc, sorted([*midi, midi[doubled]], key=lambda message: message.frame)) > 0
    if doubled != 0:  # a first beat of a first bar begins anew
        assert faults_of([*osc[: doubled + 1], *osc[doubled:]], midi) > 0


def test_what_a_held_up_server_hands_out_again_is_counted_and_not_taken_for_a_note_that_was_played_twice() -> None:
    _, midi = played()
    again, findings = [midi[0], replace(midi[0], frame=midi[0].frame + 120), *midi[1:]], Findings()
    assert len(check_midi(again, findings, held_up_period=120)) == 2
    assert (findings.fault_count, findings.counts["notes that the server handed out twice"]) == (0, 1)
    for period in (None, 100):
        check_midi(again, findings := Findings(), held_up_period=period)
        assert findings.fault_count == 1


@cache
def recorded() -> tuple[list[Entry], list[Bundle]]:
    """Two runs with a change of meter, as the journal has them and as OSC told them; due times are since 1970."""
    clock, journal, output = VirtualClock(), MemoryJournal(), MemoryOutput()
    engine = Engine(clock, pattern_of(3, Meter.parse("4/4")), [output])
    engine.open_outputs(STANDARD_KIT)
    engine.start_journal(journal)
    for command in (Play(), SetPattern(pattern_of(4, Meter.parse("7/8")), "bar"), Stop(), Play()):
        engine.do(command)
        until_ns = clock.now_ns() + 5 * NS_PER_S
        while clock.now_ns() < until_ns:
            clock.sleep_until(min(engine.step(), until_ns))
    engine.close()
    return journal.entries, [bundle for sent in output.sent if (bundle := told(sent)) is not None]


def told(sent: Sent) -> Bundle | None:
    due_s = sent.due_ns / NS_PER_S
    match sent.event:
        case Onset(voice=voice, velocity=velocity, bar=bar, tick=tick):
            values = (STANDARD_KIT.names[voice], velocity / 127, bar + 1, tick // 24 + 1, tick % 24)
            return Bundle(due_s - 0.02, due_s, (("/rvae/onset", values),))
        case BeatStart(bar=bar, beat=0):
            return Bundle(due_s - 0.02, due_s, (("/rvae/bar", (bar + 1,)), ("/rvae/beat", (1,))))
        case BeatStart(beat=beat):
            return Bundle(due_s - 0.02, due_s, (("/rvae/beat", (beat + 1,)),))
    return None


def journal_faults(entries: list[Entry], osc: list[Bundle]) -> int:
    findings = Findings()
    onsets, late_ms = check_journal(entries, findings)
    match_journal(check_osc(osc, findings), onsets, STANDARD_KIT, 0.0, findings)
    assert len(late_ms) > 20
    return findings.fault_count


def test_a_journal_that_is_right_passes() -> None:
    assert journal_faults(*recorded()) == 0


@pytest.mark.parametrize("kind", [Onset, Release, BeatStart])
def test_an_event_doubled_in_a_journal_is_found(kind: type) -> None:
    entries, osc = recorded()
    (at, *_) = [row for row, entry in enumerate(entries) if isinstance(entry, Went) and isinstance(entry.event, kind)]
    assert journal_faults([*entries[: at + 1], *entries[at:]], osc) > 0


@pytest.mark.parametrize("kind", [Release, BeatStart])
def test_an_event_missing_from_a_journal_is_found(kind: type) -> None:
    entries, osc = recorded()
    rows = [row for row, entry in enumerate(entries) if isinstance(entry, Went) and isinstance(entry.event, kind)]
    assert journal_faults(entries[: rows[1]] + entries[rows[1] + 1 :], osc) > 0


def test_an_onset_that_osc_did_not_tell_is_found() -> None:
    entries, osc = recorded()
    (at, *_) = [row for row, bundle in enumerate(osc) if bundle.messages[0][0] == "/rvae/onset"]
    assert journal_faults(entries, osc[:at] + osc[at + 1 :]) > 0


@pytest.mark.parametrize("moment_ms", range(0, 400, 16))
def test_a_journal_begun_at_any_moment_of_a_roll_is_right(moment_ms: int) -> None:
    clock, journal = VirtualClock(), MemoryJournal()
    engine = Engine(clock, beat_of(Meter.parse("4/4"), list(range(0, 96, 3))), [MemoryOutput()])
    engine.open_outputs(STANDARD_KIT)
    for command in (SetControl("tempo", 200), SetControl("horizon", 200), Play()):
        engine.do(command)
    for until_ns in (NS_PER_S + moment_ms * NS_PER_MS, 2 * NS_PER_S):
        while clock.now_ns() < until_ns:
            clock.sleep_until(min(engine.step(), until_ns))
        if not journal.entries:
            engine.start_journal(journal)  # notes that end and begin again wait to go
    engine.close()
    findings = Findings()
    check_journal(journal.entries, findings)
    assert findings.faults == []


@pytest.mark.timeout(900)
def test_two_minutes_of_random_hands_lose_double_and_leave_nothing(
    tmp_path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("Xvfb", "xdotool", "jack_midi_dump", "jack_connect"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if importlib.util.find_spec("jack") is None or not sys.platform.startswith("linux"):
        pytest.skip("needs JACK-Client, on Linux")
    with jack_server(monkeypatch):
        pass  # skips where none can be run
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    for name in ("DISPLAY", "SDL_FRAMEBUFFER_ACCELERATION"):  # the soak sets them; they are set back
        monkeypatch.setenv(name, "")
    words = ["--minutes", str(MINUTES), "--folder", str(tmp_path), "--model", str(model_file), "--train-every", "60"]
    code = soak.main(words)
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["first_faults"] == []
    assert found["onsets heard by OSC"] > 100
    assert found["runs from play to stop"] > 1
    assert code == 0, (tmp_path / "said.txt").read_text()
