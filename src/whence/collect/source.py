"""What a service on the network that has photos promises, and what it is asked for.

A third-party service is a class named by an entry point, exactly as those that come with whence::

    [project.entry-points."whence.collectors"]
    mine = "my_package.my_module:MyService"
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from whence.collect.areas import Cell
from whence.collect.http import Client
from whence.collect.keys import Secret
from whence.collect.licences import Licence
from whence.types import LatLon

_SAFE = re.compile(r"[a-z0-9_-]{1,64}")
"""Without capitals: some file systems do not tell them from small letters."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One photo of a service.

    Attributes:
        id: As the service names it.
        url: Where the picture lies, in the size that was asked for.
        licence: What it may be used for.
        page: Address for people.
        position: Where the camera stood; None where the service does not say.
        author: Who made it.
        title: What the author calls it.
        heading_deg: Direction of view, clockwise from north.
        time: When it was taken; without a zone where the service gives none.
        accuracy_m: Horizontal error that is claimed for the position.
        group: Photos of one sequence.
        label: Class that the user asked for it by.
    """

    id: str
    url: str
    licence: Licence
    page: str = ""
    position: LatLon | None = None
    author: str = ""
    title: str = ""
    heading_deg: float | None = None
    time: datetime | None = None
    accuracy_m: float | None = None
    group: str = ""
    label: str = ""

    def stem(self, source: str) -> str:
        """Name of its file without the suffix. An id that might be a path is hashed."""
        plain = _SAFE.fullmatch(self.id) is not None
        hashed = hashlib.blake2b(self.id.encode("utf-8", "replace"), digest_size=16).hexdigest()
        return f"{re.sub('[^a-z0-9_-]', '_', source.lower())}-{self.id if plain else 'x' + hashed}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a service beside the place.

    Attributes:
        query: Text to search for; empty for everything.
        licences: Kinds that are taken (``licences.KNOWN``).
        size_px: Longest side to ask for; a service gives the nearest it has, rather larger than smaller.
        worst_accuracy_m: Positions that may be further off are left out; None to take all. Photos about whose accuracy
            nothing is said are kept.
    """

    query: str = ""
    licences: frozenset[str] = frozenset()
    size_px: int = 1024
    worst_accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a service says of one cell.

    Attributes:
        photos: In any order; those outside the cell are dropped by who asked.
        complete: Whether that is all there is, as far as the service tells; else smaller cells are asked.
        more: Of a cell that is not complete: whether the service gives more of it when it is asked with ``most``.
        unusable: How many had no address, id or position that can be used, or no picture.
    """

    photos: list[Listed] = field(default_factory=list)
    complete: bool = True
    more: bool = False
    unusable: int = 0


@runtime_checkable
class RemoteSource(Protocol):
    """A service that has photos. Made with a client, the key and what is wanted; asked from one thread.

    Attributes:
        base: Address that all requests start from, unless the user names another.
        key_name: Under which the user's key is looked up; empty if none is needed.
        key_help: How one gets a key, in a few words.
        per_second: Requests that the service allows, or fewer.
        varies: Whether two equal questions may get different answers; they are then repeated until nothing new comes.
        by_time: Whether cells may have a span of time.
        has_text: Whether it can search for text, and without a place.
    """

    base: ClassVar[str]
    key_name: ClassVar[str]
    key_help: ClassVar[str]
    per_second: ClassVar[float]
    varies: ClassVar[bool]
    by_time: ClassVar[bool]
    has_text: ClassVar[bool]

    def __init__(self, client: Client, base: str, key: Secret | None, wanted: Wanted) -> None: ...

    def search(self, cell: Cell, most: int | None) -> Listing:
        """Photos of a cell.

        Args:
            cell: Where and when.
            most: More than so many are not needed; None for all.

        Raises:
            CollectError: The service refuses, or is out of reach.
        """
        ...

    def renew(self, photo: Listed) -> str | None:
        """A fresh address of a picture whose address has expired; None where addresses last, or the photo is gone.

        Raises:
            CollectError: As for ``search``.
        """
        ...
