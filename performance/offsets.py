"""The latency offsets of outputs, kept between runs: a small JSON file of output names and milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from performance.folders import put_aside, settings_folder
from performance.specs import MAX_OFFSET_MS, OutputSpec
from rvae.errors import FileError, UsageError
from rvae.midi import write_whole

PADS = "pads"  # the way of what is struck, which has an offset like the way of what is played


def offset_name(spec: OutputSpec) -> str:
    """What an output's offset is kept under: its kind and the name it was asked for by, whatever the case."""
    return f"{spec.kind} {spec.name}".strip().lower()


def given_offset(text: str) -> tuple[str, float]:
    """What `--offset` was given: a name and milliseconds. Raises UsageError."""
    name, _, ms = text.rpartition("=")
    try:
        if name:
            return name, float(ms)
    except ValueError:
        pass
    raise UsageError(f"--offset {text}: write it like audio=-12.5, an output (or {PADS}) and milliseconds")


def pads_ms(given: Sequence[str], say: Callable[[str], None]) -> tuple[float, list[str]]:
    """How much later pads are told than they were meant, as given now, which is kept, or as kept; and the offsets given
    that are of others. Raises UsageError.
    """
    mine = [text for text in given if text.rpartition("=")[0].strip().lower() == PADS]
    rest = [text for text in given if text not in mine]
    kept = read_offsets(say)
    if not mine:
        return kept.get(PADS, 0.0), rest
    spec = OutputSpec(PADS, offset_ms=given_offset(mine[-1])[1])  # which refuses what is out of range
    keep_offsets({**kept, PADS: spec.offset_ms}, say)
    return spec.offset_ms, rest


def offsets_file() -> Path:
    """Where they are kept."""
    return settings_folder() / "offsets.json"


def read_offsets(say: Callable[[str], None]) -> dict[str, float]:
    """What is kept: milliseconds by the name of an output. A file that makes no sense is put aside and told of."""
    file = offsets_file()
    try:
        return _checked(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return {}
    except OSError as error:
        say(f"{file}: cannot be read ({error.strerror or error}); playing without the offsets that it keeps")
    except (ValueError, RecursionError) as error:  # no JSON, no text, or other values than ours
        _put_aside(file, error, say)
    return {}


def _checked(found: object) -> dict[str, float]:
    if not isinstance(found, dict):
        raise ValueError("it holds no names with milliseconds")
    for name, ms in found.items():
        if isinstance(ms, bool) or not isinstance(ms, int | float) or not -MAX_OFFSET_MS <= ms <= MAX_OFFSET_MS:
            raise ValueError(f"'{name}' has no milliseconds from -{MAX_OFFSET_MS} to {MAX_OFFSET_MS}")
    return {name: float(ms) for name, ms in found.items()}


def _put_aside(file: Path, error: Exception, say: Callable[[str], None]) -> None:
    """Under a free name, so that it can be mended by hand and the next offset does not write over it."""
    try:
        where = f"it is kept as {put_aside(file).name}"
    except OSError as problem:
        where = f"it cannot be put aside ({problem})"
    say(f"{file}: no offsets can be read from it ({error}); {where}, and every output plays without one")


def forget_offsets(names: Sequence[str], say: Callable[[str], None]) -> None:
    """Keep the offsets of these no longer. Raises UsageError for a name that has none."""
    if not names:
        return
    kept = read_offsets(say)
    for name in names:
        if name.lower() not in kept:
            there = ", ".join(kept) or "none"
            raise UsageError(f"--forget-offset {name}: no such offset is kept; there are: {there}")
        del kept[name.lower()]
    keep_offsets(kept, say)


def keep_offsets(offsets_ms: Mapping[str, float], say: Callable[[str], None]) -> None:
    """Keep these from now on; 0 is not kept. Where that is not possible it is told, and what was kept stays."""
    file = offsets_file()
    kept = {name: ms for name, ms in sorted(offsets_ms.items()) if ms}
    data = f"{json.dumps(kept, indent=2, ensure_ascii=False)}\n".encode()

    def write(out: BinaryIO) -> None:
        out.write(data)

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, write)
    except FileError as error:
        say(f"the offsets are not kept: {error}")
    except OSError as error:
        say(f"the offsets are not kept: {file.parent} cannot be made ({error.strerror or error}); set RVAE_HOME")
