"""Which places lie in the sea, without a network.

Source: GLOBE, 30 arc seconds (NOAA, public domain), as the package global-land-mask brings it: about 930 m from cell to
cell. The package itself would load all of it, 0.9 GB; here the rows that are asked for are read on their way through.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from whence.errors import MissingExtraError
from whence.types import LatLon

MARGIN = 3
"""Cells around a place that have to be sea too: islands, piers and beaches are smaller than what is known of them."""
_FILE, _TABLE = "globe_combined_mask_compressed.npz", "mask.npy"
_ROWS, _COLUMNS = 21_600, 43_200


def offshore(places: Sequence[LatLon], margin: int = MARGIN) -> NDArray[np.bool_]:
    """Whether places lie in the sea, with nothing but sea around them. Lakes are land.

    Reads the table once, down to the southernmost place: a second or two for all of the Earth.

    Args:
        places: In any order.
        margin: Cells of half a minute of arc around each.

    Raises:
        MissingExtraError: The table is not installed.
    """
    found = np.ones(len(places), bool)
    if not len(places):
        return found
    rows = [min(int((90 - place.lat) * 120), _ROWS - 1) for place in places]
    columns = [int((place.lon + 180) * 120) % _COLUMNS for place in places]
    wanted: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        for near in range(max(0, row - margin), min(_ROWS, row + margin + 1)):
            wanted.setdefault(near, []).append(index)
    spread = np.arange(-margin, margin + 1)
    with zipfile.ZipFile(_table()) as archive, archive.open(_TABLE) as stream:
        np.lib.format.read_magic(stream)
        shape, _, _ = np.lib.format.read_array_header_1_0(stream)
        assert shape == (_ROWS, _COLUMNS)
        for row in range(max(wanted) + 1):
            cells = stream.read(_COLUMNS)
            if row in wanted:
                is_sea = np.frombuffer(cells, np.bool_)
                for index in wanted[row]:
                    found[index] &= is_sea[(columns[index] + spread) % _COLUMNS].all()
    return found


def _table() -> Path:
    known = find_spec("global_land_mask")  # found, not run
    if known is None or not known.submodule_search_locations:
        raise MissingExtraError("coast lines", "places")
    return Path(known.submodule_search_locations[0]) / _FILE
