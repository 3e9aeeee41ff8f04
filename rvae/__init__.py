"""rvae: rhythm spaces from small sets of drum clips."""

from __future__ import annotations

from rvae.corpus import Corpus, read_corpus
from rvae.errors import RvaeError
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.pattern import Pattern

__all__ = ["Corpus", "Kit", "Meter", "Pattern", "RvaeError", "read_corpus"]
