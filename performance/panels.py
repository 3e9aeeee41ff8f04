"""Panels: which list is open, and which of its rows is chosen. Nothing waits for it: the music and all hands go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from performance.commands import ChooseRow, Explain, NextPanel, PanelCommand, ShowPanel, StageCommand, StepRow, TurnPage
from performance.panel import Panel, Row
from performance.snapshot import Snapshot


class Source(Protocol):
    """What fills a panel. Looking things up is done elsewhere: `rows` is asked for before every frame."""

    @property
    def title(self) -> str:
        """What is listed."""

    @property
    def hint(self) -> str:
        """What to do, as one line."""

    def opened(self) -> None:
        """The panel is shown from now on."""

    def rows(self, snapshot: Snapshot) -> tuple[Row, ...]:
        """What is listed now. Takes well below a millisecond."""

    def closed(self) -> None:
        """The panel is shown no longer. May be called twice."""


@runtime_checkable
class Paged(Protocol):
    """A source with several lists."""

    def turn(self, page: str) -> None:
        """Show another one."""


class Panels:
    """`sources`: by the panel's name, in the order in which one goes round them."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = dict(sources)
        self._panel: Panel | None = None
        self._name, self._key, self._at = "", "", 0

    def do(self, command: PanelCommand) -> tuple[StageCommand, ...]:
        """Open, close, step or choose; what a chosen row asks for."""
        match command:
            case ShowPanel(name):
                self._show("" if name == self._name else name)
            case NextPanel():
                names = ["", *self._sources]
                self._show(names[(names.index(self._name) + 1) % len(names)])
            case StepRow(steps) if self._panel is not None and self._panel.rows:
                self._at = (self._at + steps) % len(self._panel.rows)
                self._key = self._panel.rows[self._at].key
            case TurnPage(page) if isinstance(source := self._sources.get(self._name), Paged):
                source.turn(page)
                self._key, self._at = "", 0
            case ChooseRow(key) if self._panel is not None:
                return self._choose(self._panel, key)
            case StepRow() | ChooseRow() if not self._name:
                return (Explain("no list is open: f7 has models, f8 devices, f9 the kit"),)
        return ()

    def _show(self, name: str) -> None:
        if name and name not in self._sources:
            return
        if self._name:
            self._sources[self._name].closed()
        self._name, self._key, self._at, self._panel = name, "", 0, None
        if name:
            self._sources[name].opened()

    def _choose(self, panel: Panel, key: str) -> tuple[StageCommand, ...]:
        at = next((row for row, found in enumerate(panel.rows) if found.key == key), None) if key else panel.chosen
        if at is None or not panel.rows:
            return ()  # it has gone meanwhile
        self._at, self._key = at, panel.rows[at].key
        return panel.rows[at].commands

    def shown(self, snapshot: Snapshot) -> Panel | None:
        """The panel as it is now; None where none is open. At first the row in use is chosen."""
        source = self._sources.get(self._name)
        if source is None:
            return None
        rows = source.rows(snapshot)
        chosen = (at for at, row in enumerate(rows) if (row.key == self._key if self._key else row.is_on))
        self._at = next(chosen, min(self._at, max(0, len(rows) - 1)))
        self._panel = Panel(self._name, source.title, rows, self._at, source.hint)
        return self._panel

    def close(self) -> None:
        """Close what is open. May be called twice."""
        self._show("")
