"""Where the barlines of a clip are: its stretches of bars in one meter."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, lcm

import numpy as np
import numpy.typing as npt

from rvae.card import ClipCard
from rvae.certainty import told
from rvae.errors import MeterError
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.metrical import Estimate, better_meter, estimate_meter
from rvae.midi import DRUM_CHANNEL, MidiClip, TimeSignature
from rvae.parts import parts_of

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
NO_SIGNATURE = "no time signature"
_METER_TEXT = re.compile(r"\s*meter\s+(\S.*)", re.IGNORECASE)
_Said = dict[tuple[int, int], tuple[list[int], list[Meter]]]


@dataclass
class Stretch:
    """Bars of one meter: from `start` to before `end` (None: open), in pulses of a file with `ppq` to the quarter."""

    meter: Meter
    start: Fraction
    end: int | None
    ppq: int

    @property
    def bar_pulses(self) -> Fraction:
        return self.meter.bar_quarters * self.ppq

    @property
    def start_quarter(self) -> float:
        return float(self.start / self.ppq)

    def bars_to(self, pulse: int) -> Fraction:
        """How many bars there are from the start to a pulse, parts of a bar included."""
        return (pulse - self.start) / self.bar_pulses


def positions(pulses: Ints, stretch: Stretch) -> tuple[Ints, Reals]:
    """Felt beats from the start, and the place in the beat in 1/24 beat, `[N]`; integers up to the last division."""
    start, beats = stretch.start, stretch.meter.beats
    lengths = [beat * stretch.ppq / 2 for beat in stretch.meter.beat_eighths]
    scale = lcm(start.denominator, *(length.denominator for length in lengths))
    whole = np.array([int(length * scale) for length in lengths], dtype=np.int64)
    edges = np.concatenate(([0], np.cumsum(whole)))
    bar, in_bar = np.divmod(pulses * scale - int(start * scale), edges[-1])
    beat = np.searchsorted(edges, in_bar, side="right") - 1
    return bar * beats + beat, TICKS_PER_BEAT * (in_bar - edges[beat]) / whole[beat]


@dataclass(frozen=True)
class Refused:
    """A part of a clip in a meter that the grid cannot hold, and why."""

    start: int
    end: int | None
    reason: str


@dataclass
class Stretches:
    """What `find_stretches` found: the stretches by time, what was refused, and words on what was taken how.

    `signatures`: those that were taken, from the start on; `felt`: the meter that each of them means to us; `estimate`:
    of the meter, where neither the file nor its card says any.
    """

    found: list[Stretch] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    signatures: list[TimeSignature] = field(default_factory=list)
    felt: dict[TimeSignature, Meter] = field(default_factory=dict)
    estimate: Estimate | None = None


def find_stretches(clip: MidiClip, groupings: Sequence[Meter], card: ClipCard, kit: Kit = STANDARD_KIT) -> Stretches:
    """Cut a clip at its time signatures.

    What the card says of a clip in one meter counts for more than its file. How a meter is felt is taken from
    `groupings`, or as the card says of this clip, or as a text in the file says, or as the card says of all clips, or
    as is usual. `kit`: as which its notes are heard where no meter is said.
    """
    here = Stretches()
    if not clip.signatures and card.meter is None:
        here.estimate = _estimate(clip, kit)
    known = card.meter or _taken(here.estimate)
    overruled = _overruled(clip, card.meter, here.notes)
    here.signatures = [overruled] if overruled else _signatures(clip, known, here.notes, here.estimate)
    signatures, said = here.signatures, _meters_said(clip.texts)
    for signature, following in zip(signatures, [*signatures[1:], None], strict=True):
        end = None if following is None else following.pulse
        asked = (
            *groupings,
            *filter(None, (known, _said_before(said, signature))),
            *card.groupings,
        )
        try:
            meter = here.felt[signature] = _felt(signature, asked)
        except MeterError as error:
            here.refused.append(Refused(signature.pulse, end, f"from quarter {signature.pulse / clip.ppq:g}: {error}"))
            continue
        before = here.found[-1] if here.found else None
        again = before is not None and before.end == signature.pulse and before.meter == meter
        if before and again and before.bars_to(signature.pulse).denominator == 1:
            before.end = end  # the same at a barline changes nothing
            continue
        here.found.append(Stretch(meter, Fraction(signature.pulse), end, clip.ppq))
    _set_pickup(here)
    for stretch in here.found:
        if stretch.end is not None and (bars := stretch.bars_to(stretch.end)).denominator != 1:
            cut = f"bar {ceil(bars)} of {stretch.meter} is cut short"
            here.notes.append(f"{cut} by a time signature at quarter {stretch.end / clip.ppq:g}")
    return here


def _overruled(clip: MidiClip, meter: Meter | None, notes: list[str]) -> TimeSignature | None:
    """What a card says instead of the one meter that a file has; of a file with several it says only how they are felt.

    Triplets in 4/4 are the same as 12/8 here: such a file stays as it is, for its bars are those of 4/4.
    """
    written = {sign[1:] for sign in clip.signatures}
    if meter is None or len(written) != 1 or (meter.numerator, meter.denominator) in written:
        return None
    (numerator, denominator) = written.pop()
    says = f"its file says {numerator}/{denominator}"
    if (meter.numerator, meter.denominator) == (3 * numerator, 2 * denominator):
        notes.append(f"its card says {meter}, {says}: read as that in triplets, which is the same on the grid")
        return None
    notes.append(f"{meter}, as its card says; {says}")
    return TimeSignature(0, meter.numerator, meter.denominator)


def _estimate(clip: MidiClip, kit: Kit) -> Estimate | None:
    """The meter as the drums of a clip have it."""
    return estimate_meter(*_onsets(clip, kit), clip.end / clip.ppq)


def _onsets(clip: MidiClip, kit: Kit) -> tuple[Reals, Ints, Ints, Reals]:
    """The drums in quarters, by pitch, by part, 0 to 1 loud; all notes where none are on the channel of drums."""
    drums = clip.notes[clip.notes[:, 1] == DRUM_CHANNEL]
    pulses, _, pitches, velocities = (drums if len(drums) else clip.notes).T
    return pulses / clip.ppq, pitches, parts_of(kit)[pitches], velocities / 127


def meter_doubt(clip: MidiClip, meter: Meter, kit: Kit = STANDARD_KIT) -> Meter | None:
    """A meter that the drums of a clip have rather than the one it says; None where that one will do."""
    found = better_meter(*_onsets(clip, kit), clip.end / clip.ppq, meter)
    return None if found is None else found[0]


def _taken(estimate: Estimate | None) -> Meter | None:
    return estimate.meter if estimate is not None and estimate.is_certain else None


def _signatures(
    clip: MidiClip, known: Meter | None, notes: list[str], estimate: Estimate | None
) -> list[TimeSignature]:
    """One time signature per pulse, from the start on."""
    by_pulse = {signature.pulse: signature for signature in clip.signatures}  # the last at a pulse stands
    if not by_pulse:
        notes.append(f"{NO_SIGNATURE}: {_words(known, estimate)}")
        return [TimeSignature(0, known.numerator, known.denominator) if known else TimeSignature(0, 4, 4)]
    if 0 not in by_pulse:
        by_pulse[0] = TimeSignature(0, 4, 4)
        notes.append("no time signature at the start: taken as 4/4 until the first")
    return [by_pulse[pulse] for pulse in sorted(by_pulse)]


def _words(known: Meter | None, estimate: Estimate | None) -> str:
    """What was taken for a meter that the file does not say, and what to do where it is wrong or not sure."""
    how = "rvae card FOLDER --clip NAME --meter M"
    if estimate is None:
        return f"taken as {known or '4/4'}"
    chance = told(estimate.certainty)
    if known is not None:
        return f"{known.label} by its music ({chance} certain); if it is not, {how}"
    asked = f"is it {estimate.meter.label} ({chance}) or {estimate.other.label}?"
    return f"{asked} Taken as 4/4, as MIDI has it; say which with {how}"


def _felt(signature: TimeSignature, asked: Sequence[Meter]) -> Meter:
    """The first of the meters asked for that is written so, or the usual one. Raises MeterError."""
    for meter in asked:
        if (meter.numerator, meter.denominator) == signature[1:]:
            return meter
    return Meter.of(signature.numerator, signature.denominator)


def _meters_said(texts: tuple[tuple[int, str], ...]) -> _Said:
    """The groupings that texts give, `meter 7/8(2+2+3)`: by written signature, from which pulse on which meter."""
    found: _Said = {}
    for pulse, text in texts:
        match = _METER_TEXT.fullmatch(text)
        if match is None:
            continue
        try:
            meter = Meter.parse(match[1])
        except MeterError:
            continue  # any text may begin so; one that names no meter says nothing
        pulses, meters = found.setdefault((meter.numerator, meter.denominator), ([], []))
        pulses.append(pulse)
        meters.append(meter)
    return found


def _said_before(said: _Said, signature: TimeSignature) -> Meter | None:
    """The grouping that the last text at or before a time signature gives for it."""
    pulses, meters = said.get((signature.numerator, signature.denominator), ([], []))
    place = bisect_right(pulses, signature.pulse)
    return meters[place - 1] if place else None


def _set_pickup(here: Stretches) -> None:
    """A short first stretch is a pickup: it stands at the end of a bar of the meter that it leads to."""
    if len(here.found) < 2 or here.found[0].end != here.found[1].start:
        return
    if any(refused.start < here.found[0].start for refused in here.refused):
        return  # it is not where the clip begins
    first, second = here.found[:2]
    length, bar = second.start - first.start, second.bar_pulses
    if length < bar and (length < first.bar_pulses or length * 2 <= bar):
        quarters = f"{float(length / first.ppq):g} quarters"
        here.notes.append(f"a pickup of {quarters}: kept at the end of a bar of {second.meter} before the first")
        first.meter, first.start = second.meter, second.start - bar
