"""Tables of a gallery, version 2. Columns may be added in later versions; none changes its meaning.

The version goes up when an older whence would harm a gallery, or misread it, and only then: columns that it can leave
empty do not count. Every version that there ever was can be read, and is raised when it is first written to.

1: the tables. In the course of it came accuracy_m and label, said, glance, features_crc, the settings fov_deg and
   duplicates, and the table of contributions.
2: checksums of whole rows, of descriptors and of settings, which whoever changes a row has to keep.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from whence.types import Crs

SCHEMA_VERSION = 2
NEEDS = "0.1.0"
"""The oldest whence that reads this version."""

SETTINGS, PHOTOS, DESCRIPTORS, ARTEFACTS, SKIPPED = "settings", "photos", "descriptors", "artefacts", "skipped"
QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a gallery as a whole.

    Attributes:
        crs: What its positions mean.
        tolerance_m: Errors up to this many metres count as right; ``confidence`` is the probability of one.
        tolerance_given: Whether the user chose it; else it may follow the extent of a local plane.
        recipe: Name of the recipe.
        sections: The recipe's sections, whole.
        extractor: Fingerprint of the local features.
        root: Folder that paths are relative to.
        fov_deg: Field of view along the longest side of photos whose camera nothing else tells; None if not stated.
        written_by: Version of whence that made the gallery.
        schema_version: Of the tables.
        needs: The oldest whence that reads that version.
        duplicates: What becomes of near duplicates: ``keep`` or ``drop``.
    """

    crs: Crs
    tolerance_m: float
    tolerance_given: bool
    recipe: str
    sections: dict[str, Any] = field(hash=False)
    extractor: str
    root: str
    written_by: str
    schema_version: int = SCHEMA_VERSION
    fov_deg: float | None = None
    duplicates: str = "keep"
    needs: str = NEEDS


def sections_today(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A gallery's recipe as it is written today.

    The first ones said under ``[locate]`` how many photos to look at and when to be unsure, and had one way to find
    a position.
    """
    found = {name: dict(section) for name, section in sections.items()}
    place = found.get("locate", {})
    if "method" not in place:
        if "shortlist" in place:
            found.setdefault("retrieve", {"method": "similar", "top_k": place.pop("shortlist")})
        if "unsure_below" in place:
            found.setdefault("confidence", {"unsure_below": place.pop("unsure_below")})
        if "retrieve" in found and place == {}:
            found["locate"] = {"method": "places"}
    return found


SETTINGS_SCHEMA = pa.schema([("json", pa.string())])

PHOTOS_SCHEMA = pa.schema(
    [
        ("path", pa.string()),  # relative to the root where the photo lies below it; the key
        ("hash", pa.string()),  # of the content
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("lat", pa.float64()),
        ("lon", pa.float64()),
        ("x", pa.float64()),
        ("y", pa.float64()),
        ("position_source", pa.string()),
        ("source", pa.string()),  # the folder or table that named the photo
        ("cell", pa.int64()),  # S2 leaf
        ("time", pa.timestamp("us")),  # UTC where the zone is known, else the camera's clock
        ("time_is_utc", pa.bool_()),
        ("heading_deg", pa.float64()),
        ("altitude_m", pa.float64()),
        ("group", pa.string()),
        ("intrinsics", pa.list_(pa.float64())),  # fx, fy, cx, cy in pixels of the full-size photo
        ("accuracy_m", pa.float64()),  # horizontal error that the source of the position claims
        ("label", pa.string()),  # class that a data set puts the photo in
        ("said", pa.string()),  # fingerprint of what the source said when the photo was last looked at
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("feature_count", pa.int32()),
        ("features", pa.large_binary()),
        ("features_crc", pa.int64()),  # CRC-32 of them; see sums.py
        ("thumbnail", pa.binary()),
        ("glance", pa.binary()),  # 32 x 32 grey levels
        ("pictures_crc", pa.int64()),  # of the two
        ("row_crc", pa.int64()),  # of all that is small
    ]
)

ARTEFACTS_SCHEMA = pa.schema([("fingerprint", pa.string()), ("learned_from", pa.int64()), ("data", pa.large_binary())])

QUARANTINE_SCHEMA = pa.schema([("id", pa.string()), ("number", pa.int64()), ("json", pa.string())])

SKIPPED_SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("placed", pa.bool_()),  # whether the source gave a position; if not, EXIF had to
        ("reason", pa.string()),
        ("written_by", pa.string()),  # the version, and after a blank the circumstances under which the reason holds
    ]
)


def descriptors_schema(dimension: int) -> pa.Schema:
    """The descriptors of one model: its rows all name the same fingerprint."""
    return pa.schema(
        [
            ("hash", pa.string()),
            ("model", pa.string()),
            ("descriptor", pa.list_(pa.float16(), dimension)),
            ("crc", pa.int64()),  # of all three; see sums.py
        ]
    )


def descriptor_table(hashes: list[str], model: str, vectors: Any) -> pa.Table:
    """Rows of the descriptors table from ``(N, D)`` vectors."""
    import numpy as np

    half = np.asarray(vectors, dtype=np.float16)
    rows = pa.FixedSizeListArray.from_arrays(pa.array(half.ravel()), half.shape[1])
    checksums = [descriptor_sum(*row) for row in zip(hashes, [model] * len(hashes), half, strict=True)]
    return pa.Table.from_arrays(
        [pa.array(hashes, pa.string()), pa.array([model] * len(hashes), pa.string()), rows, pa.array(checksums)],
        schema=descriptors_schema(half.shape[1]),
    )


def descriptor_sum(digest: str, model: str, descriptor: Any) -> int:
    """CRC-32 of a descriptor ``(D,)`` in half precision, with what it belongs to."""
    import numpy as np

    whose = zlib.crc32(f"{digest}\0{model}\0".encode())
    return zlib.crc32(np.asarray(descriptor, "<f2").tobytes(), whose)
