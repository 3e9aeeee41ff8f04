"""An output that keeps what it is given: for rendering, and for seeing what an engine did."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from performance.outputs.output import Output
from performance.sequencer import Event, Release


@dataclass(frozen=True, slots=True)
class Sent:
    """An event and the time it was due, in ns. `cut_ns`: for notes that silence ended, when that was."""

    event: Event
    due_ns: int
    cut_ns: int | None = None


class MemoryOutput(Output):
    """Keeps every event in `sent`, in the order of sending."""

    kind = "memory"

    def __init__(self, name: str = "memory", *, takes_ahead: bool = False) -> None:
        super().__init__(name)
        self.sent: list[Sent] = []
        self.panics = 0
        self.clicks: list[tuple[int, int]] = []  # level, when
        self.strikes: list[tuple[int, int]] = []  # voice, velocity
        # Either kind of output can be stood in for.
        self.takes_ahead = takes_ahead  # type: ignore[misc]  # the one output that can be both

    def click(self, level: int, due_ns: int) -> None:
        """Keep it in `clicks`."""
        self.clicks.append((level, due_ns))

    def strike(self, voice: int, velocity: int, at_ns: int) -> bool:  # noqa: ARG002  # the signature for all of them
        """Keep it in `strikes`, while it is open."""
        if self.is_open:
            self.strikes.append((voice, velocity))
        return self.is_open

    def _send(self, event: Event, due_ns: int) -> None:
        self.sent.append(Sent(event, due_ns))

    def _silence(self, sounding: dict[int, int], now_ns: int) -> None:
        for pitch, voice in sounding.items():
            self.sent.append(Sent(Release(Fraction(-1), voice, pitch), now_ns, cut_ns=now_ns))

    def _panic(self, now_ns: int) -> None:  # noqa: ARG002  # the signature is the template's
        self.panics += 1
