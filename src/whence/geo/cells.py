"""S2 cells: a hierarchy of cells on the sphere whose numbers sort by place.

Source: Google S2 geometry. A leaf (level 30) is about a square centimetre; every coarser cell is a range of leaves.
"""

from __future__ import annotations

from whence.types import LatLon

_SIGN = 1 << 63


def leaf_cell(position: LatLon) -> int:
    """Number of the leaf cell as a signed 64-bit integer, as databases store it."""
    try:
        import s2geometry as s2

        number = int(s2.S2CellId(s2.S2LatLng.FromDegrees(position.lat, position.lon)).id())
    except ImportError:  # no wheel for this platform
        import s2sphere

        number = int(s2sphere.CellId.from_lat_lng(s2sphere.LatLng.from_degrees(position.lat, position.lon)).id())
    return number - 2 * _SIGN if number >= _SIGN else number
