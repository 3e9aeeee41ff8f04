"""The line from time to frames that audio and JACK outputs share."""

from __future__ import annotations

_NS_PER_S = 1_000_000_000
STALL_NS = 40_000_000  # callbacks wander by less; a device that stands still stands longer
DRIFT_NS = 1_000_000
_LOOK_S = 10


class FrameLine:
    """Ties the frames of a stream to the monotonic clock: straight, at the nominal rate, so that what is a beat apart
    is the same number of frames apart, always. Drawn at the first block; drawn anew, and counted in `stalls`, where
    block and clock are further apart than `STALL_NS`: the device stood still, or the machine did.

    The clock of a sound card goes a few seconds a day wrong. Every ten seconds the line is laid against the block that
    came soonest (a callback is late, never early), and moved where that is more than a millisecond from where it was at
    first; counted in `moves`.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.stalls = 0
        self.moves = 0
        self._anchor: tuple[int, int] | None = None
        self._looked, self._soonest_ns = 0, STALL_NS
        self._usual_ns: int | None = None

    def begin_block(self, frame: int, now_ns: int) -> None:
        """Take note that the block that begins with `frame` is asked for at `now_ns`."""
        if self._anchor is None:
            self._draw(frame, now_ns)
        late_ns = now_ns - self.ns_at(frame)
        if abs(late_ns) >= STALL_NS:
            self.stalls += 1
            self._draw(frame, now_ns)
            return
        self._soonest_ns = min(self._soonest_ns, late_ns)
        if frame - self._looked >= _LOOK_S * self.rate_hz:
            self._follow_drift(frame)

    @property
    def ties(self) -> int:
        """How often time was tied to the frames anew."""
        return self.stalls + self.moves

    def _draw(self, frame: int, now_ns: int) -> None:
        self._anchor = (now_ns, frame)
        self._looked, self._soonest_ns = frame, STALL_NS
        self._usual_ns = None

    def _follow_drift(self, frame: int) -> None:
        if self._usual_ns is None:
            self._usual_ns = self._soonest_ns
        drift_ns = self._soonest_ns - self._usual_ns
        if abs(drift_ns) > DRIFT_NS and self._anchor is not None:
            self._anchor = (self._anchor[0] + drift_ns, self._anchor[1])
            self.moves += 1
        self._looked, self._soonest_ns = frame, STALL_NS

    def frame_at(self, ns: int) -> int:
        """The frame that is due at a time."""
        anchor_ns, anchor_frame = self._anchor or (0, 0)
        return anchor_frame + round((ns - anchor_ns) * self.rate_hz / _NS_PER_S)

    def ns_at(self, frame: int) -> int:
        """The time at which a frame is due."""
        anchor_ns, anchor_frame = self._anchor or (0, 0)
        return anchor_ns + (frame - anchor_frame) * _NS_PER_S // self.rate_hz
