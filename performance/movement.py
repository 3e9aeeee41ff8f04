"""Movement: all that moves the cursor over time, one over the other.

A hand or a path puts it somewhere; a motion takes it there or goes on by itself; gestures are added; where four scenes
are mixed, the place it has is one between their corners. A morph has it from end to end.
"""

from __future__ import annotations

from dataclasses import replace

from performance.cursor import Path, Point, on_plane
from performance.gestures import MOST_LAYERS, SPEEDS, Taking, added
from performance.motion import Manner, Moment, Motion
from performance.scenes import Morph, Scene, corner_mix, nearest_mix
from performance.settings import Settings
from rvae.errors import UsageError

_HELD_UP_BARS = 0.5


class Movement:
    """Where the cursor is and goes. `shown`: where it is seen; it is heard where the settings have it, which is ahead
    of a jump that has not landed. `when`: the moment it has come to.
    """

    def __init__(self, point: Point, path: Path | None = None, *, mixes: bool = False) -> None:
        self.shown = point
        self._motion = Motion.at_rest(point)
        self._path = path
        self._taking: Taking | None = None
        self._morph: Morph | None = None
        self._mixes = mixes
        self._manner = Manner()
        self.when = Moment(0.0, None)
        self._bars = 0.0

    @property
    def mark(self) -> object:
        """Equal as long as no hand did anything here."""
        return self._motion.hand, self._morph, self._path

    @property
    def is_taking(self) -> bool:
        """Whether a gesture is being recorded."""
        return self._taking is not None

    @property
    def morphing(self) -> Morph | None:
        """The morph under way, if any."""
        return self._morph

    @property
    def morph_left(self) -> Morph | None:
        """The morph under way as if it were bar 0 now, for `go_on`."""
        return None if self._morph is None else self._morph.moved(-self._bars)

    def held(self, manner: Manner) -> Point:
        """What a hand would take hold of: the place without gestures, or in the mix."""
        return self._motion.held(manner)

    def put(self, point: Point, manner: Manner) -> None:
        """A hand puts it somewhere."""
        self._path = self._morph = None
        self._take_manner(manner)
        self._motion = self._motion.put(point, manner, self.when)

    def set_down(self, point: Point, *, mixes: bool = False) -> None:
        """It is there, at once; `mixes`: in the square of four scenes. Otherwise a mix begins anew from there."""
        self._path = self._morph = None
        self._motion = Motion.at_rest(point, self.when.bars)
        self._mixes = mixes

    def let_go(self) -> None:
        """End a morph where it is."""
        self._morph = None

    def morph(self, start: Scene, end: Scene, bars: float) -> bool:
        """Go from one scene to another over so many bars; False where nothing plays and it has to be at once."""
        if self.when.bars is None or bars <= 0:
            return False
        self._path = None
        self._morph = Morph(start, end, self.when.bars, bars)
        return True

    def go_on(self, left: Morph | None) -> None:
        """Go on with a morph from where it was left."""
        self._morph = None if left is None else left.moved(self._bars)

    def take_gesture(self, settings: Settings) -> Settings:
        """Begin to record a gesture, or end it: then it goes round. Raises UsageError while nothing plays."""
        bars = self.when.bars
        if self._taking is not None:
            return self._close_gesture(settings)
        if bars is None:
            raise UsageError("a gesture is recorded in musical time: play first, then record it")
        if len(settings.layers) >= MOST_LAYERS:
            raise UsageError(f"there are {MOST_LAYERS} gestures, which is as many as can be; let one go first")
        self._taking = Taking.begun(self._motion.point, bars)
        return settings

    def _close_gesture(self, settings: Settings) -> Settings:
        taking, self._taking = self._taking, None
        gesture = None if taking is None else taking.closed(self._bars)
        if taking is None or gesture is None:
            return settings
        first = taking.keys[0]
        self._motion = Motion.at_rest((first.x, first.y), self.when.bars)
        return replace(settings, layers=(*settings.layers, gesture))

    def step(self, settings: Settings, when: Moment) -> Settings:
        """A moment later: the settings with the cursor where it is then, and all that goes with it.

        Raises UsageError where the scenes of the mix are not there.
        """
        # A little back: the engine was held up and waited, or follows a leader.
        began_anew = when.bars is not None and when.bars < self._bars - _HELD_UP_BARS
        if self._taking is not None and (when.bars is None or began_anew or self._taking.is_full(when.bars)):
            settings = self._close_gesture(settings)
        if self._morph is not None and when.bars is not None and (self.when.bars is None or began_anew):
            self._morph = self._morph.moved(when.bars - self._bars)  # it stood while the music did, and goes on
        self.when, self._bars = when, self._bars if when.bars is None else when.bars
        if self._path is not None and when.bars is not None:
            self._motion = Motion.at_rest(on_plane(*self._path.at(when.bars)), when.bars)
        if self._morph is not None:
            return self._morphed(settings, self._morph)
        mixes = settings.controls["mix"] >= 0.5
        if mixes and not self._mixes:
            self._motion = Motion.at_rest(nearest_mix(settings.scenes, settings.cursor, settings.meter), when.bars)
        elif self._mixes and not mixes:
            self._motion = Motion.at_rest(settings.cursor, when.bars)
        self._mixes = mixes
        return self._moved(settings, when)

    def _morphed(self, settings: Settings, morph: Morph) -> Settings:
        ended, scene = morph.has_ended(self._bars), morph.at(self._bars)
        between = replace(settings.with_sound(scene), meter=scene.meter, hand=None)
        settings = settings.with_scene(scene) if ended else between
        if ended:
            self._morph = None
        self._motion = Motion.at_rest(scene.cursor, self.when.bars)
        self.shown = scene.cursor
        return settings

    def _moved(self, settings: Settings, when: Moment) -> Settings:
        manner = settings.manner
        self._take_manner(manner)
        self._motion = self._motion.moved(manner, when)
        if self._taking is not None and when.bars is not None:
            self._taking = self._taking.with_place(self._motion.point, when.bars)
        shown, heard = (
            self._with_gestures(place, settings) for place in (self._motion.point, self._motion.heading(manner))
        )
        if self._mixes:
            mix = corner_mix(settings.scenes, heard, settings.meter)
            self.shown = corner_mix(settings.scenes, shown, settings.meter).cursor
            return replace(settings.with_sound(mix), hand=self._motion.held(manner))
        self.shown = shown
        held = self._motion.held(manner)
        hand = None if held == heard else held
        same = (heard, hand) == (settings.cursor, settings.hand)
        return settings if same else replace(settings, cursor=heard, hand=hand)

    def _take_manner(self, manner: Manner) -> None:
        """Where it moves otherwise now, it goes on from where it is; a new size only bends the way that is gone."""
        old, self._manner = self._manner, manner
        if (old.kind, old.round_bars, old.seed) != (manner.kind, manner.round_bars, manner.seed):
            self._motion = Motion.at_rest(self._motion.point, self.when.bars)

    def _with_gestures(self, place: Point, settings: Settings) -> Point:
        if not settings.layers:
            return place
        size, speed = settings.controls["gesture_size"], SPEEDS[round(settings.controls["gesture_speed"])]
        return added(place, settings.layers, self._bars, size=size, speed=speed)
