from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import numpy as np
import pygame
import pytest
from jack_support import wait_for
from near_engine import NearEngine
from small_models import clip_bytes, mixed_model, straight_files, straight_model
from strategies import midi, on, track
from surface_support import snapshot
from test_hands import Rig

from performance.commands import ChooseRow, DropClip, GoToClip, OpenModel, ShowPanel
from performance.desk import Desk
from performance.panel import Row
from performance.playing_in import PlayingIn
from performance.session import Keeper, Session, guests_of, read_session
from performance.settings import Settings
from performance.snapshot import Snapshot
from performance.stage import Stage
from performance.surface.input import respond
from performance.surface.layout import Layout
from performance.surface.look import Look
from rvae.corpus import read_corpus
from rvae.model import Model


def dropped(desk: Desk, file: Path) -> Snapshot:
    """How things stand when a dropped file has been read."""
    before = desk.tick().messages
    desk.do(DropClip(str(file)))
    assert wait_for(lambda: desk.tick().messages != before)
    return desk.tick()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    model = straight_model()
    stage = Stage(model, NearEngine(model), meter=model.meter)
    return Desk(stage, Rig().hands, playing_in=PlayingIn(stage, tmp_path))


def test_a_file_dropped_on_the_window_is_asked_for() -> None:
    event = pygame.Event(pygame.DROPFILE, file="/clips/new.mid")
    assert respond(event, Layout.of(800, 600, voices=9), snapshot(), Look())[1] == (DropClip("/clips/new.mid"),)


def test_a_dropped_clip_lies_where_it_belongs_and_can_be_touched(desk: Desk) -> None:
    with contextlib.closing(desk):
        before, pattern = desk.tick(), desk.tick().pattern
        known = straight_files()[0]  # one that the model has learned: it lies where it lay
        after = dropped(desk, known)
        new = after.clips[len(before.clips) :]
        assert len(new) == len(read_corpus(known).patterns)
        places = [clip.point for clip in before.clips if clip.source == known.name]
        assert [clip.point for clip in new] == [pytest.approx(place, abs=0.01) for place in places]
        assert after.pattern is pattern, "what is heard stays as it was"
        assert "on the plane" in after.messages[-1].text
        desk.do(GoToClip(len(before.clips)))
        assert desk.tick().cursor == pytest.approx(new[0].point)
        assert len(dropped(desk, known).clips) == len(after.clips), "once is enough"


def test_what_became_of_each_file_can_be_read_on_the_screen(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "torn.mid").write_bytes(b"MThd\0\0")
    (folder / "good.mid").write_bytes(straight_files()[0].read_bytes())
    (folder / "odd.mid").write_bytes(clip_bytes([(0, 36), (96, 38), *((100 + each, 3) for each in range(16))], 4))
    chance = np.random.default_rng(1)
    hats = [(round(960 * (0.3 + 0.37 * number + float(chance.normal(0, 0.004)))), on(42)) for number in range(64)]
    (folder / "free.mid").write_bytes(midi(track(*hats), ppq=480))

    def rows() -> dict[str, Row]:
        panel = desk.tick().panel
        assert panel is not None
        return {row.text: row for row in panel.rows}

    with contextlib.closing(desk):
        desk.do(ShowPanel("dropped"))
        assert list(rows()) == ["none yet"]
        dropped(desk, folder)
        asked = {"odd.mid": "a question", "free.mid": "a question"}
        states = {"good.mid": "on the plane", "torn.mid": "not taken", **asked}
        assert wait_for(lambda: {name: row.state for name, row in rows().items()} == states), rows()
        desk.do(ChooseRow(rows()["free.mid"].key))
        assert "perhaps 81 bpm, or 16" in " ".join(rows())
        desk.do(ChooseRow("back"))
        assert "cut short" in rows()["torn.mid"].detail
        desk.do(ChooseRow(rows()["odd.mid"].key))
        lines = " ".join(rows())
        assert "not read: 3 " in lines
        assert "go to odd.mid" in lines
        desk.do(ChooseRow("go"))
        after = desk.tick()
        assert after.cursor == pytest.approx(next(clip.point for clip in after.clips if clip.source == "odd.mid"))


def test_what_is_no_clip_of_this_plane_is_said_in_a_line(desk: Desk, tmp_path: Path) -> None:
    torn, seven = tmp_path / "torn.mid", tmp_path / "seven.mid"
    torn.write_bytes(b"MThd\0\0")
    seven.write_bytes(clip_bytes([(0, 36), (96, 38)], 7))
    with contextlib.closing(desk):
        clips = desk.tick().clips
        for file in (torn, seven, tmp_path / "gone.mid"):
            after = dropped(desk, file)
            assert after.clips == clips
            assert after.messages[-1].is_error
            assert f"{file.name}: not on the plane" in after.messages[-1].text
            assert str(file) not in after.messages[-1].text, "its name once is enough"


def test_many_files_dropped_at_once_are_told_in_a_line_and_the_first_troubles_in_theirs(
    desk: Desk, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.mid" for number in range(40)]
    for number, file in enumerate(files):
        file.write_bytes(b"MThd" if number % 8 == 3 else clip_bytes([(0, 36), (24 + number, 38)], 4))
    with contextlib.closing(desk):
        begun = desk.tick()
        for file in files:
            desk.do(DropClip(str(file)))

        def told() -> list[str]:
            return [message.text for message in desk.tick().messages]

        assert wait_for(lambda: any("40 dropped: " in text for text in told()), seconds=60)
        assert len([text for text in told() if "not on the plane" in text]) == 3
        assert wait_for(lambda: len(desk.tick().clips) == len(begun.clips) + 35, seconds=60)
        (line,) = (text for text in told() if "dropped: " in text)
        assert "5 not taken; Shift+F9" in line
        desk.do(ShowPanel("dropped"))
        panel = desk.tick().panel
        assert panel is not None
        assert len(panel.rows) == 40


def test_dropped_clips_are_kept_in_the_session_and_find_their_places_on_another_model(tmp_path: Path) -> None:
    model, known, file = straight_model(), straight_files()[0], tmp_path / "set.rvsession"
    begun = Settings.at_first((0.5, 0.5), model.meter, len(model.kit))
    keeper = Keeper(file, Session("", model.kit.names, begun))
    with contextlib.closing(Desk(Stage(model, NearEngine(model), settings=begun, keeper=keeper), Rig().hands)) as desk:
        count = len(dropped(desk, known).clips)
    kept, _ = read_session(file)
    assert guests_of(kept) == (str(known),)
    stage = Stage(model, NearEngine(model), settings=kept.settings)
    with contextlib.closing(Desk(stage, Rig().hands, guests=(*guests_of(kept), str(tmp_path / "gone.mid")))) as desk:
        assert wait_for(lambda: len(desk.tick().clips) == count)
        assert wait_for(lambda: any("gone.mid: not on the plane" in m.text for m in desk.tick().messages))
        other = tmp_path / "other.rvae"
        mixed_model().save(other)
        desk.do(OpenModel(str(other)))
        learned = len(mixed_model().clips_of(model.meter.beats))
        assert wait_for(lambda: len(desk.tick().clips) == learned + count - len(model.clips))
        (place, *_) = mixed_model().encode(read_corpus(known).patterns).clip(0, 1)
        assert desk.tick().clips[learned].point == pytest.approx(tuple(place))


def test_a_hundred_files_at_once_are_read_one_after_the_other(desk: Desk, tmp_path: Path) -> None:
    files = [tmp_path / f"clip {number:03}.mid" for number in range(100)]
    for file in files:
        file.write_bytes(b"MThd")
    with contextlib.closing(desk):
        threads = threading.active_count()
        for file in files:
            desk.do(DropClip(str(file)))
        assert threading.active_count() <= threads + 1
        desk.do(ShowPanel("dropped"))

        def listed() -> list[str]:
            panel = desk.tick().panel
            return [] if panel is None else [row.text for row in panel.rows]

        newest_first = [file.name for file in reversed(files)]
        assert wait_for(lambda: listed() == newest_first, seconds=60)


def test_a_file_that_fails_in_a_way_nobody_thought_of_is_told_of_and_the_next_one_read(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Model, patterns: object) -> None:
        raise FloatingPointError("underflow")

    with contextlib.closing(desk):
        with monkeypatch.context() as patch:
            patch.setattr(Model, "encode", breaks)
            after = dropped(desk, straight_files()[0])
            assert "not on the plane: FloatingPointError: underflow" in after.messages[-1].text
        count = len(after.clips)
        desk.do(DropClip(str(straight_files()[0])))
        assert wait_for(lambda: len(desk.tick().clips) > count, seconds=60)
