"""Near duplicates in a gallery: dropped when asked for, and never parted by hold-out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import whence
from samples import Run, textured, write_table
from whence.evaluate.splits import hold_out
from whence.gallery.gallery import Gallery

HEADER = ("path", "x", "y", "time", "group")


def picture(path: Path, seed: int, share: float = 1.0, quality: int = 92) -> None:
    """A photo of a wall, at a share of its size."""
    image = Image.fromarray(textured(seed, 320, 240))
    image.resize((round(320 * share), round(240 * share))).save(path, quality=quality)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Two walls; of the first a smaller copy, and one compressed anew."""
    folder = tmp_path / "album"
    folder.mkdir()
    picture(folder / "small.jpg", 1, 0.6)
    picture(folder / "a-again.jpg", 1, quality=50)
    picture(folder / "whole.jpg", 1, quality=96)
    picture(folder / "other.jpg", 2)
    return folder


def table(album: Path, *names: str) -> Path:
    rows = [(f"album/{name}.jpg", "0", "0", "", "") for name in names]
    return write_table(album.parent / f"{'-'.join(names)[:40]}.csv", rows, HEADER)


def kept(gallery: Path) -> list[str]:
    return [Path(photo.path).stem for photo in Gallery.open(gallery).photos]


def test_only_the_largest_stays(album: Path, tmp_path: Path, decoded: list[int]) -> None:
    source = table(album, "small", "a-again", "whole", "other")
    done = whence.index(source, tmp_path / "g", duplicates="drop")
    assert kept(tmp_path / "g") == ["a-again", "other"]  # of two as large, the first by name
    assert (done.added, done.total) == (2, 2)
    reasons = {Path(skipped.name).stem: skipped.reason for skipped in done.skipped}
    assert reasons == dict.fromkeys(("small", "whole"), "near duplicate of album/a-again.jpg")
    decoded.clear()
    again = whence.index(source, tmp_path / "g")
    assert decoded == []
    assert {Path(skipped.name).stem for skipped in again.skipped} == {"small", "whole"}
    assert again.unchanged == 2


def test_a_copy_from_elsewhere_takes_nobodys_place(album: Path, tmp_path: Path) -> None:
    whence.index(table(album, "whole", "other"), tmp_path / "g", duplicates="drop")
    (tmp_path / "b" / "brought").mkdir(parents=True)
    picture(tmp_path / "b" / "brought" / "0.jpg", 1, quality=50)  # by its path it would come first
    theirs = write_table(tmp_path / "b" / "theirs.csv", [("brought/0.jpg", "9", "9", "", "")], HEADER)
    done = whence.index(theirs, tmp_path / "g")
    assert [Path(skipped.name).name for skipped in done.skipped] == ["0.jpg"]
    assert kept(tmp_path / "g") == ["other", "whole"]


@pytest.mark.parametrize("order", [("small", "whole", "a-again", "other"), ("other", "a-again", "small", "whole")])
def test_one_by_one_gives_what_one_run_gives(album: Path, tmp_path: Path, order: tuple[str, ...]) -> None:
    for name in order:
        whence.index(table(album, name), tmp_path / "g", duplicates="drop")
    whence.index(table(album, *order), tmp_path / "g")
    assert kept(tmp_path / "g") == ["a-again", "other"]


def test_a_copy_comes_back_when_the_better_one_is_gone_or_copies_are_kept(album: Path, tmp_path: Path) -> None:
    source = table(album, "small", "a-again", "other")
    whence.index(source, tmp_path / "g", duplicates="drop")
    assert kept(tmp_path / "g") == ["a-again", "other"]
    whence.remove(tmp_path / "g", str(album / "a-again.jpg"))
    whence.index(table(album, "small", "other"), tmp_path / "g")
    assert kept(tmp_path / "g") == ["other", "small"]
    kept_again = whence.index(source, tmp_path / "g", duplicates="keep")
    assert kept_again.added == 1
    assert kept(tmp_path / "g") == ["a-again", "other", "small"]
    dropped = whence.index(source, tmp_path / "g", duplicates="drop")
    assert (dropped.unchanged, len(dropped.skipped), dropped.total) == (2, 1, 2)


def test_two_equal_copies_of_what_is_gone(album: Path, tmp_path: Path) -> None:
    """One of them comes back; the other is the same as it, and is not asked for again and again."""
    (album / "twin.jpg").write_bytes((album / "small.jpg").read_bytes())
    source = table(album, "small", "twin", "whole", "other")
    whence.index(source, tmp_path / "g", duplicates="drop")
    whence.index(source, tmp_path / "g")
    assert kept(tmp_path / "g") == ["other", "whole"]
    picture(album / "whole.jpg", 5)  # another wall
    done = whence.index(source, tmp_path / "g")
    assert kept(tmp_path / "g") == ["other", "small", "whole"]
    assert {Path(one.name).stem: one.reason for one in done.skipped} == {"twin": "same content as album/small.jpg"}


def test_copies_and_bursts_are_one_unless_a_table_groups_them(album: Path, tmp_path: Path) -> None:
    for number in range(4):
        picture(album / f"burst{number}.jpg", 10 + number)
    rows = [
        ("album/small.jpg", "0", "0", "", ""),
        ("album/whole.jpg", "40", "0", "", ""),
        ("album/other.jpg", "0", "0", "", ""),
        ("album/burst0.jpg", "7", "7", "2024-05-01T12:00:00", ""),
        ("album/burst1.jpg", "7", "7", "2024-05-01T12:00:08", ""),
        ("album/burst2.jpg", "7", "7", "2024-05-01T12:01:00", ""),
        ("album/burst3.jpg", "7", "7", "2024-05-01T12:00:04", "mine"),
    ]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whence.index(write_table(tmp_path / "t.csv", rows, HEADER), whole)
    for number, row in enumerate(reversed(rows)):
        whence.index(write_table(tmp_path / f"{number}.csv", [row], HEADER), parts)
    for gallery in (whole, parts):
        photos = Gallery.open(gallery).photos
        told = {Path(photo.path).stem: (photo.group, photo.burst) for photo in photos}
        assert told["small"] == told["whole"] == (None, "burst of album/small.jpg")
        assert told["burst0"] == told["burst1"] == (None, "burst of album/burst0.jpg")
        assert told["other"] == told["burst2"] == (None, None)
        assert told["burst3"] == ("mine", None)
        held = hold_out([photo.group or photo.burst for photo in photos], 0.3, 1)
        by_burst: dict[str, set[bool]] = {photo.burst: set() for photo in photos if photo.burst}
        for photo, out in zip(photos, held, strict=True):
            if photo.burst:
                by_burst[photo.burst].add(bool(out))
        assert all(len(sides) == 1 for sides in by_burst.values())


def test_a_wrong_choice_is_one_line(album: Path, tmp_path: Path, run: Run) -> None:
    done = run("index", album, "--gallery", tmp_path / "g", "--duplicates", "both")
    assert (done.code, done.err) == (2, "whence: duplicates both: expected keep or drop\n")
