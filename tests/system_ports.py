"""`python system_ports.py`: the system's MIDI ports, with JACK standing in for the system; prints a JSON line.

The port library has a JACK client of its own, which is too old for today's servers: preload the system's.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from fractions import Fraction
from typing import Any

import jack
import pylibremidi
from jack_support import wait_for

from performance import ports
from performance.outputs import midi
from performance.outputs.midi import MidiOutput
from performance.ports import Hearing, find_port, input_ports, output_names, port_name
from performance.sequencer import Onset, Release
from rvae.errors import OutputError
from rvae.kit import STANDARD_KIT

ONSET, RELEASE = Onset(Fraction(0), 0, 36, 100, 0, 0), Release(Fraction(1), 0, 36)


class OverJack:
    """The library, as it is where JACK is what the system has."""

    ObserverConfiguration, InputConfiguration = pylibremidi.ObserverConfiguration, pylibremidi.InputConfiguration

    @staticmethod
    def Observer(settings: Any) -> Any:  # noqa: N802  # the library's name
        return pylibremidi.Observer(settings, pylibremidi.API.JACK_MIDI)

    @staticmethod
    def MidiIn(settings: Any) -> Any:  # noqa: N802
        return pylibremidi.MidiIn(settings, pylibremidi.API.JACK_MIDI)

    @staticmethod
    def MidiOut() -> Any:  # noqa: N802
        return pylibremidi.MidiOut(pylibremidi.OutputConfiguration(), pylibremidi.API.JACK_MIDI)


class Far:
    """Another program, with a port to play to and one to hear."""

    def __init__(self) -> None:
        self.client = jack.Client("far", no_start_server=True)
        self._in, self._out = self.client.midi_inports.register("synth"), self.client.midi_outports.register("pads")
        self.heard: list[bytes] = []
        self.says: deque[bytes] = deque()
        self.client.set_process_callback(self._process)
        self.client.activate()

    def _process(self, _frames: int) -> None:
        self.heard += [bytes(data) for _, data in self._in.incoming_midi_events()]
        self._out.clear_buffer()
        while self.says:
            self._out.write_midi_event(0, self.says.popleft())

    def names(self) -> list[str]:
        return [port.name for port in self.client.get_ports(is_midi=True)]

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()


def played(output: MidiOutput, far: Far) -> bool:
    far.heard.clear()
    output.send(ONSET, 0)
    output.send(RELEASE, 0)
    return wait_for(lambda: {b"\x99\x24\x64", b"\x89\x24\x00"} <= set(far.heard))


def heard(hearing: Hearing, far: Far) -> dict[str, object]:
    begun_ns = time.perf_counter_ns()
    came: list[tuple[bytes, int]] = []
    port = find_port("pads", input_ports())
    close = hearing.hear(port, lambda data, at_ns: came.append((data, at_ns)), own_name="rvae-hands", clock=True)
    own = [name for name in far.names() if not name.startswith("far:")]
    far.says += [b"\x99\x26\x40", b"\xf8", b"\xb0\x01\x7f"]
    arrived = wait_for(lambda: {data for data, _ in came} == {b"\x99\x26\x40", b"\xf8", b"\xb0\x01\x7f"})
    times = [at_ns for _, at_ns in came]
    in_time = all(begun_ns - 100_000_000 <= at_ns <= time.perf_counter_ns() for at_ns in times)
    offered = output_names()
    close()
    return {"arrived": arrived, "in time": in_time, "own": own, "offered": offered}


def reopened(output: MidiOutput) -> bool:
    try:
        output.reopen(STANDARD_KIT)
    except OutputError:
        return False
    return True


def main() -> None:
    ports.midi_library = midi.midi_library = lambda: OverJack
    far, hearing = Far(), Hearing()
    found: dict[str, object] = {"inputs": [port_name(port) for port in input_ports()], "outputs": output_names()}
    virtual = MidiOutput("rvae", virtual=True)
    virtual.open(STANDARD_KIT)
    found["virtual"] = [name for name in far.names() if not name.startswith("far:")]
    virtual.close(0)
    output = MidiOutput("synth")
    output.open(STANDARD_KIT)
    found["played"] = played(output, far)
    found["heard"] = heard(hearing, far)
    output.check()
    found["is open"] = output.is_open
    far.close()

    def missed() -> bool:
        output.check()
        return not output.is_open

    found["missed"] = wait_for(missed)
    found["told"] = output.detail
    found["opens without it"] = reopened(output)
    far = Far()
    found["is back"] = wait_for(lambda: reopened(output))
    output.resume(0, STANDARD_KIT)
    found["played again"] = played(output, far)
    output.check()
    found["stays"] = output.is_open
    output.close(0)
    far.close()
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
