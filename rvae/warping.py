"""Clips that were played freely, with no tempo: their onsets moved from real time onto the beats that are found.

A clip is taken as played freely where its file has no tempo and its onsets keep to no grid at the tempo that MIDI then
means, 120, by far more than players scatter. What comes out is a clip like any other, whose tempo changes from beat to
beat as the player's did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log2

import numpy as np

from rvae.card import ClipCard
from rvae.certainty import told
from rvae.errors import MeterError
from rvae.following import Ints, Take
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.midi import DEFAULT_US_PER_QUARTER, WRITE_PPQ, MidiClip, TimeSignature
from rvae.parts import parts_of
from rvae.tempo import FEWEST_ONSETS, Beats, TempoEstimate, find_beats, fit_to

# Fits, as logs per onset. Takes to a click nearly always stand better than the first on its grid, others on one that is
# not theirs worse; on beats that follow a take it stands better by so much if they are the right ones.
_OFF_ANY_GRID, _FITS_ITSELF = 0.05, 1.2
_BETTER, _FAR_BETTER = 0.3, 0.7
_KEEPS_A_BEAT = 0.35  # onsets at random hardly ever reach this on any beats, takes nearly always
_SAME_TEMPO = 0.04
_SAME_PARTS = 0.01
_US_PER_S = 1_000_000
_HOW = "rvae card FOLDER --clip NAME --bpm N"


@dataclass(frozen=True, slots=True)
class Warped:
    """A clip with its beats found, or as it was. `estimate`: of its tempo, where it says none that its onsets keep to.

    `note`: words on what was done or is asked; `is_readable`: whether its beats are known.
    """

    clip: MidiClip
    estimate: TempoEstimate | None = None
    note: str = ""
    is_readable: bool = True


def warp(clip: MidiClip, drums: Ints, kit: Kit, card: ClipCard, groupings: Sequence[Meter] = ()) -> Warped:
    """Find the beats of a clip that has none and put its notes onto them; any other clip stays as it is.

    `drums`: the rows of `clip.notes` to listen to. A tempo or a meter that the card says is kept to.
    """
    is_said = bool(clip.tempos) and not clip.is_real_time
    signatures = {sign[1:] for sign in clip.signatures}
    if (
        len(drums) < FEWEST_ONSETS
        or len(signatures) > 1
        or (is_said and card.bpm is None and len(set(clip.tempos)) > 1)
    ):
        return Warped(clip)
    take, meter = _take(clip, drums, kit), card.meter or _said(signatures, groupings)
    enough = _OFF_ANY_GRID if is_said else _FITS_ITSELF
    on_grid = fit_to(take, _us_per_quarter(clip) / _US_PER_S, enough=enough)
    if card.bpm is None and on_grid >= enough:
        return Warped(clip)
    beats = find_beats(take, meter=meter, bpm=card.bpm)
    better = _BETTER if on_grid < _OFF_ANY_GRID else _FAR_BETTER
    if beats is None or (card.bpm is None and beats.fit < max(on_grid + better, _KEEPS_A_BEAT)):
        lost = not is_said and on_grid < _OFF_ANY_GRID
        note = f"no tempo, and no beat is heard: read at 120, as MIDI has it; if you know its tempo, {_HOW}"
        return Warped(clip, None, note if lost else "")
    return _warped(clip, beats, meter, card, is_said=is_said)


def _warped(clip: MidiClip, beats: Beats, meter: Meter | None, card: ClipCard, *, is_said: bool) -> Warped:
    """What follows from the beats that were found."""
    bpm, other = f"{beats.estimate.bpm:.0f}", beats.estimate.other_bpm
    if card.bpm is not None:
        note = f"played freely around {bpm} bpm, as its card says: its beats were followed"
    elif is_said:
        tempo = 60 * _US_PER_S / _us_per_quarter(clip)
        if abs(beats.estimate.bpm / tempo - 1) < _SAME_TEMPO:
            return Warped(clip)
        parts = _parts_of_a_beat(beats.estimate.bpm / tempo)
        note = (
            f"at its tempo of {tempo:.0f} its onsets are on {parts} of the beat, or was it played freely, at {bpm}?"
            if parts
            else f"its onsets keep to no grid at its tempo of {tempo:.0f}: played freely, at {bpm}?"
        )
        return Warped(clip, None, f"{note} If so, {_HOW}")
    elif beats.estimate.is_certain:
        sure = f"{told(beats.estimate.certainty)} certain"
        note = f"no tempo: played freely, {bpm} bpm estimated ({sure}), its beats were followed; if it is not, {_HOW}"
    else:
        asked = f"{bpm} bpm ({told(beats.estimate.certainty)})" + (f" or {other:.0f}" if other else "")
        note = f"no tempo, and its onsets keep to no grid: played freely, is it {asked}? Say which with {_HOW}"
        return Warped(clip, beats.estimate, note, is_readable=False)
    return Warped(_moved(clip, beats, meter), beats.estimate, note)


def _parts_of_a_beat(ratio: float) -> str:
    """Into what a beat is divided if one tempo is so many times another and they are of the same music; else ""."""
    for parts, name in ((5, "fifths"), (7, "sevenths")):
        octaves = log2(ratio / parts)
        if abs(octaves - round(octaves)) < log2(1 + _SAME_PARTS):
            return name
    return ""


def _us_per_quarter(clip: MidiClip) -> int:
    return clip.tempos[0][1] if clip.tempos else DEFAULT_US_PER_QUARTER


def _said(signatures: set[tuple[int, int]], groupings: Sequence[Meter]) -> Meter | None:
    """The meter of a clip that has one time signature."""
    for numerator, denominator in signatures:
        for meter in groupings:
            if (meter.numerator, meter.denominator) == (numerator, denominator):
                return meter
        try:
            return Meter.of(numerator, denominator)
        except MeterError:
            return None  # refused by name where its bars are looked for
    return None


def _take(clip: MidiClip, drums: Ints, kit: Kit) -> Take:
    """The onsets in seconds. A clip has one tempo here."""
    seconds_per_pulse = _us_per_quarter(clip) / _US_PER_S / clip.ppq
    pulses, _, pitches, velocities = drums.T
    return Take(
        pulses * seconds_per_pulse, pitches, parts_of(kit)[pitches], velocities / 127, clip.end * seconds_per_pulse
    )


def _moved(clip: MidiClip, beats: Beats, meter: Meter | None) -> MidiClip:
    """The clip with beat for beat where it was played, and the tempo it then had."""
    beat_quarters = Fraction(1) if meter is None else meter.tempo_beat_quarters
    beat_pulses = int(beat_quarters * WRITE_PPQ)
    seconds_per_pulse = _us_per_quarter(clip) / _US_PER_S / clip.ppq

    def pulses(old: Ints) -> Ints:
        places = beats.places(np.asarray(old * seconds_per_pulse, dtype=np.float64))
        return np.maximum(np.rint(places * beat_pulses), 0).astype(np.int64)

    notes = clip.notes.copy()
    notes[:, 0] = pulses(notes[:, 0])
    lengths = np.rint(np.diff(beats.times_s) * _US_PER_S / float(beat_quarters)).astype(np.int64).tolist()
    tempos = [(number * beat_pulses, length) for number, length in enumerate(lengths)]
    changes = tuple(tempo for before, tempo in zip([None, *lengths], tempos, strict=False) if before != tempo[1])
    signatures = tuple(TimeSignature(0, *sign[1:]) for sign in clip.signatures[-1:])
    texts = tuple((0, text) for _, text in clip.texts)
    end = int(pulses(np.array([clip.end]))[0])
    return replace(
        clip,
        ppq=WRITE_PPQ,
        notes=notes,
        tempos=changes,
        signatures=signatures,
        texts=texts,
        end=end,
        is_real_time=False,
    )
