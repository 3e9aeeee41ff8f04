"""The library of X, where it may show the window."""

from __future__ import annotations

import ctypes
import os
import sys


def x11() -> ctypes.CDLL | None:
    """The same library that SDL loads; None where there is no X."""
    if not sys.platform.startswith("linux") or not os.environ.get("DISPLAY"):
        return None
    try:
        return ctypes.CDLL("libX11.so.6")
    except OSError:
        return None


def is_managed(driver: str) -> bool:
    """Whether somebody manages the windows of the screen that SDL's video driver draws on, and makes them as large as
    they ask to be. Under X without a window manager nobody does.

    Extended Window Manager Hints: `_NET_SUPPORTING_WM_CHECK` of the root window.
    """
    library = x11() if driver == "x11" else None
    if library is None:
        return True
    library.XOpenDisplay.restype = ctypes.c_void_p
    library.XDefaultRootWindow.restype = library.XInternAtom.restype = ctypes.c_ulong
    screen = ctypes.c_void_p(library.XOpenDisplay(None))
    if not screen:
        return True
    kind, count, left, found = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_void_p()
    root = ctypes.c_ulong(library.XDefaultRootWindow(screen))
    atom = ctypes.c_ulong(library.XInternAtom(screen, b"_NET_SUPPORTING_WM_CHECK", 0))
    told = (ctypes.byref(kind), ctypes.byref(ctypes.c_int()), *map(ctypes.byref, (count, left, found)))
    library.XGetWindowProperty(screen, root, atom, ctypes.c_long(0), ctypes.c_long(1), 0, ctypes.c_ulong(0), *told)
    if found:
        library.XFree(found)
    library.XCloseDisplay(screen)
    return count.value > 0
