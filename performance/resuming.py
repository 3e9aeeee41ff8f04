"""Where a session is kept, and what was kept there before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from performance.folders import put_aside, settings_folder
from performance.holding import Holds, said_of
from performance.offers import first_point
from performance.session import SUFFIX, Session, read_session
from performance.settings import Settings
from rvae.errors import FileError, UsageError
from rvae.model import Model

Say = Callable[[str], None]
_MOST = 99  # sessions with no name, at once


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
        are = "is" if unknown == 1 else "are"
        say(f"{file}: {unknown} of its settings {are} not known here and left out; all others are as they were")
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


@contextmanager
def named(file: Path, holds: Holds, say: Say) -> Iterator[Path]:
    """The file to keep a session with a name in, held meanwhile; where another rvae has it, one for those without a
    name, and that is told.
    """
    with ExitStack() as held:
        held.callback(holds.close)
        if holds.take(file):
            yield file
            return
        own = held.enter_context(unnamed(say))
        say(said_of(file, own))
        yield own


@contextmanager
def unnamed(say: Say) -> Iterator[Path]:
    """The file for a session that was given no name, held meanwhile: each rvae that runs here has its own. What a crash
    left in such files is put where it can be gone on with.
    """
    from filelock import FileLock, Timeout  # a session with a name does without

    folder, own = settings_folder(), None
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in (_numbered(folder, "last", number) for number in range(1, _MOST + 1)):
                if own is not None and not file.exists():
                    continue
                lock = FileLock(f"{file}.lock")
                try:
                    lock.acquire(blocking=False)
                except Timeout:  # another rvae writes to it
                    continue
                if _rescue(file, say) and own is None:
                    own = file
                    held.callback(lock.release)
                else:
                    lock.release()
        except (OSError, NotImplementedError):
            pass  # nothing can be locked there, or written: that is told of when it is first tried
        yield own or _numbered(folder, "last", 1)


def _rescue(file: Path, say: Say) -> bool:
    """Give what a crash left a name of its own, where nobody writes over it; whether the file is free for another."""
    with suppress(FileError):  # torn: nobody asked to keep it
        if not file.exists() or read_session(file)[0].has_ended:
            return True
        for rescued in (_numbered(file.parent, "rescued", number) for number in count(1)):
            try:
                rescued.touch(exist_ok=False)
            except FileExistsError:
                continue
            except OSError:
                return False
            try:
                os.replace(file, rescued)
            except OSError:
                rescued.unlink()
                return False
            say(f"the last session was not ended: rvae play --session '{rescued}' goes on with it")
            return True
    return True


def _numbered(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}{'' if number == 1 else f'-{number}'}{SUFFIX}"
