"""The command `rvae`. Standard output has results; every other word goes to standard error.

Exit 0; 1 where the engine of `play` has ended by itself; 2 for wrong usage or unusable input, with one line; 130 when
interrupted. The library's commands run in a process of their own, `python -m rvae`, so that what they need is never
loaded here.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, NoReturn

from rvae.counts import several
from rvae.errors import OutputError, RvaeError, UsageError

if TYPE_CHECKING:
    from rvae.kit import Kit

EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130
LIBRARY = {
    "inspect": "what would be learned from these files and what would not, and why",
    "card": "whose the clips of a folder are, under what licence, and who agreed",
    "export": "the corpus as clean MIDI, as it was understood",
    "train": "a model file from clips",
    "evaluate": "figures of a model on given clips",
    "forget": "consent withdrawn: train a model again without a person's clips",
    "audit": "what grid, map, corpus and model keep, lose and favour: a page with figures",
}
_OUT = "rvae-out"


class _Parser(argparse.ArgumentParser):
    """Its complaints are one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        if any(word.partition("=")[0] == "--kit" for word in words):
            from performance.own_kits import with_files

            words = with_files(words)
        if words and (words[0] in LIBRARY or (words[0] == "bench" and "--learning" in words)):
            from performance.bundled import run_library

            return run_library(_library_words(words))
        arguments, strange = _parser().parse_known_args(words)
        if strange:  # argparse would send one to the help of all commands
            command = next(word for word in words if not word.startswith("-"))
            raise UsageError(f"unrecognized arguments: {' '.join(strange)}; see rvae {command} --help")
        run: Callable[[argparse.Namespace], int] = arguments.run
        code = run(arguments)
        sys.stdout.flush()
    except RvaeError as error:
        say(f"rvae: {error}")
        return EXIT_UNUSABLE
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else EXIT_UNUSABLE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _library_words(words: list[str]) -> list[str]:
    """`bench --learning` is the library's too."""
    return ["bench-learning", *(word for word in words[1:] if word != "--learning")] if words[0] == "bench" else words


def _terminated(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # unwinds: engines fall silent, half-written files go


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # the line is the product


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="rvae", description="A rhythm space learned from your own MIDI drum clips, played live.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _play_arguments(_command(commands, "play", "the instrument; with no screen, files of what it plays", _play))
    _render_arguments(_command(commands, "render", "play offline: a MIDI file, a WAV file", _render))
    _replay_arguments(_command(commands, "replay", "a recording once more: checked, as MIDI, as sound", _replay))
    _devices_arguments(_command(commands, "devices", "MIDI ports and sound devices, and what is missing", _devices))
    _map_arguments(_command(commands, "map", "a picture of the plane", _map))
    _bench_arguments(_command(commands, "bench", "figures of this machine, or of the learner", _bench))
    for name, summary in LIBRARY.items():
        commands.add_parser(name, help=summary, add_help=False)
    return parser


def _command(
    commands: argparse._SubParsersAction[_Parser], name: str, summary: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run)
    return parser


def _music_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--meter", metavar="M", help="4/4, 6/8, 7/8(2+2+3), ...: one of as many beats as some clip had")
    add("--bpm", type=float, metavar="B", help="felt beats a minute, 20 to 300 (default: the nearest clip's)")
    add("--density", type=float, metavar="D", help="0 to 1, 0.5 as learned (default: 0.5)")
    add("--path", metavar="FILE", help="a way over the plane: lines of `bar x y`, or JSON")


def _play_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", help="a model file (default: of the bundled corpora)")
    _music_arguments(parser)
    add("--train", action="append", metavar="FOLDER", help="learn these clips while they are played (repeatable)")
    add("--kit", metavar="KIT", help="read and play by its notes; with --train, learn by it: a name or a file")
    add("--midi", action="append", default=[], metavar="NAME", help="play to the port with NAME in its name")
    add("--virtual", nargs="?", const="rvae", metavar="NAME", help="open a MIDI port for others to connect to")
    add("--clock-out", action="append", default=[], metavar="NAME", help="send MIDI clock there too; midi: to all")
    add("--clock-in", metavar="NAME", help="follow the MIDI clock that comes from the port with NAME in its name")
    add("--link", action="store_true", help="share tempo, bars, start and stop by Ableton Link")
    add("--midi-in", action="append", default=[], metavar="NAME", help="hands on MIDI devices with NAME in their name")
    add("--preset", action="append", default=[], metavar="FILE", help="controls and mappings to begin with, TOML")
    add("--offset", action="append", default=[], metavar="NAME=MS", help="play it so much later, or earlier; kept")
    add("--osc", action="append", default=[], metavar="HOST:PORT", help="send onsets and beats there")
    add("--osc-in", type=int, metavar="PORT", help="listen there; 0 for not (default: 12000)")
    add("--audio", default="", metavar="NAME", help="the sound device with NAME in its name")
    add("--no-audio", action="store_true", help="make no sound here")
    add("--record", metavar="FOLDER", help="keep all that is played there, from the start: journal, MIDI, WAV")
    add("--takes", metavar="FOLDER", help="for clips that are played in: f12 (default: takes, beside recordings)")
    add("--session", metavar="FILE", help="go on with a session, and keep it there from second to second")
    add("--headless", action="store_true", help="no window: play a path for --bars bars and write files")
    add("--bars", type=int, metavar="N", help="with no window (default: 16; with --midi-in or --osc-in until ctrl-c)")
    add(
        "-o",
        "--output",
        default=_OUT,
        metavar="FOLDER",
        help=f"for files, recordings and exported clips (default: {_OUT})",
    )


def _render_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("--at", metavar="X,Y", help="stay at a place of the plane")
    parser.add_argument("--bars", type=int, required=True, metavar="N", help="how many bars")
    _music_arguments(parser)
    parser.add_argument("--kit", metavar="KIT", help="write the notes that this kit plays: a name or a file")
    parser.add_argument("--midi", metavar="FILE", help="write a MIDI file")
    parser.add_argument("--wav", metavar="FILE", help="write a WAV file")
    parser.add_argument("--nudge", action="append", default=[], metavar="VOICE=MS", help="one voice so much later")
    parser.add_argument("--seed", type=int, default=0, help="accepted for scripts; nothing here is random")


def _replay_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("journal", metavar="JOURNAL", help="a recording, *.rvjournal")
    parser.add_argument("--midi", metavar="FILE", help="write a MIDI file")
    parser.add_argument("--wav", metavar="FILE", help="write a WAV file")
    parser.add_argument("--credits", metavar="FILE", help="write the share of each contributor and clip, as CSV")


def _devices_arguments(parser: argparse.ArgumentParser) -> None:
    forget = "an offset that is listed and no longer wanted"
    parser.add_argument("--forget-offset", action="append", default=[], metavar="NAME", help=forget)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _map_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument("-o", "--output", required=True, metavar="PNG", help="the picture")
    parser.add_argument("--meter", metavar="M", help="of the plane that is drawn (default: the meter of most clips)")


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a model file (default: of the bundled corpora)")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each figure of time (default: 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("-o", "--output", metavar="PAGE", help="write a page: the figures, and how they are measured")


def _checked_music(arguments: argparse.Namespace) -> None:
    for name, low, high in (("bpm", 20, 300), ("density", 0, 1)):
        value = getattr(arguments, name)
        if value is not None and not low <= value <= high:
            raise UsageError(f"--{name} {value:g}: {low} to {high} are possible; choose another")


def _render(arguments: argparse.Namespace) -> int:
    from performance.cursor import parse_point, read_path, still
    from performance.offers import usual_bpm
    from performance.own_kits import kit_asked
    from performance.render import perform, write_performance_midi, write_performance_wav
    from rvae.meter import Meter
    from rvae.model import load

    if (arguments.at is None) == (arguments.path is None):
        raise UsageError("give either --at X,Y or --path FILE; see rvae render --help")
    if arguments.midi is None and arguments.wav is None:
        raise UsageError("nothing to write: give --midi FILE, --wav FILE or both; see rvae render --help")
    _checked_music(arguments)
    model = load(arguments.model)
    if arguments.kit:
        model = replace(model, kit=model.kit.with_notes_of(kit_asked(arguments.kit, model.kit, say)))
    meter = Meter.parse(arguments.meter) if arguments.meter else model.meter
    model.space(meter.beats)
    path = still(parse_point(arguments.at)) if arguments.at else read_path(arguments.path)
    bpm = arguments.bpm or usual_bpm(model, meter, path.at(0))
    density = 0.5 if arguments.density is None else arguments.density
    nudge_ms = _nudges(arguments.nudge, model.kit)
    performance = perform(model, path, meter=meter, bars=arguments.bars, bpm=bpm, density=density, nudge_ms=nudge_ms)
    for file, write in ((arguments.midi, write_performance_midi), (arguments.wav, write_performance_wav)):
        if file is not None:
            write(file, performance)
            bars, onsets = several(arguments.bars, "bar"), several(len(performance.notes), "onset")
            say(f"{file}: {bars} of {meter.label} at {bpm:g} bpm, {onsets}")
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from performance.crediting import played_in, write_credits
    from performance.journal_file import JournalFile
    from performance.replay import check
    from performance.transcript import write_journal_midi, write_journal_wav

    journal = JournalFile(arguments.journal)
    try:
        say(f"{arguments.journal}: {check(journal)}")
    finally:
        for problem in journal.problems:
            say(problem)
    played = None if arguments.midi is None and arguments.credits is None else played_in(journal)
    if arguments.midi is not None:
        texts = () if played is None else played.lines()
        say(f"{arguments.midi}: {write_journal_midi(arguments.midi, journal, texts=texts)} notes")
    if arguments.wav is not None:
        say(f"{arguments.wav}: {write_journal_wav(arguments.wav, journal):.1f} s")
    if arguments.credits is not None and played is not None:
        count = write_credits(arguments.credits, played)
        say(f"{arguments.credits}: {several(count, 'contributor')}")
        for line in played.lines():
            say(line)
    return 0


def _nudges(texts: Sequence[str], kit: Kit) -> dict[int, float]:
    """`snare=-12.5` as row of the kit and ms."""
    from performance.controls import control

    nudge, found = control("nudge"), {}
    for text in texts:
        name, _, ms = text.rpartition("=")
        try:
            value = float(ms)
        except ValueError:
            raise UsageError(f"--nudge {text}: write it like snare=-12.5, a voice and milliseconds") from None
        if not nudge.low <= value <= nudge.high:
            raise UsageError(f"--nudge {text}: {nudge.low:g} to {nudge.high:g} ms are possible; choose another")
        found[kit.row_of_name(name)] = value
    return found


def _map(arguments: argparse.Namespace) -> int:
    from performance.headless import draw_plane
    from rvae.meter import Meter
    from rvae.model import load

    model = load(arguments.model)
    meter = Meter.parse(arguments.meter) if arguments.meter else model.meter
    model.space(meter.beats)
    draw_plane(model, meter, [], FilePath(arguments.output))
    say(f"{arguments.output}: the plane of {meter.beats} beats a bar, {len(model.clips_of(meter.beats))} patterns")
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    from performance.bench.report import report, write_page
    from performance.bench.run import measure
    from performance.bundled import bundled_model
    from rvae.model import load

    if not 0.5 <= arguments.seconds <= 3600:
        raise UsageError(f"--seconds {arguments.seconds:g}: 0.5 to 3600 are possible; choose another")
    file = bundled_model(say)[1] if arguments.model is None else FilePath(arguments.model)
    found = measure(load(file), file, seconds=arguments.seconds, say=say)
    if arguments.output:
        write_page(arguments.output, found, seconds=arguments.seconds)
    print(json.dumps(found) if arguments.json else report(found))  # noqa: T201  # the product
    return 0


def _devices(arguments: argparse.Namespace) -> int:
    from performance.devices import find_devices
    from performance.offsets import forget_offsets, read_offsets

    forget_offsets(arguments.forget_offset, say)
    found, offsets_ms = find_devices(), read_offsets(say)
    if arguments.json:
        print(json.dumps({**asdict(found), "offsets_ms": offsets_ms}))  # noqa: T201  # the object is the product
        return 0
    lines = [f"MIDI port      {name}" for name in found.midi]
    lines += [f"JACK port      {name}" for name in found.jack]
    for row, name in enumerate(found.audio):
        lines.append(f"sound device   {name}" + ("" if row else "  (used unless told otherwise)"))
    lines += [f"offset         {name}  {ms:+g} ms" for name, ms in offsets_ms.items()]
    lines += [f"missing        {line}" for line in found.missing]
    print("\n".join(lines))  # noqa: T201  # the list is the product
    return 0


def _play(arguments: argparse.Namespace) -> int:
    from performance.devices import has_display
    from performance.forking import forking

    _checked_music(arguments)
    if arguments.train and arguments.model:
        raise UsageError(f"{arguments.model} and --train: play a model or learn clips, not both; leave one out")
    has_window = not arguments.headless and has_display()
    if has_window and hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that is closed takes no music with it
    context = forking() if has_window else None  # what engine and sound need is loaded while this process loads its own
    from performance.playing import play_headless, play_in_window

    why = "" if arguments.headless else "no display: no window, but files of a path over the plane; set DISPLAY for it"
    if has_window:
        try:
            return play_in_window(arguments, say, context)
        except (OutputError, ImportError) as error:
            why = f"no window, but files of a path over the plane: {error}"
    return play_headless(arguments, say, why)


if __name__ == "__main__":
    raise SystemExit(main())
