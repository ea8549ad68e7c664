"""Cameras of photos: focal lengths in pixels, and other sizes of the same photo."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags
from PIL import Image as Pillow

import whence
from samples import Run, place, textured, write_table
from whence.errors import InputError
from whence.photos.cameras import central, check_fov, from_focal_35mm, from_fov, scaled
from whence.types import Intrinsics
from whence.worlds import write_photo

sides = st.integers(16, 6000)


def with_focal(path: Path, mm: int) -> None:
    """Writes the equivalent focal length into a photo's EXIF."""
    with Pillow.open(path) as image:
        exif = image.getexif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = mm
        image.load()
        image.save(path, exif=exif, quality=95)


@given(sides, sides)
def test_35_mm_mean_the_diagonal_whatever_the_shape(width: int, height: int) -> None:
    camera = from_focal_35mm(43.2666, width, height)
    assert camera.fx == camera.fy == pytest.approx(math.hypot(width, height), rel=1e-4)
    assert (camera.cx, camera.cy) == ((width - 1) / 2, (height - 1) / 2)


@given(sides, sides, st.floats(1, 150))
def test_a_field_of_view_is_that_of_the_longest_side(width: int, height: int, fov_deg: float) -> None:
    camera = from_fov(fov_deg, width, height)
    seen_deg = math.degrees(2 * math.atan(max(width, height) / 2 / camera.fx))
    assert seen_deg == pytest.approx(fov_deg)
    assert (camera.fx, camera.cx) == (camera.fy, (width - 1) / 2)


@pytest.mark.parametrize("fov_deg", [0.0, -60.0, 0.5, 151.0, 360.0, math.nan, math.inf])
def test_what_no_camera_sees_is_refused(fov_deg: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected degrees along the longest side, 1 to 150"):
        check_fov(fov_deg)
    with pytest.raises(InputError, match="field of view"):
        whence.index(tmp_path, tmp_path / "gallery", fov_deg=fov_deg)


def test_a_field_of_view_is_stated_where_nothing_tells_the_camera(tmp_path: Path, run: Run) -> None:
    for name in ("a.jpg", "b.jpg"):
        write_photo(tmp_path / name, textured(ord(name[0]), 240, 180), place(0))
    with_focal(tmp_path / "a.jpg", 30)
    gallery = tmp_path / "gallery"
    assert run("index", tmp_path, "--gallery", gallery).code == 0
    by_file, unknown = (photo.camera for photo in whence.Gallery.open(gallery).photos)
    assert by_file is not None
    assert unknown is None
    assert run("index", tmp_path, "--gallery", gallery, "--fov", "72").code == 0  # later, and reads no photo again
    known, stated = (photo.camera for photo in whence.Gallery.open(gallery).photos)
    assert known == by_file
    assert stated == from_fov(72, 240, 180)
    assert "72" in run("info", gallery).out
    locator = whence.Locator(whence.Gallery.open(gallery), fov_deg=60)
    asked = locator.answer(textured(3, 240, 180)).query
    assert asked is not None
    assert asked.camera == from_fov(60, 240, 180)
    assert run("locate", tmp_path / "b.jpg", "--gallery", gallery, "--fov", "60").code == 0
    refused = run("locate", tmp_path / "b.jpg", "--gallery", gallery, "--fov", "200")
    assert refused.code == 2
    assert "field of view 200" in refused.err


@given(sides, sides, sides, sides)
def test_a_central_camera_stays_central_and_comes_back(width: int, height: int, w: int, h: int) -> None:
    camera = scaled(central(1000.0, width, height), (width, height), (w, h))
    assert camera.cx == pytest.approx((w - 1) / 2, abs=1e-6)
    assert camera.cy == pytest.approx((h - 1) / 2, abs=1e-6)
    back = scaled(camera, (w, h), (width, height))
    assert back.fx == pytest.approx(1000.0)
    assert back.cy == pytest.approx((height - 1) / 2, abs=1e-6)


def test_a_gallery_knows_the_camera_by_the_file_and_better_by_the_table(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        write_photo(tmp_path / name, textured(ord(name[0]), 240, 180), place(0))
    with_focal(tmp_path / "a.jpg", 30)
    with_focal(tmp_path / "b.jpg", 30)
    table = write_table(
        tmp_path / "photos.csv",
        [
            ("a.jpg", "1", "2", "", "", "", ""),
            ("b.jpg", "1", "2", "200", "201", "119", "90"),
            ("c.jpg", "1", "2", "", "", "", ""),
        ],
        ("path", "x", "y", "fx", "fy", "cx", "cy"),
    )
    gallery = tmp_path / "gallery"
    whence.index(table, gallery)
    a, b, c = whence.Gallery.open(gallery).photos
    assert a.camera == from_focal_35mm(30, 240, 180)
    assert b.camera == Intrinsics(200, 201, 119, 90)
    assert (c.camera, c.size, c.camera_at(120, 90)) == (None, (240, 180), None)
    half = b.camera_at(120, 90)
    assert half is not None
    assert (half.fx, half.fy, half.cx) == (100, 100.5, 59.25)


def test_a_query_knows_its_camera_by_its_file_in_the_pixels_of_its_features(tmp_path: Path) -> None:
    for number in range(2):
        write_photo(tmp_path / f"{number}.jpg", textured(number, 1200, 900), place(number))
    with_focal(tmp_path / "1.jpg", 36)
    whence.index(tmp_path, tmp_path / "gallery")
    locator = whence.Locator(whence.Gallery.open(tmp_path / "gallery"))
    plain, known = (locator.answer(tmp_path / name).query for name in ("0.jpg", "1.jpg"))
    assert plain is not None
    assert plain.camera is None
    assert known is not None
    assert known.camera is not None
    assert known.features.width == 1024
    assert known.camera.fx == pytest.approx(36 / math.hypot(36, 24) * math.hypot(1024, 768))
    again = locator.answer_row(1).query
    assert again is not None
    assert again.camera is not None
    assert again.camera.fx == pytest.approx(known.camera.fx)
