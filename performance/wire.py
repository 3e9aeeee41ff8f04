"""A line between two processes that never makes either wait: whole pickled values over a socket pair."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
from typing import Any

_LENGTH = struct.Struct("<I")
_CHUNK = 1 << 16


class WireFull(Exception):  # noqa: N818  # it says how things stand
    """The other side has not read for so long that no more is kept for it."""


class Wire:
    """One end. What cannot be sent at once is kept, up to `capacity` bytes, and sent with a later call.

    Both ends are ours: the socket pair has no address that a stranger could reach, so pickle is safe here.
    """

    def __init__(self, end: socket.socket, capacity: int = 4_000_000) -> None:
        end.setblocking(False)
        self._socket = end
        self._capacity = capacity
        self._out = bytearray()
        self._in = bytearray()
        self.is_closed = False

    def fileno(self) -> int:
        """For `select`."""
        return self._socket.fileno()

    @property
    def is_clear(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._out

    def send(self, value: object) -> None:
        """Send a value, or keep it for later. Raises WireFull; to a closed end it does nothing."""
        packed = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        if len(self._out) + len(packed) > self._capacity:
            raise WireFull
        self._out += _LENGTH.pack(len(packed)) + packed
        self.flush()

    @property
    def has_more(self) -> bool:
        """Whether values have come in that `receive` has not given yet, because of its limit."""
        if len(self._in) < _LENGTH.size:
            return False
        (length,) = _LENGTH.unpack_from(self._in)
        return len(self._in) >= _LENGTH.size + int(length)

    def flush(self) -> None:
        """Send as much of what is kept as goes now."""
        try:
            while self._out and not self.is_closed:
                del self._out[: self._socket.send(memoryview(self._out)[:_CHUNK].tobytes())]
        except BlockingIOError:
            pass
        except OSError:
            self.is_closed = True

    def receive(self, limit: int = 64) -> list[Any]:
        """The values that have come in whole, `limit` at most; `is_closed` tells when the other end has gone."""
        self._read()
        values: list[Any] = []
        while len(self._in) >= _LENGTH.size and len(values) < limit:
            (length,) = _LENGTH.unpack_from(self._in)
            if len(self._in) < _LENGTH.size + length:
                break
            values.append(pickle.loads(self._in[_LENGTH.size : _LENGTH.size + length]))
            del self._in[: _LENGTH.size + length]
        return values

    def _read(self) -> None:
        # A flood is left in the socket, where it holds up its sender and not us.
        with contextlib.suppress(BlockingIOError):
            while len(self._in) < self._capacity:
                try:
                    data = self._socket.recv(_CHUNK)
                except BlockingIOError:
                    return
                except OSError:
                    data = b""
                if not data:
                    self.is_closed = True
                    return
                self._in += data

    def close(self) -> None:
        """Let the line go. May be called twice."""
        self.is_closed = True
        self._socket.close()
