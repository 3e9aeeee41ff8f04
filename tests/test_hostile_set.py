"""A short hostile set through a real JACK server agrees with its journal played again, onset by onset."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_set import play
from jack_support import jack_server


def test_what_is_heard_live_is_what_the_journal_plays_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with jack_server(monkeypatch):
        found = play(tmp_path, seconds=5, seed=3, trains=True)
    print(found)
    assert found.agrees, found
    assert found.live_onsets > 100
    assert found.gap_error_frames["p50"] <= 1
