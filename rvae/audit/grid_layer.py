"""Stub."""

from __future__ import annotations

from rvae.audit.figure import Layer
from rvae.audit.material import Material


def grid_layer(material: Material) -> Layer:
    """The layer."""
    return Layer(
        "grid", "Grid", "What does a grid do to the time of these notes?", sentences=(f"{len(material.notes)} notes.",)
    )
