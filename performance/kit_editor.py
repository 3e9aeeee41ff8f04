"""The kit on the screen: hit a pad and choose its voice, or choose a voice and hit its pads. Every step goes by rows
alone too. What comes of it is the player's own kit (`commands.SetKit`), played at once and written to its file.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence

from performance.commands import SetKit, StageCommand, TurnPage
from performance.heard import Hit
from performance.own_kits import OwnKits
from performance.panel import Row
from performance.snapshot import Snapshot
from rvae.audit.percussion import name_of
from rvae.errors import RvaeError
from rvae.kit import MAX_VOICES, Kit

_BACK = "back"
_LOOK_S = 0.5
_USUAL = (*range(27, 88), *range(27), *range(88, 128))  # notes as they are listed: percussion first


class KitEditor:
    """A panel's source, page by page: all voices (""), one of them (`voice 3`), what it plays (`out 3`), another note
    it reads (`in 3`), its name (`name 3`), a new voice (`new`, then `new cowbell`); kits to go over to (`kits`). Rows
    count from 0.
    """

    def __init__(self, kits: OwnKits) -> None:
        self._kits = kits
        self._page = ""
        self._struck: Hit | None = None
        self._is_open = False
        self._at_hand: tuple[Kit, ...] = ()
        self._looks: threading.Thread | None = None
        self._usual_names: tuple[str, ...] = ()
        self._trouble = ""
        self._asked: SetKit | None = None  # since the last time that it was kept
        self._rows: tuple[object, tuple[Row, ...]] = (None, ())

    @property
    def is_open(self) -> bool:
        """Whether it is shown: then all devices are to be heard."""
        return self._is_open

    @property
    def title(self) -> str:
        """What is edited, and what was struck."""
        return "Kit" if self._struck is None else f"Kit: {_named(self._struck.pitch)}"

    @property
    def hint(self) -> str:
        """What a hand can do here."""
        kind = self._page.partition(" ")[0]
        if kind == "out":
            return "hit the pad whose note it shall play, or choose one; F9 closes"
        if kind in ("voice", "in"):
            return "hit a pad: it belongs to this voice; F9 closes"
        if kind == "name":
            return "choose its name; others can be written into the file; F9 closes"
        if kind == "kits":
            return "choose one: voices of the same names take its notes; F9 closes"
        if kind == "new":
            return "hit a pad for it, or choose; F9 closes"
        return "hit a pad, then choose its voice; choose a voice to change it; F9 closes"

    def opened(self) -> None:
        """From all voices on, with nothing struck."""
        self._page, self._struck, self._is_open = "", None, True
        self._looks = threading.Thread(target=self._look, daemon=True)  # a disk may take longer than a frame
        self._looks.start()

    def _look(self) -> None:
        at_hand = self._kits.at_hand()
        names = (name for kit in at_hand for name in kit.names if not name.startswith("pad_"))
        self._at_hand, self._usual_names = at_hand, tuple(dict.fromkeys(names))

    def closed(self) -> None:
        """The panel is shown no longer."""
        self._is_open = False

    def turn(self, page: str) -> None:
        """Show another page."""
        self._page = page
        if self._looks is not None:
            self._looks.join(_LOOK_S)  # over long ago, unless the disk sleeps

    def hear(self, hits: Sequence[Hit], snapshot: Snapshot) -> tuple[StageCommand, ...]:
        """What was struck, and what it asks for on this page."""
        if not self._is_open or not hits:
            return ()
        self._struck = hits[-1]
        pitch = self._struck.pitch
        kit = _kit_of(snapshot)
        kind, row = self._place(kit)
        if kind in ("voice", "in") and kit.row_of_pitch(pitch) != row:
            return (_reads(kit, pitch, row), TurnPage(f"voice {row}"))
        if kind == "out":
            return (_plays(kit, pitch, row), TurnPage(f"voice {row}"))
        if kind == "new" and (name := self._page.partition(" ")[2]):
            return (_begins(kit, name, pitch), TurnPage(""))
        return () if kind else (TurnPage(""),)  # to the voice that reads it

    def named(self, command: SetKit) -> SetKit:
        """The same, its kit under the name of its file."""
        kit = None if command.kit is None else self._kits.named(command.kit)
        self._asked = SetKit(kit, command.what)
        return self._asked

    def keep(self, kit: Kit | None) -> tuple[str, bool]:
        """Write the player's kit to its file, where it has changed. A line on what is new, empty where nothing is;
        and whether it is a trouble.
        """
        asked, self._asked = self._asked, None
        try:
            self._kits.keep(kit)
        except RvaeError as error:
            self._trouble = f"the kit is not kept: {error}"
            return self._trouble, True
        if asked is None or asked.kit != kit:
            return "", False
        where = f"; kept as {kit.name}" if kit is not None and self._kits.has(kit) else ""
        return f"{asked.what}{where}; z takes it back", False

    def _place(self, kit: Kit) -> tuple[str, int]:
        """The kind of the page and its voice; all voices where that one has gone."""
        kind, _, at = self._page.partition(" ")
        row = int(at) if at.isdecimal() else 0
        if kind in ("voice", "out", "in", "name") and row >= len(kit):
            self._page = kind = ""
        return kind, row

    def rows(self, snapshot: Snapshot) -> tuple[Row, ...]:
        """The page that is shown; made anew where something of it has changed."""
        known = (self._page, self._struck, snapshot.own_kit, snapshot.kit, self._trouble, self._at_hand)
        if known != self._rows[0]:
            self._rows = (known, self._made(snapshot))
        return self._rows[1]

    def _made(self, snapshot: Snapshot) -> tuple[Row, ...]:
        kit = _kit_of(snapshot)
        kind, row = self._place(kit)
        name = self._page.partition(" ")[2]
        match kind:
            case "voice":
                return tuple(self._voice(kit, row))
            case "out":
                back = Row(_BACK, f"back: {_words(kit.names[row])}", commands=(TurnPage(f"voice {row}"),))
                chosen = kit.voices[row].pitch_out
                done = TurnPage(f"voice {row}")
                return (back, *(_note(kit, pitch, pitch == chosen, _plays(kit, pitch, row), done) for pitch in _USUAL))
            case "in":
                back = Row(_BACK, f"back: {_words(kit.names[row])}", commands=(TurnPage(f"voice {row}"),))
                done = TurnPage(f"voice {row}")
                others = (pitch for pitch in _USUAL if kit.row_of_pitch(pitch) != row)
                return (back, *(_note(kit, pitch, False, _reads(kit, pitch, row), done) for pitch in others))
            case "name":
                back = Row(_BACK, f"back: {_words(kit.names[row])}", commands=(TurnPage(f"voice {row}"),))
                done = TurnPage(f"voice {row}")
                return (back, *(_name(name, _renamed(kit, name, row), done) for name in self._free_names(kit)))
            case "new" if name:
                back = Row(_BACK, "back: all voices", commands=(TurnPage(""),))
                return (
                    back,
                    *(_note(kit, pitch, False, _begins(kit, name, pitch), TurnPage("")) for pitch in _USUAL),
                )
            case "new":
                return (Row(_BACK, "back: all voices", commands=(TurnPage(""),)), *self._new(kit))
            case "kits":
                return (Row(_BACK, "back: all voices", commands=(TurnPage(""),)), *self._others(snapshot))
        return tuple(self._all(kit, snapshot))

    def _all(self, kit: Kit, snapshot: Snapshot) -> Iterator[Row]:
        struck = self._struck
        pitch = None if struck is None else struck.pitch
        at = None if pitch is None else kit.row_of_pitch(pitch)
        if struck is None:
            yield Row("struck", "hit a pad", "of any MIDI device: its note is shown above, and the voice that reads it")
        elif at is None:
            yield Row("struck", f"no voice reads {pitch}", f"choose one; struck on {struck.device}", is_on=True)
        for row, voice in enumerate(kit.voices):
            reads = " ".join(map(str, voice.pitches_in)) or "nothing"
            gives = pitch is not None and row != at
            asked = _reads(kit, pitch, row) if gives and pitch is not None else TurnPage(f"voice {row}")
            news = "" if voice.name in snapshot.kit.names else "when next trained"
            state = f"reads {pitch}" if pitch is not None and row == at else news
            yield Row(
                f"voice {row}",
                _words(voice.name),
                f"reads {reads}; plays {voice.pitch_out}",
                state,
                is_on=pitch is not None and row == at,
                commands=(asked,),
            )
        if pitch is not None and at is not None:
            asked = SetKit(kit.with_note(pitch, None), f"note {pitch} of no voice")
            yield Row("none", "no voice", f"nothing reads {pitch} any more", commands=(asked,))
        if len(kit) < MAX_VOICES:
            about = (
                "learned by the next training" if pitch is None else f"for note {pitch}; learned by the next training"
            )
            yield Row("new", "new voice", about, commands=(TurnPage("new"),))
        yield Row("kits", "another kit", "of a machine, or one of yours", commands=(TurnPage("kits"),))
        yield from self._kept(snapshot)

    def _kept(self, snapshot: Snapshot) -> Iterator[Row]:
        """Where the kit lies and what it means for this model."""
        own = snapshot.own_kit
        if own is None:
            return
        yield Row(
            "model",
            "the model's own notes",
            "lets go of these changes",
            commands=(SetKit(None, "the model's own notes"),),
        )
        if self._kits.has(own):
            yield Row("file", f"kept as {own.name}", self._trouble or str(self._kits.file(own)))
            yield Row("use", "to learn by it", f"rvae train CLIPS --kit {self._kits.quoted(own)}")
        come = [_words(name) for name in own.names if name not in snapshot.kit.names]
        gone = [_words(name) for name in snapshot.kit.names if name not in own.names]
        said = [f"{', '.join(come)} new"] if come else []
        said += [f"{', '.join(gone)} gone"] if gone else []
        if said:
            yield Row("next", "from the next training on", f"{'; '.join(said)}; this model plays as it learned")

    def _voice(self, kit: Kit, row: int) -> Iterator[Row]:
        voice, word = kit.voices[row], _words(kit.names[row])
        yield Row(_BACK, "back: all voices", commands=(TurnPage(""),))
        yield Row("out", f"{word} plays {_named(voice.pitch_out)}", "another note", commands=(TurnPage(f"out {row}"),))
        for pitch in voice.pitches_in:
            asked = SetKit(kit.with_note(pitch, None), f"note {pitch} of no voice")
            yield Row(f"in {pitch}", f"reads {_named(pitch)}", "choose to let go of it", commands=(asked,))
        yield Row("in", "reads one more note", "or hit its pad", commands=(TurnPage(f"in {row}"),))
        yield Row("name", "another name", commands=(TurnPage(f"name {row}"),))
        if len(kit) > 1:
            asked = SetKit(kit.without_voice(row), f"{word} removed")
            yield Row("drop", f"remove {word}", "not in the next training", commands=(asked, TurnPage("")))

    def _others(self, snapshot: Snapshot) -> Iterator[Row]:
        for kit in self._at_hand:
            common = [_words(name) for name in kit.names if name in snapshot.kit.names]
            about = f"for {', '.join(common)}" if common else "has none of this model's voices"
            asked = (SetKit(kit, f"kit {kit.name}"), TurnPage("")) if common else ()
            is_on = snapshot.own_kit is not None and snapshot.own_kit.name == kit.name
            yield Row(f"kit {kit.name}", kit.name, about, is_on=is_on, commands=asked)

    def _new(self, kit: Kit) -> Iterator[Row]:
        for name in self._free_names(kit):
            pitch = None if self._struck is None else self._struck.pitch
            if pitch is None:
                yield Row(f"name {name}", _words(name), commands=(TurnPage(f"new {name}"),))
            else:
                yield _name(name, _begins(kit, name, pitch), TurnPage(""))

    def _free_names(self, kit: Kit) -> list[str]:
        """Names that no voice has: first what was struck is called, then those of the kits that come with rvae."""
        first = [] if self._struck is None else [_as_name(_drum(self._struck.pitch))]
        return [name for name in dict.fromkeys((*first, *self._usual_names)) if name and name not in kit.names]


def _kit_of(snapshot: Snapshot) -> Kit:
    return snapshot.own_kit or snapshot.kit


def _words(name: str) -> str:
    return name.replace("_", " ")


def _drum(pitch: int) -> str:
    """What General MIDI or a Roland kit has on a note; empty where neither has anything."""
    name = name_of(pitch)
    return "" if name.startswith("note ") else name


def _named(pitch: int) -> str:
    return f"{pitch} {_drum(pitch)}".strip()


def _as_name(text: str) -> str:
    """Of words a voice's name, without what stands in brackets; empty where nothing is left."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"\(.*?\)", "", text.lower())).strip("_")
    return plain[:24].rstrip("_") if plain[:1].isalpha() else ""


def _note(kit: Kit, pitch: int, is_on: bool, *commands: StageCommand) -> Row:
    at = kit.row_of_pitch(pitch)
    reader = "" if at is None else _words(kit.names[at])
    return Row(f"note {pitch}", _named(pitch), state=reader, is_on=is_on, commands=commands)


def _name(name: str, *commands: StageCommand) -> Row:
    return Row(f"name {name}", _words(name), commands=commands)


def _reads(kit: Kit, pitch: int, row: int) -> SetKit:
    return SetKit(kit.with_note(pitch, row), f"note {pitch} as {_words(kit.names[row])}")


def _plays(kit: Kit, pitch: int, row: int) -> SetKit:
    return SetKit(kit.with_out(row, pitch), f"{_words(kit.names[row])} plays {pitch}")


def _renamed(kit: Kit, name: str, row: int) -> SetKit:
    return SetKit(kit.renamed(row, name), f"{_words(kit.names[row])} called {_words(name)}")


def _begins(kit: Kit, name: str, pitch: int) -> SetKit:
    return SetKit(kit.with_voice(name, pitch), f"new voice {_words(name)}")
