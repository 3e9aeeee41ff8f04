"""Playing in: takes that become clips in a folder, and two bars that the cursor goes to the nearest place for.

Begun from a standstill, a take hears a count-in and then the click alone; begun while the music plays, it plays on.
Files are written and places found in a thread, so that no disk and no encoder holds up a picture.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from performance.clock import NS_PER_MS, NS_PER_S, Clock, MonotonicClock
from performance.commands import MoveCursor, Play, StageCommand, Stop, StrikePad
from performance.cursor import Point
from performance.guests import placed
from performance.heard import Hit
from performance.recent import Excerpt
from performance.snapshot import Snapshot, TakeState
from performance.takes import Take
from rvae.card import read_card
from rvae.counts import several
from rvae.errors import RvaeError, UsageError, what_went_wrong
from rvae.kit import STANDARD_KIT, Kit
from rvae.measures import lean_ms, match
from rvae.midi import write_text
from rvae.model import Clip, Model
from rvae.pattern import Pattern

Purpose = Literal["clip", "find"]
KEYS = {"clip": "f12", "find": "f10"}
KEY_VELOCITY = 100
_TOLD_MS, _TOLD_STROKES = 5.0, 16  # so much early or late as a whole, in so many, is worth a word
_END_S = 5.0
_WAIT_NS = 4 * NS_PER_S
_SHOWN_NS = 3 * NS_PER_S
_FRESH_NS = NS_PER_S  # the engine tells how it stands each few milliseconds, unless it stands still
_CLOSE_F1, _NEAR_F1 = 0.8, 0.5


class TakeStage(Protocol):
    """What it needs of a stage."""

    @property
    def kit(self) -> Kit:
        """Its voices, with the notes that the player gives them."""

    @property
    def model(self) -> Model:
        """What is played."""

    def do(self, command: StageCommand) -> None:
        """Do what was asked."""

    def hush(self, is_hushed: bool) -> None:
        """Play rests instead of the pattern, or the pattern again."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a thread has done: a line for the player, its main words, clips for the plane, a place for the cursor.

    `seeks`: it was to find a place.
    """

    line: str
    word: str
    is_error: bool = False
    clips: tuple[Clip, ...] = ()
    point: Point | None = None
    seeks: bool = False


class PlayingIn:
    """`folder`: for the clips. `offset_ns`: how much later strokes are told than they are meant."""

    def __init__(self, stage: TakeStage, folder: Path, *, offset_ns: int = 0, clock: Clock | None = None) -> None:
        self._stage, self._folder, self._offset_ns = stage, folder, offset_ns
        self._clock = clock or MonotonicClock()
        self._take: Take | None = None
        self._purpose: Purpose = "clip"
        self._kit: Kit | None = None
        self._done: tuple[str, int] | None = None  # what came of it, and until when that is shown
        self._is_alone = False
        self._starts_by_ns: int | None = None  # the count-in waits for pads to be heard, but not for longer
        self._threads: list[threading.Thread] = []
        self._seeks = False  # a place is being looked for
        self._outcomes: list[_Outcome] = []
        self._news: list[tuple[str, bool]] = []
        self._clips: tuple[Clip, ...] = ()
        self._looked_ns = self._clock.now_ns()
        self._picture: Pattern | None = None
        self._picture_of: object = None

    @property
    def kit(self) -> Kit | None:
        """The kit that is struck; None while nothing is played in. It stays for a moment: hands play on."""
        return self._kit

    def news(self) -> list[tuple[str, bool]]:
        """Lines for the player since the last time, and whether each is a trouble."""
        news, self._news = self._news, []
        return news

    def clips(self) -> tuple[Clip, ...]:
        """What was played in since the last time, where it belongs on the plane."""
        clips, self._clips = self._clips, ()
        return clips

    def toggle(self, purpose: Purpose, snapshot: Snapshot) -> None:
        """Begin a take, or end it."""
        if self._take is not None and purpose != self._purpose:
            self._news.append((f"something is being played in already: {KEYS[self._purpose]} ends that", True))
        elif self._take is not None:
            self._take.end()
        elif self._seeks:
            self._news.append(("what was played last is still being looked for; once more in a moment", True))
        else:
            self._begin(purpose, snapshot)

    def _begin(self, purpose: Purpose, snapshot: Snapshot) -> None:
        model, from_start = self._stage.model, not snapshot.playing
        bars = model.bars if purpose == "find" else None
        self._purpose, self._is_alone = purpose, from_start
        self._kit, self._done = self._stage.kit, None
        self._take = Take(self._kit, from_start=from_start, bars=bars, offset_ns=self._offset_ns)
        if from_start:
            self._stage.hush(True)
            self._starts_by_ns = self._clock.now_ns() + _WAIT_NS
        begins = "after the count-in" if from_start else "with the next bar"
        what = f"a take begins {begins}; {KEYS[purpose]} ends it"
        self._news.append(
            (what if bars is None else f"play {several(bars, 'bar')}, {begins}: the cursor goes to them", False)
        )

    def strike(self, voice: int, velocity: int) -> None:
        """A voice is struck by a key, which is told with the frame: somewhere between the last one and now."""
        if self._kit is not None and voice < len(self._kit):
            at_ns = (self._looked_ns + self._clock.now_ns()) // 2
            if self._take is not None:
                self._take.strike(self._kit.voices[voice].pitch_read, velocity, at_ns)
            self._sound(self._kit.names[voice], velocity, at_ns)

    def _sound(self, voice: str, velocity: int, at_ns: int) -> None:
        """By its name: what is played may be another model than when the take began, which may not have it."""
        names = self._stage.kit.names
        if voice in names:
            self._stage.do(StrikePad(names.index(voice), velocity, at_ns))

    def hear(self, hits: Sequence[Hit]) -> None:
        """Pads are struck. One that does something else too is no drum."""
        if self._kit is None:
            return
        for hit in hits:
            if not hit.is_mapped:
                if self._take is not None:
                    self._take.strike(hit.pitch, hit.velocity, hit.at_ns)
                row = self._kit.row_of_pitch(hit.pitch)
                if row is not None and not hit.has_sounded:
                    self._sound(self._kit.names[row], hit.velocity, hit.at_ns)

    def step(self, snapshot: Snapshot, *, is_heard: bool) -> Snapshot:
        """Go on with the take; the snapshot with how it stands. For every frame. `is_heard`: whether pads are."""
        self._looked_ns = self._clock.now_ns()
        if self._starts_by_ns is not None and (is_heard or self._looked_ns >= self._starts_by_ns):
            self._starts_by_ns = None
            self._stage.do(Play(count_in_bars=round(snapshot.controls["count_in"])))
        # After a machine has slept the engine says a little later than we look where the music goes on.
        is_fresh = self._looked_ns - snapshot.status.now_ns < _FRESH_NS
        if self._take is not None and (is_fresh or not snapshot.engine_lives):
            self._take.follow(snapshot.status.transport, self._looked_ns)
            if self._take.is_over:
                take, self._take = self._take, None
                self._finish(take)
        while self._outcomes:
            self._come_out(self._outcomes.pop(0))
        if self._done is not None and self._looked_ns >= self._done[1]:
            self._kit = self._done = None
        return self._shown(replace(snapshot, take=self._state()))

    def _shown(self, snapshot: Snapshot) -> Snapshot:
        """From a standstill the lanes show what is struck: the pattern of the place is not heard."""
        take = self._take
        if take is None or not self._is_alone:
            return snapshot
        key = (take, take.strokes, take.place and take.place.bar)
        if key != self._picture_of:
            self._picture_of, self._picture = key, take.shown(self._stage.model.bars)
        if self._picture is None or self._picture.meter != snapshot.meter:
            return snapshot
        if self._picture.kit.names != snapshot.kit.names:  # another model has been opened meanwhile
            return snapshot
        return replace(snapshot, pattern=self._picture, probability=self._picture.onset.astype("float32"))

    def _state(self) -> TakeState | None:
        take = self._take
        if self._done is not None:
            return TakeState(self._purpose, "done", text=self._done[0])
        if take is None:
            return None if self._kit is None else TakeState(self._purpose, "thinks")
        place, of_bars = take.place, self._stage.model.bars if self._purpose == "find" else 0
        if place is None:
            return TakeState(self._purpose, "counts", of_bars=of_bars)
        phase: Literal["counts", "runs", "ends"] = (
            "counts" if not take.has_begun else "ends" if take.is_ending else "runs"
        )
        return TakeState(self._purpose, phase, place.beat + 1, place.bar + 1, of_bars, take.strokes)

    def _finish(self, take: Take) -> None:
        self._starts_by_ns = None
        if self._is_alone and (self._purpose == "clip" or not take.strokes):
            self._stage.do(Stop())
            self._stage.hush(False)
        if not take.strokes:
            self._end("nothing was struck")
            self._news.append(("nothing was struck: " + _NOTHING[self._purpose], False))
            return
        work: Callable[[Excerpt, Model, Take], _Outcome] = self._keep if self._purpose == "clip" else self._find
        model, lost = self._stage.model, _LOST[self._purpose]
        is_same = take.kit.names == model.kit.names  # or another model has been opened meanwhile
        model = replace(model, kit=take.kit if is_same else self._stage.kit)
        self._seeks = seeks = self._purpose == "find"

        def run() -> None:
            try:
                if (excerpt := take.excerpt()) is None:
                    raise UsageError("nothing was struck")
                outcome = work(excerpt, model, take)
            except Exception as error:  # noqa: BLE001  # the pattern is silent until something comes out, whatever that is
                outcome = _Outcome(f"what was played in {lost}: {what_went_wrong(error)}", lost, is_error=True)
            self._outcomes.append(replace(outcome, seeks=seeks))

        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=run, name="playing-in", daemon=True))
        self._threads[-1].start()

    def _end(self, word: str) -> None:
        self._done = word, self._clock.now_ns() + _SHOWN_NS

    def _come_out(self, outcome: _Outcome) -> None:
        if self._take is None:  # otherwise the next one runs already
            self._end(outcome.word)
        self._news.append((outcome.line, outcome.is_error))
        self._clips += outcome.clips
        if outcome.point is not None:
            self._stage.do(MoveCursor(*outcome.point))
        if outcome.seeks:
            self._seeks = False
            if self._is_alone:
                self._stage.hush(False)  # the answer begins

    def _keep(self, excerpt: Excerpt, model: Model, take: Take) -> _Outcome:
        """Write a clip, and a card and the kit where there are none; read it as everybody will."""
        from rvae.carding import write_card  # what reads and describes clips is not needed before there is one
        from rvae.corpus import read_corpus

        self._folder.mkdir(parents=True, exist_ok=True)
        file = _free_name(self._folder)
        excerpt.write(file, name=file.stem)
        word = f"{several(excerpt.bars, 'bar')}, {several(take.strokes, 'stroke')}"
        said, word = [f"{file}: {word}"], f"kept: {word}"
        if take.early or take.late:
            said.append(f"{several(take.early + take.late, 'stroke')} before or after it are not in it")
        if take.unread:
            pitches = ", ".join(map(str, sorted(take.unread)))
            said.append(f"no voice reads {several(take.unread.total(), 'stroke')} of it (notes {pitches})")
        try:
            if read_card(self._folder) is None:
                write_card(self._folder, {"name": self._folder.resolve().name, "description": "played in with rvae"})
            with_kit = ""
            if model.kit != STANDARD_KIT:
                kit = self._folder / "kit.toml"
                with_kit = f" --kit {kit}"
                if not kit.exists():
                    write_text(kit, model.kit.to_toml())
            corpus = read_corpus(file, bars=model.bars, kit=model.kit)
            clips, _ = placed(corpus, model)
        except (RvaeError, OSError) as error:
            return _Outcome("; ".join([*said, str(error)]), word, is_error=True)
        leans = lean_ms(corpus.patterns)
        if abs(leans) >= _TOLD_MS and take.strokes >= _TOLD_STROKES:
            side = "late" if leans > 0 else "early"
            offset_ms = leans + self._offset_ns / NS_PER_MS
            said.append(f"{abs(leans):.0f} ms {side} as a whole: if all takes are, --offset pads={offset_ms:.0f}")
        return _Outcome("; ".join([*said, f"learn it: rvae train {self._folder}{with_kit}"]), word, clips=clips)

    def _find(self, excerpt: Excerpt, model: Model, _take: Take) -> _Outcome:
        """The place for what was played, read as a clip of it would be. Raises RvaeError, OSError."""
        from rvae.corpus import read_corpus

        with tempfile.TemporaryDirectory(prefix="rvae-") as folder:
            file = Path(folder) / "played.mid"
            excerpt.write(file)
            patterns = read_corpus(file, bars=model.bars, kit=model.kit).patterns
        if not patterns:
            raise UsageError("no voice reads what was struck; see docs/kits.md")
        x, y = (float(min(1.0, max(0.0, part))) for part in model.encode(patterns[:1])[0])
        near = match(model.pattern((x, y), meter=patterns[0].meter), patterns[0]).onset_f1
        how = "close" if near >= _CLOSE_F1 else "near" if near >= _NEAR_F1 else "far"
        word = f"found, {how}: {near:.0%} of the onsets agree"
        return _Outcome(f"{word}; z goes back", word, point=(x, y))

    def close(self) -> None:
        """Wait a moment for what is being written."""
        if self._take is not None:
            self._take.stop()
            take, self._take = self._take, None
            if self._purpose == "clip":
                self._is_alone = False
                self._finish(take)
        for thread in self._threads:
            thread.join(_END_S)


_NOTHING: dict[Purpose, str] = {"clip": "no clip is kept", "find": "the cursor stays"}
_LOST: dict[Purpose, str] = {"clip": "is not kept", "find": "is not found"}


def _free_name(folder: Path) -> Path:
    name = datetime.now().astimezone().strftime("take-%Y-%m-%d-%H%M%S")
    number, file = 1, folder / f"{name}.mid"
    while file.exists():
        number += 1
        file = folder / f"{name}-{number}.mid"
    return file
