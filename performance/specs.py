"""What an engine is to be given: outputs and a leader, as values that pickle. The things themselves are made in its
process, and only there is loaded what they need.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from performance.clock import NS_PER_MS
from rvae.errors import OutputError, UsageError

if TYPE_CHECKING:
    from performance.leader import Leader
    from performance.outputs.output import Output

MAX_OFFSET_MS = 500


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """An output to open: `kind` midi, virtual, osc or audio, and what each calls `name`. It pickles; outputs do not.

    `sends_clock`: whether it is given MIDI clock too. `offset_ms`: how much later than the music it plays, -500 to 500.
    Raises UsageError.
    """

    kind: str
    name: str = ""
    sends_clock: bool = False
    offset_ms: float = 0.0

    def __post_init__(self) -> None:
        if not -MAX_OFFSET_MS <= self.offset_ms <= MAX_OFFSET_MS:
            raise UsageError(
                f"offset of {self.kind} {self.name}: {self.offset_ms:g} ms, "
                f"-{MAX_OFFSET_MS} to {MAX_OFFSET_MS} are possible; choose another"
            )

    def make(self, speaker: socket.socket | None = None) -> Output:
        """The output itself, not yet open; for sound, with the line to its process. Raises UsageError."""
        output = self._make(speaker)
        output.sends_clock = self.sends_clock
        output.offset_ns = round(self.offset_ms * NS_PER_MS)
        return output

    def _make(self, speaker: socket.socket | None) -> Output:
        match self.kind:
            case "midi":
                return midi_output(self.name)
            case "virtual":
                return virtual_output(self.name)
            case "osc":
                from performance.outputs.osc import OscOutput

                return OscOutput(self.name)
            case "audio":
                from performance.outputs.audio import AudioOutput

                return AudioOutput(self.name, speaker=speaker)
        raise UsageError(f"no output '{self.kind}'; there are midi, virtual, osc and audio")


def midi_output(name: str) -> Output:
    """The port of a name: the system's own first, then JACK's."""
    from performance.outputs.jack import JackMidiOutput, jack_ports
    from performance.outputs.midi import MidiOutput
    from performance.ports import output_names

    with contextlib.suppress(OutputError):
        if any(name.lower() in port.lower() for port in output_names()):
            return MidiOutput(name)
    if any(name.lower() in port.lower() for port in jack_ports()):
        return JackMidiOutput(name)
    return MidiOutput(name)


def virtual_output(name: str) -> Output:
    """A port of our own: in JACK where it runs, otherwise the system's."""
    from performance.outputs.jack import JackMidiOutput, is_running
    from performance.outputs.midi import VIRTUAL_NAME, MidiOutput

    return (
        JackMidiOutput(client_name=name or VIRTUAL_NAME)
        if is_running()
        else MidiOutput(name or VIRTUAL_NAME, virtual=True)
    )


@dataclass(frozen=True, slots=True)
class LeaderSpec:
    """A leader to follow: `kind` midi, with the `name` of its port, or link."""

    kind: str
    name: str = ""

    def make(self) -> Leader:
        """The leader itself. Raises OutputError where it is not there, UsageError where there is no such kind."""
        match self.kind:
            case "midi":
                from performance.clock_input import MidiClockInput

                return MidiClockInput(self.name)
            case "link":
                from performance.link import LinkLeader

                return LinkLeader()
        raise UsageError(f"no leader '{self.kind}'; there are midi and link")
