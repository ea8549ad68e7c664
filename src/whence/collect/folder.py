"""The folder that is collected into: its tables, and what makes it possible to go on.

``photos/`` and ``photos.csv`` are what `whence index` reads, ``list.csv`` is all that was found, ``ATTRIBUTION.txt``
names the authors; ``collect.json`` says which request the folder answers, and ``.collect/`` holds the journals.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import whence
from whence.collect.areas import Cell
from whence.collect.fetching import Version
from whence.collect.journal import Journal
from whence.collect.licences import Licence
from whence.collect.request import Request
from whence.collect.source import Listed
from whence.collect.sweep import Swept
from whence.errors import InputError
from whence.photos import files
from whence.types import LatLon

NOTE = "collect.json"
LOCK = ".collect.lock"
_FORMAT = 1
_OPENERS = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "path",
    "lat",
    "lon",
    "heading",
    "time",
    "group",
    "label",
    "id",
    "source",
    "author",
    "title",
    "licence",
    "licence_url",
    "page",
    "accuracy_m",
    "width",
    "height",
    "url",
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is there.

    Attributes:
        photo: What the service says of it.
        file: Its name in ``photos/``.
        bytes: Of the file.
        width: Pixels.
        height: Pixels.
        version: Which state of it the server gave.
    """

    photo: Listed
    file: str
    bytes: int
    width: int
    height: int
    version: Version


class Folder:
    """A folder and its journals, for the one process that holds its lock.

    Args:
        out: The folder.
        request: What it is to answer.
        update: The list is asked for anew.

    Raises:
        InputError: It holds something else, or answers another request.
    """

    def __init__(self, out: Path, request: Request, *, update: bool) -> None:
        self.out, self.request = out, request
        self.photos, self.parts = out / "photos", out / ".collect" / "parts"
        note = _read_note(out / NOTE)
        if note is None and any(path.name not in (LOCK, ".collect") for path in out.iterdir()):
            raise InputError(f"--out {out} holds other files; name a new folder, or one that was collected before")
        if note is not None and note.get("request") != request.told():
            told = _difference(note, request)
            raise InputError(f"--out {out} was collected with {told}; repeat that command, or name another folder")
        self.parts.mkdir(parents=True, exist_ok=True)
        self.photos.mkdir(exist_ok=True)
        listed = out / ".collect" / "listed.jsonl"
        if note is None or update or note.get("limits") != request.limits:
            listed.unlink(missing_ok=True)
            note = {
                "format": _FORMAT,
                "whence": whence.__version__,
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "until_s": int(time.time()),
                "request": request.told(),
                "limits": request.limits,
            }
            files.write(out / NOTE, (json.dumps(note, indent=1) + "\n").encode())
        self.until_s = int(note["until_s"])
        self._listed, self._fetched = Journal(listed), Journal(out / ".collect" / "fetched.jsonl")
        self._cells = {(entry.get("area"), entry.get("cell")): entry for entry in self._listed.lines()}
        self.pictures = {
            picture.photo.id: picture for entry in self._fetched.lines() if (picture := _picture(entry)) is not None
        }

    def known(self, number: int, cell: Cell) -> Swept | None:
        """What was found out about a cell of an area."""
        entry = self._cells.get((number, cell.key))
        if entry is None:
            return None
        try:
            photos = [_listed(one) for one in entry["photos"]]
            counts = {name: int(entry[name]) for name in ("outside", "refused", "unusable")}
            return Swept(photos, bool(entry["divided"]), bool(entry["crowded"]), **counts)
        except (KeyError, TypeError, ValueError):
            return None

    def keep(self, number: int, cell: Cell, swept: Swept) -> None:
        """Writes down what was found out about a cell."""
        told: dict[str, Any] = {field.name: getattr(swept, field.name) for field in fields(swept)}
        told["photos"] = [_told(photo) for photo in swept.photos]
        self._listed.add({"area": number, "cell": cell.key, **told})

    def add(self, picture: Picture) -> None:
        """Writes down a picture that lies in its place."""
        entry = {
            "photo": _told(picture.photo),
            "file": picture.file,
            "bytes": picture.bytes,
            "width": picture.width,
            "height": picture.height,
            "etag": picture.version.etag,
            "modified": picture.version.modified,
        }
        self._fetched.add(entry)
        self.pictures[picture.photo.id] = picture

    def has(self, picture: Picture) -> bool:
        """Whether its file is still what was written."""
        try:
            return (self.photos / picture.file).stat().st_size == picture.bytes
        except OSError:
            return False

    def write_list(self, photos: Iterable[Listed]) -> None:
        """Writes ``list.csv``."""
        rows = [self._row(photo, self.pictures.get(photo.id)) for photo in _sorted(photos)]
        _write(self.out / "list.csv", rows)

    def write_tables(self, photos: dict[str, Listed]) -> int:
        """Writes ``photos.csv`` and ``ATTRIBUTION.txt`` for the pictures that are there; how many that are.

        Args:
            photos: By id, what the list says of them now; pictures that are no longer in it stay as they were.
        """
        here = {name: picture for name, picture in list(self.pictures.items()) if self.has(picture)}
        now = {name: photos.get(name, picture.photo) for name, picture in here.items()}
        order = _sorted(now.values())
        _write(self.out / "photos.csv", [self._row(photo, here[photo.id]) for photo in order])
        lines = [_attribution(photo, here[photo.id].file) for photo in order]
        head = f"Photos from {self.request.source}, in sizes that it made of them; the rights are their authors'.\n\n"
        _save(self.out / "ATTRIBUTION.txt", head + "\n".join(lines) + "\n")
        return len(here)

    def _row(self, photo: Listed, picture: Picture | None) -> list[str]:
        place = photo.position
        said = {
            "path": f"photos/{picture.file}" if picture else "",
            "lat": f"{place.lat:.7f}" if place else "",
            "lon": f"{place.lon:.7f}" if place else "",
            "heading": f"{photo.heading_deg:.2f}" if photo.heading_deg is not None else "",
            "time": photo.time.isoformat() if photo.time else "",
            "accuracy_m": f"{photo.accuracy_m:g}" if photo.accuracy_m is not None else "",
            "width": str(picture.width) if picture else "",
            "height": str(picture.height) if picture else "",
        }
        words = {
            "group": photo.group,
            "label": photo.label,
            "id": photo.id,
            "source": self.request.source,
            "author": photo.author,
            "title": photo.title,
            "licence": photo.licence.name,
            "licence_url": photo.licence.url,
            "page": photo.page,
            "url": photo.url,
        }
        said |= {name: safe_cell(word) for name, word in words.items()}
        return [said[name] for name in _COLUMNS]


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe is put before one that might be.

    >>> safe_cell("=HYPERLINK(1)"), safe_cell("a = b")
    ("'=HYPERLINK(1)", 'a = b')
    """
    return f"'{text}" if text.startswith(_OPENERS) else text


def _sorted(photos: Iterable[Listed]) -> list[Listed]:
    return sorted(photos, key=lambda photo: (photo.label, len(photo.id), photo.id))


def _attribution(photo: Listed, file: str) -> str:
    title, author = photo.title or "untitled", photo.author or "author not stated"
    licence = f"{photo.licence.name} {photo.licence.url}".strip()
    return f"{file}: {title}, by {author}, {licence}, {photo.page or 'no page'}"


def _write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([list(_COLUMNS), *rows])
    _save(path, text.getvalue())


def _save(path: Path, text: str) -> None:
    try:
        files.write(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def _read_note(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read; it says what the folder answers ({type(error).__name__})") from error
    if not isinstance(found, dict) or found.get("format") != _FORMAT or not isinstance(found.get("until_s"), int):
        raise InputError(f"{path} was written by another version of whence, or is damaged; name another folder")
    return found


def _difference(note: dict[str, Any], request: Request) -> str:
    before, now = note.get("request"), request.told()
    names = [name for name in now if not isinstance(before, dict) or before.get(name) != now[name]]
    told = {
        "areas": "another area or query",
        "licences": "other licences",
        "size_px": "another --size",
        "worst_accuracy_m": "another --accuracy",
    }
    return told.get(names[0], f"another {names[0]}") if names else "another command"


def _told(photo: Listed) -> dict[str, Any]:
    told: dict[str, Any] = {field.name: getattr(photo, field.name) for field in fields(photo)}
    told["licence"] = [photo.licence.kind, photo.licence.name, photo.licence.url]
    told["position"] = None if photo.position is None else [photo.position.lat, photo.position.lon]
    told["time"] = None if photo.time is None else photo.time.isoformat()
    return told


def _listed(told: dict[str, Any]) -> Listed:
    read = dict(told)
    read["licence"] = Licence(*told["licence"])
    read["position"] = None if told["position"] is None else LatLon(*map(float, told["position"]))
    read["time"] = None if told["time"] is None else datetime.fromisoformat(told["time"])
    return Listed(**read)


def _picture(entry: dict[str, Any]) -> Picture | None:
    """None for an entry that cannot be read, or whose file would lie elsewhere."""
    try:
        photo = _listed(entry["photo"])
        file, numbers = str(entry["file"]), [int(entry[name]) for name in ("bytes", "width", "height")]
        version = Version(str(entry["etag"]), str(entry["modified"]))
    except (KeyError, TypeError, ValueError):
        return None
    if Path(file).name != file:
        return None
    return Picture(photo, file, numbers[0], numbers[1], numbers[2], version)
