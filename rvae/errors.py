"""Everything that can go wrong, as one tree.

    RvaeError
    ├── UsageError      a command, flag or argument that makes no sense as given
    ├── MeterError      a meter that the grid cannot hold, or a name that is not one
    ├── KitError        a kit table or kit file that cannot be used
    ├── PatternError    arrays that are not a pattern
    ├── FileError       a file that cannot be read or written
    │   ├── MidiFileError   ... as MIDI
    │   └── ModelFileError  ... as a model
    ├── CorpusError     clips that leave nothing to learn from
    ├── CreditsError    a model that does not say whose clips its places are made of
    ├── TrainingError   a training that cannot start or go on
    └── OutputError     a port, device or address that cannot be opened or has gone

Each text says what was given, what is allowed and what to do next, in one line: commands print it as it is.
"""

from __future__ import annotations


class RvaeError(Exception):
    """Root of all errors that rvae raises on purpose."""


class UsageError(RvaeError, ValueError):
    """A command, flag or argument makes no sense as given."""


class MeterError(RvaeError, ValueError):
    """A meter that the grid cannot hold, or text that names none."""


class KitError(RvaeError, ValueError):
    """A kit table or kit file that cannot be used."""


class PatternError(RvaeError, ValueError):
    """Arrays that are not a pattern."""


class FileError(RvaeError):
    """A file that cannot be read or written."""


class MidiFileError(FileError):
    """A file that cannot be read as Standard MIDI."""


class ModelFileError(FileError):
    """A file that cannot be read as a model."""


class CorpusError(RvaeError):
    """Clips that leave nothing to learn from."""


class CreditsError(RvaeError):
    """A model does not say whose clips its places are made of."""


class TrainingError(RvaeError):
    """A training that cannot start or cannot go on."""


class OutputError(RvaeError):
    """A port, device or address that cannot be opened, or that has gone."""


def what_went_wrong(error: Exception) -> str:
    """An error as a few words: our own and the system's say it themselves, others need their name."""
    return str(error) if isinstance(error, OSError | RvaeError) else f"{type(error).__name__}: {error}"
