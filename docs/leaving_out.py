"""Credit and dependence: what becomes of places when a clip is left out and the rest is learned again.

    python docs/leaving_out.py CLIP.mid ... --without 3 --without 9

For each clip left out, by its number, a line of the table in bias-lab.md: the share of the onsets of each place that
the best place of the new plane does not play, by the credit that the clip had there.
"""

from __future__ import annotations

import argparse
from pathlib import PurePath

import numpy as np

import rvae
from rvae.measures import exact_f1, lattice

BANDS = ((0.0, 0.01), (0.01, 0.2), (0.2, 0.5), (0.5, 1.01))
SIDE = 15


def main() -> None:
    """Train with all clips, then without each one asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", help="MIDI files of one number of beats")
    parser.add_argument("--without", type=int, action="append", required=True, help="a file's number, from 0")
    arguments = parser.parse_args()
    corpus = rvae.read_corpus(arguments.clips)
    model, places = rvae.train(corpus), lattice(SIDE)
    (beats,), meter = model.beats, model.meter
    patterns = [model.pattern(place, meter=meter) for place in places]
    weights = model.credits(places, beats=beats).weights
    print("| without | " + " | ".join(f"{low:.0%} to {min(high, 1):.0%}" for low, high in BANDS) + " |")  # noqa: T201
    for number in arguments.without:
        clip = corpus.clips[number]
        columns = [row for row, each in enumerate(model.clips) if each.source == PurePath(clip).name]
        credit = weights[:, columns].sum(axis=1)
        part = rvae.train(corpus.without([clip]))
        there = part.onsets(part.encode(patterns), beats=beats).reshape(len(places), -1)
        here = np.stack([pattern.onset.ravel() == 1 for pattern in patterns])
        lost = np.array([1 - exact_f1(a[None], b[None])[0, 0] for a, b in zip(there, here, strict=True)])
        cells = []
        for low, high in BANDS:
            inside = (credit >= low) & (credit < high)
            cells.append(f"{lost[inside].mean():.1%} (n {inside.sum()})" if inside.any() else "no such place")
        print(f"| {PurePath(clip).stem} | {' | '.join(cells)} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
