"""What `rvae play` puts together: model, engine, stage, and a window or a path."""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.context import BaseContext
from pathlib import Path as FilePath

from performance.bundled import bundled_model, trained_model
from performance.clock import NS_PER_MS
from performance.commands import SetControl, SetKit, StartRecording
from performance.cursor import Path, read_path
from performance.desk import Desk
from performance.hands import Hands
from performance.holding import Holds
from performance.kit_editor import KitEditor
from performance.learning import Learning
from performance.mapping_file import read_mappings, read_preset
from performance.midi_in import MidiIn
from performance.offers import first_point, usual_bpm
from performance.offsets import given_offset, keep_offsets, offset_name, pads_ms, read_offsets
from performance.opening import Opened
from performance.osc_input import DEFAULT_PORT, CursorEcho, OscInput
from performance.outputs.audio import start_speaker
from performance.own_kits import OwnKits, kit_asked, kits_folder
from performance.playing_in import PlayingIn
from performance.process import EngineProcess
from performance.recents import remember
from performance.resuming import named, opened, settings_for, unnamed
from performance.session import Keeper, Session, clips_of, guests_of
from performance.settings import Settings
from performance.specs import LeaderSpec, OutputSpec
from performance.stage import Stage
from performance.telling import ENGINE_GONE
from rvae.errors import OutputError, UsageError
from rvae.meter import Meter
from rvae.model import Model, load

Say = Callable[[str], None]
_LIVE_OPTIONS = ("session", "takes", "preset", "offset", "clock_out", "clock_in", "link", "osc_in", "audio")
_HEADLESS_BARS = 16
TAKES = "takes"  # the folder's name, beside recordings, where none is given


def clips_name(paths: Sequence[str]) -> str:
    """What is played is called by the clips that it is learned from: by the first folder, also where that is `.`."""
    return FilePath(paths[0]).resolve().name


def _load(arguments: argparse.Namespace, say: Say, learning: Learning | None = None) -> tuple[Opened, Meter]:
    """The model, and the meter to begin with."""
    if learning is not None:
        found = Opened(None, clips_name(arguments.train), learning.sketched)
    elif arguments.train:
        found = Opened(None, clips_name(arguments.train), trained_model(arguments.train, say, arguments.kit))
    elif arguments.model is None:
        model, file = bundled_model(say)
        found = Opened(file, "bundled corpora", model)
    else:
        file = FilePath(arguments.model).absolute()
        found = Opened(file, file.stem, load(arguments.model))
    meter = Meter.parse(arguments.meter) if arguments.meter else found.model.meter
    found.model.space(meter.beats)  # raises where that number of beats was not learned
    return found, meter


def _specs(arguments: argparse.Namespace) -> list[OutputSpec]:
    """The outputs that were asked for. Raises UsageError for an address that is none."""
    from performance.outputs.osc import parse_address

    for address in arguments.osc:
        parse_address(address)
    _check_names(arguments)
    specs = [OutputSpec("midi", name) for name in arguments.midi]
    specs += [OutputSpec("virtual", arguments.virtual)] if arguments.virtual else []
    specs += [OutputSpec("osc", address) for address in arguments.osc]
    return specs


def _synced(arguments: argparse.Namespace, specs: Sequence[OutputSpec]) -> list[OutputSpec]:
    """The same outputs, with `--clock-out` and `--offset`. Raises UsageError for a name that is none of theirs."""
    found = list(specs)

    def rows(option: str, name: str) -> list[int]:
        near = [row for row, spec in enumerate(specs) if name.lower() in (spec.kind, *_names(spec))]
        near = near or [row for row, spec in enumerate(specs) if any(name.lower() in own for own in _names(spec))]
        if option == "--clock-out":
            near = [row for row in near if specs[row].kind in ("midi", "virtual")]
        if not near:
            there = ", ".join(spec.name or spec.kind for spec in specs) or "none"
            raise UsageError(f"{option} {name}: no such output; those asked for are: {there}")
        return near

    for name in arguments.clock_out:
        for row in rows("--clock-out", name):
            found[row] = replace(found[row], sends_clock=True)
    for text in arguments.offset:
        name, offset_ms = given_offset(text)
        for row in rows("--offset", name):
            found[row] = replace(found[row], offset_ms=offset_ms)
    return found


def _placed(arguments: argparse.Namespace, specs: Sequence[OutputSpec], say: Say) -> list[OutputSpec]:
    """The same outputs with all that `_synced` gives them, and the offsets that were kept where none is given now.

    What is given now is kept.
    """
    kept = read_offsets(say)
    before = [replace(spec, offset_ms=kept.get(offset_name(spec), 0.0)) for spec in specs]
    found = _synced(arguments, before)
    for was, spec in zip(before, found, strict=True):
        if was.offset_ms and spec.offset_ms == was.offset_ms:
            say(
                f"{offset_name(spec)}: {spec.offset_ms:+g} ms, as kept; --offset '{spec.name or spec.kind}=0' ends that"
            )
    if arguments.offset:
        keep_offsets({**kept, **{offset_name(spec): spec.offset_ms for spec in found}}, say)
    return found


def _leader(arguments: argparse.Namespace) -> LeaderSpec | None:
    """Whom to follow. Raises UsageError for two at once."""
    if arguments.clock_in and arguments.link:
        raise UsageError("--clock-in and --link: two leaders cannot be followed; leave one out")
    if arguments.link:
        return LeaderSpec("link")
    return LeaderSpec("midi", arguments.clock_in) if arguments.clock_in else None


def _names(spec: OutputSpec) -> tuple[str, ...]:
    """What an output is called: its kind stands for all of that kind, and every MIDI port is `midi`."""
    return (spec.name.lower(), "midi" if spec.kind == "virtual" else spec.kind)


def _check_names(arguments: argparse.Namespace) -> None:
    """A port or device that was asked for by name and is not there is said at once, not in the middle of a set."""
    from performance.devices import find_devices

    if not arguments.midi and not arguments.audio:
        return
    found = find_devices()
    for what, names, there in (
        ("--midi", arguments.midi, found.midi + found.jack),
        ("--audio", [arguments.audio] if arguments.audio else [], found.audio),
    ):
        for name in names:
            if not any(name.lower() in known.lower() for known in there):
                raise UsageError(
                    f"{what} {name}: no such name; there are: {', '.join(there) or 'none at all'}; see rvae devices"
                )


def _check_folders(arguments: argparse.Namespace) -> None:
    """A folder for recordings or takes that cannot be one is said at once, not after the set."""
    for option, name in (("--record", arguments.record), ("--takes", arguments.takes)):
        if name:
            _check_folder(option, name)


def _check_folder(option: str, name: str) -> None:
    try:
        FilePath(name).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=name):
            pass
    except OSError as error:
        raise UsageError(f"{option} {name}: cannot be written to ({error.strerror}); choose another folder") from None


def _listen(port: int | None, model: Model, say: Say) -> OscInput | None:
    """OSC in; the usual port may be busy, one that was asked for may not."""
    if port == 0:
        return None
    if port is not None and not 1 <= port <= 65535:
        raise UsageError(f"--osc-in {port}: a port is 1 to 65535, 0 for none; choose another")
    try:
        return OscInput(port or DEFAULT_PORT, model.kit)
    except OutputError as error:
        if port is not None:
            raise UsageError(str(error)) from None
        say(f"{error}; playing without it")
        return None


def _stage(
    arguments: argparse.Namespace,
    loaded: tuple[Opened, Meter],
    specs: Sequence[OutputSpec],
    path: Path | None,
    say: Say,
    learning: Learning | None = None,
    settings: Settings | None = None,
    keeper: Keeper | None = None,
    context: BaseContext | None = None,
    speaker: socket.socket | None = None,
    strikes: socket.socket | None = None,
) -> Stage:
    found, meter = loaded
    model, name = found.model, found.name
    listener = _listen(arguments.osc_in, model, say)
    pattern = model.pattern(path.at(0) if path else first_point(model, meter), meter=meter)
    recordings = arguments.record or arguments.output
    engine = EngineProcess(
        pattern,
        specs,
        leader=_leader(arguments),
        recordings=recordings,
        context=context,
        speaker=speaker,
        strikes=strikes,
    )
    if arguments.record:
        engine.do(StartRecording())
    return Stage(
        model,
        engine,
        name=name,
        meter=meter,
        bpm=arguments.bpm,
        density=arguments.density,
        osc_in=listener,
        echo=CursorEcho(),
        path=path,
        learning=learning,
        settings=settings,
        keeper=keeper,
    )


def _desk(
    arguments: argparse.Namespace,
    stage: Stage,
    say: Say,
    strikes: socket.socket,
    context: BaseContext | None = None,
    file: FilePath | None = None,
    guests: Sequence[str] = (),
) -> Desk:
    """The stage with hands on it, as presets, kept mappings and `--midi-in` have them, and a place for takes."""
    presets = [read_preset(FilePath(name), say) for name in arguments.preset]
    for preset in presets:
        for name, value in preset.controls.items():
            stage.do(SetControl(name, value))
    mappings = [mapping for preset in presets for mapping in preset.mappings]
    hands = Hands(MidiIn(strikes, context), asked=arguments.midi_in, preset=mappings, kept=read_mappings(say))
    takes = FilePath(arguments.takes) if arguments.takes else FilePath(arguments.record or arguments.output) / TAKES
    playing_in = PlayingIn(stage, takes, offset_ns=round(arguments.pads_ms * NS_PER_MS))
    if arguments.kit and not arguments.train:  # what is learned has it already
        stage.do(SetKit(kit_asked(arguments.kit, stage.model.kit, say)))
    editor = KitEditor(OwnKits(kits_folder()))
    return Desk(
        stage,
        hands,
        file=str(file or ""),
        guests=guests,
        playing_in=playing_in,
        editor=editor,
        offsets_ms=read_offsets(say),
    )


def _go_on(arguments: argparse.Namespace, kept: Session) -> None:
    """Take the model or the clips of a session, where no others are given."""
    if arguments.model is None and not arguments.train:
        arguments.model = kept.model or None
        arguments.train = list(clips_of(kept)) or None


def _session(
    arguments: argparse.Namespace, model: Model, settings: Settings | None, meter: Meter, kept: Session | None
) -> Session:
    """What is kept from now on."""
    begun = settings or Settings.at_first(first_point(model, meter), meter, len(model.kit))
    train = [str(FilePath(name).resolve()) for name in arguments.train or ()]
    rest = {name: value for name, value in (kept.rest if kept else {}).items() if name != "train"}
    file = str(FilePath(arguments.model).resolve()) if arguments.model else ""
    return Session(file, model.kit.names, begun, rest={**rest, **({"train": train} if train else {})})


def play_in_window(arguments: argparse.Namespace, say: Say, context: BaseContext | None = None) -> int:
    """Open the window and play. `context`: how processes are started, see `forking`. Raises OutputError or ImportError
    where no window can be had.
    """
    specs = _specs(arguments)
    _check_folders(arguments)
    arguments.pads_ms, arguments.offset = pads_ms(arguments.offset, say)
    speaker = None
    if not arguments.no_audio:
        specs.append(OutputSpec("audio", arguments.audio))
        speaker = start_speaker(context)  # it takes the longest of all
    specs = _placed(arguments, specs, say)
    path = read_path(arguments.path) if arguments.path else None
    holds = Holds()
    place = named(FilePath(arguments.session), holds, say) if arguments.session else unnamed(say)
    with place as file:
        return _play_kept(arguments, (file, holds), specs, path, say, context, speaker)


def _play_kept(
    arguments: argparse.Namespace,
    place: tuple[FilePath, Holds],
    specs: Sequence[OutputSpec],
    path: Path | None,
    say: Say,
    context: BaseContext | None,
    speaker: socket.socket | None,
) -> int:
    """Open the window and play, with a session that is kept in a file."""
    named_file = FilePath(arguments.session) if arguments.session else None
    kept = None if named_file is None else opened(named_file, say)
    if kept is not None:
        _go_on(arguments, kept)
    learning = Learning.of(arguments.train, arguments.kit) if arguments.train else None
    try:
        found, meter = _load(arguments, say, learning)
        model = found.model
        settings = None if kept is None else settings_for(kept, model, say)
        if settings is not None and not arguments.meter:
            meter = settings.meter
        keeper = Keeper(place[0], _session(arguments, model, settings, meter, kept), place[1])
        # Its engine starts while the window is being made.
        pads, engine_end = socket.socketpair()
        lines = (context, speaker, engine_end)
        stage = _stage(arguments, (found, meter), specs, path, say, learning, settings, keeper, *lines)
    except BaseException:
        if learning is not None:
            learning.close()
        raise
    try:
        desk = _desk(arguments, stage, say, pads, context, found.file, guests_of(kept))
        for name in (found.file, named_file):
            if name is not None:
                remember(name)
    except BaseException:
        stage.close()
        raise
    try:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # pygame greets on standard output
        from performance.surface.window import run

        return run(desk)
    finally:
        desk.close()


def _hold_back(_text: str) -> None:
    """What is told elsewhere."""


def _say_unheeded(arguments: argparse.Namespace, say: Say, *, is_live: bool) -> None:
    """A line for what was asked for and counts for nothing with no window."""
    options = ("session",) if is_live else _LIVE_OPTIONS
    asked = ", ".join(f"--{name.replace('_', '-')}" for name in options if getattr(arguments, name))
    if asked:
        live = "no window" if is_live else "no window and no output (--midi, --virtual, --osc), so only files are made"
        say(f"{live}: {asked} passed over")


def play_headless(arguments: argparse.Namespace, say: Say, why: str = "") -> int:
    """Write what a path plays, and play it in real time where an output was asked for. `why`: a line that says why
    there is no window.
    """
    from performance.headless import built_in_path, play_live, write_files  # a window does without
    from performance.render import MAX_BARS

    specs = _specs(arguments)
    _check_folders(arguments)
    arguments.pads_ms, arguments.offset = pads_ms(arguments.offset, say)
    by_hand = bool(arguments.midi_in or arguments.osc_in) and arguments.bars is None
    bars = _HEADLESS_BARS if arguments.bars is None else arguments.bars
    if not 1 <= bars <= MAX_BARS:
        raise UsageError(f"--bars {bars}: 1 to {MAX_BARS} are possible; choose another")
    loaded = _load(arguments, say)
    model, meter = loaded[0].model, loaded[1]
    path = read_path(arguments.path) if arguments.path else built_in_path(model, meter, bars)
    lived = True
    is_live = bool(specs or arguments.record or arguments.midi_in or by_hand)
    if arguments.kit and not arguments.train:  # what is learned has it already; where it is live, the desk tells of it
        kit = kit_asked(arguments.kit, model.kit, _hold_back if is_live else say)
        model = replace(model, kit=model.kit.with_notes_of(kit))
    _check_folder("-o", arguments.output)
    if why:
        say(why)
    bpm = arguments.bpm or usual_bpm(model, meter, path.at(0))
    _say_unheeded(arguments, say, is_live=is_live)
    if is_live:
        if not arguments.no_audio:
            specs.append(OutputSpec("audio", arguments.audio))
        specs = _placed(arguments, specs, say)
        pads, engine_end = socket.socketpair()
        led = None if by_hand and not arguments.path else path  # hands have the plane to themselves
        arguments.bpm = arguments.bpm if led is None else bpm
        stage = _stage(arguments, loaded, specs, led, say, strikes=engine_end)
        try:
            desk = _desk(arguments, stage, say, pads)
            try:
                if by_hand:
                    say("hands play it until ctrl-c; --bars N would end it by itself, and write files")
                lived = play_live(desk, say, bars=None if by_hand else bars)
            finally:
                desk.close()
        finally:
            stage.close()
        if by_hand:  # who plays until ctrl-c has asked for no files of a path
            return ENGINE_GONE
    files = write_files(
        model,
        path,
        FilePath(arguments.output),
        meter=meter,
        bars=bars,
        bpm=bpm,
        density=0.5 if arguments.density is None else arguments.density,
    )
    for file in files:
        print(file)  # noqa: T201  # the names are the product
    return 0 if lived else ENGINE_GONE
