"""A real JACK server that is killed and started again: MIDI comes back, nothing is lost elsewhere."""

from __future__ import annotations

from typing import Any

from jack_support import JackServer, MidiInput, wait_for
from music import beat_of
from playing_support import OscLog

from performance.commands import Play, Quit, SetControl, Stop, StrikePad
from performance.process import EngineProcess
from performance.specs import OutputSpec
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR = Meter.parse("4/4")
TICKS = [0, 24, 48, 72]


class Listener:
    """A JACK program with an input for MIDI."""

    def __init__(self) -> None:
        import jack

        self.client: Any = jack.Client("synth", no_start_server=True)
        self.midi_in = MidiInput(self.client)
        self.sounding: set[int] = set()
        self.ons = 0
        self.client.set_process_callback(self._process)
        self.is_running = True
        self.client.set_shutdown_callback(self._shutdown)
        self.client.activate()

    def _shutdown(self, _status: Any, _reason: str) -> None:
        self.is_running = False

    def _process(self, frames: int) -> None:
        for _, data in self.midi_in.take():
            status, pitch, _ = data
            if status == 0x99:
                self.ons += 1
                self.sounding.add(pitch)
            elif status == 0x89:
                self.sounding.discard(pitch)

    def close(self) -> None:
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)


class Ear:
    """A JACK program that hears our sound: counts the kicks, and knows when it is silent."""

    def __init__(self) -> None:
        import jack

        self.client: Any = jack.Client("ear", no_start_server=True)
        self.sound_in = self.client.inports.register("in")
        self.kicks = 0
        self._quiet_blocks = 1000
        self.client.set_process_callback(self._process)
        self.client.activate()
        assert wait_for(self._connect)

    def _connect(self) -> bool:
        import jack

        ports = [port for port in self.client.get_ports(is_audio=True, is_output=True) if "out_0" in port.name]
        try:
            self.client.connect(ports[0], self.sound_in)
        except (IndexError, jack.JackError):  # it is not there yet, or does not run yet
            return False
        return True

    @property
    def is_silent(self) -> bool:
        """Whether nothing has been heard for a second."""
        return self._quiet_blocks > 190

    def _process(self, frames: int) -> None:
        if not self.sound_in.get_array().any():
            self._quiet_blocks += 1
            return
        self.kicks += self._quiet_blocks > 2  # a kick is 450 ms long
        self._quiet_blocks = 0

    def close(self) -> None:
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)


def said(engine: EngineProcess) -> list[str]:
    """What an engine has to say, but for an output that was slow to open and has joined."""
    texts = [message.text for message in engine.status().messages]
    return [text for text in texts if not text.endswith("is open")]


def all_open(engine: EngineProcess) -> bool:
    """Whether all outputs are open, now or soon."""
    return wait_for(lambda: engine.status().outputs and all(state.is_open for state in engine.status().outputs))


def test_midi_comes_back_with_the_server_and_the_beat_never_stopped(server: JackServer, log: OscLog) -> None:
    synth = Listener()
    specs = [OutputSpec("midi", "synth:in"), OutputSpec("osc", log.address)]
    engine = EngineProcess(beat_of(FOUR, TICKS), specs)
    try:
        engine.do(SetControl("tempo", 240))
        engine.do(Play())
        assert wait_for(lambda: synth.ons >= 4), said(engine)
        server.kill()
        assert wait_for(lambda: said(engine)), "it is noticed"
        assert "midi synth:in is gone" in said(engine)[0]
        many = log.read()
        assert wait_for(lambda: log.read() >= many + 8)  # the others play on
        synth.close()
        assert wait_for(server.start)
        synth = Listener()
        assert wait_for(lambda: len(said(engine)) > 1), said(engine)
        assert said(engine)[1:] == ["midi synth:in is back"]
        assert wait_for(lambda: synth.ons >= 4), "notes again, at the port they went to before"
        engine.do(Stop())
        assert wait_for(lambda: engine.status().transport is None)
        assert wait_for(lambda: synth.sounding == set())
        log.read()
    finally:
        engine.close()
        synth.close()
    assert not engine.is_alive
    # As events were made: every beat of every bar once, in order, without a gap.
    expected = [("kick", bar, beat + 1, 0) for bar in range(1, len(log.bars) + 1) for beat in range(4)]
    got = [(voice, bar, beat, tick) for voice, _, bar, beat, tick in (one.values for one in log.onsets)]
    assert got == expected[: len(got)]
    assert log.bars == list(range(1, len(log.bars) + 1))


def test_sound_comes_back_with_the_server_by_itself(server: JackServer, log: OscLog) -> None:
    engine = EngineProcess(beat_of(FOUR, TICKS), [OutputSpec("audio"), OutputSpec("osc", log.address)])
    ear = None
    try:
        engine.do(SetControl("tempo", 110))
        engine.do(Play())
        assert wait_for(lambda: log.read() >= 4), said(engine)
        assert all_open(engine)
        server.kill()
        assert wait_for(lambda: said(engine)), "it is noticed"
        assert said(engine)[0].startswith("audio default is gone")
        many = log.read()
        assert wait_for(lambda: log.read() >= many + 4)  # the others play on
        assert wait_for(server.start)
        assert wait_for(lambda: len(said(engine)) > 1), engine.status().outputs
        assert said(engine)[1:] == ["audio default is back"]
        ear = Ear()
        assert wait_for(lambda: ear.kicks >= 8), "heard again"
        engine.do(Stop())
        assert wait_for(lambda: ear.is_silent)
        engine.do(Quit())
        assert wait_for(lambda: not engine.is_alive)
    finally:
        engine.close()
        if ear is not None:
            ear.close()
    assert [one.values[2] for one in log.onsets] == [1 + index // 4 for index in range(len(log.onsets))]


def test_what_is_struck_when_the_server_has_died_is_counted_also_before_that_is_noticed(server: JackServer) -> None:
    engine = EngineProcess(Pattern.silent(FOUR), [OutputSpec("audio")])
    ear = None
    try:
        assert all_open(engine)
        ear = Ear()
        engine.do(StrikePad(0, 100))
        assert wait_for(lambda: ear.kicks == 1)
        ear.close()
        ear = None
        server.kill()
        for _ in range(3):
            engine.do(StrikePad(0, 100))
        assert wait_for(lambda: any("not heard" in line for line in said(engine))), said(engine)
        assert wait_for(server.start)
        assert wait_for(lambda: "audio default is back" in said(engine)), said(engine)
        engine.do(StrikePad(0, 100))
        assert wait_for(lambda: any(line.startswith("3 strokes on pads were") for line in said(engine))), said(engine)
    finally:
        engine.close()
        if ear is not None:
            ear.close()


def test_many_ports_come_back_with_the_server_again_and_again_and_the_engine_lives(server: JackServer) -> None:
    specs = [OutputSpec("midi", "synth:in"), OutputSpec("virtual", "second"), OutputSpec("virtual", "third")]
    synth = Listener()
    engine = EngineProcess(beat_of(FOUR, TICKS), specs)
    try:
        engine.do(SetControl("tempo", 240))
        engine.do(Play())
        for _ in range(3):
            assert wait_for(lambda heard=synth: heard.ons >= 4, seconds=60), said(engine)
            assert all_open(engine)
            server.kill()
            synth.close()
            assert wait_for(server.start, seconds=60)
            synth = Listener()
        assert wait_for(lambda: synth.ons >= 4, seconds=60), said(engine)
        assert engine.is_alive
    finally:
        engine.close()
        synth.close()
