"""`python system_ports.py`: the system's MIDI ports, with JACK standing in for the system; prints a JSON line.

The port library has a JACK client of its own, which is too old for today's servers: preload the system's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from queue import SimpleQueue
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
    """Another program, in a process of its own, with a port to play to and one to hear."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "far"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.heard: list[bytes] = []
        self._names: deque[list[str]] = deque()
        threading.Thread(target=self._read, daemon=True).start()
        self.names()  # by then it is there

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            if isinstance(told, list):
                self._names.append(told)
            else:
                self.heard.append(bytes.fromhex(told))

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def say(self, *messages: bytes) -> None:
        self._tell(" ".join(message.hex() for message in messages))

    def names(self) -> list[str]:
        """All ports there are, but its own."""
        self._tell("names")
        assert wait_for(lambda: self._names)
        return [name for name in self._names.popleft() if not name.startswith("far:")]

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def be_far() -> None:
    """The other program: it says what it is told to, and tells what it hears."""
    client = jack.Client("far", no_start_server=True)
    hears, says = client.midi_inports.register("synth"), client.midi_outports.register("pads")
    heard: SimpleQueue[bytes | None] = SimpleQueue()
    waiting: deque[bytes] = deque()

    def process(_frames: int) -> None:
        for _, data in hears.incoming_midi_events():
            heard.put(bytes(data))
        says.clear_buffer()
        while waiting:
            says.write_midi_event(0, waiting.popleft())

    def tell() -> None:
        while (data := heard.get()) is not None:
            print(json.dumps(data.hex()), flush=True)

    client.set_process_callback(process)
    client.activate()
    threading.Thread(target=tell, daemon=True).start()
    for line in sys.stdin:
        if line.strip() == "names":
            print(json.dumps([port.name for port in client.get_ports(is_midi=True)]), flush=True)
        else:
            waiting.extend(bytes.fromhex(word) for word in line.split())
    client.deactivate()
    client.close()


def until(seen: Callable[[], bool], do: Callable[[], None]) -> bool:
    """Do something until it is seen: a server that was held up loses what was written meanwhile."""
    for _ in range(60):
        do()
        if wait_for(seen, seconds=1):
            return True
    return False


def played(output: MidiOutput, far: Far) -> bool:
    far.heard.clear()

    def play() -> None:
        output.send(ONSET, 0)
        output.send(RELEASE, 0)

    return until(lambda: {b"\x99\x24\x64", b"\x89\x24\x00"} <= set(far.heard), play)


def heard(hearing: Hearing, far: Far) -> dict[str, object]:
    begun_ns = time.perf_counter_ns()
    came: list[tuple[bytes, int]] = []
    port = find_port("pads", input_ports())
    close = hearing.hear(port, lambda data, at_ns: came.append((data, at_ns)), own_name="rvae-hands", clock=True)
    own = far.names()
    messages = (b"\x99\x26\x40", b"\xf8", b"\xb0\x01\x7f")
    arrived = until(lambda: {data for data, _ in list(came)} == set(messages), lambda: far.say(*messages))
    times = [at_ns for _, at_ns in list(came)]
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
    found["virtual"] = far.names()
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
    assert wait_for(lambda: not output_names())  # which takes the server a moment longer
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
    be_far() if sys.argv[1:] == ["far"] else main()
