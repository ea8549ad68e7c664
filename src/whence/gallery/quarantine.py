"""Photos that somebody brought and nobody admitted yet: a table of their own, which no search looks at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa

from whence.errors import GalleryError
from whence.gallery import schema
from whence.gallery.store import Store
from whence.gallery.sums import sealed, unsealed
from whence.photos.files import content_hash
from whence.photos.names import native, stored
from whence.types import XY, LatLon, Photo, Position


class Verdict(StrEnum):
    """What becomes of a contribution."""

    WAITING = "waiting"
    REVIEW = "review"
    ADMIT = "admit"
    ADMITTED = "admitted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Contribution:
    """One photo in quarantine.

    Attributes:
        id: Hash of its content.
        path: Of the file, absolute.
        verdict: ``waiting`` until it was looked at, ``review`` until a person decides, ``admit`` until it is indexed.
        reason: For the verdict, in words.
        facts: What is said of it: position, its source, time, heading, group, by column as in the table of photos.
        off_m: From where the gallery locates it to its pin; None where it cannot tell.
        witnesses: Photos of the gallery that it was held against.
    """

    id: str
    path: str
    verdict: Verdict
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    off_m: float | None = None
    witnesses: tuple[str, ...] = ()

    @classmethod
    def of(cls, photo: Photo, id: str, path: str) -> Contribution:
        """One that waits, of a photo whose position is known."""
        position = photo.position
        pair = {"lat": position.lat, "lon": position.lon} if isinstance(position, LatLon) else {}
        pair |= {"x": position.x, "y": position.y} if isinstance(position, XY) else {}
        said = {
            **pair,
            "position_source": photo.position_source,
            "time": photo.time.isoformat() if photo.time else None,
            "heading_deg": photo.heading_deg,
            "altitude_m": photo.altitude_m,
            "group": photo.group,
        }
        return cls(id, path, Verdict.WAITING, facts={name: value for name, value in said.items() if value is not None})

    @property
    def photo(self) -> Photo:
        """As it would be indexed."""
        said = dict(self.facts)
        time, position = said.pop("time", None), self.position
        for name in ("lat", "lon", "x", "y"):
            said.pop(name, None)
        taken = datetime.fromisoformat(time) if time else None
        return Photo(Path(self.path), self.path, position=position, time=taken, **said)

    @property
    def version(self) -> str:
        """Changes with what is said of it."""
        return content_hash(json.dumps(dict(self.facts), sort_keys=True).encode())[:16]

    @property
    def name(self) -> str:
        """By which a reviewer decides on it: on what is said of it now."""
        return f"{self.id[:12]}@{self.version[:6]}"

    @property
    def position(self) -> Position:
        """Where it says that it was taken."""
        said = self.facts
        return LatLon(said["lat"], said["lon"]) if "lat" in said else XY(said["x"], said["y"])


def contributions(store: Store) -> list[Contribution]:
    """All, in the order in which they came."""
    table = store.table(schema.QUARANTINE)
    if table is None:
        return []
    return [
        read_contribution(row["json"]) for row in sorted(table.to_arrow().to_pylist(), key=lambda row: row["number"])
    ]


def put(store: Store, brought: Sequence[Contribution]) -> None:
    """Stores some, in place of what was known of the same content, in one transaction. Call it under the lock."""
    if not brought:
        return
    store.raise_version()
    table = store.table(schema.QUARANTINE)
    known = {} if table is None else {row["id"]: row["number"] for row in table.to_arrow().to_pylist()}
    free = max(known.values(), default=-1) + 1
    rows = []
    for one in brought:
        number = known.setdefault(one.id, free)
        free += number == free
        rows.append({"id": one.id, "number": number, "json": _written(one)})
    found = pa.Table.from_pylist(rows, schema=schema.QUARANTINE_SCHEMA)
    if table is None:
        store.append(schema.QUARANTINE, found)
    else:
        table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(found)


def _written(one: Contribution) -> str:
    said = {**asdict(one), "path": stored(one.path), "witnesses": [stored(path) for path in one.witnesses]}
    return sealed(said)


def read_contribution(text: str) -> Contribution:
    """One, as it is stored.

    Raises:
        GalleryError: It is damaged.
    """
    try:
        said = unsealed(text)
        witnesses = tuple(native(path) for path in said["witnesses"])
        return Contribution(
            **{**said, "path": native(said["path"]), "verdict": Verdict(said["verdict"]), "witnesses": witnesses}
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GalleryError("a contribution is damaged; whence repair GALLERY takes it out") from error
