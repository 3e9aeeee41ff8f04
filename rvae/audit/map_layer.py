"""Stub."""

from __future__ import annotations

from rvae.audit.figure import Layer
from rvae.audit.material import Material


def map_layer(material: Material) -> Layer:
    """The layer."""
    return Layer(
        "map",
        "Map",
        "What does the kit make of the drums that were played?",
        sentences=(f"{len(material.notes)} notes.",),
    )
