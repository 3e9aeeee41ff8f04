"""What an import would have one look at: the same clip twice, labels that the music contradicts, notes that another kit
would read. Said and proposed, never changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rvae.account import ClipReport
from rvae.audit.likeness import NEAR_F1, nearest_others, same_notes
from rvae.corpus import Corpus
from rvae.kit import Kit
from rvae.kitfile import find_kit, kit_names
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.pattern import Pattern

_MOST_COMPARED = 4_000  # patterns: above, the comparison of all with all takes too long
_TERNARY_TICKS, _BINARY_TICKS = (4, 8, 16, 20), (6, 18)
_TERNARY_TIMES = 2.0  # so many times as many onsets on thirds as on quarters of the beat
_TERNARY_SHARE = 0.08
_ALL_TERNARY_SHARE = 0.02


@dataclass(frozen=True)
class Doubt:
    """A label that the music of a file contradicts: the meter it has, the one proposed, and why."""

    file: str
    label: Meter
    proposed: Meter
    why: str


@dataclass(frozen=True)
class Twin:
    """Two files with the same music, to the note (`exact`) or nearly; `onset_f1`: how much of it, 0 to 1."""

    file: str
    other: str
    exact: bool
    onset_f1: float


@dataclass(frozen=True)
class KitProposal:
    """A kit that comes with rvae and reads some of the notes that were not read: how many of them, and which."""

    name: str
    onsets: int
    pitches: tuple[int, ...]


@dataclass(frozen=True)
class Findings:
    """All of a corpus. `compared`: whether its patterns were few enough to look for twins."""

    doubts: tuple[Doubt, ...]
    twins: tuple[Twin, ...]
    kits: tuple[KitProposal, ...]
    compared: bool


def find(corpus: Corpus, *, twins: bool = True) -> Findings:
    """Look through a corpus. Without `twins` they are not looked for, which takes the most time by far."""
    by_clip: dict[str, list[Pattern]] = {}
    for pattern in corpus.patterns:
        by_clip.setdefault(pattern.source, []).append(pattern)
    doubts = [doubt for clip in corpus.report.clips for doubt in _doubts(clip, by_clip.get(clip.file, ()))]
    compared = twins and len(corpus.patterns) <= _MOST_COMPARED
    found = _twins(corpus.patterns, by_clip) if compared else []
    return Findings(tuple(doubts), tuple(found), tuple(_kits(corpus.kit, corpus.report.unmapped)), compared)


def _doubts(clip: ClipReport, patterns: Sequence[Pattern]) -> list[Doubt]:
    """At most one for a clip, and only where it has one meter; of what is inside its beats only on the full grid."""
    if len(clip.meters) != 1:
        return []
    (meter,) = clip.meters
    if patterns and patterns[0].ticks_per_beat == TICKS_PER_BEAT:
        inside = _ternary_inside(clip.file, meter, patterns)
        if inside is not None:
            return [inside]
    proposed = clip.doubt
    if proposed is None:
        return []
    how = (
        "bars of that length are more alike" if proposed.bar_quarters != meter.bar_quarters else "its accents are there"
    )
    stored = f"a 12/8 stored as {meter.name} sixteenths: " if proposed.name == "12/16" else ""
    return [Doubt(clip.file, meter, proposed, f"{stored}the onsets stand better in {proposed.label}: {how}")]


def _ternary_inside(clip: str, meter: Meter, patterns: Sequence[Pattern]) -> Doubt | None:
    """Simple beats that are divided in three: a shuffle, swing, or a compound meter written in triplets."""
    if any(meter.is_ternary_beat(beat) for beat in range(meter.beats)) or not meter.is_even:
        return None
    at = np.zeros(TICKS_PER_BEAT, dtype=np.int64)
    for pattern in patterns:
        at += pattern.onset.sum(axis=0, dtype=np.int64).reshape(-1, TICKS_PER_BEAT).sum(axis=0)
    ternary, binary = int(at[list(_TERNARY_TICKS)].sum()), int(at[list(_BINARY_TICKS)].sum())
    if ternary < _TERNARY_SHARE * at.sum() or ternary < _TERNARY_TIMES * binary:
        return None
    compound = Meter.of(3 * meter.numerator, 2 * meter.denominator)
    words = f"{ternary} onsets on thirds of the beat, {binary} on quarters of it"
    plain = binary + int(at[12]) <= _ALL_TERNARY_SHARE * at.sum()
    why = (
        f"a {compound.name} written as triplets"
        if plain
        else f"ternary inside, as in shuffle and swing or {compound.name}"
    )
    return Doubt(clip, meter, compound, f"{why}: {words}")


def _twins(patterns: Sequence[Pattern], by_clip: Mapping[str, list[Pattern]]) -> list[Twin]:
    """Pairs of files of which every pattern of the one has its like in the other."""
    number = {clip: place for place, clip in enumerate(by_clip)}
    nearest = nearest_others(patterns, [number[pattern.source] for pattern in patterns])
    pairs: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    for pattern, near in zip(patterns, nearest, strict=True):
        if near.place >= 0 and near.onset_f1 >= NEAR_F1:
            like = patterns[near.place]
            pairs.setdefault((pattern.source, like.source), []).append((near.onset_f1, same_notes(pattern, like)))
    twins: dict[frozenset[str], Twin] = {}
    for (one, other), found in pairs.items():
        if len(found) == len(by_clip[one]):
            exact = all(same for _, same in found) and len(by_clip[one]) == len(by_clip[other])
            mean = float(np.mean([score for score, _ in found]))
            twins.setdefault(frozenset((one, other)), Twin(one, other, exact, mean))
    return sorted(twins.values(), key=lambda twin: (not twin.exact, -twin.onset_f1, twin.file))


def _kits(kit: Kit, unmapped: Mapping[int, int]) -> list[KitProposal]:
    """The kits that read most of the notes left over, best first; of equals, first those that read least besides."""
    found = []
    for name in kit_names():
        other = find_kit(name)
        pitches = tuple(pitch for pitch in unmapped if other.row_of_pitch(pitch) is not None)
        if pitches and other != kit:
            besides = sum(len(voice.pitches_in) for voice in other.voices)
            found.append((besides, KitProposal(name, sum(unmapped[pitch] for pitch in pitches), pitches)))
    return [proposal for _, proposal in sorted(found, key=lambda one: (-one[1].onsets, one[0]))][:3]
