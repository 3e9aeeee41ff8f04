"""Where clips are read from: files, folders with all below them, zip archives, and sets of Ableton Live.

A clip in an archive has a path like any other: `clips.zip/grooves/one.mid`; so has one in a Live set, wherever that
is: `song.als/2 Drums/verse`. Nothing is ever unpacked onto the disk.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from rvae.ableton import MAX_SET_BYTES, SET_SUFFIX, parse_set
from rvae.account import Dropped
from rvae.card import CARD_NAME, Card, read_card
from rvae.errors import CorpusError, FileError, MidiFileError
from rvae.hydrogen import HYDROGEN_SUFFIXES, parse_hydrogen
from rvae.midi import MAX_FILE_BYTES, MidiClip, parse_midi, read_bytes

CLIP_SUFFIXES = (".mid", ".midi", *HYDROGEN_SUFFIXES)
ARCHIVE_SUFFIX = ".zip"
MAX_ARCHIVE_BYTES = 50_000_000
MAX_UNPACKED_BYTES = 200_000_000
MAX_LIST_BYTES = 2_000_000  # of the list of an archive's files: some 20,000 of them
MAX_ARCHIVED_SETS = 20  # a set of a few bytes may take a second
_END = b"PK\x05\x06"
_END_BYTES = 22
_END64 = b"PK\x06\x07"
_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED = 0x1
_TOO_MANY_SETS = f"more than {MAX_ARCHIVED_SETS} Live sets in one archive; unpack it and give the folder"
_BROKEN = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Sources:
    """Finds clips and reads them.

    `refused`: what was found and cannot be used, with the reason. `others`: files in folders and archives that are no
    clips, counted by the end of their name; hidden ones, cards and kits are not.
    """

    def __init__(self) -> None:
        self.refused: list[Dropped] = []
        self.others: Counter[str] = Counter()
        self._archives: dict[Path, zipfile.ZipFile] = {}
        self._sets: dict[Path, dict[str, MidiClip]] = {}
        self._cards: dict[Path, Card | None] = {}

    def find(self, paths: Iterable[str | Path] | str | Path) -> list[Path]:
        """The clips, each once: files as given, folders and archives with all clips in them, sorted by name.

        Links to folders are followed, each folder once. Raises CorpusError for a path that does not exist.
        """
        given = [paths] if isinstance(paths, str | Path) else list(paths)
        found: dict[str, Path] = {}
        seen: set[str] = set()
        for path in map(Path, given):
            # os.path answers no where a folder above may not be looked into, pathlib raises.
            if not os.path.exists(path) and _archive_of(path) is None:
                raise CorpusError(
                    f"{path}: no such file or folder, or hidden from you; give MIDI files or folders of them"
                )
            for file in self._below(path, seen) if os.path.isdir(path) else [path]:
                for clip in self._clips_of(file):
                    found.setdefault(os.path.realpath(clip), clip)
        return list(found.values())

    def _clips_of(self, file: Path) -> Iterable[Path]:
        if _is_archive(file):
            return self._members(file)
        return self._set_clips(file) if self._is_set(file) else [file]

    def _is_set(self, path: Path) -> bool:
        """Whether a path is a Live set, on the disk or in an archive; a folder may have such a name too."""
        if path.suffix.lower() != SET_SUFFIX:
            return False
        archive = _archive_of(path)
        if archive is None:
            return os.path.isfile(path)
        try:
            return _inside(archive, path) in self._open(archive).NameToInfo
        except MidiFileError:
            return False

    def _set_clips(self, file: Path) -> Iterator[Path]:
        """The drum clips in a Live set; its other tracks are refused by name."""
        try:
            found, refused = self._set(file)
        except MidiFileError as error:
            self.refused.append(Dropped(str(file), str(error).removeprefix(f"{file}: ")))
            return
        self.refused += [Dropped(f"{file}/{name}", why) for name, why in refused.items()]
        if not found and not refused:
            self.refused.append(Dropped(str(file), "a Live set without MIDI clips; give one that has some"))
        yield from (file / name for name in found)

    def _set(self, file: Path) -> tuple[dict[str, MidiClip], dict[str, str]]:
        """Raises MidiFileError."""
        found, refused = parse_set(self._bytes(file, MAX_SET_BYTES))
        self._sets[file] = found
        return found, refused

    def read(self, path: Path) -> MidiClip:
        """A clip that was found. Raises MidiFileError, whose text begins with the path."""
        live_set = next((above for above in path.parents if self._is_set(above)), None)
        if live_set is not None:
            return self._read_of_set(live_set, path.relative_to(live_set).as_posix())
        try:
            data = self._bytes(path)
            return parse_hydrogen(data) if path.suffix.lower() in HYDROGEN_SUFFIXES else parse_midi(data)
        except MidiFileError as error:
            text = str(error)
            raise MidiFileError(text if text.startswith(f"{path}: ") else f"{path}: {text}") from None

    def _read_of_set(self, live_set: Path, name: str) -> MidiClip:
        try:
            clips = self._sets[live_set] if live_set in self._sets else self._set(live_set)[0]
        except MidiFileError as error:
            raise MidiFileError(f"{live_set}: {str(error).removeprefix(f'{live_set}: ')}") from None
        if name not in clips:
            raise MidiFileError(f"{live_set / name}: not in the set; give the name of a drum clip that is")
        return clips[name]

    def card(self, path: Path) -> Card | None:
        """The card that speaks for a clip: the nearest `dataset.toml` above it, in the archive and around it.

        Raises FileError for a card that cannot be read.
        """
        folder = Path(os.path.abspath(path)).parent
        asked: list[Path] = []
        card: Card | None = None
        while folder not in self._cards:
            asked.append(folder)
            card = self._card_in(folder)
            if card is not None or folder == folder.parent:
                break
            folder = folder.parent
        card = self._cards.get(folder, card)
        self._cards.update(dict.fromkeys(asked, card))
        return card

    def _card_in(self, folder: Path) -> Card | None:
        archive = _archive_of(folder / CARD_NAME)
        if archive is None:
            return read_card(folder)
        if PurePosixPath(_inside(archive, folder / CARD_NAME)).as_posix() not in self._open(archive).NameToInfo:
            return None
        where = folder / CARD_NAME
        try:
            return Card.parse(self._bytes(where).decode("utf-8"), where=str(where))
        except (MidiFileError, UnicodeDecodeError) as error:
            raise FileError(f"{where}: cannot be read ({error}); mend it, or take it away") from None

    def _bytes(self, path: Path, most: int = MAX_FILE_BYTES) -> bytes:
        """What is in a file, as far as it may go and one byte more. Raises MidiFileError."""
        archive = _archive_of(path)
        if archive is None:
            return read_bytes(path, most)
        try:
            with self._open(archive).open(_inside(archive, path)) as member:
                return member.read(most + 1)
        except KeyError:
            raise MidiFileError(f"{path}: not in the archive; give the name of a clip that is") from None
        except _BROKEN as error:
            raise MidiFileError(f"{path}: cannot be unpacked ({error}); make the archive again") from None

    def _open(self, archive: Path) -> zipfile.ZipFile:
        """Raises MidiFileError."""
        if archive not in self._archives:
            try:
                size = archive.stat().st_size
                if size > MAX_ARCHIVE_BYTES:
                    raise MidiFileError(
                        f"{archive}: {size // 1_000_000} MB, an archive of clips has at most "
                        f"{MAX_ARCHIVE_BYTES // 1_000_000}; unpack it and give the folder"
                    )
                data = archive.read_bytes()
                _check_list(archive, data)
                opened = zipfile.ZipFile(io.BytesIO(data))
            except _BROKEN as error:
                raise MidiFileError(f"{archive}: no zip archive that can be read ({error}); make it again") from None
            # One is held at a time: clips come archive by archive, and a folder may hold gigabytes of them.
            self._archives = {archive: opened}
        return self._archives[archive]

    def _members(self, archive: Path) -> Iterator[Path]:
        """The clips in an archive by name; what must not or cannot be read is refused by name."""
        try:
            infos = self._open(archive).infolist()
        except MidiFileError as error:
            self.refused.append(Dropped(str(archive), str(error).removeprefix(f"{archive}: ")))
            return
        wanted = [info for info in infos if _is_wanted(info.filename)]
        unpacked = sum(info.file_size for info in wanted)
        for info in infos:
            if not info.filename.endswith("/") and not _is_wanted(info.filename):
                self._pass_over(info.filename)
        if unpacked > MAX_UNPACKED_BYTES:
            why = f"unpacks to {unpacked // 1_000_000} MB, {MAX_UNPACKED_BYTES // 1_000_000} at most are read"
            self.refused.append(Dropped(str(archive), f"{why}; make an archive of the clips alone"))
            return
        names: set[str] = set()
        sets = 0
        for info in sorted(wanted, key=lambda info: info.filename):
            is_set = info.filename.lower().endswith(SET_SUFFIX)
            sets += is_set
            if why := _objection(info, names) or (_TOO_MANY_SETS if is_set and sets > MAX_ARCHIVED_SETS else ""):
                self.refused.append(Dropped(f"{archive}/{info.filename}", why))
            elif is_set:
                yield from self._set_clips(archive / info.filename)
            else:
                yield archive / info.filename
            names.add(info.filename)

    def _pass_over(self, name: str) -> None:
        path = PurePosixPath(name)
        if path.suffix.lower() != ".toml" and not any(part.startswith((".", "__")) for part in path.parts):
            self.others[path.suffix.lower() or path.name] += 1

    def _below(self, folder: Path, seen: set[str]) -> Iterator[Path]:
        closed: list[OSError] = []
        for where, folders, files in os.walk(folder, followlinks=True, onerror=closed.append):
            real = os.path.realpath(where)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            folders.sort()
            for name in sorted(files):
                if _is_wanted(name):
                    yield Path(where, name)
                else:
                    self._pass_over(name)
        for error in closed:  # a folder that may not be looked into is reported like a file that may not be read
            yield Path(error.filename)


def read_clip(path: str | Path) -> MidiClip:
    """One clip: a MIDI file, a Hydrogen file, one of them in an archive, or one of a Live set. Raises MidiFileError."""
    return Sources().read(Path(path))


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ARCHIVE_SUFFIX and os.path.isfile(path)


def _archive_of(path: Path) -> Path | None:
    """The archive that a path leads into."""
    return next((above for above in path.parents if _is_archive(above)), None)


def _inside(archive: Path, path: Path) -> str:
    return path.relative_to(archive).as_posix()


def _is_wanted(name: str) -> bool:
    """By the end of its name; but macOS puts a `._NAME` beside each file, on other disks and in its archives.

    What has no name at all, as only in archives, is looked at too: it is refused there.
    """
    beside = PurePosixPath(name).name.startswith("._")
    return not name or (not beside and name.lower().endswith((*CLIP_SUFFIXES, SET_SUFFIX, ARCHIVE_SUFFIX)))


def _objection(info: zipfile.ZipInfo, before: set[str]) -> str:
    """Why a file of an archive is not read; empty where it is."""
    parts = info.filename.replace("\\", "/").split("/")
    if ".." in parts or "" in parts or "." in parts or ":" in parts[0] or "\\" in info.orig_filename:
        return "a name that leads out of the archive or nowhere; make the archive again"
    if info.filename.lower().endswith(ARCHIVE_SUFFIX):
        return "an archive in an archive; unpack it"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link, not a file; put the file itself into the archive"
    if info.flag_bits & _ENCRYPTED:
        return "locked with a password; make the archive without"
    most = MAX_SET_BYTES if info.filename.lower().endswith(SET_SUFFIX) else MAX_FILE_BYTES
    if info.file_size > most:
        return f"unpacks to more than {most // 1_000_000} MB, which no drum clip is; export the drums alone"
    return "its name stands twice in the archive; make the archive again" if info.filename in before else ""


def _check_list(archive: Path, data: bytes) -> None:
    """A list of files may be made to fill the memory before one of them is read. Raises MidiFileError."""
    place = len(data) - _END_BYTES
    if data[place : place + 4] != _END or data[-2:] != b"\x00\x00":
        place = data.rfind(_END, max(0, len(data) - _END_BYTES - _LONGEST_COMMENT))
    if place < 0:
        raise MidiFileError(f"{archive}: no zip archive, or one that is cut short; make it again")
    length = int.from_bytes(data[place + 12 : place + 16], "little")
    if length > MAX_LIST_BYTES or data[place - 20 : place - 16] == _END64:
        raise MidiFileError(f"{archive}: the list of its files is too long; unpack it and give the folder")
