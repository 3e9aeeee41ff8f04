"""What an import would have one look at, and the page that shows it."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from strategies import midi, on, signature, track

from rvae import read_corpus
from rvae.__main__ import main
from rvae.corpus import bundled_corpora
from rvae.findings import KitDoubt, find
from rvae.import_page import import_page
from rvae.inspection import print_report
from rvae.kit import Kit
from rvae.kitfile import find_kit
from rvae.measures import lean_ms
from rvae.meter import Meter
from rvae.midi import MidiNote, TimeSignature, read_midi, write_clip, write_midi

KICK, SNARE, HAT = 36, 38, 42


def beat(hats: list[Fraction], *, shift: Fraction = Fraction(0), bars: int = 2) -> list[MidiNote]:
    """A backbeat in 4/4 with hats at these places of each beat."""
    notes = []
    for quarter in range(4 * bars):
        notes.append(MidiNote(quarter + shift, Fraction(1, 16), 10, SNARE if quarter % 2 else KICK, 100))
        notes += [MidiNote(quarter + at + shift, Fraction(1, 16), 10, HAT, 70) for at in hats]
    return notes


STRAIGHT = [Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)]
SHUFFLE = [Fraction(0), Fraction(2, 3)]
FOUR = [(0, Meter.parse("4/4"))]


def test_a_shuffle_in_four_is_doubted_and_a_straight_beat_is_not(tmp_path: Path) -> None:
    write_midi(tmp_path / "shuffle.mid", beat(SHUFFLE), meters=FOUR, length_quarters=8)
    write_midi(tmp_path / "straight.mid", beat(STRAIGHT), meters=FOUR, length_quarters=8)
    (doubt,) = find(read_corpus(tmp_path)).doubts
    assert Path(doubt.file).name == "shuffle.mid"
    assert (doubt.label.name, doubt.proposed.name) == ("4/4", "12/8")
    assert "8 onsets on thirds" in doubt.why


def test_a_twelve_eight_stored_in_three_four_sixteenths_is_doubted(tmp_path: Path) -> None:
    notes = []
    for bar in range(4):
        for place in range(12):
            at = bar * 3 + Fraction(place, 4)
            if place % 3 == 0:
                drum = (KICK, SNARE)[place // 3 % 2]
                notes += [MidiNote(at, Fraction(1, 16), 10, drum, 110), MidiNote(at, Fraction(1, 16), 10, 51, 100)]
            if place % 3 != 1:
                notes.append(MidiNote(at, Fraction(1, 16), 10, HAT, 60))
    write_midi(tmp_path / "a.mid", notes, meters=[(0, Meter.parse("3/4"))], length_quarters=12)
    (doubt,) = find(read_corpus(tmp_path)).doubts
    assert doubt.proposed.name == "12/16"
    assert "3/4 sixteenths" in doubt.why


def test_a_label_with_other_bars_than_the_music_is_doubted(tmp_path: Path) -> None:
    notes = []
    for bar in range(16):
        start = Fraction(bar * 5, 2)
        for at, drum in ((0, KICK), (Fraction(1, 2), HAT), (1, SNARE), (Fraction(3, 2), HAT), (2, 45)):
            notes.append(MidiNote(start + at, Fraction(1, 16), 10, drum, 90))
    write_midi(tmp_path / "a.mid", notes, meters=FOUR, length_quarters=40)
    (doubt,) = find(read_corpus(tmp_path)).doubts
    assert (doubt.proposed.numerator, doubt.proposed.denominator) == (5, 8)


def loop(
    path: Path, label: str, quarters: Fraction | int, count: int, *strokes: tuple[Fraction | int, int]
) -> list[tuple[str, str]]:
    """A clip of so many quarters again and again: the doubts about its label, as what is proposed and why."""
    notes = [
        MidiNote(number * quarters + at, Fraction(1, 16), 10, pitch, 90)
        for number in range(count)
        for at, pitch in strokes
    ]
    write_midi(path, notes, meters=[(0, Meter.parse(label))], length_quarters=quarters * count)
    return [(doubt.proposed.name, doubt.kind) for doubt in find(read_corpus(path)).doubts]


def test_bars_that_come_again_as_they_are_written_are_not_doubted(tmp_path: Path) -> None:
    half, late = Fraction(1, 2), Fraction(7, 4)
    off_the_beat = ((half, 70), (half, 63), (3 * half, 70), (3 * half, 64), (late, 70), (late, 64))
    assert not loop(tmp_path / "a.mid", "4/4", 2, 16, *off_the_beat)  # twelve eighths would hold as many whole loops
    assert not loop(
        tmp_path / "b.mid", "3/8", Fraction(3, 2), 32, (0, KICK), (Fraction(3, 4), HAT), (Fraction(5, 4), SNARE)
    )


def test_bars_that_come_again_otherwise_than_written_are_doubted(tmp_path: Path) -> None:
    swung = Fraction(5, 3)
    waltz = ((0, 51), (0, KICK), (1, 51), (1, 44), (swung, 51), (2, 51), (swung, SNARE), (2, 44))
    ((proposed, why),) = loop(tmp_path / "a.mid", "4/4", 3, 8, *waltz)
    assert proposed == "3/4"  # of its bars and its swing, both of which 4/4 does not say, the bars come first
    assert "bars of that length" in why
    plain = ((0, KICK), (1, HAT), (2, HAT), (3, SNARE), (4, HAT))
    assert [name for name, _ in loop(tmp_path / "b.mid", "4/4", 5, 12, *plain)] == ["5/4"]


def test_labels_are_never_changed_by_a_doubt(tmp_path: Path) -> None:
    write_midi(tmp_path / "shuffle.mid", beat(SHUFFLE), meters=FOUR, length_quarters=8)
    corpus = read_corpus(tmp_path)
    find(corpus)
    assert [meter.name for meter in corpus.meters] == ["4/4"]


@pytest.mark.parametrize(
    ("name", "wrong"), [("straight-four", (6, 8)), ("straight-four", (3, 4)), ("additive", (4, 4))]
)
def test_clips_with_a_wrong_time_signature_are_mostly_doubted(
    name: str, wrong: tuple[int, int], tmp_path: Path
) -> None:
    count = 0
    for file in bundled_corpora()[name].glob("*.mid"):
        clip = read_midi(file)
        if wrong not in {sign[1:] for sign in clip.signatures}:
            write_clip(tmp_path / file.name, replace(clip, signatures=(TimeSignature(0, *wrong),), texts=()))
            count += 1
    assert len(find(read_corpus(tmp_path)).doubts) >= 0.6 * count


def test_a_meter_that_the_card_says_is_not_doubted(tmp_path: Path) -> None:
    write_midi(tmp_path / "a.mid", beat(STRAIGHT, bars=4), meters=[(0, Meter.parse("3/4"))], length_quarters=16)
    assert len(find(read_corpus(tmp_path)).doubts) == 1
    (tmp_path / "dataset.toml").write_text('[clips."a.mid"]\nmeter = "3/4"\n', encoding="utf-8")
    assert not find(read_corpus(tmp_path)).doubts
    (tmp_path / "dataset.toml").write_text('[clips."a.mid"]\nmeter = "4/4"\n', encoding="utf-8")
    corpus = read_corpus(tmp_path)  # and counts for more than the file
    assert [meter.name for meter in corpus.meters] == ["4/4"]
    assert corpus.report.clips[0].notes == ("4/4, as its card says; its file says 3/4",)


def test_triplets_in_four_stay_what_they_are_where_the_card_says_twelve_eight(tmp_path: Path) -> None:
    write_midi(tmp_path / "shuffle.mid", beat(SHUFFLE), meters=FOUR, length_quarters=8)
    (before,) = read_corpus(tmp_path).patterns
    (tmp_path / "dataset.toml").write_text('[clips."shuffle.mid"]\nmeter = "12/8"\n', encoding="utf-8")
    corpus = read_corpus(tmp_path)
    assert np.array_equal(corpus.patterns[0].onset, before.onset)
    assert not find(corpus).doubts
    (note,) = corpus.report.clips[0].notes
    assert "in triplets" in note


def test_few_bundled_clips_that_are_not_swung_are_doubted() -> None:
    for name in ("straight-four", "twelve-eight", "additive"):
        corpus = read_corpus(bundled_corpora()[name])
        assert len(find(corpus).doubts) <= 0.1 * len(corpus.clips)
    triplets = read_corpus(bundled_corpora()["triplets-in-four"])
    heard = io.StringIO()
    print_report(triplets, Console(file=heard, width=200))
    assert heard.getvalue().count("4/4, or 12/8?") == 2  # a line for each kind, not for each clip
    assert len(find(triplets).doubts) > 0.7 * len(triplets.clips)


def test_a_copied_clip_and_one_with_a_stroke_more_are_found(tmp_path: Path) -> None:
    write_midi(tmp_path / "a.mid", beat(STRAIGHT), meters=FOUR, length_quarters=8)
    write_midi(tmp_path / "b.mid", beat(STRAIGHT), meters=FOUR, length_quarters=8)
    more = [*beat(STRAIGHT), MidiNote(Fraction(3, 2), Fraction(1, 16), 10, 49, 90)]
    write_midi(tmp_path / "c.mid", more, meters=FOUR, length_quarters=8)
    write_midi(tmp_path / "d.mid", beat(SHUFFLE), meters=FOUR, length_quarters=8)
    twins = {(Path(twin.file).name, Path(twin.other).name): twin.exact for twin in find(read_corpus(tmp_path)).twins}
    assert twins[("a.mid", "b.mid")]
    assert any("c.mid" in pair and not exact for pair, exact in twins.items())
    assert not any("d.mid" in pair for pair in twins)


def test_notes_that_another_kit_reads_are_proposed_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)), (48, on(24)), (96, on(25)), (144, on(21)))))
    kits = find(read_corpus(tmp_path)).kits
    assert (kits[0].name, kits[0].onsets, kits[0].pitches) == ("superior", 3, (21, 24, 25))


def test_a_kit_that_reads_but_a_few_of_the_notes_left_over_is_not_proposed(tmp_path: Path) -> None:
    own = ((48 * at, on(pitch)) for at, pitch in enumerate((1, 2, 1, 2, 91), 1))
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)), *own)))
    corpus = read_corpus(tmp_path)
    assert find_kit("slate").row_of_pitch(91) is not None
    assert find(corpus).kits == ()
    assert "No kit that comes with rvae reads most of them" in import_page(corpus, find(corpus))


def test_a_kit_that_would_leave_out_more_than_it_reads_is_not_proposed(tmp_path: Path) -> None:
    unread, rides = (0, on(71)), [(48, on(80)), (96, on(81)), (144, on(83)), (192, on(84)), (240, on(87))]
    (tmp_path / "a.mid").write_bytes(midi(track(unread, *rides)))
    for kit in find(read_corpus(tmp_path)).kits:
        left_out = [pitch for pitch in (80, 81, 83, 84, 87) if find_kit(kit.name).row_of_pitch(pitch) is None]
        assert len(left_out) < kit.onsets


def test_a_few_whistles_propose_no_kit_that_hears_the_rest_as_something_else(tmp_path: Path) -> None:
    others = [MidiNote(place, Fraction(1, 16), 10, pitch, 90) for place, pitch in enumerate((71, 46, 43, 51, 49, 47))]
    write_midi(tmp_path / "a.mid", [*beat(STRAIGHT, bars=4), *others], meters=FOUR, length_quarters=16)
    corpus = read_corpus(tmp_path)
    assert corpus.report.unmapped == {71: 1}
    assert find(corpus).kits == ()


def as_for(kit: Kit, clips: int, folder: Path) -> None:
    """Backbeats made for another kit: its kick, snare and closed hat."""
    plays = {voice.name: voice.pitch_out for voice in kit.voices}
    pitch = {KICK: plays["kick"], SNARE: plays["snare"], HAT: plays["closed_hat"]}
    notes = [note._replace(pitch=pitch[note.pitch]) for note in beat(STRAIGHT)]
    for number in range(clips):
        write_midi(folder / f"{number}.mid", notes, meters=FOUR, length_quarters=8)


def test_clips_of_another_maker_whose_hats_are_cymbals_here_are_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    as_for(find_kit("addictive"), 8, tmp_path)
    found = find(read_corpus(tmp_path))
    assert found.kit_doubt == KitDoubt("addictive", hats=256, heard=0, notes=320)
    assert main(["inspect", str(tmp_path)]) == 0
    assert "--kit addictive would read 256 as hi-hat" in capsys.readouterr().out
    page = import_page(read_corpus(tmp_path), found)
    assert "Hardly any hi-hat" in page
    assert find(read_corpus(tmp_path, kit=find_kit("addictive"))).kit_doubt is None


def test_a_few_clips_without_a_hat_are_not_asked_about(tmp_path: Path) -> None:
    as_for(find_kit("addictive"), 7, tmp_path)
    assert find(read_corpus(tmp_path)).kit_doubt is None


@pytest.mark.parametrize(("pitches", "asked"), [((60, 62, 64), True), ((60, 62, 36), False), ((42, 42, 46), False)])
def test_an_own_kit_that_is_read_as_toms_is_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pitches: tuple[int, int, int], asked: bool
) -> None:
    plays = dict(zip((KICK, SNARE, HAT), pitches, strict=True))
    notes = [note._replace(pitch=plays[note.pitch]) for note in beat(STRAIGHT)]
    for number in range(2):
        write_midi(tmp_path / f"{number}.mid", notes, meters=FOUR, length_quarters=8)
    found = find(corpus := read_corpus(tmp_path))
    assert found.beatless == (corpus.report.onsets if asked else 0)
    assert main(["inspect", str(tmp_path)]) == 0
    assert ("no kick and no snare" in capsys.readouterr().out) is asked
    assert ("No kick and no snare" in import_page(corpus, found)) is asked


def test_no_bundled_corpus_is_taken_for_another_kit() -> None:
    for folder in bundled_corpora().values():
        found = find(read_corpus(folder), twins=False)
        assert found.kit_doubt is None, folder
        assert not found.beatless, folder


@pytest.mark.parametrize("name", ["groove-midi", "drumset-patterns", "timelines", "mixed-meter"])
def test_no_set_of_other_people_is_taken_for_another_kit(shared: Path, name: str) -> None:
    found = find(read_corpus(shared / "data" / name), twins=False)
    assert found.kit_doubt is None
    assert not found.beatless


def test_a_file_with_nothing_on_the_drum_channel_says_what_was_read(tmp_path: Path) -> None:
    bass = [note._replace(channel=2) for note in beat(STRAIGHT)]
    write_midi(tmp_path / "bass.mid", bass, meters=FOUR, length_quarters=8)
    write_midi(tmp_path / "song.mid", [*bass, MidiNote(0, 1, 5, 60, 90)], meters=FOUR, length_quarters=8)
    write_midi(tmp_path / "drums.mid", beat(STRAIGHT), meters=FOUR, length_quarters=8)
    said = {Path(clip.file).name: "; ".join(clip.notes) for clip in read_corpus(tmp_path).report.clips}
    assert "nothing on channel 10: channel 2 was read as drums" in said["bass.mid"]
    assert "channels 2, 5 were all read as drums; --channel N takes one. Or is it music without" in said["song.mid"]
    assert "channel" not in said["drums.mid"]
    page = import_page(read_corpus(tmp_path), find(read_corpus(tmp_path)))
    assert "If it is music without drums, take it out: bass.mid, song.mid." in page
    assert "one line" not in "".join(said.values())
    asked = {clip.file: clip.notes for clip in read_corpus(tmp_path / "song.mid", channel=2).report.clips}
    assert not any("channel" in note for notes in asked.values() for note in notes)


def test_of_a_song_with_all_on_one_channel_the_tracks_named_as_drums_are_read(tmp_path: Path) -> None:
    def named(name: str, *pitches: int) -> bytes:
        notes = ((48 * number, on(pitch, channel=1)) for number, pitch in enumerate(pitches))
        return track((0, b"\xff\x03" + bytes([len(name)]) + name.encode()), *notes)

    drums, bass = named("Jazz Kit", 36, 42, 38, 42), named("Bass", 36, 38, 40)
    for tracks, kept in (((drums, bass), 4), ((bass, named("Snare", 38), named("Hats", 42)), 2), ((drums, drums), 4)):
        (tmp_path / "song.mid").write_bytes(midi(*tracks, kind=1))
        (clip,) = read_corpus(tmp_path).report.clips
        assert clip.onsets == kept
        gone = [(entry.reason, entry.onsets) for entry in clip.dropped]
        assert gone == ([] if bass not in tracks else [("not on a track of drums", 3)])
        assert sum(onsets for _, onsets in gone) + clip.onsets + clip.collisions == clip.note_ons
        assert read_corpus(tmp_path, channel=1).report.onsets == kept
    (tmp_path / "song.mid").write_bytes(midi(drums, track((0, on(36))), kind=1))
    assert read_corpus(tmp_path).report.onsets == 1  # what is on the channel of drums needs no name


def test_a_bass_line_is_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = [MidiNote(Fraction(at, 2), Fraction(1, 2), 2, pitch, 90) for at, pitch in enumerate([33, 33, 40, 38] * 4)]
    write_midi(tmp_path / "bass.mid", line, meters=FOUR, length_quarters=8)
    write_midi(tmp_path / "drums.mid", beat(STRAIGHT), meters=FOUR, length_quarters=8)
    corpus = read_corpus(tmp_path)
    assert [Path(clip.file).name for clip in corpus.report.clips if clip.is_one_line] == ["bass.mid"]
    assert main(["inspect", str(tmp_path)]) == 0
    assert "one line, as of a bass: if it is, take it out: bass.mid" in capsys.readouterr().out
    assert "as in a bass line or a melody: bass.mid. If so, take it out." in import_page(corpus, find(corpus))


def test_what_nearly_is_a_clip_whose_makers_have_not_agreed_is_named_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, notes in (("ben.mid", beat(STRAIGHT)), ("nearly.mid", beat(STRAIGHT)[:-1]), ("ana.mid", beat(SHUFFLE))):
        write_midi(tmp_path / name, notes, meters=FOUR, length_quarters=8)
    (tmp_path / "dataset.toml").write_text('[clips."ben.mid"]\nconsent = "no"\n', encoding="utf-8")
    corpus = read_corpus(tmp_path)
    assert [Path(clip).name for clip in corpus.clips] == ["ana.mid", "nearly.mid"]
    (echo,) = find(corpus).echoes
    assert (Path(echo.file).name, Path(echo.other).name, echo.exact) == ("nearly.mid", "ben.mid", False)
    assert main(["inspect", str(tmp_path)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("nearly.mid is"))
    assert "the onsets of ben.mid, whose makers have not agreed" in line
    assert "--consent no" in line
    assert line in import_page(corpus, find(corpus))


@pytest.mark.parametrize("late_ms", [-30.0, -12.0, 18.0])
def test_a_take_off_the_click_as_a_whole_is_said_and_moved_only_if_asked(tmp_path: Path, late_ms: float) -> None:
    shift = Fraction(round(late_ms / 500 * 960), 960)
    notes = [note._replace(quarters=note.quarters + 4) for note in beat(STRAIGHT, shift=shift, bars=4)]
    write_midi(tmp_path / "a.mid", notes, meters=FOUR, length_quarters=24)
    corpus, moved = read_corpus(tmp_path), read_corpus(tmp_path, on_time=True)
    assert corpus.report.clips[0].lean_ms == pytest.approx(late_ms, abs=1.5)
    assert lean_ms(corpus.patterns) == pytest.approx(late_ms, abs=1.5)
    assert lean_ms(moved.patterns) == pytest.approx(0, abs=1.0)
    assert moved.report.onsets + moved.report.collisions == moved.report.note_ons == len(notes)
    assert any("moved on time" in note for note in moved.report.clips[0].notes)
    assert moved.report.clips[0].lean_ms == pytest.approx(late_ms, abs=1.5)
    assert all(
        np.array_equal(one.onset, other.onset) for one, other in zip(corpus.patterns, moved.patterns, strict=True)
    )


class Page(HTMLParser):
    """Counts what opens and closes, and gathers the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.outside += [
            value or "" for key, value in attrs if key in ("src", "href") and not (value or "").startswith("#")
        ]
        if tag not in ("meta", "link", "br", "rect", "line", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_is_whole_by_itself_and_says_what_there_is_to_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    write_midi(clips / "shuffle <b>.mid", beat(SHUFFLE), meters=FOUR, length_quarters=8)
    (clips / "quiet.mid").write_bytes(midi(track((0, signature(4, 2)), (0, on(36)), (96, on(3)))))
    (clips / "open.mid").write_bytes(midi(track((0, on(36)), (48, on(42)), (96, on(42)), (144, on(38)), end=144)))
    (clips / "broken.mid").write_bytes(b"MThd")
    assert main(["inspect", str(clips), "-o", str(tmp_path / "page.html"), "--json"]) == 0
    out, err = capsys.readouterr()
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.outside == []
    assert page.seen.count("svg") == 3
    assert "b" not in page.seen
    words = " ".join(page.words)
    for part in (
        "shuffle <b>.mid",
        "12/8",
        "broken.mid",
        "cut short",
        "Questions",
        "can be learned from",
        "not read: 3 ",
        "acoustic snare (38)",
    ):
        assert part in words
    found = json.loads(out)
    assert [Path(doubt["file"]).name for doubt in found["doubts"]] == ["shuffle <b>.mid"]
    assert "page.html" in err


def test_the_page_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)))))
    assert main(["inspect", str(tmp_path / "a.mid"), "-o", str(tmp_path / "no" / "page.html")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_bundled_clip_has_its_picture_with_every_onset() -> None:
    corpus = read_corpus(bundled_corpora()["additive"])
    text = import_page(corpus, find(corpus))
    first = {pattern.source: pattern for pattern in reversed(corpus.patterns)}
    assert text.count("<circle") == sum(pattern.onsets for pattern in first.values())
    assert len(re.findall("<svg", text)) == len(corpus.clips)
