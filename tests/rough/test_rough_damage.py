"""Galleries whose files were cut, flipped or taken away: told what is wrong, and repaired to what is left."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import whence
from samples import Run, write_photos
from whence.errors import SchemaVersionError, WhenceError
from whence.gallery import schema
from whence.locate import learning
from whence.locate.locator import Locator
from whence.locate.repairing import check, repair
from whence.recipes import Recipe, load_recipe

COUNT = 24


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Photos, and a gallery of them made in two runs, so that there are several files."""
    folder = tmp_path_factory.mktemp("damage")
    write_photos(folder / "photos", COUNT // 2)
    whence.index(folder / "photos", folder / "gallery")
    write_photos(folder / "photos", COUNT // 2, first=COUNT // 2)
    whence.index(folder / "photos", folder / "gallery")
    return folder / "photos", folder / "gallery"


def cut(path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.randrange(len(data))])


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 20, 2000])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def remove(path: Path, chance: random.Random) -> None:
    path.unlink()


def stored_files(gallery: Path) -> list[Path]:
    found = [path for path in sorted(gallery.rglob("*")) if path.is_file() and path.suffix in (".lance", ".manifest")]
    assert len(found) >= 6
    return found


def works(gallery: Path, photos: Path) -> set[str]:
    """Paths of a gallery that opens and answers."""
    opened = whence.Gallery.open(gallery)
    answer = Locator(opened).locate(photos / "03.jpg")
    assert answer.status.value in ("located", "unsure")
    return {photo.path for photo in opened.photos}


def told_otherwise(gallery: Path, healthy: Path) -> list[str]:
    """Photos of a gallery of which anything at all is not as it was stored."""
    rows = [opened(folder, schema.PHOTOS).to_arrow().to_pylist() for folder in (gallery, healthy)]
    one, other = ({row["path"]: row for row in part} for part in rows)
    made, whole = (whence.Gallery.open(g) for g in (gallery, healthy))
    vectors = {photo.path: vector.tobytes() for photo, vector in zip(whole.photos, whole.descriptors, strict=True)}
    now = {photo.path: vector.tobytes() for photo, vector in zip(made.photos, made.descriptors, strict=True)}
    return [path for path in one if one[path] != other.get(path) or now[path] != vectors[path]]


@pytest.mark.slow
@pytest.mark.parametrize("harm", [cut, flip, remove])
@pytest.mark.parametrize("seed", range(12))
def test_any_file_may_be_harmed(
    whole: tuple[Path, Path], tmp_path: Path, run: Run, harm: Callable[[Path, random.Random], None], seed: int
) -> None:
    photos, healthy = whole
    gallery, chance = tmp_path / "gallery", random.Random(seed)
    shutil.copytree(healthy, gallery)
    victims = stored_files(gallery)
    victim = victims[seed % len(victims)]
    harm(victim, chance)
    said = run("locate", photos / "03.jpg", "--gallery", gallery)  # an answer, or one line that says what to do
    assert said.code in (0, 2), said.err
    if said.code == 2:
        assert len(said.lines) == 1 or "panicked" in said.lines[1]  # which the library tells before it is asked
        assert "whence repair" in said.lines[-1] or "index" in said.lines[-1]
    if schema.SETTINGS in str(victim) and said.code == 2:
        with pytest.raises(WhenceError, match="cannot be repaired; index into a new folder"):
            repair(gallery)
        return
    found = repair(gallery)
    assert check(gallery).is_whole
    if found.photos:
        assert len(works(gallery, photos)) == found.photos
    assert told_otherwise(gallery, healthy) == []
    lost = set(found.lost)
    assert len(lost) + found.nameless + found.photos == COUNT or found.forgotten
    done = whence.index(photos, gallery)  # reads what is missing, and only that
    assert done.total == COUNT
    assert done.added == COUNT - found.photos
    assert works(gallery, photos) == {path.name for path in photos.glob("*.jpg")}


def test_a_whole_gallery_is_left_alone(whole: tuple[Path, Path], run: Run) -> None:
    _, gallery = whole
    before = {path: path.read_bytes() for path in gallery.rglob("*") if path.is_file()}
    for options in ([], ["--dry-run"]):
        said = run("repair", gallery, *options)
        assert said.code == 0
        assert f"{COUNT} photos, all whole" in said.out
    assert {path: path.read_bytes() for path in gallery.rglob("*") if path.is_file()} == before


def test_it_names_what_is_lost_and_how_to_get_it_back(whole: tuple[Path, Path], tmp_path: Path, run: Run) -> None:
    photos, healthy = whole
    gallery = tmp_path / "gallery"
    shutil.copytree(healthy, gallery)
    largest = max((gallery / "photos.lance" / "data").iterdir(), key=lambda path: path.stat().st_size)
    largest.unlink()
    dry = run("repair", gallery, "--dry-run")
    assert dry.code == 1
    assert "photos: 12 of 24 photos cannot be read" in dry.out
    assert "12 photos can be kept: whence repair" in dry.out
    assert not check(gallery).is_whole
    done = run("repair", gallery, "--format", "json")
    assert done.code == 1
    said = json.loads(done.out)
    assert said["photos"] == 12
    assert said["nameless"] == 12
    assert said["sources"] == [photos.as_posix()]
    assert run("repair", gallery).code == 0
    assert whence.index(photos, gallery).added == 12


def test_one_flipped_bit_of_stored_features_is_noticed(whole: tuple[Path, Path], tmp_path: Path) -> None:
    from whence.gallery.store import Store

    gallery = tmp_path / "gallery"
    shutil.copytree(whole[1], gallery)
    store = Store.open(gallery)
    table = store.table(schema.PHOTOS)
    assert table is not None
    rows = table.to_arrow().to_pylist()
    healthy = {row["path"]: row["features"] for row in rows}
    data = bytearray(rows[5]["features"])
    data[len(data) // 2] ^= 1
    rows[5]["features"] = bytes(data)
    store.replace(schema.PHOTOS, pa.Table.from_pylist(rows, schema=table.schema))
    found = check(gallery)
    assert "not what was stored" in found.damage[0]
    assert found.restored == 1  # the version before has it
    repair(gallery)
    assert check(gallery).is_whole
    mended = Store.open(gallery).table(schema.PHOTOS)
    assert mended is not None
    assert {row["path"]: row["features"] for row in mended.to_arrow().to_pylist()} == healthy


def test_wrong_places(tmp_path: Path, run: Run) -> None:
    assert run("repair", tmp_path / "none").code == 2
    assert run("repair", tmp_path).code == 2
    assert not list(tmp_path.iterdir())
    assert run("repair", tmp_path, "--format", "xml").code == 2


def opened(gallery: Path, name: str) -> Any:
    from whence.gallery.storage import load_lancedb

    return load_lancedb().connect(gallery).open_table(name)


def of_versions(whole: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy from which a few photos were removed since."""
    gallery = tmp_path / "gallery"
    shutil.copytree(whole[1], gallery)
    whence.remove(gallery, ["03.jpg", "05.jpg"])
    return gallery


def test_a_lost_note_of_what_was_removed(whole: tuple[Path, Path], tmp_path: Path) -> None:
    gallery = tmp_path / "gallery"
    shutil.copytree(whole[1], gallery)
    hashes = {row["path"]: row["hash"] for row in opened(gallery, schema.PHOTOS).to_arrow().to_pylist()}
    opened(gallery, schema.PHOTOS).delete("path IN ('03.jpg', '05.jpg')")
    opened(gallery, schema.DESCRIPTORS).delete(f"hash IN ('{hashes['03.jpg']}', '{hashes['05.jpg']}')")
    notes = list((gallery / "photos.lance" / "_deletions").iterdir())
    assert notes
    for path in notes:
        path.unlink()
    found = repair(gallery)
    assert found.photos == COUNT - 2  # what has no descriptor any more was removed
    assert found.restored == COUNT - 2
    assert check(gallery).is_whole
    assert works(gallery, whole[0]).isdisjoint({"03.jpg", "05.jpg"})


def test_an_older_version_has_what_the_newest_lost(whole: tuple[Path, Path], tmp_path: Path) -> None:
    gallery = of_versions(whole, tmp_path)
    before = {path.name for path in (whole[1] / "photos.lance" / "data").iterdir()}
    fresh = [path for path in (gallery / "photos.lance" / "data").iterdir() if path.name not in before]
    assert fresh  # what is left was written anew
    for path in fresh:
        path.unlink()
    found = repair(gallery)
    assert found.photos == found.restored == COUNT - 2
    assert not found.lost
    assert check(gallery).is_whole


def test_all_lost_and_indexed_again(tmp_path: Path, run: Run) -> None:
    photos = write_photos(tmp_path / "photos", 4)
    whence.index(photos, tmp_path / "gallery")
    for path in (tmp_path / "gallery" / "photos.lance" / "data").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    said = run("repair", tmp_path / "gallery")
    assert said.code == 1
    assert "what was damaged lies in" in said.out
    assert "lost: 4 photos" in said.out
    assert whence.index(photos, tmp_path / "gallery").added == 4
    assert check(tmp_path / "gallery").is_whole


def test_a_learned_vocabulary_that_is_lost_is_learned_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_FEATURES", 100)
    default = load_recipe("default")
    sections = {name: dict(values) for name, values in default.sections.items()}
    sections["describe"]["learn_from"] = 12
    photos = write_photos(tmp_path / "photos", 16)
    whence.index(photos, tmp_path / "gallery", recipe=Recipe("small", "", sections))
    before = whence.Gallery.open(tmp_path / "gallery")
    assert before.artefact() is not None
    shutil.rmtree(tmp_path / "gallery" / "artefacts.lance")
    assert not check(tmp_path / "gallery").is_whole
    found = repair(tmp_path / "gallery")
    assert "the model that described the photos is gone" in found.damage[0]
    after = whence.Gallery.open(tmp_path / "gallery")
    assert after.model == before.model  # learned from the same photos
    assert works(tmp_path / "gallery", photos) == {path.name for path in photos.glob("*.jpg")}


def test_what_may_not_be_read_is_not_damaged(
    whole: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = tmp_path / "gallery"
    shutil.copytree(whole[1], gallery)
    victim = next((gallery / "photos.lance" / "data").iterdir())
    real = Path.open

    def refused(path: Path, *how: Any, **more: Any) -> Any:
        if path == victim:
            raise PermissionError(13, "Permission denied")
        return real(path, *how, **more)

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(WhenceError, match="may not be read"):
        repair(gallery)
    monkeypatch.undo()
    assert check(gallery).is_whole


def test_a_newer_gallery_is_left_alone(whole: tuple[Path, Path], tmp_path: Path) -> None:
    from whence.gallery.store import Store

    gallery = tmp_path / "gallery"
    shutil.copytree(whole[1], gallery)
    store = Store.open(gallery)
    store.save_settings(replace(store.settings, schema_version=99))
    newest = min((gallery / "photos.lance" / "_versions").glob("*.manifest"))
    newest.write_bytes(newest.read_bytes()[:20])
    before = sorted(path for path in gallery.rglob("*") if path.is_file() and path.name != ".whence.lock")
    with pytest.raises(SchemaVersionError, match="schema version 99"):
        repair(gallery)
    assert sorted(path for path in gallery.rglob("*") if path.is_file() and path.name != ".whence.lock") == before


def test_a_position_that_changed_by_itself(tmp_path: Path) -> None:
    whence.index(write_photos(tmp_path / "photos", 4), tmp_path / "gallery")
    from whence.gallery.store import Store

    store = Store.open(tmp_path / "gallery")
    table = store.table(schema.PHOTOS)
    assert table is not None
    rows = table.to_arrow().to_pylist()
    rows[2]["lat"] += 1.0
    store.replace(schema.PHOTOS, pa.Table.from_pylist(rows, schema=table.schema))
    found = check(tmp_path / "gallery")
    assert "not what was stored" in found.damage[0]


def test_contributions_that_wait_are_looked_through_too(tmp_path: Path) -> None:
    from whence.gallery.quarantine import Contribution, Verdict, contributions, put
    from whence.gallery.store import Store

    whence.index(write_photos(tmp_path / "photos", 3), tmp_path / "gallery")
    store = Store.open(tmp_path / "gallery")
    put(store, [Contribution("a" * 32, "/a.jpg", Verdict.REVIEW)])
    assert check(tmp_path / "gallery").is_whole
    put(store, [Contribution("b" * 32, "/b.jpg", Verdict.REVIEW)])
    newest = min((tmp_path / "gallery" / "quarantine.lance" / "_versions").glob("*.manifest"))
    newest.write_bytes(newest.read_bytes()[:20])
    assert "quarantine: its newest version cannot be read" in repair(tmp_path / "gallery").damage
    assert [one.id for one in contributions(Store.open(tmp_path / "gallery"))] == ["a" * 32]
    assert check(tmp_path / "gallery").is_whole


@pytest.mark.parametrize("begun", [1, 4])
def test_a_gallery_killed_at_birth_is_not_damaged(tmp_path: Path, begun: int) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    whence.index(photos, tmp_path / "gallery")
    tables = (schema.PHOTOS, schema.DESCRIPTORS, schema.ARTEFACTS, schema.SKIPPED)
    for name in tables:
        shutil.rmtree(tmp_path / "gallery" / f"{name}.lance", ignore_errors=True)
    for name in tables[:begun]:  # their data were begun, and no version of them is there
        (tmp_path / "gallery" / f"{name}.lance" / "data").mkdir(parents=True)
        (tmp_path / "gallery" / f"{name}.lance" / "_versions").mkdir()
    assert check(tmp_path / "gallery").is_whole
    assert repair(tmp_path / "gallery").is_whole
    assert whence.index(photos, tmp_path / "gallery").added == 3


def test_nearly_blank_photos_that_lost_their_descriptors_get_others(tmp_path: Path) -> None:
    """Enough of them to learn a vocabulary from, with too few features for one."""
    default = load_recipe("default")
    sections = {name: dict(values) for name, values in default.sections.items()}
    sections["describe"]["learn_from"] = 4
    photos = write_photos(tmp_path / "photos", 6)
    whence.index(photos, tmp_path / "gallery", recipe=Recipe("small", "", sections))
    shutil.rmtree(tmp_path / "gallery" / "descriptors.lance")
    assert repair(tmp_path / "gallery").damage == ["descriptors: they are gone"]
    assert check(tmp_path / "gallery").is_whole
    assert works(tmp_path / "gallery", photos) == {path.name for path in photos.glob("*.jpg")}
