"""What an import would have one look at: the same clip twice, labels that the music contradicts, notes that another kit
would read. Said and proposed, never changed.
"""

from __future__ import annotations

from collections import Counter
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
_MANY_LEFT_OVER = 0.05  # of all notes
_CLIPS_TO_DOUBT = 8  # fewer: too often all of them are rides or toms
_FEW_HATS, _MANY_HATS, _BEAT_SHARE = 0.08, 0.25, 0.08  # of all notes


@dataclass(frozen=True)
class Doubt:
    """A label that the music of a file contradicts: the meter it has, the one proposed, and why.

    `kind`: the why without the figures, the same for all files of a kind.
    """

    file: str
    label: Meter
    proposed: Meter
    why: str
    kind: str


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
class KitDoubt:
    """The kit hears hardly any hi-hat in many clips: `heard` of all `notes`. A kit of another maker hears `hats`."""

    name: str
    hats: int
    heard: int
    notes: int


@dataclass(frozen=True)
class Findings:
    """All of a corpus. `compared`: whether its patterns were few enough to look for twins.

    `kit_doubt`: where all notes are read, or nearly, and yet the kit seems to be the wrong one. `echoes`: clips
    that are learned, and nearly one whose makers have not agreed, the `other`. `beatless`: the onsets, where several
    clips have drums of three kinds or more and neither a kick nor a snare; otherwise 0.
    """

    doubts: tuple[Doubt, ...]
    twins: tuple[Twin, ...]
    kits: tuple[KitProposal, ...]
    compared: bool
    kit_doubt: KitDoubt | None = None
    echoes: tuple[Twin, ...] = ()
    beatless: int = 0


def find(corpus: Corpus, *, twins: bool = True) -> Findings:
    """Look through a corpus. Without `twins` they are not looked for, which takes the most time by far."""
    by_clip: dict[str, list[Pattern]] = {}
    for pattern in corpus.patterns:
        by_clip.setdefault(pattern.source, []).append(pattern)
    heard = [doubt for clip in corpus.report.clips for doubt in _doubts(clip, by_clip.get(clip.file, ()))]
    doubts = [doubt for doubt in heard if doubt.proposed != _said(corpus, doubt.file)]
    compared = twins and len(corpus.patterns) <= _MOST_COMPARED
    found = _twins(corpus.patterns, by_clip) if compared else []
    kits = tuple(_kits(corpus.kit, corpus.report.read, corpus.report.unmapped))
    echoes = tuple(_echoes(corpus, by_clip)) if compared and corpus.withheld else ()
    return Findings(tuple(doubts), tuple(found), kits, compared, _kit_doubt(corpus), echoes, _beatless(corpus))


def _said(corpus: Corpus, file: str) -> Meter | None:
    """The meter of a clip as its card says it."""
    card = corpus.card_of.get(file)
    return None if card is None else card.of_clip(file).meter


def _doubts(clip: ClipReport, patterns: Sequence[Pattern]) -> list[Doubt]:
    """At most one for a clip, and only where it has one meter: its bars, or, on the full grid, what is inside beats."""
    if len(clip.meters) != 1:
        return []
    (meter,) = clip.meters
    proposed = clip.doubt
    is_longer_or_shorter = proposed is not None and proposed.bar_quarters != meter.bar_quarters
    if patterns and patterns[0].ticks_per_beat == TICKS_PER_BEAT and not is_longer_or_shorter:
        inside = _ternary_inside(clip.file, meter, patterns)
        if inside is not None:
            return [inside]
    if proposed is None:
        return []
    how = "bars of that length are more alike" if is_longer_or_shorter else "its accents are there"
    stored = f"a 12/8 stored as {meter.name} sixteenths: " if proposed.name == "12/16" else ""
    why = f"{stored}the onsets stand better in {proposed.label}: {how}"
    return [Doubt(clip.file, meter, proposed, why, why)]


def _ternary_inside(clip: str, meter: Meter, patterns: Sequence[Pattern]) -> Doubt | None:
    """Simple beats that are divided in three: a shuffle, swing, or a compound meter written in triplets."""
    if any(meter.is_ternary_beat(beat) for beat in range(meter.beats)) or not meter.is_even:
        return None
    at = np.zeros(TICKS_PER_BEAT, dtype=np.int64)
    for pattern in patterns:
        at += np.bincount(pattern.each_onset()[1] % TICKS_PER_BEAT, minlength=TICKS_PER_BEAT)
    ternary, binary = int(at[list(_TERNARY_TICKS)].sum()), int(at[list(_BINARY_TICKS)].sum())
    if ternary < _TERNARY_SHARE * at.sum() or ternary < _TERNARY_TIMES * binary:
        return None
    compound = Meter.of(3 * meter.numerator, 2 * meter.denominator)
    words = f"{ternary} onsets on thirds of the beat, {binary} on quarters of it"
    plain = binary + int(at[12]) <= _ALL_TERNARY_SHARE * at.sum()
    kind = (
        f"a {compound.name} written as triplets"
        if plain
        else f"ternary inside, as in shuffle and swing or {compound.name}"
    )
    return Doubt(clip, meter, compound, f"{kind}: {words}", kind)


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


def _echoes(corpus: Corpus, by_clip: Mapping[str, list[Pattern]]) -> list[Twin]:
    """Clips of which every pattern has its like in a clip that is withheld."""
    patterns = (*corpus.patterns, *corpus.withheld)
    nearest = nearest_others(patterns, [place >= len(corpus.patterns) for place in range(len(patterns))])
    alike: dict[str, list[tuple[float, str]]] = {}
    for pattern, near in zip(corpus.patterns, nearest, strict=False):
        if near.place >= 0 and near.onset_f1 >= NEAR_F1:
            alike.setdefault(pattern.source, []).append((near.onset_f1, patterns[near.place].source))
    return [
        Twin(clip, max(found)[1], False, float(np.mean([score for score, _ in found])))
        for clip, found in alike.items()
        if len(found) == len(by_clip[clip])
    ]


def _kits(kit: Kit, read: Mapping[int, int], unmapped: Mapping[int, int]) -> list[KitProposal]:
    """The kits that read most of the notes left over, best first; of equals, first those that read least besides.

    None that would leave out as many of the notes that are read now, or reads less than half of what is left over:
    single notes of a chord or of an own kit are somebody's crash. Nor, for a few whistles or clicks, one that hears
    more of what is read as something else.
    """
    found, left_over = [], sum(unmapped.values())
    for name in kit_names():
        other = find_kit(name)
        pitches = tuple(pitch for pitch in unmapped if other.row_of_pitch(pitch) is not None)
        won = sum(unmapped[pitch] for pitch in pitches)
        lost = sum(count for pitch, count in read.items() if other.row_of_pitch(pitch) is None)
        is_few = left_over < _MANY_LEFT_OVER * (left_over + sum(read.values()))
        heard_else = sum(count for pitch, count in read.items() if _part(other, pitch) != _part(kit, pitch))
        if won > (max(lost, heard_else) if is_few else lost) and 2 * won >= left_over and other != kit:
            besides = sum(len(voice.pitches_in) for voice in other.voices)
            found.append((lost - won, besides, KitProposal(name, won, pitches)))
    return [proposal for *_, proposal in sorted(found, key=lambda one: one[:2])][:3]


def _kit_doubt(corpus: Corpus) -> KitDoubt | None:
    """A kit under which many clips have a hi-hat that this one hears as something else, with kick and snare in both.

    The notes alone cannot tell a ride from a hat of another maker: one clip, or a few, are never doubted.
    """
    report = corpus.report
    read, unmapped = report.read, report.unmapped  # added up over all clips each time they are asked for
    counts = {pitch: read.get(pitch, 0) + unmapped.get(pitch, 0) for pitch in range(128)}
    notes = sum(counts.values())
    now = _parts(corpus.kit, counts)
    if len(corpus.clips) < _CLIPS_TO_DOUBT or not any("hat" in name for name in corpus.kit.names):
        return None
    if now["hat"] > _FEW_HATS * notes:
        return None
    found = []
    for name in kit_names():
        other = find_kit(name)
        parts = _parts(other, counts)
        beats = min(parts["kick"], parts["snare"]) >= _BEAT_SHARE * notes
        if beats and parts["hat"] >= _MANY_HATS * notes and parts[""] <= now[""]:
            found.append(KitDoubt(name, parts["hat"], now["hat"], notes))
    return max(found, key=lambda doubt: doubt.hats, default=None)


def _beatless(corpus: Corpus) -> int:
    """How many onsets there are, where they may be of an own kit that is read by another: keys as they come to hand are
    General MIDI's toms and bells.
    """
    read = corpus.report.read
    parts = _parts(corpus.kit, read)
    lacks = any(_parts(corpus.kit, dict.fromkeys(range(128), 1))[part] == 0 for part in ("kick", "snare"))
    is_beat = lacks or parts["kick"] + parts["snare"] > 0
    return 0 if is_beat or len(corpus.clips) < 2 or len(read) < 3 else corpus.report.onsets


def _parts(kit: Kit, counts: Mapping[int, int]) -> Counter[str]:
    """Notes by the part that voices of such a name have: hat, kick, snare; "" those that no voice reads."""
    parts: Counter[str] = Counter()
    for pitch, count in counts.items():
        parts[_part(kit, pitch)] += count
    return parts


def _part(kit: Kit, pitch: int) -> str:
    row = kit.row_of_pitch(pitch)
    name = "" if row is None else kit.names[row]
    return next((part for part in ("hat", "kick", "snare") if part in name), name)
