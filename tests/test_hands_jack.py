"""A knob of a real MIDI device, as JACK has them, and a real window."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jack_support import jack_server, wait_for
from playing_support import OscLog, Played, own_display, text_of

from performance.heard import Heard, Missed, Plugged, Wanted
from performance.midi_in import MidiIn


class Device:
    """A JACK program with a MIDI output, as a controller is to it."""

    def __init__(self, name: str) -> None:
        import jack

        self.client: Any = jack.Client(name, no_start_server=True)
        self._out = self.client.midi_outports.register("out")
        self._waiting: list[bytes] = []
        self.client.set_process_callback(self._process)
        self.client.activate()

    def _process(self, frames: int) -> None:
        self._out.clear_buffer()
        if self._waiting:
            with contextlib.suppress(Exception):
                self._out.write_midi_event(0, self._waiting.pop(0))

    @property
    def is_connected(self) -> bool:
        return bool(self._out.connections)

    def send(self, *messages: list[int]) -> None:
        self._waiting += [bytes(message) for message in messages]

    def close(self) -> None:
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)


A_PERIOD_NS = 512 * 1_000_000_000 // 48_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with jack_server(monkeypatch, period=512) as running:
        yield running


def test_a_device_is_heard_whenever_it_is_there(server: Any) -> None:
    midi_in, found = MidiIn(), list[Heard | Plugged | Missed]()

    def has(wanted: Plugged) -> bool:
        found.extend(midi_in.receive())
        return wanted in found

    def is_timed(value: int) -> bool:
        """A knob is turned: heard, and timed within a period of then, where no machine was held up meanwhile."""
        since_ns, data = time.perf_counter_ns(), [0xB0, 21, value]
        device.send(data)

        def times() -> list[int]:
            found.extend(midi_in.receive())
            return [one.at_ns for one in found if isinstance(one, Heard) and one.data == bytes(data)]

        assert wait_for(times)
        return since_ns - A_PERIOD_NS < times()[0] <= time.perf_counter_ns() + A_PERIOD_NS

    with contextlib.closing(midi_in):
        midi_in.want(Wanted(parts=("knob",)))
        for _ in range(2):
            device = Device("knobs")
            with contextlib.closing(device):
                assert wait_for(lambda: has(Plugged("knobs:out", True)))
                assert any(is_timed(value) for value in range(64))
            assert wait_for(lambda: has(Plugged("knobs:out", False)))
            found.clear()


def test_a_device_is_found_while_another_never_stops_sending(server: Any) -> None:
    midi_in, found = MidiIn(), list[Heard | Plugged | Missed]()
    busy = Device("knobs")

    def has(wanted: Plugged) -> bool:
        busy.send(*[[0xB0, 1, 64]] * 10)
        found.extend(midi_in.receive())
        return wanted in found

    with contextlib.closing(midi_in), contextlib.closing(busy):
        midi_in.want(Wanted(all=True))
        assert wait_for(lambda: has(Plugged("knobs:out", True)), seconds=60)
        with contextlib.closing(Device("pads")):
            assert wait_for(lambda: has(Plugged("pads:out", True)), seconds=60)
        assert wait_for(lambda: has(Plugged("pads:out", False)), seconds=60)


def test_where_a_driver_takes_its_process_along_the_devices_are_gone_and_come_back(server: Any) -> None:
    midi_in, found = MidiIn(), list[Heard | Plugged | Missed]()

    def has(*wanted: object) -> bool:
        found.extend(midi_in.receive())
        told = [one if isinstance(one, Plugged) else one.data for one in found]
        return told[: len(wanted)] == list(wanted)

    plugged, gone = Plugged("pads:out", True), Plugged("pads:out", False)
    with contextlib.closing(midi_in), contextlib.closing(Device("pads")) as device:
        midi_in.want(Wanted(parts=("pads",)))
        assert wait_for(lambda: has(plugged), seconds=60)
        (process,) = [one for one in multiprocessing.active_children() if one.name == "rvae-hands"]
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        assert wait_for(lambda: has(plugged, gone), seconds=60)
        assert not midi_in.is_ready
        assert wait_for(lambda: has(plugged, gone, plugged), seconds=60)
        device.send([0x99, 36, 100])
        assert wait_for(lambda: has(plugged, gone, plugged, bytes([0x99, 36, 100])), seconds=60)


def test_a_knob_is_learned_in_the_window_and_moves_what_it_was_put_on(
    server: Any, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    kept = tmp_path / "home" / "mappings.json"
    session = tmp_path / "set.rvsession"
    device = Device("knobs")
    with own_display() as display, contextlib.closing(device):
        played = Played(
            str(model_file), "--no-audio", "--session", str(session), folder=tmp_path / "set", display=display
        )
        with contextlib.closing(played):
            window = played.window()
            played.play()
            played.hands("key", "--window", window, "n")
            assert wait_for(lambda: device.is_connected), "learning hears every device"
            played.hands("key", "--window", window, "bracketright")  # more density: to 0.55

            values = itertools.cycle(range(70, 76))

            def learned() -> bool:
                device.send([0xB0, 21, next(values)])
                return kept.exists()

            assert wait_for(learned)
            assert json.loads(kept.read_text()) == {
                "knobs:out": [{"from": "cc 21 on 1", "to": "density", "as": "absolute"}]
            }
            device.send(*([0xB0, 21, value] for value in range(70, 128)))
            assert wait_for(lambda: _density(session) == 1.0)
            assert played.plays_on()


def _density(session: Path) -> object:
    return json.loads(text_of(session) or "{}").get("controls", {}).get("density")


def test_hands_play_along_where_there_is_no_window(server: Any, model_file: Path, tmp_path: Path) -> None:
    device = Device("knobs")
    command = [sys.executable, "-m", "performance.cli", "play", str(model_file), "--headless", "--no-audio"]
    command += ["--midi-in", "knobs", "--virtual", "rvae", "--bars", "500", "-o", str(tmp_path / "out")]
    log = tmp_path / "log.txt"
    with contextlib.closing(device), log.open("wb") as out:
        playing = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "RVAE_HOME": str(tmp_path)})
        try:
            assert wait_for(lambda: "knobs:out is heard" in log.read_text())

            def stopped() -> bool:  # a device's stop button ends what would take minutes, once it has begun
                device.send([0xFC])
                return "events, late by" in log.read_text()

            assert wait_for(stopped), log.read_text()
        finally:
            playing.kill()
            playing.wait()


def test_with_no_window_hands_stop_and_start_it_as_often_as_they_like_until_ctrl_c(
    server: Any, model_file: Path, tmp_path: Path, log: OscLog
) -> None:
    device = Device("knobs")
    command = [sys.executable, "-m", "performance.cli", "play", str(model_file), "--headless", "--no-audio"]
    command += ["--midi-in", "knobs", "--osc", log.address, "--osc-in", "0", "-o", str(tmp_path / "out")]
    said = tmp_path / "log.txt"
    with contextlib.closing(device), said.open("wb") as out:
        playing = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "RVAE_HOME": str(tmp_path)})
        try:
            assert wait_for(lambda: "knobs:out is heard" in said.read_text()), said.read_text()
            for times in (1, 2, 3):

                def began_again(times: int = times) -> bool:
                    if log.read() and times > 1:
                        device.send([0xFC], [0xFA])
                    return log.bars.count(1) >= times

                assert wait_for(began_again), said.read_text()
            playing.send_signal(signal.SIGINT)
            assert playing.wait(60) == 130
        finally:
            playing.kill()
            playing.wait()
    assert "hands play it until ctrl-c" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert not list((tmp_path / "out").iterdir())
