"""Hands on MIDI devices: what is heard becomes commands, by mappings that are learned, given or kept.

Learning: the next control that is touched on the screen or by a key is put on the next knob or pad that is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Protocol

from performance.asking import foreseen
from performance.commands import Play, StageCommand, Stop
from performance.heard import Drums, Heard, Hit, Missed, Plugged, Wanted
from performance.mapping import (
    Hand,
    Mapping,
    Source,
    Touch,
    Touches,
    is_fader,
    label_of,
    reading_of,
    target_of,
)
from performance.mapping_file import Mappings, keep_mappings
from performance.snapshot import Snapshot
from rvae.counts import several
from rvae.errors import RvaeError
from rvae.kit import Kit

_WATCHED = 8  # values after learning that tell how a knob sends
_START, _CONTINUE, _STOP = 0xFA, 0xFB, 0xFC
FIRST_PAD, PADS = 36, 16
USUAL = (
    *(Mapping(Source("note", FIRST_PAD + pad), f"clip {pad + 1}") for pad in range(PADS)),
    Mapping(Source("cc", 1), "density"),
    Mapping(Source("cc", 16), "x"),
    Mapping(Source("cc", 17), "y"),
    Mapping(Source("cc", 7), "volume"),
)
"""Of a device that was asked for and has no mapping: pads play clips; modulation wheel, general purpose controllers 1
and 2 and volume as in MIDI 1.0."""


class Ports(Protocol):
    """Where messages come from: `midi_in.MidiIn`."""

    def want(self, wanted: Wanted) -> None:
        """Hear these from now on."""

    def drum(self, drums: Drums | None) -> None:
        """Have these sound when they are struck."""

    @property
    def is_ready(self) -> bool:
        """Whether all that is wanted and there is heard by now."""

    def receive(self) -> list[Heard | Plugged | Missed]:
        """What has come, oldest first."""

    def close(self) -> None:
        """End it."""


class Hands:
    """`asked`: parts of the names of devices to hear; those with kept mappings are heard too. `preset`: mappings for
    every device, which its own go before. `kept`: mappings by device.
    """

    def __init__(
        self,
        ports: Ports,
        *,
        asked: Sequence[str] = (),
        preset: Sequence[Mapping] = (),
        kept: Mappings | None = None,
        keep: Callable[[Mappings], None] = keep_mappings,
    ) -> None:
        self._ports, self._asked, self._preset, self._keep = ports, tuple(asked), tuple(preset), keep
        self._mappings: Mappings = dict(kept or {})
        self._touches: dict[str, Touches] = {}
        self._hands: dict[str, Hand] = {}
        self._news: list[tuple[str, bool]] = []
        self._is_learning = False
        self._learns = ""  # the target that waits for a knob
        self._fresh: tuple[str, Mapping, tuple[int, ...]] | None = None  # device, what it has learned, values since
        self._told: set[str] = set()
        self._hits: list[Hit] = []
        self._kit: Kit | None = None  # while pads are drums
        self._rows: Sequence[str] = ()
        self._there: set[str] = set()
        self._extra: frozenset[str] = frozenset()  # devices chosen one by one to be heard, and not to be
        self._unheard: frozenset[str] = frozenset()
        self._want()

    def _want(self) -> None:
        names = tuple(sorted({*self._extra, *(device for device, found in self._mappings.items() if found)}))
        self._ports.want(Wanted(self._asked, names, all=self._is_learning or self._kit is not None))

    def drum(self, kit: Kit | None, rows: Sequence[str] = ()) -> None:
        """Whether pads are drums now, and of which kit: they sound, every device is heard, and notes do only what was
        learned or given, not what is usual. `rows`: the engine's voices, where they are others than the kit's.
        """
        if (kit, rows) == (self._kit, self._rows):
            return
        self._kit, self._rows = kit, rows
        self._want()
        self._ports.drum(self._drums())

    def _drums(self) -> Drums | None:
        if self._kit is None:
            return None
        row_of = {name: row for row, name in enumerate(self._rows or self._kit.names)}
        notes_in = ((pitch, voice.name) for voice in self._kit.voices for pitch in voice.pitches_in)
        drums = {pitch: row_of[name] for pitch, name in notes_in if name in row_of}
        given = [("", mapping) for mapping in self._preset]
        given += [(device, mapping) for device, found in self._mappings.items() for mapping in found]
        notes = {(device, one.source.number) for device, one in given if one.source.kind == "note"}
        return Drums(drums, frozenset(notes), self._unheard)

    @property
    def is_ready(self) -> bool:
        """Whether all that is to be heard is heard by now."""
        return self._ports.is_ready

    def hear(self, device: str, is_wanted: bool) -> None:
        """Hear a device by its whole name from now on, or no longer, whatever is mapped on it."""
        self._unheard = self._unheard - {device} if is_wanted else self._unheard | {device}
        self._extra = self._extra | {device} if is_wanted else self._extra - {device}
        self._want()
        self._ports.drum(self._drums())
        self._say(f"{device} is {'heard' if is_wanted else 'not heard any more'}")

    @property
    def heard(self) -> frozenset[str]:
        """The devices that are there and heard."""
        return frozenset(self._there - self._unheard)

    def hits(self) -> list[Hit]:
        """What was struck since the last time, oldest first, beside the commands that mappings make of it."""
        hits, self._hits = self._hits, []
        return hits

    def _say(self, text: str, *, is_error: bool = False) -> None:
        self._news.append((text, is_error))

    def news(self) -> list[tuple[str, bool]]:
        """Lines for the player since the last time, and whether each is a trouble."""
        news, self._news = self._news, []
        return news

    @property
    def learned(self) -> tuple[tuple[str, str], ...]:
        """What was given or learned: the target, and the knob or pad without its channel."""
        found = chain(self._preset, chain.from_iterable(self._mappings.values()))
        return tuple((one.target, str(replace(one.source, channel=None))) for one in found)

    def learn(self, target: str = "") -> None:
        """Put a target on the next knob; without one, the next control that is touched, and asked for again: none."""
        self._is_learning, self._learns = bool(target) or not self._is_learning, target
        self._want()
        if target or self._is_learning:
            self._ask()
        else:
            self._say("nothing is learned")

    @property
    def prompt(self) -> str:
        """What learning waits for, as one line; empty while nothing is learned."""
        if not self._is_learning:
            return ""
        if not self._learns:
            return "learning: touch a control here, or press its key; then turn a knob or hit a pad"
        up = "turn a knob up, or hit a pad" if is_fader(self._learns) else "hit a pad, or turn a knob"
        return f"{label_of(self._learns)}: now {up}; n leaves it as it is"

    def _ask(self) -> None:
        self._say(self.prompt)

    def forget(self) -> None:
        """Let go of the mappings of the control that learning waits with, or of what was learned last."""
        target = self._learns or ("" if self._fresh is None else self._fresh[1].target)
        if not target:
            self._say("to forget: n, then touch the control, then shift+n", is_error=True)
            return
        count = sum(one.target == target for found in self._mappings.values() for one in found)
        left = {device: tuple(one for one in found if one.target != target) for device, found in self._mappings.items()}
        self._is_learning, self._learns, self._fresh = False, "", None
        self._set(left, f"{label_of(target)}: {count or 'no'} knob{'' if count == 1 else 's'} forgotten")

    def see(self, command: StageCommand, snapshot: Snapshot) -> None:
        """A command that was given by another hand, on the screen or by a key: what learning may wait for."""
        if not self._is_learning or not (target := target_of(command, snapshot)) or target == self._learns:
            return
        self._learns = target
        self._ask()

    def commands(self, snapshot: Snapshot) -> list[StageCommand]:
        """What has been asked since the last time."""
        found: list[StageCommand] = []
        self._hits.clear()
        for message in self._ports.receive():
            if isinstance(message, Plugged):
                self._plugged(message)
                continue
            if isinstance(message, Missed):
                self._say(
                    f"{message.count} MIDI messages of hands came while nobody took them, and are lost", is_error=True
                )
                continue
            if message.device in self._unheard:
                continue
            if message.data[:1] in (bytes([_START]), bytes([_CONTINUE])):
                found.append(Play())
            elif message.data[:1] == bytes([_STOP]):
                found.append(Stop())
            before = self._touches.get(message.device, Touches())
            self._touches[message.device], touches = before.read(message.data)
            for touch in touches:
                asked = self._touched(message.device, touch, snapshot)
                for command in asked:
                    snapshot = foreseen(snapshot, command)
                found += asked
            self._note_hit(message)  # last: it may just have been learned
        return found

    def _note_hit(self, message: Heard) -> None:
        if (hit := Hit.of(message)) is not None:
            source = Source("note", hit.pitch, message.data[0] % 16 + 1)
            mapped = any(mapping.source.hears(source) for mapping in self._of(hit.device))
            self._hits.append(replace(hit, is_mapped=mapped))

    def _plugged(self, message: Plugged) -> None:
        (self._there.add if message.is_there else self._there.discard)(message.device)
        if message.device in self._unheard:
            return
        count = len(self._mappings.get(message.device, ()))
        known = f"with {several(count, 'mapping')}" if count else "with no mappings of its own; n learns one"
        if message.is_there:
            self._say(f"{message.device} is heard, {'as drums' if self._kit is not None else known}")
        else:
            self._say(f"{message.device} is gone; its mappings stay", is_error=True)
            self._touches.pop(message.device, None)
            self._hands.pop(message.device, None)

    def _touched(self, device: str, touch: Touch, snapshot: Snapshot) -> tuple[StageCommand, ...]:
        if self._learns and touch.source.kind != "cc14" and not (touch.source.kind == "note" and not touch.raw):
            self._take(device, touch)
            if is_fader(self._fresh[1].target if self._fresh else ""):
                return ()  # what it does is known after some more
        else:
            self._watch(device, touch)
        asked: list[StageCommand] = []
        hand = self._hands.get(device, Hand())
        for mapping in self._of(device):
            if mapping.source.hears(touch.source):
                try:
                    hand, commands = hand.touch(touch, mapping, snapshot)
                    asked += commands
                except RvaeError as error:
                    if str(error) not in self._told:
                        self._told.add(str(error))
                        self._say(f"{device}, {mapping.source}: {error}", is_error=True)
        self._hands[device] = hand
        return tuple(asked)

    def _of(self, device: str) -> tuple[Mapping, ...]:
        own = self._mappings.get(device, ())
        rest = self._preset or (() if own or not Wanted(self._asked).wants(device) else USUAL)
        if self._kit is not None and rest is USUAL:
            rest = tuple(one for one in USUAL if one.source.kind != "note")
        return (*own, *(one for one in rest if not any(mine.source.hears(one.source) for mine in own)))

    def _take(self, device: str, touch: Touch) -> None:
        """Put the target that waits on what was touched."""
        mapping = Mapping(touch.source, self._learns)
        self._is_learning, self._learns = False, ""
        self._fresh = (device, mapping, (touch.raw,))
        self._put(device, mapping, f"{label_of(mapping.target)} is on {mapping.source} of {device}")

    def _watch(self, device: str, touch: Touch) -> None:
        """What comes after learning tells whether the knob is an endless one, or sends its fine part too."""
        if self._fresh is None or self._fresh[0] != device:
            return
        _, mapping, raws = self._fresh
        if touch.source.kind == "cc14" and mapping.source.kind == "cc" and is_fader(mapping.target):
            if replace(touch.source, kind="cc") == mapping.source:
                fine = Mapping(touch.source, mapping.target)
                self._fresh = None
                self._put(device, fine, f"{label_of(fine.target)} is on {fine.source} of {device}", instead=mapping)
            return
        if touch.source != mapping.source or len(raws) >= _WATCHED:
            return
        raws = (*raws, touch.raw)
        reading = reading_of(raws, mapping.target) or mapping.reading
        if reading != mapping.reading:
            turned = replace(mapping, reading=reading)
            self._put(device, turned, f"{label_of(turned.target)} is on the endless {turned.source} of {device}")
            mapping = turned
        self._fresh = (device, mapping, raws)

    def _put(self, device: str, mapping: Mapping, line: str, instead: Mapping | None = None) -> None:
        own = self._mappings.get(device, ())
        left = tuple(one for one in own if one.source != mapping.source and one != instead)
        self._set({**self._mappings, device: (*left, mapping)}, line)

    def _set(self, mappings: Mappings, line: str) -> None:
        self._mappings = mappings
        self._want()
        self._ports.drum(self._drums())
        try:
            self._keep(mappings)
            self._say(line)
        except RvaeError as error:
            self._say(f"{line}, but is not kept: {error}", is_error=True)

    def close(self) -> None:
        """Let the ports go."""
        self._ports.close()
