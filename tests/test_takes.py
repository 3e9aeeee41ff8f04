"""What is struck while the music runs, as a clip that is read again."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import mido
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from music import METERS

from performance.clock import NS_PER_MS, NS_PER_S, VirtualClock
from performance.commands import EngineCommand, Play, SetControl, SetPattern, Stop
from performance.engine import Engine
from performance.recent import Excerpt
from performance.takes import MOST_STROKES, Take
from performance.transport import Bars, Transport
from rvae.corpus import read_corpus
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter
from rvae.pattern import Pattern

FOUR, THREE, SEVEN = Meter.parse("4/4"), Meter.parse("3/4"), Meter.parse("7/8(2+2+3)")
KICK, SNARE = 36, 38
FRAME_NS = 16 * NS_PER_MS


class Player:
    """A drummer beside an engine on a virtual clock: strikes at musical places, and is looked at once a frame."""

    def __init__(
        self, meter: Meter = FOUR, *, from_start: bool = True, bars: int | None = None, late_ms: int = 0
    ) -> None:
        self.clock = VirtualClock(NS_PER_S)
        self.engine = Engine(self.clock, Pattern.silent(meter))
        self.take = Take(STANDARD_KIT, from_start=from_start, bars=bars, offset_ns=late_ms * NS_PER_MS)
        self.late_ns = late_ms * NS_PER_MS
        self.to_strike: list[tuple[Fraction, int]] = []

    def do(self, *commands: EngineCommand) -> None:
        for command in commands:
            self.engine.do(command)

    def until(self, quarters: Fraction | float) -> None:
        """Play on to a place, striking what is to be struck on the way."""
        while (transport := self.engine.transport) is not None and transport.quarters_at(
            self.clock.now_ns()
        ) < quarters:
            frame_ns = self.clock.now_ns() + FRAME_NS
            while self.clock.now_ns() < frame_ns:
                self.clock.sleep_until(min(self.engine.step(), frame_ns))
            self.look()

    def look(self) -> None:
        transport, now_ns = self.engine.status().transport, self.clock.now_ns()
        if transport is not None:
            struck = [one for one in self.to_strike if transport.ns_at(one[0]) + self.late_ns <= now_ns]
            for quarters, pitch in struck:
                self.take.strike(pitch, 100, transport.ns_at(quarters) + self.late_ns)
                self.to_strike.remove((quarters, pitch))
        self.take.follow(transport, now_ns)

    def strike(self, *places: float | Fraction, pitch: int = KICK) -> None:
        self.to_strike += [(Fraction(place), pitch) for place in places]

    def excerpt(self) -> Excerpt:
        found = self.take.excerpt()
        assert found is not None
        return found


def read(excerpt: Excerpt, *, bars: int = 2, quantise: str = "subdivision") -> Sequence[Pattern]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "take.mid"
        excerpt.write(file)
        return read_corpus(file, bars=bars, quantise=quantise).patterns  # type: ignore[arg-type]  # one of the two


def places(pattern: Pattern) -> list[tuple[str, int]]:
    return [(pattern.kit.names[row], int(tick)) for row, tick in zip(*pattern.onset.nonzero(), strict=True)]


def test_two_bars_after_a_count_in_are_the_clip_that_was_played() -> None:
    player = Player()
    player.do(Play(count_in_bars=1))
    player.strike(0, 2, 4, 6.5)
    player.strike(1, 3, 5, 7, pitch=SNARE)
    player.until(7.9)
    assert player.take.strokes == 8
    player.take.end()
    assert player.take.is_ending
    player.until(8.5)
    assert player.take.is_over
    (pattern,) = read(player.excerpt())
    assert pattern.meter == FOUR
    assert places(pattern) == [("kick", 0), ("kick", 48), ("kick", 96), ("kick", 156)] + [
        ("snare", tick) for tick in (24, 72, 120, 168)
    ]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_struck_in_any_meter_and_tempo_it_is_read_at_the_ticks_and_microtiming_that_were_played(
    data: st.DataObject,
) -> None:
    meter = data.draw(st.sampled_from(METERS))
    bars = data.draw(st.sampled_from([1, 2, 4, 6]))
    tick_places = st.tuples(st.integers(0, bars * meter.bar_ticks - 1), st.sampled_from([36, 38, 42]))
    ticks = data.draw(st.lists(tick_places, min_size=1, max_size=24, unique=True))
    off = data.draw(st.lists(st.integers(-40, 40), min_size=len(ticks), max_size=len(ticks)))  # hundredths of a tick
    # Whoever reads a clip leaves out the silence at its end: the last stroke of all, early for such a bar, goes round.
    last_tick = max(tick for tick, _ in ticks)
    last_off = max(hundredths for (tick, _), hundredths in zip(ticks, off, strict=True) if tick == last_tick)
    assume(last_tick % meter.bar_ticks or last_off >= 0)
    player = Player(meter, late_ms=data.draw(st.integers(-20, 40)))
    player.do(SetControl("tempo", data.draw(st.integers(40, 240))), Play(count_in_bars=1))
    asked: dict[tuple[int, int], float] = {}
    for (tick, pitch), hundredths in zip(ticks, off, strict=True):
        bar, inside = divmod(tick, meter.bar_ticks)
        exact = Fraction(inside) + Fraction(hundredths, 100)
        player.strike(bar * meter.bar_quarters + meter.quarters_at(exact), pitch=pitch)
        asked[(pitch, tick)] = hundredths / 100
    end = bars * meter.bar_quarters
    player.until(end - Fraction(1, 100))
    player.take.end()
    player.until(end + 2)
    assert player.take.is_over
    excerpt = player.excerpt()
    assert excerpt.bars == bars
    heard: dict[tuple[int, int], float] = {}
    for pattern in read(excerpt, bars=1, quantise="nearest"):
        assert pattern.meter == meter
        for row, tick in zip(*pattern.onset.nonzero(), strict=True):
            where = pattern.first_bar * meter.bar_ticks + int(tick)
            heard[(pattern.kit.voices[row].pitch_out, where)] = float(pattern.microtiming[row, tick])
    if bars > 4:  # no clip that goes round: what was early for its first bar is on it
        asked = {key: max(0.0, late) if key[1] == 0 else late for key, late in asked.items()}
    assert heard.keys() == asked.keys()
    assert all(heard[key] == pytest.approx(late, abs=0.03) for key, late in asked.items())  # a 960th of a quarter


def test_a_tempo_that_changes_under_a_take_moves_no_stroke() -> None:
    player = Player()
    player.do(SetControl("tempo", 90), Play())
    beats = [Fraction(beat, 2) for beat in range(16)]
    player.strike(*beats)
    player.until(1.9)
    player.do(SetControl("tempo", 171))
    player.until(5.2)
    player.do(SetControl("tempo", 60))
    player.until(7.9)
    player.take.end()
    player.until(8.5)
    excerpt = player.excerpt()
    assert [note.quarters for note in excerpt.notes] == pytest.approx(beats, abs=1 / 960)
    assert [round(qpm) for _, qpm in excerpt.tempos] == [90, 171, 60]
    assert [float(at) for at, _ in excerpt.tempos] == [0, pytest.approx(1.9, abs=0.2), pytest.approx(5.2, abs=0.2)]


def test_a_meter_that_changes_within_a_take_is_written_where_it_changed(tmp_path: Path) -> None:
    player = Player()
    player.do(Play())
    player.strike(*range(8))
    player.until(7.1)
    player.do(SetPattern(Pattern.silent(SEVEN), "bar"))
    player.strike(8, 9, 10, 11.5, 12.5, 13.5)
    player.until(14.8)
    player.take.end()
    player.until(16)
    excerpt = player.excerpt()
    assert excerpt.bars == 4
    assert excerpt.meters == ((0, FOUR), (8, SEVEN))
    four, seven = read(excerpt)
    assert (four.meter, seven.meter) == (FOUR, SEVEN)
    assert places(seven) == [("kick", tick) for tick in (0, 24, 48, 72, 96, 120)]
    excerpt.write(tmp_path / "take.mid")
    said = [m.text for m in mido.MidiFile(tmp_path / "take.mid").tracks[0] if m.type == "text"]
    assert said == ["meter 7/8(2+2+3)"]


def test_begun_while_it_plays_a_take_begins_with_the_next_bar() -> None:
    player = Player(from_start=False)
    player.do(Play())
    player.until(1.5)
    assert not player.take.has_begun
    player.strike(2, 3.98, 5, 6, 7)
    player.until(7.9)
    player.take.end()
    player.until(8.5)
    assert player.excerpt().bars == 1
    assert player.take.early == 1, "what came before is counted"
    (pattern,) = read(player.excerpt(), bars=1)
    assert places(pattern) == [("kick", tick) for tick in (0, 24, 48, 72)], "a little early for the first beat is on it"


@pytest.mark.parametrize(
    ("asked_at", "last_stroke", "bars"),
    [(8.3, 7.0, 2), (7.7, 7.0, 2), (9.7, 7.0, 2), (10.2, 7.0, 3), (8.3, 8.0, 3), (4.4, 1.0, 1), (0.3, 0.0, 1)],
)
def test_it_ends_with_the_nearest_barline_but_never_before_a_stroke(
    asked_at: float, last_stroke: float, bars: int
) -> None:
    player = Player()
    player.do(Play())
    player.strike(*{0, last_stroke})
    player.until(asked_at)
    player.take.end()
    player.until(asked_at + 8)
    assert player.take.is_over
    assert player.excerpt().bars == bars
    assert player.excerpt().length_quarters == 4 * bars


def test_a_single_stroke_a_little_before_the_first_bar_is_a_clip_of_that_bar() -> None:
    player = Player()
    player.do(Play(count_in_bars=1))
    player.strike(-0.05)
    player.until(0.5)
    player.take.end()
    player.until(8)
    assert player.excerpt().bars == 1
    assert player.excerpt().length_quarters == 4


def test_the_strokes_of_the_last_cycle_are_shown_where_they_were_struck() -> None:
    player = Player()
    player.do(Play(count_in_bars=1))
    assert player.take.shown(2) is None
    player.until(-1)
    shown = player.take.shown(2)
    assert shown is not None
    assert shown.onsets == 0
    player.strike(0, 1.5, 4, 8.02, 9)
    player.until(7)
    shown = player.take.shown(2)
    assert shown is not None
    assert places(shown) == [("kick", 0), ("kick", 36), ("kick", 96)]
    player.until(9.5)
    shown = player.take.shown(2)
    assert shown is not None
    assert places(shown) == [("kick", 0), ("kick", 24), ("kick", 96)], "the bar before the last is gone"
    assert shown.microtiming[0, 0] == pytest.approx(0.48)


def test_a_stop_ends_it_with_whole_bars() -> None:
    player = Player()
    player.do(Play())
    player.strike(0, 5)
    player.until(5.5)
    player.do(Stop())
    player.take.follow(None, player.clock.now_ns())
    assert player.take.is_over
    assert player.excerpt().bars == 2


@pytest.mark.parametrize("count_in_bars", [None, 1])
@pytest.mark.parametrize("stalled_s", [0.15, 0.4, 3])
def test_a_machine_that_stands_still_ends_no_take(count_in_bars: int | None, stalled_s: float) -> None:
    player = Player()
    player.do(SetControl("tempo", 180), Play(count_in_bars=count_in_bars))
    player.strike(0, 1, 2, 3, 4, 5)
    player.until(1.5)
    player.clock.stall(round(stalled_s * NS_PER_S))
    player.look()  # the window wakes before the engine does
    player.engine.step()
    player.until(7.9)
    assert not player.take.is_over
    player.take.end()
    player.until(8.5)
    (pattern,) = read(player.excerpt())
    assert places(pattern) == [("kick", 24 * quarters) for quarters in range(6)]


def test_music_that_begins_anew_is_another_take() -> None:
    player = Player()
    player.do(Play())
    player.strike(0, 1, 2, 3)
    player.until(4.5)
    player.do(Stop(), Play())
    player.until(0.5)
    assert player.take.is_over
    assert player.excerpt().bars == 1


def test_a_take_that_is_ended_in_its_count_in_is_empty() -> None:
    player = Player()
    player.do(Play(count_in_bars=1))
    player.until(-1)
    assert player.take.place is not None
    assert (player.take.place.bar, player.take.place.beat) == (-1, 3)
    player.take.end()
    assert player.take.is_over
    assert player.take.excerpt() is None


def test_notes_no_voice_reads_are_in_the_clip_and_counted() -> None:
    player = Player()
    player.do(Play())
    player.strike(0, 1)
    player.strike(2, 3, pitch=17)
    player.until(3.9)
    player.take.end()
    player.until(5)
    assert player.take.unread == {17: 2}
    assert len(player.excerpt().notes) == 4


def test_of_a_flood_of_strokes_no_more_than_a_clip_can_hold_is_taken_and_the_rest_is_counted() -> None:
    player = Player()
    player.do(Play())
    player.until(0.5)
    for count in range(MOST_STROKES + 7):
        player.take.strike(36, 100, player.clock.now_ns() + count)
    player.until(3.9)
    player.take.end()
    player.until(5)
    assert (player.take.strokes, player.take.late) == (MOST_STROKES, 7)


def test_a_take_for_so_many_bars_ends_by_itself() -> None:
    player = Player(THREE, bars=2)
    player.do(Play(count_in_bars=2))
    player.strike(0, 1, 2, 3, 5.8, 6.2)
    player.until(6.1)
    assert not player.take.is_over, "a stroke may be told late"
    player.until(7)
    assert player.take.is_over
    assert player.excerpt().bars == 2
    assert player.take.strokes == 5


def test_a_take_at_a_tempo_that_never_stands_still_costs_as_its_length_does() -> None:
    """As under a leader, which steers fifty times a second; in comparisons, since a machine's clock proves nothing."""
    bars, frames = Bars.of(FOUR), 3_000

    def looked_at(count: int) -> int:
        take, transport = Take(STANDARD_KIT, from_start=True), Transport(0, Fraction(0), Fraction(120), bars)
        for frame in range(1, count + 1):
            now_ns = frame * 20 * NS_PER_MS
            qpm = 120 + Fraction(frame % 7 - 3, 1000)
            transport = transport.with_qpm(qpm, transport.quarters_at(now_ns))
            take.follow(transport, now_ns)
        take.strike(KICK, 100, NS_PER_S)
        take.stop()
        with counted_comparisons() as compared:
            excerpt = take.excerpt()
        assert excerpt is not None
        assert len(excerpt.tempos) >= count - 8
        assert list(excerpt.tempos) == sorted(excerpt.tempos)
        return compared[0]

    assert looked_at(frames) < 3 * looked_at(frames // 2)


@contextlib.contextmanager
def counted_comparisons() -> Iterator[list[int]]:
    """How often fractions are compared meanwhile."""
    count, plain = [0], Fraction._richcmp

    def counting(self: Fraction, other: object, op: object) -> object:
        count[0] += 1
        return plain(self, other, op)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fraction, "_richcmp", counting)
        yield count
