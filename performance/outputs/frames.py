"""The line from time to frames that audio and JACK outputs share."""

from __future__ import annotations

_NS_PER_S = 1_000_000_000
STALL_NS = 40_000_000  # callbacks wander by less; a device that stands still stands longer


class FrameLine:
    """Ties the frames of a stream to the monotonic clock: straight, at the nominal rate, so that what is a beat apart
    is the same number of frames apart, always. Drawn at the first block; drawn anew, and counted in `stalls`, where
    block and clock are further apart than `STALL_NS`: the device stood still, or the machine did.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.stalls = 0
        self._anchor: tuple[int, int] | None = None

    def begin_block(self, frame: int, now_ns: int) -> None:
        """Take note that the block that begins with `frame` is asked for at `now_ns`."""
        if self._anchor is not None:
            if abs(now_ns - self.ns_at(frame)) < STALL_NS:
                return
            self.stalls += 1
        self._anchor = (now_ns, frame)

    def frame_at(self, ns: int) -> int:
        """The frame that is due at a time."""
        anchor_ns, anchor_frame = self._anchor or (0, 0)
        return anchor_frame + round((ns - anchor_ns) * self.rate_hz / _NS_PER_S)

    def ns_at(self, frame: int) -> int:
        """The time at which a frame is due."""
        anchor_ns, anchor_frame = self._anchor or (0, 0)
        return anchor_ns + (frame - anchor_frame) * _NS_PER_S // self.rate_hz
