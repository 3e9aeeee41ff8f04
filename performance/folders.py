"""Where rvae keeps things between runs: RVAE_HOME for all of them, or the platform's places."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_config_path

BUNDLED = "bundled-"
"""How the names of models begin that were trained on the bundled corpora and are kept in the cache's folder."""

_PUT_ASIDE = 100


def cache_folder() -> Path:
    """For what can be made again. It may not exist yet."""
    return _chosen() or user_cache_path("rvae", appauthor=False, opinion=False)


def settings_folder() -> Path:
    """For what somebody has set. It may not exist yet."""
    return _chosen() or user_config_path("rvae", appauthor=False)


def put_aside(file: Path) -> Path:
    """Give a file that makes no sense a free name beside its own, so that nobody writes over it; the name.

    Raises OSError.
    """
    for number in range(_PUT_ASIDE):
        aside = file.with_name(f"{file.name}.broken{number or ''}")
        if not aside.exists():
            os.replace(file, aside)
            return aside
    raise FileExistsError("too many lie there already")


def _chosen() -> Path | None:
    chosen = os.environ.get("RVAE_HOME")
    return Path(chosen) if chosen else None
