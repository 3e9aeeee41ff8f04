"""Stub."""

from __future__ import annotations

from rvae.audit.figure import Layer
from rvae.audit.material import Material


def corpus_layer(material: Material) -> Layer:
    """The layer."""
    return Layer(
        "corpus", "Corpus", "Whose music is this, and what is not in it?", sentences=(f"{len(material.notes)} notes.",)
    )
