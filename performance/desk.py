"""The desk: the stage with hands on it, guests, and panels. To the window it is a stage; MIDI devices are heard before
each frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from performance.commands import (
    ChooseRow,
    DropClip,
    DropNothing,
    ForgetKnob,
    HearDevice,
    LearnKnob,
    NextPanel,
    OpenModel,
    OpenNamed,
    OpenOutput,
    PlayIn,
    SetKit,
    ShowPanel,
    StageCommand,
    StepRow,
    StrikePad,
    TurnPage,
)
from performance.guests import Guests, no_file
from performance.hands import Hands
from performance.heard import Hit
from performance.import_panel import ImportPanel
from performance.kit_editor import KitEditor
from performance.opening import Opened, Opening
from performance.panels import Panels, Source
from performance.patchbay import Patchbay
from performance.playing_in import PlayingIn
from performance.session import guests_of
from performance.shelf import Shelf
from performance.snapshot import Snapshot
from performance.stage import Stage
from rvae.model import Model


class Desk:
    """See `links.StageLike`. `file`: the model's, empty where it has none; `guests`: the files of clips to show;
    `editor`: the panel that edits the kit; without one, kits are not kept.
    `offsets_ms`: of outputs, by kind and name.
    """

    def __init__(
        self,
        stage: Stage,
        hands: Hands,
        *,
        file: str = "",
        guests: Sequence[str] = (),
        playing_in: PlayingIn | None = None,
        editor: KitEditor | None = None,
        offsets_ms: Mapping[str, float] | None = None,
    ) -> None:
        self._stage, self._hands, self._guests, self._opening = stage, hands, Guests(), Opening()
        self._shelf, self._editor = Shelf(file), editor
        self._patchbay = Patchbay(lambda: hands.heard, offsets_ms)
        sources: dict[str, Source] = {
            "models": self._shelf,
            "devices": self._patchbay,
            "dropped": ImportPanel(self._guests.told),
        }
        self._panels = Panels(sources if editor is None else {**sources, "kit": editor})
        self._playing_in = playing_in or PlayingIn(stage, Path("takes"))
        for guest in guests:
            self._guests.invite(guest, stage.model, stage.kit)
        self._snapshot = stage.tick()

    @property
    def model(self) -> Model:
        """The model that is played."""
        return self._stage.model

    def do(self, command: StageCommand) -> None:
        """Do what was asked; learning sees it too."""
        if not isinstance(command, LearnKnob | ForgetKnob | DropClip | DropNothing):
            self._hands.see(command, self._snapshot)
        self._do(command)

    def _do(self, command: StageCommand) -> None:
        match command:
            case ShowPanel() | NextPanel() | StepRow() | ChooseRow() | TurnPage():
                for asked in self._panels.do(command):
                    self._do(asked)
            case LearnKnob(target):
                self._hands.learn(target)
            case ForgetKnob():
                self._hands.forget()
            case DropClip(file):
                self._guests.invite(file, self._stage.model, self._snapshot.kit)
                self._stage.keep("guests", list(self._guests.files))
            case DropNothing(text):
                self._stage.say(no_file(text), is_error=True)
            case HearDevice(device, is_heard):
                self._hands.hear(device, is_heard)
            case OpenModel(file):
                self._opening.ask(lambda: Path(file))
            case OpenNamed(name):
                self._opening.ask(lambda: self._shelf.file_of(name))
            case OpenOutput(kind, name):
                self._stage.do(self._patchbay.output(kind, name))
            case PlayIn(purpose):
                self._playing_in.toggle(purpose, self._snapshot)
            case StrikePad(voice, velocity):
                self._playing_in.strike(voice, velocity)
            case SetKit() if self._editor is not None:
                self._stage.do(self._editor.named(command))
            case _:
                self._stage.do(command)

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Leave a line for the player."""
        self._stage.say(text, is_error=is_error)

    def tick(self) -> Snapshot:
        """What hands ask for, then the stage's own."""
        for command in (*self._hands.commands(self._snapshot), *self._stage.passed_on()):
            self._do(command)
        hits = self._hands.hits()
        self._playing_in.hear(hits)
        self._edit(hits)
        edits = self._editor is not None and self._editor.is_open
        self._hands.drum(self._stage.kit if edits else self._playing_in.kit, self._stage.rows)
        self._guests.seat(self._playing_in.clips())
        if (opened := self._opening.found()) is not None:
            self._open(opened)
        if (seated := self._guests.seated(self._stage.model)) is not self._stage.model:
            self._stage.show(seated)
        news = (part.news() for part in (self._hands, self._guests, self._opening, self._playing_in))
        for text, is_error in chain.from_iterable(news):
            self._stage.say(text, is_error=is_error)
        snapshot = self._playing_in.step(self._stage.tick(), is_heard=self._hands.is_ready)
        self._snapshot = replace(
            snapshot,
            panel=self._panels.shown(snapshot),
            prompt=self._hands.prompt,
            learned=self._hands.learned,
        )
        return self._snapshot

    def _open(self, opened: Opened) -> None:
        """Another model has been read: the stage goes over to it, and the guests find their places on it."""
        before = self._stage.model
        self._stage.open(opened)
        if self._stage.model is before:
            return
        self._shelf.played = str(opened.file or "")
        self._guests.move(opened.model, self._stage.kit, guests_of(opened.session))
        self._stage.keep("guests", list(self._guests.files))

    def _edit(self, hits: Sequence[Hit]) -> None:
        """What is struck while the kit is edited, and the kit to its file."""
        if self._editor is None:
            return
        for command in self._editor.hear(hits, self._snapshot):
            self._do(command)
        said, is_error = self._editor.keep(self._stage.settings.kit)
        if said:
            self._stage.say(said, is_error=is_error)

    def close(self) -> None:
        """Let the devices go, and end the stage. May be called twice."""
        self._panels.close()
        self._hands.close()
        self._playing_in.close()
        self._guests.close()
        self._opening.close()
        self._stage.close()
