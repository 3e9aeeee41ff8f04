"""What other programs and pads ask for, done by the whole instrument: scenes, models, outputs, inputs, on the stage's
own time or with a real engine.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from jack_support import wait_for
from playing_support import OscLog, osc
from small_models import straight_model
from test_hands import Rig
from test_playing_in import Room

from performance.commands import MoveCursor, OpenOutput, Play, SetControl
from performance.desk import Desk
from performance.heard import Heard
from performance.mapping import Mapping, Source
from performance.osc_input import OscInput
from performance.process import EngineProcess
from performance.sequencer import Onset
from performance.stage import Stage

NOTE_ON = 0x99


class Afar:
    """A player whose instrument is told what to do by OSC, and by pads that have learned scenes."""

    def __init__(self, folder: Path) -> None:
        learned = (
            Mapping(Source("note", 60), "store_scene 1"),
            Mapping(Source("note", 61), "store_scene 2"),
            Mapping(Source("note", 62), "recall_scene 1"),
            Mapping(Source("note", 63), "recall_scene 2"),
        )
        self.room = Room(folder, model=straight_model(), kept={"pads": learned})
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def osc(self, address: str, *values: object) -> None:
        self._mouth.sendto(osc(address, *values), ("127.0.0.1", self.room.osc_in.port))
        heard = self.room.osc_in
        assert wait_for(lambda: select.select([heard._socket], [], [], 0)[0]), "it arrives"
        self.room.frame()
        while heard._is_behind:  # a frame takes what it can in a moment, which may be nothing
            self.room.frame()
        self.room.frame()  # what is not for the stage is passed on

    def pad(self, pitch: int) -> None:
        for status, velocity in ((NOTE_ON, 90), (NOTE_ON - 16, 0)):
            self.room.rig.waiting.append(Heard("pads", bytes([status, pitch, velocity]), self.room.clock.now_ns()))
        self.room.frame()

    def store(self, number: int, *, by: str) -> None:
        self.osc("/rvae/scene", "store", number) if by == "osc" else self.pad(59 + number)

    def recall(self, number: int, *, by: str) -> None:
        self.osc("/rvae/scene", "recall", number) if by == "osc" else self.pad(61 + number)

    def onsets(self, bar: int) -> set[tuple[int, int]]:
        """What was heard of a bar: (tick, voice)."""
        events = [sent.event for sent in self.room.output.sent if isinstance(sent.event, Onset)]
        return {(event.tick, event.voice) for event in events if event.bar == bar}

    def close(self) -> None:
        self._mouth.close()
        self.room.desk.close()


@pytest.fixture
def afar(tmp_path: Path) -> Iterator[Afar]:
    with contextlib.closing(Afar(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("by", ["osc", "midi note"])
def test_a_scene_is_kept_and_brought_back_from_afar_and_is_heard(afar: Afar, by: str) -> None:
    room = afar.room
    afar.osc("/rvae/quantum", "bar")
    afar.osc("/rvae/density", 0.8)
    room.ask(MoveCursor(0.1, 0.2))
    afar.store(1, by=by)
    first = room.now
    for address, *values in (("/rvae/cursor", 0.9, 0.7), ("/rvae/density", 0.3), ("/rvae/voice", "kick", "mute", 1)):
        afar.osc(str(address), *values)
    afar.store(2, by=by)
    second = room.now
    assert [number for number, _ in second.scenes] == [1, 2]
    room.ask(Play())
    room.until(5)
    afar.recall(1, by=by)
    now = room.now
    assert (now.cursor, now.controls["density"], now.mute) == (first.cursor, first.controls["density"], first.mute)
    assert now.pattern.same_as(first.pattern)
    room.until(13)
    bar = first.meter.bar_ticks
    kicks = {
        (tick, voice) for voice, tick in zip(*(part.tolist() for part in first.pattern.onset.nonzero()), strict=True)
    }
    heard = {(tick, voice) for tick, voice in kicks if tick < bar}
    assert afar.onsets(2) == heard, "from the next bar on it sounds as it was kept"
    afar.recall(2, by=by)
    assert (room.now.cursor, room.now.mute) == (second.cursor, second.mute)
    assert room.now.pattern.same_as(second.pattern)


def test_osc_morphs_to_a_scene_over_as_many_bars_as_it_says(afar: Afar) -> None:
    room = afar.room
    room.ask(MoveCursor(0.0, 0.0))
    afar.store(1, by="osc")
    room.ask(MoveCursor(1.0, 0.5))
    room.ask(Play())
    room.until(0.1)
    afar.osc("/rvae/scene", "morph", 1, 2.0)
    assert room.now.morphs
    room.until(float(room.now.meter.bar_quarters))
    assert room.now.cursor == pytest.approx((0.5, 0.25), abs=0.05)
    room.until(float(room.now.meter.bar_quarters) * 2 + 0.6)
    assert not room.now.morphs
    assert room.now.cursor == (0.0, 0.0)
    afar.osc("/rvae/scene", "recall", 9)
    assert "scene 9 was never stored" in room.lines[-1]


def test_a_model_is_opened_by_its_name_over_osc(afar: Afar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    straight_model().save(tmp_path / "Straight one.rvae")
    afar.osc("/rvae/open", "straight ONE")
    assert wait_for(lambda: afar.room.frame().model_name == "Straight one")
    afar.osc("/rvae/open", "crooked")
    assert afar.room.comes("no model or session 'crooked' at hand; there are Straight one")
    assert afar.room.now.model_name == "Straight one"
    afar.osc("/rvae/undo")
    assert any("nothing to undo on this model" in line for line in afar.room.lines)


def test_a_device_is_heard_and_no_longer_heard_over_osc(afar: Afar) -> None:
    afar.osc("/rvae/input", "Knobs", 1)
    assert afar.room.rig.wanted.wants("Knobs")
    afar.osc("/rvae/input", "Knobs", 0)
    assert not afar.room.rig.wanted.wants("Knobs")


@pytest.mark.parametrize(
    "message",
    [
        ("/rvae/open",),
        ("/rvae/open", 3),
        ("/rvae/open", " "),
        ("/rvae/output", "open", "file", "/etc/passwd"),
        ("/rvae/output", "open", "midi"),
        ("/rvae/output", "move", "midi", "synth"),
        ("/rvae/input", "Knobs", "yes"),
        ("/rvae/input", "Kn\nobs", 1),
    ],
)
def test_what_makes_no_sense_there_is_counted_and_changes_nothing(afar: Afar, message: tuple[object, ...]) -> None:
    wanted = afar.room.rig.wanted
    afar.osc(str(message[0]), *message[1:])
    assert wait_for(lambda: afar.room.frame() is not None and afar.room.osc_in.ignored == 1)
    assert afar.room.rig.wanted == wanted
    assert any(str(message[0]) in line for line in afar.room.lines)


def test_an_output_is_opened_and_closed_over_osc_while_it_plays() -> None:
    model, log = straight_model(), OscLog()
    engine = EngineProcess(model.pattern((0.5, 0.5), meter=model.meter))
    osc_in = OscInput(0, model.kit, host="127.0.0.1")
    stage = Stage(model, engine, bpm=240, osc_in=osc_in)
    with (
        contextlib.closing(log),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
        contextlib.closing(Desk(stage, Rig().hands, offsets_ms={f"osc {log.address}": 5.0})) as desk,
    ):

        def said(words: str) -> bool:
            return any(words in message.text for message in desk.tick().messages)

        def tell(*values: object) -> None:
            mouth.sendto(osc("/rvae/output", *values), ("127.0.0.1", osc_in.port))

        desk.do(Play())
        tell("open", "osc", log.address)
        assert wait_for(lambda: desk.tick() is not None and log.read() >= 4)
        (state,) = desk.tick().status.outputs
        assert (state.kind, state.name, state.offset_ms) == ("osc", log.address, 5.0), "with the offset kept for it"
        tell("close", "osc", log.address)
        assert wait_for(lambda: said(f"osc {log.address} is closed"))
        assert wait_for(lambda: not desk.tick().status.outputs)
        bar = desk.tick().playhead.bar
        assert wait_for(lambda: desk.tick().playhead.bar > bar), "the music goes on"
        tell("close", "midi", "synth")
        assert wait_for(lambda: said("no output midi synth; there are: none"))
        desk.do(OpenOutput("osc", "nonsense"))
        assert wait_for(lambda: any(message.is_error for message in desk.tick().messages))
        desk.do(SetControl("density", 0.4))
        assert desk.tick().playing
