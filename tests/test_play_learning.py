"""Learning while playing, with the real training."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from performance.bundled import bundled_model, trained_model
from performance.learning import Learning
from performance.playing import clips_name
from rvae.errors import FileError, RvaeError
from rvae.model import Model

ROOT = Path(__file__).resolve().parents[1]


def test_the_sketch_is_there_at_once_and_the_learned_model_keeps_every_clip_in_its_place() -> None:
    clips = [str(path) for path in sorted((ROOT / "datasets" / "additive").glob("*.mid"))[:3]]
    learning = Learning.of(clips)
    try:
        places = [clip.point for clip in learning.sketched.clips]
        found: Model | str | None = None
        pause = threading.Event()
        while found is None:
            pause.wait(0.05)  # the training is a real one, in a process of its own
            found = learning.poll()
        assert isinstance(found, Model), found
        assert np.abs(np.array([clip.point for clip in found.clips]) - places).max() < 0.02
        assert learning.progress == ""
    finally:
        learning.close()
        learning.close()


def test_clips_that_leave_nothing_to_learn_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(RvaeError):
        Learning.of([str(tmp_path)])


def test_clips_of_the_folder_one_stands_in_are_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grooves").mkdir()
    monkeypatch.chdir(tmp_path / "grooves")
    for given in (".", "../grooves/", str(tmp_path / "grooves")):
        assert clips_name([given]) == "grooves"


def test_closing_ends_a_training_that_is_not_over() -> None:
    learning = Learning.of([str(ROOT / "datasets" / "threes")])
    progress = learning.progress
    learning.close()
    assert progress, "it runs, also before it has said anything: no other model takes its place"
    assert not isinstance(learning.poll(), Model)


def test_a_training_whose_folder_was_tidied_away_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    learning = Learning.of([str(ROOT / "datasets" / "threes")])
    try:
        (folder,) = tmp_path.glob("rvae-*")
        shutil.rmtree(folder)
        assert learning.progress == "begins"
    finally:
        learning.close()


def test_clips_are_learned_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "file"))
    with pytest.raises(SystemExit):  # the training itself has refused: there are no clips
        trained_model([str(tmp_path)], lambda _text: None)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder in which nobody can write, not even root")
def test_a_folder_for_models_that_cannot_be_written_to_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVAE_HOME", "/proc")
    with pytest.raises(FileError, match=r"^/proc: cannot be written to .* set RVAE_HOME to a folder of yours$"):
        bundled_model(lambda _text: None)
