"""How clips are read: which notes are drums, and on what grid they are put."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rvae.errors import UsageError
from rvae.grid import GRIDS, QUANTISERS, Quantiser
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.midi import DRUM_CHANNEL, MidiClip
from rvae.pattern import CYCLE_BARS

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reading:
    """How clips are read; see `read_corpus`. Raises UsageError for an argument out of range."""

    bars: int = 2
    kit: Kit = STANDARD_KIT
    channel: int | None = None
    ticks_per_beat: int = TICKS_PER_BEAT
    quantise: Quantiser = "subdivision"
    groupings: tuple[Meter, ...] = ()
    on_time: bool = False

    def __post_init__(self) -> None:
        if self.bars not in CYCLE_BARS:
            raise UsageError(f"a pattern of {self.bars} bars is not possible; choose 1, 2 or 4")
        if self.channel is not None and not 1 <= self.channel <= 16:
            raise UsageError(f"MIDI channel {self.channel} does not exist; choose 1 to 16, or none to have it found")
        if self.ticks_per_beat not in GRIDS:
            raise UsageError(f"a grid of {self.ticks_per_beat} ticks per beat is not possible; choose 4, 12 or 24")
        if self.quantise not in QUANTISERS:
            raise UsageError(f"'{self.quantise}' is no way to quantise; choose {' or '.join(QUANTISERS)}")


def drum_channel(clip: MidiClip, reading: Reading) -> int | None:
    """The channel asked for, or 10 where it has notes, or None: all are drums."""
    if reading.channel in clip.drums_from:
        return DRUM_CHANNEL
    if reading.channel is None and np.any(clip.notes[:, 1] == DRUM_CHANNEL):
        return DRUM_CHANNEL
    return reading.channel


@lru_cache(maxsize=16)  # asked for with every clip
def rows_of(kit: Kit) -> Ints:
    """`[128]`: the row that each MIDI note is read as, -1 for those that no voice has."""
    found = (kit.row_of_pitch(pitch) for pitch in range(128))
    rows = np.array([-1 if row is None else row for row in found], dtype=np.int64)
    rows.flags.writeable = False
    return rows
