"""The desk: the stage with hands on it, and guests. To the window it is a stage; MIDI devices are heard before each
frame.
"""

from __future__ import annotations

from performance.commands import DropClip, ForgetKnob, LearnKnob, StageCommand
from performance.guests import Guests
from performance.hands import Hands
from performance.snapshot import Snapshot
from performance.stage import Stage
from rvae.model import Model


class Desk:
    """See `links.StageLike`."""

    def __init__(self, stage: Stage, hands: Hands) -> None:
        self._stage, self._hands, self._guests = stage, hands, Guests()
        self._snapshot = stage.tick()

    @property
    def model(self) -> Model:
        """The model that is played."""
        return self._stage.model

    def do(self, command: StageCommand) -> None:
        """Do what was asked; learning sees it too."""
        match command:
            case LearnKnob(target):
                self._hands.learn(target)
            case ForgetKnob():
                self._hands.forget()
            case DropClip(file):
                self._guests.invite(file, self._stage.model)
            case _:
                self._hands.see(command, self._snapshot)
                self._stage.do(command)

    def tick(self) -> Snapshot:
        """What hands ask for, then the stage's own."""
        for command in self._hands.commands(self._snapshot):
            self._stage.do(command)
        if (seated := self._guests.seated(self._stage.model)) is not self._stage.model:
            self._stage.show(seated)
        for text, is_error in (*self._hands.news(), *self._guests.news()):
            self._stage.say(text, is_error=is_error)
        self._snapshot = self._stage.tick()
        return self._snapshot

    def close(self) -> None:
        """Let the devices go, and end the stage. May be called twice."""
        self._hands.close()
        self._guests.close()
        self._stage.close()
