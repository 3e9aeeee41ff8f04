"""Standard MIDI files: real and broken ones in, whole ones out."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import COMMON_METERS, meters, midi, on, patterns, signature, tempo, track, variable, words

from rvae.cutting import cut
from rvae.errors import FileError, MidiFileError
from rvae.meter import Meter
from rvae.midi import (
    MAX_FILE_BYTES,
    MAX_QUARTERS,
    MidiNote,
    parse_midi,
    read_midi,
    write_midi,
    write_patterns,
    write_whole,
)
from rvae.pattern import Pattern
from rvae.reading import Reading

BEAT = midi(track((0, on(36)), (48, on(42, 60)), (96, on(38)), (96, b"\xff\x51\x03\x07\xa1\x20"), end=288))


def starts(data: bytes) -> list[list[int]]:
    return parse_midi(data).notes.tolist()


def test_note_ons_are_read_with_pulse_channel_pitch_and_velocity() -> None:
    clip = parse_midi(BEAT)
    assert clip.notes.tolist() == [[0, 10, 36, 100], [48, 10, 42, 60], [96, 10, 38, 100]]
    assert (clip.ppq, clip.end) == (96, 384)


def test_running_status_and_velocity_0_are_read_as_what_they_are() -> None:
    running = midi(track((0, on(36)), (0, bytes((38, 90))), (24, bytes((36, 0))), (24, bytes((42, 1)))))
    assert starts(running) == [[0, 10, 36, 100], [0, 10, 38, 90], [24, 10, 42, 1]]


def test_tracks_of_format_1_sound_together() -> None:
    both = midi(track((0, tempo(600_000)), (0, signature(3, 2))), track((96, on(38))), track((0, on(36))), kind=1)
    clip = parse_midi(both)
    assert clip.notes[:, 2].tolist() == [36, 38]
    assert clip.tempos == ((0, 600_000),)
    assert clip.signatures == ((0, 3, 4),)


@pytest.mark.parametrize("ppq", [1, 24, 96, 480, 960, 19_200, 32_767])
def test_any_resolution_is_read(ppq: int) -> None:
    assert parse_midi(midi(track((ppq, on(36))), ppq=ppq)).notes[0, 0] == ppq


def test_a_chunk_that_is_no_track_is_passed_over_and_said() -> None:
    clip = parse_midi(BEAT[:14] + b"Junk\x00\x00\x00\x03abc" + BEAT[14:])
    assert len(clip.notes) == 3
    assert "Junk" in clip.skipped[0]


def test_bytes_after_the_last_track_do_no_harm() -> None:
    assert len(parse_midi(BEAT + b"\x00" * 20).notes) == 3


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "empty"),
        (b"RIFF....", "not a Standard MIDI file"),
        (b"MThd\x00\x00", "cut short"),
        (BEAT[:-1], "cut short"),
        (BEAT[:30], "cut short"),
        (BEAT[:14], "tracks"),
        (midi(track(), kind=2), "format 2"),
        (midi(track(), kind=7), "format 7"),
        (midi(track(), ppq=0xE528), "27 frames"),
        (midi(track(), ppq=0), "resolution"),
        (midi(track((0, b"\xf4"))), "corrupt"),
        (midi(track((0, b"\x90\xff\xff"))), "corrupt"),
        (midi(track((0, b"\xff\x58\x01\x04"))), "corrupt"),
        (midi(track((0, on(36)), (96 * 2_000_000, on(38)))), "longer than"),
        (midi(track((0, on(36)), end=96 * 2_000_000)), "longer than"),
        (midi(b"MTrk\x00\x00\x20\x00" + b"\xff" * 0x2000), "without an end"),
        (midi(track()) + b"\x00" * MAX_FILE_BYTES, "larger than"),
        (midi(track(*((0, signature(4, 2)) for _ in range(2_001)))), "time signatures"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line_that_says_why(data: bytes, part: str) -> None:
    with pytest.raises(MidiFileError) as refusal:
        parse_midi(data)
    assert part in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(b"hello")
    with pytest.raises(MidiFileError, match=r"song\.mid: not a Standard MIDI file"):
        read_midi(path)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.mid", tmp_path):
        with pytest.raises(MidiFileError, match="cannot be read"):
            read_midi(path)


def one_line(refusal: MidiFileError, begins: str = "") -> None:
    assert "\n" not in str(refusal)
    assert str(refusal).startswith(begins)


SEEDS = (
    BEAT,
    midi(
        track((0, tempo(500_000)), (0, signature(7, 3)), (0, words("meter 7/8(3+2+2)")), (336, signature(4, 2)), end=1),
        track((0, b"\xff\x03\x05drums"), (0, on(36)), (10, bytes((38, 3))), (330, on(42, 1)), (340, on(26)), end=9),
        kind=1,
    ),
    midi(track((0, b"\xf0\x03\x01\x02\xf7"), (0, b"\xc9\x00"), (0, b"\xb9\x04\x10"), (5, on(22, 127, 1)), (9, on(99)))),
    midi(track((0, signature(17, 2)), (0, on(36)), (9, signature(3, 2)), (9, on(38)), (300, signature(255, 3)))),
)
CHANGE = st.tuples(
    st.sampled_from(["set", "insert", "delete"]),
    st.integers(0, 400),
    st.sampled_from([0xFF, 0x80, 0x58]) | st.integers(0, 255),
)


@given(st.sampled_from(SEEDS), st.lists(CHANGE, max_size=12), st.sampled_from([1, 2, 4]))
@settings(max_examples=500)
def test_changed_bytes_are_read_or_refused_and_every_note_on_is_accounted_for(
    seed: bytes, changes: list[tuple[str, int, int]], bars: int
) -> None:
    data = bytearray(seed)
    for what, place, value in changes:
        at = place % (len(data) + 1)
        data[at : at + (what != "insert")] = b"" if what == "delete" else bytes((value,))
    try:
        clip = parse_midi(bytes(data))
    except MidiFileError as refusal:
        one_line(refusal)
        return
    found, report = cut(clip, "clip.mid", Reading(bars=bars))
    lost = report.collisions + sum(report.unmapped.values()) + sum(entry.onsets for entry in report.dropped)
    assert report.onsets + lost == report.note_ons == len(clip.notes)
    assert len(found) == report.patterns


@given(st.binary(max_size=300))
def test_any_track_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_midi(midi(b"MTrk" + len(data).to_bytes(4, "big") + data))
    except MidiFileError as refusal:
        one_line(refusal)


def test_every_malformed_file_is_read_or_refused(shared: Path) -> None:
    read = refused = 0
    for path in sorted((shared / "data" / "malformed").glob("*.mid")):
        try:
            read_midi(path)
            read += 1
        except MidiFileError as refusal:
            one_line(refusal, begins=str(path))
            refused += 1
    assert read + refused == 72
    assert read >= 58


# --- writing


@given(meters(), st.floats(20, 400), st.integers(1, 5))
def test_another_library_reads_the_meter_tempo_and_bars_we_write(
    tmp_path_factory: pytest.TempPathFactory, meter: Meter, qpm: float, bars: int
) -> None:
    path = tmp_path_factory.mktemp("out") / "clip.mid"
    barlines = [bar * meter.bar_quarters for bar in range(bars)]
    notes = [MidiNote(at, Fraction(1, 16), 10, 36, 100) for at in barlines]
    write_midi(path, notes, tempos=[(0, qpm)], meters=[(0, meter)], length_quarters=bars * meter.bar_quarters)
    file = mido.MidiFile(path)
    (messages,) = file.tracks
    at = np.cumsum([message.time for message in messages]).tolist()
    found = {message.type: message for message in messages}
    assert (found["time_signature"].numerator, found["time_signature"].denominator) == (
        meter.numerator,
        meter.denominator,
    )
    assert found["set_tempo"].tempo == round(60_000_000 / qpm)
    struck = [pulse for pulse, message in zip(at, messages, strict=True) if message.type == "note_on"]
    assert struck == [quarters * file.ticks_per_beat for quarters in barlines]
    assert at[-1] == bars * meter.bar_quarters * file.ticks_per_beat
    assert ("text" in found) == ("(" in meter.label)


def test_every_note_that_begins_ends_before_the_next_of_its_pitch(tmp_path: Path) -> None:
    path = tmp_path / "clip.mid"
    write_midi(path, [MidiNote(Fraction(beat, 4), 2, 10, 36 + beat % 2, 90) for beat in range(9)])
    sounding: set[int] = set()
    for message in mido.MidiFile(path).tracks[0]:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert not sounding


@given(patterns(st.sampled_from(COMMON_METERS)))
@settings(max_examples=50)
def test_every_onset_of_a_pattern_is_in_the_file_we_write(
    tmp_path_factory: pytest.TempPathFactory, pattern: Pattern
) -> None:
    path = tmp_path_factory.mktemp("out") / "clip.mid"
    write_patterns(path, [pattern])
    clip = read_midi(path)
    assert len(clip.notes) == pattern.onsets
    assert sorted(clip.notes[:, 3].tolist()) == sorted(pattern.midi_velocity[pattern.onset == 1].tolist())
    assert clip.end == pattern.quarters * clip.ppq


def test_a_meter_that_midi_cannot_write_is_refused(tmp_path: Path) -> None:
    meter = Meter.of(300, 16, (20,) * 15)
    with pytest.raises(FileError, match="300/16"):
        write_midi(tmp_path / "x.mid", [], meters=[(0, meter)])
    assert not list(tmp_path.iterdir())


def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "clip.mid"
    path.write_bytes(b"before")

    def fail(_out: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(FileError, match=r"clip\.mid: cannot be written \(No space left on device\)"):
        write_whole(path, fail)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here to stand for a full disk")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "clip.mid"

    def overfill(_out: object) -> None:
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(FileError, match="free some space"):
        write_whole(path, overfill)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(FileError, match="choose another place"):
        write_midi(folder / "x.mid", [])


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        write_midi(tmp_path / "none" / "x.mid", [])


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
def test_a_file_is_written_with_the_permissions_files_have_here(tmp_path: Path) -> None:
    write_midi(tmp_path / "x.mid", [])
    (tmp_path / "plain").touch()
    assert (tmp_path / "x.mid").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_writing_a_file_changes_nothing_that_threads_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is written by a thread: were the rights of new files looked up meanwhile, all could write them."""
    asked: list[int] = []
    monkeypatch.setattr(os, "umask", asked.append)
    write_midi(tmp_path / "x.mid", [])
    assert asked == []


def test_an_endless_number_is_refused_at_once() -> None:
    """mido alone would read this for hours: a delta time of a million bytes."""
    data = midi(b"MTrk" + (1_000_001).to_bytes(4, "big") + b"\x81" * 1_000_000 + b"\x00")
    with pytest.raises(MidiFileError, match="without an end"):
        parse_midi(data)


def test_a_long_text_in_any_script_is_no_endless_number() -> None:
    text = "ритм " * 400
    assert parse_midi(midi(track((0, words(text)), (0, on(36))))).notes.shape == (1, 4)


def test_the_longest_clip_is_read() -> None:
    assert variable(MAX_QUARTERS * 96)[-1] < 0x80
    assert len(starts(midi(track((MAX_QUARTERS * 96, on(36)))))) == 1


def test_importing_the_library_loads_neither_torch_nor_a_window() -> None:
    code = "import sys, rvae; print([name for name in ('torch', 'pygame', 'rich') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "[]"
