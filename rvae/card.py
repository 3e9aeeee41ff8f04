"""Cards: who made the clips of a folder, under what licence, and whether they agreed."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rvae.errors import FileError, MeterError
from rvae.meter import Meter

CARD_NAME = "dataset.toml"  # beside the clips
NOBODY = "nobody named"


@dataclass(frozen=True, slots=True)
class Makers:
    """Whose a clip is and what it is called. `people`: plain names, at least one, who share it equally; `tags`."""

    people: tuple[str, ...] = (NOBODY,)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """What a folder says about its clips. Everything may be missing; `rest` keeps what has no place of its own.

    `people`, `sources`: lines of text. `groupings`: how meters of a written signature are felt. `clip_meters`: the
    same for single clips by file name.
    """

    name: str = ""
    description: str = ""
    people: tuple[str, ...] = ()
    licence: str = ""
    consent: str = ""
    sources: tuple[str, ...] = ()
    groupings: tuple[Meter, ...] = ()
    clip_meters: Mapping[str, Meter] = field(default_factory=dict)
    rest: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, *, where: str = CARD_NAME) -> Card:
        """A card from its TOML text. Raises FileError where it is not TOML or names a meter that is none."""
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise FileError(
                f"{where}: not a TOML file ({error}); mend it, or take it away to read the clips without"
            ) from None
        try:
            groupings = tuple(Meter.parse(name) for name in _lines(table.pop("grouping", ())))
            said = {clip: entry.get("meter") for clip, entry in _tables(table.get("clips")).items()}
            meters = {clip: Meter.parse(meter) for clip, meter in said.items() if isinstance(meter, str)}
        except MeterError as error:
            raise FileError(f"{where}: {error}") from None
        return cls(
            _text(table.pop("name", table.pop("title", ""))),
            _text(table.pop("description", table.pop("what", ""))),
            _lines(table.pop("people", table.pop("who", ()))),
            _text(table.pop("licence", table.pop("license", ""))),
            _text(table.pop("consent", "")),
            _lines(table.pop("sources", table.pop("source", ()))),
            groupings,
            meters,
            table,
        )

    def makers_of(self, file_name: str) -> Makers:
        """Whose a clip of this folder is: its own entry (`people` or `who`, `tags`) counts before the folder's."""
        entry = _tables(self.rest.get("clips")).get(file_name, {})
        lines = _lines(entry.get("people", entry.get("who", ()))) or self.people
        people = tuple(dict.fromkeys(filter(None, map(plain_name, lines))))
        tags = _lines(entry.get("tags", ())) or _lines(self.rest.get("tags", ()))
        return Makers(people or (NOBODY,), tuple(dict.fromkeys(tags)))

    def as_mapping(self) -> dict[str, object]:
        """The card as plain JSON values, to travel in a model; without the tables about single clips."""
        rest = {key: value for key, value in self.rest.items() if key != "clips"}
        people, sources = list(self.people), list(self.sources)
        card = {"name": self.name, "description": self.description, "people": people, "licence": self.licence}
        plain: dict[str, object] = json.loads(
            json.dumps({**rest, **card, "consent": self.consent, "sources": sources}, default=str)
        )
        return plain


def merge_cards(cards: Iterable[Card]) -> Card:
    """Several cards as one: texts joined, lines in order and each once; what holds for single clips stays behind."""
    rows = tuple(cards)

    return Card(
        _joined(card.name for card in rows),
        _joined(card.description for card in rows),
        tuple(dict.fromkeys(line for card in rows for line in card.people)),
        _joined(card.licence for card in rows),
        _joined(card.consent for card in rows),
        tuple(dict.fromkeys(line for card in rows for line in card.sources)),
    )


def read_card(folder: Path) -> Card | None:
    """The card of a folder, or None where it has none. Raises FileError where there is one that cannot be read."""
    path = folder / CARD_NAME
    if not os.path.isfile(path):  # no, where the folder may not be looked into
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read as UTF-8 text ({error}); mend it, or take it away") from None
    return Card.parse(text, where=str(path))


def plain_name(line: str) -> str:
    """The name in a line about a person: `Ada (played, 2025)` is Ada."""
    return line.split(" (", 1)[0].strip()


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _text(value: object) -> str:
    """Any value as text; a table as its name with the rest in brackets: `Ada (played, 2025)`."""
    if isinstance(value, dict) and value:
        name, *others = (_text(part) for part in value.values())
        return f"{name} ({', '.join(others)})" if others else name
    return value if isinstance(value, str) else str(value)


def _lines(value: object) -> tuple[str, ...]:
    """One line or many, as lines."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(_text(line) for line in value) if isinstance(value, list | tuple) else (_text(value),)


def _tables(value: object) -> dict[str, dict[str, object]]:
    """`[clips."name.mid"]` or `[[clips]]` with a `file`, by file name."""
    if isinstance(value, dict):
        return {name: entry for name, entry in value.items() if isinstance(entry, dict)}
    if isinstance(value, list):
        return {str(entry["file"]): entry for entry in value if isinstance(entry, dict) and "file" in entry}
    return {}
