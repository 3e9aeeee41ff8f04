"""The model of the bundled corpora: trained once, in a process of its own, and kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from performance.folders import BUNDLED, cache_folder
from rvae.errors import FileError, ModelFileError

if TYPE_CHECKING:
    from rvae.model import Model

_UNUSABLE = 2  # the exit code after a line that says why
_CARD_SUFFIXES = (".mid", ".toml")


def bundled_model(say: Callable[[str], None]) -> tuple[Model, Path]:
    """The model of all bundled corpora, and its file; trained first where it is not kept yet. Raises FileError.

    The file's name holds a digest of the clips: other clips, another model.
    """
    # Who gives a model need not load what reads clips, and who runs a command of the library neither.
    from rvae.corpus import bundled_corpora
    from rvae.model import load

    corpora = bundled_corpora()
    if not corpora:
        raise FileError("the bundled corpora are not there; install rvae again, or give a model: rvae play MODEL")
    kept = cache_folder() / f"{BUNDLED}{_digest(corpora)}.rvae"
    if kept.exists():
        try:
            return load(kept), kept
        except ModelFileError:
            say(f"{kept}: of another version; it is trained anew")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        aside = tempfile.TemporaryDirectory(prefix="train-", dir=kept.parent)
    except OSError as error:
        raise FileError(
            f"{kept.parent}: cannot be written to ({error.strerror}); set RVAE_HOME to a folder of yours"
        ) from None
    say(f"learning from the bundled corpora ({', '.join(corpora)}), once; it is kept in {kept}")
    with aside as folder:
        file = Path(folder) / kept.name
        try:
            run_library(["train", *map(str, corpora.values()), "-o", str(file)], quiet=True)
        except KeyboardInterrupt:
            say("a model for every start is kept only when it is whole: the next start learns it anew")
            raise
        file.replace(kept)  # what was interrupted is no model to keep for good
    return load(kept), kept


def trained_model(clips: list[str], say: Callable[[str], None], kit: str | None = None) -> Model:
    """The model of somebody's clips, trained before it is played; `kit`: as `--kit` names it. Raises FileError."""
    from rvae.model import load

    with tempfile.TemporaryDirectory(prefix="rvae-") as folder:  # nothing of it is kept
        file = Path(folder) / "learned.rvae"
        say(f"learning from {', '.join(clips)}")
        by = [] if kit is None else ["--kit", kit]
        run_library(["train", *clips, *by, "-o", str(file)], quiet=True)
        return load(file)


def run_library(arguments: list[str], *, quiet: bool = False) -> int:
    """Run one of the library's commands, `python -m rvae ...`, and return its exit code.

    Ctrl-C is left to the command. With `quiet` its standard output is dropped, Ctrl-C is raised again when it has
    ended, a failure that it has told of itself is raised as SystemExit, and any other as FileError.
    """
    command = [sys.executable, "-m", "rvae", *arguments]
    out = subprocess.DEVNULL if quiet else None
    interrupted = False
    with subprocess.Popen(command, stdout=out) as process:
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:
                interrupted = True  # it has heard it too, and ends in its own way
    if quiet and interrupted:
        raise KeyboardInterrupt
    if quiet and code == _UNUSABLE:
        raise SystemExit(code)
    if quiet and code != 0:
        raise FileError(f"training failed with exit code {code}; run `rvae train` on the clips to see why")
    return code


def _digest(corpora: dict[str, Path]) -> str:
    total = hashlib.sha256()
    for folder in corpora.values():
        for path in sorted(folder.rglob("*")):
            if path.suffix in _CARD_SUFFIXES:
                total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:12]
