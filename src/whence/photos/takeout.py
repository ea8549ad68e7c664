"""Google Takeout: the JSON file that goes with a photo, and what it says of where and when.

Google documents neither names nor content. What is relied on here is what users of its exports have found:

- The JSON of ``IMG.jpg`` is ``IMG.jpg.json``, since 2024 ``IMG.jpg.supplemental-metadata.json``. The name without
  ``.json`` is cut to 46 characters: first the addition goes (``.supplemental-me``, ``.s``, even a lone dot), then the
  photo's own name, which Takeout itself cuts to 51 characters with its suffix.
- Of photos with one name the second is ``IMG(1).jpg``, its JSON ``IMG.jpg(1).json`` or
  ``IMG.jpg.supplemental-metadata(1).json``; the number is not cut.
- A copy edited in Google Photos is ``IMG-edited.jpg`` (in the language of the account) and has no JSON of its own. If
  that would be longer than 51 characters, the addition is cut: ``...-edi.jpg``.
- ``title`` in the JSON is the name that the photo was uploaded under, uncut and without number. Characters that file
  names cannot have are ``_`` in the photo's name.
- ``photoTakenTime`` is UTC. ``geoData`` is where Google Photos shows the photo, ``geoDataExif`` what its EXIF said;
  0, 0 means none, and so does a height of exactly 0.

A photo and the photo that it is an edited copy of share a JSON; no other two do. Where a name alone does not decide,
``title`` has to, and where it does not either, there is no JSON.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from whence.errors import PhotoError
from whence.photos import files, gps
from whence.photos.checks import position_problem
from whence.photos.decode import SUFFIXES
from whence.types import Fix, LatLon

SOURCE = "takeout"
_MAX_BYTES = 4 * 1024**2
_ADDITION = ".supplemental-metadata"
_JSON_NAME, _PHOTO_NAME = 46, 51
"""Characters that are left of a JSON's name without ``.json``, and of a photo's name."""
_SURELY_WHOLE = _JSON_NAME - 2
"""A JSON's name that is shorter has not been cut inside the photo's name, give or take."""
_NUMBERED = re.compile(r"(.+)(\(\d+\))", re.DOTALL)
_EDITED = (
    "edited",
    "bearbeitet",
    "bewerkt",
    "editada",
    "editado",
    "editat",
    "edytowane",
    "ha editado",
    "modificata",
    "modificato",
    "modifié",
    "muokattu",
    "redigerad",
    "redigeret",
    "redigert",
    "upraveno",
    "編集済み",
    "изменено",
    "已修改",
    "已編輯",
    "수정됨",
)
_ORIGINALS = (".heic", ".HEIC", ".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".webp", ".heif", ".avif")
"""What an edited copy, nearly always a JPEG, may have been made from."""


class NotTakeoutError(Exception):
    """A JSON file of something else."""


class BrokenTakeoutError(Exception):
    """It cannot be read; the message says why, in words for the user."""


def read_takeout(path: Path) -> tuple[str, Fix]:
    """The title and the facts in one JSON file.

    Raises:
        NotTakeoutError: It does not come from Google Photos.
        BrokenTakeoutError: It cannot be read.
    """
    try:
        data = files.read(path)
        said = json.loads(data) if len(data) <= _MAX_BYTES else None
    except PhotoError as error:
        raise BrokenTakeoutError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise BrokenTakeoutError("it is not JSON") from error
    if not isinstance(said, dict) or not {"photoTakenTime", "geoData", "geoDataExif"} & set(said):
        raise NotTakeoutError
    position, altitude = _position(said.get("geoData"))
    if position is None:
        position, altitude = _position(said.get("geoDataExif"))
    title = said.get("title")
    return (title if isinstance(title, str) else ""), Fix(
        position, SOURCE, time=_time(said.get("photoTakenTime")), altitude_m=altitude
    )


def _position(block: Any) -> tuple[LatLon | None, float | None]:
    if not isinstance(block, dict):
        return None, None
    lat, lon, altitude = (gps.number(block.get(name)) for name in ("latitude", "longitude", "altitude"))
    if lat is None or lon is None or position_problem(LatLon(lat, lon)):
        return None, None
    return LatLon(lat, lon), gps.altitude_m({6: altitude or None})


def _time(block: Any) -> datetime | None:
    try:
        written = block["timestamp"]
        seconds = 0 if isinstance(written, bool) else int(written)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (TypeError, KeyError, ValueError, OverflowError, OSError):
        return None


class TakeoutFolder:
    """Which JSON of a folder goes with which of its photos. Looking one up takes no look at the others' names.

    Args:
        folder: Where they lie.
        photos: Names of the photos in it.
        jsons: Names that end in ``.json``.
    """

    def __init__(self, folder: Path, photos: Iterable[str], jsons: Iterable[str]) -> None:
        self._folder = folder
        self._photos = tuple(photos)
        self._jsons = frozenset(jsons)

    def find(self, photo: str) -> str | None:
        """Name of the photo's JSON."""
        if not self._jsons:
            return None
        found = self._whole(photo) or self._long.get(photo) or self._unsuffixed(photo)
        originals = [] if found else _originals(photo)
        return found or next((own for name in originals if (own := self._own(name))), None) or self._cut_short(photo)

    def _own(self, photo: str) -> str | None:
        return self._whole(photo) or self._long.get(photo)

    def _cut_short(self, photo: str) -> str | None:
        """Of the one photo that this may be an edited copy of whose addition is cut; with two there is no telling."""
        originals = _cut_originals(photo).intersection(self._photos) - {photo}
        return self._own(originals.pop()) if len(originals) == 1 else None

    def _whole(self, photo: str) -> str | None:
        """By a JSON's name that has all of the photo's; no two photos have such a one in common."""
        return next((name for name in _names(photo) if name in self._jsons), None)

    def _unsuffixed(self, photo: str) -> str | None:
        """A photo uploaded without a suffix gets one in Takeout, which its JSON lacks."""
        stem = photo.rpartition(".")[0]
        title, _ = _unnumbered(stem)
        found = next((name for name in _names(stem) if name in self._jsons), None)
        if found is None or self._stems[stem] > 1 or title.lower().endswith(SUFFIXES):
            return None
        return found if _key(self._title(found)) in (_key(title), _key(stem)) else None

    @cached_property
    def _stems(self) -> dict[str, int]:
        counted: dict[str, int] = defaultdict(int)
        for photo in self._photos:
            counted[photo.rpartition(".")[0]] += 1
        return counted

    @cached_property
    def _long(self) -> dict[str, str]:
        """JSON by photo where names were cut inside the photo's: as many of a title as photos, or none."""
        photos: dict[str, list[tuple[int, str]]] = defaultdict(list)
        taken = set()
        for photo in self._photos:
            if len(photo) > _SURELY_WHOLE and not _originals(photo):
                whole = self._whole(photo)
                if whole is not None:
                    taken.add(whole)
                else:
                    title, number = _split(photo)
                    photos[_cut(title)].append((number, photo))
        if not photos:
            return {}
        jsons: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for name in self._jsons - taken:
            stem, number = _unnumbered(name.removesuffix(".json"))
            if len(stem) >= _SURELY_WHOLE and (title := self._title(name)) and _key(title).startswith(_key(stem)):
                jsons[_cut(title)].append((number, name))
        found: dict[str, str] = {}
        for key, of_title in photos.items():
            if len(of_title) == len(jsons[key]):
                pairs = zip(sorted(of_title), sorted(jsons[key]), strict=True)
                found.update((photo, name) for (_, photo), (_, name) in pairs)
        return found

    def _title(self, name: str) -> str:
        try:
            return read_takeout(self._folder / name)[0]
        except (NotTakeoutError, BrokenTakeoutError):
            return ""


def _names(photo: str) -> Iterator[str]:
    """Names of a JSON that say all of the photo's name, the likeliest first."""
    forms = [(photo, "")]
    stem, dot, suffix = photo.rpartition(".")
    match = _NUMBERED.fullmatch(stem)
    if match:
        forms.append((match[1] + dot + suffix, match[2]))
    for name, number in forms:
        for length in range(len(_ADDITION), -1, -1):
            yield f"{name}{_ADDITION[:length]}{number}.json"


def _originals(photo: str) -> list[str]:
    """Names of the photo that this one may be an edited copy of."""
    stem, dot, suffix = photo.rpartition(".")
    match = _NUMBERED.fullmatch(stem)
    stem, number = match.groups() if match else (stem, "")
    plain = unicodedata.normalize("NFC", stem)
    for word in _EDITED:
        if plain.casefold().endswith(f"-{word}") and len(plain) > len(word) + 1:
            base = plain[: -len(word) - 1] + number
            return [base + dot + suffix, *(base + other for other in _ORIGINALS)]
    return []


def _cut_originals(photo: str) -> set[str]:
    """``_originals`` of a name that is as long as names may be, and ends in the beginning of an addition."""
    stem, dot, suffix = photo.rpartition(".")
    match = _NUMBERED.fullmatch(stem)
    stem, number = match.groups() if match else (stem, "")
    if len(stem + dot + suffix) != _PHOTO_NAME:
        return set()
    base, dash, begun = stem.rpartition("-")
    if not (base and dash and begun and any(word.startswith(begun.casefold()) for word in _EDITED)):
        return set()
    return {base + number + other for other in (dot + suffix, *_ORIGINALS)}


def _split(photo: str) -> tuple[str, int]:
    """``IMG(1).jpg`` to ``IMG.jpg`` and 1."""
    stem, dot, suffix = photo.rpartition(".")
    plain, number = _unnumbered(stem)
    return plain + dot + suffix, number


def _unnumbered(stem: str) -> tuple[str, int]:
    match = _NUMBERED.fullmatch(stem)
    return (match[1], int(match[2][1:-1])) if match else (stem, 0)


def _cut(title: str) -> str:
    """The title as a photo's name keeps it."""
    stem, dot, suffix = title.rpartition(".")
    return _key(stem[: _PHOTO_NAME - len(dot + suffix)] + dot + suffix)


def _key(name: str) -> str:
    """For comparing: the same for a title and for the name that a file system allows."""
    return re.sub(r"[^\w.]", "_", unicodedata.normalize("NFC", name)).casefold()
