"""Kits as files: one's own, and those that come with rvae by name."""

from __future__ import annotations

from pathlib import Path

from rvae.errors import KitError
from rvae.kit import STANDARD_KIT, Kit

_FOLDER = Path(__file__).resolve().parent / "_kits"
_SUFFIX = ".toml"
_MOST_BYTES = 1_000_000


def kit_names() -> tuple[str, ...]:
    """The kits one can name: the standard kit first, then those of machines and programs."""
    return (STANDARD_KIT.name, *sorted(file.stem for file in _FOLDER.glob(f"*{_SUFFIX}")))


def find_kit(name: str) -> Kit:
    """A kit by its name, or from a file. Raises KitError with the names there are."""
    if name == STANDARD_KIT.name:
        return STANDARD_KIT
    path = _FOLDER / f"{name}{_SUFFIX}" if name in kit_names() else Path(name)
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        known = ", ".join(kit_names())
        raise KitError(f"{name}: no kit of that name, nor a file ({why}); there are {known}, or bring a file") from None
    if len(data) > _MOST_BYTES:
        raise KitError(f"{name}: larger than a kit can be; see docs/kits.md for one to start from")
    return Kit.from_toml(text, where=name)
