"""rvae: rhythm spaces from small sets of drum clips.

    corpus = rvae.read_corpus(["my clips"])
    model = rvae.train(corpus, seed=0)
    model.save("mine.rvae")
    pattern = rvae.load("mine.rvae").pattern((0.3, 0.7), meter=rvae.Meter.parse("4/4"))

Only `rvae.train` needs torch, and imports it when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rvae.corpus import Corpus, read_corpus
from rvae.errors import RvaeError
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.model import Clip, Model, load
from rvae.pattern import Pattern

if TYPE_CHECKING:
    from rvae.training import train

__all__ = ["Clip", "Corpus", "Kit", "Meter", "Model", "Pattern", "RvaeError", "load", "read_corpus", "train"]


def __getattr__(name: str) -> object:
    if name == "train":
        from rvae.training import train  # torch takes seconds to import and playing never needs it

        return train
    raise AttributeError(f"module 'rvae' has no attribute '{name}'")
