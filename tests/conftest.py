"""What several tests share: a place for settings of their own, clips outside the repository, an engine near by."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from checker import JournalChecker
from hypothesis import HealthCheck, settings
from jack_support import JackServer, jack_server
from near_engine import NearEngine
from playing_support import OscLog

from performance.engine import Engine
from performance.stage import Stage
from rvae.model import Model, load

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# No deadline and no complaint about speed: how fast a shared machine is today decides nothing.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

ROOT = Path(__file__).resolve().parents[1]

_NAMES = """
bad_input bench faults_clock_in faults_devices faults_link faults_osc faults_recording faults_swap faults_time
faults_training faults_window guests hands_jack hostile_set link opening outputs_jack outputs_osc patchbay
playing_in_jack playing_in_window process recent recording remote reopening_jack start surface_runs surface_window
sync_jack
"""
DEVICES = frozenset(f"tests/test_{name}.py" for name in _NAMES.split())
"""The files whose tests start real devices and wait for the music."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Where tests run two at a time, those with devices run one after the other, beside the rest, which computes."""
    from xdist.scheduler import LoadScopeScheduling

    assert all((ROOT / file).is_file() for file in DEVICES), "a file of DEVICES has another name now"

    class DevicesTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return "devices" if file in DEVICES else file

    return DevicesTogether(config, log)


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> object:
    """The models kept by whoever runs the tests stay as they are."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RVAE_HOME", str(home))
        yield


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A JACK server."""
    with jack_server(monkeypatch) as server:
        yield server


@pytest.fixture
def log() -> Iterator[OscLog]:
    """A listener for what engines tell over OSC."""
    log = OscLog()
    yield log
    log.close()


_checkers: list[JournalChecker] = []


@pytest.fixture(scope="session", autouse=True)
def _every_engine_is_checked() -> object:
    """Each engine that is made in a test keeps a journal that checks all it does and plays it again."""
    make = Engine.__init__

    def checked(engine: Engine, *given: object, **named: object) -> None:
        make(engine, *given, **named)  # type: ignore[arg-type]  # passed on as they are
        _checkers.append(JournalChecker())
        engine.start_journal(_checkers[-1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "__init__", checked)
        yield


def pytest_runtest_teardown() -> None:
    checkers = [*_checkers]
    _checkers.clear()
    for checker in checkers:
        checker.at_end()


def pytest_configure() -> None:
    # A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of clips that are not part of the repository."""
    folder = Path(os.environ.get("RVAE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no clips at {folder / 'data'}; name their folder with RVAE_SHARED")
    return folder


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of six bundled clips in 3/4 and 6/8, roughly trained: for what is not about how good it is."""
    from rvae import read_corpus, train
    from rvae.fitting import Recipe

    path = tmp_path_factory.mktemp("model") / "threes.rvae"
    rough = Recipe(steps=150, steps_per_anchor=0, plane_steps=0, batch=96)
    train(read_corpus(sorted(ROOT.glob("datasets/threes/*.mid"))[:6]), recipe=rough).save(path)
    return path


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    return load(model_file)


@pytest.fixture
def near(model: Model) -> NearEngine:
    """An engine of that model, for a stage."""
    return NearEngine(model)


@pytest.fixture
def stage(model: Model, near: NearEngine) -> Iterator[Stage]:
    made = Stage(model, near, name="threes")
    yield made
    made.close()
