"""What files are called on a screen or a page where several have one name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath


def short_names(files: Iterable[str]) -> dict[str, str]:
    """The end of each path, as short as tells it from all others: its name alone where no other has it."""
    parts = {file: PurePath(file).parts for file in files}
    found: dict[str, str] = {}
    length = 1
    while parts:
        ends = {file: "/".join(words[-length:]) for file, words in parts.items()}
        times = Counter(ends.values())
        told = {file for file, end in ends.items() if times[end] == 1 or length >= len(parts[file])}
        found |= {file: ends[file] for file in told}
        parts = {file: words for file, words in parts.items() if file not in told}
        length += 1
    return found
