"""What there is to say of a gallery."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from whence.gallery.gallery import Gallery
from whence.types import DoubleArray


def summary(gallery: Gallery) -> dict[str, Any]:
    """Facts for ``whence info``: plain numbers and strings, ready for JSON."""
    settings = gallery.settings
    first, second = ("lat", "lon") if settings.crs == "wgs84" else ("x", "y")
    extent: dict[str, float] = {}
    if len(gallery):
        low, high = gallery.coordinates.min(axis=0).tolist(), gallery.coordinates.max(axis=0).tolist()
        if settings.crs == "wgs84":
            low[1], high[1] = west_east(gallery.coordinates[:, 1])
        extent = {f"{first}_min": low[0], f"{first}_max": high[0], f"{second}_min": low[1], f"{second}_max": high[1]}
    size = gallery.folder.size()
    return {
        "gallery": str(gallery.folder),
        "photos": len(gallery),
        **({"without_descriptor": gallery.undescribed} if gallery.undescribed else {}),
        "groups": len(gallery.photos.column("group").unique().drop_null()),
        "coordinates": str(settings.crs),
        "extent": extent,
        "tolerance_m": settings.tolerance_m,
        **({} if settings.fov_deg is None else {"fov_deg": settings.fov_deg}),
        "position_sources": dict(Counter(gallery.photos.column("position_source").to_pylist())),
        "recipe": settings.recipe,
        "features": settings.extractor,
        "descriptor": gallery.model,
        "dimensions": gallery.dimension,
        "root": settings.root,
        "written_by": f"whence {settings.written_by}, schema {settings.schema_version}",
        "bytes": size,
        "bytes_per_photo": round(size / len(gallery)) if len(gallery) else 0,
    }


def west_east(longitudes: DoubleArray) -> tuple[float, float]:
    """The shortest stretch that holds all longitudes; across the antimeridian its west is greater than its east."""
    around = np.unique(longitudes)
    gaps = np.diff(around, append=around[0] + 360)
    widest = len(gaps) - 1 - int(gaps[::-1].argmax())  # of equal gaps the one that holds the antimeridian
    return float(around[(widest + 1) % len(around)]), float(around[widest])
