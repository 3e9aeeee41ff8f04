"""What is heard of the system's ports where one of them fails; with real ports: system_ports.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jack_support import wait_for

from performance import ports
from performance.ports import Hearing


class Port:
    """A port of a library: one that says a note whenever it is asked, or one that fails when it is."""

    port_name = display_name = device_name = "pads"

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.asked = 0

    def told_to(self, settings: Any) -> Any:
        def poll() -> None:
            self.asked += 1
            if self.fails:
                raise RuntimeError("no such port")
            settings.on_raw_data([0x99, 36, 100], 0)

        return SimpleNamespace(
            open_port=lambda *_: None,
            is_port_open=lambda: True,
            close_port=lambda: None,
            poll=poll,
            absolute_timestamp=lambda: 0,
        )


def test_a_port_that_fails_leaves_the_others_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    at_hand: list[Port] = [Port(fails=True), Port()]
    broken, sound = at_hand

    def library() -> Any:
        return SimpleNamespace(
            InputConfiguration=SimpleNamespace, MidiIn=lambda settings: next(there).told_to(settings)
        )

    monkeypatch.setattr(ports, "midi_library", library)
    there, hearing = iter(at_hand), Hearing()
    heard: list[bytes] = []
    of_broken = hearing.hear(broken, lambda _data, _at_ns: None, own_name="rvae-hands")
    assert wait_for(lambda: broken.asked == 1)
    of_sound = hearing.hear(sound, lambda data, _at_ns: heard.append(data), own_name="rvae-hands")
    assert wait_for(lambda: len(heard) > 2)
    assert heard[0] == bytes([0x99, 36, 100])
    assert broken.asked == 1
    of_broken()
    of_sound()
