"""Panels: lists over the lanes, opened, stepped and chosen from by any hand while everything else goes on."""

from __future__ import annotations

from dataclasses import replace

import pygame
import pytest
from surface_support import Blend, snapshot
from test_surface_input import key, mouse

from performance.asking import asked
from performance.commands import (
    ChooseRow,
    DropClip,
    Explain,
    MoveCursor,
    NextPanel,
    Panic,
    PinPlace,
    ShowPanel,
    StageCommand,
    StepRow,
    TogglePlay,
)
from performance.panel import Panel, Row
from performance.panels import Panels
from performance.snapshot import Snapshot
from performance.surface.drawing import Kept, draw
from performance.surface.input import respond
from performance.surface.layout import Layout
from performance.surface.look import Look
from performance.surface.panel import PanelLayout

LAYOUT = Layout.of(1280, 800, voices=9)


class Fruits:
    """Three rows, of which one may be in use."""

    title, hint = "Fruits", "take one"

    def __init__(self) -> None:
        self.names = ["apple", "pear", "plum"]
        self.used = "pear"
        self.is_shown = False

    def opened(self) -> None:
        self.is_shown = True

    def closed(self) -> None:
        self.is_shown = False

    def rows(self, _snapshot: Snapshot) -> tuple[Row, ...]:
        return tuple(Row(name, name, is_on=name == self.used, commands=(DropClip(name),)) for name in self.names)


def test_steps_within_one_frame_add_up() -> None:
    panels = Panels({"fruits": Fruits()})
    panels.do(ShowPanel("fruits"))
    panels.shown(snapshot())
    for _ in range(2):
        panels.do(StepRow(1))
    shown = panels.shown(snapshot())
    assert shown is not None
    assert shown.rows[shown.chosen].text == "apple", "pear, plum, and round"


def rows_of(count: int) -> tuple[Row, ...]:
    return tuple(Row(f"r{row}", f"row {row}", "what it is", commands=(Panic(),)) for row in range(count))


def click(pos: tuple[int, int], button: int = 1) -> pygame.Event:
    return mouse(pygame.MOUSEBUTTONDOWN, pos, button=button)


def chosen(panels: Panels) -> str:
    panel = panels.shown(snapshot())
    assert panel is not None
    return panel.rows[panel.chosen].key


def test_a_panel_opens_on_what_is_in_use_and_closes_by_the_same_command() -> None:
    fruits = Fruits()
    panels = Panels({"fruits": fruits})
    assert panels.shown(snapshot()) is None
    panels.do(ShowPanel("fruits"))
    assert fruits.is_shown
    assert chosen(panels) == "pear"
    panels.do(ShowPanel("fruits"))
    assert not fruits.is_shown
    assert panels.shown(snapshot()) is None


def test_one_goes_round_the_panels_and_out_of_them() -> None:
    panels = Panels({"one": Fruits(), "two": Fruits()})
    seen = []
    for _ in range(4):
        panels.do(NextPanel())
        panel = panels.shown(snapshot())
        seen.append(panel and panel.name)
    assert seen == ["one", "two", None, "one"]


def test_rows_are_stepped_round_and_chosen() -> None:
    panels = Panels({"fruits": Fruits()})
    (says,) = panels.do(ChooseRow())
    assert isinstance(says, Explain), "nothing is open"
    assert panels.do(StepRow(1)) == (says,)
    panels.do(ShowPanel("fruits"))
    chosen(panels)
    panels.do(StepRow(1))
    assert chosen(panels) == "plum"
    assert panels.do(ChooseRow()) == (DropClip("plum"),)
    panels.do(StepRow(1))
    assert chosen(panels) == "apple"
    assert panels.do(ChooseRow("pear")) == (DropClip("pear"),)
    assert chosen(panels) == "pear"


def test_the_chosen_row_stays_where_the_list_changes_and_a_neighbour_is_chosen_where_it_goes() -> None:
    fruits = Fruits()
    panels = Panels({"fruits": fruits})
    panels.do(ShowPanel("fruits"))
    chosen(panels)
    panels.do(StepRow(1))
    fruits.names = ["fig", *fruits.names]
    assert chosen(panels) == "plum"
    fruits.names.remove("plum")
    assert chosen(panels) == "pear"
    assert panels.do(ChooseRow("plum")) == ()  # clicked just before it went
    fruits.names = []
    panel = panels.shown(snapshot())
    assert panel is not None
    assert panel.rows == ()
    assert panels.do(ChooseRow()) == ()


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("f7", ShowPanel("models")),
        ("f8", ShowPanel("devices")),
        ("page down", StepRow(1)),
        ("page up", StepRow(-1)),
        ("return", ChooseRow()),
    ],
)
def test_keys_open_and_step_panels(name: str, command: StageCommand) -> None:
    assert respond(key(name), LAYOUT, snapshot(), Look())[1] == (command,)


def test_every_panel_action_can_be_put_on_a_pad() -> None:
    assert [asked(name, snapshot()) for name in ("models", "next_panel", "next_row", "previous_row", "choose_row")] == [
        (ShowPanel("models"),),
        (NextPanel(),),
        (StepRow(1),),
        (StepRow(-1),),
        (ChooseRow(),),
    ]


def test_a_panel_is_clicked_and_turned_and_what_is_beneath_it_is_not_touched() -> None:
    panel = Panel("fruits", "Fruits", rows_of(3), 0, "take one")
    now, places = snapshot(panel=panel), PanelLayout.of(LAYOUT, panel)
    assert places is not None
    for index, box in places.rows:
        assert respond(click(box.center), LAYOUT, now, Look())[1] == (ChooseRow(f"r{index}"),)
    assert respond(click(places.close.center), LAYOUT, now, Look())[1] == (ShowPanel(""),)
    assert respond(click(places.hint.center), LAYOUT, now, Look())[1] == ()
    assert respond(click(places.hint.center, button=3), LAYOUT, now, Look())[1] == ()
    wheel = pygame.Event(pygame.MOUSEWHEEL, y=-1, x=0)
    assert respond(wheel, LAYOUT, now, Look(pointer=places.hint.center))[1] == (StepRow(1),)
    below = (LAYOUT.tracks[-1].centerx, LAYOUT.tracks[-1].centery)
    assert isinstance(respond(click(below), LAYOUT, now, Look())[1][0], PinPlace)


def test_nothing_is_modal_while_a_panel_is_open() -> None:
    now = snapshot(panel=Panel("fruits", "Fruits", rows_of(30), 0, "take one"))
    assert respond(key("space"), LAYOUT, now, Look())[1] == (TogglePlay(),)
    assert respond(key("escape"), LAYOUT, now, Look())[1] == (Panic(),)
    assert isinstance(respond(key("right"), LAYOUT, now, Look())[1][0], MoveCursor)
    assert isinstance(respond(click(LAYOUT.plane.center), LAYOUT, now, Look())[1][0], MoveCursor)


@pytest.mark.parametrize("size", [(1280, 800), (700, 1000), (320, 240), (2560, 1600)])
@pytest.mark.parametrize("count", [0, 1, 5, 40])
def test_a_panel_keeps_to_the_lanes_and_shows_the_chosen_row(size: tuple[int, int], count: int) -> None:
    layout = Layout.of(*size, voices=9)
    for at in range(max(1, count)):
        panel = Panel("fruits", "Fruits", rows_of(count), at, "take one")
        places = PanelLayout.of(layout, panel)
        if places is None:
            assert layout.lanes.height < 12 * layout.unit
            continue
        assert not places.box.colliderect(layout.plane)
        assert not places.box.colliderect(layout.ruler)
        assert layout.window.contains(places.box)
        assert not any(places.box.colliderect(i.box) for i in layout.items)
        assert all(places.box.contains(box) for _, box in places.rows)
        assert at in [index for index, _ in places.rows] or not count


@pytest.mark.parametrize("size", [(1280, 800), (700, 1000), (320, 240), (40, 30), (1, 1)])
def test_it_is_drawn_at_any_size(size: tuple[int, int]) -> None:
    target, now = pygame.Surface(size), snapshot(panel=Panel("fruits", "Fruits", rows_of(12), 3, "take one"))
    draw(target, now, Look(), Kept())
    without = pygame.Surface(size)
    draw(without, replace(now, panel=None), Look(), Kept())
    layout = Layout.of(*size, voices=len(Blend.kit))
    changed = pygame.mask.from_threshold(target, (0, 0, 0), (1, 1, 1, 255), without).count() < size[0] * size[1]
    assert changed == (PanelLayout.of(layout, now.panel) is not None)
