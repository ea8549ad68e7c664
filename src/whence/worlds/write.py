"""Towns as folders of JPEG files: a database with positions in its EXIF tags, and queries without."""

from __future__ import annotations

import csv
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import cv2
from PIL import ExifTags
from PIL import Image as Pillow
from PIL.TiffImagePlugin import IFDRational

from whence.errors import InputError
from whence.types import Image, LatLon
from whence.worlds.camera import View
from whence.worlds.survey import HEADINGS, SPACING_M
from whence.worlds.town import Town, elsewhere

BLOCKS = (3, 3)
QUERIES = 40
ELSEWHERE = 8
"""How many of the queries were taken in another town."""
SIZE = (640, 480)
"""Width and height of photos."""
_FORMAT = 1
"""Raised whenever the same arguments give other photos, so that an old folder is not topped up with new ones."""
_ARC = 100_000
"""Parts of an arc second in EXIF positions: a third of a millimetre."""
_CHUNK = 12


@dataclass(frozen=True)
class TownFiles:
    """What `write_town` wrote.

    Attributes:
        database: Folder of photos with positions.
        queries: Folder of photos without.
        table: CSV with the true positions of the queries: path (relative to the table), lat, lon, group.
        database_count: Photos in the database.
        query_count: Queries, those from elsewhere included.
    """

    database: Path
    queries: Path
    table: Path
    database_count: int
    query_count: int


def write_photo(
    path: Path,
    image: Image,
    position: LatLon | None = None,
    heading_deg: float | None = None,
    time: datetime | None = None,
    *,
    quality: int = 90,
) -> None:
    """Saves a JPEG with what is known about it in its EXIF tags; the file appears complete or not at all.

    Args:
        path: Where to; its folder must exist.
        image: ``(H, W, 3)`` RGB uint8.
        position: Latitude and longitude, kept to less than a millimetre.
        heading_deg: Direction of view, clockwise from true north.
        time: Local time.
        quality: JPEG quality, 1 to 95.
    """
    exif = Pillow.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Software] = "whence", "whence.worlds"
    if time is not None:
        exif[ExifTags.Base.DateTime] = f"{time:%Y:%m:%d %H:%M:%S}"
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{time:%Y:%m:%d %H:%M:%S}"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    if position is not None:
        gps[ExifTags.GPS.GPSLatitudeRef] = "N" if position.lat >= 0 else "S"
        gps[ExifTags.GPS.GPSLatitude] = _sexagesimal(position.lat)
        gps[ExifTags.GPS.GPSLongitudeRef] = "E" if position.lon >= 0 else "W"
        gps[ExifTags.GPS.GPSLongitude] = _sexagesimal(position.lon)
        gps[ExifTags.GPS.GPSMapDatum] = "WGS-84"
    if heading_deg is not None:
        gps[ExifTags.GPS.GPSImgDirectionRef] = "T"
        gps[ExifTags.GPS.GPSImgDirection] = IFDRational(round(heading_deg % 360 * 100) % 36000, 100)
    part = path.with_name(path.name + ".part")
    Pillow.fromarray(image).save(part, format="JPEG", quality=quality, exif=exif)
    part.replace(path)


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    units = round(abs(degrees) * 3600 * _ARC)
    minutes, seconds = divmod(units, 60 * _ARC)
    whole, minutes = divmod(minutes, 60)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(seconds, _ARC)


@dataclass(frozen=True, slots=True)
class _Shot:
    """One file to write; ``town`` is what `Town` is made from."""

    path: Path
    view: View
    tagged: bool
    town: tuple[int, tuple[int, int], str]
    size: tuple[int, int]


def write_town(
    folder: Path,
    *,
    seed: int = 0,
    blocks: tuple[int, int] = BLOCKS,
    spacing_m: float = SPACING_M,
    headings: int = HEADINGS,
    queries: int = QUERIES,
    strangers: int = ELSEWHERE,
    size: tuple[int, int] = SIZE,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> TownFiles:
    """Writes a small data set: ``database/``, ``queries/`` and ``queries.csv``.

    Photos that are there already, from an earlier call with the same arguments, are kept: an interrupted call can be
    repeated. The photos do not depend on ``workers``. With more than one, the calling script needs the usual
    ``if __name__ == "__main__":``.

    Args:
        folder: Made if missing.
        seed: Of the town.
        blocks: Of the town.
        spacing_m: Between the places of the database.
        headings: Photos per place.
        queries: How many, those from elsewhere included.
        strangers: How many of the queries come from another town; their position in the table is empty.
        size: Width and height of the photos.
        workers: Processes.
        progress: Called with the number of photos done, and of all photos.

    Raises:
        InputError: The folder holds another town, or the numbers make no sense.
    """
    if not 0 <= strangers <= queries or workers < 1:
        raise InputError(f"need 0 <= strangers <= queries and 1 worker; got {strangers}, {queries}, {workers}")
    town = Town(seed, blocks)
    files = (folder / "database", folder / "queries", folder / "queries.csv")
    for part in files[:2]:
        part.mkdir(parents=True, exist_ok=True)
    _claim(folder / "town.json", [_FORMAT, seed, blocks, spacing_m, headings, queries, strangers, size])

    base = (seed, blocks, town.family)
    shots = []
    for view in town.survey(spacing_m, headings):
        name = f"{view.place}-{round(view.heading_deg) % 360:03d}.jpg"
        shots.append(_Shot(files[0] / name, view, True, base, size))
    rows: list[tuple[str, str, str, str]] = []
    visitors = [(town, view) for view in town.queries(queries - strangers, spacing_m=spacing_m, headings=headings)]
    for index, (where, view) in enumerate([*visitors, *elsewhere(strangers, seed)]):
        name = f"query-{index:03d}.jpg"
        at = where.geolocate(view) if where is town else None
        rows.append((f"queries/{name}", f"{at.lat:.9f}" if at else "", f"{at.lon:.9f}" if at else "", view.place))
        shots.append(_Shot(files[1] / name, view, False, (where.seed, where.blocks, where.family), size))
    with files[2].open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows([("path", "lat", "lon", "group"), *rows])

    done = sum(shot.path.exists() for shot in shots)
    for count in _written([shot for shot in shots if not shot.path.exists()], workers):
        done += count
        if progress is not None:
            progress(done, len(shots))
    return TownFiles(*files, database_count=len(shots) - len(rows), query_count=len(rows))


def _claim(marker: Path, wanted: Sequence[object]) -> None:
    """Marks a folder as this town's, so that two towns never mix."""
    text = json.dumps(wanted)
    if marker.exists() and marker.read_text(encoding="utf-8") != text:
        raise InputError(f"{marker.parent} holds another town; choose an empty folder")
    marker.write_text(text, encoding="utf-8")


def _written(shots: list[_Shot], workers: int) -> Iterator[int]:
    """Writes shots, and yields how many more are done."""
    # Neighbouring views share textures: keep them together in one process.
    chunks = [shots[start : start + _CHUNK] for start in range(0, len(shots), _CHUNK)]
    if workers == 1 or len(chunks) < 2:
        yield from map(_write_shots, chunks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(chunks)), mp_context=context, initializer=_one_thread) as pool:
        for future in as_completed([pool.submit(_write_shots, chunk) for chunk in chunks]):
            yield future.result()


def _one_thread() -> None:
    cv2.setNumThreads(1)


@lru_cache(maxsize=2)
def _town(seed: int, blocks: tuple[int, int], family: str) -> Town:
    return Town(seed, blocks, family=family)


def _write_shots(shots: list[_Shot]) -> int:
    for shot in shots:
        town, view = _town(*shot.town), shot.view
        image = town.render(view, *shot.size)
        quality = view.lens.jpeg_quality
        if shot.tagged:
            write_photo(shot.path, image, town.geolocate(view), view.heading_deg, view.time, quality=quality)
        else:
            write_photo(shot.path, image, time=view.time, quality=quality)
    return len(shots)
