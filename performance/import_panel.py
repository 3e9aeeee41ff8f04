"""What became of the clips that were dropped on the window: a panel's source, file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from performance.commands import GoToClip, TurnPage
from performance.guests import Told
from performance.panel import Row
from performance.snapshot import Snapshot

_WIDTH = 46  # letters of a row's text
_MOST = 500  # files that are listed, the latest first


class ImportPanel:
    """`told`: what was said of each file so far, oldest first. A page for each (`file 3`) holds all of it."""

    def __init__(self, told: Callable[[], Sequence[Told]]) -> None:
        self._told = told
        self._page = ""
        self._rows: tuple[object, tuple[Row, ...]] = (None, ())

    @property
    def title(self) -> str:
        """What is listed: all files, or one."""
        kind, _, at = self._page.partition(" ")
        return self._told()[int(at)].name if kind == "file" and int(at) < len(self._told()) else "Dropped clips"

    @property
    def hint(self) -> str:
        """What a hand can do here."""
        return "choose a file to read all of it; nothing was changed in it; Shift+F9 closes"

    def opened(self) -> None:
        """From the list of files on."""
        self._page = ""

    def closed(self) -> None:
        """The panel is shown no longer."""

    def turn(self, page: str) -> None:
        """Show another page."""
        self._page = page

    def rows(self, snapshot: Snapshot) -> tuple[Row, ...]:
        """The page that is shown; made anew where something of it has changed."""
        told = self._told()
        known = (self._page, len(told), snapshot.clips)
        if known != self._rows[0]:
            self._rows = (known, tuple(self._made(told, snapshot)))
        return self._rows[1]

    def _made(self, told: Sequence[Told], snapshot: Snapshot) -> Iterator[Row]:
        kind, _, at = self._page.partition(" ")
        if kind == "file" and int(at) < len(told):
            yield from self._file(told[int(at)], snapshot)
            return
        if not told:
            yield Row("none", "none yet", "drop a clip, a folder or a zip of clips on this window")
        for number in range(len(told) - 1, max(-1, len(told) - 1 - _MOST), -1):
            one = told[number]
            detail = "; ".join(one.facts) or "; ".join(one.done)
            page = TurnPage(f"file {number}")
            yield Row(f"file {number}", one.name, detail, one.state, bool(one.asked), (page,))
        if len(told) > _MOST:
            yield Row("more", f"and {len(told) - _MOST} before these", "rvae inspect CLIPS -o PAGE.html lists them all")

    def _file(self, one: Told, snapshot: Snapshot) -> Iterator[Row]:
        yield Row("back", "back: all files", commands=(TurnPage(""),))
        places = [place for place, clip in enumerate(snapshot.clips) if clip.source == one.name]
        if places:
            yield Row("go", f"go to {one.name}", "its first pattern on this plane", commands=(GoToClip(places[0]),))
        for number, line in enumerate((*one.facts, *one.done, *one.asked)):
            text, *rest = wrap(line, _WIDTH) or [""]
            yield Row(f"line {number}", text, " ".join(rest))
