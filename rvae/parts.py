"""The parts of a drum kit as far as they tell where the beat is: bass drum, backbeat, the rest."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rvae.kit import Kit

Ints = npt.NDArray[np.int64]

KICK, SNARE, OTHER = PARTS = 0, 1, 2
_KICKS, _SNARES = ("kick", "bass"), ("snare", "clap", "rim")


@lru_cache(maxsize=16)  # asked for with every clip
def parts_of(kit: Kit) -> Ints:
    """`[128]`: KICK, SNARE or OTHER for each MIDI note, by the name of the voice that it is read as."""
    parts = np.array([_part(kit, pitch) for pitch in range(128)], dtype=np.int64)
    parts.flags.writeable = False
    return parts


def _part(kit: Kit, pitch: int) -> int:
    row = kit.row_of_pitch(pitch)
    name = "" if row is None else kit.voices[row].name
    return KICK if name.startswith(_KICKS) else SNARE if name.startswith(_SNARES) else OTHER
