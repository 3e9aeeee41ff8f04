"""A JACK program that writes down what it is given, and music that is checked by what it heard."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from jack_support import MidiInput, wait_for
from playing_support import status_now

from performance.process import EngineProcess
from rvae.pattern import Floats

RATE_HZ = 48_000
_TRIES = 20
_STALL_S = 0.005


class Recorder:
    """Keeps every MIDI message of its inputs with its frame, and all sound. `lost`: so often the server went on without
    it; `stalls`: so often the server stood still, and the time of others went on; `xruns`: so often it said that it had
    gone on without somebody.
    """

    def __init__(self, *names: str) -> None:
        import jack

        self.client: Any = jack.Client("recorder", no_start_server=True)
        self.midi_ins = [MidiInput(self.client, name) for name in names or ("in",)]
        self.sound_in = self.client.inports.register("sound")
        self.messages: list[list[tuple[int, bytes]]] = [[] for _ in self.midi_ins]
        self.blocks: list[Floats] = []
        self.lost = 0
        self.stalls = 0
        self.xruns = 0
        self._expected: int | None = None
        self._next_s = math.inf
        self.client.set_process_callback(self._process)
        self.client.set_xrun_callback(self._xrun)
        self.client.activate()

    def _xrun(self, _delay: float) -> None:
        self.xruns += 1

    @property
    def held_up(self) -> int:
        """How often anything that goes through the server may have been late, or lost."""
        return self.lost + self.stalls + self.xruns

    def _process(self, frames: int) -> None:
        frame = self.client.last_frame_time
        self.lost += self._expected is not None and frame != self._expected
        self._expected = frame + frames
        begun_s = time.perf_counter() - self.client.frames_since_cycle_start / RATE_HZ
        self.stalls += begun_s > self._next_s + _STALL_S
        self._next_s = begun_s + frames / RATE_HZ
        for port, messages in zip(self.midi_ins, self.messages, strict=True):
            messages += [(frame + offset, data) for offset, data in port.take()]
        self.blocks.append(self.sound_in.get_array().copy())

    def connect(self, source: str, port: int = 0) -> bool:
        """Connect a MIDI port of others as soon as it is there and its client runs."""
        return self._connect(lambda: source, self.midi_ins[port].port)

    def connect_sound(self) -> bool:
        """Connect the left channel of the engine's sound."""
        return self._connect(lambda: self._sound_ports()[0], self.sound_in)

    def _connect(self, source: Callable[[], str], target: Any) -> bool:
        import jack

        def connected() -> bool:
            try:
                self.client.connect(source(), target)
            except (jack.JackError, IndexError):
                return False
            return True

        return wait_for(connected)

    def _sound_ports(self) -> list[str]:
        return [port.name for port in self.client.get_ports(is_audio=True, is_output=True) if "out_0" in port.name]

    def frames(self, port: int, status: int) -> list[int]:
        """When messages of a kind came."""
        return [frame for frame, data in list(self.messages[port]) if data[0] == status]

    def ons(self) -> list[tuple[int, int, int]]:
        """Frame, pitch and velocity of each note at the first input."""
        return [(frame, data[1], data[2]) for frame, data in list(self.messages[0]) if data[0] == 0x99]

    def sounding(self) -> set[int]:
        """The notes that have begun and not ended."""
        notes: set[int] = set()
        for _, data in list(self.messages[0]):
            if data[0] == 0x99:
                notes.add(data[1])
            elif data[0] == 0x89:
                notes.discard(data[1])
        return notes

    def falls_silent(self) -> bool:
        """Whether every note has ended, now or soon."""
        return wait_for(lambda: self.sounding() == set())

    def forget(self) -> None:
        """Begin anew, with what comes now."""
        for messages in (*self.messages, self.blocks):
            messages.clear()

    def close(self) -> None:
        self.client.deactivate(ignore_errors=True)
        self.client.close(ignore_errors=True)


def play_and_check(
    engine: EngineProcess, recorder: Recorder, play: Callable[[], None], check: Callable[[], None]
) -> None:
    """Play, and check what `recorder` heard of it. Where that fails, and the server, an output or the engine was held
    up meanwhile, it counts for nothing: once more, from the start. Where that never ends it fails, but skips where the
    recorder, too, was held up every time: an engine that holds itself up is no excuse for itself.
    """

    def held_up() -> tuple[int, ...]:
        status = status_now(engine)
        counts = [(one.stalls, one.late, one.missed, one.underruns) for one in status.outputs]
        return (recorder.lost, status.lateness.slips, *(count for counted in counts for count in counted))

    witnessed = 0
    for _ in range(_TRIES):
        before, lost = held_up(), recorder.lost
        recorder.forget()
        try:
            play()
            check()
            return
        except (AssertionError, IndexError) as error:
            after = held_up()
            if after == before:
                raise
            found = error
            witnessed += recorder.lost > lost
    if witnessed < _TRIES:
        raise found
    pytest.skip(f"this machine is held up all the time: {before}, then {after}: {found}")
