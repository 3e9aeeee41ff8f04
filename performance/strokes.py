"""Strokes on pads that nobody hears, since no sound is open here: counted, and told of in few lines."""

from __future__ import annotations


class SilentStrokes:
    """Told of at the first since one was heard, then at each tenfold; the next that is heard tells how many it were."""

    def __init__(self) -> None:
        self._count = self._told = 0
        self._lines: list[tuple[str, bool]] = []

    def heard(self) -> None:
        """A stroke sounds."""
        if self._count > self._told:
            self._tell("the sound is there again", is_error=False)
        self._count = self._told = 0

    def missed(self, count: int, why: str, *, is_error: bool) -> None:
        """So many do not. `is_error`: there should be sound."""
        self._count += count
        if count and self._count >= 10 * self._told:
            self._tell(why, is_error=is_error)

    def _tell(self, why: str, *, is_error: bool) -> None:
        self._told = self._count
        several = "1 stroke on a pad was" if self._count == 1 else f"{self._count} strokes on pads were"
        self._lines.append((f"{several} not heard: {why}", is_error))

    def news(self) -> list[tuple[str, bool]]:
        """Lines for the player since the last time, and whether each is a trouble."""
        lines, self._lines = self._lines, []
        return lines
