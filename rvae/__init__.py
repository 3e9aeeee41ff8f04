"""rvae: rhythm spaces from small sets of drum clips.

    corpus = rvae.read_corpus(["my clips"])
    model = rvae.train(corpus, seed=0)
    model.save("mine.rvae")
    pattern = rvae.load("mine.rvae").pattern((0.3, 0.7), meter=rvae.Meter.parse("4/4"))

Only `rvae.train` needs torch. Each name is imported when it is first asked for: the processes that play import a few
modules of this library, and each starts a tenth of a second sooner without the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rvae.corpus import Corpus, read_corpus
    from rvae.errors import RvaeError
    from rvae.kit import Kit
    from rvae.meter import Meter
    from rvae.model import Clip, Model, load
    from rvae.pattern import Pattern
    from rvae.training import train

__all__ = ["Clip", "Corpus", "Kit", "Meter", "Model", "Pattern", "RvaeError", "load", "read_corpus", "train"]

_MODULES = {
    "Clip": "model",
    "Corpus": "corpus",
    "Kit": "kit",
    "Meter": "meter",
    "Model": "model",
    "Pattern": "pattern",
    "RvaeError": "errors",
    "load": "model",
    "read_corpus": "corpus",
    "train": "training",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'rvae' has no attribute '{name}'")
    return getattr(importlib.import_module(f"rvae.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
