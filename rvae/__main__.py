"""The library's commands: `python -m rvae inspect PATH...`; the command `rvae` hands them over to this.

Standard output has the result and nothing else; every other word goes to standard error. Exit 0; 2 for wrong usage or
unusable input, with one line; 130 when interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rvae.arguments import (
    EXIT_INTERRUPTED,
    EXIT_UNUSABLE,
    Command,
    Parser,
    add_reading_arguments,
    corpus_of,
    print_json,
)
from rvae.errors import RvaeError, UsageError
from rvae.midi import write_text


def _inspect_arguments(parser: argparse.ArgumentParser) -> None:
    add_reading_arguments(parser)
    parser.add_argument(
        "-o", "--output", metavar="HTML", help="write the report as a page, with a picture of each clip"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _inspect(arguments: argparse.Namespace) -> int:
    from rvae.findings import find
    from rvae.inspection import figures, import_progress, print_report  # rich, only where it prints
    from rvae.modelfile import MODEL_SUFFIX

    if len(arguments.paths) == 1 and Path(arguments.paths[0]).suffix == MODEL_SUFFIX:
        return _inspect_model(arguments.paths[0], as_json=arguments.json)
    from rich.console import Console

    with import_progress(Console(stderr=True)) as progress:
        corpus = corpus_of(arguments, progress)
        findings = find(corpus)
    if arguments.output:
        from rvae.import_page import import_page

        write_text(arguments.output, import_page(corpus, findings))
        print(f"{arguments.output}: the report, with pictures", file=sys.stderr)  # noqa: T201  # a word on the side
    if arguments.json:
        print_json(figures(corpus, findings))
    else:
        print_report(corpus, Console(), findings)
    return 0


def _inspect_model(file: str, *, as_json: bool) -> int:
    from rvae.inspection import model_figures, print_model
    from rvae.model import load

    model = load(file)
    if as_json:
        print_json(model_figures(model))
    else:
        from rich.console import Console

        print_model(model, Console())
    return 0


_INSPECT = Command(
    "inspect",
    "what would be learned from these files and what would not, or what a model has learned",
    _inspect_arguments,
    _inspect,
)
# Where each of the others is: loaded when it is wanted, because all of them together take a quarter of a second.
_ELSEWHERE = {
    "card": "carding.CARD",
    "export": "exporting.EXPORT",
    "train": "learning.TRAIN",
    "evaluate": "learning.EVALUATE",
    "audit": "audit.command.AUDIT",
    "forget": "forgetting.FORGET",
    "bench-learning": "learning_bench.BENCH",
}


def _command(name: str) -> Command:
    """A command with what it needs."""
    if name == _INSPECT.name:
        return _INSPECT
    module, _, constant = _ELSEWHERE[name].rpartition(".")
    command: Command = getattr(importlib.import_module(f"rvae.{module}"), constant)
    return command


def _parser(wanted: str) -> argparse.ArgumentParser:
    """For one command, or for all where there is none of that name."""
    parser = Parser(prog="rvae", description="Rhythm spaces from small sets of drum clips.")
    words = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    names = (_INSPECT.name, *_ELSEWHERE)
    for command in map(_command, [wanted] if wanted in names else names):
        added = words.add_parser(command.name, help=command.summary, description=command.summary)
        command.add_arguments(added)
        added.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # file names may hold bytes that are no text
    try:
        words = sys.argv[1:] if argv is None else argv
        arguments, strange = _parser(words[0] if words else "").parse_known_args(words)
        if strange:  # argparse would send one to the help of all commands
            command = next(word for word in words if not word.startswith("-"))
            raise UsageError(f"unrecognized arguments: {' '.join(strange)}; see rvae {command} --help")
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except SystemExit as ending:  # argparse: --help, or a complaint that is printed already
        return ending.code if isinstance(ending.code, int) else EXIT_UNUSABLE
    except RvaeError as error:
        print(f"rvae: {error}", file=sys.stderr)  # noqa: T201  # the line is the product
        return EXIT_UNUSABLE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader has gone: nothing left to say, and nothing to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    raise SystemExit(main())
