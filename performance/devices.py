"""What is plugged in: MIDI ports and sound devices, and for what is missing how to get it."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection

from performance.forking import outlive_the_terminal
from rvae.errors import OutputError

_LOOK_S = 3.0
_OWN = "rvae"  # our own ports are no others to play to


@dataclass(frozen=True, slots=True)
class Devices:
    """All that was found. `midi`, `jack`: names of ports to play to; `audio`: names of devices that play two channels,
    the usual one first. `missing`: a line for each thing that is not there. `display`: whether a window can be opened.
    """

    midi: tuple[str, ...]
    jack: tuple[str, ...]
    jack_runs: bool
    audio: tuple[str, ...]
    display: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plugs:
    """What can be played to and heard by name: MIDI `outputs` and `inputs`, `sound` devices, the usual one first."""

    outputs: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()


def watch_devices(line: Connection) -> None:
    """Look every few seconds and send the `Plugs` that are there, until nobody listens: for a process of its own."""
    outlive_the_terminal()
    found: Plugs | None = None
    try:
        while True:
            if (now := find_plugs(anew=found is not None)) != found:
                found = now
                line.send(found)
            if line.poll(_LOOK_S):
                line.recv()
    except (EOFError, OSError):
        return  # the window has gone, or wants no more


def find_plugs(*, anew: bool = False) -> Plugs:
    """Look at what is there; takes up to a second, and ends the process where a driver never returns. `anew`: the sound
    library has a list, which is made again.
    """
    from performance.midi_in import input_names
    from performance.outputs.jack import jack_ports_of_all
    from performance.outputs.quiet import patience, quiet_drivers
    from performance.ports import output_names

    midi: list[str] = []
    audio: list[str] = []
    with quiet_drivers(), patience():
        jack, sources = jack_ports_of_all()
        with contextlib.suppress(OutputError):
            midi = output_names()
        with contextlib.suppress(OutputError):
            audio = _audio_devices(anew=anew)
        inputs = input_names(sources)
    others = [name for name in (*midi, *jack) if not name.lower().startswith(_OWN)]
    return Plugs(tuple(dict.fromkeys(others)), tuple(audio), tuple(inputs))


def find_devices() -> Devices:
    """Look at everything; takes up to a second."""
    # Here, for who only asks for a display should not wait for all that.
    from performance.outputs.jack import is_running, jack_ports
    from performance.outputs.quiet import quiet_drivers
    from performance.ports import output_names

    missing: list[str] = []
    with quiet_drivers():
        jack_runs = is_running()
        jack = jack_ports() if jack_runs else []
        try:
            midi = output_names()
        except OutputError as error:
            midi = []
            missing.append(str(error))
        try:
            audio = _audio_devices()
        except OutputError as error:
            audio = []
            missing.append(str(error))
    if sys.platform.startswith("linux") and find_spec("jack") is None:
        missing.append('JACK: not installed here; `pip install "rvae[jack]"` plays to its ports, and to PipeWire\'s')
    if not midi and not jack:
        missing.append(_NO_MIDI.get(sys.platform, _NO_MIDI["linux"]))
    if not audio and not any(line.startswith("sound") for line in missing):
        missing.append("sound: no device that plays; plug one in, or start PipeWire, PulseAudio or JACK")
    display = has_display()
    if not display:
        missing.append("display: none, so `rvae play` writes files instead; set DISPLAY or WAYLAND_DISPLAY to one")
    return Devices(tuple(midi), tuple(jack), jack_runs, tuple(audio), display, tuple(missing))


_NO_MIDI = {
    "linux": "MIDI: no ports; plug a device in, start a synthesiser, or let others connect to ours with --virtual",
    "darwin": "MIDI: no ports; plug a device in, switch on the IAC bus in Audio MIDI Setup, or use --virtual",
    "win32": "MIDI: no ports; plug a device in, or install loopMIDI for ports between programs",
}


def _audio_devices(*, anew: bool = False) -> list[str]:
    from performance.outputs.speaker import sounddevice

    sd = sounddevice()
    try:
        if anew:  # it lists devices when it starts
            sd._terminate()
            sd._initialize()
        usual = sd.default.device[1]
        devices = enumerate(sd.query_devices())
        found = [(index, device) for index, device in devices if device["max_output_channels"] >= 2]
    except sd.PortAudioError as error:
        raise OutputError(f"sound: {error}; is a sound server running?") from None
    names = [str(device["name"]) for _, device in sorted(found, key=lambda pair: pair[0] != usual)]
    return list(dict.fromkeys(names))


def has_display() -> bool:
    """Whether there is a screen to open a window on; only Linux and its like can tell beforehand."""
    if sys.platform in ("win32", "darwin") or os.environ.get("SDL_VIDEODRIVER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
