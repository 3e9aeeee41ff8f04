"""OSC in: what other programs ask of the stage, as commands. What is no such thing is counted and passed over."""

from __future__ import annotations

import contextlib
import math
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from performance.commands import (
    CloseOutput,
    DropGestures,
    Export,
    HearDevice,
    MoveCursor,
    OpenNamed,
    OpenOutput,
    Panic,
    PinPlace,
    Play,
    PlayIn,
    RecallScene,
    Redo,
    SetControl,
    SetMeter,
    SetVoice,
    StageCommand,
    StartRecording,
    Stop,
    StopRecording,
    StoreScene,
    TakeGesture,
    Undo,
    Unpin,
)
from performance.controls import CONTROLS, Control
from performance.scenes import scene_number
from rvae.counts import several
from rvae.errors import OutputError, RvaeError
from rvae.kit import Kit
from rvae.meter import Meter

DEFAULT_PORT = 12_000
_MAX_BYTES = 65_536
_MAX_MESSAGE_BYTES = 1024  # ours are short; one of 64 kB takes the library longer than a frame to read
_MAX_DEPTH = 8
_OUTPUTS = ("midi", "audio", "osc")
_BUDGET_S, _BEHIND_S = 0.003, 0.008
_ROOM_BYTES = 500_000  # a flood of a tenth of a second: with more room, a stop would wait behind all of it
_MOST_TOLD, _LONG = 40, 40  # senders and addresses that are told of; characters of what they sent
_SO_MEMINFO, _DROPPED = 55, slice(32, 36)  # of Linux: what the socket's room was too small for


class OscInput:
    """Listens on a UDP port. `ignored` counts the messages that were none of ours, or made no sense.

    Raises OutputError where the port cannot be had.
    """

    def __init__(self, port: int, kit: Kit, *, host: str = "0.0.0.0") -> None:
        self.ignored = 0
        self._is_behind = False
        self._strange = 0  # of those, the ones that no address of ours leads to
        self._told = {"strange": 0, "lost": 0}
        self._sender = ""
        self._wrong: set[tuple[str, str]] = set()  # who was told of, and with which address
        self._lines: list[str] = []
        self._kit = kit
        self._unread: Iterator[tuple[str, Sequence[object]]] = iter(())
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
        try:
            self._socket.bind((host, port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            text = getattr(error, "strerror", None) or str(error)
            raise OutputError(f"OSC in: port {port} is taken ({text}); another can be given with --osc-in") from None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._socket.getsockname()[1])

    def take_kit(self, kit: Kit) -> None:
        """Voices are those of another kit from now on."""
        self._kit = kit

    @property
    def lost(self) -> int:
        """How many packets came faster than they were taken and were dropped by the system, where it can tell."""
        if not sys.platform.startswith("linux"):
            return 0
        try:
            info = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _DROPPED.stop)
        except OSError:
            return 0
        return int.from_bytes(info[_DROPPED], sys.byteorder)

    def receive(self) -> list[StageCommand]:
        """The commands that have come in. Of moves and settings that pile up between other commands, the last of each.

        Of a flood, as much as fits a fifth of a frame, half of one while more waits; the rest comes with the next
        calls, also of a bundle.
        """
        found: list[StageCommand] = []
        settings: dict[tuple[object, ...], StageCommand] = {}
        until = time.perf_counter() + (_BEHIND_S if self._is_behind else _BUDGET_S)
        self._is_behind = True
        while time.perf_counter() < until:
            message = next(self._unread, None)
            if message is None:
                try:
                    data, (self._sender, *_) = self._socket.recvfrom(_MAX_BYTES)
                    self._unread = _messages(data)
                except BlockingIOError:
                    self._is_behind = False
                    break
                except OSError:
                    pass  # an answer to something we sent: nobody listens there
                continue
            command = self._command(*message)
            if command is None:
                self.ignored += 1
                self._wonder(*message)
            elif (what := _what_is_set(command)) is not None:
                settings.pop(what, None)
                settings[what] = command
            else:
                found += [*settings.values(), command]
                settings.clear()
        return [*found, *settings.values()]

    def _wonder(self, address: str, values: Sequence[object]) -> None:
        """Take note of a message that made no sense: what a sender does wrong with an address is told once."""
        if not address:
            self._strange += 1
        elif (self._sender, address) not in self._wrong and len(self._wrong) < _MOST_TOLD:
            self._wrong.add((self._sender, address))
            sent = "".join(sign if sign.isprintable() else "?" for sign in " ".join(map(str, values)))[:_LONG]
            line = f"OSC in: {self._sender} sends {address} {sent or 'and nothing else'}: it makes no sense there"
            self._lines.append(f"{line} and is passed over, which is said this once; docs/osc.md says what it takes")

    def news(self) -> list[str]:
        """What the player should know: a line for each sender and address of ours that were put together wrongly; and
        at the first message that was none of ours or lost and then at each tenfold, so that a flood makes a few lines
        and not thousands.
        """
        lines = {
            "strange": "none of ours and passed over; docs/osc.md has the addresses",
            "lost": "faster than they could be taken, and lost; let their sender send fewer",
        }
        found, self._lines = self._lines, []
        for what, count in (("strange", self._strange), ("lost", self.lost)):
            if count and count >= 10 * self._told[what]:
                self._told[what] = count
                found.append(f"OSC in: {several(count, 'message')} {lines[what]}")
        return found

    def close(self) -> None:
        """Let the port go."""
        self._socket.close()

    def _command(self, address: str, values: Sequence[object]) -> StageCommand | None:
        try:
            known = _FIXED.get(address)
            if known is not None:
                return known(values)
            if address == "/rvae/voice":
                return self._voice(values)
            if address == "/rvae/pin":
                name, tick, hold = values
                return PinPlace(self._kit.row_of_name(str(name)), int(_number(tick)), _HOLDS[str(hold)])
            control = next((c for c in CONTROLS.values() if c.osc == address and not c.per_voice), None)
            return None if control is None else SetControl(control.name, _value(control, values[0]))
        except (RvaeError, TypeError, ValueError, IndexError, KeyError, OverflowError):
            return None

    def _voice(self, values: Sequence[object]) -> StageCommand:
        name, word, value = values
        control = {c.osc_word: c for c in CONTROLS.values() if c.per_voice}[str(word)]
        return SetVoice(control.name, self._kit.row_of_name(str(name)), _value(control, value))


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError
    return value


def _value(control: Control, value: object) -> float:
    if control.choices and isinstance(value, str):
        return float(control.choices.index(value))
    return control.clamp(_number(value))


def _move(values: Sequence[object]) -> StageCommand:
    x, y, *_ = values
    return MoveCursor(min(1.0, max(0.0, _number(x))), min(1.0, max(0.0, _number(y))))


def _meter(values: Sequence[object]) -> StageCommand:
    return SetMeter(Meter.parse(str(values[0])))


def _scene(values: Sequence[object]) -> StageCommand:
    word, number, *rest = values
    if word == "morph":
        return RecallScene(scene_number(int(_number(number))), CONTROLS["morph"].clamp(_number(rest[0])))
    kinds: dict[str, type[StoreScene] | type[RecallScene]] = {"store": StoreScene, "recall": RecallScene}
    return kinds[str(word)](scene_number(int(_number(number))))


_HOLDS: dict[str, Literal["onset", "rest"] | None] = {"onset": "onset", "rest": "rest", "free": None}


def _gesture(values: Sequence[object]) -> StageCommand:
    kinds: dict[str, StageCommand] = {"record": TakeGesture(), "drop": DropGestures(), "clear": DropGestures(all=True)}
    return kinds[str(values[0])]


def _record(values: Sequence[object]) -> StageCommand:
    return StartRecording() if _number(values[0]) >= 0.5 else StopRecording()


def _open(values: Sequence[object]) -> StageCommand:
    return OpenNamed(_text(values[0]))


def _output(values: Sequence[object]) -> StageCommand:
    word, kind, name = values
    kinds: dict[str, type[OpenOutput] | type[CloseOutput]] = {"open": OpenOutput, "close": CloseOutput}
    if kind not in _OUTPUTS:
        raise ValueError
    return kinds[str(word)](str(kind), _text(name))


def _input(values: Sequence[object]) -> StageCommand:
    name, is_heard = values
    return HearDevice(_text(name), _number(is_heard) >= 0.5)


_FIXED: dict[str, Callable[[Sequence[object]], StageCommand]] = {
    "/wek/outputs": _move,
    "/rvae/cursor": _move,
    "/rvae/play": lambda _: Play(),
    "/rvae/stop": lambda _: Stop(),
    "/rvae/panic": lambda _: Panic(),
    "/rvae/meter": _meter,
    "/rvae/scene": _scene,
    "/rvae/gesture": _gesture,
    "/rvae/record": _record,
    "/rvae/export": lambda values: Export(int(_number(values[0]))),
    "/rvae/take": lambda _: PlayIn("clip"),
    "/rvae/find": lambda _: PlayIn("find"),
    "/rvae/open": _open,
    "/rvae/output": _output,
    "/rvae/input": _input,
    "/rvae/unpin": lambda _: Unpin(),
    "/rvae/undo": lambda _: Undo(),
    "/rvae/redo": lambda _: Redo(),
}


_ADDRESSES = frozenset(
    address.encode() for address in (*_FIXED, "/rvae/voice", "/rvae/pin", *(c.osc for c in CONTROLS.values()))
)


def _what_is_set(command: StageCommand) -> tuple[object, ...] | None:
    """What a command sets, where only the last one counts; None for those that each do something."""
    match command:
        case MoveCursor():
            return (MoveCursor,)
        case SetControl(name):
            return (name,)
        case SetVoice(name, voice):
            return name, voice
    return None


def _messages(data: bytes, depth: int = 0) -> Iterator[tuple[str, Sequence[object]]]:
    """The messages of a packet one by one, bundles unpacked; one of address "" stands for what cannot be read."""
    if data.startswith(b"#bundle\0") and depth < _MAX_DEPTH:
        at = 16
        while at + 4 <= len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            yield from _messages(data[at + 4 : at + 4 + length], depth + 1)
            at += 4 + length
        return
    yield _message(data)


def _message(data: bytes) -> tuple[str, Sequence[object]]:
    from pythonosc.osc_message import OscMessage

    if len(data) > _MAX_MESSAGE_BYTES or data.partition(b"\0")[0] not in _ADDRESSES:
        return "", []
    try:
        message = OscMessage(data)
        return message.address, list(message.params)
    except Exception:  # noqa: BLE001  # a stranger's bytes: the library raises whatever they break
        return "", []


class CursorEcho:
    """Tells Wekinator where the cursor is, so that it can learn from it.

    `/wekinator/control/outputs x y` to port 6448.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 6448) -> None:
        self._target = (host, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, x: float, y: float) -> None:
        """Send a place; where nobody listens, nothing happens."""
        from pythonosc.osc_message_builder import OscMessageBuilder

        message = OscMessageBuilder("/wekinator/control/outputs")
        message.add_arg(float(x), "f")
        message.add_arg(float(y), "f")
        try:
            self._socket.sendto(message.build().dgram, self._target)
        except OSError:
            return

    def close(self) -> None:
        """Let the socket go."""
        self._socket.close()
