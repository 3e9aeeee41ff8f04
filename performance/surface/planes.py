"""The planes of a model as pictures, found a little at a time while the window is already playable."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

from performance.memory import give_back_memory
from performance.snapshot import Snapshot
from performance.surface.field import Bytes, Decoder, FieldBuilder
from performance.surface.views import PULSE, pulse_colours, view_colours
from rvae.meter import Meter
from rvae.model import Model

_KEPT_PLANES = 3  # of 15 to 100 MB each; one that comes back is decoded again in a moment


@dataclass(frozen=True)
class PlaneColours:
    """The colours `[side, side, 3]` of a plane, row 0 at the bottom, or None while they are not known.

    `key` changes whenever `still` does. `live`: colours of this moment alone, to be shown in place of the still ones.
    """

    key: object = None
    still: Bytes | None = None
    live: Bytes | None = None


class Planes:
    """Planes of the numbers of beats that were asked for; each is decoded once, and the last few are kept."""

    def __init__(self, model: object) -> None:
        self._model = cast(Decoder, model)
        self._builders: dict[int, FieldBuilder] = {}
        self._kept: dict[tuple[Meter, int, int], Bytes] = {}

    def of(self, model: object) -> Planes:
        """These planes, or new ones where the model is another by now. What is decoded stays where only clips came."""
        if model is self._model:
            return self
        planes = Planes(model)
        if isinstance(model, Model) and isinstance(self._model, Model):
            same_spaces = model.spaces is self._model.spaces and model.kit == self._model.kit
            planes._builders = self._builders if same_spaces else {}
        return planes

    def step(self, beats: int, budget_s: float) -> bool:
        """Decode for about so long (one slice at least); whether anything was left to do."""
        builder = self._builders.pop(beats, None)
        if builder is None:
            give_back_memory()  # once for a plane: what the one before it left
            builder = FieldBuilder(self._model, beats)
        self._builders[beats] = builder  # last used, last in order
        while len(self._builders) > _KEPT_PLANES:
            self._builders.pop(next(iter(self._builders)))
        if builder.is_complete:
            return False
        end_s = time.perf_counter() + budget_s
        while not builder.is_complete:
            builder.step()
            if time.perf_counter() >= end_s:
                break
        return True

    def colours(self, snapshot: Snapshot, view: int) -> PlaneColours:
        """The colours of the plane that a snapshot is on, in one of `views.VIEWS`."""
        meter = snapshot.meter
        builder = self._builders.get(meter.beats)
        field = builder.field() if builder and builder.rounds else None
        if builder is None or field is None:
            return PlaneColours()
        key = (meter, view, builder.rounds)
        if key not in self._kept:
            self._kept = {known: kept for known, kept in self._kept.items() if known[:2] != key[:2]}
            self._kept[key] = view_colours(view, field, meter, [clip.point for clip in snapshot.clips])
        still = self._kept[key]
        whole_key = (self._model, *key)
        if view != PULSE:
            return PlaneColours(whole_key, still)
        ticks = snapshot.playhead.cycle_ticks if snapshot.playing else None
        return PlaneColours(whole_key, still, pulse_colours(field, still, ticks, snapshot.mute))
