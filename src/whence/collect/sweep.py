"""Everything that a service has of an area, although it gives only so much at once, and not always the same."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from whence.collect.areas import Cell
from whence.collect.request import Area
from whence.collect.source import Listed, Listing, RemoteSource, Wanted

_PASSES = 6
"""A question that still brings something new after so many answers is left at that."""
_SHARES = 8
"""Of a limit: so many cells at least are looked into, if there are as many."""
_EVERYTHING = 10**9
_MORE = 8
"""Times as many are asked for where a limit let too few pass that are wanted."""
_FIRST_S = 946_684_800
"""The year 2000: nothing was put on the network before that these services have."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What is known of one cell.

    Attributes:
        photos: Those of its answers that may be used.
        divided: Whether its halves are asked, too.
        crowded: Whether it holds more than the service gives, and cannot be cut.
        outside: How many lay elsewhere.
        refused: How many had a licence that is not taken, or too coarse a position.
        unusable: How many had no address or position.
    """

    photos: list[Listed]
    divided: bool = False
    crowded: bool = False
    outside: int = 0
    refused: int = 0
    unusable: int = 0


@dataclass
class Sum:
    """What a sweep found.

    Attributes:
        photos: By id, in the order found.
        crowded: Cells that hold more than could be had.
        outside: Results that lay elsewhere.
        refused: Results whose licence or accuracy was not wanted.
        unusable: Results without an address or position.
    """

    photos: dict[str, Listed]
    crowded: int = 0
    outside: int = 0
    refused: int = 0
    unusable: int = 0


def sweep(
    source: RemoteSource,
    area: Area,
    wanted: Wanted,
    until_s: int,
    known: Callable[[Cell], Swept | None],
    keep: Callable[[Cell, Swept], None],
    tell: Callable[[int], None],
) -> Sum:
    """Asks for an area, and for halves of it wherever there is more than one answer can hold.

    Cells come in an order that has nothing to do with where they lie, and under a limit each gives no more than its
    share as long as there are others, so that no corner is favoured.

    Args:
        source: Whom to ask.
        area: Where, and how many at most.
        wanted: What is taken.
        until_s: Latest upload there can be, where time is cut.
        known: What an earlier run found out about a cell; None if nothing.
        keep: Called with each cell when it is done.
        tell: Called with how many photos there are.

    Raises:
        CollectError: The service refuses, or is out of reach.
        StoppedError: The run ended.
    """
    found = Sum({})
    number = itertools.count()
    span = (_FIRST_S, until_s) if source.by_time else None
    box, most = area.box, area.limit
    share = None if most is None else -(-most // _SHARES)
    spare: list[Listed] = []
    waiting = [(_order(cell), next(number), cell) for cell in ([Cell(part) for part in box.parts] if box else [Cell()])]
    heapq.heapify(waiting)
    while waiting and (most is None or len(found.photos) < most):
        cell = heapq.heappop(waiting)[2]
        left = None if most is None else most - len(found.photos)
        swept = known(cell)
        if swept is None:
            swept = _ask(source, cell, area, wanted, left, span)
            keep(cell, swept)
        mixed = swept.photos if most is None else sorted(swept.photos, key=lambda photo: _hash(photo.id))
        for photo in mixed[:share]:
            found.photos.setdefault(photo.id, photo)
        spare += mixed[share or len(mixed) :]
        found.crowded += swept.crowded
        found.outside += swept.outside
        found.refused += swept.refused
        found.unusable += swept.unusable
        if swept.divided:
            for half in cell.halves(in_time=span) or ():
                heapq.heappush(waiting, (_order(half), next(number), half))
        tell(len(found.photos))
    for photo in spare:
        if most is not None and len(found.photos) < most:
            found.photos.setdefault(photo.id, photo)
    return found


def _ask(
    source: RemoteSource, cell: Cell, area: Area, wanted: Wanted, most: int | None, span: tuple[int, int] | None
) -> Swept:
    """One cell, as often as something new comes; only a cell that gives all it has is asked again."""
    photos: dict[str, Listed] = {}
    outside: set[str] = set()
    refused: set[str] = set()
    unusable = 0
    listing, asked = Listing(), most
    for _ in range(_PASSES):
        listing = source.search(cell, asked)
        before = len(photos) + len(outside) + len(refused)
        unusable = max(unusable, listing.unusable)
        for photo in listing.photos:
            if not (_in(cell, photo) and area.holds(photo.position)):
                outside.add(photo.id)
            elif not _taken(photo, wanted):
                refused.add(photo.id)
            else:
                photos.setdefault(photo.id, photo)
        nothing_new = len(photos) + len(outside) + len(refused) == before
        enough = most is not None and len(photos) >= most
        if most is not None and asked is not None and not enough and len(listing.photos) >= asked:
            asked *= _MORE  # so many were not of the kind that is wanted
        elif nothing_new or enough or not source.varies or not listing.complete:
            break
    cut = not listing.complete and cell.halves(in_time=span) is not None
    if listing.more and not cut and most is None:
        return replace(_ask(source, cell, area, wanted, _EVERYTHING, None), crowded=True)
    return Swept(list(photos.values()), cut, not listing.complete and not cut, len(outside), len(refused), unusable)


def _taken(photo: Listed, wanted: Wanted) -> bool:
    if photo.licence.kind not in wanted.licences:
        return False
    worst = wanted.worst_accuracy_m
    return worst is None or photo.accuracy_m is None or photo.accuracy_m <= worst


def _in(cell: Cell, photo: Listed) -> bool:
    return cell.box is None or (photo.position is not None and cell.box.holds(photo.position))


def _order(cell: Cell) -> bytes:
    return _hash(cell.key)


def _hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()
