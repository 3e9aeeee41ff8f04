"""From events to commands: a function of an event, of where things are and of the state; nothing is kept here."""

from __future__ import annotations

from dataclasses import replace

import pygame

from performance.commands import Quit
from performance.controls import ACTIONS
from performance.snapshot import Snapshot
from performance.surface.drops import drop
from performance.surface.keys import key_down, key_name
from performance.surface.layout import Layout
from performance.surface.look import Look, Response
from performance.surface.pads import pad_axis, pad_button
from performance.surface.pointer import finger, mouse_down, mouse_move, second_button, wheel


def respond(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """What an event changes of the surface itself, and what it asks of the stage. Unknown events change nothing."""
    match event.type:
        case pygame.KEYDOWN:
            return key_down(event, snapshot, look)
        case pygame.KEYUP:
            return replace(look, down=look.down - {event.key}), ()
        case pygame.MOUSEBUTTONDOWN if event.button == 1:
            return mouse_down(event, layout, snapshot, look)
        case pygame.MOUSEBUTTONDOWN if event.button == 3:
            return second_button(event, layout, snapshot, look)
        case pygame.MOUSEBUTTONUP if event.button == 1:
            return replace(look, held=None), ()
        case pygame.MOUSEMOTION:
            return mouse_move(event, layout, look)
        case pygame.MOUSEWHEEL:
            return wheel(event, layout, snapshot, look)
        case pygame.FINGERDOWN | pygame.FINGERMOTION | pygame.FINGERUP:
            return finger(event, layout, snapshot, look)
        case pygame.CONTROLLERBUTTONDOWN:
            return pad_button(event, snapshot, look)
        case pygame.CONTROLLERAXISMOTION:
            return pad_axis(event, look)
        case pygame.CONTROLLERDEVICEREMOVED:  # an unplugged stick is not pushed
            return replace(look, sticks=(0.0, 0.0, 0.0), triggers=()), ()
        case pygame.DROPBEGIN | pygame.DROPFILE | pygame.DROPTEXT | pygame.DROPCOMPLETE:
            return drop(event, look)
        case pygame.QUIT | pygame.WINDOWCLOSE:
            return replace(look, closing=True), (Quit(),)
        case pygame.WINDOWLEAVE:
            return replace(look, pointer=None), ()
        case pygame.WINDOWSIZECHANGED:  # the pixels that were taken hold of are elsewhere now
            return replace(look, held=None, finger=None, second=None), ()
        case pygame.WINDOWFOCUSLOST:  # keys and buttons let go elsewhere are not told to us
            return replace(look, down=frozenset(), held=None, finger=None, second=None), ()
    return look, ()


def respond_for_audience(event: pygame.Event, layout: Layout, snapshot: Snapshot, look: Look) -> Response:
    """What an event in the audience's window does: its close button and full screen are its own, keys play, what is
    dropped there is taken, and other hands that come near it do nothing.
    """
    match event.type:
        case pygame.WINDOWCLOSE:
            return replace(look, audience=False, audience_full_screen=False), ()
        case pygame.KEYDOWN if key_name(event) in ACTIONS["full_screen"].keys:
            is_full = look.audience_full_screen != (event.key not in look.down)  # a held key comes again and again
            return replace(look, audience_full_screen=is_full, down=look.down | {event.key}), ()
        case pygame.KEYDOWN | pygame.KEYUP | pygame.WINDOWFOCUSLOST:
            return respond(event, layout, snapshot, look)
        case pygame.DROPBEGIN | pygame.DROPFILE | pygame.DROPTEXT | pygame.DROPCOMPLETE:
            return drop(event, look)
    return look, ()
