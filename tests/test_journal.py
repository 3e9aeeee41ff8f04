"""The journal: what an engine did is kept, read back and played again to the same events."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest
from checker import check_journal
from hypothesis import given, settings
from hypothesis import strategies as st
from music import METERS, beat_of, pattern_of

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import EngineCommand, Panic, Play, Quantum, SetControl, SetPattern, SetVoice, Stop, StrikePad
from performance.engine import Engine
from performance.journal import Applied, Closed, Entry, Lost, MemoryJournal, Opened, Went
from performance.journal_file import JournalFile, Lines
from performance.leader import Aim, News, Started, Stopped
from performance.outputs.memory import MemoryOutput
from performance.replay import difference, replay
from performance.sequencer import BeatStart, Onset
from performance.transport import Barline, Transport
from rvae.errors import FileError, UsageError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter

FOUR = Meter.parse("4/4")
KICKS = beat_of(FOUR, [0, 24, 48, 72])

commands = st.one_of(
    st.just(Stop()),
    st.builds(Play, st.sampled_from([None, None, 1, 2]), st.sampled_from([None, None, 0, 1, 2])),
    st.just(Panic()),
    st.builds(SetControl, st.just("tempo"), st.floats(20, 300)),
    st.builds(SetControl, st.just("click"), st.sampled_from([0.0, 1.0])),
    st.builds(StrikePad, st.integers(0, 15), st.integers(1, 127)),
    st.builds(SetControl, st.just("swing"), st.floats(50, 75)),
    st.builds(SetControl, st.just("microtiming"), st.floats(0, 150)),
    st.builds(SetControl, st.just("horizon"), st.floats(5, 200)),
    st.builds(SetVoice, st.just("mute"), st.integers(0, 8), st.sampled_from([0.0, 1.0])),
    st.builds(SetVoice, st.just("nudge"), st.integers(0, 8), st.floats(-50, 50)),
    st.builds(
        lambda seed, meter, at: SetPattern(pattern_of(seed, meter), at, None if seed % 2 else (seed % 9,)),
        st.integers(0, 300),
        st.sampled_from(METERS),
        st.sampled_from(get_args(Quantum)),
    ),
)
scripts = st.lists(st.tuples(commands, st.floats(0.001, 0.9), st.booleans()), max_size=12)


class Wandering:
    """A leader whose tempo and place wander, and that starts, stops and leaves now and then."""

    def __init__(self, aims: list[tuple[float, float] | None], news: list[News]) -> None:
        self._aims, self._news = aims, news
        self._polls = 0

    def poll(self, now_ns: int, bar_quarters: Fraction) -> list[News]:
        self._polls += 1
        if self._polls % 40 or not self._news:
            return []
        news = self._news.pop()
        return [Started(now_ns + 1000, news.quarters)] if isinstance(news, Started) else [news]

    def aim(self, transport: Transport | None, quarters: Fraction) -> Aim | None:
        aim = self._aims[self._polls // 10 % len(self._aims)]
        return None if aim is None else Aim(*aim)

    def entry(self, earliest_ns: int, bar_quarters: Fraction) -> Started:
        return Started(earliest_ns, bar_quarters)

    def player_did(self, now_ns: int, *, qpm: Fraction | None = None, playing: bool | None = None) -> None:
        pass

    @property
    def state(self) -> str:
        return "wandering"

    def close(self) -> None:
        pass


aims = st.lists(st.none() | st.tuples(st.floats(30, 300), st.floats(-1, 1)), min_size=1, max_size=5)
news = st.lists(st.just(Stopped()) | st.builds(Started, st.just(0), st.fractions(0, 9, max_denominator=8)), max_size=4)
leaders = st.none() | st.builds(Wandering, aims, news)


class Rig:
    """An engine on a virtual clock with a journal in memory, from the start or from where `start` is called."""

    def __init__(
        self, *, step_ms: int = 8, leader: Wandering | None = None, offset_ms: int = 0, clock_out: bool = False
    ) -> None:
        self.clock = VirtualClock(5 * NS_PER_S)
        self.output = MemoryOutput()
        self.output.offset_ns = offset_ms * NS_PER_MS
        self.output.sends_clock = clock_out
        self.engine = Engine(self.clock, KICKS, [self.output], step_ns=step_ms * NS_PER_MS, leader=leader)
        self.engine.open_outputs(STANDARD_KIT)
        self.journal = MemoryJournal()

    def start(self) -> None:
        self.engine.start_journal(self.journal)

    def run(self, seconds: float) -> None:
        until = self.clock.now_ns() + round(seconds * NS_PER_S)
        while self.clock.now_ns() < until:
            self.clock.sleep_until(min(self.engine.step(), until))

    def play(self, script: list[tuple[EngineCommand, float, bool]], *, begin_at: int = 0) -> list[Entry]:
        if begin_at == 0:
            self.start()
        self.engine.do(Play())
        for number, (command, seconds, sleeps) in enumerate(script, 1):
            self.engine.do(command)
            self.run(seconds)
            if sleeps:
                self.clock.stall(150 * NS_PER_MS)
            if number == begin_at:
                self.start()
        if begin_at > len(script):
            self.start()
            self.run(0.5)
        self.engine.close()
        return self.journal.entries


@settings(max_examples=25)
@given(scripts, st.integers(0, 14), st.sampled_from([1, 8, 30]), leaders, st.sampled_from([-40, 0, 25]), st.booleans())
def test_a_journal_plays_again_as_it_was_played_from_wherever_it_was_begun(
    script: list[tuple[EngineCommand, float, bool]],
    begin_at: int,
    step_ms: int,
    leader: Wandering | None,
    offset_ms: int,
    clock_out: bool,
) -> None:
    rig = Rig(step_ms=step_ms, leader=leader, offset_ms=offset_ms, clock_out=clock_out)
    entries = rig.play(script, begin_at=begin_at)
    check_journal(entries)
    assert isinstance(entries[0], Opened)
    assert isinstance(entries[-1], Closed)


@settings(max_examples=30)
@given(scripts, leaders)
def test_all_that_an_output_was_given_is_in_the_journal_once_and_in_order(
    script: list[tuple[EngineCommand, float, bool]], leader: Wandering | None
) -> None:
    rig = Rig(leader=leader, clock_out=True)
    entries = rig.play(script)
    given_to = [(sent.event, sent.due_ns) for sent in rig.output.sent if sent.cut_ns is None]
    kept = [(entry.event, entry.due_ns) for entry in entries if isinstance(entry, Went)]
    assert [pair for pair in kept if not isinstance(pair[0], BeatStart)] == [
        pair for pair in given_to if not isinstance(pair[0], BeatStart)
    ]
    assert all(entry.went_ns >= entry.due_ns for entry in entries if isinstance(entry, Went))


def write(path: Path, entries: list[Entry]) -> Path:
    lines = Lines()
    text = Lines.header("2026-01-01T00:00:00+00:00") + "".join(line for entry in entries for line in lines.of(entry))
    path.write_text(text, encoding="utf-8")
    return path


def alike(one: object, other: object) -> bool:
    """Entries hold patterns, which are compared by what sounds; everything else by ==."""
    return Lines().of(one) == Lines().of(other)  # type: ignore[arg-type]  # entries both


@settings(max_examples=20)
@given(scripts, st.integers(0, 5))
def test_a_file_gives_back_every_entry_and_plays_again(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[EngineCommand, float, bool]], begin_at: int
) -> None:
    entries = Rig(clock_out=True).play(script, begin_at=begin_at)
    file = JournalFile(write(tmp_path_factory.mktemp("journal") / "a.rvjournal", entries))
    read = list(file)
    assert file.problems == []
    assert file.date == "2026-01-01T00:00:00+00:00"
    assert len(read) == len(entries)
    assert all(alike(one, other) for one, other in zip(read, entries, strict=True))
    assert difference(file) is None


@settings(max_examples=20)
@given(scripts, st.floats(0, 1))
def test_a_torn_journal_gives_all_up_to_the_tear(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[EngineCommand, float, bool]], share: float
) -> None:
    path = write(tmp_path_factory.mktemp("journal") / "a.rvjournal", Rig().play(script))
    data = path.read_bytes()
    head = data.index(b"\n") + 1
    whole = list(JournalFile(path))
    path.write_bytes(data[: head + int((len(data) - head) * share)])
    torn = JournalFile(path)
    read = list(torn)
    assert all(alike(one, other) for one, other in zip(read, whole, strict=False))
    assert [problem for problem in torn.problems if "torn" in problem] == torn.problems
    if any(isinstance(entry, Opened) for entry in read):
        assert difference(torn) is None


def test_a_line_that_is_nonsense_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.rvjournal", Rig().play([(Stop(), 0.5, False)]))
    lines = path.read_text().splitlines(keepends=True)
    lines[-2] = '{"is": "Went", "event": 3}\n'
    path.write_text("".join(lines))
    file = JournalFile(path)
    read = list(file)
    assert Lost(1) in read
    assert isinstance(read[-1], Closed)
    assert "1 line that" in file.problems[0]
    with pytest.raises(UsageError, match="1 entries are missing"):
        list(replay(file))


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "not a journal"), ("{}\n", "not a journal"), ('{"format": "rvae-journal", "version": 9}\n', "version 9")],
)
def test_a_file_that_is_no_journal_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.rvjournal"
    path.write_text(text)
    with pytest.raises(FileError, match=words):
        JournalFile(path)
    with pytest.raises(FileError, match="cannot be read"):
        JournalFile(tmp_path / "none.rvjournal")


def test_a_pattern_that_comes_again_is_written_once() -> None:
    lines = Lines()
    entry = Applied(Fraction(0), 0, SetPattern(KICKS, "now"))
    first, second = lines.of(entry), lines.of(Applied(Fraction(1), 0, SetPattern(KICKS, "bar")))
    assert len(first) == 3  # the kit, the pattern, the entry
    assert len(second) == 1


def test_hours_of_patterns_are_read_with_the_memory_of_few(tmp_path: Path) -> None:
    entries: list[Entry] = [
        Applied(Fraction(0), 0, SetPattern(pattern_of(seed % 700, FOUR), "now")) for seed in range(1500)
    ]
    file = JournalFile(write(tmp_path / "a.rvjournal", entries))
    assert all(alike(one, other) for one, other in zip(file, entries, strict=True))
    assert file.problems == []


def test_a_meter_that_changes_where_the_music_stands_takes_its_tempo_with_it() -> None:
    twelve = Meter.parse("12/8")
    rig = Rig()
    rig.start()
    rig.engine.do(Play())
    rig.engine.do(SetPattern(beat_of(twelve, [0, 24, 48, 72]), "bar"))
    rig.run(2.1)
    start_ns = 5 * NS_PER_S
    onsets = [sent.due_ns - start_ns for sent in rig.output.sent if isinstance(sent.event, Onset)]
    assert onsets == [beat * 500 * NS_PER_MS for beat in range(5)]
    told = [entry.what for entry in rig.journal.entries if isinstance(entry, Applied)]
    assert Barline(0, Fraction(0), twelve) in told
