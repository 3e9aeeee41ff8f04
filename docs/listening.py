"""The same walk over the plane by the published network and by ours: `python docs/listening.py`.

For three bundled corpora it trains both, renders the walk as WAV and MIDI into a folder, and writes docs/listening.md
with what was measured along the way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from performance.cursor import Key
from performance.cursor import Path as Walk
from performance.render import perform, write_performance_midi, write_performance_wav
from rvae.corpus import Corpus, bundled_corpora, read_corpus
from rvae.learning_bench import conditions
from rvae.meter import Meter
from rvae.model import Model
from rvae.pattern import Pattern
from rvae.training import train

PAGE = Path(__file__).with_name("listening.md")
BARS = 16
# There and back, about one thirtieth of the plane a beat: the steps that the plane's measures speak of.
WALK = Walk((Key(0, 0.05, 0.05), Key(BARS / 2, 0.95, 0.5), Key(BARS, 0.05, 0.95)))
CORPORA = (("straight-four", "4/4", 112.0), ("threes", "3/4", 126.0), ("twelve-eight", "12/8", 108.0))
PRESETS = (("rvae-2020", "published"), ("rvae", "ours"))


@dataclass(frozen=True)
class Steps:
    """What a walk changes. `by_bar`: onsets that differ from one barline to the next; `by_beat`: from beat to beat.

    `onsets`: of the fuller of each two patterns a beat apart. `snare`: the median velocity of its onsets, of 127.
    """

    by_bar: tuple[int, ...]
    by_beat: tuple[int, ...]
    onsets: tuple[int, ...]
    snare: float

    @property
    def dead(self) -> float:
        """Share of beats at which nothing changes though the hand moves."""
        return float(np.mean(np.array(self.by_beat) == 0))

    @property
    def jumps(self) -> float:
        """Share of beats at which more than a quarter of the onsets change."""
        return float(np.mean(np.array(self.by_beat) > np.array(self.onsets) / 4))

    @property
    def evenness(self) -> float:
        """Mean over 95th percentile of the onsets that a beat's move changes."""
        high = float(np.percentile(self.by_beat, 95))
        return float(np.mean(self.by_beat)) / high if high else 0.0


def steps(model: Model, meter: Meter) -> Steps:
    """Measure the walk on a model's plane."""
    beats = meter.beats
    points = [WALK.at(beat / beats) for beat in range(BARS * beats + 1)]
    onsets = model.onsets(points, beats=beats).reshape(len(points), -1)
    bars = onsets[::beats]
    count = onsets.sum(axis=1)
    return Steps(
        tuple(int(changed) for changed in (bars[1:] != bars[:-1]).sum(axis=1)),
        tuple(int(changed) for changed in (onsets[1:] != onsets[:-1]).sum(axis=1)),
        tuple(int(fuller) for fuller in np.maximum(count[1:], count[:-1])),
        snare_velocity([model.pattern(point, meter=meter) for point in points]),
    )


def snare_velocity(patterns: Sequence[Pattern]) -> float:
    """The median velocity of the snare's onsets, of 127."""
    row = patterns[0].kit.row_of_name("snare")
    return (
        float(np.median(np.concatenate([pattern.velocity[row][pattern.onset[row] == 1] for pattern in patterns]))) * 127
    )


def corpus_in(name: str, meter: Meter) -> Corpus:
    """The patterns of one meter of a bundled corpus."""
    corpus = read_corpus(bundled_corpora()[name])
    return replace(corpus, patterns=tuple(pattern for pattern in corpus.patterns if pattern.meter == meter))


def title(name: str, corpus: Corpus) -> str:
    """A corpus as the table names it."""
    onsets = [pattern.onsets for pattern in corpus.patterns]
    return (
        f"{name}: {len(corpus.patterns)} patterns in {corpus.meters[0].name}, {min(onsets)} to {max(onsets)} onsets, "
        f"snare {snare_velocity(corpus.patterns):.0f}"
    )


def render(model: Model, meter: Meter, bpm: float, stem: Path) -> None:
    """Write the walk as WAV and MIDI, and the model beside them."""
    performance = perform(model, WALK, meter=meter, bars=BARS, bpm=bpm)
    write_performance_wav(stem.with_suffix(".wav"), performance)
    write_performance_midi(stem.with_suffix(".mid"), performance)
    model.save(stem.with_suffix(".rvae"))


def page(found: dict[tuple[str, str], Steps]) -> str:
    """The page, Markdown."""
    here = conditions([0])
    lines = [
        "# Listening: the same walk, twice",
        "",
        "Written by `python docs/listening.py`, which also renders what this page speaks of: three bundled corpora, "
        "each learned by the network as published (preset `rvae-2020`) and by ours, and the same walk over both "
        f"planes, {BARS} bars long, as WAV and MIDI. They are not kept here: run the script and find them in "
        "`out/listening`, with the models, and with the walk as a file for `rvae render --path`.",
        "",
        "The hand goes steadily, from the lower left corner to the middle of the right edge and on to the upper left "
        "corner, about a thirtieth of the plane at each beat of 4/4 and 12/8. The music should go with it.",
        "",
        f"Measured {here.date}, seed 0. *Still beats*: the hand moves and nothing changes. *Jumps*: beats at which "
        "more than a quarter of the onsets change. *Evenness*: mean over 95th percentile of the change a beat; a "
        "steady walk is near 1.",
        "",
        "| corpus | | still beats | jumps | evenness | largest change in a beat | onsets in a cycle, fewest to most "
        "| snare velocity, median | onsets changed, bar by bar |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (name, who), walked in found.items():
        bars = " ".join(map(str, walked.by_bar))
        largest = max(range(len(walked.by_beat)), key=lambda beat: walked.by_beat[beat])
        lines.append(
            f"| {name} | {who} | {walked.dead:.0%} | {walked.jumps:.0%} | {walked.evenness:.2f} | "
            f"{walked.by_beat[largest]} of {walked.onsets[largest]} | {min(walked.onsets)} to {max(walked.onsets)} | "
            f"{walked.snare:.0f} | {bars} |"
        )
    return "\n".join([*lines, "", HEARD])


HEARD = """## What to listen for

Play the two files of a corpus one after the other, the published one first, and follow the row of numbers at the end of
its line in the table: one for each bar, how many onsets of the two-bar cycle are others than a bar before.

- **Plateaus.** Where the row of the published network has several small numbers together, the hand moves and the
  music stays: a loop with one onset more or less. It begins its walk like this in all three.
- **Cliffs.** Where it then has a large one, a bar ends in another groove than it began in. Nothing announces it: the
  hand has moved as far as in every bar before.
- **The corner.** At the end of the walk the published planes of `threes` and `twelve-eight` leave the music altogether:
  hundreds of onsets, many drums on many columns at once, which is heard as a wall of noise. No clip has anything like
  it; the network has simply never been there. Turn the volume down for the last two bars.
- **Loudness.** The published network plays most snares at less than half the loudness that the clips have: in training
  its velocities count on empty cells too, and those are silent. Ours keeps the backbeats loud and the ghost notes soft.
- **Ours** changes something at nearly every beat, and about as much at the end as at the beginning. One hears a groove
  being rebuilt while it plays: a kick moves, a ghost note goes, the ride takes over from the hi-hat. Now and then it is
  nearly one of the clips. The number of onsets stays near what the clips have.
- **What ours does not do better.** Where many clips share a plane the way from one to the next is short, and a lot has
  to change on it: at some beats more than a quarter of the onsets do (*jumps*), as often as on the published plane or
  more often, which has fewer where it hardly changes at all. With fewer clips or a slower hand there are fewer. And
  halfway between two clips of different styles the groove is a mixture that no drummer would play.

## To walk yourself

In the folder of rvae, after the script has run:

```sh
rvae render out/listening/threes-ours.rvae --path out/listening/walk.txt --bars 16 --wav mine.wav
rvae play out/listening/threes-ours.rvae
```

The walk is a text file with a line for each turn, `bar x y`: write one of your own.
"""


def main() -> None:
    """Train, render, measure, write the page."""
    parser = argparse.ArgumentParser(description="The same walk over the plane by the published network and by ours.")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/listening"), help="default: out/listening")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    walk = "".join(f"{key.bar} {key.x} {key.y}\n" for key in WALK.keys)
    (folder / "walk.txt").write_text(f"# bar x y\n{walk}", encoding="utf-8")
    found: dict[tuple[str, str], Steps] = {}
    for name, meter_name, bpm in CORPORA:
        meter = Meter.parse(meter_name)
        corpus = corpus_in(name, meter)
        for preset, who in PRESETS:
            model = train(corpus, preset=preset)
            stem = folder / f"{name}-{who}"
            render(model, meter, bpm, stem)
            walked = found[title(name, corpus), who] = steps(model, meter)
            print(f"{stem}.wav: {walked}", file=sys.stderr, flush=True)  # noqa: T201  # progress
    PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
