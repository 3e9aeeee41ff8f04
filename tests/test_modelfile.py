"""Model files: the same model comes back, and nothing else does any harm."""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import TINY, mixed_model, published_model, straight_corpus, straight_model

import rvae
from rvae import Model
from rvae.__main__ import main
from rvae.errors import FileError, ModelFileError
from rvae.measures import lattice
from rvae.modelfile import FORMAT

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("made", [straight_model, mixed_model, published_model])
def test_what_was_saved_plays_the_same(made: Callable[[], Model], tmp_path: Path) -> None:
    model, path = made(), tmp_path / "mine.rvae"
    model.save(path)
    loaded = rvae.load(path)
    assert (loaded.kit, loaded.bars, loaded.meters, loaded.clips) == (model.kit, model.bars, model.meters, model.clips)
    assert (loaded.seed, loaded.preset, loaded.card) == (model.seed, model.preset, model.card)
    for beats in model.beats:
        for ours, theirs in zip(
            model.decode(lattice(9), beats=beats), loaded.decode(lattice(9), beats=beats), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    assert loaded.to_bytes() == path.read_bytes()


def test_the_same_clips_and_seed_give_the_same_file_and_another_seed_another() -> None:
    again = rvae.train(straight_corpus(), recipe=TINY)
    other = rvae.train(straight_corpus(), recipe=TINY, seed=1)
    assert again.to_bytes() == straight_model().to_bytes()
    assert other.to_bytes() != straight_model().to_bytes()


def refused(data: bytes) -> str:
    """The one line that bytes are refused with."""
    with pytest.raises(ModelFileError) as caught:
        Model.from_bytes(data, where="mine.rvae")
    text = str(caught.value)
    assert text.startswith("mine.rvae: ")
    assert text.isprintable()
    assert len(text) < 500
    return text


@pytest.fixture(scope="module")
def whole() -> bytes:
    return straight_model().to_bytes()


def test_a_file_that_ends_early_is_refused_wherever_it_ends(whole: bytes) -> None:
    header = 8 + int.from_bytes(whole[:8], "little")
    ends = {*range(0, header, 97), *range(header, len(whole), 997), 7, 8, 9, header - 1, header, len(whole) - 1}
    for end in ends:
        refused(whole[:end])
    refused(whole + b"\0")


@settings(max_examples=60)
@given(st.data())
def test_a_flipped_bit_is_refused_or_leaves_a_model_that_plays(data: st.DataObject) -> None:
    whole = bytearray(straight_model().to_bytes())
    header = 8 + int.from_bytes(whole[:8], "little")
    place = data.draw(st.integers(0, header - 1) | st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        model = Model.from_bytes(bytes(whole), where="mine.rvae")
    except ModelFileError:
        refused(bytes(whole))
        return
    for meter in model.meters:
        for point in lattice(3):
            model.pattern(point, meter=meter, density=0.8)


def rewritten(whole: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """The file with another header of ours in it."""
    length = int.from_bytes(whole[:8], "little")
    table = json.loads(whole[8 : 8 + length])
    header = json.loads(table["__metadata__"][FORMAT])
    changed = change(header)
    table["__metadata__"][FORMAT] = json.dumps(header if changed is None else changed)
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + whole[8 + length :]


def test_a_rewritten_header_is_read(whole: bytes) -> None:
    assert Model.from_bytes(rewritten(whole, lambda header: None)).to_bytes() == whole


CHANGES: list[dict[str, object]] = [
    {"version": 2},
    {"version": "2\nx\x1b[31m"},
    {"format": "else"},
    {"kit": "name = 1"},
    {"kit": None},
    {"grid": {"bars": 3}},
    {"grid": {"bars": 1e400}},
    {"meters": []},
    {"meters": ["5/4"]},
    {"meters": ["4/4\n\x1b[2J"]},
    {"meters": 4},
    {"spaces": []},
    {"spaces": [{"kind": "rvae", "beats": 3}]},
    {"spaces": [{"kind": "rvae", "beats": 10**12}]},
    {"spaces": [{"kind": "else", "beats": 4}]},
    {"spaces": [{"kind": "rvae", "beats": 4}] * 2},
    {"spaces": [{"kind": "rvae-2020", "beats": 4}]},
    {"clips": [{"name": "a", "source": "a", "meter": "4/4", "point": [2, 0], "qpm": 1, "first_bar": 0}]},
    {"clips": [{"name": "a", "source": "a", "meter": "4/4", "point": [], "qpm": 1, "first_bar": 0}]},
    {"clips": [{}]},
    {"seed": "x"},
    {"figures": 1},
    {"card": [1]},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_header_that_makes_no_sense_is_refused(change: dict[str, object], whole: bytes) -> None:
    refused(rewritten(whole, lambda header: header.update(change)))


def test_a_header_of_another_kind_is_refused(whole: bytes) -> None:
    for other in ([], 1, "x", {}, None):
        refused(rewritten(whole, lambda _, other=other: [other]))  # type: ignore[misc]


@pytest.mark.parametrize("value", [np.nan, np.inf, 60000.0])
def test_weights_that_are_no_numbers_are_refused(whole: bytes, value: float) -> None:
    header = 8 + int.from_bytes(whole[:8], "little")
    table = json.loads(whole[8:header])
    for name in ("4/decoder/onset", "4/encoder/mean"):
        begin, _ = table[name]["data_offsets"]
        spoilt = np.float16(value).tobytes()
        refused(whole[: header + begin] + spoilt + whole[header + begin + 2 :])


def test_a_place_that_is_made_of_nothing_is_refused(whole: bytes) -> None:
    header = 8 + int.from_bytes(whole[:8], "little")
    entry = json.loads(whole[8:header])["4/plane/shares"]
    begin, row = header + entry["data_offsets"][0], 2 * entry["shape"][1]
    refused(whole[:begin] + bytes(row) + whole[begin + row :])


def strangers(folder: Path) -> dict[str, Path]:
    """Things that are no models."""
    found = {name: folder / name for name in ("empty", "pickle", "zip", "text", "folder", "absent")}
    found["empty"].touch()
    found["pickle"].write_bytes(pickle.dumps({"format": FORMAT}))
    with zipfile.ZipFile(found["zip"], "w") as archive:
        archive.writestr("data.pkl", b"x" * 100)
    found["text"].write_text("a model, honestly\n" * 10, encoding="utf-8")
    found["folder"].mkdir()
    if os.name == "posix":
        found["device"] = Path("/dev/zero")
        found["pipe"] = folder / "pipe"
        os.mkfifo(found["pipe"])
    return found


def test_what_is_no_model_is_refused_by_name_in_one_line(tmp_path: Path) -> None:
    for path in strangers(tmp_path).values():
        with pytest.raises(ModelFileError) as caught:
            rvae.load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert str(caught.value).count("\n") == 0


@contextmanager
def nobody() -> Iterator[None]:
    """As a user who owns nothing; nothing is forbidden to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_without_permission_it_is_refused_and_what_was_there_stays(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    path = folder / "mine.rvae"
    straight_model().save(path)
    folder.chmod(0)
    try:
        with nobody():
            with pytest.raises(ModelFileError, match="Permission denied"):
                rvae.load(path)
            with pytest.raises(FileError, match="Permission denied"):
                mixed_model().save(path)
            assert main(["train", str(path), "-o", str(path)]) == 2
            assert main(["inspect", str(folder / "clip.mid")]) == 2
    finally:
        folder.chmod(0o700)
    assert path.read_bytes() == straight_model().to_bytes()


@pytest.mark.skipif(os.name != "posix", reason="limits of file size are POSIX's")
def test_on_a_full_disk_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "mine.rvae"
    path.write_bytes(b"the old one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(FileError, match=r"cannot be written .* what was there is unchanged"):
            straight_model().save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"the old one"
    assert [found.name for found in tmp_path.iterdir()] == ["mine.rvae"]


@pytest.mark.parametrize("place", ["nowhere/mine.rvae", "."])
def test_a_place_that_is_none_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be written"):
        straight_model().save(tmp_path / place)
    assert list(tmp_path.iterdir()) == []


LOADED = """
import sys, rvae
model = rvae.load(sys.argv[1])
model.pattern((0.2, 0.8), meter=model.meter)
model.encode([model.pattern((0.2, 0.8), meter=model.meter)])
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "scipy", "sklearn", "pickle5"}))
"""


def test_a_model_is_loaded_played_and_searched_with_numpy_alone(tmp_path: Path) -> None:
    straight_model().save(tmp_path / "mine.rvae")
    command = [sys.executable, "-c", LOADED, str(tmp_path / "mine.rvae")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("", "", 0)
