"""Cards: who made the clips of a folder, under what licence, and whether they agreed to training."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rvae.errors import FileError, MeterError
from rvae.meter import Meter

CARD_NAME = "dataset.toml"  # beside the clips
NOBODY = "nobody named"
MIN_CARD_BPM, MAX_CARD_BPM = 20.0, 400.0


# What a consent begins with that is none. On the safe side: "not asked yet" is none either, and who says no may say it
# in a language of their own.
_NO = "no not none never false refused denied withdrawn revoked"
_NO_ELSEWHERE = (
    "nein nicht nie non não nao nee niet nej nei ei ne нет не ні όχι hayır hayir いいえ 不 否 아니요 لا לא नहीं"
)
_REFUSALS = frozenset((*_NO.split(), *_NO_ELSEWHERE.split()))


def refuses(consent: str) -> bool:
    """Whether a consent says no: `no`, `none`, `not asked`, `withdrawn in 2026`, ... Nothing said is no refusal."""
    words = re.findall(r"[\w\u0900-\u097f]+", consent.lower())  # the vowels of Hindi are no letters to re
    return bool(words) and words[0] in _REFUSALS


@dataclass(frozen=True)
class ClipCard:
    """What a card says of one clip, or of a clip for which it says nothing of its own, of its folder.

    `people`: lines about who made it. `meter`: how its bars are felt. `groupings`: the same for the whole folder.
    `bpm`: felt beats per minute of a take that was played freely. Raises MeterError for one that cannot be.
    """

    people: tuple[str, ...] = ()
    licence: str = ""
    consent: str = ""
    tags: tuple[str, ...] = ()
    meter: Meter | None = None
    groupings: tuple[Meter, ...] = ()
    bpm: float | None = None

    def __post_init__(self) -> None:
        if self.bpm is not None and not MIN_CARD_BPM <= self.bpm <= MAX_CARD_BPM:
            raise MeterError(
                f"{self.bpm:g} bpm is no tempo to play at; say {MIN_CARD_BPM:g} to {MAX_CARD_BPM:g} felt beats"
            )

    @property
    def is_refused(self) -> bool:
        """Whether it may not be trained on."""
        return refuses(self.consent)


@dataclass(frozen=True, slots=True)
class Makers:
    """Whose a clip is and what it is called. `people`: plain names, at least one, who share it equally; `tags`."""

    people: tuple[str, ...] = (NOBODY,)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """What a folder says about its clips. Everything may be missing; `rest` keeps what has no place of its own.

    `people`, `sources`: lines of text. `groupings`: how meters of a written signature are felt. `clips`: what is said
    of single clips, by file name or by path from the card's folder.
    """

    name: str = ""
    description: str = ""
    people: tuple[str, ...] = ()
    licence: str = ""
    consent: str = ""
    sources: tuple[str, ...] = ()
    groupings: tuple[Meter, ...] = ()
    clips: Mapping[str, ClipCard] = field(default_factory=dict)
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
            clips = {clip: _clip_card(entry) for clip, entry in _tables(table.get("clips")).items()}
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
            clips,
            table,
        )

    def own_of(self, clip: str | Path) -> ClipCard:
        """What is said of a clip alone, by its path; an empty card where nothing is."""
        parts = Path(os.path.abspath(clip)).parts[1:]
        ways = ("/".join(parts[place:]) for place in range(len(parts)))  # the longest first
        return next((self.clips[way] for way in ways if way in self.clips), ClipCard())

    def of_clip(self, clip: str | Path) -> ClipCard:
        """What is known of a clip, by its path: its own entry counts before the folder's."""
        own = self.own_of(clip)
        return ClipCard(
            own.people or self.people,
            own.licence or self.licence,
            own.consent or self.consent,
            own.tags or _lines(self.rest.get("tags", ())),
            own.meter,
            self.groupings,
            own.bpm,
        )

    def makers_of(self, clip: str | Path) -> Makers:
        """Whose a clip is, by its path, and what it is called."""
        known = self.of_clip(clip)
        people = tuple(dict.fromkeys(filter(None, map(plain_name, known.people))))
        return Makers(people or (NOBODY,), tuple(dict.fromkeys(known.tags)))

    def as_mapping(self) -> dict[str, object]:
        """The card as plain JSON values, to travel in a model; without the tables about single clips."""
        rest = {key: value for key, value in self.rest.items() if key != "clips"}
        people, sources = list(self.people), list(self.sources)
        card = {"name": self.name, "description": self.description, "people": people, "licence": self.licence}
        plain: dict[str, object] = json.loads(
            json.dumps({**rest, **card, "consent": self.consent, "sources": sources}, default=str)
        )
        return plain


def card_texts(card: Mapping[str, object]) -> tuple[str, ...]:
    """What a card, as plain values, says of people, licence, consent and sources: lines to write into other files."""
    said = ((key, _lines(card.get(key, ()))) for key in ("name", "people", "licence", "consent", "sources"))
    return tuple(f"{key}: {'; '.join(lines)}" for key, lines in said if lines)


def merge_cards(cards: Iterable[Card], clips: Iterable[ClipCard] = ()) -> Card:
    """Several cards as one: texts joined, lines in order and each once.

    `clips`: what is known of the clips that are meant; their licences and consents then stand for those of the folders,
    and of how many nothing is said stands beside what is said of others.
    """
    rows, known = tuple(cards), tuple(clips)
    said = (*(card.people for card in rows), *(clip.people for clip in known))
    return Card(
        _joined(card.name for card in rows),
        _joined(card.description for card in rows),
        tuple(dict.fromkeys(line for people in said for line in people)),
        _joined_of([card.licence for card in known or rows]),
        _joined_of([card.consent for card in known or rows]),
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


def _clip_card(entry: Mapping[str, object]) -> ClipCard:
    """What a card says of one clip. Raises MeterError."""
    meter, bpm = entry.get("meter"), entry.get("bpm")
    return ClipCard(
        _lines(entry.get("people", entry.get("who", ()))),
        _text(entry.get("licence", entry.get("license", ""))),
        _text(entry.get("consent", "")),
        _lines(entry.get("tags", ())),
        Meter.parse(meter) if isinstance(meter, str) else None,
        bpm=float(bpm) if isinstance(bpm, int | float) and not isinstance(bpm, bool) else None,
    )


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _joined_of(texts: Sequence[str]) -> str:
    """What is said of clips, and of how many nothing is: what some agreed to is not agreed to by all."""
    silent, said = sum(not text for text in texts), _joined(texts)
    return f"{said}; nothing said of {silent} of {len(texts)}" if said and silent else said


def _text(value: object) -> str:
    """Any value as text; a table as its name with the rest in brackets: `Ada (played, 2025)`; true as yes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
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
