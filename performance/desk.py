"""The desk: the stage with hands on it, guests, and panels. To the window it is a stage; MIDI devices are heard before
each frame.
"""

from __future__ import annotations

from dataclasses import replace

from performance.commands import (
    ChooseRow,
    DropClip,
    ForgetKnob,
    LearnKnob,
    NextPanel,
    ShowPanel,
    StageCommand,
    StepRow,
)
from performance.guests import Guests
from performance.hands import Hands
from performance.panels import Panels
from performance.snapshot import Snapshot
from performance.stage import Stage
from rvae.model import Model


class Desk:
    """See `links.StageLike`."""

    def __init__(self, stage: Stage, hands: Hands, panels: Panels | None = None) -> None:
        self._stage, self._hands, self._guests = stage, hands, Guests()
        self._panels = panels or Panels({})
        self._snapshot = stage.tick()

    @property
    def model(self) -> Model:
        """The model that is played."""
        return self._stage.model

    def do(self, command: StageCommand) -> None:
        """Do what was asked; learning sees it too."""
        if not isinstance(command, LearnKnob | ForgetKnob | DropClip):
            self._hands.see(command, self._snapshot)
        self._do(command)

    def _do(self, command: StageCommand) -> None:
        match command:
            case ShowPanel() | NextPanel() | StepRow() | ChooseRow():
                for asked in self._panels.do(command):
                    self._do(asked)
            case LearnKnob(target):
                self._hands.learn(target)
            case ForgetKnob():
                self._hands.forget()
            case DropClip(file):
                self._guests.invite(file, self._stage.model)
            case _:
                self._stage.do(command)

    def tick(self) -> Snapshot:
        """What hands ask for, then the stage's own."""
        for command in self._hands.commands(self._snapshot):
            self._do(command)
        if (seated := self._guests.seated(self._stage.model)) is not self._stage.model:
            self._stage.show(seated)
        for text, is_error in (*self._hands.news(), *self._guests.news()):
            self._stage.say(text, is_error=is_error)
        snapshot = self._stage.tick()
        self._snapshot = replace(snapshot, panel=self._panels.shown(snapshot))
        return self._snapshot

    def close(self) -> None:
        """Let the devices go, and end the stage. May be called twice."""
        self._panels.close()
        self._hands.close()
        self._guests.close()
        self._stage.close()
