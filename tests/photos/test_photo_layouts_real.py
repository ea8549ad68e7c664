"""Layouts on real data sets, outside this repository: the folder named by WHENCE_DATA."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from whence.photos.sources import open_source
from whence.types import XY, LatLon, Photo

DATA = Path(os.environ.get("WHENCE_DATA", ""))
pytestmark = [
    pytest.mark.photos,
    pytest.mark.skipif(
        "WHENCE_DATA" not in os.environ, reason="WHENCE_DATA does not name the folder with the real photos"
    ),
]


def table(name: str) -> list[dict[str, str]]:
    with (DATA / name / "database.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def photos(path: Path, layout: str, part: str | None = None) -> list[Photo]:
    found = list(open_source(path, layout=layout, part=part).photos())
    assert all(isinstance(item, Photo) and item.path.is_file() for item in found)
    return [item for item in found if isinstance(item, Photo)]


def test_the_museum_as_the_competition_hands_it_out(tmp_path: Path) -> None:
    rows = table("getty")
    (tmp_path / "train").symlink_to(DATA / "getty" / "images")
    lines = ["id,x,y", *(f"{Path(row['path']).stem},{row['x']},{row['y']}" for row in rows)]
    (tmp_path / "train.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    found = photos(tmp_path, "comp90086")
    assert [(photo.position, photo.group) for photo in found] == [
        (XY(float(row["x"]), float(row["y"])), row["group"]) for row in rows
    ]


def test_pins_of_venice(tmp_path: Path) -> None:
    rows = table("venice")
    (tmp_path / "images").symlink_to(DATA / "venice" / "images")
    lines = [f"{row['lat']},{row['lon']},{Path(row['path']).name}" for row in rows]
    (tmp_path / "labels.txt").write_text("\n".join(lines))
    found = photos(tmp_path, "venice")
    assert [photo.position for photo in found] == [LatLon(float(row["lat"]), float(row["lon"])) for row in rows]
    groups = {(photo.group, row["group"]) for photo, row in zip(found, rows, strict=True)}
    assert len(groups) == len({row["group"] for row in rows})  # bursts are the same bursts


@pytest.mark.parametrize("walk", ["day_left", "day_right", "night_right"])
def test_walks_of_gardens_point(walk: str) -> None:
    found = photos(DATA / "gardens_point", "gardens", walk)
    assert [photo.position for photo in found] == [XY(frame, 0) for frame in range(len(found))]
    assert len(found) > 1
