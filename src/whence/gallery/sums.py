"""Checksums of what a gallery stores: disks and memory flip bits, and most flipped bits of a number make a number.

Every row of a photo has three: CRC-32 of its features, of its pictures, and of all its other columns with the first
two, so that a column can be written anew without reading what is large. They are compared by ``whence repair``;
opening a gallery does not look at them. Rows without one were written before there were any, and are taken as they are.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from whence.gallery import schema

_PICTURES = ("thumbnail", "glance")
PLAIN = tuple(name for name in schema.PHOTOS_SCHEMA.names if name not in ("features", *_PICTURES, "row_crc"))
"""Columns of a photo that are small; all of them are summed up in ``row_crc``."""
_EPOCH, _MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
_SUM = "crc"


def sums(row: Mapping[str, Any]) -> dict[str, int]:
    """All checksums of a row of photos."""
    large = {"features_crc": zlib.crc32(row["features"]), "pictures_crc": _pictures_sum(row)}
    return {**large, "row_crc": plain_sum({**row, **large})}


def plain_sum(row: Mapping[str, Any]) -> int:
    """CRC-32 of a photo's small columns, as the table keeps them."""
    return _sum(row, PLAIN)


def resealed(row: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A row, or its small columns, with changes; its sum stays wrong if it was wrong before, so that it is noticed."""
    changed = {**row, **changes}
    known = row.get("row_crc")
    if known is None or known == plain_sum(row):
        changed["row_crc"] = plain_sum(changed)
    return changed


def trouble_of(row: Mapping[str, Any]) -> str:
    """What of a row of photos is not what was stored; empty if all is."""
    known = {name: row.get(name) for name in ("features_crc", "pictures_crc", "row_crc")}
    if known["features_crc"] not in (None, zlib.crc32(row["features"])):
        return "stored features are not what was stored"
    if known["pictures_crc"] not in (None, _pictures_sum(row)):
        return "a small picture is not what was stored"
    if known["row_crc"] not in (None, plain_sum(row)):
        return "what is known of a photo is not what was stored"
    return ""


def sealed(said: Mapping[str, Any]) -> str:
    """JSON in one line, with a checksum of its own."""
    text = json.dumps(said, sort_keys=True)
    return json.dumps({**said, _SUM: zlib.crc32(text.encode())}, sort_keys=True)


def unsealed(text: str) -> dict[str, Any]:
    """Inverse of ``sealed``; takes JSON that has no checksum, too.

    Raises:
        ValueError: It is damaged.
    """
    try:
        said = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(said, dict):
        raise ValueError("no object")
    known = said.pop(_SUM, None)
    if known is not None and known != zlib.crc32(json.dumps(said, sort_keys=True).encode()):
        raise ValueError("not what was stored")
    return said


def _pictures_sum(row: Mapping[str, Any]) -> int:
    return _sum(row, _PICTURES)


def _sum(row: Mapping[str, Any], names: Sequence[str]) -> int:
    """Columns without a value do not count, so that a column that comes later leaves older sums as they are."""
    total = 0
    for name in names:
        if (value := row.get(name)) is not None:
            total = zlib.crc32(name.encode() + b"=" + _encoded(value, schema.PHOTOS_SCHEMA.field(name).type), total)
    return total


def _encoded(value: Any, kind: pa.DataType) -> bytes:
    """A value as bytes, the same before and after it was stored."""
    if pa.types.is_floating(kind):
        return struct.pack("<d", value)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return struct.pack("<q", value)
    if pa.types.is_timestamp(kind):
        return struct.pack("<q", (value - _EPOCH) // _MICROSECOND)
    if pa.types.is_list(kind):
        return struct.pack("<I", len(value)) + b"".join(_encoded(part, kind.value_type) for part in value)
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data
