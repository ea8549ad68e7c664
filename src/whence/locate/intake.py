"""What is to be indexed: a source of photos, what its positions mean, and the tracks that complete it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path

from whence.errors import InputError
from whence.gallery.store import Store
from whence.photos.checks import position_problem
from whence.photos.listed import ListedSource
from whence.photos.sources import PlacedSource, open_source
from whence.photos.tracks import Tracks, check_offset
from whence.types import XY, Crs, Photo, Skipped


@dataclass(frozen=True, slots=True)
class Intake:
    """Photos on their way into a gallery.

    Attributes:
        given: What the user pointed at.
        source: Opened.
        epsg: Projected system that the source's x and y are converted from, if any.
        tracks: GPS tracks for photos that nothing else places, if any.
        layout: As the user named it, if so.
        part: As the user named it, if so.
    """

    given: Path
    source: PlacedSource
    epsg: str | None = None
    tracks: Tracks | None = None
    layout: str | None = None
    part: str | None = None

    @classmethod
    def open(
        cls,
        given: Path,
        *,
        crs: str | None = None,
        layout: str | None = None,
        part: str | None = None,
        gpx: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
        gpx_offset_s: float = 0.0,
        unplaced: bool = False,
    ) -> Intake:
        """Opens the source and reads the tracks; the arguments are those of ``index``,
        and ``unplaced`` as for ``open_source``.

        Raises:
            InputError: One of them cannot be used.
        """
        check_offset(gpx_offset_s)
        if gpx_offset_s and not gpx:
            raise InputError(f"GPX offset {gpx_offset_s:g} s without a GPX file: name one with --gpx")
        epsg, read = _systems(crs)
        source = open_source(given, crs=read, layout=layout, part=part, unplaced=unplaced)
        tracks = Tracks.read(gpx, offset_s=gpx_offset_s) if gpx else None
        intake = cls(given, source, epsg, tracks, layout, part)
        if tracks is not None and intake.crs is Crs.LOCAL:
            raise InputError(f"{given} has {_words(Crs.LOCAL)}; GPX tracks have {_words(Crs.WGS84)}")
        return intake

    @classmethod
    def of(cls, place: Path, photos: Sequence[Photo], crs: Crs) -> Intake:
        """Photos that are known already; ``place`` is the folder that paths in a new gallery are relative to."""
        return cls(place, ListedSource(photos, crs))

    @property
    def crs(self) -> Crs:
        """What positions mean once they are converted."""
        return Crs.WGS84 if self.epsg else self.source.crs

    @property
    def place(self) -> Path:
        """The folder of the photos, or of the table that lists them."""
        return self.given if self.given.is_dir() else self.given.parent

    def __len__(self) -> int:
        return len(self.source) if isinstance(self.source, Sized) else sum(1 for _ in self.source.photos())

    def check_fits(self, store: Store) -> None:
        """Refuses a gallery whose positions mean something else.

        Raises:
            InputError: One in degrees, the other in metres.
        """
        if self.crs is not store.settings.crs:
            raise InputError(
                f"{self.given} has {_words(self.crs)}, the gallery {store.folder} has {_words(store.settings.crs)}; "
                "index it into another gallery"
            )

    def photos(self) -> Iterator[Photo | Skipped]:
        """First useless tracks, as ``Skipped``; then what the source names, converted; or useless by the conversion."""
        if self.tracks is not None:
            yield from self.tracks.problems
        for photo in self.source.photos():
            yield self._converted(photo, self.epsg) if self.epsg and isinstance(photo, Photo) else photo

    def files(self) -> Iterator[Path]:
        """The same photos' files, as listed; nothing else is looked at."""
        source: PlacedSource = self.source
        if not isinstance(source, ListedSource):
            source = open_source(self.given, need_position=False, layout=self.layout, part=self.part)
        for photo in source.photos():
            if isinstance(photo, Photo):
                yield photo.path

    @staticmethod
    def _converted(photo: Photo, epsg: str) -> Photo | Skipped:
        if not isinstance(photo.position, XY):
            return photo
        from whence.geo.systems import to_wgs84

        position = to_wgs84(epsg, photo.position.x, photo.position.y)
        problem = position_problem(position)
        if problem is not None:
            return Skipped(photo.name, f"not a position of {epsg}: {problem}")
        return replace(photo, position=position)


def _systems(crs: str | None) -> tuple[str | None, Crs | None]:
    """The projected system to convert from, if any, and which positions of the source to read."""
    name = (crs or "").strip().lower()
    if name.startswith("epsg:"):
        from whence.geo.systems import check_epsg

        return check_epsg(name), Crs.LOCAL
    if name and name not in set(Crs):
        raise InputError(f"--crs {crs}: expected wgs84, local or a code such as EPSG:32633")
    return None, Crs(name) if name else None


def _words(crs: Crs) -> str:
    return "latitude and longitude" if crs is Crs.WGS84 else "x and y on a local plane"
