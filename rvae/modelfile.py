"""The model file: a JSON header and named arrays in one safetensors file. Nothing in it is ever executed."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rvae.errors import ModelFileError
from rvae.midi import write_whole

MODEL_SUFFIX = ".rvae"
FORMAT = "rvae-model"
VERSION = 1
MAX_BYTES = 256 * 2**20
Arrays = Mapping[str, npt.NDArray[np.generic]]


def to_bytes(header: Mapping[str, object], arrays: Arrays) -> bytes:
    """The file's bytes; the same header and arrays give the same bytes."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **header}, ensure_ascii=False, allow_nan=False)
    tensors = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    # One key only: the library writes several in no fixed order.
    return bytes(save(tensors, metadata={FORMAT: text}))


def from_bytes(data: bytes, *, where: str) -> tuple[dict[str, object], dict[str, npt.NDArray[np.generic]]]:
    """Header and arrays. Raises ModelFileError for anything that is not a whole model of this version."""
    header, _ = _header(data[8 : 8 + _length(data[:8], len(data), where)], where)
    try:
        return header, load(data)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise ModelFileError(_broken(where)) from None


def read_header(path: str | Path) -> dict[str, Any]:
    """The header of a model's file alone, to tell what is in it without reading it all. Raises ModelFileError.

    A file that is shorter than its arrays is refused; what stands in them is not looked at.
    """
    size = _checked_size(path)
    try:
        with Path(path).open("rb") as file:
            text = file.read(_length(file.read(8), size, str(path)))
    except OSError as error:
        raise ModelFileError(_unreadable(path, error)) from None
    header, end = _header(text, str(path))
    if 8 + len(text) + end != size:
        raise ModelFileError(_broken(path))
    return header


def _broken(where: str | Path) -> str:
    return f"{where}: not a whole rvae model; train it again, or take another copy"


def _unreadable(path: str | Path, error: OSError) -> str:
    return f"{path}: cannot be read ({error.strerror or error}); give a file that `rvae train` wrote"


def _length(first: bytes, size: int, where: str) -> int:
    """How long the header is, by a file's first eight bytes; `size`: of the file."""
    length = int.from_bytes(first[:8], "little")
    if len(first) < 8 or not 2 <= length <= size - 8:
        raise ModelFileError(_broken(where))
    return length


def _header(text: bytes, where: str) -> tuple[dict[str, Any], int]:
    """The header of its bytes, and how long the arrays are that follow it."""
    try:
        table = json.loads(text)
        header = json.loads(table["__metadata__"][FORMAT])
        found = header["format"], header["version"]
        ends = [int(entry["data_offsets"][1]) for name, entry in table.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, AttributeError):
        raise ModelFileError(_broken(where)) from None
    if found != (FORMAT, VERSION):
        raise ModelFileError(
            f"{where}: a model of version {found[1]!r}, this rvae reads version {VERSION}; train it again, "
            "or update rvae"
        )
    return header, max(ends, default=0)


def write_file(path: str | Path, data: bytes) -> None:
    """Write a model's bytes, whole or not at all. Raises FileError."""

    def put(out: io.BufferedWriter) -> None:
        out.write(data)

    write_whole(path, put)


def read_file(path: str | Path) -> bytes:
    """A model's bytes. Raises ModelFileError where there is no file, or one that cannot be a model."""
    _checked_size(path)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(_unreadable(path, error)) from None


def _checked_size(path: str | Path) -> int:
    try:
        found = Path(path).stat()
        if stat.S_ISDIR(found.st_mode):
            raise ModelFileError(f"{path}: a folder, not a model; give a file that `rvae train` wrote")
        if not stat.S_ISREG(found.st_mode):  # a device or a pipe may never end
            raise ModelFileError(f"{path}: a device or a pipe, not a model; give a file that `rvae train` wrote")
        if found.st_size > MAX_BYTES:
            raise ModelFileError(
                f"{path}: {found.st_size // 2**20} MB, a model has at most {MAX_BYTES // 2**20}; choose another file"
            )
        return found.st_size
    except OSError as error:
        raise ModelFileError(_unreadable(path, error)) from None
