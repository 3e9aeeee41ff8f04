"""Ableton Link: tempo, phase and start/stop shared with everyone on the network; an optional extra, loaded late.

The bindings are copyleft, so rvae works without them and never carries them: `pip install "rvae[link]"`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from performance.clock import ahead_ns
from performance.leader import Aim, News, Said, Started, Stopped
from performance.transport import Transport
from rvae.errors import OutputError

_FIRST_QPM = 120.0  # until the player or a peer says otherwise
_NS_PER_US = 1000


class LinkLeader:
    """The session as a leader. Its quantum is the bar of the meter in force, in quarters: 3 in 6/8, 3.5 in 7/8.

    Raises OutputError where the extra is not installed.
    """

    def __init__(self) -> None:
        try:
            import link
        except ImportError:
            raise OutputError('Link: not installed; `pip install "rvae[link]"` brings it') from None
        self._link: Any = link.Link(_FIRST_QPM)
        self._link.startStopSyncEnabled = True
        self._link.enabled = True
        self._peers = 0
        self._playing = False
        self._ahead_us = 0
        self._compare_clocks()

    def _compare_clocks(self) -> None:
        # Link's clock is another than ours and runs a little differently.
        self._ahead_us = ahead_ns(lambda: int(self._link.clock().micros()) * _NS_PER_US) // _NS_PER_US

    def _us(self, ns: int) -> int:
        return ns // _NS_PER_US + self._ahead_us

    def _ns(self, us: int) -> int:
        return (us - self._ahead_us) * _NS_PER_US

    def poll(self, now_ns: int, bar_quarters: Fraction) -> list[News]:
        """Peers that came and went; whether the session started or stopped."""
        self._compare_clocks()
        news: list[News] = []
        peers = self._link.numPeers()
        if peers != self._peers:
            self._peers = peers
            news.append(Said(f"Link: {peers or 'no'} other{'' if peers == 1 else 's'}, {self._tempo}"))
        state = self._link.captureAppSessionState()
        if state.isPlaying() != self._playing:
            self._playing = state.isPlaying()
            begun_ns = self._ns(state.timeForIsPlaying())
            news.append(self.entry(max(begun_ns, now_ns), bar_quarters) if self._playing else Stopped())
        return news

    def aim(self, transport: Transport | None, quarters: Fraction) -> Aim | None:
        """The session's tempo; and where it is in its bar when we are at `quarters`, the short way round."""
        state = self._link.captureAppSessionState()
        if transport is None:
            return Aim(state.tempo(), None)
        place = transport.bars.place_at(quarters)
        bar = float(place.meter.bar_quarters)
        theirs = state.phaseAtTime(self._us(transport.ns_at(quarters)), bar)
        ahead = theirs - float(place.meter.quarters_at(place.ticks))
        return Aim(state.tempo(), (ahead + bar / 2) % bar - bar / 2)

    def entry(self, earliest_ns: int, bar_quarters: Fraction) -> Started:
        """The session's next downbeat."""
        state, bar = self._link.captureAppSessionState(), float(bar_quarters)
        bars = math.ceil(state.beatAtTime(self._us(earliest_ns), bar) / bar - 1e-6)
        return Started(self._ns(state.timeAtBeat(bars * bar, bar)), Fraction(0))

    def player_did(self, now_ns: int, *, qpm: Fraction | None = None, playing: bool | None = None) -> None:
        """Tell the others."""
        state = self._link.captureAppSessionState()
        if qpm is not None:
            state.setTempo(float(qpm), self._us(now_ns))
        if playing is not None and playing != self._playing:
            self._playing = playing
            state.setIsPlaying(playing, self._us(now_ns))
        self._link.commitAppSessionState(state)

    @property
    def _tempo(self) -> str:
        return f"{self._link.captureAppSessionState().tempo():.1f} quarters a minute"

    @property
    def state(self) -> str:
        """How many play along, and how fast."""
        return f"Link with {self._peers}, {self._tempo}"

    def close(self) -> None:
        """Leave the session."""
        self._link.enabled = False
