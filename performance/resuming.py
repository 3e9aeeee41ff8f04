"""Where a session is kept, and what was kept there before."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from performance.folders import put_aside, settings_folder
from performance.offers import first_point
from performance.session import SUFFIX, Session, read_session
from performance.settings import Settings
from rvae.errors import FileError, UsageError
from rvae.model import Model

Say = Callable[[str], None]


def opened(file: Path, say: Say) -> Session | None:
    """What a session file keeps; None where it is new. A file that cannot be read is put aside and told of.

    Raises UsageError where it could not be written to.
    """
    if not file.parent.is_dir():
        raise UsageError(f"--session {file}: there is no folder {file.parent}; make it, or choose another place")
    if not file.exists():
        return None
    try:
        session, unknown = read_session(file)
    except FileError as error:
        try:
            say(f"{error}; it is kept as {put_aside(file).name}")
        except OSError as problem:
            raise UsageError(f"--session {file}: neither read nor put aside ({problem}); choose another") from None
        return None
    if unknown:
        say(f"{file}: {unknown} of its settings are not known here and left out; all others are as they were")
    return session


def settings_for(session: Session, model: Model, say: Say) -> Settings:
    """What a session kept, for a model; what the model does not have is told."""
    settings, missing = session.fitted(model.kit)
    if missing:
        say(f"{', '.join(missing)}: no voices of this model; the rest is as it was")
    meter = settings.meter
    if meter.beats not in model.beats:
        say(f"this model did not learn {meter.label}; it begins in {model.meter.label}")
        return replace(settings, meter=model.meter, cursor=first_point(model, model.meter), hand=None)
    return settings


def unnamed(say: Say) -> Path:
    """The file for a session that was given no name. What a crash left there is put where it can be gone on with."""
    folder = settings_folder()
    with suppress(OSError):  # told of when it is first written
        folder.mkdir(parents=True, exist_ok=True)
    file, rescued = folder / f"last{SUFFIX}", folder / f"rescued{SUFFIX}"
    with suppress(FileError, OSError):  # nobody asked to keep it
        if file.exists() and not read_session(file)[0].has_ended:
            os.replace(file, rescued)
            say(f"the last session was not ended: rvae play --session '{rescued}' goes on with it")
    return file
