"""Lines for the player, told once each, where no window shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from performance.snapshot import Message, unheard

ENGINE_GONE = 1
"""The exit code where the engine has ended by itself, or by somebody else's hand."""
ENGINE_HAS_STOPPED = "the engine has stopped, and the music with it; what was recorded is kept: quit and start again"


class Teller:
    """Tells each message once, in order; of those that came and went between, how many. `heard`: the number of the last
    that is known already.
    """

    def __init__(self, tell: Callable[[Message], None], heard: int = 0) -> None:
        self._tell, self._heard = tell, heard

    def hear(self, messages: Sequence[Message]) -> None:
        """Those that are kept now, oldest first."""
        for message in unheard(messages, self._heard):
            self._heard = message.number
            self._tell(message)
