"""A number of things, in words."""

from __future__ import annotations


def several(count: int, what: str) -> str:
    """`1 bar`, `2 bars`: `what` is one of them, in English, that takes an s where there are more."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
