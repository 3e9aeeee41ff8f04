"""Two minutes of the soak, and that its checks find what is wrong."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import soak
from jack_support import jack_server
from soak_checks import Findings, check_midi, check_osc, match
from soak_ears import Bundle, Midi, midi_messages

from rvae.kit import STANDARD_KIT

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


@pytest.mark.parametrize("doubled", range(4))
def test_a_doubled_message_is_found(doubled: int) -> None:
    osc, midi = played()
    if midi[doubled].data[0] == 0x99:
        assert faults_of(osc, sorted([*midi, midi[doubled]], key=lambda message: message.frame)) > 0
    if doubled != 0:  # a first beat of a first bar begins anew
        assert faults_of([*osc[: doubled + 1], *osc[doubled:]], midi) > 0


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
