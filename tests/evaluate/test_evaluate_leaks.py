"""Copies, near duplicates and shared groups: found between queries and database, hidden in leave-one-out."""

from __future__ import annotations

import shutil
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from PIL import Image

import whence
from samples import write_table
from scenes import PLACES, Scene
from whence.describe.looks import NEAR_BITS, Looks, near_duplicates
from whence.evaluate import Plan, evaluate
from whence.gallery.gallery import Gallery
from whence.locate.likeness import looks_of_files, looks_of_gallery

ALTERED = ("same", "recompressed", "resized", "cropped", "brighter")


def alter(source: Path, target: Path, how: str) -> None:
    """A copy as they are found on the web."""
    if how == "same":
        shutil.copy(source, target)
        return
    image = Image.open(source)
    width, height = image.size
    changed = {
        "recompressed": image,
        "resized": image.resize((width // 2, height // 2)),
        "cropped": image.crop((round(0.01 * width), round(0.01 * height), width, height)),
        "brighter": image.point(lambda value: min(255, int(1.2 * value))),
    }
    changed[how].save(target, quality=40 if how == "recompressed" else 90)


def test_planted_copies_are_found_and_left_out(scene: Scene, tmp_path: Path) -> None:
    rows = []
    for place, how in enumerate(ALTERED):
        alter(scene.folder / "db" / f"{place}-0.jpg", tmp_path / f"{how}.jpg", how)
        rows.append((f"{how}.jpg", f"{50 * place}", "0", ""))
    rows += [
        (str(scene.folder / "asked" / "0.jpg"), "0", "0", "wall0"),
        (str(scene.folder / "asked/5.jpg"), "250", "0", ""),
    ]
    table = write_table(tmp_path / "q.csv", rows, ("path", "x", "y", "group"))
    found = evaluate(Plan(scene.gallery, [table], out=tmp_path / "out", draws=10, tolerance_m=5))
    told = {(leak.question, leak.kind, leak.photo) for leak in found.leaks}
    assert told == {
        (0, "same file", "db/0-0.jpg"),
        *((place, "near duplicate", f"db/{place}-0.jpg") for place in range(1, len(ALTERED))),
        (len(ALTERED), "same group", "wall0"),
    }
    assert all(
        (leak.bits is not None and leak.bits <= NEAR_BITS) == (leak.kind == "near duplicate") for leak in found.leaks
    )
    (only,) = found.runs
    assert only.answers[0].duplicate_of == ("db/0-0.jpg",)
    assert only.clean["answered.share"].value == 1.0
    expected = only.outcomes.only(np.arange(len(rows)) == len(rows) - 1)  # the one query without any
    assert only.clean["error.max"].value == expected.error_m[0]
    assert only.clean["error.max"].value != only.figures["error.max"].value


def test_other_views_of_a_place_are_no_duplicates(scene: Scene) -> None:
    paths = [scene.folder / "db" / f"{place}-{view}.jpg" for place in range(PLACES) for view in range(2)]
    looks = looks_of_files(paths, 2)
    assert [[row for row, _ in near] for near in near_duplicates(looks, looks)] == [[row] for row in range(len(paths))]


def test_thumbnails_serve_as_well_as_files(scene: Scene, tmp_path: Path) -> None:
    kept = looks_of_gallery(Gallery.open(scene.gallery), 2)
    whence.index(scene.table, tmp_path / "bare", thumbnails=False)
    bare = looks_of_gallery(Gallery.open(tmp_path / "bare"), 2)
    assert kept.hashes == bare.hashes
    assert [[row for row, _ in near] for near in near_duplicates(kept, bare)] == [[row] for row in range(2 * PLACES)]


def test_photos_that_cannot_be_read_resemble_nothing(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    looks = looks_of_files([tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "gone.jpg"], 1)
    assert near_duplicates(looks, looks) == [[], [], []]


def test_blank_photos_are_no_duplicates_of_each_other(tmp_path: Path) -> None:
    paths = []
    for grey in (100, 102):
        paths.append(tmp_path / f"{grey}.png")
        Image.new("RGB", (200, 150), (grey, grey, grey)).save(paths[-1])
    looks = looks_of_files(paths, 1)
    assert [[row for row, _ in near] for near in near_duplicates(looks, looks)] == [[0], [1]]


def test_thousands_are_compared_in_seconds() -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (5000, 1024), dtype=np.uint8)
    looks = Looks(rng.random((5000, 64)) < 0.5, grey, tuple(map(str, range(5000))))
    start = perf_counter()
    near = near_duplicates(looks, looks)
    assert perf_counter() - start < 20
    assert [row for ((row, _),) in near] == list(range(5000))


@pytest.mark.parametrize("how", ["photo", "group"])
def test_leave_one_out_hides_the_photo_its_copies_and_its_group(scene: Scene, tmp_path: Path, how: str) -> None:
    alter(scene.folder / "db" / "0-0.jpg", tmp_path / "copy.jpg", "recompressed")
    rows = [*scene.rows, ("copy.jpg", "300", "0", "elsewhere", "even")]
    table = write_table(tmp_path / "db.csv", rows, ("path", "x", "y", "group", "label"))
    found = evaluate(Plan(table, out=tmp_path / "out", leave_one_out=how, draws=10, tolerance_m=5))
    (only,) = found.runs
    assert len(found.questions) == 2 * PLACES + 1
    assert found.leaks == []
    assert bool(found.leaky) == (how == "photo")
    group_of = {question.name: question.group for question in found.questions}
    copies = {name for name in group_of if name.endswith(("copy.jpg", "0-0.jpg"))}
    assert len(copies) == 2
    for question, answer in zip(found.questions, only.answers, strict=True):
        named = {candidate.path for candidate in answer.candidates}
        assert named
        assert question.name not in named
        if question.name in copies:
            assert not named & copies
        if how == "group":
            assert not any(group_of[name] == question.group for name in named)
    if how == "photo":  # the other view of the wall is still there
        assert only.figures["within.5"].value > 0.9
    else:
        assert only.figures["within.5"].value < 0.2


def test_leave_one_out_counts_photos_that_another_recipe_could_not_take_in(scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(scene.folder / "db", tmp_path / "db")
    table = write_table(
        tmp_path / "db.csv",
        [(f"db/{n}-{v}.jpg", str(50 * n), "0") for n in range(4) for v in range(2)],
        ("path", "x", "y"),
    )
    whence.index(table, tmp_path / "gallery")
    (tmp_path / "db" / "2-1.jpg").unlink()
    plan = Plan(
        tmp_path / "gallery", out=tmp_path / "out", leave_one_out="photo", draws=10, recipes=["default", "default-fast"]
    )
    found = evaluate(plan)
    own, other = found.runs
    assert str(own.gallery) == str(tmp_path / "gallery")
    assert other.gallery != own.gallery, "the recipes index alike; this test needs two that do not"
    assert [answer.error is not None for answer in own.answers] == [False] * 8
    assert [answer.path for answer in other.answers if answer.error] == ["db/2-1.jpg"]
    assert len(other.outcomes) == 8
