"""The command `rvae audit`: what grid, map, corpus and model keep, lose and favour."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath

from rvae.arguments import Command, add_clip_arguments, print_json, reading_of
from rvae.audit.compare import SIDE_BY_SIDE, side_by_side
from rvae.audit.corpus_layer import corpus_layer
from rvae.audit.counterfactual import add_counterfactual_arguments, asks_for_trainings, trained_layers
from rvae.audit.figure import Subject
from rvae.audit.grid_layer import grid_layer
from rvae.audit.map_layer import map_layer
from rvae.audit.material import Material, read_material
from rvae.audit.model_layer import model_layer
from rvae.audit.report import as_json, five_sentences, write_report
from rvae.errors import UsageError
from rvae.model import Model, load
from rvae.modelfile import MODEL_SUFFIX
from rvae.reading import Reading


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_clip_arguments(parser, what="MIDI files, folders of them, and model files; clips beside a model are its corpus")
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="for audit.html, audit.csv, audit.json")
    parser.add_argument(
        "--compare", action="store_true", help="each folder, file or model by itself, and then side by side"
    )
    add_counterfactual_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(arguments: argparse.Namespace) -> int:
    models = [path for path in arguments.paths if Path(path).suffix == MODEL_SUFFIX]
    clips = [path for path in arguments.paths if path not in models]
    if arguments.compare and len(models or clips) < 2:
        raise UsageError("--compare needs two at least: two folders, or two models; give another")
    if asks_for_trainings(arguments) and not clips:
        raise UsageError("to train again the clips are needed; give their folder beside the model")
    subjects = _subjects(models, clips, arguments)
    if arguments.compare:
        subjects = [side_by_side(subjects), *subjects]
    title = "Audit of " + ", ".join(subject.name for subject in subjects if subject.name != SIDE_BY_SIDE)
    made = f"Made by rvae {_version()} on {date.today().isoformat()}."
    paths = write_report(Path(arguments.output), title, subjects, made=made)
    if arguments.json:
        print_json(as_json(title, subjects, made=made))
        return 0
    for sentence in five_sentences(subjects):
        print(sentence)  # noqa: T201  # the product
    _say(f"{paths['html']}: the page; {paths['csv'].name} and {paths['json'].name} beside it")
    return 0


def _subjects(models: Sequence[str], clips: Sequence[str], arguments: argparse.Namespace) -> list[Subject]:
    """What is audited, each by itself: models with the clips that stand beside them, or clips."""
    reading = reading_of(arguments)
    if not models:
        groups = [[path] for path in clips] if arguments.compare else [list(clips)]
        names = _names([" and ".join(PurePath(path).name or path for path in group) for group in groups], clips)
        return [
            _subject(name, None, read_material(group, reading), arguments)
            for name, group in zip(names, groups, strict=True)
        ]
    found, subjects = dict[Reading, Material](), []
    for path, name in zip(models, _names([PurePath(path).name for path in models], models), strict=True):
        model = load(path)
        own = replace(reading, kit=model.kit, bars=model.bars)  # its clips are read as it learned them
        if clips and own not in found:
            found[own] = read_material(clips, own)
        subjects.append(_subject(name, model, found.get(own), arguments))
    return subjects


def _names(short: Sequence[str], paths: Sequence[str]) -> Sequence[str]:
    """Short names where they tell everything apart, paths otherwise."""
    return short if len(set(short)) == len(short) else paths


def _subject(name: str, model: Model | None, material: Material | None, arguments: argparse.Namespace) -> Subject:
    layers = []
    facts: list[tuple[str, str]] = []
    if material is not None:
        facts += _facts(material)
        layers += [grid_layer(material), map_layer(material), corpus_layer(material)]
    if model is not None:
        facts.append(("model", f"learned from {len(model.clips)} patterns, preset {model.preset}, seed {model.seed}"))
        layers.append(model_layer(model, None if material is None else material.corpus))
    if material is not None and asks_for_trainings(arguments):
        layers += trained_layers(material.corpus, arguments, Path(arguments.output))
    return Subject(name, tuple(facts), tuple(layers))


def _facts(material: Material) -> list[tuple[str, str]]:
    """What was read, and how."""
    corpus = material.corpus
    bars, minutes = sum(run.bars for run in material.runs), sum(run.seconds for run in material.runs) / 60
    cycle = "1 bar" if corpus.bars == 1 else f"{corpus.bars} bars"
    found = [
        ("files", f"{len(corpus.clips)} of {corpus.report.files} looked at"),
        ("music", f"{bars:,} bars, {minutes:.1f} minutes, {len(material.notes):,} onsets"),
        (
            "patterns",
            f"{len(corpus.patterns):,} of {cycle}, {corpus.ticks_per_beat} ticks per felt beat; shorter clips go "
            "round to fill one",
        ),
        ("kit", f"{corpus.kit.name}: {', '.join(corpus.kit.names)}"),
    ]
    cards = "; ".join(filter(None, (card.name for card in corpus.cards)))
    return [*found, ("cards", cards)] if cards else found


def _version() -> str:
    try:
        return version("rvae")
    except PackageNotFoundError:  # from a checkout
        return "without a version number (run from its source)"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # the line is the product


AUDIT = Command(
    "audit", "what grid, map, corpus and model keep, lose and favour: a page with figures", _arguments, _run
)
