"""What the benchmarks share: photos with known positions, held-out queries, tables of figures."""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2

import whence
from whence.geo.plane import Plane
from whence.types import XY, LatLon, Position

SETS = {
    "getty": ("getty/database.csv", "getty/queries.csv", 5.0),
    "venice": ("venice/database.csv", "venice/queries.csv", 25.0),
    "fondren": ("fondren/database.csv", "fondren/queries.csv", 5.0),
    "croatia": ("croatia/database.csv", "croatia/queries.csv", 100_000.0),
    "gardens_day": ("gardens_point/day_left.csv", "gardens_point/day_right.csv", 2.0),
}
"""Database, queries and tolerance in metres (frames for ``gardens_day``), below the folder of real photos."""
TOWN = "town"
TOWN_BLOCKS, TOWN_QUERIES, TOWN_TOLERANCE_M = (2, 2), 40, 10.0
_HELD_OUT = 5
"""One in so many groups of a database is held out."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """A photo with its true position."""

    path: Path
    position: Position
    group: str


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """What a benchmark runs on.

    Attributes:
        name: For the heading.
        table: CSV of the database, for ``whence.index``.
        database: Its rows.
        queries: Photos to locate; none is in the database.
        tolerance_m: An error up to this counts as right.
    """

    name: str
    table: Path
    database: tuple[Row, ...]
    queries: tuple[Row, ...]
    tolerance_m: float


def parser(description: str | None, *, queries: int | None = None) -> argparse.ArgumentParser:
    """The options that the benchmarks have in common; ``queries`` is the default of ``--queries``, if there is one."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    made.add_argument("--set", choices=[*SETS, TOWN], help="photos; without real photos a rendered town")
    made.add_argument("--data", type=Path, default=os.environ.get("WHENCE_DATA"), help="folder of real photos")
    made.add_argument("--work", type=Path, help="folder to keep galleries in for the next run; else a temporary one")
    if queries is not None:
        made.add_argument("--queries", type=int, default=queries, help="so many queries, spread evenly")
        made.add_argument("--photos", type=int, default=0, help="only the first photos of the database; 0 for all")
        made.add_argument(
            "--scored", action="store_true", help="the set's own queries; else held-out groups of its database"
        )
    return made


@contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """The folder for galleries and rendered photos; one that nobody asked for is removed at the end."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="whence-benchmark-") as folder:
        yield Path(folder)


def photo_set(args: argparse.Namespace, work: Path, *, hold_out: bool = True) -> PhotoSet:
    """The photos asked for, with the database written as a table into ``work``.

    Args:
        args: As made by ``parser``.
        work: Folder for the table, and for a rendered town.
        hold_out: Whether queries are needed.
    """
    name = args.set or (TOWN if args.data is None else "getty")
    photos, scored = getattr(args, "photos", 0), getattr(args, "scored", False)
    if name == TOWN:
        database, queries = _town(work / TOWN)
        kept, tolerance_m = database[: photos or None], TOWN_TOLERANCE_M
    else:
        if args.data is None:
            sys.exit(f"--set {name}: name the folder of real photos by --data or WHENCE_DATA")
        first, second, tolerance_m = SETS[name]
        rows = _read(Path(args.data) / first)[: photos or None]
        kept, queries = rows, []
        if hold_out and scored:
            queries = _read(Path(args.data) / second)
        elif hold_out:
            kept = [row for row in rows if not _is_held_out(row.group)]
            queries = [row for row in rows if _is_held_out(row.group)]
    chosen = spread(queries, getattr(args, "queries", 0)) if hold_out else []
    tag = f"{name}-{len(kept)}{'-scored' if scored else ''}"
    table = write_table(work / f"{tag}.csv", kept)
    return PhotoSet(tag, table, tuple(kept), tuple(chosen), tolerance_m)


def spread(items: Sequence[T], count: int) -> list[T]:
    """Every k-th item, at most ``count``; all for 0."""
    if not 0 < count < len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def write_table(path: Path, rows: Sequence[Row]) -> Path:
    """A CSV that ``whence index`` reads."""
    names = ("x", "y") if isinstance(rows[0].position, XY) else ("lat", "lon")
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(("path", *names, "group"))
        for row in rows:
            out.writerow((row.path, *(repr(getattr(row.position, name)) for name in names), row.group))
    return path


def error_m(answer: Position | None, truth: Position) -> float:
    """Metres from the truth; infinite without an answer."""
    if answer is None:
        return float("inf")
    east, north = Plane.around([truth]).point(answer)
    truth_east, truth_north = Plane.around([truth]).point(truth)
    return float(((east - truth_east) ** 2 + (north - truth_north) ** 2) ** 0.5)


def heading(title: str) -> None:
    """The benchmark's name, and what it runs on."""
    python, cores = platform.python_version(), os.cpu_count()
    print(
        f"{title}\nwhence {whence.__version__}, OpenCV {cv2.__version__}, Python {python}, {cores} cores\n", flush=True
    )


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table in plain text: the first column to the left, the others to the right."""
    cells = [list(columns), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    print(title)
    for number, line in enumerate(cells):
        first, *others = (
            text.rjust(width) if i else text.ljust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())
        if not number:
            print("  ".join("-" * width for width in widths))
    print(flush=True)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_held_out(group: str) -> bool:
    """The split that the project is tuned on: queries of the scored sets stay unseen."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % _HELD_OUT == 0


def _read(table: Path) -> list[Row]:
    """Photos of a CSV that have a position."""
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    return [
        Row((table.parent / row["path"]).resolve(), position, _group(row))
        for row in rows
        if (position := _position(row)) is not None
    ]


def _group(row: dict[str, str]) -> str:
    """The group; frames of a walk without groups are cut into fives."""
    return row.get("group") or str(int(float(row.get("frame") or row.get("x") or 0)) // 5)


def _position(row: dict[str, str]) -> Position | None:
    if row.get("lat") and row.get("lon"):
        return LatLon(float(row["lat"]), float(row["lon"]))
    if row.get("x") and row.get("y"):
        return XY(float(row["x"]), float(row["y"]))
    return None


def _town(folder: Path) -> tuple[list[Row], list[Row]]:
    """A rendered town: photos of its survey, and those that visitors took later."""
    from PIL import Image as Pillow

    from whence.photos.exif import read_exif
    from whence.worlds import write_town

    folder.mkdir(parents=True, exist_ok=True)
    print("no real photos named: rendering a town", file=sys.stderr)
    written = write_town(folder, blocks=TOWN_BLOCKS, queries=TOWN_QUERIES, strangers=0, workers=os.cpu_count() or 1)
    database = []
    for path in sorted(written.database.glob("*.jpg")):
        with Pillow.open(path) as image:
            position = read_exif(image).position
        if position is not None:
            database.append(Row(path.resolve(), position, path.stem.rpartition("-")[0]))
    return database, _read(written.table)
