"""Sessions: what a player has set is kept, survives a crash but for the last second, and comes back as it was."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jack_support import wait_for
from playing_support import free_udp_port
from pythonosc.osc_message_builder import OscMessageBuilder
from strategies import kits

from performance.controls import CONTROLS
from performance.cursor import Key
from performance.cursor import Path as Way
from performance.gestures import MOST_LAYERS, Gesture
from performance.holding import Holds
from performance.pins import Pin, Pins
from performance.resuming import named, opened, unnamed
from performance.scenes import Scene
from performance.session import Keeper, Session, clips_of, guests_of, read_session, write_session
from performance.settings import Settings
from rvae.errors import FileError, UsageError
from rvae.kit import STANDARD_KIT, Kit
from rvae.meter import Meter

ROOT = Path(__file__).resolve().parents[1]
VOICES = len(STANDARD_KIT)
PATIENCE_S = 60.0

shares = st.floats(0, 1)
points = st.tuples(shares, shares)
meters = st.sampled_from([Meter.parse(name) for name in ("4/4", "6/8", "7/8(3+2+2)", "3/4")])


def rows(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*[values] * VOICES)


scenes = st.builds(
    Scene,
    cursor=points,
    meter=meters,
    tempo_bpm=st.floats(20, 300),
    density=shares,
    voice_density=rows(shares),
    mute=rows(st.booleans()),
    nudge_ms=rows(st.floats(-50, 50)),
    kit=st.none() | kits(),
)
pins = st.builds(Pin, st.just(192), st.integers(0, VOICES - 1), st.integers(0, 191), shares, st.floats(-3, 3))
frozen = pins.map(lambda pin: replace(pin, voice=2))


@st.composite
def gestures(draw: st.DrawFn) -> Gesture:
    bars = sorted(draw(st.lists(st.floats(0, 8), min_size=1, max_size=5)))
    keys = tuple(Key(bar, *draw(points)) for bar in bars)
    return Gesture(Way(keys), draw(st.floats(0, 500)), draw(st.integers(1, 64)))


@st.composite
def set_by_somebody(draw: st.DrawFn) -> Settings:
    found = Settings.at_first(draw(points), draw(meters), VOICES)
    for name, control in CONTROLS.items():
        position = draw(shares)
        if not control.per_voice:
            found = found.with_control(name, control.at(position))
        elif name in found.voices:
            found = found.with_voice(name, draw(st.integers(0, VOICES - 1)), control.at(position))
    return replace(
        found,
        kit=draw(st.none() | kits()),
        hand=draw(st.none() | points),
        scenes=draw(st.dictionaries(st.integers(1, 128), scenes, max_size=3)),
        layers=tuple(draw(st.lists(gestures(), max_size=2))),
        pins=Pins(tuple(draw(st.lists(pins, max_size=3))), ((2, 192, tuple(draw(st.lists(frozen, max_size=3)))),)),
    )


AT_FIRST = Settings.at_first((0.25, 0.75), Meter.parse("6/8"), VOICES)
SESSION = Session("threes.rvae", STANDARD_KIT.names, AT_FIRST)


@given(set_by_somebody())
def test_what_is_kept_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> None:
    file = tmp_path_factory.mktemp("session") / "set.rvsession"
    session = replace(SESSION, settings=settings, has_ended=True, rest={"mapping": {"cc 1": "density"}})
    write_session(file, session)
    assert read_session(file) == (session, 0)


def test_a_session_torn_anywhere_is_one_line_and_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "set.rvsession"
    write_session(file, SESSION)
    whole = file.read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        file.write_bytes(whole[:end])
        said: list[str] = []
        assert opened(file, said.append) is None
        (line,) = said
        assert "\n" not in line
        aside = file.with_name(line.rsplit(" ", 1)[1])
        assert aside.read_bytes() == whole[:end], "nothing is lost"
        assert not file.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"cursor": [float("nan"), 0]},
        {"cursor": "middle"},
        {"meter": "13/7"},
        {"version": 99},
        {"format": "something else"},
        {"controls": {"density": float("nan")}},
        {"controls": {"density": "high"}},
        {"voices": {"mute": [0]}},
        {"scenes": {"0": {}}},
        {"scenes": {"900": {}}},
        {"gestures": [{"start_bars": 0, "bars": 0, "keys": [[0, 0, 0]]}]},
        {"gestures": [{"start_bars": float("inf"), "bars": 1, "keys": [[0, 0, 0]]}]},
        {"gestures": [{"start_bars": 0, "bars": 1, "keys": [[1, 0, 0], [0, 0, 0]]}]},
        {"own_kit": "no kit"},
        {"own_kit": 7},
        {"pins": [[192, 0, 500, 1, 0]]},
        {"pins": [[192, 40, 0, 1, 0]]},
        {"frozen": [[40, 192, []]]},
        {"frozen": [[2, 192, [[384, 2, 300, 0.5, 0]]]]},
        {"frozen": [[2, 192, [[192, 3, 30, 0.5, 0]]]]},
        {"kit": None},
    ],
)
def test_values_that_make_no_sense_are_a_torn_file_not_a_crash(tmp_path: Path, change: dict[str, Any]) -> None:
    file = tmp_path / "set.rvsession"
    write_session(file, SESSION)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(FileError, match="torn, or no session"):
        read_session(file)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_session_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("bytes") / "set.rvsession"
    file.write_bytes(data)
    said: list[str] = []
    assert opened(file, said.append) is None
    assert len(said) == 1


@pytest.mark.parametrize("train", [5, None, "clips", {"a": 1}, [5, None, ["a"]]])
def test_clips_to_learn_from_that_are_none_are_left_out(tmp_path: Path, train: object) -> None:
    file = tmp_path / "set.rvsession"
    write_session(file, replace(SESSION, rest={"train": train}))
    assert clips_of(read_session(file)[0]) == ()


def test_controls_nobody_knows_are_left_out_and_told(tmp_path: Path) -> None:
    file = tmp_path / "set.rvsession"
    write_session(file, SESSION)
    data = json.loads(file.read_text())
    data["controls"] |= {"warp": 0.3, "density": 0.7}
    data["voices"] |= {"colour": [0] * VOICES}
    data["gestures"] = [{"start_bars": 0, "bars": 1, "keys": [[0, 0, 0], [0.5, 1, 1]]}] * (MOST_LAYERS + 3)
    file.write_text(json.dumps(data))
    said: list[str] = []
    session = opened(file, said.append)
    assert session is not None
    assert session.settings.controls["density"] == 0.7
    assert len(session.settings.layers) == MOST_LAYERS
    assert "5 of its settings are not known here" in said[0]


def test_a_session_of_another_kit_keeps_its_voices_by_name() -> None:
    settings = replace(
        AT_FIRST.with_voice("mute", 1, 1).with_voice("nudge", 0, 5),
        pins=Pins((Pin(192, 1, 3, 0.5), Pin(192, 8, 3, 0.5))),
    )
    settings = replace(settings, scenes={3: settings.scene()})
    other = Kit("other", tuple(reversed(STANDARD_KIT.voices[:3])))
    fitted, missing = replace(SESSION, settings=settings).fitted(other)
    assert fitted.mute == (False, True, False)
    assert fitted.voices["nudge"] == (0, 0, 5)
    assert fitted.scenes[3].mute == (False, True, False)
    assert fitted.pins.pins == (Pin(192, 1, 3, 0.5),)
    assert set(missing) == set(STANDARD_KIT.names) - set(other.names)


def test_a_place_that_cannot_be_had_is_said_before_anything_plays(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        opened(tmp_path / "none" / "set.rvsession", print)
    assert opened(tmp_path / "new.rvsession", print) is None


def test_what_is_set_is_written_soon_and_the_end_of_it_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "set.rvsession"
    keeper = Keeper(file, SESSION)
    keeper.offer(AT_FIRST.with_control("density", 0.9))
    end_s = time.monotonic() + PATIENCE_S
    while not file.exists() and time.monotonic() < end_s:
        time.sleep(0.01)
    session, _ = read_session(file)
    assert session.settings.controls["density"] == 0.9
    assert not session.has_ended
    keeper.offer(AT_FIRST.with_control("density", 0.1))
    keeper.close()
    keeper.close()
    session, _ = read_session(file)
    assert (session.settings.controls["density"], session.has_ended) == (0.1, True)


def test_a_disk_that_takes_nothing_is_said_once_and_again_when_it_does(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    keeper = Keeper(folder / "set.rvsession", SESSION)
    said: list[str] = []
    end_s = time.monotonic() + PATIENCE_S
    density = 0.0
    while len(said) < 2 and time.monotonic() < end_s:
        density = (density + 0.01) % 1
        keeper.offer(AT_FIRST.with_control("density", density))
        said += keeper.news()
        if said:
            folder.mkdir(exist_ok=True)
        time.sleep(0.01)
    keeper.close()
    assert "is not kept" in said[0]
    assert "kept again" in said[1]


def test_what_is_no_json_is_said_and_what_comes_after_it_is_kept(tmp_path: Path) -> None:
    keeper, said = Keeper(tmp_path / "set.rvsession", SESSION), list[str]()
    keeper.keep("guests", {1, 2})
    keeper.offer(AT_FIRST)
    assert wait_for(lambda: said.extend(keeper.news()) or said, seconds=60)
    assert "is not kept: TypeError" in said[0]
    keeper.keep("guests", ["one.mid"])
    assert wait_for(lambda: (tmp_path / "set.rvsession").exists(), seconds=60)
    keeper.close()
    assert guests_of(read_session(tmp_path / "set.rvsession")[0]) == ("one.mid",)


def test_a_session_without_a_name_is_rescued_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path))
    said: list[str] = []
    with unnamed(said.append) as file:
        write_session(file, replace(SESSION, has_ended=True))
    with unnamed(said.append) as again:
        assert again == file
        assert not said
        write_session(file, SESSION)
    with unnamed(said.append) as again:
        assert again == file
    (rescued,) = re.findall(r"--session '(.*)'", said[0])
    assert opened(Path(rescued), said.append) == SESSION


def test_two_at_once_keep_a_session_without_a_name_each_and_both_are_rescued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path))
    words = "from performance.resuming import unnamed\nwith unnamed(print) as file: print(file, flush=True); input()"
    said: list[str] = []
    first = subprocess.Popen([sys.executable, "-c", words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with first:
        assert first.stdout is not None
        of_first = Path(first.stdout.readline().decode().strip())
        with unnamed(said.append) as of_second:
            assert of_second != of_first
            write_session(of_first, replace(SESSION, model="first"))
            write_session(of_second, replace(SESSION, model="second"))
            with unnamed(said.append) as of_third:
                assert of_third not in (of_first, of_second)
            assert not said, "both are being played"
        first.kill()
    for _ in range(2):  # and what was rescued stays when another crash comes
        with unnamed(said.append) as of_last:
            write_session(of_last, replace(SESSION, model="third"))
    rescued = [Path(name) for line in said for name in re.findall(r"--session '(.*)'", line)]
    assert [read_session(file)[0].model for file in rescued] == ["first", "second", "third"]


def test_a_session_that_cannot_be_rescued_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path))
    said: list[str] = []
    with unnamed(said.append) as file:
        write_session(file, SESSION)

    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError("another program has it open")  # as Windows does; who is root here may do all

    with monkeypatch.context() as refusing:
        refusing.setattr(os, "replace", refuse)
        with unnamed(said.append) as other:
            assert other != file
    assert read_session(file)[0] == SESSION
    assert not said
    assert not list(tmp_path.glob("rescued*"))


def test_of_two_with_one_session_the_second_says_so_and_keeps_its_own_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RVAE_HOME", str(tmp_path / "home"))
    file, own, said = tmp_path / "set.rvsession", tmp_path / "own.rvsession", list[str]()
    write_session(file, replace(SESSION, model="first"))
    words = (
        "import sys; from pathlib import Path; from performance.holding import Holds; "
        "from performance.resuming import named\n"
        "with named(Path(sys.argv[1]), Holds(), print) as file: print(file, flush=True); input()"
    )
    command = [sys.executable, "-c", words, str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline().decode().strip() == str(file)
        with named(file, Holds(), said.append) as elsewhere:
            assert elsewhere.parent == tmp_path / "home"
            (line,) = said
            assert f"{file}: another rvae" in line
            assert str(elsewhere) in line
        keeper = Keeper(own, SESSION)
        keeper.turn_to(replace(SESSION, model="second"), file)  # as one that is opened while it plays
        assert keeper.news() == [line.replace(str(elsewhere), str(own))]
        keeper.close()
        assert read_session(own)[0].model == "second"
        assert read_session(file)[0].model == "first"
        first.kill()
    keeper = Keeper(own, SESSION)
    keeper.turn_to(replace(SESSION, model="third"), file)
    with named(file, Holds(), said.append) as elsewhere:
        assert elsewhere != file
    keeper.turn_to(SESSION, own)
    keeper.close()
    assert read_session(file)[0].model == "third"
    said.clear()
    with named(file, Holds(), said.append) as again:
        assert again == file
    assert not said


def start(model: Path, session: Path, port: int) -> subprocess.Popen[bytes]:
    """`rvae play` with a window that nobody sees."""
    words = ["play", str(model), "--session", str(session), "--no-audio", "--osc-in", str(port)]
    run = "import sys; from performance.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", run, *words],
        cwd=ROOT,
        env={**os.environ, "SDL_VIDEODRIVER": "dummy", "DISPLAY": ":none"},
        stderr=subprocess.PIPE,
    )


def told(port: int, address: str, *values: object) -> None:
    message = OscMessageBuilder(address)
    for value in values:
        message.add_arg(value)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message.build().dgram, ("127.0.0.1", port))


def until_kept(file: Path, process: subprocess.Popen[bytes], *hands: tuple[Any, ...], port: int) -> Settings:
    """Repeat what hands do until the file has a scene 2 where the cursor is at 0.8, 0.3."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        assert process.poll() is None, process.stderr and process.stderr.read()
        for words in hands:
            told(port, *words)
        if file.exists():
            settings = read_session(file)[0].settings
            if settings.cursor == pytest.approx((0.8, 0.3)) and 2 in settings.scenes:
                return settings
        time.sleep(0.05)
    raise AssertionError("never kept")


def test_a_killed_instrument_loses_nothing_that_is_older_than_a_second(model_file: Path, tmp_path: Path) -> None:
    file, port = tmp_path / "set.rvsession", free_udp_port()
    hands = (
        ("/rvae/cursor", 0.8, 0.3),
        ("/rvae/density", 0.7),
        ("/rvae/voice", "snare", "mute", 1),
        ("/rvae/scene", "store", 2),
    )
    killed = start(model_file, file, port)
    try:
        before = until_kept(file, killed, *hands, port=port)
    finally:
        killed.kill()
        killed.communicate()
    again = start(model_file, file, port)
    try:
        end_s = time.monotonic() + PATIENCE_S
        while read_session(file)[0].settings.scenes.keys() != {2, 5} and time.monotonic() < end_s:
            told(port, "/rvae/scene", "store", 5)  # it plays, and what is new is kept beside the old
            time.sleep(0.05)
        after = read_session(file)[0].settings
        again.send_signal(signal.SIGTERM)
        assert again.wait(PATIENCE_S) == 128 + signal.SIGTERM
    finally:
        again.kill()
        again.communicate()
    assert read_session(file)[0].has_ended
    assert replace(after, scenes={2: after.scenes[2]}) == before
    assert after.scenes[5] == after.scenes[2]
