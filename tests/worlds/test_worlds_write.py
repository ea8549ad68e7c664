"""Photos as files: EXIF tags that come back, and a data set that does not depend on the number of workers."""

import csv
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from whence.errors import InputError
from whence.types import LatLon
from whence.worlds import Town, locate_xy, write_photo, write_town

GPS, EXIF = 0x8825, 0x8769
SMALL: dict[str, Any] = {
    "seed": 2, "blocks": (1, 1), "spacing_m": 60.0, "headings": 2, "queries": 5, "strangers": 2, "size": (96, 72)
}  # fmt: skip

LOCAL = {**SMALL, "queries": 2, "strangers": 0}


def tags(path: Path, ifd: int = GPS) -> dict[int, Any]:
    with Pillow.open(path) as photo:
        return dict(photo.getexif().get_ifd(ifd))


def position(path: Path) -> LatLon:
    gps = tags(path)

    def degrees(ref: int) -> float:
        d, m, s = (float(part) for part in gps[ref + 1])
        return (d + m / 60 + s / 3600) * (-1 if gps[ref] in "SW" else 1)

    return LatLon(degrees(1), degrees(3))


@pytest.mark.parametrize(
    "where", [LatLon(35.0, -40.0), LatLon(-33.123456789, 151.987654321), LatLon(0.0, 0.0), LatLon(59.99999999999, -0.5)]
)
def test_exif_round_trip(tmp_path: Path, where: LatLon) -> None:
    path = tmp_path / "photo.jpg"
    image = np.full((24, 32, 3), (200, 100, 50), np.uint8)
    write_photo(path, image, where, 359.999, datetime(2024, 5, 14, 9, 30, 1))
    found = position(path)
    assert found.lat == pytest.approx(where.lat, abs=2e-9)  # 0.2 mm
    assert found.lon == pytest.approx(where.lon, abs=2e-9)
    assert tags(path)[16] == "T"
    assert float(tags(path)[17]) == 0.0
    assert tags(path, EXIF)[36867] == "2024:05:14 09:30:01"
    with Pillow.open(path) as photo:
        np.testing.assert_allclose(np.asarray(photo)[12, 16], (200, 100, 50), atol=4)
    assert [p.name for p in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_photo_without_position_has_no_gps_tags(tmp_path: Path) -> None:
    write_photo(tmp_path / "photo.jpg", np.zeros((24, 32, 3), np.uint8), time=datetime(2024, 5, 14))
    assert not tags(tmp_path / "photo.jpg")


def test_a_data_set_with_known_truth(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    files = write_town(tmp_path, **SMALL, workers=1, progress=lambda done, total: seen.append((done, total)))
    town = Town(2, (1, 1))
    views = town.survey(60.0, 2)
    photos = sorted(files.database.iterdir())
    assert len(photos) == files.database_count == len(views)
    assert seen[-1] == (len(views) + 5, len(views) + 5)
    expected = locate_xy(views[0].x, views[0].y)
    assert any(position(p).lat == pytest.approx(expected.lat, abs=1e-8) for p in photos)

    with files.table.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert list(rows[0]) == ["path", "lat", "lon", "group"]
    assert len(rows) == files.query_count == 5
    for row in rows:
        assert not tags(tmp_path / row["path"])
    assert [bool(row["lat"]) for row in rows] == [True] * 3 + [False] * 2
    truth = town.geolocate(town.queries(3, spacing_m=60.0, headings=2)[0])
    assert (float(rows[0]["lat"]), float(rows[0]["lon"])) == pytest.approx((truth.lat, truth.lon), abs=1e-9)


def test_workers_change_nothing_and_interrupted_work_goes_on(tmp_path: Path) -> None:
    one = write_town(tmp_path / "one", **LOCAL, workers=1)
    before = {p.name: p.read_bytes() for folder in (one.database, one.queries) for p in folder.iterdir()}
    lost = min(one.database.iterdir())
    kept = max(one.database.iterdir())
    changed = kept.stat().st_mtime_ns
    lost.unlink()
    write_town(tmp_path / "one", **LOCAL, workers=1)
    assert lost.read_bytes() == before[lost.name]
    assert kept.stat().st_mtime_ns == changed

    two = write_town(tmp_path / "two", **LOCAL, workers=2)
    assert {p.name: p.read_bytes() for folder in (two.database, two.queries) for p in folder.iterdir()} == before


def test_two_towns_never_mix(tmp_path: Path) -> None:
    write_town(tmp_path, **LOCAL, workers=1)
    with pytest.raises(InputError, match="another town"):
        write_town(tmp_path, **{**LOCAL, "seed": 3}, workers=1)
    with pytest.raises(InputError, match="strangers"):
        write_town(tmp_path, queries=3, strangers=4)
