"""The drum clips of a Live set, made here after what is known of the format; none of these was saved by Live."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rvae import read_corpus
from rvae.__main__ import main
from rvae.ableton import parse_set
from rvae.errors import MidiFileError
from rvae.exporting import export
from rvae.reading import Reading
from rvae.sources import MAX_ARCHIVED_SETS, read_clip

KICK, SNARE, HAT = 36, 38, 42
Notes = dict[int, list[tuple[float, float]]]  # by pitch: time in quarters, velocity


def clip(
    notes: Notes,
    name: str = "beat",
    *,
    start: float = 0,
    end: float = 8,
    meter: tuple[int, int] = (4, 4),
    more: str = "",
) -> str:
    rows = "".join(
        f'<KeyTrack Id="{row}"><Notes>'
        + "".join(
            f'<MidiNoteEvent Time="{at}" Duration="0.25" Velocity="{loud}" OffVelocity="64" NoteId="1" />'
            for at, loud in strokes
        )
        + f'{more}</Notes><MidiKey Value="{pitch}" /></KeyTrack>'
        for row, (pitch, strokes) in enumerate(notes.items())
    )
    return f"""<MidiClip Id="0" Time="0"><CurrentStart Value="0" /><CurrentEnd Value="{end - start}" />
<Loop><LoopStart Value="{start}" /><LoopEnd Value="{end}" /><StartRelative Value="0" /><LoopOn Value="true" /></Loop>
<Name Value="{name}" /><Disabled Value="false" /><TimeSignature><TimeSignatures><RemoteableTimeSignature Id="0">
<Numerator Value="{meter[0]}" /><Denominator Value="{meter[1]}" /><Time Value="0" />
</RemoteableTimeSignature></TimeSignatures></TimeSignature><Notes><KeyTracks>{rows}</KeyTracks></Notes></MidiClip>"""


def track(*clips: str, name: str = "1-808", rack: bool = True) -> str:
    slots = "".join(f"<ClipSlot><ClipSlot><Value>{each}</Value></ClipSlot></ClipSlot>" for each in clips)
    device = '<DrumGroupDevice Id="0"><UserName Value="not the track" /></DrumGroupDevice>' if rack else ""
    return f"""<MidiTrack Id="1"><Name><EffectiveName Value="{name}" /><UserName Value="" /></Name>
<TakeLanes><TakeLanes>{clips[0] if clips else ""}</TakeLanes></TakeLanes>
<DeviceChain><MainSequencer><ClipSlotList>{slots}</ClipSlotList>
</MainSequencer><DeviceChain><Devices>{device}</Devices></DeviceChain></DeviceChain></MidiTrack>"""


def envelope(target: int, levels: list[float]) -> str:
    """Automation on the main track: Live writes one event, long before the start, for what is not automated."""
    events = "".join(
        f'<FloatEvent Id="{place}" Time="{place * 16 - 63072000 * (place == 0)}" Value="{level}" />'
        for place, level in enumerate(levels)
    )
    return f"""<AutomationEnvelope Id="0"><EnvelopeTarget><PointeeId Value="{target}" /></EnvelopeTarget>
<Automation><Events>{events}</Events></Automation></AutomationEnvelope>"""


def live_set(*tracks: str, qpm: float = 93, main: str = "MainTrack", head: str = "", envelope: str = "") -> bytes:
    text = f"""<?xml version="1.0" encoding="UTF-8"?>{head}
<Ableton MajorVersion="5" MinorVersion="12.0_12203" Creator="Ableton Live 12.2"><LiveSet>
<Tracks>{"".join(tracks)}</Tracks>
<{main}><AutomationEnvelopes><Envelopes>{envelope}</Envelopes></AutomationEnvelopes><DeviceChain><Mixer>
<Tempo><LomId Value="0" /><Manual Value="{qpm}" />
<AutomationTarget Id="8"><LockEnvelope Value="0" /></AutomationTarget></Tempo>
<Pan><Manual Value="0" /><AutomationTarget Id="9" /></Pan></Mixer></DeviceChain></{main}>
</LiveSet></Ableton>"""
    return gzip.compress(text.encode())


BEAT: Notes = {
    KICK: [(0, 110.24), (2, 100), (4, 110), (6.5, 90)],
    SNARE: [(bar * 4 + at, 100) for bar in range(2) for at in (1, 3)],
    HAT: [(eighth / 2, 70) for eighth in range(16)],
}


@pytest.mark.parametrize("main_track", ["MainTrack", "MasterTrack"])
def test_each_drum_clip_of_a_set_is_a_clip(main_track: str, tmp_path: Path) -> None:
    waltz: Notes = {KICK: [(0, 100), (3, 100)], HAT: [(1, 80), (2, 80), (4, 80), (5, 80)]}
    tracks = track(clip(BEAT), clip(waltz, "waltz", end=6, meter=(3, 4))), track(clip(BEAT), name="Bass", rack=False)
    (tmp_path / "song.als").write_bytes(live_set(*tracks, main=main_track))
    corpus = read_corpus(tmp_path)
    assert [Path(name).relative_to(tmp_path).as_posix() for name in corpus.clips] == [
        "song.als/1 1-808/beat",
        "song.als/1 1-808/waltz",
    ]
    assert [meter.name for meter in corpus.meters] == ["4/4", "3/4"]
    assert corpus.patterns[0].onsets == 24
    assert corpus.patterns[0].qpm == pytest.approx(93)
    (bass,) = corpus.report.dropped
    assert bass.file.endswith("song.als/2 Bass")
    assert "Drum Rack" in bass.reason
    assert len(read_clip(corpus.clips[1]).notes) == 6


def test_a_set_in_an_archive_is_read_there(tmp_path: Path) -> None:
    data = live_set(track(clip(BEAT)), track(clip(BEAT), name="Bass", rack=False))
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as out:
        out.writestr("songs/song.als", data)
        out.writestr("songs/broken.als", data[:100])
        out.writestr("folder.als/beat.als", data)
    corpus = read_corpus(tmp_path / "clips.zip")
    inside = tmp_path / "clips.zip"
    assert corpus.clips == (
        str(inside / "folder.als/beat.als/1 1-808/beat"),
        str(inside / "songs/song.als/1 1-808/beat"),
    )
    assert [Path(gone.file).relative_to(inside).as_posix() for gone in corpus.report.dropped] == [
        "folder.als/beat.als/2 Bass",
        "songs/broken.als",
        "songs/song.als/2 Bass",
    ]
    assert "cut short" in corpus.report.dropped[1].reason
    assert len(read_clip(inside / "songs/song.als/1 1-808/beat").notes) == 24
    assert read_corpus(inside / "songs/song.als").clips == corpus.clips[1:]


def test_an_archive_of_very_many_sets_is_read_in_part_and_that_is_said(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as out:
        for number in range(MAX_ARCHIVED_SETS + 2):
            out.writestr(f"{number:02}.als", live_set(track(clip(BEAT)), qpm=90 + number))
    corpus = read_corpus(tmp_path / "clips.zip")
    assert len(corpus.clips) == MAX_ARCHIVED_SETS
    assert [Path(gone.file).name for gone in corpus.report.dropped] == ["20.als", "21.als"]
    assert "unpack it" in corpus.report.dropped[0].reason


@pytest.mark.parametrize(
    ("levels", "is_said"), [([93], False), ([93, 93], False), ([93, 120], True), ([93, 120, 93], True)]
)
def test_a_tempo_that_is_automated_is_said_to_be_taken_as_one(
    levels: list[float], is_said: bool, tmp_path: Path
) -> None:
    data = live_set(track(clip(BEAT)), envelope=envelope(8, levels) + envelope(9, [0.0, 1.0]))
    (tmp_path / "song.als").write_bytes(data)
    (report,) = read_corpus(tmp_path).report.clips
    assert report.qpm == pytest.approx(93)
    assert any("tempo is automated: 93 bpm" in note for note in report.notes) == is_said


def test_what_is_heard_of_a_clip_is_its_loop(tmp_path: Path) -> None:
    off = '<MidiNoteEvent Time="4.5" Duration="1" Velocity="99" OffVelocity="64" IsEnabled="false" />'
    (tmp_path / "song.als").write_bytes(live_set(track(clip(BEAT, start=4, end=8, more=off))))
    corpus = read_corpus(tmp_path, bars=1)
    (report,) = corpus.report.clips
    assert report.onsets == report.note_ons == 12
    for words in ("12 notes outside its loop", "3 notes that are switched off"):
        assert any(words in note for note in report.notes)


def test_the_same_clip_many_times_in_a_track_is_one(tmp_path: Path) -> None:
    (tmp_path / "song.als").write_bytes(live_set(track(clip(BEAT), clip(BEAT), clip(BEAT))))
    (report,) = read_corpus(tmp_path).report.clips
    assert any("stands 3 times" in note for note in report.notes)


def test_a_card_speaks_for_a_clip_of_a_set_and_it_is_exported_clean(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "song.als").write_bytes(live_set(track(clip(BEAT, "a"), clip({**BEAT, KICK: [(0, 99)]}, "b"))))
    assert main(["card", str(folder), "--clip", "song.als/1 1-808/b", "--consent", "no"]) == 0
    corpus = read_corpus(folder)
    assert [Path(name).name for name in corpus.clips] == ["a"]
    assert all(export(corpus, tmp_path / "out", Reading()).values())


def test_two_clips_of_one_name_and_names_that_lead_out_are_two_clips(tmp_path: Path) -> None:
    other: Notes = {KICK: [(0, 99), (1, 99)]}
    data = live_set(track(clip(BEAT, "../../x"), clip(other, "../../x"), clip({HAT: [(0, 9)]}, ".."), name="/a/b"))
    found, refused = parse_set(data)
    assert list(found) == ["1 -a-b/-..-x", "1 -a-b/-..-x 2", "1 -a-b/clip"]
    assert not refused


ENTITY = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not gzipped"),
        (b"<Ableton/>", "not gzipped"),
        (live_set()[:100], "cut short"),
        (gzip.compress(b"<Ableton><LiveSet>"), "no element"),
        (gzip.compress(b"<Other/>"), "no set of Ableton"),
        (gzip.compress(b"<?xml version='1.0' encoding='x-none'?><Ableton/>"), "encoding"),
        (live_set(track(clip(BEAT)), head=ENTITY), "definitions"),
        (live_set(track(clip({400: [(0, 1)]}))), "note 400"),
        (live_set(track(clip({36: [(float("nan"), 1)]}))), "nan"),
        (gzip.compress(b"<a>" * 1_000), "nested"),
        (gzip.compress(b"<Ableton>" + b"<a/>" * 1_600_000), "too large"),
        (gzip.compress(b" " * 70_000_000, 1), "MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # gzipped bytes hold the time
)
def test_what_is_no_set_is_refused_by_name(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "a.als").write_bytes(data)
    (tmp_path / "b.als").write_bytes(live_set(track(clip(BEAT))))
    corpus = read_corpus(tmp_path)
    (refused,) = corpus.report.unreadable
    assert refused.file.endswith("a.als")
    assert why in refused.reason
    assert len(corpus.clips) == 1


def test_a_clip_that_is_none_does_not_take_the_others_with_it() -> None:
    found, refused = parse_set(live_set(track(clip(BEAT, "long", end=1e9), clip(BEAT, "good"))))
    assert [name.split("/")[1] for name in found] == ["good"]
    assert "quarters long" in refused["1 1-808/long"]


def test_a_set_without_drums_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.als").write_bytes(live_set(track(clip(BEAT), name="Keys", rack=False)))
    assert main(["inspect", str(tmp_path / "a.als")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "rename it" in error


def said_of(data: bytes) -> str:
    """Why it is refused; empty where it is read."""
    try:
        parse_set(data)
    except MidiFileError as error:
        return str(error)
    return ""


PLAIN = gzip.decompress(live_set(track(clip(BEAT), name="Drums")))


@given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(PLAIN)))
def test_any_change_of_a_set_is_read_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(PLAIN)
    for place, value in changes:
        data[place] = value
    for body in (bytes(data), bytes(data[:cut])):
        assert "\n" not in said_of(gzip.compress(body, 1))


@given(st.binary(max_size=200), st.integers(0, 2_000))
def test_any_bytes_are_read_or_refused(rest: bytes, keep: int) -> None:
    for data in (rest, b"\x1f\x8b" + rest, live_set(track(clip(BEAT)))[:keep] + rest):
        assert "\n" not in said_of(data)
