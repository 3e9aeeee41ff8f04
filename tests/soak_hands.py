"""Random hands for a soak: mouse, keys and OSC, by a seed; all that is declared as a control or an action."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pythonosc.osc_message_builder import OscMessageBuilder

from performance.controls import ACTIONS, CONTROLS, Control
from performance.surface.layout import Layout
from rvae.kit import Kit

# What is chosen in a panel closes the very port that is listened to, or gives it other notes than the checks go by.
_NOT_PRESSED = {"quit", "full_screen", "audience", "play_stop", "panic", "stop", "play", "record", "choose_row"}
_KEYSYMS = {
    "space": "space", "backspace": "BackSpace", "escape": "Escape", "tab": "Tab", "left": "Left", "right": "Right",
    "up": "Up", "down": "Down", "-": "minus", "=": "equal", "[": "bracketleft", "]": "bracketright", ",": "comma",
    ".": "period", ";": "semicolon", "'": "apostrophe", "/": "slash", "return": "Return", "enter": "Return",
    "delete": "Delete", "home": "Home", "end": "End", "`": "grave", "\\": "backslash",
    "page down": "Next", "page up": "Prior",
}  # fmt: skip
_PATIENCE_S = 60.0


def keysym(key: str) -> str | None:
    """A key of the control table as X calls it; None for what is no key of a keyboard."""
    *held, name = key.split("+") if key != "+" else [key]
    if any(part.startswith("pad-") for part in (*held, name)):
        return None
    if (len(name) == 1 and name.isalnum()) or (name[0] == "f" and name[1:].isdecimal()):
        return "+".join([*held, name.upper() if len(name) > 1 else name])
    return "+".join([*held, _KEYSYMS[name]]) if name in _KEYSYMS else None


class Hands:
    """Somebody at the instrument who never rests. `log`: is told every gesture."""

    def __init__(
        self, window_pid: int, osc_port: int, kit: Kit, meters: Sequence[str], *, seed: int, log: Callable[[str], None]
    ) -> None:
        self._random = random.Random(seed)
        self._kit, self._meters, self._log = kit, list(meters), log
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._target = ("127.0.0.1", osc_port)
        self._window = self._xdotool("search", "--sync", "--onlyvisible", "--pid", str(window_pid)).split()[0]
        self._xdotool("windowfocus", self._window)
        self._layout = Layout.of(1280, 800, voices=len(kit))
        self._keys = [
            symbol
            for entry in (*ACTIONS.values(), *CONTROLS.values())
            if entry.name not in _NOT_PRESSED
            for key in entry.keys
            if (symbol := keysym(key)) is not None
        ]
        self.gestures = 0

    def act(self) -> None:
        """One gesture."""
        ways = (self._drag, self._glide, self._key, self._control, self._voice, self._meter, self._scene, self._wheel)
        (way,) = self._random.choices(ways, weights=(6, 8, 5, 5, 4, 2, 2, 1))
        way()
        self.gestures += 1

    def break_off(self) -> None:
        """A stop or a panic, and on again."""
        how = self._random.choice(("/rvae/stop", "/rvae/panic", "space", "Escape"))
        self.osc(how) if how.startswith("/") else self._press(how)
        time.sleep(self._random.uniform(0.05, 1.0))
        self.osc("/rvae/play")

    def record(self) -> None:
        """The recording ends, and after a moment another begins."""
        self.osc("/rvae/record", 0)
        time.sleep(self._random.uniform(0.3, 3.0))
        self.osc("/rvae/record", 1)

    def osc(self, address: str, *values: float | str) -> None:
        """Send a message."""
        message = OscMessageBuilder(address)
        for value in values:
            message.add_arg(value)
        self._socket.sendto(message.build().dgram, self._target)
        self._log(f"{address} {' '.join(map(str, values))}")

    def quit(self) -> None:
        """Close the instrument with its key."""
        self._press("ctrl+q", gone=True)

    def close(self) -> None:
        """Let the socket go."""
        self._socket.close()

    def _press(self, key: str, *, gone: bool = False) -> None:
        self._xdotool("key", key, gone=gone)
        self._log(f"key {key}")

    def _key(self) -> None:
        for _ in range(self._random.choice((1, 1, 1, 4))):
            self._press(self._random.choice(self._keys))

    def _drag(self) -> None:
        places = [self._layout.pixel_of(self._random.random(), self._random.random()) for _ in range(5)]
        words = self._move_to(places[0])
        words += ["mousedown", "1"]
        for place in places[1:]:
            words += [*self._move_to(place), "sleep", "0.03"]
        self._xdotool(*words, "mouseup", "1")
        self._log("drag")

    def _move_to(self, place: tuple[float, float]) -> list[str]:
        return ["mousemove", "--window", self._window, str(round(place[0])), str(round(place[1]))]

    def _wheel(self) -> None:
        name = self._random.choice([box.center for box in self._layout.names])
        self._xdotool(*self._move_to(name), "click", self._random.choice("45"))
        self._log("wheel")

    def _glide(self) -> None:
        x, y = self._random.random(), self._random.random()
        address = self._random.choice(("/rvae/cursor", "/wek/outputs"))
        for _ in range(self._random.choice((1, 10, 30))):
            x, y = (min(1.0, max(0.0, at + self._random.gauss(0, 0.03))) for at in (x, y))
            self.osc(address, x, y)
            time.sleep(0.01)

    def _value(self, control: Control) -> float:
        # Few onsets are little to check: rather more than fewer.
        return control.at(self._random.uniform(0.35 if "density" in control.name else 0.0, 1.0))

    def _control(self) -> None:
        control = self._random.choice([one for one in CONTROLS.values() if one.osc and not one.per_voice])
        value = self._value(control)
        if control.name == "tempo":
            value = self._random.uniform(60, 220)
            if self._random.random() < 0.1:  # a sweep over all there is, in a second
                for step in range(50):
                    self.osc(control.osc, 20 + 280 * step / 49)
                    time.sleep(0.02)
        if control.name == "horizon":
            value = self._random.uniform(20, 80)
        self.osc(control.osc, value)

    def _voice(self) -> None:
        control = self._random.choice([one for one in CONTROLS.values() if one.osc and one.per_voice])
        voice = self._random.choice(self._kit.names)
        if control.name == "mute":
            self.osc(control.osc, voice, control.osc_word, float(self._random.random() < 0.15))
        else:
            self.osc(control.osc, voice, control.osc_word, self._value(control))

    def _meter(self) -> None:
        self.osc("/rvae/meter", self._random.choice(self._meters))

    def _scene(self) -> None:
        self.osc("/rvae/scene", self._random.choice(("store", "recall")), self._random.randint(1, 9))

    def _xdotool(self, *words: str, gone: bool = False) -> str:
        done = subprocess.run(["xdotool", *words], capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        if done.returncode and not gone:
            raise RuntimeError(f"xdotool {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


class Trainings:
    """A training now and then, every other one killed on its way."""

    def __init__(self, clips: Sequence[Path], *, seed: int, log: Callable[[str], None]) -> None:
        self._random = random.Random(seed)
        self._clips, self._log = list(map(str, clips)), log
        self._folder = tempfile.TemporaryDirectory(prefix="rvae-soak-")
        self._process: subprocess.Popen[bytes] | None = None
        self._kill_at_s = float("inf")
        self.begun = self.killed = self.ended = 0

    def begin(self) -> None:
        """One more; the one before it must be over."""
        if self._process is not None:
            return
        words = [sys.executable, "-m", "rvae", "train", *self._clips, "-o", f"{self._folder.name}/soak.rvae"]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._kill_at_s = time.monotonic() + (self._random.uniform(3, 15) if self.begun % 2 else float("inf"))
        self.begun += 1
        self._log("training begins")

    def tend(self) -> None:
        """Kill it when its time has come; take note of its end."""
        if self._process is None:
            return
        if time.monotonic() > self._kill_at_s:
            self._process.kill()
            self._kill_at_s = float("inf")
            self.killed += 1
            self._log("training is killed")
        if self._process.poll() is not None:
            self.ended += self._process.returncode == 0
            self._log(f"training is over: {self._process.returncode}")
            self._process = None

    def close(self) -> None:
        """End what runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
