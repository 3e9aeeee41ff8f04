"""Layer 3, the corpus: what is in it and how much of each, whose it is, what comes twice, and what is not in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rvae.audit.beats import BEAT_KINDS, of_kind, sounding_beats, subdivisions
from rvae.audit.drawing import BLUE, GREY, share_bars
from rvae.audit.estimate import count, evenness, ratio
from rvae.audit.figure import Cell, Figure, Layer, Measure, Picture, Row, Table, Unsaid
from rvae.audit.likeness import duplicates
from rvae.audit.material import Material
from rvae.audit.percussion import GHOST_VELOCITY
from rvae.audit.stated import STATED_METERS, TIME, share_of_time, stated_table
from rvae.audit.syncopation import SOURCE as SYNCOPATION_SOURCE
from rvae.audit.syncopation import syncopated
from rvae.card import NOBODY, Card
from rvae.meter import Meter

Of = tuple[tuple[str, str], ...]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]

CLIPS = Measure("clips", "", "files", "Files that have any of it.", decimals=0)
BARS = Measure("bars", "", "bars", "Bars as they stand in the files, copies to fill a cycle not counted.", decimals=0)
ONSETS = Measure("of the onsets", "%", "onsets", "Share of the onsets of the drums.")
TEMPO = Measure(
    "tempo",
    "felt beats/min",
    "felt beats",
    "Felt beats a minute on average over the beats: quarters in 4/4, dotted quarters in 6/8, the shorter beat in 7/8.",
    decimals=0,
)
DENSITY = Measure(
    "density", "onsets per felt beat", "felt beats", "Onsets of all voices by felt beats, silent ones too."
)
SYNCOPATED = Measure(
    "syncopated",
    "%",
    "onsets that the kit reads",
    "Share of onsets after which a stronger place of the bar comes before the next onset of their voice, and stays "
    "empty. Strength is by the tree of the meter itself: bar, half bar, felt beats (equal or not), then halves or "
    "thirds of the beat. A snare on two and four counts.",
    SYNCOPATION_SOURCE,
)
LOUDNESS = Measure(
    "ghost notes",
    "%",
    "onsets",
    f"Share of onsets with a MIDI velocity below {GHOST_VELOCITY} of 127: a line drawn here, since what is soft "
    "on one instrument is not on another.",
    "",
    1,
)
EVENNESS = Measure(
    "evenness",
    "",
    "kinds there are",
    "Pielou's J over the kinds that are there: 1 where all have the same share, near 0 where one has nearly all. It "
    "says nothing of kinds that are missing: those are listed by name.",
    "Pielou 1966",
    decimals=2,
)


@dataclass(frozen=True, eq=False)
class _Group:
    """Some of the runs and of the onsets of a corpus, under a name."""

    name: str
    of: Of
    runs: Flags
    notes: Flags


def corpus_layer(material: Material) -> Layer:
    """What is in a corpus, whose it is, and what is not in it."""
    tables = [
        _meters(material),
        subdivisions(material),
        _character(material),
        _voices(material),
        _contributors(material),
        _evenness(material),
    ]
    unsaid = list(_unsaid(material))
    absent = stated_table(material)
    likeness, pairs, sentence = duplicates(material)
    tables += [absent, *likeness, *pairs, *_tags(material), _cards(material), *_known_gaps(material)]
    return Layer(
        "corpus",
        "Layer 3: the corpus",
        "Whose music is this, how much is there of what, and what is not in it?",
        tuple(tables),
        tuple(_pictures(material)),
        tuple(_sentences(material, tables, sentence)),
        tuple(unsaid),
    )


def _meters(material: Material) -> Table:
    rows = []
    for meter in material.meters:
        of = (("meter", meter.label),)
        runs = np.array([run.meter == meter for run in material.runs])
        bars = np.array([float(run.bars) for run in material.runs])
        cells: tuple[Cell, ...] = (
            count(CLIPS, int((material.by_clip(bars, runs) > 0).sum()), of=of),
            count(BARS, int(bars[runs].sum()), of=of),
            share_of_time(material, runs, of),
            ratio(
                ONSETS, material.onsets_by_clip(runs[material.notes.run]), material.onsets_by_clip(), of=of, scale=100
            ),
        )
        rows.append(Row(meter.label, cells))
    return Table("Meters", ("meter", CLIPS.name, BARS.name, TIME.name, ONSETS.name), tuple(rows))


def _groups(material: Material) -> Iterator[_Group]:
    """All, then by meter, then by contributor."""
    notes = material.notes
    everything = np.ones(len(material.runs), dtype=bool)
    yield _Group("all", (), everything, everything[notes.run])
    for meter in material.meters:
        runs = np.array([run.meter == meter for run in material.runs])
        if not runs.all():
            yield _Group(meter.label, (("meter", meter.label),), runs, runs[notes.run])
    for who in material.contributors:
        runs = np.array([who in material.clips[run.clip].people for run in material.runs])
        if not runs.all():
            yield _Group(who, (("contributor", who),), runs, runs[notes.run])


def _character(material: Material) -> Table:
    beats = np.array([float(run.bars * run.meter.beats) for run in material.runs])
    bpm = np.array([run.meter.bpm_of(run.qpm) for run in material.runs])
    notes, off = material.notes, _syncopated(material)
    rows = []
    for group in _groups(material):
        read = group.notes & (notes.row >= 0)
        below = material.by_clip(beats, group.runs)
        cells: tuple[Cell, ...] = (
            ratio(TEMPO, material.by_clip(beats * bpm, group.runs), below, of=group.of),
            ratio(DENSITY, material.onsets_by_clip(group.notes), below, of=group.of),
            ratio(
                SYNCOPATED,
                material.onsets_by_clip(read & off),
                material.onsets_by_clip(read),
                of=group.of,
                scale=100,
            ),
            ratio(
                LOUDNESS,
                material.onsets_by_clip(group.notes & (notes.velocity < GHOST_VELOCITY)),
                material.onsets_by_clip(group.notes),
                of=group.of,
                scale=100,
            ),
        )
        rows.append(Row(group.name, cells))
    head = ("of", TEMPO.name, DENSITY.name, SYNCOPATED.name, LOUDNESS.name)
    return Table("Tempo, density, syncopation, ghost notes", head, tuple(rows))


def _syncopated(material: Material) -> Flags:
    """Which onsets are syncopated; none of those that the kit does not read: `[N]`."""
    notes = material.notes
    found = np.zeros(len(notes), dtype=bool)
    borders = np.searchsorted(notes.run, np.arange(len(material.runs) + 1))
    for number, run in enumerate(material.runs):
        mine = np.arange(borders[number], borders[number + 1])
        mine = mine[notes.row[mine] >= 0]
        found[mine] = syncopated(notes.tick[mine], notes.row[mine], run.meter, loop_beats=run.loop_beats)
    return found


def _voices(material: Material) -> Table:
    notes, rows = material.notes, []
    for row, name in enumerate(material.corpus.kit.names):
        of, mine = (("voice", name),), notes.row == row
        by_clip = material.onsets_by_clip(mine)
        share = ratio(ONSETS, by_clip, material.onsets_by_clip(), of=of, scale=100)
        rows.append(Row(name, (count(CLIPS, int((by_clip > 0).sum()), of=of), share)))
    return Table("Voices", ("voice", CLIPS.name, ONSETS.name), tuple(rows))


def _contributors(material: Material) -> Table:
    rows, seconds = [], material.by_clip(material.seconds)
    for who in material.contributors:
        of = (("contributor", who),)
        share_of_clip = np.array([1 / len(clip.people) if who in clip.people else 0.0 for clip in material.clips])
        cells = (
            count(CLIPS, int((share_of_clip > 0).sum()), of=of),
            ratio(TIME, seconds * share_of_clip, seconds, of=of, scale=100),
            ratio(ONSETS, material.onsets_by_clip() * share_of_clip, material.onsets_by_clip(), of=of, scale=100),
        )
        rows.append((float(cells[1].value or 0.0), Row(who, cells)))
    rows.sort(key=lambda pair: -pair[0])
    note = (
        "People as the cards name them, a clip of several shared equally. Who is not named cannot be thanked, paid or "
        "asked."
    )
    head = ("contributor", CLIPS.name, TIME.name, ONSETS.name)
    return Table("Whose it is", head, tuple(row for _, row in rows), note)


def _evenness(material: Material) -> Table:
    """How evenly time is spread over meters, people and so on."""
    clips = len(material.clips)
    by_meter = np.zeros((clips, len(material.meters)))
    for run, length in zip(material.runs, material.seconds.tolist(), strict=True):
        by_meter[run.clip, material.meters.index(run.meter)] += length
    by_person = np.zeros((clips, len(material.contributors)))
    lengths = material.by_clip(material.seconds).tolist()
    for number, (clip, length) in enumerate(zip(material.clips, lengths, strict=True)):
        for who in clip.people:
            by_person[number, material.contributors.index(who)] += length / len(clip.people)
    beats = sounding_beats(material)
    by_kind = np.stack([np.bincount(beats.clip[of_kind(beats, name)], minlength=clips) for name in BEAT_KINDS], axis=1)
    read = material.notes.where(material.notes.row >= 0)
    by_voice = np.zeros((clips, len(material.corpus.kit)))
    np.add.at(by_voice, (read.clip, read.row), 1)
    kinds = {"meters": by_meter, "contributors": by_person, "subdivisions": by_kind, "voices": by_voice}
    rows = []
    for name, table in kinds.items():
        figure = evenness(EVENNESS, table, of=(("over", name),))
        words = "" if figure.value is not None else "one kind only: nothing to spread" if figure.n else "none"
        rows.append(Row(name, (figure, words)))
    note = "Meters and contributors by time, subdivisions by beats, voices by onsets."
    return Table("Evenness", ("over", EVENNESS.name, ""), tuple(rows), note)


_TAGS_SHOWN = 30


def _tags(material: Material) -> list[Table]:
    """How many clips have each tag."""
    counts = Counter(tag for clip in material.clips for tag in clip.tags)
    if not counts:
        return []
    rows = tuple(
        Row(tag, (count(CLIPS, number, of=(("tag", tag),)),)) for tag, number in counts.most_common(_TAGS_SHOWN)
    )
    more = f"The {_TAGS_SHOWN} commonest of {len(counts)}." if len(counts) > _TAGS_SHOWN else ""
    return [Table("Tags", ("tag", CLIPS.name), rows, more)]


def _asked(card: Card) -> dict[str, str]:
    """What a card can say, and what this one does: nothing where it does not."""
    return {
        "name": card.name,
        "what it is": "says" if card.description else "",
        "people": ", ".join(card.people),
        "licence": card.licence,
        "consent": card.consent,
        "sources or method": "says" if card.sources or card.rest.get("method") else "",
        "known gaps": "says, see below" if _gaps(card) else "",
    }


def _cards(material: Material) -> Table:
    """What the card of each folder says, and what it leaves open."""
    folders: dict[str, Card | None] = {}
    for clip in material.clips:
        folders.setdefault(str(Path(clip.file).parent), material.corpus.card_of.get(clip.file))
    keys = list(_asked(Card()))
    rows = []
    for folder, card in folders.items():
        said = _asked(card or Card())
        cells = tuple(said[key] or "does not say" for key in keys) if card else ("no card",) * len(keys)
        rows.append(Row(Path(folder).name or folder, cells))
    note = (
        "A card is the file dataset.toml beside the clips. Whether what it says is so is not for a program to check; "
        "what is long is not repeated here."
    )
    return Table("What the cards say", ("folder", *keys), tuple(rows), note)


def _known_gaps(material: Material) -> list[Table]:
    """What the cards themselves say is missing."""
    said = [(card.name or "unnamed", gap) for card in material.corpus.cards for gap in _gaps(card)]
    rows = tuple(Row(name, (gap,)) for name, gap in said)
    return [Table("What the cards themselves say is missing", ("card", "gap"), rows)] if rows else []


def _gaps(card: Card) -> list[str]:
    gaps = card.rest.get("known_gaps", ())
    return [str(gap) for gap in gaps] if isinstance(gaps, list | tuple) else [str(gaps)]


def _unsaid(material: Material) -> Iterator[Unsaid]:
    nobody = [clip for clip in material.clips if any(who.startswith(NOBODY) for who in clip.people)]
    remedy = "name people in dataset.toml beside the clips"
    if nobody:
        yield Unsaid(f"whose {len(nobody)} of {len(material.clips)} clips are", "no card names anybody", remedy)
    if len(material.contributors) == 1:
        yield Unsaid("how even the contributions are", "there is one contributor only")
    if len(material.meters) == 1:
        yield Unsaid("how even the meters are", f"every bar is in {material.meters[0].label}")
    if len(material.clips) < 5:
        clips = "is one clip" if len(material.clips) == 1 else f"are {len(material.clips)} clips"
        yield Unsaid("how far shares would move with other clips", f"there {clips}; an interval needs five at least")
    untagged = sum(not clip.tags for clip in material.clips)
    if untagged:
        yield Unsaid(
            f"the style of {untagged} of {len(material.clips)} clips", "they have no tags", "give some in the card"
        )
    if any(not tag.strip() for clip in material.clips for tag in clip.tags):
        yield Unsaid("what an empty tag means", "a card has one", "fill it in, or take it away")
    if material.corpus.report.unreadable:
        files = ", ".join(Path(gone.file).name for gone in material.corpus.report.unreadable[:3])
        yield Unsaid(
            f"anything of {len(material.corpus.report.unreadable)} files", f"they cannot be read ({files}, ...)"
        )
    refused = Counter[str]()
    for gone in material.corpus.report.dropped:
        refused[gone.reason] += gone.onsets
    for reason, onsets in refused.most_common(5):
        if onsets:
            yield Unsaid(f"anything of {onsets:,} notes", reason)


def _pictures(material: Material) -> Iterator[Picture]:
    total = float(material.seconds.sum())
    shares = [
        (meter.label, 100 * sum(run.seconds for run in material.runs if run.meter == meter) / total)
        for meter in material.meters
    ]
    there = {name for name, _ in shares}
    missing = [name for name in STATED_METERS if Meter.parse(name).label not in there]
    rows = [(name, share, f"{share:.1f} %") for name, share in sorted(shares, key=lambda pair: -pair[1])]
    rows += [(Meter.parse(name).label, 0.0, "not in it") for name in missing]
    title = "Meters by playing time, and stated ones that are missing"
    yield Picture(
        title, share_bars(rows, title=title, colours=[BLUE] * len(rows)), f"Share of {total / 60:.1f} minutes."
    )
    if len(material.contributors) > 1:
        by_clip = material.by_clip(material.seconds)
        people: Counter[str] = Counter()
        for clip, length in zip(material.clips, by_clip.tolist(), strict=True):
            for who in clip.people:
                people[who] += length / len(clip.people)
        title = "Contributors by playing time"
        shown = [(who, 100 * length / total, f"{100 * length / total:.1f} %") for who, length in people.most_common(20)]
        colours = [GREY if who.startswith(NOBODY) else BLUE for who, _, _ in shown]
        caption = "Share of the playing time; grey: nobody is named."
        yield Picture(title, share_bars(shown, title=title, colours=colours), caption)


def _sentences(material: Material, tables: Sequence[Table], duplicates: str) -> Iterator[str]:
    meters = next(table for table in tables if table.title == "Meters")
    times = sorted(
        (
            (row.label, cell)
            for row in meters.rows
            for cell in row.cells
            if isinstance(cell, Figure) and cell.measure == TIME
        ),
        key=lambda pair: -(pair[1].value or 0.0),
    )
    first, figure = times[0]
    stated = next(table for table in tables if table.title.startswith("What is there"))
    absent = [row.label for row in stated.rows if row.cells[1] == "absent"]
    of_meters = [row.label for row in stated.rows[: len(STATED_METERS)] if row.cells[1] == "absent"]
    rest = (
        ""
        if len(times) == 1
        else f", {times[1][0]} the rest"
        if len(times) == 2
        else f", {len(times) - 1} others the rest"
    )
    missing = [name for name in absent if name not in of_meters]
    named = f" ({'; '.join(missing)})" if missing else ""
    yield (
        f"Of the playing time {first} has {figure.text} %{rest}. Looked for and absent: {len(of_meters)} of "
        f"{len(STATED_METERS)} meters, and {len(missing)} of {len(stated.rows) - len(STATED_METERS)} feels{named}."
    )
    people = next(table for table in tables if table.title == "Whose it is")
    nobody = sum(any(who.startswith(NOBODY) for who in clip.people) for clip in material.clips)
    top = people.rows[0]
    share = top.cells[1]
    text = share.text if isinstance(share, Figure) else ""
    if nobody:
        yield f"For {nobody} of {len(material.clips)} clips nobody is named; whose music it is cannot be said."
    else:
        one = f"All of it is by one contributor, {top.label}."
        yield (
            one if len(people.rows) == 1 else f"{len(people.rows)} contributors; {top.label} has {text} % of the time."
        )
    yield duplicates
