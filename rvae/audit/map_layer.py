"""Layer 2, the map: which sounds the kit makes into one, which it does not read, and which strokes go with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rvae.audit.drawing import BLUE, ORANGE, RED, share_bars
from rvae.audit.estimate import count, entropy, of_sums, ratio
from rvae.audit.figure import Figure, Layer, Measure, Picture, Row, Table, Unsaid
from rvae.audit.grid_layer import effect_of
from rvae.audit.material import Material
from rvae.audit.percussion import ROLAND_NOTES, SOURCE, Articulation, articulations, name_of
from rvae.meter import TICKS_PER_BEAT

Of = tuple[tuple[str, str], ...]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Reals = npt.NDArray[np.float64]

ONSETS = Measure("onsets", "", "onsets", "Note-ons of the drums in bars that the grid can hold.", decimals=0)
SHARE = Measure("of all onsets", "%", "onsets", "Share of the onsets of all drums.")
UNREAD = Measure(
    "not read", "%", "onsets", "Share of onsets whose note no voice of the kit reads: they are gone.", decimals=2
)
CHANGED = Measure(
    "sounds as another note",
    "%",
    "onsets",
    "Share of onsets that a voice reads and plays back as a note other than the one that was played. A neighbour "
    "counts "
    "as much as a stranger: 50 as 48 (two toms) as well as 56 as 51 (a cowbell as a ride). Note by note says which.",
)
CROWDED = Measure(
    "lost by merging",
    "%",
    "onsets that the kit reads",
    "Share of onsets lost on 24 ticks per beat because another sound of the same voice has their tick: with a voice of "
    "their own they would be there.",
    decimals=2,
)
FORGOTTEN = Measure(
    "forgotten",
    "bits per onset",
    "onsets that the kit reads",
    "What knowing the voice leaves unknown of the note: the conditional entropy of note given voice. 0 where every "
    "voice stands for one sound; 1 where it is one of two as a coin falls. Of as much as stands in the column before.",
    "Shannon 1948",
    decimals=2,
)
CARRIED = Measure(
    "in the notes",
    "bits per onset",
    "onsets that the kit reads",
    "What the notes say before the kit reads them: their entropy. 0 where all are one note.",
    "Shannon 1948",
    decimals=2,
)
SOUNDS = Measure("notes", "", "different notes", "Different notes in these files that the voice reads.", decimals=0)
EFFECTIVE = Measure(
    "sounds it stands for",
    "",
    "onsets of the voice",
    "The number of equally frequent notes that would be as mixed as those of this voice are: the exponential of their "
    "entropy. 1 where all are one note.",
    "Hill 1973",
    decimals=2,
)


def map_layer(material: Material) -> Layer:
    """What the kit's voices merge or drop, note by note."""
    kit = material.corpus.kit
    question = f"What do the {len(kit)} voices of the kit “{kit.name}” make of the sounds that were played?"
    tables = [_overall(material), _voices(material), _pitches(material)]
    unsaid = []
    found = articulations(material.notes.pitch.tolist())
    if found:
        tables.insert(1, _articulations(material, found))
    else:
        why = "none of the notes that stand for one is in these files: none was played, or it was taken away before"
        unsaid.append(Unsaid("ways of playing (rim, cross-stick, pedal, bell)", why))
    strange = sorted({pitch for pitch in material.notes.pitch.tolist() if name_of(pitch).startswith("note ")})
    if strange:
        pitches = ", ".join(map(str, strange))
        unsaid.append(
            Unsaid(f"what the notes {pitches} are", "General MIDI has no percussion there", "say it with --kit")
        )
    return Layer(
        "map",
        "Layer 2: the map of the drums",
        question,
        tuple(tables),
        (_picture(material),),
        tuple(_sentences(material, tables)),
        tuple(unsaid),
    )


def _by_file(material: Material, chosen: Flags | None = None) -> Ints:
    clip = material.notes.clip if chosen is None else material.notes.clip[chosen]
    return np.bincount(clip, minlength=len(material.clips)).astype(np.int64)


def _out_pitch(material: Material) -> Ints:
    """What each onset is played back as; -1 where it is not."""
    out = np.array([*(voice.pitch_out for voice in material.corpus.kit.voices), -1])
    return out[material.notes.row]


def _lost_to_another_sound(material: Material) -> Flags:
    """Onsets that lose their tick on 24 ticks per beat to an onset of their voice with another pitch; `[N]`, of all."""
    notes = material.notes
    lost = np.zeros(len(notes), dtype=bool)
    read = np.flatnonzero(notes.row >= 0)
    mine = notes.where(read)
    effect = effect_of(material, mine, TICKS_PER_BEAT)
    if not effect.lost.any():
        return lost
    tick = mine.beat * TICKS_PER_BEAT + np.floor(mine.place + 0.5).astype(np.int64)
    loops = np.array([run.loop_beats or 0 for run in material.runs])[mine.run] * TICKS_PER_BEAT
    tick = np.where(loops > 0, tick % np.maximum(loops, 1), tick)
    taker = {
        key: pitch
        for *key_parts, pitch, gone in zip(
            mine.run.tolist(), mine.row.tolist(), tick.tolist(), mine.pitch.tolist(), effect.lost.tolist(), strict=True
        )
        if not gone and (key := tuple(key_parts))
    }
    for place in np.flatnonzero(effect.lost):
        key = (int(mine.run[place]), int(mine.row[place]), int(tick[place]))
        lost[read[place]] = taker[key] != mine.pitch[place]
    return lost


def _overall(material: Material) -> Table:
    notes = material.notes
    out = _out_pitch(material)
    unread, changed, crowded = notes.row < 0, (out >= 0) & (out != notes.pitch), _lost_to_another_sound(material)
    rows = []
    groups: list[tuple[str, Of, Flags]] = [("all", (), np.ones(len(notes), dtype=bool))]
    whose = [clip.people for clip in material.clips]
    if len(material.contributors) > 1:
        for who in material.contributors:
            mine = np.array([who in people for people in whose])[notes.clip]
            groups.append((who, (("contributor", who),), mine))
    for name, of, mine in groups:
        if not mine.any():
            continue
        onsets, read = _by_file(material, mine), _by_file(material, mine & ~unread)
        rows.append(
            Row(
                name,
                (
                    ratio(UNREAD, _by_file(material, mine & unread), onsets, of=of, scale=100),
                    ratio(CHANGED, _by_file(material, mine & changed), onsets, of=of, scale=100),
                    ratio(CROWDED, _by_file(material, mine & crowded), read, of=of, scale=100),
                    _carried(material, mine & ~unread, of),
                    _forgotten(material, mine & ~unread, of),
                ),
            )
        )
    head = ("whose", UNREAD.name, CHANGED.name, CROWDED.name, CARRIED.name, FORGOTTEN.name)
    note = "A clip of several people counts for each of them." if len(rows) > 1 else ""
    return Table("What the map loses", head, tuple(rows), note)


def _carried(material: Material, chosen: Flags, of: Of) -> Figure:
    """H(note): what there is to know of it."""
    onsets = int(chosen.sum())
    if not onsets:
        return Figure(CARRIED, None, 0, of)
    table = _notes_by_file(material, chosen)
    return of_sums(CARRIED, table, lambda sums: entropy(sums) / np.log(2), n=onsets, of=of)


def _forgotten(material: Material, chosen: Flags, of: Of) -> Figure:
    """H(note, voice) - H(voice): what is left to know of the note."""
    onsets = int(chosen.sum())
    if not onsets:
        return Figure(FORGOTTEN, None, 0, of)
    row_of = np.array([-1 if (row := material.corpus.kit.row_of_pitch(pitch)) is None else row for pitch in range(128)])
    by_voice = np.stack([row_of == row for row in range(len(material.corpus.kit))], axis=1).astype(np.float64)

    def bits(sums: Reals) -> Reals:
        left: Reals = (entropy(sums) - entropy(sums @ by_voice)) / np.log(2)
        return np.maximum(left, 0.0)  # rounding may leave less than nothing

    return of_sums(FORGOTTEN, _notes_by_file(material, chosen), bits, n=onsets, of=of)


def _notes_by_file(material: Material, chosen: Flags) -> Reals:
    """How often each note is in each file that has any: `[files, 128]`."""
    table = np.zeros((len(material.clips), 128))
    np.add.at(table, (material.notes.clip[chosen], material.notes.pitch[chosen]), 1)
    found: Reals = table[table.sum(axis=1) > 0]
    return found


def _articulations(material: Material, found: list[Articulation]) -> Table:
    kit = material.corpus.kit
    rows = []
    for each in found:
        of = (("articulation", each.name),)
        mine = material.notes.pitch == each.pitch
        row = kit.row_of_pitch(each.pitch)
        rows.append(
            Row(
                f"{each.name} ({each.pitch})",
                (
                    count(ONSETS, int(mine.sum()), of=of),
                    ratio(SHARE, _by_file(material, mine), _by_file(material), of=of, scale=100),
                    "is not read: gone" if row is None else _fate(material, each.pitch, row),
                ),
            )
        )
    roland = ", ".join(map(str, ROLAND_NOTES))
    note = (
        f"A way of playing is lost where it is not read, or comes back as the plain stroke. Where the notes {roland} "
        f"are, which General MIDI does not have, notes for rims and edges are read as those of a Roland kit. Names: "
        f"{SOURCE}."
    )
    return Table(
        "Ways of playing", ("way of playing (note)", ONSETS.name, SHARE.name, "what becomes of it"), tuple(rows), note
    )


def _fate(material: Material, pitch: int, row: int) -> str:
    """What a note that is read comes back as, and with what else it is one."""
    voice = material.corpus.kit.voices[row]
    here = set(material.notes.pitch[material.notes.row == row].tolist()) - {pitch}
    with_others = f", one with {', '.join(map(str, sorted(here)))}" if here else ""
    if voice.pitch_out == pitch:
        return f"kept as it is{with_others and ', the others become it: ' + with_others.removeprefix(', one with ')}"
    return f"becomes {name_of(voice.pitch_out)} ({voice.pitch_out}), voice {voice.name}{with_others}"


def _voices(material: Material) -> Table:
    notes, rows = material.notes, []
    for row, voice in enumerate(material.corpus.kit.voices):
        counts = np.bincount(notes.pitch[notes.row == row])
        onsets, of = int(counts.sum()), (("voice", voice.name),)
        mixed = Figure(EFFECTIVE, None, 0, of)
        if onsets:
            table = _notes_by_file(material, notes.row == row)
            mixed = of_sums(EFFECTIVE, table, lambda sums: np.exp(entropy(sums)), n=onsets, of=of)
        pitches = ", ".join(map(str, np.flatnonzero(counts).tolist()))
        cells = (count(ONSETS, onsets, of=of), count(SOUNDS, int((counts > 0).sum()), of=of), mixed, pitches or "none")
        rows.append(Row(voice.name, cells))
    head = ("voice", ONSETS.name, SOUNDS.name, EFFECTIVE.name, "the notes")
    return Table("What each voice stands for in these files", head, tuple(rows))


def _pitches(material: Material) -> Table:
    kit, rows = material.corpus.kit, []
    for pitch in np.unique(material.notes.pitch).tolist():
        mine, of = material.notes.pitch == pitch, (("note", str(pitch)),)
        row = kit.row_of_pitch(pitch)
        cells = (
            count(ONSETS, int(mine.sum()), of=of),
            ratio(SHARE, _by_file(material, mine), _by_file(material), of=of, scale=100),
            "not read" if row is None else kit.names[row],
            "" if row is None else _back(kit.voices[row].pitch_out, pitch),
        )
        rows.append(Row(f"{pitch} {name_of(pitch)}", cells))
    head = ("note", ONSETS.name, SHARE.name, "voice", "played back as")
    return Table("Note by note", head, tuple(rows), f"Names: {SOURCE}.")


def _back(out: int, pitch: int) -> str:
    """What a note comes back as, by number and name."""
    return "the same" if out == pitch else f"{out} {_short(out)}"


def _short(pitch: int) -> str:
    return name_of(pitch).split(" (")[0]


def _picture(material: Material) -> Picture:
    """The notes by their share; those that no voice reads in red, those that become another in orange."""
    total = len(material.notes)
    pitches, counts = np.unique(material.notes.pitch, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_SHOWN]
    kit = material.corpus.kit
    rows, colours = [], []
    for pitch, onsets in zip(pitches[order].tolist(), counts[order].tolist(), strict=True):
        row = kit.row_of_pitch(pitch)
        out = None if row is None else kit.voices[row].pitch_out
        words = "not read" if row is None else f"→ {kit.names[row]}"
        if out is not None and out != pitch:
            words += f", back as {_back(out, pitch)}"
        rows.append((f"{pitch} {_short(pitch)}", 100 * onsets / total, f"{100 * onsets / total:.1f} % {words}"))
        colours.append(RED if out is None else BLUE if out == pitch else ORANGE)
    title = "The notes that were played, and the voice that each becomes"
    shown = "" if len(pitches) <= _SHOWN else f"The {_SHOWN} commonest of {len(pitches)}. "
    caption = f"{shown}Share of all {total:,} onsets. Orange: comes back as another note. Red: no voice reads it."
    return Picture(
        title, share_bars(rows, title=title, colours=colours, most=_ROOM * max(share for _, share, _ in rows)), caption
    )


_SHOWN = 24
_ROOM = 1.5  # a bar of full length by the longest: room for the words beside it


def _commonest(material: Material) -> str:
    """The notes that most often come back as another, in words."""
    notes, out = material.notes, _out_pitch(material)
    pairs = Counter(
        (pitch, back) for pitch, back in zip(notes.pitch.tolist(), out.tolist(), strict=True) if back not in (-1, pitch)
    )
    named = [f"{_short(pitch)} as {_short(back)}" for (pitch, back), _ in pairs.most_common(3)]
    return f", most often {', '.join(named)}" if named else ""


def _sentences(material: Material, tables: list[Table]) -> Iterator[str]:
    overall = {figure.measure: figure for figure in tables[0].rows[0].cells if isinstance(figure, Figure)}
    pitches = len(np.unique(material.notes.pitch))
    used = len({row for row in material.notes.row.tolist() if row >= 0})
    yield (
        f"The kit makes {pitches} different notes into {used} voices: {overall[CHANGED].text} % of the onsets come "
        f"back as another note than was played{_commonest(material)}; {overall[UNREAD].text} % are not read at all."
    )
    strokes = next((table for table in tables if table.title == "Ways of playing"), None)
    if strokes is not None:
        lost = [(row.label, row.cells[1]) for row in strokes.rows if "kept" not in str(row.cells[2])]
        shares = [(label, share) for label, share in lost if isinstance(share, Figure)]
        shares.sort(key=lambda pair: -(pair[1].value or 0.0))
        if shares:
            named = "; ".join(f"{label}: {share.text} % of the onsets" for label, share in shares[:2])
            yield f"Ways of playing that are lost, the commonest first: {named}."
