"""Journals that may still be written: what a test can read of them at any moment."""

from __future__ import annotations

from pathlib import Path

from performance.journal import Entry, Went
from performance.journal_file import JournalFile
from performance.sequencer import Onset


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.rvjournal"))


def entries(path: Path) -> list[Entry]:
    """What is in it by now: nothing, where it has been created and its first line is still to be written."""
    return list(JournalFile(path)) if path.stat().st_size else []


def onsets(path: Path) -> int:
    return sum(isinstance(entry, Went) and isinstance(entry.event, Onset) for entry in entries(path))
