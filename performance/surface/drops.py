"""What is dragged onto the window: files, text that names files, and what is neither."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from urllib.parse import unquote_to_bytes

import pygame

from performance.commands import DropClip, DropNothing, OpenModel
from performance.opening import can_open
from performance.surface.look import Drop, Look, Response

_SCHEME = "file://"


def next_event() -> pygame.Event:
    """The next event, one of type NOEVENT where there is none.

    pygame cannot make text of a file's name that is not UTF-8. It fails then, and of `event.get` all other events would
    be lost with it; the error still has the bytes of the name.
    """
    try:
        return pygame.event.poll()
    except SystemError as error:
        if not isinstance(error.__cause__, UnicodeDecodeError):
            raise
        return pygame.Event(pygame.DROPFILE, file=os.fsdecode(error.__cause__.object))


def drop(event: pygame.Event, look: Look) -> Response:
    """Part of a drop: it begins, a file, a line of text, or its end. One that brought no file is told of at its end."""
    if event.type == pygame.DROPBEGIN:
        return replace(look, drop=Drop()), ()
    if event.type == pygame.DROPCOMPLETE:
        told = () if look.drop.has_file else (DropNothing(look.drop.text),)
        return replace(look, drop=Drop()), told
    is_file = event.type == pygame.DROPFILE
    text = str(event.file if is_file else event.text)
    # What SDL calls a file and has no root is a remark in a list of files.
    if file := text if is_file and os.path.isabs(text) else file_of(text):
        return replace(look, drop=replace(look.drop, has_file=True)), (_ask(file),)
    return replace(look, drop=replace(look.drop, text=look.drop.text or text.strip())), ()


def _ask(file: str) -> OpenModel | DropClip:
    return OpenModel(file) if can_open(file) else DropClip(file)


def file_of(text: str) -> str:
    """The file on this computer that a text names, as some file managers drop it; empty where it names none."""
    if not text.startswith(_SCHEME):
        return text if os.path.isabs(text) else ""
    host, slash, path = text[len(_SCHEME) :].partition("/")
    is_here = host in ("", "localhost", socket.gethostname())
    return os.fsdecode(unquote_to_bytes(slash + path)) if is_here and path else ""
