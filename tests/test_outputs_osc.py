from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jack_support import wait_for
from playing_support import free_udp_port
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from performance.commands import MoveCursor, Panic, Play, SetControl, SetMeter, SetVoice, StageCommand, Stop
from performance.osc_input import CursorEcho, OscInput
from performance.outputs.osc import OscOutput, parse_address
from performance.sequencer import BeatStart, Onset
from rvae.errors import OutputError, UsageError
from rvae.kit import STANDARD_KIT
from rvae.meter import Meter


@pytest.fixture
def ear() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(60)
        yield listening


@pytest.fixture
def listener() -> Iterator[OscInput]:
    osc = OscInput(0, STANDARD_KIT, host="127.0.0.1")
    yield osc
    osc.close()


def message(address: str, *values: object) -> bytes:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build().dgram


def heard(listener: OscInput, *packets: bytes) -> list[StageCommand]:
    """What comes of packets; a play command after them tells that all have come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        for packet in (*packets, message("/rvae/play")):
            mouth.sendto(packet, ("127.0.0.1", listener.port))
    found: list[StageCommand] = []
    until = time.monotonic() + 60
    while Play() not in found and time.monotonic() < until:
        found += listener.receive()
    return found[:-1]


def test_an_onset_leaves_in_a_bundle_that_carries_its_due_time(ear: socket.socket) -> None:
    output = OscOutput(f"127.0.0.1:{ear.getsockname()[1]}")
    output.open(STANDARD_KIT)
    ahead_s, before_s = 0.25, time.time()
    due_ns = time.perf_counter_ns() + round(ahead_s * 1e9)
    output.send(Onset(Fraction(5), 1, 38, 127, 1, 30), due_ns)
    after_s = time.time()
    bundle = OscBundle(ear.recv(4096))
    (onset,) = bundle
    assert onset.address == "/rvae/onset"
    assert onset.params == ["snare", pytest.approx(1.0), 2, 2, 6]
    assert before_s - 0.001 <= bundle.timestamp - ahead_s <= after_s + 0.001
    output.close(0)


def test_bars_and_beats_count_from_one(ear: socket.socket) -> None:
    output = OscOutput(f"127.0.0.1:{ear.getsockname()[1]}")
    output.open(STANDARD_KIT)
    now_ns = time.perf_counter_ns()
    output.send(BeatStart(Fraction(0), 0, 0), now_ns)
    output.send(BeatStart(Fraction(1), 0, 1), now_ns)
    sent = [[(m.address, m.params) for m in OscBundle(ear.recv(4096))] for _ in range(2)]
    assert sent == [[("/rvae/bar", [1]), ("/rvae/beat", [1])], [("/rvae/beat", [2])]]
    output.close(0)


def test_nobody_listening_is_no_reason_to_stop() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    output = OscOutput(f"127.0.0.1:{port}")
    output.open(STANDARD_KIT)
    for beat in range(50):
        output.send(BeatStart(Fraction(beat), 0, beat), time.perf_counter_ns())
    assert output.is_open
    output.close(0)


@pytest.mark.parametrize("text", ["", "host", "host:", ":9000", "host:0", "host:65536", "host:nine"])
def test_an_address_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:9000"):
        parse_address(text)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "two..dots", "x" * 70])
def test_a_host_that_does_not_exist_is_one_line(host: str) -> None:
    output = OscOutput(f"{host}:9000")
    with pytest.raises(OutputError, match=rf"{re.escape(host)}:9000.*check host and port"):
        output.open(STANDARD_KIT)


def test_all_addresses_of_the_contract_are_heard(listener: OscInput) -> None:
    packets = [
        message("/wek/outputs", 0.25, 0.75),
        message("/rvae/stop"),
        message("/rvae/cursor", 1.5, -1),
        message("/rvae/panic"),
        message("/rvae/tempo", 97.5),
        message("/rvae/meter", "7/8(2+2+3)"),
        message("/rvae/density", 0.3),
        message("/rvae/voice", "snare", "mute", 1),
        message("/rvae/voice", "kick", "density", 0.9),
        message("/rvae/quantum", "bar"),
    ]
    assert heard(listener, *packets) == [
        MoveCursor(0.25, 0.75),
        Stop(),
        MoveCursor(1.0, 0.0),
        Panic(),
        SetControl("tempo", 97.5),
        SetMeter(Meter.parse("7/8(2+2+3)")),
        SetControl("density", pytest.approx(0.3)),
        SetVoice("mute", 1, 1.0),
        SetVoice("voice_density", 0, pytest.approx(0.9)),
        SetControl("quantum", 2.0),
    ]
    assert listener.ignored == 0


def test_of_many_moves_in_a_row_the_last_counts(listener: OscInput) -> None:
    moves = [message("/wek/outputs", index / 100, 0.5) for index in range(100)]
    found = heard(listener, *moves)
    assert found[-1] == MoveCursor(pytest.approx(0.99), 0.5)


def test_a_bundle_in_a_bundle_is_unpacked(listener: OscInput) -> None:
    inner, outer = OscBundleBuilder(0), OscBundleBuilder(0)
    for address in ("/rvae/stop", "/rvae/panic"):
        inner.add_content(OscMessageBuilder(address).build())
    outer.add_content(inner.build())
    assert heard(listener, outer.build().dgram) == [Stop(), Panic()]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\0",
        b"/wek/outputs",
        b"#bundle\0",
        b"#bundle\0" + b"\xff" * 40,
        message("/wek/outputs", "left", "right"),
        message("/wek/outputs", float("nan"), 0.5),
        message("/wek/outputs", 0.5),
        message("/rvae/meter", "9/7"),
        message("/rvae/tempo"),
        message("/rvae/tempo", "fast"),
        message("/rvae/voice", "cowbell", "mute", 1),
        message("/rvae/voice", "kick", "colour", 1),
        message("/rvae/quantum", "never"),
        message("/somebody/else", 1),
    ],
)
def test_nonsense_is_counted_and_ignored(listener: OscInput, packet: bytes) -> None:
    assert heard(listener, packet) == []
    assert listener.ignored <= 1
    assert (listener.ignored == 1) == (packet not in (b"#bundle\0",))


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_survived(data: bytes) -> None:
    listener = OscInput(0, STANDARD_KIT, host="127.0.0.1")
    try:
        for prefix in (b"", b"#bundle\0", b"/wek/outputs\0\0\0\0,ff\0"):
            heard(listener, prefix + data)
    finally:
        listener.close()


def test_a_busy_port_is_one_line_that_says_what_to_do(listener: OscInput) -> None:
    with pytest.raises(OutputError, match=rf"port {listener.port} is taken .*--osc-in"):
        OscInput(listener.port, STANDARD_KIT, host="127.0.0.1")


def test_the_cursor_is_told_to_wekinator(ear: socket.socket) -> None:
    echo = CursorEcho(port=ear.getsockname()[1])
    echo.send(0.25, 0.5)
    assert ear.recv(1024) == message("/wekinator/control/outputs", 0.25, 0.5)
    echo.close()


@pytest.mark.skipif(shutil.which("oscdump") is None, reason="oscdump (liblo-tools) is not installed")
def test_another_program_reads_our_bundles(tmp_path: Path) -> None:
    heard, port = tmp_path / "heard", free_udp_port()
    output = OscOutput(f"127.0.0.1:{port}")
    output.open(STANDARD_KIT)

    def is_heard() -> bool:  # as soon as it listens
        output.send(Onset(Fraction(0), 8, 51, 64, 0, 0), time.perf_counter_ns())
        return '/rvae/onset sfiii "cymbal" 0.50' in heard.read_text()

    with (
        heard.open("w") as out,
        subprocess.Popen(["oscdump", "-L", str(port)], stdout=out, env={**os.environ, "LC_ALL": "C"}) as dump,
    ):
        try:
            assert wait_for(is_heard)
        finally:
            dump.terminate()
            output.close(0)
