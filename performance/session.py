"""Sessions: all that a player has set, as a file, and what keeps it while she plays.

A session file is JSON. What a newer or older rvae wrote into it and this one does not know is left out and counted, so
that the rest can be used.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from io import BufferedWriter
from pathlib import Path as FilePath
from typing import Any

from performance.controls import CONTROLS
from performance.cursor import Key, Path, Point, on_plane
from performance.gestures import MOST_LAYERS, Gesture
from performance.holding import Holds, said_of
from performance.pins import Pin, Pins
from performance.scenes import Scene, scene_number
from performance.settings import Settings
from rvae.errors import FileError, RvaeError, what_went_wrong
from rvae.kit import Kit
from rvae.meter import Meter
from rvae.midi import write_whole

SUFFIX = ".rvsession"
_FORMAT, _VERSION = "rvae session", 1
_MAX_BYTES = 64_000_000
_EACH_S = 1.0


@dataclass(frozen=True, slots=True)
class Session:
    """What a file keeps: the model's file ("" where it has none), the kit's voices, and the settings.

    `has_ended`: whether it was left in peace. `rest`: what others keep in the file, by name, as JSON has it.
    """

    model: str
    voices: tuple[str, ...]
    settings: Settings
    has_ended: bool = False
    rest: Mapping[str, Any] = field(default_factory=dict)

    def fitted(self, kit: Kit) -> tuple[Settings, tuple[str, ...]]:
        """The settings for a kit, row by row by the voices' names; and the names that it does not have."""
        if self.voices == kit.names:
            return self.settings, ()
        rows = {name: row for row, name in enumerate(kit.names)}
        missing = tuple(name for name in self.voices if name not in rows)
        first = Settings.at_first(self.settings.cursor, self.settings.meter, len(kit))
        there = {row: rows[name] for row, name in enumerate(self.voices) if name in rows}

        def moved(own: Sequence[Any], usual: Sequence[Any]) -> tuple[Any, ...]:
            found = list(usual)
            for row, new in there.items():
                found[new] = own[row]
            return tuple(found)

        def scene(kept: Scene) -> Scene:
            usual = first.scene()
            return replace(
                kept,
                voice_density=moved(kept.voice_density, usual.voice_density),
                mute=moved(kept.mute, usual.mute),
                nudge_ms=moved(kept.nudge_ms, usual.nudge_ms),
            )

        def pins(kept: Iterable[Pin]) -> tuple[Pin, ...]:
            return tuple(replace(pin, voice=there[pin.voice]) for pin in kept if pin.voice in there)

        old = self.settings
        frozen = tuple((there[voice], ticks, pins(on)) for voice, ticks, on in old.pins.frozen if voice in there)
        voices = {name: moved(old.voices[name], first.voices[name]) for name in first.voices}
        scenes = {number: scene(kept) for number, kept in old.scenes.items()}
        return replace(old, voices=voices, scenes=scenes, pins=Pins(pins(old.pins.pins), frozen)), missing


def write_session(file: str | FilePath, session: Session) -> None:
    """Write it whole, or leave what was there. Raises FileError."""
    data = json.dumps(_to_json(session), separators=(",", ":")).encode()

    def write(out: BufferedWriter) -> None:
        out.write(data)

    write_whole(file, write)


def read_session(file: str | FilePath) -> tuple[Session, int]:
    """A session, and how much in it was not known here. Raises FileError for what is torn or no session."""
    try:
        with FilePath(file).open("rb") as source:
            data = source.read(_MAX_BYTES + 1)
    except OSError as error:
        raise FileError(f"{file}: cannot be read ({error.strerror or error}); check the name") from None
    try:
        if len(data) > _MAX_BYTES:
            raise ValueError("too large")
        return _Reader.of(json.loads(data))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError, RvaeError):
        raise FileError(f"{file}: torn, or no session of rvae's; begin a new one under another name") from None


def guests_of(session: Session | None) -> tuple[str, ...]:
    """The files of the clips that were dropped on the window."""
    return _names(session, "guests")


def clips_of(session: Session | None) -> tuple[str, ...]:
    """The folders and files of clips that were learned from while they were played."""
    return _names(session, "train")


def _names(session: Session | None, what: str) -> tuple[str, ...]:
    found = None if session is None else session.rest.get(what)
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()


# As JSON


def _to_json(session: Session) -> dict[str, Any]:
    now = session.settings
    return {
        **session.rest,
        "format": _FORMAT,
        "version": _VERSION,
        "ended": session.has_ended,
        "model": session.model,
        "kit": list(session.voices),
        "cursor": list(now.cursor),
        "meter": now.meter.name,
        "controls": dict(now.controls),
        "voices": {name: list(values) for name, values in now.voices.items()},
        "scenes": {str(number): _scene_to_json(scene) for number, scene in now.scenes.items()},
        "gestures": [
            {"start_bars": layer.start_bars, "bars": layer.bars, "keys": [list(key) for key in layer.path.keys]}
            for layer in now.layers
        ],
        "pins": [_pin_to_json(pin) for pin in now.pins.pins],
        "own_kit": _kit_to_json(now.kit),
        "hand": None if now.hand is None else list(now.hand),
        "frozen": [[voice, ticks, [_pin_to_json(pin) for pin in on]] for voice, ticks, on in now.pins.frozen],
    }


def _scene_to_json(scene: Scene) -> dict[str, Any]:
    kept = asdict(replace(scene, kit=None))
    return {**kept, "meter": scene.meter.name, "kit": _kit_to_json(scene.kit)}


def _kit_to_json(kit: Kit | None) -> str | None:
    return None if kit is None else kit.to_toml()


def _pin_to_json(pin: Pin) -> list[float]:
    return [pin.ticks, pin.voice, pin.tick, pin.velocity, pin.microtiming]


class _Reader:
    """Reads what `_to_json` wrote; raises ValueError, TypeError, KeyError or RvaeError for anything else."""

    def __init__(self, voices: tuple[str, ...]) -> None:
        self.voices = voices
        self.unknown = 0

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> tuple[Session, int]:
        if data["format"] != _FORMAT or data["version"] != _VERSION:
            raise ValueError("of another kind")
        reader = cls(tuple(map(str, data["kit"])))
        own = set(_to_json(Session("", (), Settings.at_first((0.5, 0.5), Meter.parse("4/4"), 0))))
        rest = {name: value for name, value in data.items() if name not in own}
        settings = reader.settings(data)
        return Session(str(data["model"]), reader.voices, settings, bool(data["ended"]), rest), reader.unknown

    def settings(self, data: Mapping[str, Any]) -> Settings:
        begun = Settings.at_first(_point(data["cursor"]), Meter.parse(data["meter"]), len(self.voices))
        for name, value in data["controls"].items():
            if name in CONTROLS and not CONTROLS[name].per_voice:
                begun = begun.with_control(name, float(value))
            else:
                self.unknown += 1
        for name, values in data["voices"].items():
            if name not in begun.voices:
                self.unknown += 1
                continue
            for voice, value in enumerate(self.row(values)):
                begun = begun.with_voice(name, voice, float(value))
        layers = tuple(map(_gesture, data["gestures"]))
        self.unknown += len(layers[MOST_LAYERS:])
        frozen = tuple(self.frozen(*entry) for entry in data["frozen"])
        return replace(
            begun,
            scenes={scene_number(int(number)): self.scene(kept) for number, kept in data["scenes"].items()},
            layers=layers[:MOST_LAYERS],
            pins=Pins(tuple(map(self.pin, data["pins"])), frozen),
            kit=_kit(data.get("own_kit")),
            hand=None if data.get("hand") is None else _point(data["hand"]),
        )

    def scene(self, data: Mapping[str, Any]) -> Scene:
        return Scene(
            _point(data["cursor"]),
            Meter.parse(data["meter"]),
            CONTROLS["tempo"].clamp(data["tempo_bpm"]),
            CONTROLS["density"].clamp(data["density"]),
            tuple(map(CONTROLS["voice_density"].clamp, self.row(data["voice_density"]))),
            tuple(map(bool, self.row(data["mute"]))),
            tuple(map(CONTROLS["nudge"].clamp, self.row(data["nudge_ms"]))),
            _kit(data.get("kit")),
        )

    def row(self, values: Sequence[Any]) -> Sequence[Any]:
        if len(values) != len(self.voices):
            raise ValueError("not a value for each voice")
        return values

    def voice(self, voice: object) -> int:
        if not isinstance(voice, int) or not 0 <= voice < len(self.voices):
            raise ValueError("no such voice")
        return voice

    def frozen(self, voice: object, ticks: object, onsets: Sequence[Any]) -> tuple[int, int, tuple[Pin, ...]]:
        pins = tuple(map(self.pin, onsets))
        row = self.voice(voice)
        if not isinstance(ticks, int) or any((pin.ticks, pin.voice) != (ticks, row) for pin in pins):
            raise ValueError("onsets of another voice or cycle")
        return row, ticks, pins

    def pin(self, data: Sequence[Any]) -> Pin:
        ticks, voice, tick, velocity, microtiming = data
        return Pin(int(ticks), self.voice(voice), int(tick), float(velocity), float(microtiming))


def _kit(data: object) -> Kit | None:
    return None if data is None else Kit.from_toml(str(data))


def _point(data: Sequence[Any]) -> Point:
    x, y = data
    return on_plane(float(x), float(y))


def _gesture(data: Mapping[str, Any]) -> Gesture:
    keys = tuple(Key(float(bar), float(x), float(y)) for bar, x, y in data["keys"])
    return Gesture(Path(keys), float(data["start_bars"]), int(data["bars"]))


class Keeper:
    """Writes the settings to a file once a second, where they have changed, by a thread of its own.

    What cannot be written is said once, and tried again; a crash loses the last second. `holds`: what keeps other rvaes
    from a file that is gone over to; the first is held by whoever gave it.
    """

    def __init__(self, file: str | FilePath, session: Session, holds: Holds | None = None) -> None:
        self._file = FilePath(file)
        self._holds = holds or Holds()
        self._session = session
        self._left: list[tuple[FilePath, Session]] = []  # what was gone from, to be written for the last time
        self._wanted: Settings | None = None
        self._lock = threading.Lock()
        self._news: list[str] = []
        self._failed = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)
        self._thread.start()

    def offer(self, settings: Settings) -> None:
        """The settings as they are now. Takes no time."""
        self._wanted = settings

    def keep(self, name: str, value: object) -> None:
        """Keep something more in the file, by a name of its own; `value`: as JSON has it. Takes no time."""
        with self._lock:
            self._session = replace(self._session, rest={**self._session.rest, name: value})

    def turn_to(self, session: Session, file: FilePath | None = None) -> None:
        """Keep another session from now on; `file`: where, None for the same place, which it stays where another rvae
        has that file. Takes no time.
        """
        with self._lock:
            if file is not None and file != self._file and not self._holds.take(file):
                self._news.append(said_of(file, self._file))
                file = None
            if file is not None and file != self._file:
                self._left.append((self._file, self._now(has_ended=True)))
                self._file = file
            self._session, self._wanted = session, session.settings

    def _now(self, *, has_ended: bool = False) -> Session:
        return replace(self._session, settings=self._wanted or self._session.settings, has_ended=has_ended)

    def news(self) -> list[str]:
        """Lines for the player since the last time."""
        return [self._news.pop(0) for _ in range(len(self._news))]  # the thread may be adding to it

    def close(self) -> None:
        """Write the last of it, as left in peace. May be called twice."""
        if not self._end.is_set():
            self._end.set()
            self._thread.join()
            self._write_left()
            self._write(self._file, self._now(has_ended=True))
            self._holds.close()

    def _run(self) -> None:
        written: tuple[FilePath, Session] | None = None
        while not self._end.wait(_EACH_S):
            self._write_left()
            with self._lock:
                now = self._file, self._now()
            if self._wanted is not None and now != written and self._write(*now):
                written = now

    def _write_left(self) -> None:
        while self._left:
            file, session = self._left.pop(0)
            self._write(file, session)
            with self._lock:
                if file != self._file:  # which may have been gone back to meanwhile
                    self._holds.let_go(file)

    def _write(self, file: FilePath, session: Session) -> bool:
        try:
            write_session(file, session)
        except Exception as error:  # noqa: BLE001  # the next may be kept, if the thread lives
            if not self._failed:
                self._news.append(f"the session is not kept: {what_went_wrong(error)}")
            self._failed = True
            return False
        if self._failed:
            self._news.append("the session is kept again")
        self._failed = False
        return True
