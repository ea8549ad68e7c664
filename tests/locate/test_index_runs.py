"""Indexing again and again: only what is new or changed is read, whatever happened to the files in between."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import whence
from samples import blank, place, textured, write_photos, write_table
from whence.errors import InputError, ModelMismatchError
from whence.gallery import schema
from whence.gallery.photo import GalleryPhoto
from whence.gallery.store import Store
from whence.locate.progress import IndexReport, Progress
from whence.recipes import load_recipe
from whence.types import XY, Crs, LatLon, Photo
from whence.worlds import write_photo


def stored(gallery: Path) -> dict[str, GalleryPhoto]:
    """Photos of a gallery by path, having read the features of all."""
    opened = whence.Gallery.open(gallery)
    features = opened.features(range(len(opened)))
    assert len(features) == len(opened)
    assert len(opened.descriptors) == len(opened)
    return {photo.path: photo for photo in opened.photos}


def pair(photo: GalleryPhoto) -> tuple[float, float]:
    """Latitude and longitude."""
    assert isinstance(photo.position, LatLon)
    return photo.position.lat, photo.position.lon


def columns(gallery: Path, *names: str) -> list[dict[str, Any]]:
    """Some columns of all photos, by path."""
    table = Store.open(gallery).table(schema.PHOTOS)
    assert table is not None
    rows: list[dict[str, Any]] = table.search().select(["path", *names]).to_arrow().to_pylist()
    return sorted(rows, key=lambda row: str(row["path"]))


def counts(report: IndexReport) -> tuple[int, int, int, int, int, int]:
    found = report
    return found.added, found.changed, found.moved, found.unchanged, len(found.skipped), found.total


def write_csv(folder: Path, positions: dict[str, LatLon | XY], **more: str) -> Path:
    """``folder/photos.csv``; ``more`` gives further columns, the same for every row."""
    first = next(iter(positions.values()))
    names = ("lat", "lon") if isinstance(first, LatLon) else ("x", "y")
    rows = []
    for name, position in positions.items():
        pair = (position.lat, position.lon) if isinstance(position, LatLon) else (position.x, position.y)
        rows.append((name, *map(repr, pair), *more.values()))
    return write_table(folder / "photos.csv", rows, ("path", *names, *more))


def test_a_folder_becomes_a_gallery(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 4)
    write_photo(photos / "zz.jpg", textured(9))
    seen: list[Progress] = []
    report = whence.index(photos, tmp_path / "g", progress=seen.append)
    assert counts(report) == (4, 0, 0, 0, 1, 4)
    assert str(report.gallery) == str(tmp_path / "g")
    assert [(skip.name, skip.reason) for skip in report.skipped] == [("zz.jpg", "no GPS position")]
    assert not report.learned
    assert not report.interrupted
    assert [(step.done, step.total) for step in seen] == [(n, 5) for n in range(1, 6)]
    assert (seen[-1].stored, seen[-1].skipped) == (4, 1)
    found = stored(tmp_path / "g")
    assert list(found) == ["00.jpg", "01.jpg", "02.jpg", "03.jpg"]
    for number, photo in enumerate(found.values()):
        assert pair(photo) == pytest.approx((place(number).lat, place(number).lon), abs=1e-7)
        assert photo.position_source == "exif"


def test_rows_remember_where_they_come_from(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    table = write_csv(photos, {"00.jpg": LatLon(1, 2)}, group="door", heading="370", time="2020-05-06T07:08:09+02:00")
    whence.index(table, tmp_path / "g", thumbnails=False)
    names = ("position_source", "source", "group", "heading_deg", "time", "time_is_utc", "width", "height", "cell")
    (row,) = columns(tmp_path / "g", *names, "feature_count", "thumbnail")
    assert row["source"] == table.as_posix()
    assert (row["position_source"], row["group"], row["heading_deg"]) == ("csv", "door", 10)
    assert (row["time"].hour, row["time_is_utc"]) == (5, True)
    assert (row["width"], row["height"]) == (240, 180)
    assert row["feature_count"] > 100
    assert row["thumbnail"] is None
    assert row["cell"]
    assert whence.Gallery.open(tmp_path / "g").thumbnails([0]) == [b""]


def test_a_second_run_reads_no_pixel(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 4)
    write_photo(photos / "nowhere.jpg", textured(9))
    (photos / "broken.jpg").write_bytes((photos / "00.jpg").read_bytes()[:900])
    first = whence.index(photos, tmp_path / "g")
    assert counts(first) == (4, 0, 0, 0, 2, 4)
    before = stored(tmp_path / "g")
    decoded.clear()
    second = whence.index(photos, tmp_path / "g")
    assert not decoded
    assert counts(second) == (0, 0, 0, 4, 2, 4)
    assert second.skipped == first.skipped  # remembered, with the reason
    write_photos(photos, 1, first=4)
    assert counts(whence.index(photos, tmp_path / "g")) == (1, 0, 0, 4, 2, 5)
    assert len(decoded) == 1
    after = stored(tmp_path / "g")
    assert {path: after[path] for path in before} == before


def test_a_skipped_photo_is_read_once_it_is_mended(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    (photos / "late.jpg").write_text("soon")
    assert counts(whence.index(photos, tmp_path / "g")) == (2, 0, 0, 0, 1, 2)
    decoded.clear()
    write_photo(photos / "late.jpg", textured(5), place(5))
    assert counts(whence.index(photos, tmp_path / "g")) == (1, 0, 0, 2, 0, 3)
    assert len(decoded) == 1


def test_a_skipped_photo_is_read_once_a_table_says_where_it_was_taken(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    write_photo(photos / "nowhere.jpg", textured(9))
    whence.index(photos, tmp_path / "g")
    table = write_csv(photos, {"nowhere.jpg": place(9)})
    assert counts(whence.index(table, tmp_path / "g")) == (1, 0, 0, 0, 0, 2)


def test_a_gallery_may_begin_with_skipped_photos_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_photo(tmp_path / "photos" / "00.jpg", textured(0))
    assert counts(whence.index(tmp_path / "photos", tmp_path / "g")) == (0, 0, 0, 0, 1, 0)
    assert len(whence.Gallery.open(tmp_path / "g")) == 0
    write_photos(tmp_path / "photos", 2)
    assert counts(whence.index(tmp_path / "photos", tmp_path / "g")) == (2, 0, 0, 0, 0, 2)
    assert len(stored(tmp_path / "g")) == 2


def test_a_changed_photo_takes_the_place_of_the_old_one(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    whence.index(photos, tmp_path / "g")
    before = stored(tmp_path / "g")
    decoded.clear()
    write_photo(photos / "01.jpg", textured(50), place(7))
    assert counts(whence.index(photos, tmp_path / "g")) == (0, 1, 0, 2, 0, 3)
    assert len(decoded) == 1
    after = stored(tmp_path / "g")
    assert after["01.jpg"].content_hash != before["01.jpg"].content_hash
    assert pair(after["01.jpg"]) == pytest.approx((place(7).lat, place(7).lon), abs=1e-7)
    assert (after["00.jpg"], after["02.jpg"]) == (before["00.jpg"], before["02.jpg"])
    descriptors = Store.open(tmp_path / "g").table(schema.DESCRIPTORS)
    assert descriptors is not None
    assert descriptors.count_rows() == 3  # the old one is gone


def test_a_photo_that_broke_stays_as_it_was_known(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    whence.index(photos, tmp_path / "g")
    (photos / "01.jpg").write_text("overwritten by mistake")
    report = whence.index(photos, tmp_path / "g")
    assert [skip.name for skip in report.skipped] == ["01.jpg"]
    assert report.total == len(stored(tmp_path / "g")) == 3


def test_a_touched_file_is_not_decoded(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    whence.index(photos, tmp_path / "g")
    decoded.clear()
    os.utime(photos / "00.jpg", ns=(1, 1))
    assert counts(whence.index(photos, tmp_path / "g")) == (0, 0, 0, 2, 0, 2)
    assert columns(tmp_path / "g", "mtime_ns")[0]["mtime_ns"] == 1
    assert not decoded


def test_a_renamed_file_is_followed(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    whence.index(photos, tmp_path / "g")
    before = stored(tmp_path / "g")
    decoded.clear()
    (photos / "sub").mkdir()
    (photos / "01.jpg").rename(photos / "sub" / "it's new.jpg")
    assert counts(whence.index(photos, tmp_path / "g")) == (0, 0, 1, 2, 0, 3)
    after = stored(tmp_path / "g")
    assert list(after) == ["00.jpg", "02.jpg", "sub/it's new.jpg"]
    assert after["sub/it's new.jpg"].content_hash == before["01.jpg"].content_hash
    assert not decoded
    assert counts(whence.index(photos, tmp_path / "g")) == (0, 0, 0, 3, 0, 3)


def test_a_file_renamed_in_its_table_too_has_the_position_of_its_new_row(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    whence.index(write_csv(photos, {"00.jpg": XY(1, 1), "01.jpg": XY(2, 2)}), tmp_path / "g")
    decoded.clear()
    (photos / "01.jpg").rename(photos / "new.jpg")
    report = whence.index(write_csv(photos, {"00.jpg": XY(1, 1), "new.jpg": XY(9, 9)}), tmp_path / "g")
    assert (report.moved, report.total, decoded) == (1, 2, [])
    assert stored(tmp_path / "g")["new.jpg"].position == XY(9, 9)


def test_swapped_files_get_the_positions_of_their_new_rows(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    table = write_csv(photos, {"00.jpg": XY(0, 0), "01.jpg": XY(1, 0), "02.jpg": XY(2, 0)})
    whence.index(table, tmp_path / "g")
    before = stored(tmp_path / "g")
    (photos / "00.jpg").rename(photos / "spare")
    (photos / "01.jpg").rename(photos / "00.jpg")
    (photos / "spare").rename(photos / "01.jpg")
    for _ in range(2):  # the first run may meet a copy of what the second file still was
        whence.index(table, tmp_path / "g")
    after = stored(tmp_path / "g")
    assert after["00.jpg"].content_hash == before["01.jpg"].content_hash
    assert after["01.jpg"].content_hash == before["00.jpg"].content_hash
    assert (after["00.jpg"].position, after["01.jpg"].position) == (XY(0, 0), XY(1, 0))


def test_a_photo_overwritten_by_a_copy_of_another_is_dropped(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    whence.index(photos, tmp_path / "g")
    (photos / "02.jpg").write_bytes((photos / "00.jpg").read_bytes())
    report = whence.index(photos, tmp_path / "g")
    assert (report.total, [skip.reason for skip in report.skipped]) == (2, ["same content as 00.jpg"])
    assert list(stored(tmp_path / "g")) == ["00.jpg", "01.jpg"]


def test_a_corrected_table_moves_photos_without_reading_them(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    positions: dict[str, LatLon | XY] = {f"{n:02d}.jpg": XY(n, 0) for n in range(3)}
    whence.index(write_csv(photos, positions), tmp_path / "g")
    decoded.clear()
    table = write_csv(photos, {**positions, "02.jpg": XY(20, 5)})
    assert counts(whence.index(table, tmp_path / "g")) == (0, 0, 1, 2, 0, 3)
    found = stored(tmp_path / "g")
    assert [found[f"{n:02d}.jpg"].position for n in range(3)] == [XY(0, 0), XY(1, 0), XY(20, 5)]
    grouped = write_csv(photos, {**positions, "02.jpg": XY(20, 5)}, group="g'1")
    assert counts(whence.index(grouped, tmp_path / "g")) == (0, 0, 3, 0, 0, 3)
    assert {photo.group for photo in stored(tmp_path / "g").values()} == {"g'1"}
    assert counts(whence.index(grouped, tmp_path / "g")) == (0, 0, 0, 3, 0, 3)
    assert not decoded


def test_moving_a_photo_keeps_what_its_exif_said(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    write_photo(tmp_path / "photos" / "a.jpg", textured(), place(0), heading_deg=33.0, time=datetime(2020, 1, 2, 3, 4))
    names = ("time", "heading_deg", "width", "cell")
    whence.index(write_csv(tmp_path / "photos", {"a.jpg": LatLon(1, 1)}), tmp_path / "g")
    (before,) = columns(tmp_path / "g", *names)
    assert (before["time"], before["heading_deg"]) == (datetime(2020, 1, 2, 3, 4), 33.0)
    whence.index(write_csv(tmp_path / "photos", {"a.jpg": LatLon(2, 2)}), tmp_path / "g")
    (after,) = columns(tmp_path / "g", *names)
    assert after["cell"] != before["cell"]
    assert {**after, "cell": 0} == {**before, "cell": 0}


@pytest.mark.parametrize("workers", [1, 4])
def test_copies_are_stored_once(tmp_path: Path, decoded: list[int], workers: int) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    for name in ("00-copy.jpg", "zz.jpg"):
        (photos / name).write_bytes((photos / "00.jpg").read_bytes())
    report = whence.index(photos, tmp_path / "g", workers=workers)
    # "00-copy.jpg" comes first, so it is the one that is kept
    assert [(skip.name, skip.reason) for skip in report.skipped] == [
        ("00.jpg", "same content as 00-copy.jpg"),
        ("zz.jpg", "same content as 00-copy.jpg"),
    ]
    assert list(stored(tmp_path / "g")) == ["00-copy.jpg", "01.jpg", "02.jpg"]
    (photos / "00-copy.jpg").unlink()
    again = whence.index(photos, tmp_path / "g", workers=workers)  # a copy outlives its original
    assert list(stored(tmp_path / "g")) == ["00.jpg", "01.jpg", "02.jpg"]
    assert (again.moved, again.total) == (1, 3)


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 7)
    (photos / "06.jpg").write_text("broken")
    write_photo(photos / "plain.jpg", blank(), place(20))
    names = ("hash", "lat", "lon", "features", "thumbnail", "feature_count")
    found = []
    for workers in (1, 2, 5):
        folder = tmp_path / f"g{workers}"
        report = whence.index(photos, folder, workers=workers)
        opened = whence.Gallery.open(folder)
        answers = whence.Locator(opened, workers=workers).answers([Photo(photos / n, n) for n in ("00.jpg", "05.jpg")])
        located = [(answer.location.position, answer.location.candidates) for answer in answers]
        found.append((counts(report), columns(folder, *names), opened.descriptors.tolist(), opened.model, located))
    assert found[0] == found[1] == found[2]


def test_local_galleries_take_their_tolerance_from_their_extent(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    positions: dict[str, LatLon | XY] = {"00.jpg": XY(0, 0), "01.jpg": XY(30, 40)}
    whence.index(write_csv(photos, positions), tmp_path / "g")
    assert whence.Gallery.open(tmp_path / "g").settings.tolerance_m == pytest.approx(1.0)  # 2 % of 50 m
    assert whence.Gallery.open(tmp_path / "g").settings.crs is Crs.LOCAL
    positions["02.jpg"] = XY(300, 400)
    whence.index(write_csv(photos, positions), tmp_path / "g")
    assert whence.Gallery.open(tmp_path / "g").settings.tolerance_m == pytest.approx(10.0)
    whence.index(photos / "photos.csv", tmp_path / "g", tolerance_m=3)
    whence.index(photos / "photos.csv", tmp_path / "g")
    assert whence.Gallery.open(tmp_path / "g").settings.tolerance_m == 3


def test_projected_coordinates_become_latitude_and_longitude(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    table = write_csv(photos, {"00.jpg": XY(500_000, 5_538_631), "01.jpg": XY(500_100, 5_538_631)})
    for code in ("EPSG:32632", "epsg:32632"):
        whence.index(table, tmp_path / "g", crs=code)
    opened = whence.Gallery.open(tmp_path / "g")
    assert opened.settings.crs is Crs.WGS84
    assert opened.coordinates[0] == pytest.approx((50.0, 9.0), abs=1e-4)
    assert opened.coordinates[1, 1] > opened.coordinates[0, 1] + 1e-3
    assert len(decoded) == 2


def test_coordinates_outside_the_projection_are_skipped(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    far = write_csv(photos, {"00.jpg": XY(500_000, 5_538_631), "01.jpg": XY(9e7, 9e7)})
    report = whence.index(far, tmp_path / "g", crs="EPSG:32632")
    assert counts(report) == (1, 0, 0, 0, 1, 1)
    assert "not a position of EPSG:32632" in report.skipped[0].reason
    mended = write_csv(photos, {"00.jpg": XY(500_000, 5_538_631), "01.jpg": XY(500_100, 5_538_631)})
    assert counts(whence.index(mended, tmp_path / "g", crs="EPSG:32632")) == (1, 0, 0, 1, 0, 2)
    before = stored(tmp_path / "g")
    write_csv(photos, {"00.jpg": XY(500_000, 5_538_631), "01.jpg": XY(9e7, 9e7)})
    again = whence.index(far, tmp_path / "g", crs="EPSG:32632")
    assert counts(again) == (0, 0, 0, 1, 1, 2)
    assert stored(tmp_path / "g") == before


@pytest.mark.parametrize("tolerance_m", [0, -1, float("nan"), float("inf")])
def test_impossible_tolerances(tmp_path: Path, tolerance_m: float) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    with pytest.raises(InputError, match="expected a number above 0"):
        whence.index(photos, tmp_path / "g", tolerance_m=tolerance_m)
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize("crs", ["mars", "EPSG:", "EPSG:999999"])
def test_unknown_coordinates(tmp_path: Path, crs: str) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    with pytest.raises(InputError):
        whence.index(write_csv(photos, {"00.jpg": XY(1, 2)}), tmp_path / "g", crs=crs)


def test_latitudes_do_not_go_into_a_local_gallery(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    whence.index(write_csv(photos, {"00.jpg": XY(1, 2)}), tmp_path / "g")
    with pytest.raises(InputError, match=r"latitude and longitude, the gallery .* x and y"):
        whence.index(photos, tmp_path / "g")
    assert len(stored(tmp_path / "g")) == 1


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    whence.index(photos, tmp_path / "g")
    other = tmp_path / "other.toml"
    text = Path(str(whence.__file__)).parent.joinpath("recipes", "data", "default.toml").read_text("utf-8")
    other.write_text(text.replace("keypoints = 1000", "keypoints = 500"), encoding="utf-8")
    with pytest.raises(ModelMismatchError, match=r"made with recipe default .* not other"):
        whence.index(photos, tmp_path / "g", recipe=str(other))
    with pytest.raises(ModelMismatchError, match="has features sift-"):
        whence.Locator(whence.Gallery.open(tmp_path / "g"), recipe=str(other))
    whence.index(photos, tmp_path / "g", recipe=load_recipe("default"))  # its own is fine
    whence.index(photos, tmp_path / "other", recipe=str(other))
    assert whence.Gallery.open(tmp_path / "other").settings.recipe == "other"
    whence.index(photos, tmp_path / "other")  # the file is not needed again
    assert whence.Gallery.open(tmp_path / "other").settings.sections["features"]["keypoints"] == 500
