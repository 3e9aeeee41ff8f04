"""The colours of each plane of a model, found a little at a time while the window is already playable."""

from __future__ import annotations

import time

from performance.surface.field import Bytes, Decoder, FieldBuilder, balance_colours


class Planes:
    """A plane for each number of beats that was asked for; each is decoded once and kept."""

    def __init__(self, model: Decoder) -> None:
        self._model = model
        self._builders: dict[int, FieldBuilder] = {}
        self._painted: dict[int, tuple[int, Bytes]] = {}

    def step(self, beats: int, budget_s: float) -> bool:
        """Decode for about so long (one slice at least); whether anything was left to do."""
        if beats not in self._builders:
            self._builders[beats] = FieldBuilder(self._model, beats)
        builder = self._builders[beats]
        if builder.is_complete:
            return False
        end_s = time.perf_counter() + budget_s
        while not builder.is_complete:
            builder.step()
            if time.perf_counter() >= end_s:
                break
        return True

    def colours(self, beats: int) -> tuple[object, Bytes | None]:
        """A key that changes whenever the colours do, and the colours `[side, side, 3]`, or None before the first."""
        builder = self._builders.get(beats)
        field = builder.field() if builder and builder.rounds else None
        if builder is None or field is None:
            return (beats, 0), None
        known = self._painted.get(beats)
        if known is None or known[0] != builder.rounds:
            known = (builder.rounds, balance_colours(field))
            self._painted[beats] = known
        return (beats, builder.rounds), known[1]
