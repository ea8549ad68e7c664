"""Stopping, killing, crowding: a gallery is never left broken, and never loses more than the batch in work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import whence
from samples import World, textured, write_photos
from whence.errors import GalleryBusyError, GalleryError, NotAGalleryError, PhotoError, SchemaVersionError
from whence.gallery import schema
from whence.gallery.storage import LOCK
from whence.gallery.store import Store, lock
from whence.locate import indexrun, learning
from whence.locate.pipeline import Pipeline
from whence.locate.progress import Progress
from whence.recipes import Recipe, load_recipe


def stop_when(matches: Callable[[Progress], bool]) -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        if matches(progress):
            raise KeyboardInterrupt

    return show


def check_whole(gallery: Path) -> int:
    """How many photos there are, each with features and a descriptor of the gallery's one model."""
    opened = whence.Gallery.open(gallery)
    assert all(len(features) for features in opened.features(range(len(opened))))
    np.testing.assert_allclose(np.linalg.norm(opened.descriptors, axis=1), 1, atol=2e-3)
    return len(opened)


def small(learn_from: int) -> Recipe:
    default = load_recipe("default")
    describe = {**default.sections["describe"], "words": 8, "dimension": 16, "learn_from": learn_from}
    return replace(default, name="small", sections={**default.sections, "describe": describe})


@pytest.fixture
def few_features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small photos suffice for a vocabulary."""
    monkeypatch.setattr(learning, "_FEATURES", 100)


def test_stopping_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[int]) -> None:
    monkeypatch.setattr(indexrun, "_BATCH", 3)
    photos = write_photos(tmp_path / "photos", 10)
    report = whence.index(photos, tmp_path / "g", progress=stop_when(lambda p: p.done == 5), workers=1)
    assert report.interrupted
    kept = check_whole(tmp_path / "g")
    assert 3 <= kept <= 6
    assert (report.total, report.added) == (kept, kept)
    decoded.clear()
    report = whence.index(photos, tmp_path / "g")
    assert not report.interrupted
    assert (report.added, report.unchanged, len(decoded)) == (10 - kept, kept, 10 - kept)
    assert check_whole(tmp_path / "g") == 10


def test_stopping_at_the_first_photo(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    assert whence.index(photos, tmp_path / "g", progress=stop_when(lambda p: True)).interrupted
    assert whence.index(photos, tmp_path / "g").total == 3


KILLED = """
import sys, time
from whence.locate import indexrun
indexrun._BATCH = 4
read = indexrun.read_photo
def slowly(*parts):
    time.sleep(0.1)
    return read(*parts)
indexrun.read_photo = slowly
from whence.cli import main
main()
"""


def test_killing_loses_at_most_a_batch(tmp_path: Path, decoded: list[int]) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 30), tmp_path / "g"
    command = [sys.executable, "-c", KILLED, "index", str(photos), "--gallery", str(gallery), "--workers", "1"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and child.poll() is None:
            if (gallery / "descriptors.lance").exists() and len(whence.Gallery.open(gallery)) >= 8:
                with pytest.raises(GalleryBusyError):  # a reader is welcome, a second writer is not
                    whence.index(photos, gallery)
                break
            time.sleep(0.02)
    finally:
        child.kill()
        child.wait()
    assert child.returncode != 0
    kept = check_whole(gallery)
    assert 8 <= kept < 30
    assert kept % 4 == 0
    report = whence.index(photos, gallery)
    assert report.unchanged in (kept, kept + 4)  # killed between photos and descriptors: those are made now
    assert report.added == len(decoded) == 30 - report.unchanged
    assert check_whole(gallery) == 30


@pytest.mark.parametrize("table", [schema.PHOTOS, schema.DESCRIPTORS, schema.SKIPPED])
def test_dying_before_any_transaction_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[int], table: str
) -> None:
    photos = write_photos(tmp_path / "photos", 5)
    (photos / "broken.jpg").write_text("broken")
    append = Store.append

    def dying(self: Store, name: str, rows: Any) -> None:
        if name == table:
            raise SystemExit(9)
        append(self, name, rows)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "append", dying)
        with pytest.raises(SystemExit):
            whence.index(photos, tmp_path / "g")
    opened = whence.Gallery.open(tmp_path / "g")  # it opens, whatever is there yet
    assert len(opened) in (0, 5)
    decoded.clear()
    assert whence.index(photos, tmp_path / "g").total == 5
    assert check_whole(tmp_path / "g") == 5
    assert len(decoded) == {schema.PHOTOS: 6, schema.DESCRIPTORS: 1, schema.SKIPPED: 1}[table]


def test_a_second_writer_is_told_to_wait(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    whence.index(photos, tmp_path / "g")
    with lock(tmp_path / "g"), pytest.raises(GalleryBusyError, match="being written by another process"):
        whence.index(photos, tmp_path / "g")
    assert whence.index(photos, tmp_path / "g").unchanged == 2


def test_an_open_gallery_keeps_its_version(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 4)
    whence.index(photos, tmp_path / "g")
    opened = whence.Gallery.open(tmp_path / "g")
    write_photos(photos, 3, first=4)
    (photos / "00.jpg").write_bytes((photos / "06.jpg").read_bytes() + b"\0")
    assert whence.index(photos, tmp_path / "g").total == 7
    assert len(opened) == 4
    assert all(len(features) for features in opened.features(range(4)))
    assert len(whence.Locator(opened).locate(textured(1)).candidates) == 4
    assert len(whence.Gallery.open(tmp_path / "g")) == 7


@pytest.mark.usefixtures("few_features")
def test_a_growing_gallery_learns_a_vocabulary_of_its_own(tmp_path: Path, decoded: list[int]) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 8), tmp_path / "g"
    assert not whence.index(photos, gallery, recipe=small(12)).learned
    opened = whence.Gallery.open(gallery)
    locator = whence.Locator(opened)
    before = locator.locate(photos / "03.jpg")
    write_photos(photos, 6, first=8)
    decoded.clear()
    seen: list[Progress] = []
    report = whence.index(photos, gallery, progress=seen.append)
    assert report.learned
    assert len(decoded) == 6  # those that were there are described anew from what is stored
    assert [step.stage for step in seen].count("learning") == 1

    grown = whence.Gallery.open(gallery)
    assert grown.model != opened.model
    assert grown.descriptors.shape[0] == 14
    assert grown.descriptors.shape[1] <= 16 < opened.descriptors.shape[1]
    assert check_whole(gallery) == 14
    artefact = grown.artefact()
    assert artefact is not None
    assert artefact["points.vocabulary"].shape == (8, 64)
    answer = whence.Locator(grown).locate(photos / "03.jpg")
    assert len(answer.candidates) == 13

    # The gallery that was open all the time answers as before.
    after = locator.locate(photos / "03.jpg")
    assert (after.position, after.candidates) == (before.position, before.candidates)
    assert whence.Locator(opened).locate(photos / "03.jpg").candidates == before.candidates

    # At no version did two models stand side by side.
    table = Store.open(gallery).table(schema.DESCRIPTORS)
    assert table is not None
    models = []
    for version in table.list_versions():
        table.checkout(version["version"])
        models.append(set(table.search().select(["model"]).to_arrow()["model"].to_pylist()))
    assert all(len(found) == 1 for found in models)
    assert models[0] == {opened.model}
    assert models[-1] == {grown.model}


@pytest.mark.usefixtures("few_features")
def test_what_was_learned_is_learned_again_only_after_much_growth(tmp_path: Path) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 6), tmp_path / "g"
    assert whence.index(photos, gallery, recipe=small(6)).learned
    first = whence.Gallery.open(gallery).model
    write_photos(photos, 3, first=6)
    assert not whence.index(photos, gallery).learned
    assert whence.Gallery.open(gallery).model == first
    write_photos(photos, 3, first=9)
    assert whence.index(photos, gallery).learned
    assert whence.Gallery.open(gallery).model != first
    assert check_whole(gallery) == 12


@pytest.mark.usefixtures("few_features")
def test_learning_in_the_middle_of_a_run_leaves_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "SAMPLE", 8)
    monkeypatch.setattr(indexrun, "_BATCH", 4)
    photos, gallery = write_photos(tmp_path / "photos", 30), tmp_path / "g"
    assert whence.index(photos, gallery, recipe=small(4), workers=2).learned  # photos in flight meet the new model
    opened = whence.Gallery.open(gallery)
    assert len(opened) == 30
    describer = Pipeline(small(4)).restored(opened)
    again = np.stack([describer.describe(features) for features in opened.features(range(30))])
    np.testing.assert_allclose(opened.descriptors, again, atol=2e-3)  # stored in half precision


@pytest.mark.usefixtures("few_features")
def test_what_is_learned_does_not_depend_on_order_or_workers(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 9)
    models = []
    for workers in (1, 3):
        whence.index(photos, tmp_path / f"g{workers}", recipe=small(8), workers=workers)
        models.append(whence.Gallery.open(tmp_path / f"g{workers}").descriptors.tolist())
    assert models[0] == models[1]


@pytest.mark.usefixtures("few_features")
@pytest.mark.parametrize("moment", ["learning", "describing"])
def test_dying_while_learning_keeps_the_old_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 4), tmp_path / "g"
    whence.index(photos, gallery, recipe=small(6))
    old = whence.Gallery.open(gallery).model
    write_photos(photos, 4, first=4)

    replaced = Store.replace

    def dying(self: Store, name: str, rows: Any) -> None:
        if name == schema.DESCRIPTORS:
            raise KeyboardInterrupt
        replaced(self, name, rows)

    with monkeypatch.context() as patched:
        if moment == "describing":
            patched.setattr(Store, "replace", dying)
        try:
            done = whence.index(photos, gallery, progress=stop_when(lambda p: p.stage == moment))
        except KeyboardInterrupt:
            pass
        else:
            assert done.interrupted
    assert whence.Gallery.open(gallery).model == old
    assert check_whole(gallery) == 8
    assert whence.index(photos, gallery).learned
    assert whence.Gallery.open(gallery).model != old
    assert check_whole(gallery) == 8


def test_nearly_blank_photos_teach_nothing(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 4)
    assert not whence.index(photos, tmp_path / "g", recipe=small(2)).learned  # far fewer than 20,000 features
    assert check_whole(tmp_path / "g") == 4


def test_a_gallery_of_a_newer_whence_is_refused(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    whence.index(photos, tmp_path / "g")
    store = Store.open(tmp_path / "g")
    store.save_settings(replace(store.settings, schema_version=schema.SCHEMA_VERSION + 1))
    for work in (lambda: whence.Gallery.open(tmp_path / "g"), lambda: whence.index(photos, tmp_path / "g")):
        with pytest.raises(SchemaVersionError, match="upgrade: pip install --upgrade whence"):
            work()


@pytest.mark.parametrize("what", ["missing", "empty", "strangers", "file"])
def test_what_is_no_gallery(tmp_path: Path, what: str) -> None:
    photos, folder = write_photos(tmp_path / "photos", 1), tmp_path / "g"
    if what in ("empty", "strangers"):
        folder.mkdir()
    if what in ("file", "strangers"):
        (folder / "thesis.txt" if what == "strangers" else folder).write_text("of years")
    with pytest.raises(NotAGalleryError, match="whence index PHOTOS --gallery"):
        whence.Gallery.open(folder)
    if what in ("missing", "empty"):
        assert whence.index(photos, folder).total == 1
        return
    with pytest.raises(GalleryError):
        whence.index(photos, folder)
    assert (folder / "thesis.txt" if what == "strangers" else folder).read_text() == "of years"
    if what == "strangers":
        assert os.listdir(folder) == ["thesis.txt"]  # noqa: PTH208


def test_a_gallery_killed_at_birth_is_made_anew(tmp_path: Path) -> None:
    photos, folder = write_photos(tmp_path / "photos", 1), tmp_path / "g"
    (folder / "settings.lance").mkdir(parents=True)
    (folder / LOCK).touch()
    with pytest.raises(NotAGalleryError):
        whence.Gallery.open(folder)
    assert whence.index(photos, folder).total == 1
    assert check_whole(folder) == 1


def test_the_rendered_town_is_stored_compactly(world: World) -> None:
    table = Store.open(world.gallery).table(schema.PHOTOS)
    assert table is not None
    rows = table.search().select(["features", "feature_count", "thumbnail"]).to_arrow().to_pylist()
    assert len(rows) == 56
    assert all(len(row["features"]) < 100_000 for row in rows)
    assert all(row["feature_count"] <= 1000 for row in rows)
    assert all(1000 < len(row["thumbnail"]) < 20_000 for row in rows)


@pytest.mark.parametrize("table", [schema.PHOTOS, schema.DESCRIPTORS, schema.SKIPPED])
def test_a_table_whose_first_version_was_never_finished_is_made_again(tmp_path: Path, table: str) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 3), tmp_path / "g"
    (photos / "broken.jpg").write_text("no photo")
    whence.index(photos, gallery)
    shutil.rmtree(gallery / f"{table}.lance")
    (gallery / f"{table}.lance" / "data").mkdir(parents=True)
    report = whence.index(photos, gallery)
    assert (report.total, len(report.skipped)) == (3, 1)
    assert len(whence.Gallery.open(gallery)) == 3


def test_stopping_while_learning_keeps_the_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    photos, gallery = write_photos(tmp_path / "photos", 3), tmp_path / "g"
    with monkeypatch.context() as patched:
        patched.setattr(indexrun.IndexRun, "finish", stop)
        assert whence.index(photos, gallery).interrupted
    assert len(whence.Gallery.open(gallery)) == 3
    assert not whence.index(photos, gallery).interrupted


def test_a_file_that_could_not_be_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PhotoError("no permission to read it")

    photos, gallery = write_photos(tmp_path / "photos", 2), tmp_path / "g"
    with monkeypatch.context() as patched:
        patched.setattr("whence.locate.reading.files.read", refuse)
        assert [skip.reason for skip in whence.index(photos, gallery).skipped] == ["no permission to read it"] * 2
    assert whence.index(photos, gallery).added == 2


def test_a_table_that_cannot_be_opened_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(name: str) -> None:
        raise ValueError("manifest is damaged")

    photos, gallery = write_photos(tmp_path / "photos", 2), tmp_path / "g"
    whence.index(photos, gallery)
    store = Store.open(gallery)
    monkeypatch.setattr(store._connection, "open_table", damaged)
    with pytest.raises(ValueError, match="damaged"):
        store.table(schema.PHOTOS)
