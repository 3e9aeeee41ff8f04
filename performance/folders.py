"""Where rvae keeps things between runs: RVAE_HOME for all of them, or the platform's places."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_config_path


def cache_folder() -> Path:
    """For what can be made again. It may not exist yet."""
    return _chosen() or user_cache_path("rvae", appauthor=False, opinion=False)


def settings_folder() -> Path:
    """For what somebody has set. It may not exist yet."""
    return _chosen() or user_config_path("rvae", appauthor=False)


def _chosen() -> Path | None:
    chosen = os.environ.get("RVAE_HOME")
    return Path(chosen) if chosen else None
