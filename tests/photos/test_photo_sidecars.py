"""XMP sidecars: which belongs to which photo, what they outdo, and what a broken one costs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from whence.photos.folder import FolderSource
from whence.types import Fix, LatLon, Photo, Skipped

HEAD = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'


def xmp(**said: str) -> str:
    facts = " ".join(f'exif:{name}="{value}"' for name, value in said.items())
    return f'{HEAD}<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" {facts}/></rdf:RDF></x:xmpmeta>'


def at(lat: float, lon: float, **said: str) -> str:
    return xmp(GPSLatitude=str(lat), GPSLongitude=str(lon), **said)


def source(folder: Path, files: dict[str, str]) -> list[Photo | Skipped]:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return list(FolderSource(folder).photos())


@pytest.mark.parametrize("name", ["IMG.xmp", "IMG.jpg.xmp", "IMG.XMP", "img.jpg.Xmp"])
def test_a_position_outdoes_the_file(tmp_path: Path, name: str) -> None:
    said = at(45.5, 12.25, GPSImgDirection="90", GPSAltitude="3", DateTimeOriginal="2024-05-01T14:05:00")
    [photo] = source(tmp_path, {"IMG.jpg": "x", name: said})
    assert photo == Photo(
        tmp_path / "IMG.jpg",
        "IMG.jpg",
        position=LatLon(45.5, 12.25),
        position_source="sidecar",
        time=datetime(2024, 5, 1, 14, 5),
        heading_deg=90,
        altitude_m=3,
    )


def test_without_a_position_it_only_completes(tmp_path: Path) -> None:
    [photo] = source(tmp_path, {"IMG.jpg": "x", "IMG.xmp": xmp(GPSImgDirection="90")})
    assert photo == Photo(tmp_path / "IMG.jpg", "IMG.jpg", fallback=Fix(None, "sidecar", heading_deg=90))


def test_the_longer_name_is_the_more_exact_one(tmp_path: Path) -> None:
    both = {"IMG.jpg.xmp": at(45.5, 12.25), "IMG.xmp": at(1, 1, GPSImgDirection="90")}
    [photo] = source(tmp_path, {"IMG.jpg": "x", **both})
    assert isinstance(photo, Photo)
    assert (photo.position, photo.heading_deg) == (LatLon(45.5, 12.25), 90)


def test_others_keep_theirs(tmp_path: Path) -> None:
    files = {"IMG_1.jpg": "x", "IMG_1.xmp": at(1, 1), "IMG_10.jpg": "x", "sub/IMG_1.jpg": "x", "IMG.xmp": at(2, 2)}
    found = {item.name: item for item in source(tmp_path, files) if isinstance(item, Photo)}
    assert {name: photo.position for name, photo in found.items()} == {
        "IMG_1.jpg": LatLon(1, 1),
        "IMG_10.jpg": None,
        "sub/IMG_1.jpg": None,
    }


def test_a_broken_one_is_named_once_and_costs_no_photo(tmp_path: Path) -> None:
    broken = {"sub/IMG.xmp": "<broken", "sub/IMG.jpg": "x", "sub/IMG.png": "x", "sub/no.jpg": "x"}
    found = source(tmp_path, {**broken, "sub/no.xmp": at(0, 0), "sub/no.jpg.json": "{"})
    aside = "(a sidecar; its photo is not skipped for that)"
    assert [(item.name, item.reason) if isinstance(item, Skipped) else item.name for item in found] == [
        "sub/IMG.jpg",
        ("sub/IMG.xmp", f"XMP is broken: it is not well-formed XML (line 1) {aside}"),
        "sub/IMG.png",
        "sub/no.jpg",
        ("sub/no.xmp", f"GPS position is 0,0 {aside}"),
        ("sub/no.jpg.json", f"it is not JSON {aside}"),
    ]
    assert not any(item.placed for item in found if isinstance(item, Photo))


def test_queries_do_not_look_at_sidecars(tmp_path: Path) -> None:
    (tmp_path / "IMG.jpg").write_text("x")
    (tmp_path / "IMG.xmp").write_text("<broken")
    assert list(FolderSource(tmp_path, need_position=False).photos()) == [Photo(tmp_path / "IMG.jpg", "IMG.jpg")]


def test_a_sidecar_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "IMG.xmp").mkdir()
    (tmp_path / "IMG.jpg").write_text("x")
    assert list(FolderSource(tmp_path).photos()) == [Photo(tmp_path / "IMG.jpg", "IMG.jpg")]
