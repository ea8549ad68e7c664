"""Corner cases from real cameras, outside this repository: the folder named by WHENCE_DATA."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from whence.errors import PhotoError
from whence.photos.decode import SUFFIXES, decode
from whence.photos.files import read
from whence.photos.folder import FolderSource
from whence.types import Photo

DATA = os.environ.get("WHENCE_DATA", "")
pytestmark = [
    pytest.mark.photos,
    pytest.mark.skipif(not DATA, reason="WHENCE_DATA does not name the folder with the real photos"),
]
EXIF = Path(DATA) / "exif"


def test_positions() -> None:
    paths = sorted((EXIF / "gps").glob("*.jpg"))
    assert paths
    for path in paths:
        facts = decode(read(path)).exif
        assert facts.position is not None, path.name
        assert facts.position.lat == pytest.approx(43.467, abs=0.005)
        assert facts.position.lon == pytest.approx(11.882, abs=0.005)
        assert facts.position_problem == ""
        assert facts.time is not None
        assert facts.time.year == 2008


@pytest.mark.parametrize("shape", ["landscape", "portrait"])
def test_orientations_show_the_same_picture(shape: str) -> None:
    upright = decode(read(EXIF / "orientation" / f"{shape}_1.jpg"))
    for orientation in range(2, 9):
        turned = decode(read(EXIF / "orientation" / f"{shape}_{orientation}.jpg"))
        assert turned.exif.orientation == orientation
        assert (turned.width, turned.height) == (upright.width, upright.height)
        # The pictures carry their number, and were compressed one by one.
        alike = np.corrcoef(turned.pixels.ravel(), upright.pixels.ravel())[0, 1]
        assert alike > 0.95


def test_invalid_exif_costs_no_photo() -> None:
    paths = sorted((EXIF / "invalid").glob("*.jpg"))
    assert paths
    for path in paths:
        found = decode(read(path))
        assert found.exif.position is None
        assert found.exif.position_problem


def test_others() -> None:
    other = EXIF / "other"
    for name in ("spring_1440x960.heic", "samplefilehub.heif"):
        with pytest.raises(PhotoError, match="HEIC photos cannot be read yet"):
            decode(read(other / name))
    avif = decode(read(other / "mountains.avif"))
    assert (avif.width, avif.height) == (1920, 1080)
    placed = decode(read(other / "67-0_length_string.jpg")).exif
    assert placed.position is not None
    assert placed.position.lat == pytest.approx(51.025)
    assert placed.heading_deg == pytest.approx(291.39)
    assert placed.altitude_m == 340
    for name in ("33-type_error.jpg", "45-gps_ifd.jpg", "BlueSquare.jpg", "Canon_40D.jpg", "corrupted.jpg"):
        assert decode(read(other / name)).exif.position_problem == "no GPS position"


def test_every_photo_decodes_or_says_why() -> None:
    """A sample of all folders, in every format there is."""
    photos = [item for item in FolderSource(Path(DATA)).photos() if isinstance(item, Photo)]
    assert {photo.path.suffix.lower() for photo in photos} <= set(SUFFIXES)
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        for photo in photos[:: max(1, len(photos) // 150)]:
            try:
                found = decode(read(photo.path))
            except PhotoError as error:
                reason = str(error)
                assert reason
                continue
            assert max(found.pixels.shape) <= 1024
    assert not leaked
