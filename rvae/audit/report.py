"""The report of an audit: its files in a folder, and the five sentences on top."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

from rvae.audit.compare import SIDE_BY_SIDE
from rvae.audit.estimate import INTERVAL_WORDS
from rvae.audit.figure import COUNTERFACTUAL, Json, Subject, csv_rows
from rvae.audit.page import Head, page
from rvae.errors import FileError
from rvae.midi import write_whole

SENTENCES = 5
_METHOD = (
    "A figure stands with its unit; below it, small, its 95 % interval where it is an estimate, and n, how many things "
    "it rests on; where n is the same for a whole line, it stands once. A dash: there is nothing to measure.",
    f"{INTERVAL_WORDS}. It says how far a figure would move with other files of the same kind, and nothing of music "
    "that nobody collected.",
    "What each figure means, and where its definition comes from, stands at the end of its part. How the figures are "
    "made, what they cannot say and how to cite them: docs/bias-lab.md of rvae.",
    "Every figure is a line of audit.csv beside this page, with n, interval and definition; audit.json has the "
    "sentences "
    "too.",
)


_ABOUT = (
    "What becomes of rhythms when a machine learns them? This page counts what is lost, moved, merged and favoured on "
    "the way: by the grid of time, by the map from sounds to voices, by which clips were collected, and by the model "
    "that learned them, as far as one was given. It judges nothing: how much of a loss is too much is for its readers "
    "to say."
)
_WORDS = (
    ("onset", "One stroke of one drum: a note-on in a MIDI file."),
    (
        "felt beat",
        "What one taps a foot to: a quarter in 4/4, a dotted quarter in 6/8, a group of two or three eighths in "
        "7/8, so that 7/8(2+2+3) has three felt beats, the last one longer.",
    ),
    (
        "grid, tick",
        "The columns in which a rhythm is written down: so many ticks to a felt beat. An onset goes to the "
        "nearest one.",
    ),
    (
        "voice, kit",
        "A row of the grid, such as kick or snare; the rows together, with the MIDI notes that each reads and "
        "the one it plays.",
    ),
    ("clip, pattern", "A MIDI file; one cycle of its bars (two, unless said otherwise), which is what a model learns."),
    (
        "halves, thirds, fourths, ...",
        "Into how many parts a felt beat is divided. Of a plain beat (as in 4/4, three of them in 3/4): halves are "
        "eighths, fourths sixteenths, thirds triplets, shuffle or swing. Of a dotted beat (6/8, 9/8, 12/8): "
        "thirds are its "
        "eighths, halves duplets.",
    ),
    ("microtiming", "How far before or after its tick an onset is played: what a grid leaves over, and rvae keeps."),
    (
        "onset F1",
        "How alike two rhythms are: twice the onsets that they have in common by the onsets of both; 100 % (or "
        "1) where "
        "they are the same, 0 where they share none.",
    ),
    ("contributor", "Who made a clip, as the card says: the file dataset.toml beside the clips."),
    (
        "plane",
        "What a player of a model moves over: every place of it is a rhythm. Learned clips have places of their own.",
    ),
)


def five_sentences(subjects: Sequence[Subject]) -> tuple[str, ...]:
    """The first sentence of every layer, then their second ones, until there are five.

    Counterfactuals come first: somebody has asked for them.
    """
    unnamed = {SIDE_BY_SIDE} if len(subjects) > 1 else {subject.name for subject in subjects}
    rows = [
        [sentence if subject.name in unnamed else f"{subject.name}: {sentence}" for sentence in layer.sentences]
        for subject in subjects
        for layer in sorted(subject.layers, key=lambda layer: not layer.name.startswith(COUNTERFACTUAL))
    ]
    ranked = chain.from_iterable(zip_longest(*rows))
    return tuple(sentence for sentence in ranked if sentence)[:SENTENCES]


def as_json(title: str, subjects: Sequence[Subject], *, made: str) -> Json:
    """The whole report for programs."""
    return {
        "title": title,
        "made": made,
        "sentences": list(five_sentences(subjects)),
        "method": list(_METHOD),
        "subjects": [subject.as_json() for subject in subjects],
    }


def as_csv(subjects: Sequence[Subject]) -> str:
    """Every figure as a line."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(csv_rows(subjects))
    return out.getvalue()


def write_report(folder: Path, title: str, subjects: Sequence[Subject], *, made: str) -> dict[str, Path]:
    """Write `audit.html`, `audit.csv` and `audit.json` into a folder, made where it is not there. Raises FileError.

    Figures laid side by side are in the CSV once only, where they come from.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: no folder can be made there ({error.strerror}); choose another with -o") from None
    texts = {
        "html": page(Head(title, made, _ABOUT, five_sentences(subjects), _METHOD, _WORDS), subjects),
        "csv": as_csv([subject for subject in subjects if subject.name != SIDE_BY_SIDE]),
        "json": json.dumps(as_json(title, subjects, made=made), indent=1) + "\n",
    }
    paths = {kind: folder / f"audit.{kind}" for kind in texts}
    for kind, words in texts.items():
        data = words.encode("utf-8", "replace")
        write_whole(paths[kind], lambda out, data=data: out.write(data))  # type: ignore[misc]  # the count of bytes is not needed
    return paths
