"""Journals as files: `.rvjournal`, JSON lines. See `journal` for what they hold, docs/recording.md for how it looks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from performance.commands import EngineCommand
from performance.feel import Feel
from performance.journal import Applied, Closed, Entry, Lost, Opened, Went
from performance.pulse import ClockContinue, ClockPulse, ClockStart, ClockStop
from performance.sequencer import BeatStart, Onset, Release, SequencerState
from performance.timeline import Begin, End, Tempo, Timed, TimelineState, Wait
from performance.transport import Barline, Bars, Transport
from rvae.counts import several
from rvae.errors import FileError, RvaeError
from rvae.kit import Kit, Voice
from rvae.meter import Meter
from rvae.pattern import Pattern

SUFFIX = ".rvjournal"
FORMAT, VERSION = "rvae-journal", 1
MAX_LINE_BYTES = 4_000_000
_CHUNK = 1 << 20
_MOST_TICKS = 100_000
_KEPT = 512  # patterns that are remembered by their hash, on both sides: a hand brings sixty a second, for hours

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        *(Opened, Applied, Went, Lost, Closed, Timed, TimelineState, SequencerState, Transport, Bars, Barline, Meter),
        *(Onset, Release, BeatStart, ClockPulse, ClockStart, ClockContinue, ClockStop, Begin, End, Tempo, Wait, Feel),
        *(Voice, *get_args(EngineCommand)),
    )
}
_Kept = TypeVar("_Kept")
_FRACTION = re.compile(r"-?\d+/\d+")
_BAD_LINE = (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError, ZeroDivisionError, RvaeError)


class Lines:
    """Makes the lines of one file. Patterns and kits are written whole once, in a line before the first entry that has
    them.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, None]] = {"pattern": {}, "kit": {}}
        self._last: tuple[object, str] | None = None

    @staticmethod
    def header(date: str) -> str:
        """The first line. `date`: when the journal was begun, ISO 8601."""
        return _line({"format": FORMAT, "version": VERSION, "date": date})

    def of(self, entry: Entry) -> list[str]:
        """The lines of an entry, each with its end."""
        found: list[str] = []
        packed = self._pack(entry, found)
        return [*found, _line(packed)]

    def _pack(self, value: object, found: list[str]) -> object:
        match value:
            case Fraction():
                return f"{value.numerator}/{value.denominator}"
            case tuple():
                return [self._pack(each, found) for each in value]
            case Pattern():
                return self._named(value, "pattern", found)
            case Kit():
                return self._named(value, "kit", found)
            case None | bool() | int() | float() | str():
                return value
        assert is_dataclass(value)
        packed: dict[str, object] = {"is": type(value).__name__}
        packed |= {field.name: self._pack(getattr(value, field.name), found) for field in fields(value)}
        return packed

    def _named(self, value: Pattern | Kit, what: str, found: list[str]) -> object:
        if self._last is not None and self._last[0] is value:
            return {what: self._last[1]}
        body = self._pattern_body(value, found) if isinstance(value, Pattern) else self._kit_body(value, found)
        name = hashlib.sha256(_line(body).encode()).hexdigest()[:16]
        if name not in self._known[what]:
            _keep(self._known[what], name, None)
            found.append(_line({what: name, "of": body}))
        if isinstance(value, Pattern):
            self._last = value, name
        return {what: name}

    def _kit_body(self, kit: Kit, found: list[str]) -> dict[str, object]:
        return {"name": kit.name, "voices": self._pack(kit.voices, found)}

    def _pattern_body(self, pattern: Pattern, found: list[str]) -> dict[str, object]:
        rows, columns = pattern.onset.nonzero()
        return {
            "meter": self._pack(pattern.meter, found),
            "bars": pattern.bars,
            "kit": self._pack(pattern.kit, found),
            "source": pattern.source,
            "qpm": pattern.qpm,
            "first_bar": pattern.first_bar,
            "ticks_per_beat": pattern.ticks_per_beat,
            # (voice, tick, velocity, microtiming): 32-bit floats, written so that they come back as they were.
            "onsets": [
                [int(v), int(t), float(loud), float(off)]
                for v, t, loud, off in zip(
                    rows, columns, pattern.velocity[rows, columns], pattern.microtiming[rows, columns], strict=True
                )
            ],
        }


def _keep(known: dict[str, _Kept], name: str, value: _Kept) -> None:
    """Remember one more and forget the oldest; the same on both sides, so that nothing is asked for that is gone."""
    known[name] = value
    while len(known) > _KEPT:
        del known[next(iter(known))]


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class _Known:
    kits: dict[str, Kit]
    patterns: dict[str, Pattern]


def _unpack(value: Any, known: _Known) -> Any:
    match value:
        case str() if _FRACTION.fullmatch(value):
            return Fraction(value)
        case list():
            return tuple(_unpack(each, known) for each in value)
        case {"is": name, **rest}:
            values = {str(key): _unpack(each, known) for key, each in rest.items()}
            hints = _hints(name)
            if not all(_fits(each, hints[key]) for key, each in values.items()):
                raise ValueError(f"no {name}")
            return _KINDS[name](**values)
        case {"pattern": name}:
            return known.patterns[name]
        case {"kit": name}:
            return known.kits[name]
        case dict():
            raise ValueError("an object of no kind")
    return value


@cache
def _hints(name: str) -> dict[str, Any]:
    return get_type_hints(_KINDS[name])


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is what a field's type says: a stranger's journal may hold anything anywhere."""
    if isinstance(hint, type):
        return type(value) in (int, float) if hint is float else type(value) is hint
    inside = get_args(hint)
    match get_origin(hint):
        case origin if origin is tuple and isinstance(value, tuple):
            wanted = inside[:1] * len(value) if inside[-1] is Ellipsis else inside
            return len(wanted) == len(value) and all(map(_fits, value, wanted))
        case origin if origin is Literal:
            return value in inside
        case origin if origin in (Union, UnionType):
            return any(_fits(value, each) for each in inside)
    return value is hint


def _kit_of(body: Any, known: _Known) -> Kit:
    return Kit(body["name"], _unpack(body["voices"], known))


def _pattern_of(body: Any, known: _Known) -> Pattern:
    meter, kit = _unpack(body["meter"], known), _unpack(body["kit"], known)
    if not isinstance(meter, Meter) or not isinstance(kit, Kit):
        raise ValueError("no pattern")
    shape = (len(kit), body["bars"] * meter.beats * body["ticks_per_beat"])
    if not 0 <= shape[1] <= _MOST_TICKS:
        raise ValueError("longer than a pattern is")
    onset, velocity, off = np.zeros(shape, np.int8), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for row, column, loud, late in body["onsets"]:
        onset[row, column], velocity[row, column], off[row, column] = 1, loud, late
    rest = {key: body[key] for key in ("bars", "source", "qpm", "first_bar", "ticks_per_beat")}
    return Pattern(onset, velocity, off, meter, kit=kit, **rest)


class JournalFile:
    """A journal to be read: iterate over its entries, as often as wanted.

    `date`: when it was begun. `problems`: after a pass over the entries, what of the file could not be read, a line
    each; a last line that was torn by a crash is one of them. Raises FileError where it is no journal at all.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.problems: list[str] = []
        header: Any = None
        try:
            with self.path.open("rb") as file:
                header = json.loads(file.readline(MAX_LINE_BYTES))
        except OSError as error:
            raise FileError(f"{path}: cannot be read ({error.strerror or error}); check the name") from None
        except (ValueError, RecursionError):
            pass
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise FileError(f"{path}: not a journal of rvae; give a file that was recorded by it, *{SUFFIX}")
        if header.get("version") != VERSION:
            raise FileError(
                f"{path}: a journal of version {header.get('version')!r}, this rvae reads version {VERSION}; update it"
            )
        self.date = str(header.get("date", ""))

    def __iter__(self) -> Iterator[Entry]:
        self.problems.clear()
        known, skipped = _Known({}, {}), 0
        with self.path.open("rb") as file:
            file.readline(MAX_LINE_BYTES)
            for line in iter(lambda: file.readline(MAX_LINE_BYTES), b""):
                try:
                    entry = _entry(json.loads(line), known)
                except _BAD_LINE:
                    if line.endswith(b"\n"):
                        skipped += 1
                        yield Lost(1)
                    else:
                        self.problems.append(f"{self.path}: its last line is torn, everything before it is there")
                    continue
                if entry is not None:
                    yield entry
        if skipped:
            self.problems.append(f"{self.path}: {several(skipped, 'line')} that cannot be read left out")


def _entry(line: Any, known: _Known) -> Entry | None:
    match line:
        case {"pattern": name, "of": body}:
            _keep(known.patterns, name, _pattern_of(body, known))
            return None
        case {"kit": name, "of": body}:
            _keep(known.kits, name, _kit_of(body, known))
            return None
    entry = _unpack(line, known)
    if not isinstance(entry, Opened | Applied | Went | Lost | Closed):
        raise ValueError("not an entry")
    return entry


class JournalWriter:
    """A journal being written. `note` keeps an entry, `flush` writes what is kept; neither raises.

    Where the disk is full, what comes is kept in memory and written when there is room again; beyond `most_bytes` it
    is counted and left out, which the journal then says. `problem`: why nothing can be written at the moment, or empty.
    """

    def __init__(self, path: Path, date: str, *, most_bytes: int = 64_000_000) -> None:
        self.path = path
        self.problem = ""
        self.lost = 0
        self._most_bytes = most_bytes
        self._lines = Lines()
        self._kept = bytearray(Lines.header(date).encode())
        self._lost_here = 0
        self._file: int | None = None

    def note(self, entry: Entry) -> None:
        """Keep an entry until the next `flush`."""
        if self._lost_here or len(self._kept) > self._most_bytes:
            self.lost += 1
            self._lost_here += 1
            return
        self._kept += "".join(self._lines.of(entry)).encode()

    def flush(self) -> None:
        """Write what is kept, as far as it goes."""
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            while self._kept:
                del self._kept[: os.write(self._file, self._kept[:_CHUNK])]
        except OSError as error:
            self.problem = error.strerror or str(error)
            return
        self.problem = ""
        if self._lost_here:
            self._lines = Lines()  # some of the patterns it knows were never written
            lost, self._lost_here = self._lost_here, 0
            self.note(Lost(lost))

    def close(self) -> None:
        """Write what is left, if there is room, and let the file go. May be called twice."""
        self.flush()
        self.flush()  # what was lost, where there is room again
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def rescue(self, folder: Path) -> Path:
        """Write the whole journal into another folder, where its own takes no more; its name there. Raises OSError."""
        copy = folder / self.path.name
        with copy.open("xb") as out:
            if self.path.exists():
                with self.path.open("rb") as written:
                    shutil.copyfileobj(written, out)
            out.write(self._kept)
        self._kept.clear()
        return copy
