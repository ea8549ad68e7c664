"""Rows that other processes wrote: whole fragments stay as they are, parts of them are copied, nothing is left over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import whence
from samples import place, write_photos
from whence.errors import ClusterError
from whence.gallery import fragments, schema
from whence.gallery.codec import unpack
from whence.gallery.rows import NewPhoto
from whence.gallery.store import Store, lock
from whence.gallery.writer import Writer
from whence.locate.describing import DescribeJob, Errand
from whence.locate.pipeline import Pipeline, recipe_of
from whence.locate.reading import Task
from whence.photos import files
from whence.types import Photo

pytest.importorskip("lance", reason="the extra cluster is not installed")


def staged(folder: Path, gallery: Path, first: int, count: int) -> list[NewPhoto]:
    """New photos, described as a worker does, with their rows in one fragment of the gallery."""
    store = Store.open(gallery)
    pipeline = Pipeline(recipe_of(store.settings))
    describer = pipeline.seeing.shipped
    job = DescribeJob(gallery, pipeline.recipe, pipeline.seeing.fingerprint, describer.fingerprint, None, True, None)
    write_photos(folder, count, first)
    errands = []
    for number in range(first, first + count):
        path = folder / f"{number:02d}.jpg"
        photo = Photo(path, path.name, place(number), position_source="table")
        errands.append(Errand.of(Task(path.name, photo, "here", files.stat_key(path)), ""))
    found = [outcome.new for outcome in job(errands)]
    return [new for new in found if new is not None]


def data_files(gallery: Path) -> int:
    return len(list((gallery / f"{schema.PHOTOS}.lance" / "data").iterdir()))


def test_whole_fragments_stay_and_parts_are_copied(tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    whence.index(write_photos(tmp_path / "photos", 2), gallery)
    with lock(gallery):
        writer = Writer(Store.open(gallery), "test")
        writer.expect_fragments()
        before = data_files(gallery)
        whole = staged(tmp_path / "more", gallery, 10, 3)
        part = staged(tmp_path / "more", gallery, 20, 3)
        changed = staged(tmp_path / "more", gallery, 30, 1)
        changed = [replace(changed[0], photo=replace(changed[0].photo, group="learned"))]
        assert not any(new.features or new.thumbnail or new.glance for new in (*whole, *part, *changed))
        assert data_files(gallery) == before + 3
        writer.put([*whole, part[0], part[2], *changed], "model")
        writer.drop_strays()
    assert data_files(gallery) == before + 3  # the whole one, and copies in place of the two others
    table = Store.open(gallery).table(schema.PHOTOS)
    assert table is not None
    rows = table.to_arrow().to_pylist()
    assert [row["path"] for row in rows[2:]] == [*("10.jpg", "11.jpg", "12.jpg"), *("20.jpg", "22.jpg"), "30.jpg"]
    assert rows[-1]["group"] == "learned"
    assert all(len(unpack(row["features"])) == row["feature_count"] > 0 and row["thumbnail"] for row in rows)


def test_a_photo_that_takes_the_place_of_another(tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    whence.index(write_photos(tmp_path / "photos", 2), gallery)
    with lock(gallery):
        writer = Writer(Store.open(gallery), "test")
        new, other = staged(tmp_path / "more", gallery, 10, 2)
        writer.put([replace(new, path="00.jpg"), other], "model")
        writer.drop_strays()
    table = Store.open(gallery).table(schema.PHOTOS)
    assert table is not None
    found = {row["path"]: row["hash"] for row in table.to_arrow().to_pylist()}
    assert set(found) == {"00.jpg", "01.jpg", "11.jpg"}
    assert found["00.jpg"] == new.content_hash


def test_a_fragment_that_lies_elsewhere(tmp_path: Path) -> None:
    """A worker's machine has a folder of the same name, all of its own."""
    gallery = tmp_path / "gallery"
    whence.index(write_photos(tmp_path / "photos", 1), gallery)
    found = staged(tmp_path / "more", gallery, 10, 2)
    newest = max((gallery / f"{schema.PHOTOS}.lance" / "data").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    newest.unlink()
    with lock(gallery):
        writer = Writer(Store.open(gallery), "test")
        for wanted in (found, found[:1]):
            with pytest.raises(ClusterError, match="storage that all machines of the cluster share"):
                writer.put(wanted, "model")
    assert len(whence.Gallery.open(gallery)) == 1
    fragments.clean(gallery)
