"""A window from which things are dragged with a real pointer, as a file manager does it: XDND's source, version 5."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.ext import xtest
from Xlib.protocol import event as messages

FILES, TEXT = "text/uri-list", "text/plain"
_VERSION = 5
_PATIENCE_S = 60.0


class DragSource:
    """Dragged from the screen's right edge. Of what is offered the target takes the kind it likes."""

    def __init__(self, display: str) -> None:
        self._display = Display(display)
        self._root = self._display.screen().root
        width = self._display.screen().width_in_pixels
        self._at = (width - 30, 30)
        self._window = self._root.create_window(
            width - 60,
            0,
            60,
            60,
            0,
            X.CopyFromParent,
            event_mask=X.ButtonPressMask | X.ButtonReleaseMask,
            override_redirect=1,
        )
        self._window.map()
        self._display.sync()

    def drag(self, offered: Mapping[str, bytes], target: int, at: tuple[int, int]) -> bool:
        """Press here, carry it to a place on the screen above a window, and let go. Whether the window says that it has
        taken it. `offered`: what it is, by its kind, in the order in which they are offered.
        """
        atom, here = self._display.intern_atom, self._window.id
        window = self._display.create_resource_object("window", target)
        kinds = {atom(kind): data for kind, data in offered.items()}
        self._point(*self._at)
        xtest.fake_input(self._display, X.ButtonPress, 1)
        press = self._until(lambda event: event.type == X.ButtonPress)
        self._window.set_selection_owner(atom("XdndSelection"), press.time)
        self._window.change_property(atom("XdndTypeList"), Xatom.ATOM, 32, list(kinds))
        first = [*kinds, 0, 0, 0][:3]
        self._tell(window, "XdndEnter", here, _VERSION << 24 | (len(kinds) > 3), *first)
        self._point(*at)
        where = at[0] << 16 | at[1]
        self._tell(window, "XdndPosition", here, 0, where, press.time, atom("XdndActionCopy"))
        status = self._until(lambda event: self._is(event, "XdndStatus"))
        xtest.fake_input(self._display, X.ButtonRelease, 1)
        release = self._until(lambda event: event.type == X.ButtonRelease)
        if not status.data[1][1] & 1:
            self._tell(window, "XdndLeave", here, 0, 0, 0, 0)
            return False
        self._tell(window, "XdndDrop", here, 0, release.time, 0, 0)
        finished = self._until(lambda event: self._is(event, "XdndFinished"), kinds)
        return bool(finished.data[1][1] & 1)

    def vanish_above(self, target: int) -> None:
        """Be over a window with something, and be gone when it answers. Nothing can be dragged afterwards."""
        window, atom = self._display.create_resource_object("window", target), self._display.intern_atom
        self._window.destroy()
        self._display.sync()
        self._tell(window, "XdndEnter", self._window.id, _VERSION << 24, atom(FILES), 0, 0)
        self._tell(window, "XdndPosition", self._window.id, 0, 0, 0, atom("XdndActionCopy"))
        self._display.sync()

    def _point(self, x: int, y: int) -> None:
        xtest.fake_input(self._display, X.MotionNotify, x=x, y=y)

    def _tell(self, window: Any, word: str, *values: int) -> None:
        kind = self._display.intern_atom(word)
        window.send_event(messages.ClientMessage(window=window, client_type=kind, data=(32, list(values))))
        self._display.flush()

    def _is(self, event: Any, word: str) -> bool:
        return event.type == X.ClientMessage and event.client_type == self._display.intern_atom(word)

    def _until(self, wanted: Any, kinds: Mapping[int, bytes] | None = None) -> Any:
        """The next event that is wanted; meanwhile whoever asks for what is dragged is given it."""
        end_s = time.monotonic() + _PATIENCE_S
        self._display.flush()
        while time.monotonic() < end_s:
            if not self._display.pending_events():
                time.sleep(0.002)
                continue
            event = self._display.next_event()
            if event.type == X.SelectionRequest and kinds is not None:
                self._give(event, kinds)
            elif wanted(event):
                return event
        raise AssertionError("what is dragged was not answered")

    def _give(self, asked: Any, kinds: Mapping[int, bytes]) -> None:
        data = kinds.get(asked.target)
        if data is not None:
            asked.requestor.change_property(asked.property, asked.target, 8, data)
        answer = messages.SelectionNotify(
            time=asked.time,
            requestor=asked.requestor,
            selection=asked.selection,
            target=asked.target,
            property=X.NONE if data is None else asked.property,
        )
        asked.requestor.send_event(answer)
        self._display.flush()

    def close(self) -> None:
        self._display.close()


@contextmanager
def drag_source(display: str) -> Iterator[DragSource]:
    """Such a window, gone afterwards."""
    source = DragSource(display)
    try:
        yield source
    finally:
        source.close()
