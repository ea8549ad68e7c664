"""One photo of a gallery as readers see it, and its position in columns."""

from __future__ import annotations

from dataclasses import dataclass

from whence.errors import GalleryError
from whence.photos.cameras import scaled
from whence.types import XY, Crs, Intrinsics, LatLon, Position


@dataclass(frozen=True, slots=True)
class GalleryPhoto:
    """One photo of a gallery, without its pixels and features.

    Attributes:
        path: Relative to the gallery's root, or absolute where it lies elsewhere.
        position: Where it was taken.
        position_source: What said so: ``csv`` or ``exif``.
        content_hash: Of the file.
        group: Of photos taken at one place.
        heading_deg: Direction of view.
        size: Width and height of the full-size upright photo in pixels; zeros where unknown.
        camera: In the full-size photo's pixels, if it is known.
        label: Class that its data set puts it in.
        burst: Shared by photos without a group that are copies of each other, or were taken in one burst with one pin.
    """

    path: str
    position: Position
    position_source: str
    content_hash: str
    group: str | None
    heading_deg: float | None
    size: tuple[int, int] = (0, 0)
    camera: Intrinsics | None = None
    label: str | None = None
    burst: str | None = None

    @property
    def place(self) -> str | None:
        """Its group, else its burst: photos of one place are no evidence for each other."""
        return self.group or self.burst

    def camera_at(self, width: int, height: int) -> Intrinsics | None:
        """The camera in the pixels of this photo resized to ``width`` x ``height``, if it is known."""
        known = self.camera is not None and min(*self.size, width, height) > 0
        return scaled(self.camera, self.size, (width, height)) if self.camera is not None and known else None


def photo_position(lat: float | None, lon: float | None, x: float | None, y: float | None) -> Position:
    """A position from its columns."""
    if lat is not None and lon is not None:
        return LatLon(lat, lon)
    if x is not None and y is not None:
        return XY(x, y)
    raise GalleryError("a photo in the gallery has no position; run `whence index` on a new gallery")


def position_columns(position: Position) -> dict[str, float | None]:
    """Inverse of ``photo_position``."""
    if isinstance(position, LatLon):
        return {"lat": position.lat, "lon": position.lon, "x": None, "y": None}
    return {"lat": None, "lon": None, "x": position.x, "y": position.y}


def crs_of(position: Position) -> Crs:
    """The kind of coordinates of a position."""
    return Crs.WGS84 if isinstance(position, LatLon) else Crs.LOCAL


def intrinsics_column(camera: Intrinsics | None) -> list[float] | None:
    """fx, fy, cx, cy."""
    return None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy]
