"""The felt beats in which anything sounds, and into what they are divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rvae.audit.estimate import ratio
from rvae.audit.figure import Figure, Measure, Row, Table
from rvae.audit.material import Material
from rvae.meter import TICKS_PER_BEAT

Of = tuple[tuple[str, str], ...]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BEATS = Measure(
    "of the beats",
    "%",
    "felt beats with an onset",
    "Share of the felt beats in which anything sounds, by the coarsest division that has all onsets of the beat, as "
    "rvae reads them.",
)
_COARSEST = (1, 2, 3, 4, 6, 8, 12, 24)
BEAT_KINDS = {
    "plain beat, nothing inside it": (False, (1,)),
    "plain beat in halves (eighths)": (False, (2,)),
    "plain beat in fourths (sixteenths)": (False, (4,)),
    "plain beat in eighths (thirty-seconds)": (False, (8,)),
    "plain beat in thirds (triplets, shuffle, swing)": (False, (3,)),
    "plain beat in sixths or twelfths (sextuplets, swung sixteenths)": (False, (6, 12)),
    "plain beat, finer or mixed": (False, (24,)),
    "dotted beat, nothing inside it": (True, (1,)),
    "dotted beat in thirds (eighths)": (True, (3,)),
    "dotted beat in sixths or twelfths (sixteenths and finer)": (True, (6, 12)),
    "dotted beat in halves, fourths or eighths (duplets)": (True, (2, 4, 8)),
    "dotted beat, finer or mixed": (True, (24,)),
}


@dataclass(frozen=True, eq=False)
class Beats:
    """The felt beats in which anything sounds: the clip of each, whether it is dotted, its coarsest division."""

    clip: Ints
    dotted: Flags
    division: Ints


def sounding_beats(material: Material) -> Beats:
    """All of a corpus: of the voices that the kit reads, on the ticks that rvae takes them to mean."""
    notes = material.notes.where(material.notes.tick >= 0)
    beat, tick = np.divmod(notes.tick, TICKS_PER_BEAT)
    (runs, beats), at = np.unique(np.stack([notes.run, beat]), axis=1, return_inverse=True)
    division = np.full(len(runs), _COARSEST[-1])
    for parts in reversed(_COARSEST):
        off = np.bincount(at.ravel(), weights=tick % (TICKS_PER_BEAT // parts) != 0, minlength=len(runs))
        division[off == 0] = parts
    dotted = np.zeros(len(runs), dtype=bool)
    for number in np.unique(runs).tolist():
        meter, mine = material.runs[number].meter, runs == number
        dotted[mine] = np.array([meter.is_ternary_beat(each) for each in range(meter.beats)])[beats[mine] % meter.beats]
    clips = np.array([run.clip for run in material.runs])[runs]
    return Beats(clips, dotted, division)


def subdivisions(material: Material) -> Table:
    """The share of each kind of felt beat that occurs."""
    beats = sounding_beats(material)
    rows = []
    for name in BEAT_KINDS:
        mine = of_kind(beats, name)
        if mine.any():
            rows.append(Row(name, (share_of_beats(material, beats, mine, (("subdivision", name),)),)))
    return Table("Subdivisions", ("felt beat", BEATS.name), tuple(rows))


def of_kind(beats: Beats, name: str) -> Flags:
    """Which beats are of a kind of `BEAT_KINDS`."""
    dotted, divisions = BEAT_KINDS[name]
    chosen: Flags = (beats.dotted == dotted) & np.isin(beats.division, divisions)
    return chosen


def share_of_beats(material: Material, beats: Beats, chosen: Flags, of: Of) -> Figure:
    """The share of some beats."""
    files = len(material.clips)
    above, below = np.bincount(beats.clip[chosen], minlength=files), np.bincount(beats.clip, minlength=files)
    return ratio(BEATS, above, below, of=of, scale=100)
