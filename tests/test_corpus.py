"""Corpora: clips cut at their barlines, and an account of every note-on."""

from __future__ import annotations

import os
from collections import Counter
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import bar_pulses, meters, midi, on, signature, tempo, track, words

from rvae import Corpus, read_corpus
from rvae.account import ImportReport
from rvae.card import NOBODY
from rvae.corpus import bundled_corpora
from rvae.cutting import cut
from rvae.errors import CorpusError, FileError, KitError, UsageError
from rvae.kit import Kit, Voice
from rvae.kitfile import find_kit
from rvae.meter import Meter
from rvae.midi import MidiNote, parse_midi, write_midi, write_patterns
from rvae.pattern import Pattern
from rvae.reading import Reading
from rvae.sources import Sources

KICK, SNARE = 0, 1
Hits = list[tuple[int, int, float]]  # row, tick, microtiming


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tmp_path / "clip.mid"


def hits(pattern: Pattern) -> Hits:
    """The onsets as (row, tick, microtiming to a thousandth), in order of time."""
    found = [(int(row), int(tick)) for row, tick in np.argwhere(pattern.onset == 1)]
    return sorted(
        [(row, tick, round(float(pattern.microtiming[row, tick]), 3)) for row, tick in found],
        key=lambda hit: (hit[1], hit[0]),
    )


def assert_accounted(report: ImportReport) -> None:
    for found in report.clips:
        lost = found.collisions + sum(found.unmapped.values()) + sum(entry.onsets for entry in found.dropped)
        assert found.onsets + lost == found.note_ons
        assert sum(found.voices.values()) == found.onsets == sum(onsets for _, onsets in found.meters.values())


def read(path: Path, data: bytes, bars: int = 2) -> Corpus:
    path.write_bytes(data)
    corpus = read_corpus(path, bars=bars)
    assert_accounted(corpus.report)
    return corpus


# --- barlines


@given(meters(), st.sampled_from([1, 2, 4]), st.integers(1, 40), st.sampled_from([96, 480, 19_200]), st.floats(30, 300))
@settings(max_examples=60)
def test_the_barline_is_tick_0_of_every_cycle_of_a_long_file_in_every_meter(
    meter: Meter, bars: int, length_bars: int, ppq: int, qpm: float
) -> None:
    events = [
        (0, tempo(round(60e6 / qpm))),
        (0, words(f"meter {meter.numerator}/{meter.denominator}({groups(meter)})")),
    ]
    events.append((0, signature(meter.numerator, meter.denominator.bit_length() - 1)))
    events += [(round(bar * bar_pulses(meter, ppq)), on(36)) for bar in range(length_bars)]
    found, report = cut(parse_midi(midi(track(*events), ppq=ppq)), "long.mid", Reading(bars=bars))
    assert [pattern.first_bar for pattern in found] == list(range(0, length_bars, bars))
    assert report.onsets == length_bars
    for pattern in found:
        assert pattern.meter == meter
        assert hits(pattern) == [(KICK, bar * meter.bar_ticks, 0.0) for bar in range(bars)]


def groups(meter: Meter) -> str:
    return "+".join(map(str, meter.groups))


@given(meters(), st.sampled_from([1, 2, 4]), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_onsets_of_a_file_come_back_at_their_time_whatever_the_meter(meter: Meter, bars: int, seed: int) -> None:
    ppq = 960
    random = np.random.default_rng(seed)
    length = int(6 * bar_pulses(meter, ppq))
    pulses = sorted(set(random.integers(0, length, 30).tolist()))
    events = [(0, tempo(500_000)), (0, words(f"meter {meter.numerator}/{meter.denominator}({groups(meter)})"))]
    events.append((0, signature(meter.numerator, meter.denominator.bit_length() - 1)))
    events += [(pulse, on(36)) for pulse in pulses]
    found, report = cut(parse_midi(midi(track(*events, end=length - pulses[-1]), ppq=ppq)), "x.mid", Reading(bars=bars))
    back = set()
    for pattern in found:
        start = pattern.first_bar * meter.bar_quarters
        for _, tick, _ in hits(pattern):
            exact = Fraction(float(tick + pattern.microtiming[KICK, tick]))
            back.add(round(float((start + meter.quarters_at(exact)) * ppq)))
    missing = set(pulses) - back
    assert len(missing) == report.collisions


def test_an_onset_a_little_before_a_barline_belongs_to_the_next_bar(clip: Path) -> None:
    bar = 4 * 96
    beats = [(96 * beat, on(42)) for beat in range(4 * 6)]
    corpus = read(clip, midi(track(*beats, (2 * bar - 4, on(36)), (4 * bar - 4, on(36)), end=96)))
    assert [hits(pattern)[0] for pattern in corpus.patterns] == [(2, 0, 0.0), (KICK, 0, -1.0), (KICK, 0, -1.0)]
    assert corpus.report.early == 2


def test_in_a_loop_an_onset_just_before_the_end_is_the_first(clip: Path) -> None:
    corpus = read(clip, midi(track((0, on(42)), (96, on(42)), (2 * 384 - 4, on(36)), end=4)))
    (pattern,) = corpus.patterns
    assert hits(pattern)[0] == (KICK, 0, -1.0)


def test_each_stretch_is_cut_in_its_own_meter(clip: Path) -> None:
    events = [(0, signature(4, 2)), (0, on(36)), (384, signature(7, 3)), (384, on(38)), (384 + 336, on(38))]
    events += [(384 + 3 * 336, signature(3, 2)), (384 + 3 * 336, on(36))]
    corpus = read(clip, midi(track(*events)), bars=1)
    assert [(pattern.meter.name, pattern.first_bar) for pattern in corpus.patterns] == [
        ("4/4", 0), ("7/8", 1), ("7/8", 2), ("3/4", 4),
    ]  # fmt: skip
    assert {hits(pattern)[0][1:] for pattern in corpus.patterns} == {(0, 0.0)}


def test_an_onset_early_for_a_change_of_meter_goes_over_to_its_barline(clip: Path) -> None:
    events = [
        (0, signature(4, 2)),
        (0, on(36)),
        (192, on(36)),
        (384, signature(6, 3)),
        (382, on(38)),
        (384 + 144, on(36)),
    ]
    corpus = read(clip, midi(track(*events)), bars=1)
    four, six = corpus.patterns
    assert [hit[0] for hit in hits(four)] == [KICK, KICK]
    assert hits(six)[0] == (SNARE, 0, pytest.approx(-2 / 6, abs=1e-3))


def test_a_bar_cut_short_by_a_change_of_meter_is_kept_and_said(clip: Path) -> None:
    events = [(0, signature(4, 2)), (0, on(36)), (400, on(38)), (480, signature(3, 2)), (480, on(36))]
    corpus = read(clip, midi(track(*events)), bars=1)
    assert [pattern.meter.name for pattern in corpus.patterns] == ["4/4", "4/4", "3/4"]
    assert any("bar 2 of 4/4 is cut short" in note for note in corpus.report.clips[0].notes)


def test_a_pickup_stands_at_the_end_of_its_bar_and_shifts_no_barline(clip: Path) -> None:
    events = [(0, signature(1, 2)), (0, on(38)), (48, on(38)), (96, signature(4, 2)), (96, on(36)), (480, on(36))]
    corpus = read(clip, midi(track(*events)), bars=1)
    assert [hits(pattern) for pattern in corpus.patterns] == [
        [(SNARE, 72, 0.0), (SNARE, 84, 0.0)], [(KICK, 0, 0.0)], [(KICK, 0, 0.0)],
    ]  # fmt: skip
    assert {pattern.meter.name for pattern in corpus.patterns} == {"4/4"}
    assert any("pickup" in note for note in corpus.report.clips[0].notes)


def test_a_time_signature_said_again_at_a_barline_changes_nothing(clip: Path) -> None:
    plain = [(384 * bar, on(36)) for bar in range(4)]
    again = [(384 * bar, signature(4, 2)) for bar in range(4)]
    assert read(clip, midi(track(*again, *plain))).patterns[0].same_as(read(clip, midi(track(*plain))).patterns[0])


def test_a_meter_the_grid_cannot_hold_is_dropped_by_name_and_the_rest_stays(clip: Path) -> None:
    events = [(0, signature(17, 2)), (0, on(36)), (5, on(38)), (17 * 96, signature(4, 2)), (17 * 96, on(36))]
    corpus = read(clip, midi(track(*events)))
    assert len(corpus.patterns) == 1
    (gone,) = corpus.report.dropped
    assert "17/4" in gone.reason
    assert gone.onsets == 2


def test_a_clip_in_such_a_meter_alone_is_unusable_by_name(clip: Path) -> None:
    clip.write_bytes(midi(track((0, signature(17, 2)), (0, on(36)))))
    with pytest.raises(CorpusError, match="17/4"):
        read_corpus(clip)


# --- cycles


@pytest.mark.parametrize(("bars", "ticks"), [(1, [0]), (2, [0, 96]), (4, [0, 96, 192, 288])])
def test_a_short_clip_is_tiled_to_a_whole_cycle(clip: Path, bars: int, ticks: list[int]) -> None:
    corpus = read(clip, midi(track((0, on(36)))), bars=bars)
    assert [hit[1] for hit in hits(corpus.patterns[0])] == ticks
    assert corpus.report.onsets == 1
    assert any("tiled" in note for note in corpus.report.clips[0].notes) == (bars > 1)


def test_a_song_that_changes_its_meter_with_every_bar_is_told_in_one_line(clip: Path) -> None:
    events = [(0, on(36))]
    for number in range(10):
        start = (number // 2 * 7 + number % 2 * 4) * 96
        events += [(start, signature(3 if number % 2 else 4, 2)), (start, on(36))]
    (note,) = read(clip, midi(track(*events, end=288))).report.clips[0].notes
    assert note == "4/4 from bar 1, 3/4 from bar 2, 4/4 from bar 3 and 7 more, each: 1 bar, tiled to 2 bars"


def test_an_incomplete_last_cycle_is_completed_with_its_own_first_bars(clip: Path) -> None:
    corpus = read(clip, midi(track((0, on(36)), (384, on(38)), (768, on(42)))), bars=4)
    assert [hit[:2] for hit in hits(corpus.patterns[0])] == [(0, 0), (1, 96), (2, 192), (0, 288)]
    assert any("completed with its own first bars" in note for note in corpus.report.clips[0].notes)


def test_a_silent_bar_inside_a_clip_is_a_rest_and_silence_after_it_is_not_learned(clip: Path) -> None:
    corpus = read(clip, midi(track((0, on(36)), end=384 * 40)))
    assert [hit[1] for hit in hits(corpus.patterns[0])] == [0]
    assert len(corpus.patterns) == 1


def test_silent_cycles_are_passed_over_and_said(clip: Path) -> None:
    corpus = read(clip, midi(track((0, on(36)), (384 * 8, on(36)))))
    assert [pattern.first_bar for pattern in corpus.patterns] == [0, 8]
    assert any("3 silent patterns" in note for note in corpus.report.clips[0].notes)


def test_a_pattern_knows_its_file_its_place_and_its_tempo(clip: Path) -> None:
    events = [(0, tempo(500_000)), (768, tempo(400_000)), *((384 * bar, on(36)) for bar in range(4))]
    corpus = read(clip, midi(track(*events)))
    assert [(pattern.source, pattern.first_bar, pattern.qpm) for pattern in corpus.patterns] == [
        (str(clip), 0, 120.0), (str(clip), 2, 150.0),
    ]  # fmt: skip


def test_tempo_changes_move_nothing(clip: Path) -> None:
    notes = [(48 * eighth, on(36)) for eighth in range(16)]
    tempi = [(100 * change, tempo(300_000 + 50_000 * change)) for change in range(7)]
    assert hits(read(clip, midi(track(*notes, *tempi))).patterns[0]) == hits(
        read(clip, midi(track(*notes))).patterns[0]
    )


# --- what is a drum


def test_channel_10_is_the_drums_if_it_has_notes_and_the_others_are_accounted_for(clip: Path) -> None:
    corpus = read(clip, midi(track((0, on(36)), (0, on(48, 90, 1)), (96, on(50, 90, 2)))))
    assert hits(corpus.patterns[0])[0][0] == KICK
    assert [(entry.reason, entry.onsets) for entry in corpus.report.dropped] == [("not on the drum channel (10)", 2)]


def test_without_channel_10_every_note_that_is_a_drum_is_read(clip: Path) -> None:
    corpus = read(clip, midi(track((0, on(36, 90, 1)), (96, on(38, 90, 3)), (96, on(100, 90, 3)))))
    assert corpus.report.onsets == 2
    assert corpus.report.unmapped == {100: 1}


def test_a_channel_asked_for_is_the_one_that_is_read(clip: Path) -> None:
    clip.write_bytes(midi(track((0, on(36)), (0, on(38, 90, 3)))))
    corpus = read_corpus(clip, channel=3)
    assert {hit[0] for hit in hits(corpus.patterns[0])} == {SNARE}
    assert_accounted(corpus.report)


def test_two_notes_of_a_voice_on_one_tick_are_a_collision_and_the_louder_stays(clip: Path) -> None:
    corpus = read(clip, midi(track((0, on(38, 50)), (1, on(40, 80)), (96, on(36)))))
    assert corpus.report.collisions == 1
    assert corpus.patterns[0].midi_velocity[SNARE, 0] == 80


def test_a_kit_of_ones_own_names_the_rows(clip: Path) -> None:
    clip.write_bytes(midi(track((0, on(60, 90, 1)), (96, on(61, 90, 1)))))
    kit = Kit("mine", (Voice("boom", (60,), 60), Voice("tick", (61,), 61)))
    corpus = read_corpus(clip, kit=kit)
    assert corpus.kit is kit
    assert read_corpus(clip, kit="gm").kit == find_kit("gm")
    with pytest.raises(KitError, match="there are standard"):
        read_corpus(clip, kit="no such kit")
    assert corpus.patterns[0].onset.shape == (2, 192)
    assert corpus.report.clips[0].voices == {"boom": 1, "tick": 1}


# --- groupings


def seven(tmp_path: Path, *, text: str = "", card: str = "") -> Path:
    events = [(0, signature(7, 3)), *((48 * eighth, on(36)) for eighth in range(7))]
    (tmp_path / "seven.mid").write_bytes(midi(track(*events, *([(0, words(text))] if text else []))))
    if card:
        (tmp_path / "dataset.toml").write_text(card, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "card", "asked", "name"),
    [
        ("", "", "", "7/8"),
        ("meter 7/8(3+2+2)", "", "", "7/8(3+2+2)"),
        ("meter 5/8(3+2)", "", "", "7/8"),
        ("meter of madness", "", "", "7/8"),
        ("", 'grouping = "7/8(2+3+2)"', "", "7/8(2+3+2)"),
        ("", '[clips."seven.mid"]\nmeter = "7/8(3+2+2)"', "", "7/8(3+2+2)"),
        ("meter 7/8(3+2+2)", 'grouping = "7/8(2+3+2)"', "", "7/8(3+2+2)"),
        ("meter 7/8(3+2+2)", '[clips."seven.mid"]\nmeter = "7/8(2+3+2)"', "", "7/8(2+3+2)"),
        ("meter 7/8(3+2+2)", 'grouping = "7/8(3+2+2)"', "7/8(2+3+2)", "7/8(2+3+2)"),
    ],
)
def test_how_an_additive_meter_is_felt_is_asked_of_the_player_the_card_and_the_file(
    tmp_path: Path, text: str, card: str, asked: str, name: str
) -> None:
    corpus = read_corpus(seven(tmp_path, text=text, card=card), groupings=[Meter.parse(asked)] if asked else [])
    assert [meter.name for meter in corpus.meters] == [name]
    assert hits(corpus.patterns[0])[0] == (KICK, 0, 0.0)


def test_without_a_time_signature_the_card_says_the_meter(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)), (288, on(36)))))
    (tmp_path / "dataset.toml").write_text('[clips."a.mid"]\nmeter = "3/4"', encoding="utf-8")
    corpus = read_corpus(tmp_path)
    assert corpus.meters == (Meter.parse("3/4"),)


def test_the_card_of_a_folder_travels_with_the_corpus(tmp_path: Path) -> None:
    card = 'name = "Mine"\nlicence = "CC0-1.0"\nconsent = "yes"\n[[people]]\nname = "Ada"\nrole = "played"\n'
    corpus = read_corpus(seven(tmp_path, card=card))
    assert (corpus.card.name, corpus.card.licence, corpus.card.consent) == ("Mine", "CC0-1.0", "yes")
    assert corpus.card.people == ("Ada (played)",)


def test_whose_a_clip_is_is_asked_of_its_own_entry_then_of_the_folder(tmp_path: Path) -> None:
    own = '[clips."seven.mid"]\nwho = ["Ben (played)", "Cy"]\ntags = ["aksak"]\n'
    folder = 'people = [{ name = "Ada", role = "played" }]\ntags = ["slow"]\n'
    clip = str(tmp_path / "seven.mid")
    for card, people, tags in (
        (folder + own, ("Ben", "Cy"), ("aksak",)),
        (folder, ("Ada",), ("slow",)),
        ("", (NOBODY,), ()),
    ):
        (tmp_path / "dataset.toml").unlink(missing_ok=True)
        makers = read_corpus(seven(tmp_path, card=card)).makers_of(clip)
        assert (makers.people, makers.tags) == (people, tags)


def test_a_part_of_a_corpus_has_the_cards_of_that_part_only(tmp_path: Path) -> None:
    for name in ("ada", "ben"):
        (tmp_path / name).mkdir()
        seven(tmp_path / name, card=f'people = ["{name}"]')
    corpus = read_corpus(tmp_path)
    part = corpus.without([str(tmp_path / "ada" / "seven.mid")])
    assert (corpus.card.people, part.card.people) == (("ada", "ben"), ("ben",))
    assert [corpus.makers_of(clip).people for clip in corpus.clips] == [("ada",), ("ben",)]
    with pytest.raises(CorpusError):
        part.without(part.clips)


@pytest.mark.parametrize("card", ["name = ", "\x00", 'grouping = "7/9"', '[clips."seven.mid"]\nmeter = "7"'])
def test_a_card_that_cannot_be_read_is_one_line_and_not_passed_over(tmp_path: Path, card: str) -> None:
    with pytest.raises(FileError, match=r"dataset\.toml") as refusal:
        read_corpus(seven(tmp_path, card=card))
    assert "\n" not in str(refusal.value)


# --- files and folders


def test_folders_are_read_with_all_below_them_sorted_and_each_file_once(tmp_path: Path) -> None:
    data = midi(track((0, on(36))))
    for name in ("b.mid", "A.MIDI", "deep/er/c.mid", "notes.txt", "späte Δ.mid"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    found = Sources().find([tmp_path, tmp_path / "b.mid", tmp_path / "deep"])
    assert [path.name for path in found] == ["A.MIDI", "b.mid", "späte Δ.mid", "c.mid"]


@pytest.mark.skipif(os.name != "posix", reason="links need no special rights on POSIX")
def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)))))
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "b.mid").symlink_to(tmp_path / "a.mid")
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nowhere")
    corpus = read_corpus(tmp_path)
    assert len(corpus.clips) == 1
    assert [Path(entry.file).name for entry in corpus.report.dropped] == ["gone.mid"]


def test_a_file_that_cannot_be_read_is_listed_with_its_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "bad.mid").write_bytes(b"MThd but not really")
    (tmp_path / "good.mid").write_bytes(midi(track((0, on(36)))))
    corpus = read_corpus(tmp_path)
    assert corpus.clips == (str(tmp_path / "good.mid"),)
    assert [(Path(entry.file).name, entry.onsets) for entry in corpus.report.dropped] == [("bad.mid", 0)]


def test_a_file_without_drums_is_listed_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "bass.mid").write_bytes(midi(track((0, on(100, 90, 1)))))
    (tmp_path / "good.mid").write_bytes(midi(track((0, on(36)))))
    (tmp_path / "none.mid").write_bytes(midi(track()))
    reasons = {Path(entry.file).name: entry.reason for entry in read_corpus(tmp_path).report.dropped}
    assert reasons == {
        "bass.mid": "kit standard has no voice for its notes (100); bring a kit that has",
        "none.mid": "no notes in it; give a clip with drum notes",
    }


@pytest.mark.parametrize("data", [None, b"", b"nonsense", midi(track()), midi(track((0, on(127))))])
def test_nothing_usable_is_one_line_that_says_why(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(CorpusError) as refusal:
        read_corpus(tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere"):
        read_corpus(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "wrong", [{"bars": 3}, {"bars": 0}, {"channel": 0}, {"channel": 17}, {"ticks_per_beat": 16}, {"quantise": "magic"}]
)
def test_an_argument_out_of_range_is_refused_with_what_is_allowed(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="choose"):
        read_corpus(seven(tmp_path), **wrong)


def test_a_part_of_a_corpus_is_made_of_some_clips(tmp_path: Path) -> None:
    for name in ("a.mid", "b.mid"):
        (tmp_path / name).write_bytes(midi(track((0, on(36)))))
    corpus = read_corpus(tmp_path)
    part = corpus.of_clips([corpus.clips[1]])
    assert part.clips == (str(tmp_path / "b.mid"),)
    assert part.report.files == 1
    with pytest.raises(CorpusError):
        corpus.of_clips([])


def test_clips_of_coarser_grids_are_patterns_of_them(clip: Path) -> None:
    clip.write_bytes(midi(track((0, on(36)), (32, on(38)), (48, on(42)))))
    corpus = read_corpus(clip, ticks_per_beat=4)
    assert corpus.ticks_per_beat == 4
    assert corpus.patterns[0].ticks == 32
    assert [hit[:2] for hit in hits(corpus.patterns[0])[:3]] == [(0, 0), (1, 1), (2, 2)]


# --- real clips


def test_bundled_corpora_are_read_without_losing_a_note() -> None:
    corpora = bundled_corpora()
    assert len(corpora) >= 5
    for folder in corpora.values():
        corpus = read_corpus(folder)
        assert corpus.report.onsets == corpus.report.note_ons
        assert not corpus.report.dropped
        assert corpus.card.licence


def clip_counts(report: ImportReport) -> Counter[str]:
    return Counter(meter.name for found in report.clips for meter in found.meters)


def test_human_takes_lose_no_note_unseen(shared: Path) -> None:
    report = read_corpus(shared / "data" / "groove-midi").report
    assert_accounted(report)
    assert report.files == len(report.clips) == 126
    assert report.unmapped == {}
    assert not report.dropped
    assert clip_counts(report) == {"4/4": 126}
    assert report.collisions < report.note_ons / 100


@pytest.mark.parametrize(
    ("take", "swung"),
    [
        ("drummer8_session2_9_hiphop_86_beat_4-4.mid", True),
        ("drummer8_session1_23_hiphop_70_beat_4-4.mid", True),
        ("drummer8_session1_3_hiphop_90_beat_4-4.mid", False),
        ("drummer7_session1_7_rock_93_beat_4-4.mid", False),
        ("drummer7_session2_33_rock_75_beat_4-4.mid", False),
        ("drummer8_session2_27_dance-disco_137_beat_4-4.mid", False),
    ],
)
def test_human_sixteenths_come_out_straight_or_swung_as_they_were_played(shared: Path, take: str, swung: bool) -> None:
    corpus = read_corpus(shared / "data" / "groove-midi" / take)
    at = Counter(tick % 24 for pattern in corpus.patterns for _, tick, _ in hits(pattern))
    straight, ternary = at[6] + at[18], at[4] + at[8] + at[16] + at[20]
    assert (ternary > 4 * straight) if swung else (straight > 4 * ternary)


def test_programmed_patterns_have_the_meters_of_their_names(shared: Path) -> None:
    corpus = read_corpus(shared / "data" / "drumset-patterns")
    assert_accounted(corpus.report)
    assert clip_counts(corpus.report) == {"4/4": 153, "6/8": 12, "3/4": 6, "5/4": 5, "12/8": 1, "6/4": 1, "7/4": 1}
    assert max(np.abs(pattern.microtiming).max() for pattern in corpus.patterns) < 0.01


def test_timelines_have_the_meters_of_their_names(shared: Path) -> None:
    report = read_corpus(shared / "data" / "timelines").report
    assert_accounted(report)
    counts = clip_counts(report)
    wanted = {"4/4": 24, "12/8": 13, "7/8": 4, "9/8": 4, "5/8": 3, "6/8": 3, "13/8": 3, "11/8": 2}
    assert {name: counts[name] for name in wanted} == wanted
    assert counts.total() == 72


def test_songs_are_cut_where_their_meter_changes_and_drums_are_found_off_channel_10(shared: Path) -> None:
    report = read_corpus(shared / "data" / "mixed-meter").report
    assert_accounted(report)
    by_name = {Path(found.file).name: found for found in report.clips}
    song = by_name["example-0.mid"]
    assert {meter.name: bars for meter, (bars, _) in song.meters.items()} == {"5/4": 1, "7/8": 2, "4/4": 2, "12/8": 1}
    assert [by_name[name].channel for name in ("seven-eight.mid", "seven-eight-remapped.mid")] == [None, 10]
    assert by_name["example-2.mid"].dropped[0].onsets == 5040


@pytest.mark.parametrize("name", ["bundled", "drumset-patterns", "timelines", "mixed-meter"])
def test_written_out_and_read_again_a_corpus_is_the_same(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    paths = list(bundled_corpora().values())
    if name != "bundled":
        paths = [request.getfixturevalue("shared") / "data" / name]
    for source, group in groupby(read_corpus(paths).patterns, key=lambda pattern: pattern.source):
        patterns = list(group)
        path = tmp_path / Path(source).name
        write_patterns(path, patterns)
        back = read_corpus(path).patterns
        assert len(back) == len(patterns)
        for one, other in zip(patterns, back, strict=True):
            assert one.meter == other.meter
            assert np.array_equal(one.onset, other.onset)
            assert np.array_equal(one.midi_velocity, other.midi_velocity)
            assert np.allclose(one.microtiming, other.microtiming, atol=1 / 40)


@given(meters())
@settings(max_examples=30)
def test_a_grouping_we_write_is_the_one_we_read(tmp_path_factory: pytest.TempPathFactory, meter: Meter) -> None:
    path = tmp_path_factory.mktemp("out") / "clip.mid"
    write_midi(path, [MidiNote(0, Fraction(1, 16), 10, 36, 100)], meters=[(0, meter)])
    assert read_corpus(path).meters == (meter,)
