"""What the figures of a model mean: the definition of each, as the page has it."""

from __future__ import annotations

from collections.abc import Iterator

from rvae.audit.figure import Measure
from rvae.audit.percussion import GHOST_VELOCITY
from rvae.measures import LATTICE

_PLACES = f"The plane is looked at on {LATTICE} x {LATTICE} places; several planes count as they have patterns."
_SIDES = (("clips", "onsets in the clips", "patterns"), ("plane", "onsets at the places of the plane", "places"))
_FEEL = (
    ("microtiming", "ticks", "Mean distance of onsets from their tick, whichever way, in ticks of 1/24 beat"),
    ("microtiming spread", "ticks", "Standard deviation of the signed distance from the tick, in ticks of 1/24 beat"),
    ("ghost notes", "%", f"How many onsets are softer than {GHOST_VELOCITY} of 127"),
    ("loudness spread", "of 127", "Standard deviation of the velocity of the onsets"),
)
_DIVISIONS = (
    ("ternary", "more onsets on thirds and sixths of a beat than on its halves, quarters and eighths"),
    ("straight", "more onsets on halves, quarters and eighths of a beat than on its thirds and sixths"),
)


def _of_groups() -> Iterator[Measure]:
    yield Measure(
        "share of the clips",
        "%",
        "patterns; onsets for a voice",
        "How much of what was learned is of this group: of the patterns; for a voice, of the onsets. The people of a "
        "pattern share it equally; a pattern with several tags counts for each.",
    )
    yield Measure(
        "share of the plane",
        "%",
        "places",
        "How much of the plane sounds like this group. Each place counts for the clip with the highest onset F1 on the "
        f"same tick; several that are as near share it. For a voice: its share of the onsets. {_PLACES}",
    )
    yield Measure(
        "amplification",
        "times",
        "places",
        "Share of the plane by share of the clips: above 1 the model favours the group, below 1 it fades it.",
        "the word is that of Zhao et al. (2017), Men Also Like Shopping; the formula is ours",
        decimals=2,
    )
    yield Measure(
        "credit",
        "%",
        "places",
        "The mean over the plane of the weights with which its places are blends of the group's clips; over all clips "
        f"they sum to 100. {_PLACES}",
    )
    yield Measure(
        "error at its place",
        "%",
        "onsets in the clips",
        "100 less the onset F1 (same voice, within 1/24 beat, matched one to one) of each pattern of the corpus with "
        "what is played at the place most like it. Learned patterns have a place of their own.",
    )
    yield Measure(
        "error around its place",
        "%",
        "patterns",
        "100 less the onset F1 (same tick) of a learned pattern with what is played at eight places around its own, "
        "half as far off as clips would be apart if they stood evenly: how fast it fades as the hand moves away. "
        "That something "
        "changes there is what a plane is for; the figure is for comparing groups.",
    )
    yield Measure(
        "pays",
        "points",
        "patterns",
        "Error around its place less that over all patterns: above 0 the group fades faster than the rest.",
    )
    yield Measure(
        "timing error", "ms", "onsets matched", "Mean distance in time of matched onsets, at the tempo of the clip."
    )
    yield Measure("loudness error", "of 127", "onsets matched", "Mean distance in velocity of matched onsets.")


def _of_feel() -> Iterator[Measure]:
    for where, onsets, _ in _SIDES:
        for name, unit, words in _FEEL:
            yield Measure(f"{name}, {where}", unit, onsets, f"{words}; of the {onsets}.", decimals=2)
    for name, _, _ in _FEEL:
        words = f"The {name} on the plane by that in the clips: 100 is as played, less is flattened."
        yield Measure(f"{name} kept", "%", _SIDES[1][1], words)
    for where, _, rows in _SIDES:
        for name, words in _DIVISIONS:
            yield Measure(
                f"{name}, {where}",
                "%",
                rows,
                f"How many of the {rows} have {words}; those with as many of both are neither.",
            )


def _of_memory() -> Iterator[Measure]:
    yield Measure(
        "clips kept whole", "%", "patterns", "Learned patterns whose onsets are played exactly at their own place."
    )
    yield Measure("copies", "%", "places", f"Places that play the onsets of a clip exactly. {_PLACES}")
    yield Measure(
        "from the nearest clip",
        "%",
        "places",
        f"Mean over the plane of 100 less the onset F1 (same tick) with the nearest clip. {_PLACES}",
    )
    yield Measure(
        "between the clips",
        "%",
        "patterns",
        "Mean over the different patterns of 100 less the onset F1 (same tick) with the nearest other one.",
    )
    yield Measure(
        "originality",
        "times",
        "places",
        "How far places are from the nearest clip by how far clips are from the nearest other: 0 where every place is "
        "a copy; 0.5 halfway between clips; 1 where places are as far from any clip as clips from one another.",
        decimals=2,
    )


MEASURES: dict[str, Measure] = {each.name: each for each in (*_of_groups(), *_of_feel(), *_of_memory())}
