"""Credits of a set: who was heard, for how long and in how many onsets; and the line for the audience."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music import beat_of
from small_models import by_people, published_model
from surface_support import snapshot
from test_transcript import Set

from performance.commands import Play, SetControl, SetPattern, Stop
from performance.crediting import UNKNOWN, Played, played_in, write_credits
from performance.decoding import Decoded, Wanted
from performance.journal import Lost, Went
from performance.sequencer import Onset
from performance.settings import Settings
from performance.shares import Shares, credited, shares_at, shares_of
from performance.surface.drawing import Kept, draw, draw_for_audience
from performance.surface.look import Look
from performance.transcript import write_journal_midi
from rvae.meter import Meter
from rvae.pattern import Pattern
from rvae.sketch import sketch

FOUR = Meter.parse("4/4")


def of(ticks: Sequence[int], people: Mapping[str, float]) -> Pattern:
    """A bar of kicks that is made of clips of these people, one each."""
    shares = Shares(people, {f"{name}'s clip": share for name, share in people.items()})
    return credited(beat_of(FOUR, list(ticks)), shares)


ADA, BEN = of([0, 24, 48, 72], {"Ada": 1.0}), of([0, 48], {"Ben": 1.0})
BOTH = of([0, 24, 48, 72], {"Ada": 0.75, "Ben": 0.25})


def shares(played: Played, column: int, kind: str = "contributor") -> dict[str, float]:
    return {row[1]: row[column] for row in played.rows() if row[0] == kind}


def test_a_bar_of_each_is_half_the_time_and_the_onsets_one_can_count() -> None:
    played = Set(ADA)
    played.do(SetControl("tempo", 120), SetControl("horizon", 5), Play(), seconds=1.5)
    played.do(SetPattern(BEN, "bar"), seconds=2.4)  # from 2 s on
    played.do(Stop(), seconds=0.1)
    found = played_in(played.end())
    seconds, onsets = shares(found, 2), shares(found, 4)
    assert seconds["Ada"] == pytest.approx(2.0, abs=1e-6)
    assert seconds["Ben"] == pytest.approx(1.9, abs=1e-3)
    assert onsets == {"Ada": 4, "Ben": 2}


def test_a_blend_counts_for_each_as_much_as_it_has() -> None:
    played = Set(BOTH)
    played.do(SetControl("tempo", 120), Play(), seconds=4.01)
    found = played_in(played.end())
    assert shares(found, 3) == pytest.approx({"Ada": 0.75, "Ben": 0.25})
    assert shares(found, 5) == pytest.approx({"Ada": 0.75, "Ben": 0.25})
    assert shares(found, 3, "clip") == pytest.approx({"Ada's clip": 0.75, "Ben's clip": 0.25})


def test_pauses_count_for_nobody_and_a_second_start_goes_on() -> None:
    played = Set(ADA)
    for _ in range(2):
        played.do(SetControl("tempo", 120), Play(), seconds=0.9)
        played.do(Stop(), seconds=5)
    found = played_in(played.end())
    assert shares(found, 2)["Ada"] == pytest.approx(1.8, abs=0.02)
    assert shares(found, 4) == {"Ada": 4}


def test_a_recording_begun_in_the_middle_knows_whose_the_first_onsets_are() -> None:
    played = Set(BEN, recording=False)
    played.do(SetControl("tempo", 120), SetControl("horizon", 200), Play(), seconds=2.9)
    played.record()
    played.do(seconds=2)
    entries = played.end()
    onsets = sum(isinstance(entry, Went) and isinstance(entry.event, Onset) for entry in entries)
    assert shares(played_in(entries), 4) == {"Ben": onsets}


moves_to = st.tuples(st.sampled_from([ADA, BEN, BOTH]), st.sampled_from(["now", "beat", "bar"]), st.floats(0.05, 1.5))


@given(st.lists(moves_to, min_size=1, max_size=8))
def test_every_onset_and_all_the_time_is_somebodys(moves: list[tuple[Pattern, str, float]]) -> None:
    played = Set(ADA)
    played.do(SetControl("tempo", 150), Play(), seconds=0.5)
    for pattern, at, seconds in moves:
        played.do(SetPattern(pattern, at), seconds=seconds)  # type: ignore[arg-type]  # a quantum
    played.do(Stop(), seconds=0.1)
    entries = played.end()
    found = played_in(entries)
    onsets = sum(isinstance(entry, Went) and isinstance(entry.event, Onset) for entry in entries)
    assert sum(shares(found, 4).values()) == pytest.approx(onsets)
    total_s = 0.5 + sum(seconds for _, _, seconds in moves)
    assert sum(shares(found, 2).values()) == pytest.approx(total_s, abs=0.02)
    assert UNKNOWN not in shares(found, 2)


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    played = Set()
    played.do(Play(), seconds=1)
    assert list(shares(played_in(played.end()), 2)) == [UNKNOWN]
    lost = Set(ADA)
    lost.do(SetControl("tempo", 120), Play(), seconds=1.1)
    lost.journal.note(Lost(3))
    lost.do(seconds=1)
    onsets = shares(played_in(lost.end()), 4)
    assert onsets["Ada"] == 3
    assert onsets[UNKNOWN] >= 1


def test_nothing_played_is_an_empty_table() -> None:
    assert played_in([]).rows() == []
    assert played_in(Set(ADA).end()).lines() == ()


def test_the_shares_are_written_as_csv_and_as_text_in_the_midi_file(tmp_path: Path) -> None:
    played = Set(BOTH)
    played.do(SetControl("tempo", 120), Play(), seconds=4)
    entries = played.end()
    found = played_in(entries)
    assert write_credits(tmp_path / "a.csv", found) == 2
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert [(row["kind"], row["name"]) for row in rows][:2] == [("contributor", "Ada"), ("contributor", "Ben")]
    for column in ("share_of_time", "share_of_onsets"):
        assert sum(float(row[column]) for row in rows if row["kind"] == "contributor") == pytest.approx(1, abs=1e-5)
    write_journal_midi(tmp_path / "a.mid", entries, texts=found.lines())
    (track,) = mido.MidiFile(tmp_path / "a.mid").tracks
    said = [message.text for message in track if message.type == "text"]
    assert "credits: Ada 75.0% of the time, 75.0% of the onsets" in said


# --- what a pattern carries


def test_what_is_decoded_carries_its_credits_and_nothing_else_is_taken_for_some() -> None:
    model = sketch(by_people(["Ada", "Ben", "Cy", "Ada", "Ben", "Cy"]))
    settings = Settings.at_first((0.4, 0.6), FOUR, len(model.kit))
    decoded = Decoded.of(model, Wanted.of(settings))
    found = shares_of(decoded.pattern)
    assert found is not None
    assert sum(found.people.values()) == pytest.approx(1, abs=1e-3)
    true = model.credits((0.4, 0.6), beats=4).by_person()
    for name, share in found.people.items():
        assert share == pytest.approx(float(true[name][0]), abs=2e-3)
    assert decoded.credits == shares_at(model, (0.4, 0.6), 4).line  # type: ignore[union-attr]  # a sketch has them
    for source in ("0.1, 0.2", "", "{", '{"people": 1}', '{"people": {"a": "x"}, "clips": {}}', "[" * 5000 + "{"):
        assert shares_of(replace(decoded.pattern, source=source)) is None


def test_a_model_that_keeps_no_account_is_played_as_ever() -> None:
    model = published_model()
    settings = Settings.at_first((0.4, 0.6), FOUR, len(model.kit))
    decoded = Decoded.of(model, Wanted.of(settings))
    assert decoded.credits == ""
    assert shares_of(decoded.pattern) is None


# --- the line on the surface


def test_the_audience_sees_whose_it_is_and_the_player_what_they_see() -> None:
    import pygame

    line = replace(snapshot(), credits="Ada 75%, Ben 25%: house 75%, funk 25%")
    for paint, look in ((draw_for_audience, Look()), (draw, Look(audience=True))):
        pictures = []
        for shown in (line, replace(line, credits="")):
            target = pygame.Surface((800, 600))
            paint(target, shown, look, Kept())
            pictures.append(pygame.surfarray.array3d(target))
        assert np.any(pictures[0] != pictures[1])
    for words in (line.credits, ""):
        target = pygame.Surface((800, 600))
        draw(target, replace(line, credits=words), Look(), Kept())
        pictures.append(pygame.surfarray.array3d(target))
    assert np.array_equal(pictures[-1], pictures[-2])
