"""Galleries whose files were cut, flipped or taken away: told what is wrong, and repaired to what is left."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import whence
from samples import Run, write_photos
from whence.errors import WhenceError
from whence.gallery import schema
from whence.locate.locator import Locator
from whence.locate.repairing import check, repair

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
    data = bytearray(rows[5]["features"])
    data[len(data) // 2] ^= 1
    rows[5]["features"] = bytes(data)
    import pyarrow as pa

    store.replace(schema.PHOTOS, pa.Table.from_pylist(rows, schema=table.schema))
    found = check(gallery)
    assert found.lost == [rows[5]["path"]]
    assert "not what was stored" in found.damage[0]


def test_wrong_places(tmp_path: Path, run: Run) -> None:
    assert run("repair", tmp_path / "none").code == 2
    assert run("repair", tmp_path).code == 2
    assert not list(tmp_path.iterdir())
    assert run("repair", tmp_path, "--format", "xml").code == 2
