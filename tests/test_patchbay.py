"""Outputs and inputs, opened and closed while it plays: nothing hangs, and whoever plays on hears no difference."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from jack_support import jack_server, wait_for
from near_engine import NearEngine
from playing_support import Ear, is_alive
from small_models import hands_kit_pattern, pattern_of, straight_model
from surface_support import snapshot
from test_hands import Rig
from test_hands_jack import Device

from performance.bench.processes import family
from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import (
    ChooseRow,
    CloseOutput,
    HearDevice,
    MoveCursor,
    OpenOutput,
    Play,
    SetControl,
    SetPattern,
    ShowPanel,
)
from performance.desk import Desk
from performance.devices import Plugs
from performance.engine import Engine
from performance.hands import Hands
from performance.heard import Plugged
from performance.journal import MemoryJournal
from performance.midi_in import MidiIn
from performance.outputs.memory import MemoryOutput, Sent
from performance.outputs.output import Output
from performance.panels import Panels
from performance.patchbay import Patchbay
from performance.process import EngineProcess
from performance.replay import difference
from performance.sequencer import Onset, Release
from performance.snapshot import EngineStatus, Lateness, OutputState
from performance.stage import Stage
from rvae.errors import OutputError
from rvae.kit import STANDARD_KIT, Kit
from rvae.model import load

PATTERN = pattern_of([(0, tick) for tick in range(0, 192, 24)] + [(2, tick) for tick in range(0, 192, 6)])


class Rack:
    """An engine in virtual time, with outputs that can be plugged in."""

    def __init__(self) -> None:
        self.clock, self.first = VirtualClock(), MemoryOutput("first")
        self.made: dict[str, MemoryOutput] = {}
        self.engine = Engine(self.clock, PATTERN, [self.first], make_output=self.make)
        self.engine.open_outputs(STANDARD_KIT)

    def make(self, command: OpenOutput) -> Output:
        if command.name == "broken":
            raise OutputError("MIDI: port 'broken' does not open; it may be in use")
        output = self.made[command.name] = MemoryOutput(command.name, takes_ahead=command.name == "ahead")
        output.offset_ns = round(command.offset_ms * NS_PER_MS)
        return output

    def run(self, seconds: float) -> None:
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            self.clock.sleep_until(min(self.engine.step(), until))
            self.engine.tend_outputs()

    @property
    def said(self) -> str:
        return self.engine.status().messages[-1].text


def onsets(sent: list[Sent]) -> list[tuple[int, int]]:
    return [(each.due_ns, each.event.pitch) for each in sent if isinstance(each.event, Onset)]


@pytest.mark.parametrize("name", ["port", "ahead"])
@pytest.mark.parametrize("offset_ms", [0, 20, -40])
def test_an_output_joins_and_leaves_and_the_others_play_on_as_ever(name: str, offset_ms: float) -> None:
    alone = Rack()
    alone.engine.do(Play())
    alone.run(9)
    rack, journal = Rack(), MemoryJournal()
    rack.engine.start_journal(journal)
    rack.engine.do(Play())
    rack.run(3)
    rack.engine.do(OpenOutput("memory", name, offset_ms))
    rack.run(3)
    assert rack.said == f"memory {name} is open"
    outputs = rack.engine.status().outputs
    assert [(state.name, state.offset_ms) for state in outputs] == [("first", 0), (name, offset_ms)]
    rack.engine.do(CloseOutput("memory", name))
    joined = rack.made[name]
    count = len(joined.sent)
    assert not joined.is_open
    rack.run(3)
    assert rack.said == f"memory {name} is closed"
    if offset_ms >= 0:  # an output that is early has all made earlier; nothing is played otherwise
        assert onsets(rack.first.sent) == onsets(alone.first.sent)
    assert len(joined.sent) == count
    heard = {(due - round(offset_ms * NS_PER_MS), pitch) for due, pitch in onsets(joined.sent)}
    assert heard
    assert heard <= set(onsets(rack.first.sent))
    begun: set[int] = set()
    for each in joined.sent:  # every note that began has ended
        if isinstance(each.event, Onset) and each.cut_ns is None:
            begun.add(each.event.pitch)
        elif isinstance(each.event, Release):
            begun.discard(each.event.pitch)
    assert not begun
    rack.engine.end_journal()
    assert difference(journal.entries) is None


class Cable(MemoryOutput):
    """An output that can be pulled."""

    is_pulled = False

    def _open(self, kit: Kit) -> None:
        self._check()

    def _check(self) -> None:
        if self.is_pulled:
            raise OutputError("it is not there")


def test_an_output_that_is_asked_for_twice_is_there_once() -> None:
    aside: list[Callable[[], None]] = []
    clock, failed, made = VirtualClock(), Cable("late"), list[Cable]()
    failed.is_pulled = True

    def make(command: OpenOutput) -> Output:
        made.append(Cable(command.name))
        return made[-1]

    engine = Engine(clock, PATTERN, [failed], run_aside=aside.append, make_output=make)
    engine.open_outputs(STANDARD_KIT)

    def after(seconds: int) -> list[tuple[str, bool]]:
        clock.sleep_until(clock.now_ns() + seconds * NS_PER_S)
        engine.tend_outputs()
        while aside:
            aside.pop()()
        engine.tend_outputs()
        return [(state.name, state.is_open) for state in engine.status().outputs]

    def asked() -> str:
        engine.do(OpenOutput("memory", "late"))
        return engine.status().messages[-1].text

    asked()  # a double click
    assert asked() == "memory late is being opened; wait a moment"
    assert after(1) == [("late", True)], "in the place of the one that failed at the start"
    made[0].is_pulled = True
    assert after(1) == [("late", False)]
    assert "is opened again when it is back" in asked()
    assert after(2) == [("late", False)]
    made[0].is_pulled = False
    assert after(2) == [("late", True)]
    assert made == [made[0]]


def test_one_that_does_not_open_is_a_line_and_one_that_is_not_there_too() -> None:
    rack = Rack()
    rack.engine.do(Play())
    rack.engine.do(OpenOutput("memory", "broken"))
    rack.run(1)
    assert rack.said == "MIDI: port 'broken' does not open; it may be in use"
    rack.engine.do(CloseOutput("midi", "nothing"))
    assert rack.said == "no output midi nothing; there are: memory first"
    rack.engine.do(OpenOutput("memory", "first"))
    assert "is open already" in rack.said
    assert rack.engine.transport is not None
    rack.engine.do(CloseOutput("memory", "first"))
    rack.run(2)
    rack.engine.do(OpenOutput("memory", "first"))  # and again
    rack.run(2)
    assert onsets(rack.made["first"].sent)


class Slow(Cable):
    """An output that may take seconds to open."""

    opens_slowly = True


def test_a_device_that_hangs_at_the_start_does_not_keep_the_others_waiting() -> None:
    aside: list[Callable[[], None]] = []
    clock, port, sound = VirtualClock(), MemoryOutput("port"), Slow("sound")
    engine = Engine(clock, PATTERN, [port, sound], run_aside=aside.append)
    engine.open_outputs(STANDARD_KIT)
    assert clock.now_ns() <= 5 * NS_PER_S
    assert [(state.name, state.is_open) for state in engine.status().outputs] == [("port", True), ("sound", False)]
    engine.do(Play())

    def run() -> None:
        until = clock.now_ns() + 2 * NS_PER_S
        while clock.now_ns() < until:
            clock.sleep_until(min(engine.step(), until))
            engine.tend_outputs()

    run()
    assert onsets(port.sent)
    aside.pop()()
    run()
    assert engine.status().messages[-1].text == "memory sound is open"
    assert onsets(sound.sent)
    assert set(onsets(sound.sent)) <= set(onsets(port.sent))


def test_a_slow_device_that_is_not_there_is_left_out_with_its_reason() -> None:
    sound = Slow("sound")
    sound.is_pulled = True
    engine = Engine(VirtualClock(), PATTERN, [sound])
    engine.open_outputs(STANDARD_KIT)
    assert [message.text for message in engine.status().messages] == ["it is not there"]
    (state,) = engine.status().outputs
    assert (state.is_open, state.detail) == (False, "it is not there")


def test_one_that_joins_while_the_kit_changes_plays_the_new_one() -> None:
    taken: list[Kit] = []
    aside: list[Callable[[], None]] = []

    class Names(MemoryOutput):
        def _take_kit(self, kit: Kit) -> None:
            taken.append(kit)

    engine = Engine(VirtualClock(), PATTERN, run_aside=aside.append, make_output=lambda command: Names(command.name))
    engine.open_outputs(STANDARD_KIT)
    engine.do(OpenOutput("memory", "late"))
    assert engine.status().outputs[0].detail == "is being opened"
    other = hands_kit_pattern()
    engine.do(SetPattern(other))
    aside.pop()()
    engine.tend_outputs()
    assert taken == [other.kit]


def plugged(*plugs: Plugs) -> Callable[[Callable[[Plugs], None], threading.Event], None]:
    """What looks for devices, and finds these one after the other as often as it is asked."""
    left = list(plugs)

    def watch(found: Callable[[Plugs], None], _end: threading.Event) -> None:
        found(left.pop(0) if len(left) > 1 else left[0])

    return watch


def test_what_is_open_and_what_could_be_is_listed_with_what_choosing_does() -> None:
    states = (
        OutputState("midi", "tr-8", True, "JACK port x", offset_ms=-4.0),
        OutputState("audio", "default", True, "Speakers, 48000 Hz, 256 frames, 12 ms"),
        OutputState("midi", "gone", False, "midi gone is gone (unplugged); the music goes on without it"),
    )
    now = snapshot(status=EngineStatus(outputs=states, lateness=Lateness(10, 0.1, 1.7)))
    plugs = Plugs(("TR-8S MIDI 1", "Microfreak"), ("Speakers", "HDMI"), ("Pads", "Knobs"))
    patchbay = Patchbay(lambda: frozenset({"Pads"}), {"midi microfreak": 7.5}, plugged(plugs))
    panels = Panels({"devices": patchbay})
    panels.do(ShowPanel("devices"))
    assert wait_for(lambda: len(patchbay.rows(now)) > 4)
    rows = patchbay.rows(now)
    assert [(row.text, row.state, row.commands[0]) for row in rows] == [
        ("tr-8", "open", CloseOutput("midi", "tr-8")),
        ("default", "open", CloseOutput("audio", "default")),
        ("gone", "not open", CloseOutput("midi", "gone")),
        ("Microfreak", "", OpenOutput("midi", "Microfreak", 7.5)),
        ("HDMI", "", OpenOutput("audio", "HDMI")),
        ("Pads", "heard", HearDevice("Pads", False)),
        ("Knobs", "", HearDevice("Knobs", True)),
    ]
    assert rows[0].detail == "MIDI out  ·  JACK port x  ·  offset -4 ms  ·  late by 1.7 ms (p99)"
    assert rows[2].detail == "MIDI out  ·  gone (unplugged)"
    panels.close()


def test_a_port_whose_name_holds_that_of_an_open_one_can_be_opened_too() -> None:
    states = (OutputState("midi", "Port 1", True), OutputState("midi", "drum", True))
    patchbay = Patchbay(watch=plugged(Plugs(("Port 10", "Port 1", "Drum A", "Drum B"))))
    panels = Panels({"devices": patchbay})
    panels.do(ShowPanel("devices"))
    now = snapshot(status=EngineStatus(outputs=states))
    assert wait_for(lambda: len(patchbay.rows(now)) > 3)
    could_be = [row.text for row in patchbay.rows(now) if row.commands[:1] and isinstance(row.commands[0], OpenOutput)]
    assert could_be == ["Port 10", "Drum B"], "by a part of its name it is the first that has it, as when it is opened"
    panels.close()


def test_where_nothing_is_plugged_in_it_says_what_to_plug_in() -> None:
    now = snapshot(status=EngineStatus())
    patchbay = Patchbay(watch=plugged(Plugs()))
    assert [row.text for row in patchbay.rows(now)] == ["looking for devices ..."]
    panels = Panels({"devices": patchbay})
    panels.do(ShowPanel("devices"))
    assert wait_for(lambda: len(patchbay.rows(now)) > 1)
    rows = patchbay.rows(now)
    assert [row.text for row in rows] == ["no MIDI to play to", "no sound device", "no MIDI to hear"]
    assert all("plug" in row.detail and not row.commands for row in rows)
    panels.close()
    sounding = snapshot(status=EngineStatus(outputs=(OutputState("midi", "rvae", True),)))
    assert "no MIDI to play to" not in [row.text for row in patchbay.rows(sounding)], "ours that others connect to"


def test_inputs_are_heard_and_no_longer_heard_as_they_are_chosen() -> None:
    rig, model = Rig(), straight_model()
    stage = Stage(model, NearEngine(model))
    with contextlib.closing(Desk(stage, rig.hands)) as desk:
        desk.do(HearDevice("Pads", True))
        assert rig.wanted.wants("Pads")
        rig.waiting.append(Plugged("Pads", True))
        desk.tick()
        assert rig.hands.heard == {"Pads"}
        assert rig.hear([0xB0, 1, 127], device="Pads") == []  # nothing is mapped on it
        desk.do(HearDevice("Pads", False))
        assert not rig.wanted.wants("Pads")
        assert rig.hands.heard == frozenset()
    mapped = Rig(asked=("knobs",))
    mapped.waiting.append(Plugged("knobs", True))
    assert mapped.hear([0xB0, 1, 64]) == [SetControl("density", 64 / 127)]
    mapped.hands.hear("knobs", False)
    assert mapped.hear([0xB0, 1, 0]) == []
    mapped.hands.hear("knobs", True)
    assert mapped.hear([0xB0, 1, 65]) == [SetControl("density", 65 / 127)]


def test_a_real_port_is_found_opened_and_closed_while_it_plays(
    monkeypatch: pytest.MonkeyPatch, model_file: Path
) -> None:
    with jack_server(monkeypatch):
        model = load(model_file)
        engine = EngineProcess(model.pattern((0.5, 0.5), meter=model.meter))
        stage = Stage(model, engine, bpm=240, density=0.9)
        with contextlib.closing(Desk(stage, Rig().hands)) as desk:
            desk.do(Play())
            desk.do(ShowPanel("devices"))
            ear = Ear()  # it comes while the panel is open

            def row(state: str) -> str:
                panel = desk.tick().panel
                rows = () if panel is None else panel.rows
                return next((row.key for row in rows if "synth:in" in row.text and row.state == state), "")

            assert wait_for(lambda: row(""))
            desk.do(ChooseRow(row("")))
            assert wait_for(lambda: row("open") and desk.tick() and ear.ons > 8)
            desk.do(MoveCursor(0.2, 0.9))
            desk.do(ChooseRow(row("open")))
            assert wait_for(lambda: row(""))
            assert ear.falls_silent()
            count = ear.ons
            bar = desk.tick().playhead.bar
            assert wait_for(lambda: desk.tick().playhead.bar > bar + 1)
            assert ear.ons == count
            assert ear.wrong == []
            ear.close()
            assert wait_for(lambda: not row(""))  # what goes disappears


def test_a_driver_that_never_answers_holds_up_no_frame_and_is_left_behind(model_file: Path) -> None:
    model = load(model_file)
    engine = EngineProcess(model.pattern((0.5, 0.5), meter=model.meter))
    stage = Stage(model, engine, bpm=240)
    with contextlib.closing(Desk(stage, Rig().hands)) as desk:

        def listed() -> list[str]:
            panel = desk.tick().panel
            return [] if panel is None else [row.text for row in panel.rows]

        desk.do(Play())
        assert wait_for(lambda: "rvae-devices" not in family(os.getpid())), "that of another test may be ending"
        desk.do(ShowPanel("devices"))
        assert listed(), "at once"
        assert wait_for(lambda: listed() and "rvae-devices" in family(os.getpid()), seconds=60)
        looks = family(os.getpid())["rvae-devices"]
        os.kill(looks, signal.SIGSTOP)
        bar = desk.tick().playhead.bar
        assert wait_for(lambda: listed() and desk.tick().playhead.bar > bar + 2, seconds=60)
        desk.do(ShowPanel("devices"))
        assert desk.tick().panel is None
        desk.do(ShowPanel("devices"))
        assert wait_for(lambda: listed() and "looking for devices ..." not in listed(), seconds=60), "another one looks"
        assert wait_for(lambda: not is_alive(looks), seconds=60)
        assert desk.tick().playing


def test_a_sound_server_that_is_killed_while_the_list_is_open_comes_back_with_all_its_devices(
    monkeypatch: pytest.MonkeyPatch, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with jack_server(monkeypatch) as server, contextlib.ExitStack() as ends:
        model = load(model_file)
        engine = EngineProcess(model.pattern((0.5, 0.5), meter=model.meter))
        hands = Hands(MidiIn(), asked=("pads",))
        desk = ends.enter_context(contextlib.closing(Desk(Stage(model, engine, bpm=240), hands)))

        def states() -> dict[str, str]:
            panel = desk.tick().panel
            return {} if panel is None else {row.text: row.state for row in panel.rows}

        desk.do(Play())
        desk.do(ShowPanel("devices"))
        listens = 0
        for run in range(3):
            if run:
                assert wait_for(server.start, seconds=60)
            synth, pads = Ear(), Device("pads")
            try:
                assert wait_for(lambda: states().get("pads:out") == "heard" and "synth:in" in states(), seconds=60)
                server.kill()
                assert wait_for(lambda: not {"pads:out", "synth:in"} & {*states()} and not hands.heard, seconds=60)
            finally:  # what is left of a client is nothing for the server after
                synth.close()
                pads.close()
            assert listens in (0, family(os.getpid())["rvae-hands"]), "who hears is the same process"
            listens = family(os.getpid())["rvae-hands"]
        assert desk.tick().playing
    assert "Traceback" not in capfd.readouterr().err
