"""Meters and feels stated beforehand, so that what a corpus does not have is seen and has a name."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rvae.audit.beats import of_kind, share_of_beats, sounding_beats
from rvae.audit.estimate import ratio
from rvae.audit.figure import Figure, Measure, Row, Table
from rvae.audit.material import Material
from rvae.meter import Meter

Flags = npt.NDArray[np.bool_]
Of = tuple[tuple[str, str], ...]

TIME = Measure("of the time", "%", "seconds", "Share of the playing time, bars at the tempo of their onsets.")


def share_of_time(material: Material, runs: Flags, of: Of) -> Figure:
    """The share that some runs of bars have of the playing time. `runs`: `[runs]`."""
    return ratio(TIME, material.by_clip(material.seconds, runs), material.by_clip(material.seconds), of=of, scale=100)


# What a drummer of some curiosity meets. The list is ours: said beforehand, so that nothing is missing unseen.
STATED_METERS = (
    "2/4", "3/4", "4/4", "5/4", "6/4", "7/4", "3/8", "5/8", "6/8", "7/8", "8/8(3+3+2)", "9/8", "9/8(2+2+2+3)", "10/8",
    "11/8", "12/8", "13/8", "15/8(2+2+2+2+3+2+2)",
)  # fmt: skip
STATED_FEELS = {
    "eighths": ("plain beat in halves (eighths)",),
    "sixteenths": ("plain beat in fourths (sixteenths)",),
    "thirty-seconds": ("plain beat in eighths (thirty-seconds)",),
    "triplets, shuffle or swing": ("plain beat in thirds (triplets, shuffle, swing)",),
    "sextuplets or swung sixteenths": ("plain beat in sixths or twelfths (sextuplets, swung sixteenths)",),
    "dotted beats in thirds (compound)": (
        "dotted beat in thirds (eighths)",
        "dotted beat in sixths or twelfths (sixteenths and finer)",
    ),
    "duplets against dotted beats": ("dotted beat in halves, fourths or eighths (duplets)",),
}
_SLOW_BPM, _FAST_BPM = 70, 160
_RARE_PERCENT = 1.0


def stated_table(material: Material) -> Table:
    """Each meter and feel of the stated list, and how much of it is there."""
    rows = []
    for name in STATED_METERS:
        meter = Meter.parse(name)
        same = np.array([_written_so(run.meter, meter) for run in material.runs])
        figure = share_of_time(material, same, (("stated", name),))
        rows.append(Row(meter.label, (figure, _presence(figure))))
    beats = sounding_beats(material)
    for name, kinds in STATED_FEELS.items():
        mine = np.any([of_kind(beats, kind) for kind in kinds], axis=0)
        figure = share_of_beats(material, beats, mine, (("stated", name),))
        rows.append(Row(name, (figure, _presence(figure))))
    bpm = np.array([run.meter.bpm_of(run.qpm) for run in material.runs])
    for name, same in (
        (f"slow (below {_SLOW_BPM} felt beats a minute)", bpm < _SLOW_BPM),
        (f"fast (above {_FAST_BPM} felt beats a minute)", bpm > _FAST_BPM),
        ("beats of unequal length", np.array([not run.meter.is_even for run in material.runs])),
        ("changes of meter within a clip", _changing(material)),
    ):
        figure = share_of_time(material, same, (("stated", name),))
        rows.append(Row(name, (figure, _presence(figure))))
    note = (
        f"{len(STATED_METERS)} meters and {len(rows) - len(STATED_METERS)} feels that rvae states beforehand, so that "
        f"what is missing has a name. Rare: below {_RARE_PERCENT:g} %. A list ends somewhere: what is not on it "
        "(quintuplets, free time, tala, meters longer than these) is not looked for."
    )
    return Table(
        "What is there of a stated list of meters and feels", ("meter or feel", "share", ""), tuple(rows), note
    )


def _written_so(meter: Meter, stated: Meter) -> bool:
    """The same signature, and beats of equal length in both or in neither: 9/8 is not 9/8(2+2+2+3)."""
    same = (meter.numerator, meter.denominator) == (stated.numerator, stated.denominator)
    return same and meter.is_even == stated.is_even


def _changing(material: Material) -> Flags:
    meters: dict[int, set[Meter]] = {}
    for run in material.runs:
        meters.setdefault(run.clip, set()).add(run.meter)
    return np.array([len(meters[run.clip]) > 1 for run in material.runs])


def _presence(figure: Figure) -> str:
    if not figure.value:
        return "absent"
    return "rare" if figure.value < _RARE_PERCENT else ""
