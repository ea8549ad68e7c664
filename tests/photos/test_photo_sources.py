"""Choosing the source by what is there."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from whence.errors import InputError
from whence.photos.folder import FolderSource
from whence.photos.sources import open_source
from whence.photos.table import CsvSource
from whence.plugins import SOURCES, PhotoSource
from whence.types import XY, Crs, LatLon, Photo

ENTRY_POINTS = "[whence.sources]\nfolder = whence.photos.folder:FolderSource\ncsv = whence.photos.table:CsvSource\n"


@pytest.fixture(autouse=True)
def registered(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the sources as an installation would, where the tests run from the bare source tree."""
    if entry_points(group=SOURCES):
        return
    site = tmp_path_factory.mktemp("site")
    info = site / "whence-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: whence\nVersion: 0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(site)


def table(path: Path, header: str = "path,lat,lon") -> Path:
    path.write_text(f"{header}\na.jpg,1,2\n")
    return path


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    for crs in (None, Crs.WGS84):
        source = open_source(tmp_path, crs=crs)
        assert isinstance(source, FolderSource)
        assert isinstance(source, PhotoSource)
        assert source.crs is Crs.WGS84
    assert isinstance(open_source(tmp_path, crs=Crs.LOCAL, need_position=False), FolderSource)
    with pytest.raises(InputError, match="local needs a CSV with x,y"):
        open_source(tmp_path, crs=Crs.LOCAL)


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.tsv", "a.txt"])
def test_a_table(tmp_path: Path, name: str) -> None:
    source = open_source(table(tmp_path / name))
    assert isinstance(source, CsvSource)
    assert list(source.photos()) == [Photo(tmp_path / "a.jpg", "a.jpg", LatLon(1, 2), "csv")]


def test_options_reach_the_table(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "path,x,y")
    assert open_source(path).crs is Crs.LOCAL
    (photo,) = open_source(path, crs=Crs.LOCAL).photos()
    assert isinstance(photo, Photo)
    assert photo.position == XY(1, 2)
    (photo,) = open_source(path, need_position=False).photos()
    assert photo == Photo(tmp_path / "a.jpg", "a.jpg")
    with pytest.raises(InputError, match="expected lat and lon"):
        open_source(path, crs=Crs.WGS84)


def test_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "a.parquet").write_bytes(b"x")
    (tmp_path / "empty.csv").touch()
    for name, words in {
        "missing": "missing: no such file or folder",
        "missing.csv": "missing.csv: no such file or folder",
        "empty": "no photos in",
        "a.jpg": "a.jpg is a single photo; expected a folder of photos or a CSV file",
        "a.parquet": "a.parquet is neither a folder nor a CSV file",
        "empty.csv": "the file is empty",
    }.items():
        with pytest.raises(InputError, match=words):
            open_source(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="neither a folder nor a CSV file"):
        open_source(tmp_path / "pipe.csv")
