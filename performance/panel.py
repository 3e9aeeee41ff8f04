"""A panel: a list on the screen with a chosen row, and what choosing a row asks for."""

from __future__ import annotations

from dataclasses import dataclass

from performance.commands import StageCommand


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a panel.

    `key`: what it is known by while the list changes; `text`: what one reads from afar, `detail`: in small beneath it,
    `state`: a word or two at its end. `is_on`: it is in use. `commands`: what choosing it asks for; a row without is
    there to be read.
    """

    key: str
    text: str
    detail: str = ""
    state: str = ""
    is_on: bool = False
    commands: tuple[StageCommand, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """What is shown. `chosen`: the index of a row, 0 where there is none. `hint`: what to do, as one line."""

    name: str
    title: str
    rows: tuple[Row, ...]
    chosen: int
    hint: str
