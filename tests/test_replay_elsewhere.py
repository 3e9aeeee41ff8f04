"""A journal replays to the same event log elsewhere: another process, locale, time zone, hash seed, kind of processor.

With RVAE_OTHER_PYTHON naming the interpreter of another Python that has numpy, platformdirs and safetensors, under that
one too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from near_engine import Player
from small_models import mixed_model
from test_opening import hands_model, opened

from performance.commands import (
    MoveCursor,
    PinPlace,
    Play,
    RecallScene,
    SetControl,
    SetKit,
    SetMeter,
    SetPattern,
    SetVoice,
    StageCommand,
    Stop,
    StoreScene,
    TakeGesture,
)
from performance.journal import Applied, MemoryJournal
from performance.journal_file import JournalFile, Lines
from performance.replay import difference, replay
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import Meter

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "7", "OPENBLAS_CORETYPE": "Prescott"}
CODE = """
import sys
from performance.journal_file import JournalFile
from performance.replay import replay
for timed in replay(JournalFile(sys.argv[1])):
    print(repr(timed))
"""


def a_set(file: Path) -> list[object]:
    """A set as it is played, recorded into a file: scenes with kits, a morph, a gesture that goes round, a drift,
    another tempo, meter and number of beats, voices muted, nudged and frozen, a pin, two other models, a stop. The
    commands that the engine carried out.
    """
    player, journal = Player(mixed_model()), MemoryJournal()
    voices = STANDARD_KIT.voices
    own = Kit("own", (replace(voices[0], pitch_out=24), *voices[1:]))

    def go(bars: float, *commands: StageCommand) -> None:
        player.do(*commands)
        player.until_bar(player.seen.playhead.bar - 1 + bars)

    engine = player.near.engine
    engine.start_journal(journal)
    player.do(
        SetMeter(Meter.parse("4/4")),
        SetControl("scene_kit", 1),
        SetControl("scene_tempo", 1),
        SetControl("density", 0.8),
        StoreScene(1),
    )
    player.do(SetKit(own, "another kit"), SetControl("tempo", 171), MoveCursor(0.9, 0.2), SetVoice("nudge", 1, 9))
    go(1, StoreScene(2), RecallScene(1), Play())
    go(1.4, RecallScene(2, 1.0))
    go(0.3, TakeGesture())
    for place in (0.3, 0.5, 0.4, 0.7):
        go(0.2, MoveCursor(place, 1 - place))
    go(1.2, TakeGesture(), SetVoice("mute", 2, 1), SetVoice("freeze", 0, 1))
    go(1.2, SetMeter(Meter.parse("12/8")), SetControl("swing", 58))
    player.stage.open(opened(hands_model()))
    go(1.5, SetControl("motion", 4), SetControl("reach", 0.4), SetControl("microtiming", 60))
    player.stage.open(opened(mixed_model(), "mixed"))
    go(1.1, SetMeter(Meter.parse("3/4")), PinPlace(1, 7, "onset"), SetVoice("mute", 2, 0))
    player.do(Stop())
    go(0.5, RecallScene(2), Play())
    engine.end_journal()
    player.stage.close()
    assert difference(journal.entries) is None
    lines = Lines()
    file.write_text(Lines.header("2026-11-22") + "".join(line for each in journal.entries for line in lines.of(each)))
    return [entry.what for entry in journal.entries if isinstance(entry, Applied)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of a set with all that can be done in one."""
    file = tmp_path_factory.mktemp("set") / "set.rvjournal"
    patterns = [what.pattern for what in a_set(file) if isinstance(what, SetPattern)]
    assert {pattern.meter.name for pattern in patterns} >= {"4/4", "12/8", "3/4"}
    assert {"tambourine" in pattern.kit.names for pattern in patterns} == {False, True}, "two models"
    assert {pattern.kit.voices[0].pitch_out for pattern in patterns} >= {36, 24}
    assert len(patterns) > 100, "what moves by itself"
    return file


@pytest.mark.parametrize("interpreter", [sys.executable, os.environ.get("RVAE_OTHER_PYTHON", "")])
def test_a_journal_replays_to_the_same_event_log_elsewhere(interpreter: str, recorded: Path) -> None:
    if not interpreter:
        pytest.skip("no other Python; name one with RVAE_OTHER_PYTHON")
    here = "".join(f"{timed!r}\n" for timed in replay(JournalFile(recorded)))
    done = subprocess.run(
        [interpreter, "-c", CODE, recorded],
        env={**os.environ, **ELSEWHERE, "PYTHONPATH": str(ROOT)},
        cwd=recorded.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(here) > 10_000
    assert done.stdout == here
