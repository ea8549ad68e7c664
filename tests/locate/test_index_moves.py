"""Indexing after files were renamed, renumbered, swapped, copied and edited: every photo keeps what was said of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import whence
from samples import place, textured, write_photos, write_table
from whence.worlds import write_photo


def said(gallery: Path) -> tuple[float, str | None]:
    """Latitude and group of the one photo."""
    (photo,) = whence.Gallery.open(gallery).photos
    return photo.position.lat, photo.group  # type: ignore[union-attr]


def positions_of(gallery: Path) -> dict[str, float]:
    """Latitude by path."""
    return {photo.path: photo.position.lat for photo in whence.Gallery.open(gallery).photos}  # type: ignore[union-attr]


def test_renumbered_files_keep_what_their_table_said(tmp_path: Path, decoded: list[int]) -> None:
    photos, gallery = tmp_path / "photos", tmp_path / "g"
    photos.mkdir()
    for number in range(6):
        write_photo(photos / f"p{number}.jpg", textured(number))
    table = write_table(photos / "t.csv", [(f"p{n}.jpg", str(10 + n), "5") for n in range(6)])
    whence.index(table, gallery)
    decoded.clear()
    for number in reversed(range(6)):
        (photos / f"p{number}.jpg").rename(photos / f"p{number + 1}.jpg")
    report = whence.index(photos, gallery)
    assert (report.added, report.moved, report.unchanged, report.skipped, report.total) == (0, 6, 0, [], 6)
    assert positions_of(gallery) == {f"p{n + 1}.jpg": 10 + n for n in range(6)}
    for one, other in (("p1.jpg", "p2.jpg"), ("p3.jpg", "p6.jpg")):
        (photos / one).rename(photos / "spare")
        (photos / other).rename(photos / one)
        (photos / "spare").rename(photos / other)
    assert whence.index(photos, gallery).moved == 4
    assert positions_of(gallery)["p1.jpg"] == 11
    assert positions_of(gallery)["p6.jpg"] == 12
    assert whence.index(photos, gallery).unchanged == 6
    assert not decoded


def test_a_copied_library_whose_original_is_gone_is_relative_again_to_its_new_root(
    tmp_path: Path, decoded: list[int]
) -> None:
    old, new, gallery = write_photos(tmp_path / "old", 3), tmp_path / "new", tmp_path / "g"
    whence.index(old, gallery)
    shutil.copytree(old, new, copy_function=shutil.copyfile)  # with new times of change
    shutil.rmtree(old)
    decoded.clear()
    assert whence.index(new, gallery).moved == 3
    for _ in range(2):
        report = whence.index(new, gallery, root=new)
        assert (report.added, report.skipped, report.total) == (0, [], 3)
        assert [photo.path for photo in whence.Gallery.open(gallery).photos] == ["00.jpg", "01.jpg", "02.jpg"]
    assert report.unchanged == 3
    assert not decoded


def test_one_edited_photo_does_not_hide_that_a_library_was_moved(tmp_path: Path) -> None:
    old, gallery = write_photos(tmp_path / "old", 4), tmp_path / "g"
    whence.index(old, gallery)
    new = old.rename(tmp_path / "new")
    write_photo(new / "00.jpg", textured(50), place(50))
    report = whence.index(new, gallery)
    assert (report.changed, report.unchanged, report.total, report.root) == (1, 3, 4, new)


def test_a_group_stays_until_another_is_said(tmp_path: Path) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 1), tmp_path / "g"
    header = ("path", "lat", "lon", "group")
    whence.index(write_table(photos / "a.csv", [("00.jpg", "1", "2", "hall")], header), gallery)
    whence.index(write_table(photos / "b.csv", [("00.jpg", "3", "4")]), gallery)
    assert said(gallery) == (3.0, "hall")
    whence.index(write_table(photos / "c.csv", [("00.jpg", "3", "4", "court")], header), gallery)
    assert said(gallery) == (3.0, "court")


def test_a_photo_that_lost_its_position_is_dropped_and_not_read_again(tmp_path: Path, decoded: list[int]) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 3), tmp_path / "g"
    whence.index(photos, gallery)
    write_photo(photos / "00.jpg", textured(0))  # without a position
    (photos / "01.jpg").write_bytes((photos / "01.jpg").read_bytes()[:900])  # half copied, say
    assert [s.name for s in whence.index(photos, gallery).skipped] == ["00.jpg", "01.jpg"]
    assert [photo.path for photo in whence.Gallery.open(gallery).photos] == ["01.jpg", "02.jpg"]
    decoded.clear()
    report = whence.index(photos, gallery)
    assert ([s.name for s in report.skipped], report.total) == (["00.jpg", "01.jpg"], 2)
    assert not decoded


def test_what_was_written_beside_a_copy_is_true_of_the_photo(tmp_path: Path) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 2), tmp_path / "g"
    (photos / "z").mkdir()
    shutil.copy(photos / "00.jpg", photos / "z" / "copy.jpg")
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="33,0N" '
        'exif:GPSLongitude="20,0E"/></rdf:RDF></x:xmpmeta>'
    )
    (photos / "z" / "copy.jpg.xmp").write_text(packet, "utf-8")
    whence.index(photos, gallery)
    assert positions_of(gallery)["00.jpg"] == 33
    assert whence.index(photos, gallery).moved == 0
