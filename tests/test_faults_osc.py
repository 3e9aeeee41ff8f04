"""OSC from a hostile network: garbage, floods, bundles of bundles. The beat goes on, and nothing goes unsaid."""

from __future__ import annotations

import itertools
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_osc import HOSTILE, bundle, flood
from hypothesis import given
from hypothesis import strategies as st
from jack_support import wait_for
from playing_support import Played, osc, own_display, resident_kb

import performance.osc_input
from performance.commands import MoveCursor, Panic, RecallScene, SetControl, SetVoice, StageCommand, Stop
from performance.osc_input import OscInput
from rvae.kit import STANDARD_KIT


@pytest.fixture
def listener() -> Iterator[OscInput]:
    listener = OscInput(0, STANDARD_KIT, host="127.0.0.1")
    yield listener
    listener.close()


@pytest.fixture
def mouth(listener: OscInput) -> Iterator[Callable[[bytes], object]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        yield lambda data: sender.sendto(data, ("127.0.0.1", listener.port))


@pytest.mark.parametrize("what", HOSTILE)
def test_what_makes_no_sense_moves_nothing_and_is_counted(
    listener: OscInput, mouth: Callable[[bytes], object], what: str
) -> None:
    mouth(HOSTILE[what])
    mouth(osc("/rvae/panic"))
    found = []
    assert wait_for(lambda: found.extend(listener.receive()) or Panic() in found)
    assert found == [Panic()]
    assert listener.ignored > 0
    assert len(listener.news()) == 1
    assert listener.news() == []


def test_a_controller_that_sends_no_numbers_is_told_of_once_and_its_numbers_still_count(
    listener: OscInput, mouth: Callable[[bytes], object]
) -> None:
    found: list[StageCommand] = []
    for value in (float("nan"), float("inf"), -float("inf"), "loud", 0.25, float("nan")):
        mouth(osc("/rvae/density", value))
    mouth(osc("/rvae/panic"))
    assert wait_for(lambda: found.extend(listener.receive()) or Panic() in found)
    assert found == [SetControl("density", 0.25), Panic()]
    (line,) = listener.news()
    assert "127.0.0.1 sends /rvae/density nan" in line
    mouth(osc("/rvae/cursor", float("nan"), 0.5))
    mouth(osc("/rvae/cursor"))
    assert wait_for(lambda: listener.receive() == [] and listener.ignored == 7)
    (line,) = listener.news()
    assert "/rvae/cursor nan 0.5" in line


def test_every_message_of_a_flood_is_heard_ignored_or_counted_as_lost(
    listener: OscInput, mouth: Callable[[bytes], object]
) -> None:
    heard = 0
    for number in range(5000):
        mouth(osc("/rvae/scene", "recall", number % 100 + 1) if number % 2 else HOSTILE["bytes"])
        if number % 500 == 499:
            heard += len(listener.receive())
    mouth(osc("/rvae/stop"))
    last = []
    # A full room has no place for the stop: it is sent again, as a hand would.
    assert wait_for(lambda: last.extend(listener.receive()) or Stop() in last or mouth(osc("/rvae/stop")) is None)
    heard += sum(isinstance(command, RecallScene) for command in last)
    stops = sum(command == Stop() for command in last)
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells what it dropped")
    assert wait_for(lambda: [*listener.receive()] == [])
    assert heard + listener.ignored + listener.lost >= 5000
    assert heard + listener.ignored <= 5000 + stops


def test_a_frame_takes_a_little_of_a_flood_and_the_next_frame_goes_on_with_it(
    listener: OscInput, mouth: Callable[[bytes], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = [osc("/rvae/scene", "recall", number + 1) for number in range(50)]
    mouth(bundle(*scenes, HOSTILE["bytes"], osc("/rvae/stop")))
    ticking = itertools.count()  # every look at the clock costs a millisecond
    monkeypatch.setattr(performance.osc_input.time, "perf_counter", lambda: next(ticking) / 1000)
    frames = []
    while not frames or Stop() not in frames[-1]:
        frames.append(listener.receive())
    assert max(map(len, frames)) <= 9
    commands = [command for frame in frames for command in frame]
    assert commands == [*(RecallScene(number + 1) for number in range(50)), Stop()]
    assert listener.ignored == 1


def test_moves_that_pile_up_are_one_move_and_what_stands_between_keeps_its_place(
    listener: OscInput, mouth: Callable[[bytes], object]
) -> None:
    moves = [
        packet
        for number in range(100)
        for packet in (osc("/rvae/cursor", number / 100, 0.5), osc("/rvae/voice", "kick", "mute", number % 2))
    ]
    mouth(bundle(*moves[:100], osc("/rvae/stop"), *moves[100:]))
    found = []
    last = [MoveCursor(pytest.approx(0.99), 0.5), SetVoice("mute", 0, 1)]
    assert wait_for(lambda: found.extend(listener.receive()) or found[-2:] == last)
    at = found.index(Stop())
    assert found[at - 2 : at] == [MoveCursor(pytest.approx(0.49), 0.5), SetVoice("mute", 0, 1)]
    # As many as there were calls, at the most, and not a hundred.
    assert len(found) < 60


packets = st.recursive(
    st.binary(max_size=80) | st.sampled_from([*HOSTILE.values(), osc("/rvae/cursor", 0.1, 0.2)]),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: bundle(*parts)),
    max_leaves=12,
)


@given(st.lists(packets, max_size=6))
def test_bundles_of_anything_leave_a_listener_that_hears(data: list[bytes]) -> None:
    listener = OscInput(0, STANDARD_KIT, host="127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in (*data, osc("/rvae/panic")):
            if len(packet) < 60_000:
                sender.sendto(packet, ("127.0.0.1", listener.port))
    found = []
    assert wait_for(lambda: found.extend(listener.receive()) or Panic() in found)
    listener.close()


def test_the_beat_goes_on_through_a_flood_and_memory_stays_flat(model_file: Path, tmp_path: Path) -> None:
    with own_display() as display:
        played = Played(str(model_file), "--no-audio", "--bpm", "200", folder=tmp_path, display=display)
        try:
            played.play()
            flood(played, 1)
            processes = (played.process.pid, played.engine)
            before = [resident_kb(pid) for pid in processes]
            beats, sent = played.log.read(), 0

            def enough() -> bool:
                nonlocal sent
                sent += flood(played, 0.5)
                return sent > 10_000 and played.log.read() >= beats + 8

            assert wait_for(enough), f"{sent} messages, {played.log.read() - beats} beats"
            assert played.plays_on()
            after = [resident_kb(pid) for pid in processes]
            print(f"OSC flood: memory of window and engine before {before}, after {after} kB")
            assert all(now - then < 20_000 for then, now in zip(before, after, strict=True))
            assert played.stops()
            played.process.terminate()
            assert played.process.wait(60) == 143
            assert played.check() > 0
        finally:
            played.close()
