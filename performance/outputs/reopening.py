"""Outputs that disappear and come back: told of once, opened again about once a second, away from the beat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from performance.outputs.output import Output
from rvae.kit import Kit

RETRY_NS = 1_000_000_000
_LONGEST_NS = 32 * RETRY_NS
_STEADY_NS = 10 * RETRY_NS

RunAside = Callable[[Callable[[], None]], object]
"""Runs a piece of work where it holds up nobody: on a thread; at once where the clock is virtual."""


def run_at_once(work: Callable[[], None]) -> None:
    """Where nothing waits for the beat: just do it."""
    work()


class _Watched:
    """An output, and how far its return is. `state` is the one word that a thread writes and the engine reads."""

    def __init__(self, output: Output, kit: Kit) -> None:
        self.output = output
        self.kit = kit
        self.state: Literal["used", "leaving", "away", "opening", "opened"] = "used"
        self.retry_at_ns = 0
        self.wait_ns = RETRY_NS
        self.back_ns: int | None = None
        self.is_forgotten = False

    def lose(self, now_ns: int) -> None:
        """One that breaks as soon as it is back is tried more and more rarely: its messages would drown the others."""
        flickers = self.back_ns is not None and now_ns - self.back_ns < _STEADY_NS
        self.wait_ns = min(2 * self.wait_ns, _LONGEST_NS) if flickers else RETRY_NS
        self.state, self.retry_at_ns = "leaving", now_ns + self.wait_ns

    def let_go(self) -> None:
        """What may take long: nothing of what has gone is left."""
        try:
            self.output.let_go()
        finally:
            self.state = "away"

    def open_again(self) -> None:
        """What may take long: it touches only the output, which nobody else uses meanwhile."""
        state: Literal["away", "opened"] = "away"
        try:
            self.output.reopen(self.kit)
            state = "opened"
            if self.is_forgotten:
                self.output.is_open = True
                self.output.close(0)
        except Exception:  # noqa: BLE001  # not there yet, or broken in a way of its own: asked again
            pass
        finally:
            self.state = state


class Reopening:
    """Watches outputs that are open. Call `tend` at idle moments; it takes microseconds."""

    def __init__(self, outputs: Iterable[Output], kit: Kit, run_aside: RunAside = run_at_once) -> None:
        self._kit = kit
        self._watched = [_Watched(output, kit) for output in outputs]
        self._run_aside = run_aside

    def take_kit(self, kit: Kit) -> None:
        """What is opened from now on is for another kit."""
        self._kit = kit

    def watch(self, output: Output) -> None:
        """One more, which is open."""
        self._watched.append(_Watched(output, self._kit))

    def watches(self, output: Output) -> bool:
        """Whether one is looked after: it is open, or will be again."""
        return any(watched.output is output for watched in self._watched)

    def forget(self, output: Output) -> None:
        """Let one be, for whoever closes it now; one that is being opened just now is closed when it is."""
        for watched in self._watched:
            if watched.output is output:
                watched.is_forgotten = True
                if watched.state == "opened":  # nobody has taken it back yet
                    output.is_open = True
        self._watched = [watched for watched in self._watched if watched.output is not output]

    @property
    def _are_leaving(self) -> bool:
        """Whether any is being let go. Where several went with a server, as JACK's do, none may be opened anew before:
        the library keeps one memory for all of a process, and what is left of the old ones corrupts it.
        """
        return any(watched.state == "leaving" for watched in self._watched)

    def tend(self, now_ns: int) -> Iterator[tuple[Output, bool]]:
        """Notice what has gone, have it opened, take it back. Yields each output that came (True) or went (False)."""
        for watched in self._watched:
            output = watched.output
            if watched.state == "used":
                output.check()
                if not output.is_open:
                    watched.lose(now_ns)
                    yield output, False
                    self._run_aside(watched.let_go)
            elif watched.state == "opened":
                watched.state, watched.back_ns = "used", now_ns
                output.resume(now_ns, watched.kit)
                if watched.kit != self._kit:  # it came while this one was being opened
                    output.take_kit(self._kit)
                yield output, True
            elif watched.state == "away" and now_ns >= watched.retry_at_ns and not self._are_leaving:
                watched.state, watched.retry_at_ns = "opening", now_ns + watched.wait_ns
                watched.kit = self._kit
                self._run_aside(watched.open_again)
