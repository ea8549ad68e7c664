"""The GPS block of EXIF with an estimated position, put into a block of metadata by appending to it alone.

A block of EXIF is a small TIFF file: directories that point at values by their distance from its start. Makers keep
notes in it that point at more, in ways that nobody published. So nothing in it moves: a copy of the first directory
that knows the GPS block goes to the end, the GPS block behind it, and the header points there.

Source: CIPA DC-008, Exchangeable image file format for digital still cameras: Exif Version 2.32, 2019, 4.6.6 (GPS).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from whence.photos.writing.estimate import MAP_DATUM, Estimate, UnwritableError

GPS_POINTER = 0x8825
_BYTE, _ASCII, _LONG, _RATIONAL, _UNDEFINED = 1, 2, 4, 5, 7
_VERSION, _LAT_REF, _LAT, _LON_REF, _LON, _TIME = 0, 1, 2, 3, 4, 7
_HEADING_REF, _HEADING, _DATUM, _METHOD, _DATE, _ERROR = 16, 17, 18, 27, 29, 31
_UNSURE_OF = frozenset({5, 6, 8, 9, 10, 11, 12, 13, 14, 15, *range(19, 27), 28, 30})
"""Tags of a fix that is not there or not usable: height, satellites, speed, track, destination, area, differential."""
_ENTRY, _COUNT, _NEXT = 12, 2, 4
_MOST_ENTRIES = 4096
_SECONDS, _MILLI = 100_000, 1_000


@dataclass(frozen=True, slots=True)
class _Value:
    kind: int
    count: int
    data: bytes


def with_position(block: bytes | None, estimate: Estimate) -> bytes:
    """A block of EXIF that has the position; what a given one holds stays where it is.

    Args:
        block: From its ``II`` or ``MM`` on; None to make one.
        estimate: To write.

    Raises:
        UnwritableError: The block is broken.
    """
    if block is None:
        block = b"MM\0*\0\0\0\x08\0\0\0\0\0\0"
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        raise UnwritableError("its EXIF block is not one that is known")
    entries, following = _directory(
        block, struct.unpack_from(f"{order}I", block, 4)[0] if len(block) >= 8 else 0, order
    )
    kept = _kept(block, entries.get(GPS_POINTER), order)
    values = _values(estimate, order, timed=_TIME in kept or _DATE in kept)
    start = len(block) + len(block) % 2
    gps_at = start + _COUNT + _ENTRY * len(entries | {GPS_POINTER: b""}) + _NEXT
    pointer = struct.pack(f"{order}HHII", GPS_POINTER, _LONG, 1, gps_at)
    main = _written(entries | {GPS_POINTER: pointer}, following, order)
    gps = _gps(kept, values, gps_at, order)
    head = block[:4] + struct.pack(f"{order}I", start) + block[8:]
    return head + b"\0" * (start - len(block)) + main + gps


def _directory(block: bytes, at: int, order: str) -> tuple[dict[int, bytes], bytes]:
    """Entries of a directory by their tags, 12 bytes each, and the pointer to the next."""
    if not 8 <= at <= len(block) - _COUNT:
        raise UnwritableError("its EXIF block is broken")
    (count,) = struct.unpack_from(f"{order}H", block, at)
    end = at + _COUNT + _ENTRY * count
    if count > _MOST_ENTRIES or end > len(block):
        raise UnwritableError("its EXIF block is broken")
    entries: dict[int, bytes] = {}
    for place in range(at + _COUNT, end, _ENTRY):
        entry = block[place : place + _ENTRY]
        entries.setdefault(struct.unpack_from(f"{order}H", entry)[0], entry)
    following = block[end : end + _NEXT]
    return entries, following if len(following) == _NEXT else b"\0" * _NEXT


def _kept(block: bytes, pointer: bytes | None, order: str) -> dict[int, bytes]:
    """What an earlier GPS block says beside a position, such as the time; nothing of one that is broken."""
    if pointer is None:
        return {}
    try:
        return _directory(block, struct.unpack_from(f"{order}I", pointer, 8)[0], order)[0]
    except UnwritableError:
        return {}


def _values(estimate: Estimate, order: str, *, timed: bool) -> Mapping[int, _Value]:
    """The tags of the position.

    Args:
        estimate: To write.
        order: ``<`` or ``>``.
        timed: Whether the block has a time already; a date would make that a false one.
    """

    def rationals(*fractions: tuple[int, int]) -> _Value:
        flat = [number for fraction in fractions for number in fraction]
        return _Value(_RATIONAL, len(fractions), struct.pack(f"{order}{len(flat)}I", *flat))

    def text(words: str) -> _Value:
        data = words.encode("ascii", "replace") + b"\0"
        return _Value(_ASCII, len(data), data)

    position, method = estimate.position, b"ASCII\0\0\0" + estimate.note.encode("ascii", "replace")
    values = {
        _VERSION: _Value(_BYTE, 4, b"\x02\x03\0\0"),
        _LAT_REF: text("S" if position.lat < 0 else "N"),
        _LAT: rationals(*_degrees(position.lat)),
        _LON_REF: text("W" if position.lon < 0 else "E"),
        _LON: rationals(*_degrees(position.lon)),
        _DATUM: text(MAP_DATUM),
        _METHOD: _Value(_UNDEFINED, len(method), method),
        _ERROR: rationals((min(round(estimate.radius_m * _MILLI), 2**32 - 1), _MILLI)),
    }
    if not timed:
        values[_DATE] = text(f"{estimate.made.astimezone(UTC):%Y:%m:%d}")
    if estimate.heading_deg is not None:
        values[_HEADING_REF] = text("T")
        values[_HEADING] = rationals((round(estimate.heading_deg % 360 * 100) % 36_000, 100))
    return values


def _degrees(angle: float) -> list[tuple[int, int]]:
    """Degrees, minutes and seconds as fractions: to a hundred thousandth of a second, 0.3 mm."""
    total = round(abs(angle) * 3600 * _SECONDS)
    minutes, seconds = divmod(total, 60 * _SECONDS)
    return [(minutes // 60, 1), (minutes % 60, 1), (seconds, _SECONDS)]


def _gps(kept: Mapping[int, bytes], values: Mapping[int, _Value], at: int, order: str) -> bytes:
    """The GPS block at its place: entries, then the values that do not fit into these."""
    own = {tag: entry for tag, entry in kept.items() if tag not in values and tag not in _UNSURE_OF}
    own = {tag: entry for tag, entry in own.items() if tag not in (_HEADING_REF, _HEADING) or _HEADING not in values}
    far = at + _COUNT + _ENTRY * (len(own) + len(values)) + _NEXT
    entries, data = dict(own), b""
    for tag, value in values.items():
        if len(value.data) <= 4:
            field = value.data.ljust(4, b"\0")
        else:
            field = struct.pack(f"{order}I", far + len(data))
            data += value.data + b"\0" * (len(value.data) % 2)
        entries[tag] = struct.pack(f"{order}HHI", tag, value.kind, value.count) + field
    return _written(entries, b"\0" * _NEXT, order) + data


def _written(entries: Mapping[int, bytes], following: bytes, order: str) -> bytes:
    """A directory, its tags rising as readers expect."""
    return struct.pack(f"{order}H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + following
