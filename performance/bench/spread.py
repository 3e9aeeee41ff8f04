"""Many measurements as a few figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Json = dict[str, object]


def spread(values: Sequence[float], *, prefix: str = "", largest: bool = True) -> Json:
    """`p50`, `p99` and `max` of some values in their unit, to four digits; each name after `prefix`."""
    found = {"p50": float(np.percentile(values, 50)), "p99": float(np.percentile(values, 99))}
    if largest:
        found["max"] = float(np.max(values))
    return {prefix + name: round(value, 4) for name, value in found.items()}


def absent(reason: object) -> Json:
    """In place of figures that cannot be had here: why."""
    return {"absent": str(reason)}
