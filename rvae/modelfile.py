"""The model file: a JSON header and named arrays in one safetensors file. Nothing in it is ever executed."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rvae.errors import ModelFileError
from rvae.midi import write_whole

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
    broken = f"{where}: not a whole rvae model; train it again, or take another copy"
    if len(data) < 8:
        raise ModelFileError(broken)
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= len(data) - 8:
        raise ModelFileError(broken)
    try:
        table = json.loads(data[8 : 8 + length])
        header = json.loads(table["__metadata__"][FORMAT])
        found = header["format"], header["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelFileError(broken) from None
    if found != (FORMAT, VERSION):
        raise ModelFileError(
            f"{where}: a model of version {found[1]!r}, this rvae reads version {VERSION}; train it again, "
            "or update rvae"
        )
    try:
        return header, load(data)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise ModelFileError(broken) from None


def write_file(path: str | Path, data: bytes) -> None:
    """Write a model's bytes, whole or not at all. Raises FileError."""

    def put(out: io.BufferedWriter) -> None:
        out.write(data)

    write_whole(path, put)


def read_file(path: str | Path) -> bytes:
    """A model's bytes. Raises ModelFileError where there is no file, or one that cannot be a model."""
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
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(
            f"{path}: cannot be read ({error.strerror or error}); give a file that `rvae train` wrote"
        ) from None
