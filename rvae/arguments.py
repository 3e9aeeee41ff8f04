"""What the library's commands have in common: their arguments for reading clips, and how they print."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from rvae.corpus import Corpus, Progress, read_corpus
from rvae.grid import GRIDS, QUANTISERS
from rvae.kit import STANDARD_KIT
from rvae.kitfile import find_kit, kit_names
from rvae.meter import Meter
from rvae.pattern import CYCLE_BARS
from rvae.reading import Reading
from rvae.sketch import SEEDS

EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130
DEFAULT_BARS = 2
_CLIPS = "MIDI files, and folders or zip archives of them"


@dataclass(frozen=True)
class Command:
    """One word after `rvae`: what it is for, the arguments it takes, what it does with them."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)  # noqa: T201  # the line is the product
        raise SystemExit(EXIT_UNUSABLE)


def seed_number(text: str) -> int:
    """A seed as it was typed: refused before anything is read. Raises ArgumentTypeError."""
    try:
        if 0 <= (seed := int(text)) < SEEDS:
            return seed
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text}: 0 to {SEEDS - 1} are possible; choose one of these")


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that reads clips to learn from them."""
    add_clip_arguments(parser)
    parser.add_argument("--grid", type=int, default=24, choices=GRIDS, help="ticks per beat (default: 24)")
    parser.add_argument(
        "--quantise",
        default="subdivision",
        choices=QUANTISERS,
        help="how onsets find their tick (default: subdivision)",
    )
    parser.add_argument("--on-time", action="store_true", help="take away how early or late each take is as a whole")


def add_clip_arguments(
    parser: argparse.ArgumentParser, *, what: str = "MIDI files, and folders or zip archives of them"
) -> None:
    """The arguments that say which clips, and how their bars and notes are read."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=what)
    parser.add_argument(
        "--bars",
        type=int,
        default=DEFAULT_BARS,
        choices=CYCLE_BARS,
        help=f"bars of one pattern (default: {DEFAULT_BARS})",
    )
    parser.add_argument(
        "--kit", metavar="KIT", default=STANDARD_KIT.name, help=f"a kit file, or one of {', '.join(kit_names())}"
    )
    parser.add_argument(
        "--channel", type=int, metavar="N", help="MIDI channel of the drums, 1 to 16 (default: 10 or all)"
    )
    parser.add_argument(
        "--meter", action="append", default=[], metavar="M", help="how a meter is felt, as in 7/8(3+2+2)"
    )


def reading_of(arguments: argparse.Namespace) -> Reading:
    """How clips are to be read, on the usual grid. Raises RvaeError."""
    groupings = tuple(Meter.parse(name) for name in arguments.meter)
    kit = STANDARD_KIT if arguments.kit is None else find_kit(arguments.kit)
    return Reading(arguments.bars, kit, arguments.channel, groupings=groupings)


def corpus_of(arguments: argparse.Namespace, progress: Progress | None = None) -> Corpus:
    """The corpus that reading arguments ask for; `progress` is told the steps done, of how many. Raises RvaeError."""
    reading = reading_of(arguments)
    return read_corpus(
        arguments.paths,
        bars=reading.bars,
        kit=reading.kit,
        channel=reading.channel,
        ticks_per_beat=arguments.grid,
        quantise=arguments.quantise,
        groupings=reading.groupings,
        on_time=arguments.on_time,
        progress=progress,
    )


def print_json(result: object) -> None:
    """One JSON object on standard output."""
    json.dump(result, sys.stdout, indent=2)  # piece by piece: of many files it is megabytes
    print()  # noqa: T201  # the product
