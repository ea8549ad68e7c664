"""Photos that a program has found already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whence.types import Crs, Photo


class ListedSource:
    """A source over photos in memory.

    Args:
        photos: In their order.
        crs: What their positions mean.
    """

    def __init__(self, photos: Sequence[Photo], crs: Crs) -> None:
        self._photos, self.crs = photos, crs

    def __len__(self) -> int:
        return len(self._photos)

    def photos(self) -> Iterator[Photo]:
        """As given."""
        yield from self._photos
