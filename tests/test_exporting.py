"""The command `export`: clean clips, from which the same patterns are read again."""

from __future__ import annotations

import json
from pathlib import Path

import mido
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import meters, midi, on, signature, tempo, track, words

from rvae import Corpus, read_corpus
from rvae.__main__ import main
from rvae.card import Card, ClipCard
from rvae.corpus import bundled_corpora
from rvae.cutting import cleaned, cut, with_beats
from rvae.exporting import export, file_names
from rvae.kit import Kit, Voice
from rvae.kitfile import find_kit, kit_names
from rvae.meter import Meter
from rvae.midi import parse_midi, read_midi, write_clip
from rvae.pattern import Pattern
from rvae.reading import Reading


def assert_same(corpus: Corpus, folder: Path, reading: Reading) -> None:
    """Written out and read again, each clip has the same patterns."""
    names = file_names(corpus.clips)
    back = read_corpus(folder, bars=reading.bars, kit=reading.kit)
    assert len(back.patterns) == len(corpus.patterns)
    for clip, name in names.items():
        first = [pattern for pattern in corpus.patterns if pattern.source == clip]
        second = [pattern for pattern in back.patterns if pattern.source == str(folder / name)]
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert one.same_as(other)
            assert (one.qpm, one.first_bar) == (other.qpm, other.first_bar)
    lost = sum(back.report.unmapped.values()) + sum(entry.onsets for entry in back.report.dropped)
    assert lost == 0


@pytest.mark.parametrize("name", sorted(bundled_corpora()))
def test_a_bundled_corpus_comes_back_the_same(name: str, tmp_path: Path) -> None:
    corpus = read_corpus(bundled_corpora()[name])
    assert all(export(corpus, tmp_path / "out", Reading()).values())
    assert_same(corpus, tmp_path / "out", Reading())


@pytest.mark.parametrize("name", ["drumset-patterns", "timelines", "mixed-meter", "groove-midi", "malformed"])
def test_other_peoples_clips_come_back_the_same(name: str, tmp_path: Path, shared: Path) -> None:
    corpus = read_corpus(shared / "data" / name)
    assert all(export(corpus, tmp_path / "out", Reading()).values())
    assert_same(corpus, tmp_path / "out", Reading())


_NOTES = st.tuples(st.integers(0, 4000), st.sampled_from([35, 36, 38, 90]))  # pulse, pitch


@given(meters(), st.sampled_from([1, 2, 4]), st.lists(_NOTES, min_size=1, max_size=30))
@settings(max_examples=40)
def test_any_clip_comes_back_the_same_in_any_meter(
    tmp_path_factory: pytest.TempPathFactory, meter: Meter, bars: int, notes: list[tuple[int, int]]
) -> None:
    groups = "+".join(map(str, meter.groups))
    signs = [(0, tempo(500_000)), (0, words(f"meter {meter.numerator}/{meter.denominator}({groups})"))]
    signs.append((0, signature(meter.numerator, meter.denominator.bit_length() - 1)))
    clip = parse_midi(midi(track(*signs, (0, on(36)), *((pulse, on(pitch)) for pulse, pitch in notes))))
    reading = Reading(bars=bars)
    assume(with_beats(clip, reading, ClipCard()).clip is clip)  # onsets at random may seem to be played freely
    before, _ = cut(clip, "a.mid", reading)
    path = tmp_path_factory.mktemp("out") / "a.mid"
    write_clip(path, cleaned(clip, reading, with_collisions=True))
    after, report = cut(read_midi(path), "a.mid", reading)
    assert [meter.label for meter in report.meters] == [meter.label]
    assert len(before) == len(after)
    assert all(map(Pattern.same_as, before, after))


def test_a_clean_clip_has_the_kits_notes_on_channel_10_the_meters_and_no_collisions(tmp_path: Path) -> None:
    source = midi(
        track(
            (0, signature(7, 3)), (0, tempo(400_000)), (0, on(35, 90, 1)), (1, on(36, 50, 1)), (96, on(40, 80, 2)),
            (200, on(3, 80, 2)), (336, signature(4, 2)), (336, on(42, 70, 1)),
        )
    )  # fmt: skip
    (tmp_path / "a.mid").write_bytes(source)
    assert main(["export", str(tmp_path / "a.mid"), "-o", str(tmp_path / "out"), "--meter", "7/8(3+2+2)"]) == 0
    clean = read_midi(tmp_path / "out" / "a.mid")
    assert clean.notes.tolist() == [[0, 10, 36, 90], [96, 10, 38, 80], [336, 10, 42, 70]]
    assert clean.signatures == ((0, 7, 8), (336, 4, 4))
    assert clean.texts == ((0, "meter 7/8(3+2+2)"),)
    assert clean.tempos == ((0, 400_000),)


def test_what_is_said_of_some_clips_is_not_said_of_all(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("a.mid", "b.mid", "c.mid")):
        (tmp_path / "in" / name).write_bytes(midi(track((0, on(36)), (12 + number, on(38)))))
    said = '[clips."a.mid"]\npeople = ["Ana"]\nlicence = "CC0-1.0"\nconsent = "yes"\n'
    said += '[clips."b.mid"]\nlicence = "CC-BY-4.0"\n'
    (tmp_path / "in" / "dataset.toml").write_text(said, encoding="utf-8")
    before = read_corpus(tmp_path / "in")
    assert before.card.consent == "yes; nothing said of 2 of 3"
    assert before.card.licence == "CC0-1.0; CC-BY-4.0; nothing said of 1 of 3"
    assert main(["export", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    card = Card.parse((tmp_path / "out" / "dataset.toml").read_text(encoding="utf-8"))
    known = [card.of_clip(name) for name in ("a.mid", "b.mid", "c.mid")]
    assert [clip.consent for clip in known] == ["yes", "", ""]
    assert [clip.licence for clip in known] == ["CC0-1.0", "CC-BY-4.0", ""]
    assert [clip.people for clip in known] == [("Ana",), (), ()]
    assert read_corpus(tmp_path / "out").card == before.card


def test_the_cards_go_with_the_clips_and_a_no_stays_behind(tmp_path: Path) -> None:
    for name in ("ana/a.mid", "ben/a.mid", "ben/b.mid"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(midi(track((0, on(36)))))
    for folder, extra in (("ana", 'consent = "yes"'), ("ben", '[clips."b.mid"]\nconsent = "no"')):
        text = f'name = "{folder}s"\npeople = ["{folder}"]\nlicence = "CC0-1.0"\n{extra}\n'
        (tmp_path / "in" / folder / "dataset.toml").write_text(text, encoding="utf-8")
    assert main(["export", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    card = Card.parse((tmp_path / "out" / "dataset.toml").read_text(encoding="utf-8"))
    assert (card.name, card.people, card.licence) == ("anas; bens", ("ana", "ben"), "CC0-1.0")
    assert [card.of_clip(clip).people for clip in ("ana/a.mid", "ben/a.mid")] == [("ana",), ("ben",)]
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.mid")) == [
        "ana/a.mid", "ben/a.mid",
    ]  # fmt: skip
    said = [event.text for event in mido.MidiFile(tmp_path / "out" / "ana" / "a.mid").tracks[0] if event.type == "text"]
    assert said == ["people: ana", "licence: CC0-1.0", "consent: yes"]


def test_a_kit_goes_with_the_clips_and_notes_it_cannot_play_back_are_ones_it_reads(tmp_path: Path) -> None:
    kit = Kit("mine", (Voice("boom", (60, 61), 10), Voice("tick", (62,), 62)))
    (tmp_path / "kit.toml").write_text(kit.to_toml(), encoding="utf-8")
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(61)), (96, on(62)))))
    out = tmp_path / "out"
    assert main(["export", str(tmp_path / "a.mid"), "--kit", str(tmp_path / "kit.toml"), "-o", str(out)]) == 0
    assert Kit.from_toml((out / "kit.toml").read_text(encoding="utf-8")) == kit
    assert_same(read_corpus(tmp_path / "a.mid", kit=kit), out, Reading(kit=kit))


@pytest.mark.parametrize("kit", kit_names())
def test_a_song_of_three_meters_and_two_tempi_comes_back_the_same_with_every_kit(kit: str, tmp_path: Path) -> None:
    voices = [voice.pitches_in[0] for voice in find_kit(kit).voices]
    signs = [(0, signature(7, 3)), (4 * 336, signature(3, 2)), (4 * 336 + 4 * 288, signature(6, 3))]
    speeds = [(0, tempo(500_000)), (2 * 336 + 100, tempo(431_000))]
    notes = [(at, on(voices[at // 24 % len(voices)], 40 + at % 80)) for at in range(5, 4 * (336 + 288 + 288), 24)]
    (tmp_path / "song.mid").write_bytes(midi(track(*signs, *speeds, *notes)))
    out = tmp_path / "out"
    assert main(["export", str(tmp_path / "song.mid"), "--kit", kit, "-o", str(out)]) == 0
    corpus = read_corpus(tmp_path / "song.mid", kit=find_kit(kit))
    assert [meter.name for meter in corpus.meters] == ["7/8", "3/4", "6/8"]
    assert len({pattern.qpm for pattern in corpus.patterns}) == 2
    assert_same(corpus, out, Reading(kit=find_kit(kit)))


def test_a_folder_that_has_something_in_it_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)), (40, on(99)))))
    before = (tmp_path / "a.mid").read_bytes()
    assert main(["export", str(tmp_path), "-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (tmp_path / "a.mid").read_bytes() == before


def test_as_json_it_says_how_much_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track((0, on(36)))))
    main(["export", str(tmp_path / "a.mid"), "-o", str(tmp_path / "out"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["files"], found["patterns"], found["changed"]) == (1, 1, [])


def test_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    names = file_names([str(tmp_path / "a.mid"), str(tmp_path / "a.midi"), str(tmp_path / "A.MID")])
    assert list(names.values()) == ["a.mid", "a-2.mid", "A-3.mid"]
