"""Mappings kept between runs, by the name of the device: a JSON file. And presets: TOML with controls and mappings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from performance.controls import control
from performance.folders import put_aside, settings_folder
from performance.mapping import Mapping, Reading, Source
from rvae.errors import FileError, RvaeError, UsageError
from rvae.midi import write_whole

Mappings = dict[str, tuple[Mapping, ...]]
_MAX_BYTES = 1_000_000


def mappings_file() -> Path:
    """Where they are kept."""
    return settings_folder() / "mappings.json"


def read_mappings(say: Callable[[str], None]) -> Mappings:
    """What is kept, by the name of a device. A mapping that makes no sense is told of and left out; a file that makes
    none is put aside.
    """
    file = mappings_file()
    try:
        found = json.loads(file.read_bytes())
        if not isinstance(found, dict):
            raise ValueError("it holds no devices")
        return {str(device): _mappings(rows, f"{file}, {device}", say) for device, rows in found.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        say(f"{file}: cannot be read ({error.strerror or error}); playing without the mappings that it keeps")
    except (ValueError, RecursionError) as error:
        try:
            where = f"it is kept as {put_aside(file).name}"
        except OSError as problem:
            where = f"it cannot be put aside ({problem})"
        say(f"{file}: no mappings can be read from it ({error}); {where}")
    return {}


def _mappings(rows: object, where: str, say: Callable[[str], None]) -> tuple[Mapping, ...]:
    found: list[Mapping] = []
    for row in rows if isinstance(rows, list) else [rows]:
        try:
            if not isinstance(row, dict) or not {"from", "to"} <= set(row) <= {"from", "to", "as"}:
                raise UsageError("a mapping has from, to and as; mend it")
            if not all(isinstance(value, str) for value in row.values()):
                raise UsageError("from, to and as are texts; mend it")
            reading: Reading = row.get("as", "absolute")
            found.append(Mapping(Source.parse(row["from"]), row["to"], reading))
        except RvaeError as error:
            say(f"{where}: {error}; the rest is taken")
    return tuple(found)


def keep_mappings(mappings: Table[str, Sequence[Mapping]]) -> None:
    """Keep these from now on. Raises FileError."""
    file = mappings_file()
    rows = {
        device: [{"from": str(one.source), "to": one.target, "as": one.reading} for one in found]
        for device, found in sorted(mappings.items())
        if found
    }
    data = f"{json.dumps(rows, indent=2, ensure_ascii=False)}\n".encode()

    def write(out: BinaryIO) -> None:
        out.write(data)

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{file.parent}: cannot be made ({error.strerror or error}); set RVAE_HOME") from None
    write_whole(file, write)


@dataclass(frozen=True)
class Preset:
    """`controls`: values by name. `mappings`: for every device that is heard."""

    controls: Table[str, float] = field(default_factory=dict)
    mappings: tuple[Mapping, ...] = ()


def read_preset(file: Path, say: Callable[[str], None]) -> Preset:
    """A TOML file with `[controls]` and `[[mapping]]`. What in it makes no sense is told of and left out.

    Raises UsageError for a file that is no TOML.
    """
    try:
        with file.open("rb") as source:
            found = tomllib.loads(source.read(_MAX_BYTES).decode())
    except OSError as error:
        raise UsageError(f"--preset {file}: cannot be read ({error.strerror or error}); choose another") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--preset {file}: no TOML ({error}); mend it") from None
    for name in sorted(set(found) - {"controls", "mapping"}):
        say(f"{file}: no '{name}' in a preset; there are controls and mapping; the rest is taken")
    given = found.get("controls", {})
    values: dict[str, float] = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        try:
            values[name] = _value(name, value)
        except RvaeError as error:
            say(f"{file}: {error}; the rest is taken")
    return Preset(values, _mappings(found.get("mapping", []), str(file), say))


def _value(name: str, value: object) -> float:
    known = control(name)
    if known.per_voice:
        raise UsageError(f"'{name}' has a value for each voice; a preset sets those of all")
    if known.choices and value in known.choices:
        return float(known.choices.index(str(value)))
    if not isinstance(value, int | float):
        there = ", ".join(known.choices) or f"{known.text(known.low)} to {known.text(known.high)}"
        raise UsageError(f"{name} = {value!r}: {there} are possible; mend it")
    return known.clamp(float(value))
