"""Outputs that join while the music plays, and leave: opened and closed where nothing waits for the beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from performance.outputs.output import Output
from performance.outputs.reopening import RunAside
from performance.snapshot import OutputState
from rvae.errors import what_went_wrong
from rvae.kit import Kit


@dataclass(slots=True)
class _Joiner:
    """One that is being opened. `output` and `problem` are written by the thread, `is_done` last of all."""

    kind: str
    name: str
    kit: Kit
    output: Output | None = None
    problem: str = ""
    is_done: bool = False

    def open(self, make: Callable[[], Output]) -> None:
        output: Output | None = None
        try:
            output = make()
            output.open(self.kit)
            self.output = output
        except Exception as error:  # noqa: BLE001  # whatever a driver's library raises becomes a line
            self.problem = what_went_wrong(error)
            if output is not None:
                output.detail = self.problem
        finally:
            self.is_done = True


class Joining:
    """`run_aside`: runs what may take long. Nobody else uses an output before it has joined, or after it has left."""

    def __init__(self, run_aside: RunAside) -> None:
        self._run_aside = run_aside
        self._joiners: list[_Joiner] = []

    def join(self, kind: str, name: str, make: Callable[[], Output], kit: Kit) -> None:
        """Begin to open one, for the voices of a kit."""
        joiner = _Joiner(kind, name, kit)
        self._joiners.append(joiner)
        self._run_aside(lambda: joiner.open(make))

    def is_opening(self, kind: str, name: str) -> bool:
        """Whether one of this kind and name is being opened."""
        return any((joiner.kind, joiner.name) == (kind, name) for joiner in self._joiners)

    @property
    def is_waiting(self) -> bool:
        """Whether any is still being opened."""
        return not all(joiner.is_done for joiner in self._joiners)

    def joined(self) -> Iterator[tuple[Output | None, Kit, str]]:
        """What came of those that are done: the output and the kit it was opened for, or None and why it is not."""
        for joiner in [joiner for joiner in self._joiners if joiner.is_done]:
            self._joiners.remove(joiner)
            yield joiner.output, joiner.kit, joiner.problem

    def leave(self, output: Output, now_ns: int) -> None:
        """Close one that sounds no longer."""
        self._run_aside(lambda: output.close(now_ns))

    @property
    def states(self) -> tuple[OutputState, ...]:
        """Those that are being opened."""
        return tuple(OutputState(joiner.kind, joiner.name, False, "is being opened") for joiner in self._joiners)
