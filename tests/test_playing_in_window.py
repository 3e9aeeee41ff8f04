"""Clips played in with nothing but the computer's keys, in the real window."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from jack_support import wait_for
from playing_support import Played, own_display
from small_models import mixed_model

from rvae.corpus import read_corpus


def test_keys_alone_play_a_clip_in_and_find_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    model, takes, session = tmp_path / "mixed.rvae", tmp_path / "takes", tmp_path / "set.rvsession"
    mixed_model().save(model)
    words = ["--no-audio", "--takes", str(takes), "--session", str(session), "--meter", "4/4", "--bpm", "120"]
    with own_display() as display:
        played = Played(str(model), *words, folder=tmp_path / "set", display=display)
        with contextlib.closing(played):
            window = played.window()

            def press(*keys: str) -> None:
                played.hands("key", "--window", window, "--delay", 40, *keys)

            press("shift+F12", "F12")  # a count-in of two bars
            assert wait_for(lambda: played.log.read() >= 1), "it counts, and begins"
            press("1", "3", "2", "3", "F12")
            assert wait_for(lambda: bool(list(takes.glob("take-*.mid"))))
            assert wait_for(session.exists)
            assert wait_for(lambda: _of(session, "controls")["count_in"] == 2.0)

            def goes_there() -> bool:
                """Four keys are struck once it counts, if they come in time; the cursor is where that is played."""
                cursor, beats = _of(session, "cursor"), played.log.read()
                press("F10")
                assert wait_for(lambda: played.log.read() > beats)
                press("2", "1", "2", "3")
                return wait_for(lambda: _of(session, "cursor") != cursor, seconds=20)

            assert any(goes_there() for _ in range(5))
            assert _of(session, "voices")["mute"] == [0.0] * 9, "keys that strike mute nothing"
            assert played.plays_on(), "the instrument answers"
            assert wait_for(lambda: bool(played.log.onsets))
    patterns = read_corpus(takes).patterns  # where keys came late, they are in more than one
    struck = {pattern.kit.names[row] for pattern in patterns for row in pattern.onset.any(axis=1).nonzero()[0]}
    assert struck == {"kick", "snare", "closed_hat"}


def _of(session: Path, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(session.read_text())[name]
    return found
