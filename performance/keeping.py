"""Keeping: what is remembered of what is played. The last bars always, a journal while there is one."""

from __future__ import annotations

from collections.abc import Callable

from performance.journal import Closed, Entry, Journal, Opened
from performance.recent import Excerpt, RecentBars
from rvae.errors import UsageError
from rvae.pattern import Pattern

Journals = Callable[[str], Journal]
"""The journal of a recording, by its folder."""

Clips = Callable[[Excerpt], None]
"""What takes a clip that is exported."""


class Keeping:
    """A `journal.Journal` that passes each entry on. `journals`, `clips`: where recordings and exports go; without them
    there are none.
    """

    def __init__(self, journals: Journals | None = None, clips: Clips | None = None) -> None:
        self._journals, self._clips = journals, clips
        self._recent = RecentBars()
        self._journal: Journal | None = None
        self.is_recording = False

    @property
    def has_journal(self) -> bool:
        """Whether a journal is being kept."""
        return self._journal is not None

    def note(self, entry: Entry) -> None:
        """Keep an entry."""
        self._recent.note(entry)
        if self._journal is not None:
            self._journal.note(entry)

    @property
    def journals(self) -> Journals:
        """What gives the journal of a recording. Raises UsageError where none can be kept."""
        if self._journals is None:
            raise UsageError("nothing here keeps recordings; play with `rvae play` to record")
        return self._journals

    def begin(self, journal: Journal, opened: Opened) -> None:
        """Keep a journal from here on."""
        journal.note(opened)
        self._journal = journal

    def end(self, closed: Closed) -> None:
        """Close the journal, if one is kept."""
        if self._journal is not None:
            self._journal.note(closed)
        self._journal, self.is_recording = None, False

    def export(self, bars: int, pattern: Pattern, qpm: float) -> None:
        """Hand out the last bars as a clip; for 0 the pattern as it is written. Raises UsageError."""
        if self._clips is None:
            raise UsageError("nothing here keeps clips; play with `rvae play` to export")
        self._clips(self._recent.last(bars) if bars else Excerpt.of_pattern(pattern, qpm))
