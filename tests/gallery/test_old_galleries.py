"""Galleries as whence wrote them before: read, added to, repaired; those of a newer whence are refused.

``AGES`` says what the tables looked like, from the history of ``gallery/schema.py`` and ``recipes/data/default.toml``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import whence
from samples import GRID_DEG, Run, place, write_photos
from whence.errors import ModelMismatchError, SchemaVersionError
from whence.gallery import schema
from whence.gallery.store import Store, settings_table
from whence.gallery.sums import unsealed
from whence.geo.distance import distances_m
from whence.locate.repairing import check, repair
from whence.recipes import Recipe, load_recipe

COUNT = 8


@dataclass(frozen=True, slots=True)
class Age:
    """What whence wrote from some day on.

    Attributes:
        photos: Columns that came to the table of photos.
        settings: Settings that came.
        descriptors: Columns that came to the table of descriptors.
        recipe: Sections of the recipe as galleries kept them, where that changed; a section that is None was not there.
        version: Of the schema.
    """

    photos: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    descriptors: tuple[str, ...] = ()
    recipe: Mapping[str, Mapping[str, Any] | None] | None = None
    version: int = 1


VLAD = {"method": "vlad", "words": 128, "dimension": 512, "learn_from": 300}
LATER = dict.fromkeys(("retrieve", "confidence", "prior", "prerank", "target", "estimate", "train"))
OLDEST = {"describe": VLAD, **LATER, "locate": {"shortlist": 50, "unsure_below": 0.5}}
STAGES = {
    "describe": VLAD,
    **LATER,
    "retrieve": {"method": "similar", "top_k": 50},
    "locate": {"method": "places"},
    "confidence": {"unsure_below": 0.5},
}
AGES = {
    "2026-11-21": Age(recipe=OLDEST),
    "2026-11-25, labels": Age(("accuracy_m", "label")),
    "2026-11-25, statements": Age(("said",)),
    "2026-11-25, stages": Age(recipe=STAGES),
    "2026-11-30, fields of view": Age(settings=("fov_deg",), recipe={}),
    "2026-11-30, near duplicates": Age(("glance",), ("duplicates",)),
    "2026-11-30, repair": Age(("features_crc",)),
    "2026-11-30, sums": Age(("pictures_crc", "row_crc"), ("needs",), ("crc",), version=2),
}
OLD = [name for name, age in AGES.items() if age.version < schema.SCHEMA_VERSION]
SOME = [name if name in (OLD[0], OLD[-1]) else pytest.param(name, marks=pytest.mark.slow) for name in OLD]


def recipe_then(name: str) -> Mapping[str, Mapping[str, Any] | None]:
    """What the recipe of that time said otherwise."""
    said: Mapping[str, Mapping[str, Any] | None] = {}
    for at, age in AGES.items():
        said = age.recipe if age.recipe is not None else said
        if at == name:
            break
    return said


def came_after(name: str, what: str) -> set[str]:
    """Columns or settings that were not there yet."""
    names = list(AGES)
    return {one for later in names[names.index(name) + 1 :] for one in getattr(AGES[later], what)}


def to_age(gallery: Path, name: str) -> None:
    """Writes a gallery's tables as they were then."""
    store = Store.open(gallery)
    for table, what in ((schema.PHOTOS, "photos"), (schema.DESCRIPTORS, "descriptors")):
        opened: Any = store.table(table)
        rows = opened.to_arrow()
        store.replace(table, rows.drop_columns(list(came_after(name, what))))
    said = {**asdict(store.settings), "schema_version": AGES[name].version}
    sections = {**said["sections"], **recipe_then(name)}
    said["sections"] = {key: section for key, section in sections.items() if section is not None}
    text = json.dumps({key: value for key, value in said.items() if key not in came_after(name, "settings")})
    store.replace(schema.SETTINGS, pa.table({"json": [text]}, schema=schema.SETTINGS_SCHEMA))
    shutil.rmtree(gallery / f"{schema.ARTEFACTS}.lance", ignore_errors=True)  # bursts and trials came later


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("old") / "photos", COUNT)


@pytest.fixture(scope="module")
def today(photos: Path) -> Mapping[bool, Path]:
    """Galleries of the photos, described as by the first recipe and as today."""
    default = load_recipe("default")
    first = Recipe("default", "", {**default.sections, **{key: value or {} for key, value in STAGES.items()}})
    found = {True: photos.parent / "first", False: photos.parent / "today"}
    for is_first, gallery in found.items():
        whence.index(photos, gallery, recipe=first if is_first else default)
    return found


def made(name: str, today: Mapping[bool, Path], to: Path) -> Path:
    """A gallery of some age, and of a root of its own."""
    shutil.copytree(today["describe" in recipe_then(name)], to)
    to_age(to, name)
    return to


def columns(gallery: Path, table: str = schema.PHOTOS) -> list[str]:
    opened: Any = Store.open(gallery).table(table)
    return list(opened.schema.names)


def off_m(gallery: Path, photo: Path, number: int) -> float:
    found = whence.Locator(whence.Gallery.open(gallery)).locate(photo)
    assert isinstance(found.position, whence.LatLon)
    return float(distances_m(found.position, [place(number)])[0])


def test_ages_end_today(today: Mapping[bool, Path]) -> None:
    """Who adds a column or a setting has to say here what galleries looked like before."""
    first = set(schema.PHOTOS_SCHEMA.names) - came_after(OLD[0], "photos") - set(AGES[OLD[0]].photos)
    assert len(first) == 22
    assert first | came_after(OLD[0], "photos") == set(schema.PHOTOS_SCHEMA.names)
    assert columns(today[False]) == schema.PHOTOS_SCHEMA.names
    assert set(AGES).difference(OLD) == {"2026-11-30, sums"}
    dimension = whence.Gallery.open(today[False]).dimension
    assert columns(today[False], schema.DESCRIPTORS) == schema.descriptors_schema(dimension).names
    nine = {"crs", "tolerance_m", "tolerance_given", "recipe", "sections", "extractor", "root", "written_by"}
    assert set(schema.Settings.__dataclass_fields__) == {*nine, "schema_version", *came_after(OLD[0], "settings")}


@pytest.mark.parametrize("name", SOME)
def test_an_old_gallery_works(name: str, photos: Path, today: Mapping[bool, Path], tmp_path: Path, run: Run) -> None:
    gallery = made(name, today, tmp_path / "gallery")
    assert set(columns(gallery)) == set(schema.PHOTOS_SCHEMA.names) - came_after(name, "photos")
    sources = tmp_path / "photos"
    shutil.copytree(photos, sources)

    # It is read as it is: the answers are those of a gallery of today.
    before = {path: path.read_bytes() for path in gallery.rglob("*") if path.is_file()}
    answers = [
        whence.Locator(whence.Gallery.open(one)).locate(photos / "03.jpg")
        for one in (gallery, today["describe" in recipe_then(name)])
    ]
    assert len(answers[0].candidates) == COUNT - 1
    assert [c.path for c in answers[0].candidates] == [c.path for c in answers[1].candidates]
    assert answers[0].position == answers[1].position
    assert run("info", gallery).code == 0
    assert check(gallery).is_whole
    assert run("repair", gallery, "--dry-run").code == 0
    assert {path: path.read_bytes() for path in gallery.rglob("*") if path.is_file()} == before

    # It can be added to, and is of today from then on.
    write_photos(sources, 2, first=COUNT)
    (sources / "00.jpg").touch()
    report = whence.index(sources, gallery, root=sources)
    assert (report.added, report.changed, report.unchanged, report.total) == (2, 0, COUNT, COUNT + 2)
    assert set(columns(gallery)) == set(schema.PHOTOS_SCHEMA.names)
    assert Store.open(gallery).settings.schema_version == schema.SCHEMA_VERSION
    opened: Any = Store.open(gallery).table(schema.PHOTOS)
    rows = {row["path"]: row for row in opened.to_arrow().to_pylist()}
    assert all(rows[f"{number:02d}.jpg"]["row_crc"] is not None for number in (0, COUNT, COUNT + 1))
    assert check(gallery).is_whole
    copy = tmp_path / "query.jpg"
    copy.write_bytes((sources / f"{COUNT:02d}.jpg").read_bytes() + b"\0")  # another content, the same pixels
    assert off_m(gallery, copy, COUNT) < 1

    # What is removed is gone, and what is damaged is told and taken out.
    assert whence.remove(gallery, ["01.jpg"]).total == COUNT + 1
    whence.remove(gallery, purge=True)
    for path in (gallery / "photos.lance" / "data").iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    assert run("repair", gallery).code == 1
    assert whence.index(sources, gallery).total == COUNT + 2
    assert check(gallery).is_whole


def test_an_old_gallery_that_is_damaged_is_repaired(photos: Path, today: Mapping[bool, Path], tmp_path: Path) -> None:
    gallery = made(OLD[0], today, tmp_path / "gallery")
    newest = min((gallery / "photos.lance" / "_versions").glob("*.manifest"))
    newest.write_bytes(newest.read_bytes()[:20])
    found = repair(gallery)
    assert found.photos == COUNT  # an older version has them
    assert check(gallery).is_whole
    assert off_m(gallery, photos / "03.jpg", 3) < 2 * GRID_DEG * 111_200


def test_features_of_another_kind_are_neither_mixed_nor_thrown_away(
    photos: Path, today: Mapping[bool, Path], tmp_path: Path
) -> None:
    """On its first day whence placed keypoints half a pixel off; nobody can describe such photos any more."""
    gallery = made(OLD[0], today, tmp_path / "gallery")
    store = Store.open(gallery)
    store.save_settings(replace(store.settings, extractor="sift-b0a630ac2bb6-1024", schema_version=1))
    described: Any = store.table(schema.DESCRIPTORS)
    rows = described.to_arrow()
    other = pa.array(["sift-b0a630ac2bb6-1024-vlad-1"] * len(rows), pa.string())
    store.replace(schema.DESCRIPTORS, rows.set_column(rows.schema.get_field_index("model"), "model", other))
    assert len(whence.Gallery.open(gallery)) == COUNT
    assert repair(gallery).is_whole  # nothing is damaged
    for work in (lambda: whence.index(photos, gallery), lambda: whence.Locator(whence.Gallery.open(gallery))):
        with pytest.raises(ModelMismatchError, match="index into a new gallery"):
            work()
    assert Store.open(gallery).settings.schema_version == 1


@contextmanager
def written_otherwise(gallery: Path, **changes: Any) -> Iterator[None]:
    """Settings with other values, for a while."""
    store = Store.open(gallery)
    before = store.settings
    rows = settings_table(before)
    said = {**unsealed(rows["json"][0].as_py()), **changes}
    store.replace(schema.SETTINGS, pa.table({"json": [json.dumps(said)]}, schema=schema.SETTINGS_SCHEMA))
    yield
    store.save_settings(before)


def test_a_newer_gallery_is_refused_with_what_it_needs(
    photos: Path, today: Mapping[bool, Path], tmp_path: Path, run: Run
) -> None:
    gallery = tmp_path / "gallery"
    shutil.copytree(today[False], gallery)
    newer = schema.SCHEMA_VERSION + 1
    with written_otherwise(gallery, schema_version=newer, needs="7.1.0", unheard_of=True):
        with pytest.raises(SchemaVersionError, match=r"needs whence 7\.1\.0"):
            whence.Gallery.open(gallery)
        for words in (
            ("info", gallery),
            ("locate", photos / "03.jpg", "--gallery", gallery),
            ("index", photos, "--gallery", gallery),
            ("remove", "03.jpg", "--gallery", gallery),
            ("repair", gallery),
        ):
            done = run(*words)
            assert (done.code, done.out) == (2, ""), words
            said = f"whence: the gallery {gallery} has schema version {newer} and needs whence 7.1.0, this whence "
            said += f"reads up to {schema.SCHEMA_VERSION}; upgrade: pip install --upgrade whence"
            assert done.lines[-1] == said
            assert len(done.lines) == 1 + (words[0] == "repair")  # which says that it begins
    with written_otherwise(gallery, unheard_of=True):  # of the same version: it does no harm to know less
        assert len(whence.Gallery.open(gallery)) == COUNT
    assert np.isfinite(off_m(gallery, photos / "03.jpg", 3))
