"""Onsets in exact positions to patterns on the grid, and back.

A position is a felt beat and a place in it, 0 to 24 ticks. Quantising chooses a tick for every onset and leaves the
rest as microtiming, so that tick + microtiming is the position again.

People scatter by 10 to 20 ms around where they mean to play, which is a tick or so at 120, and lean on the click as a
whole: the nearest tick is then often not the one that was meant. `quantise` therefore asks for the subdivision each
felt beat uses, in the manner of a minimum description length: to mean a place costs the more the finer the division
that has it, to miss it costs what the scatter of people makes of the distance, and a beat that leaves the subdivision
of its bar, or a bar that leaves that of its surroundings, costs a constant. The cheapest reading wins, and a stray
onset alone turns nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from rvae.errors import PatternError
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import TICKS_PER_BEAT, Meter
from rvae.pattern import MAX_MICROTIMING_TICKS, MAX_MIDI_VELOCITY, Pattern

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Quantiser = Literal["subdivision", "nearest"]

QUANTISERS: tuple[Quantiser, ...] = ("subdivision", "nearest")
GRIDS = (4, 12, 24)
DIVISIONS = (1, 2, 3, 4, 6, 8, 12, 24)
SCATTER_MS = 15.0
_SCATTER_RANGE_TICKS = (0.4, 1.3)
# Degrees of freedom of Student's t: people's scatter has stragglers, and one of them must not change a reading.
_TAIL = 3.0
MAX_LEAN_MS = 60.0
_LEAN_PRIOR_ONSETS = 4
_LEAN_SHARES = (0.0, 0.5, 1.0)
# All costs are in units of log probability. What it costs to mean a place, by the coarsest division that has it; what
# it costs a beat to use a division that is foreign to it (thirds of a plain beat, halves of a dotted one); what a bar
# pays for its finest division; what it costs a beat to leave the division of its bar, and a bar that of its
# surroundings.
_PLAIN_PLACE = {1: 0.7, 2: 1.1, 4: 1.6, 3: 1.7, 6: 2.3, 8: 2.8, 12: 3.4, 24: 4.0}
_DOTTED_PLACE = {1: 0.7, 3: 1.1, 6: 1.6, 2: 1.8, 4: 2.8, 12: 2.8, 8: 3.4, 24: 4.0}
_PLAIN_COST = np.array([0.0, 0.0, 0.5, 0.0, 0.8, 0.5, 2.0, 3.0])
_DOTTED_COST = np.array([0.0, 0.5, 0.0, 1.0, 0.0, 2.0, 0.5, 3.0])
_FAVOURITE_COST = np.array([0.0, 0.0, 0.5, 0.0, 1.0, 1.0, 6.0, 12.0])
_LEAVE_COST = 4.0
_MECHANICAL_SHARE = 0.5
_ON_TICK = 0.01
_PLACES = np.array(  # of a plain beat, then of a dotted one
    [
        next(cost[d] for d in sorted(cost) if tick % (TICKS_PER_BEAT // d) == 0)
        for cost in (_PLAIN_PLACE, _DOTTED_PLACE)
        for tick in range(TICKS_PER_BEAT)
    ]
)
_FITS = np.array([[fine % coarse == 0 for coarse in DIVISIONS] for fine in DIVISIONS])  # [favourite, division]
_FITTING = [np.flatnonzero(fits) for fits in _FITS]


class Onset(NamedTuple):
    """One onset: its exact place in ticks from the start of the cycle, its row, its MIDI velocity 1..127."""

    ticks: float
    voice: int
    velocity: int


@dataclass(frozen=True)
class Quantised:
    """What `quantise` found for N onsets.

    `ticks`: int64 `[N]`, the tick of each, counted from the first barline in ticks of the grid asked for.
    `microtiming`: float64 `[N]`, position minus tick. `kept`: bool `[N]`, False for an onset that lost its tick to a
    louder one of its voice. `division`: int64 `[N]`, into how many its beat was divided.
    """

    ticks: Ints
    microtiming: Reals
    kept: Flags
    division: Ints

    @property
    def collisions(self) -> int:
        """How many onsets lost their tick."""
        return int((~self.kept).sum())


def quantise(
    beats: Ints,
    places: Reals,
    voices: Ints,
    velocities: Ints,
    meter: Meter,
    *,
    tick_ms: Reals | float = 1000 / 48,
    cycle_beats: int | None = None,
    ticks_per_beat: int = TICKS_PER_BEAT,
    mode: Quantiser = "subdivision",
) -> Quantised:
    """Choose the tick of each of N onsets of a stretch of bars in one meter.

    `beats`: int64 `[N]`, felt beats from the first barline. `places`: float64 `[N]`, where in the beat, 0 to below
    24, in 1/24 beat. `voices`, `velocities`: int64 `[N]`. `tick_ms`: how long 1/24 beat lasts at each onset.
    `cycle_beats`: where the stretch is a loop, its length; its end is then its start. `ticks_per_beat`: 24, or 4 or
    12 to measure what a coarser grid loses (there the nearest tick is taken). Two onsets of a voice whose nearest
    tick is the same collide and the louder stays; all others keep a tick of their own. Raises PatternError for
    another grid.
    """
    if ticks_per_beat not in GRIDS:
        raise PatternError(f"a grid of {ticks_per_beat} ticks per beat is not possible; take one of 4, 12, 24")
    scaled = places * (ticks_per_beat / TICKS_PER_BEAT)
    nearest = _round(scaled)  # in the beat, as `chosen`
    chosen, division = nearest, np.full(len(beats), ticks_per_beat, dtype=np.int64)
    if mode == "subdivision" and ticks_per_beat == TICKS_PER_BEAT and len(beats):
        scatter, lean = _scatter_ticks(places, tick_ms), _lean_ticks(places, tick_ms)
        felt = _Felt.of(beats, meter)
        shares = _LEAN_SHARES if lean.any() else _LEAN_SHARES[:1]
        readings = [_divisions(felt, places, places - share * lean, scatter) for share in shares]
        best = min(range(len(readings)), key=lambda reading: readings[reading][1])
        steady, division = places - shares[best] * lean, readings[best][0]
        chosen = _meant(steady, TICKS_PER_BEAT // division)
    start = beats * ticks_per_beat
    kept = _louder(_around(start + nearest, cycle_beats, ticks_per_beat), voices, velocities)
    while True:
        ticks = _around(start + chosen, cycle_beats, ticks_per_beat)
        crowd = _sharing(ticks, voices, kept)
        if not crowd.any():
            return Quantised(ticks, scaled - chosen, kept, division)
        chosen = np.where(crowd, nearest, chosen)  # their nearest ticks differ, or one would not have been kept


def _around(ticks: Ints, cycle_beats: int | None, ticks_per_beat: int) -> Ints:
    """Ticks of a loop counted from its start."""
    return ticks if cycle_beats is None else ticks % (cycle_beats * ticks_per_beat)


def _round(values: Reals) -> Ints:
    """To the nearest whole number, halves upward."""
    return np.floor(values + 0.5).astype(np.int64)


def _meant(steady: Reals, step: Ints | int) -> Ints:
    """The nearest multiple of a step, none before the beat: the first one of a stretch has nothing before it."""
    meant: Ints = np.maximum(_round(steady / step) * step, 0)
    return meant


def _is_mechanical(places: Reals) -> bool:
    """Whether a machine wrote the notes: most stand exactly on ticks."""
    return bool(np.mean(np.abs(places - np.rint(places)) < _ON_TICK) >= _MECHANICAL_SHARE)


def _scatter_ticks(places: Reals, tick_ms: Reals | float) -> Reals:
    """How far people scatter at this tempo, in ticks; least where a machine wrote the notes."""
    low, high = _SCATTER_RANGE_TICKS
    if _is_mechanical(places):
        return np.full(places.shape, low)
    return np.clip(np.broadcast_to(SCATTER_MS / np.asarray(tick_ms, dtype=np.float64), places.shape), low, high)


def _lean_ticks(places: Reals, tick_ms: Reals | float) -> Reals:
    """How far the whole stretch is early or late, in ticks at each onset: the middle of the onsets around the beats."""
    each_ms = np.broadcast_to(np.asarray(tick_ms, dtype=np.float64), places.shape)
    away = places - _round(places / TICKS_PER_BEAT) * TICKS_PER_BEAT
    near = np.abs(away) <= MAX_MICROTIMING_TICKS
    count = int(near.sum())
    if count == 0 or _is_mechanical(places):
        return np.zeros(places.shape)
    lean_ms = float(np.median((away * each_ms)[near])) * count / (count + _LEAN_PRIOR_ONSETS)
    lean_ticks: Reals = min(max(lean_ms, -MAX_LEAN_MS), MAX_LEAN_MS) / each_ms
    return lean_ticks


def _louder(nearest: Ints, voices: Ints, velocities: Ints) -> Flags:
    """True for the loudest onset of each voice and nearest tick, the first of equals."""
    order = np.lexsort((np.arange(len(nearest)), -velocities, nearest, voices))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(voices[order]) != 0) | (np.diff(nearest[order]) != 0)
    kept = np.empty(len(order), dtype=bool)
    kept[order] = first
    return kept


def _sharing(ticks: Ints, voices: Ints, kept: Flags) -> Flags:
    """True for the kept onsets that share their tick with another of their voice."""
    live = np.flatnonzero(kept)
    order = live[np.lexsort((ticks[live], voices[live]))]
    same = (np.diff(voices[order]) == 0) & (np.diff(ticks[order]) == 0)
    sharing = np.zeros(len(ticks), dtype=bool)
    sharing[order[:-1][same]] = True
    sharing[order[1:][same]] = True
    return sharing


@dataclass(frozen=True, eq=False, slots=True)
class _Felt:
    """The felt beats that N onsets stand in, B of them.

    `at_beat`: `[N]`; `dotted`: `[B]`, whether it is written in three; `at_bar`: `[B]`, which of the bars in use it is
    in; `bars`: how many these are.
    """

    at_beat: Ints
    dotted: Flags
    at_bar: Ints
    bars: int

    @classmethod
    def of(cls, beats: Ints, meter: Meter) -> _Felt:
        used_beats, at_beat = np.unique(beats, return_inverse=True)
        dotted = np.array([meter.is_ternary_beat(beat) for beat in range(meter.beats)])[used_beats % meter.beats]
        used_bars, at_bar = np.unique(used_beats // meter.beats, return_inverse=True)
        return cls(at_beat, dotted, at_bar, len(used_bars))


def _divisions(felt: _Felt, places: Reals, steady: Reals, scatter: Reals) -> tuple[Ints, float]:
    """`[N]`: the subdivision of each onset's beat, by least cost over beat, bar and stretch; and that cost."""
    costs = _beat_costs(felt, places, steady, scatter)
    best = costs.min(axis=1, keepdims=True)
    # [beat, favourite]: the cheapest division that fits into the bar's favourite, or leaving it for the best there is
    fitting = np.stack([costs[:, fits].min(axis=1) for fits in _FITTING], axis=1)
    in_favour = np.minimum(fitting, best + _LEAVE_COST)
    bar_costs = np.zeros((felt.bars, len(DIVISIONS)))
    np.add.at(bar_costs, felt.at_bar, in_favour)
    bar_costs += _FAVOURITE_COST
    common = int(np.minimum(bar_costs, bar_costs.min(axis=1, keepdims=True) + _LEAVE_COST).sum(axis=0).argmin())
    bar_costs += _LEAVE_COST
    bar_costs[:, common] -= _LEAVE_COST
    favourite = bar_costs.argmin(axis=1)[felt.at_bar]
    chosen = (costs + np.where(_FITS[favourite], 0.0, _LEAVE_COST)).argmin(axis=1)
    of_onsets: Ints = np.array(DIVISIONS, dtype=np.int64)[chosen][felt.at_beat]
    return of_onsets, float(bar_costs.min(axis=1).sum())


def _beat_costs(felt: _Felt, places: Reals, steady: Reals, scatter: Reals) -> Reals:
    """`[B, divisions]`: what the onsets of a beat cost in each subdivision; infinite where one is too far off."""
    costs = np.where(felt.dotted[:, None], _DOTTED_COST, _PLAIN_COST)
    each_place = np.where(felt.dotted, 1, 0)[felt.at_beat] * TICKS_PER_BEAT
    for column, division in enumerate(DIVISIONS):
        meant = _meant(steady, TICKS_PER_BEAT // division)
        each = (_TAIL + 1) / 2 * np.log1p(((steady - meant) / scatter) ** 2 / _TAIL)
        each += _PLACES[each_place + meant % TICKS_PER_BEAT]
        each[np.abs(places - meant) > MAX_MICROTIMING_TICKS] = np.inf
        costs[:, column] += np.bincount(felt.at_beat, weights=each, minlength=len(felt.dotted))
    return costs


def onsets_to_pattern(
    onsets: Iterable[Onset],
    meter: Meter,
    *,
    bars: int = 2,
    kit: Kit = STANDARD_KIT,
    qpm: float = 120.0,
    ticks_per_beat: int = TICKS_PER_BEAT,
    mode: Quantiser = "subdivision",
    source: str = "",
) -> tuple[Pattern, int]:
    """One cycle from onsets with places in ticks of 1/24 beat, and how many onsets collided.

    A cycle goes round: an onset up to half a tick before its end, or further where the subdivision says so, is the
    one at its start, played early. Raises PatternError for an onset outside the cycle (3 ticks early at most) or a
    voice outside the kit.
    """
    rows = list(onsets)
    cycle_ticks = bars * meter.bar_ticks
    for each in rows:
        if not (-MAX_MICROTIMING_TICKS <= each.ticks < cycle_ticks and 0 <= each.voice < len(kit)):
            raise PatternError(
                f"{each} is outside a cycle of {cycle_ticks} ticks with {len(kit)} voices; cut the onsets to it first"
            )
        if not 1 <= each.velocity <= MAX_MIDI_VELOCITY:
            raise PatternError(f"{each}: a MIDI velocity is 1 to {MAX_MIDI_VELOCITY}; drop the onset or mend it")
    at = np.array([each.ticks % cycle_ticks for each in rows], dtype=np.float64)
    beats = np.floor(at / TICKS_PER_BEAT).astype(np.int64)
    voices = np.array([each.voice for each in rows], dtype=np.int64)
    velocities = np.array([each.velocity for each in rows], dtype=np.int64)
    tick_ms = 60_000 / qpm * float(meter.bar_quarters) / meter.bar_ticks
    found = quantise(
        beats, at - beats * TICKS_PER_BEAT, voices, velocities, meter,
        tick_ms=tick_ms, cycle_beats=bars * meter.beats, ticks_per_beat=ticks_per_beat, mode=mode,
    )  # fmt: skip
    shape = (len(kit), bars * meter.beats * ticks_per_beat)
    onset, velocity, microtiming = np.zeros(shape, np.int8), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    row, tick = voices[found.kept], found.ticks[found.kept]
    onset[row, tick] = 1
    velocity[row, tick] = velocities[found.kept] / MAX_MIDI_VELOCITY
    microtiming[row, tick] = found.microtiming[found.kept]
    pattern = Pattern(onset, velocity, microtiming, meter, bars, kit, source, qpm, ticks_per_beat=ticks_per_beat)
    return pattern, found.collisions


def pattern_to_onsets(pattern: Pattern) -> list[Onset]:
    """The onsets of a cycle by place and voice, in ticks of 1/24 beat; one before the cycle's start is negative."""
    rows, ticks = np.nonzero(pattern.onset)
    places = (ticks + pattern.microtiming[rows, ticks].astype(np.float64)) * (TICKS_PER_BEAT / pattern.ticks_per_beat)
    velocities = pattern.midi_velocity[rows, ticks]
    found = zip(places.tolist(), rows.tolist(), velocities.tolist(), strict=True)
    return sorted(Onset(*onset) for onset in found)
