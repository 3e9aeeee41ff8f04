"""Devices that go and come back, with real servers, programs and sockets: the beat goes on, no note stays."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jack_support import JackServer, wait_for
from music import beat_of
from playing_support import OscLog, free_udp_port, is_alive, resident_kb
from test_reopening_jack import Listener, all_open, said

from performance.commands import Play, SetControl, Stop
from performance.process import EngineProcess
from performance.specs import OutputSpec
from rvae.meter import Meter

KICKS = beat_of(Meter.parse("4/4"), [0, 24, 48, 72])


@contextlib.contextmanager
def playing(log: OscLog, *specs: OutputSpec) -> Iterator[EngineProcess]:
    """An engine that plays a kick on each beat, to the log too. At the end: every beat of every bar, once, in order."""
    engine = EngineProcess(KICKS, [*specs, OutputSpec("osc", log.address)])
    try:
        engine.do(SetControl("tempo", 120))
        engine.do(Play())
        assert wait_for(lambda: log.read() >= 2), said(engine)
        yield engine
        log.read()
    finally:
        engine.close()
    places = [(bar, beat) for _, _, bar, beat, _ in (one.values for one in log.onsets)]
    assert places == [(1 + index // 4, 1 + index % 4) for index in range(len(places))]


def plays_on(log: OscLog, beats: int = 4) -> bool:
    many = log.read()
    return wait_for(lambda: log.read() >= many + beats)


def children_of(pid: int | None) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def speakers() -> set[int]:
    """The processes for sound that belong to this one: started by it, or by an engine of its. Those of an engine that
    has ended may be among them for a moment.
    """
    ours = children_of(os.getpid())
    every = ours + [child for pid in ours for child in children_of(pid)]
    return {pid for pid in every if _makes_sound(pid)}


def _makes_sound(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "portaudio" in Path(f"/proc/{pid}/maps").read_text()  # it is loaded nowhere else
    return False


def new_speaker(before: set[int]) -> int:
    """The process for sound that was not among these, as soon as it is there: whoever is to be heard may be late."""
    assert wait_for(lambda: speakers() - before)
    (found,) = speakers() - before
    return found


def test_a_synth_that_is_closed_and_started_again_is_played_to_again(server: JackServer, log: OscLog) -> None:
    synth = Listener()
    try:
        with playing(log, OutputSpec("midi", "synth:in")) as engine:
            assert wait_for(lambda: synth.ons >= 2)
            synth.close()
            assert wait_for(lambda: said(engine))
            assert said(engine) == ["midi synth:in is gone (its program has ended); the music goes on without it"]
            assert plays_on(log)
            synth = Listener()
            assert wait_for(lambda: len(said(engine)) == 2)
            assert said(engine)[-1] == "midi synth:in is back"
            assert wait_for(lambda: synth.ons >= 2)
            engine.do(Stop())
            assert wait_for(lambda: synth.sounding == set())
    finally:
        synth.close()


def test_ports_that_come_and_go_leave_memory_as_it_was(server: JackServer, log: OscLog) -> None:
    def come_and_go(engine: EngineProcess, times: int) -> int:
        for _ in range(times):
            with contextlib.closing(Listener()) as synth:
                assert wait_for(lambda: engine.status().outputs[0].is_open)
                assert wait_for(lambda ear=synth: ear.ons >= 2)
            assert wait_for(lambda: not engine.status().outputs[0].is_open)
        assert engine.pid is not None
        return resident_kb(engine.pid)

    with contextlib.closing(Listener()) as synth, playing(log, OutputSpec("midi", "synth:in")) as engine:
        synth.close()
        first = come_and_go(engine, 1)
        assert come_and_go(engine, 2) < first + 3_000  # a client that is not let go keeps a megabyte and more


def test_a_jack_server_that_stands_still_and_goes_on(server: JackServer, log: OscLog) -> None:
    synth = Listener()
    try:
        with playing(log, OutputSpec("midi", "synth:in"), OutputSpec("audio")) as engine:
            assert wait_for(lambda: synth.ons >= 2)
            assert all_open(engine)
            with server.stalled():
                assert wait_for(lambda: len(said(engine)) == 2), said(engine)
                assert all("is gone" in text for text in said(engine))
                assert plays_on(log)
            if not wait_for(lambda: synth.is_running and len(said(engine)) >= 4, seconds=45):
                synth.close()  # the server may have thrown it out, as it does with those that kept it waiting
                synth = Listener()
            assert all_open(engine), said(engine)
            ons = synth.ons
            assert wait_for(lambda: synth.ons >= ons + 2), said(engine)
            engine.do(Stop())
            assert wait_for(lambda: synth.sounding == set())
    finally:
        synth.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_sound_whose_process_dies_or_freezes_comes_back(server: JackServer, log: OscLog, how: signal.Signals) -> None:
    others = speakers()
    with playing(log, OutputSpec("audio")) as engine:
        speaker = new_speaker(others)
        assert all_open(engine)
        os.kill(speaker, how)
        try:
            assert wait_for(lambda: said(engine)), "it is noticed"
            assert said(engine)[0].startswith("audio default is gone (its process")
            assert plays_on(log)
            assert wait_for(lambda: len(said(engine)) >= 2), said(engine)
            assert said(engine)[1] == "audio default is back"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(speaker, signal.SIGKILL)
        another = new_speaker({*others, speaker})
    assert wait_for(lambda: not is_alive(another))


def test_an_engine_that_is_killed_takes_the_sound_with_it(server: JackServer) -> None:
    others = speakers()
    engine = EngineProcess(KICKS, [OutputSpec("audio")])
    try:
        engine.do(Play())
        speaker = new_speaker(others)
        assert wait_for(lambda: engine.status().transport is not None)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        assert wait_for(lambda: not is_alive(speaker))
    finally:
        engine.close()


def test_an_osc_listener_that_goes_and_comes_back_hears_again(log: OscLog) -> None:
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = ("127.0.0.1", free_udp_port())
    ear.bind(address)
    ear.settimeout(60)
    with playing(log, OutputSpec("osc", f"127.0.0.1:{address[1]}")) as engine:
        assert b"/rvae" in ear.recv(4096)
        ear.close()  # from now on the system refuses what is sent there
        assert plays_on(log, 8)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
            back.bind(address)
            back.settimeout(60)
            assert b"/rvae" in back.recv(4096)
            assert wait_for(lambda: all(output.is_open and not output.detail for output in engine.status().outputs))


class Pulse:
    """A PulseAudio server of our own with a sink that can be listened to."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "pulse.sock"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        protocol = f"module-native-protocol-unix auth-anonymous=1 socket={self._socket}"
        sink = "module-null-sink sink_name=cap rate=48000 channels=2"
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        self._server = subprocess.Popen(
            [*command, "-L", protocol, "-L", sink], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return wait_for(lambda: subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode == 0)

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    @contextlib.contextmanager
    def stalled(self) -> Iterator[None]:
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    def hears(self, *, sound: bool, seconds: float = 60) -> bool:
        """Whether there is sound within so long; or, without `sound`, half a second of silence."""
        command = ["parec", "-d", "cap.monitor", "--format=s16le", "--rate=48000", "--channels=2", "--raw"]
        until = time.monotonic() + seconds
        while time.monotonic() < until:  # a server that was held up may send its listeners away
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as ear:
                try:
                    assert ear.stdout is not None
                    while time.monotonic() < until and (heard := ear.stdout.read(48000 * 2)):
                        if any(heard) == sound:
                            return True
                finally:
                    ear.kill()
        return False


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    for program in ("pulseaudio", "pactl", "parec"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    alsa = tmp_path / "asound.conf"
    alsa.write_text("</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n")
    for key, value in {
        "XDG_RUNTIME_DIR": str(tmp_path),
        "HOME": str(tmp_path),
        "ALSA_CONFIG_PATH": str(alsa),
        "PULSE_SERVER": f"unix:{tmp_path}/pulse.sock",
        "JACK_NO_START_SERVER": "1",
        "JACK_DEFAULT_SERVER": "none",
    }.items():
        monkeypatch.setenv(key, value)
    pulse = Pulse(tmp_path)
    try:
        if not pulse.start():
            pytest.skip("PulseAudio does not start here")
        yield pulse
    finally:
        pulse.kill()


def test_sound_through_pulseaudio_comes_back_with_it(pulse: Pulse, log: OscLog) -> None:
    with playing(log, OutputSpec("audio", "default")) as engine:
        assert pulse.hears(sound=True), engine.status()
        pulse.kill()
        assert wait_for(lambda: said(engine)), "it is noticed"
        assert "audio default is gone" in said(engine)[0]
        assert plays_on(log)
        assert pulse.start()
        assert wait_for(lambda: said(engine)[-1] == "audio default is back", seconds=90), said(engine)
        assert pulse.hears(sound=True), "heard again"
        engine.do(Stop())
        assert pulse.hears(sound=False)


def test_a_sound_server_that_stalls_is_heard_again(pulse: Pulse, log: OscLog) -> None:
    with playing(log, OutputSpec("audio", "default")) as engine:
        assert pulse.hears(sound=True), engine.status()
        with pulse.stalled():
            assert plays_on(log, 8)
        assert wait_for(lambda: engine.status().outputs[0].is_open, seconds=90), said(engine)
        assert pulse.hears(sound=True), said(engine)
        engine.do(Stop())
        assert pulse.hears(sound=False)
