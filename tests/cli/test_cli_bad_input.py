"""Bad input: one clear line each, the rest of the batch finished, the exit status telling."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import whence
from samples import Done, Run, World, blank, place, textured, write_photos, write_table
from whence.gallery import schema
from whence.gallery.store import Store, lock
from whence.photos.queries import queries
from whence.worlds import write_photo


def huge_png(side: int = 30_000) -> bytes:
    """A valid black PNG of one bit a pixel: 900 million pixels in a few hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    row = bytes(1 + (side + 7) // 8) * 500
    pixels = b"".join(packer.compress(row) for _ in range(side // 500)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


REASONS = {
    "broken-0-bytes.jpg": "the file is empty",
    "broken-huge.png": "30000 x 30000 pixels, more than the 200 million allowed",
    "broken-nowhere.jpg": "no GPS position",
    "broken-text.jpg": "not a photo: expected JPEG, PNG, WebP, TIFF, AVIF or HEIC",
    "broken-truncated.jpg": "the JPEG file is cut short (truncated)",
    "broken-zero.jpg": "GPS position is 0,0",
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four good photos, one of them blank, among bad ones."""
    folder = write_photos(tmp_path_factory.mktemp("bad"), 3)
    write_photo(folder / "blank.jpg", blank(), place(3))
    (folder / "broken-0-bytes.jpg").touch()
    (folder / "broken-text.jpg").write_text("this is no photo")
    whole = (folder / "00.jpg").read_bytes()
    (folder / "broken-truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "broken-huge.png").write_bytes(huge_png())
    write_photo(folder / "broken-nowhere.jpg", textured(8))
    write_photo(folder / "broken-zero.jpg", textured(9), replace(place(0), lat=0.0, lon=0.0))
    return folder


def refused(done: Done, *words: str) -> None:
    """Exit status 2, nothing on stdout, and one line on stderr that holds these words."""
    assert done.code == 2, done
    assert done.out == ""
    assert len(done.lines) == 1, done.err
    assert done.err.startswith("whence: ")
    for word in words:
        assert word in done.err


def test_index_goes_on_past_bad_photos(run: Run, bad: Path, tmp_path: Path) -> None:
    done = run("index", bad, "--gallery", tmp_path / "g", "--report", tmp_path / "r.json")
    assert (done.code, done.out) == (0, "")
    assert done.lines[:-1] == [f"skipped {name}: {reason}" for name, reason in REASONS.items()]
    assert done.lines[-1].startswith("4 added; 6 skipped.")
    said = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert {skip["path"]: skip["reason"] for skip in said["skipped"]} == REASONS
    photos = [photo.path for photo in whence.Gallery.open(tmp_path / "g").photos]
    assert photos == ["00.jpg", "01.jpg", "02.jpg", "blank.jpg"]
    assert run("index", bad, "--gallery", tmp_path / "g", "--strict").code == 1


def test_locate_goes_on_past_bad_photos(run: Run, bad: Path, world: World) -> None:
    done = run("locate", bad, "--gallery", world.gallery, "--format", "jsonl")
    assert done.code == 1
    answers = {Path(answer["path"]).name: answer for answer in done.answers}
    assert sorted(answers) == sorted(path.name for path in bad.iterdir())
    failing = {name: reason for name, reason in REASONS.items() if "GPS" not in reason}
    assert {name: answer["error"] for name, answer in answers.items() if answer["status"] == "failed"} == failing
    assert done.lines == [f"whence: {bad / name}: {reason}" for name, reason in failing.items()]
    assert answers["blank.jpg"]["status"] == "unsure"
    assert answers["blank.jpg"]["candidates"] == []
    assert all((answer["position"] is None) == (answer["status"] == "failed") for answer in answers.values())


def test_the_table_names_failures_too(run: Run, bad: Path, world: World) -> None:
    done = run("locate", bad / "broken-text.jpg", bad / "01.jpg", "--gallery", world.gallery)
    assert done.code == 1
    assert (done.out + done.err).count("not a photo") == 1
    assert "unsure" in done.out


def test_only_bad_photos(run: Run, bad: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes((bad / "broken-text.jpg").read_bytes())
    done = run("index", tmp_path / "photos", "--gallery", tmp_path / "g")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert done.lines[-1].startswith(f"whence: no photo of {tmp_path / 'photos'} could be indexed")


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a photo and a sub-folder that may not be read; root may read everything, so it is pretended."""
    folder = write_photos(tmp_path / "photos", 1)
    secret = write_photos(folder / "secret", 1, first=1)
    scandir = os.scandir

    def guarded(path: Any) -> Any:
        if Path(path) == secret:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", guarded)
        yield folder


def test_a_folder_without_permission_among_others(run: Run, locked: Path, tmp_path: Path, world: World) -> None:
    done = run("index", locked, "--gallery", tmp_path / "g")
    assert done.code == 0
    assert done.lines[0] == "skipped secret/: folder left out: no permission to read it"
    assert done.lines[1].startswith("1 added; 1 skipped.")
    located = run("locate", locked, "--gallery", world.gallery, "--format", "jsonl")
    assert located.code == 1
    assert [answer["status"] for answer in located.answers][1] == "failed"
    assert len(located.lines) == 1


def test_a_source_without_permission(run: Run, locked: Path, tmp_path: Path, world: World) -> None:
    secret = locked / "secret"
    refused(run("index", secret, "--gallery", tmp_path / "g"), str(secret), "no permission")
    assert not (tmp_path / "g").exists()
    refused(run("locate", secret, "--gallery", world.gallery), str(secret), "no permission")


def test_sources_that_cannot_be_used(run: Run, tmp_path: Path, world: World) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    gallery = tmp_path / "g"
    refused(run("index", empty, "--gallery", gallery), str(empty), "no photos")
    refused(run("index", tmp_path / "none", "--gallery", gallery), "no such file or folder")
    refused(run("index", world.queries / "query-00.jpg", "--gallery", gallery), "is a single photo")
    (tmp_path / "notes.md").write_text("x")
    refused(run("index", tmp_path / "notes.md", "--gallery", gallery), "neither a folder nor a CSV file")
    refused(run("locate", empty, "--gallery", world.gallery), "no photos")
    refused(run("locate", tmp_path / "none.jpg", "--gallery", world.gallery), "no such file or folder")
    assert not gallery.exists()


def test_tables_that_cannot_be_used(run: Run, tmp_path: Path, world: World) -> None:
    table, gallery = tmp_path / "t.csv", tmp_path / "g"
    for header, words in (
        (("path", "latitud", "lon"), ["lat"]),
        (("name", "lat", "lon"), ["path"]),
        (("path", "x"), ["y"]),
    ):
        write_table(table, [("a.jpg", "1", "2")[: len(header)]], header)
        refused(run("index", table, "--gallery", gallery), str(table), *words)
    write_table(table, [("a.jpg", "1", "2")], ("name", "lat", "lon"))
    refused(run("locate", table, "--gallery", world.gallery), str(table), "path")
    table.write_bytes(b"")
    refused(run("index", table, "--gallery", gallery), str(table), "empty")
    assert not gallery.exists()


def test_rows_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    rows: list[tuple[str, ...]] = [("00.jpg", "50", "10"), ("01.jpg", "91", "10"), ("02.jpg", "x", "10")]
    table = write_table(photos / "t.csv", [*rows, ("gone.jpg", "50", "10"), ("", "50", "10")])
    done = run("index", table, "--gallery", tmp_path / "g")
    assert done.code == 0
    assert "skipped 01.jpg: line 3: latitude 91 is out of range (-90 to 90)" in done.lines
    assert any(line.startswith("skipped 02.jpg: line 4: ") for line in done.lines)
    assert "skipped gone.jpg: no such file or folder" in done.lines
    assert "skipped t.csv, line 6: line 6: the path is empty" in done.lines
    assert done.lines[-1].startswith("1 added; 4 skipped.")


def test_a_gallery_being_written(run: Run, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 2)
    assert run("index", photos, "--gallery", tmp_path / "g").code == 0
    holder = "import sys; from pathlib import Path; from whence.gallery.store import lock\n"
    holder += "with lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path / "g")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline().strip() == b"held"
        refused(run("index", photos, "--gallery", tmp_path / "g"), "being written by another process")
        reading = run("locate", photos / "00.jpg", "--gallery", tmp_path / "g", "--format", "jsonl")
        assert (reading.code, len(reading.answers)) == (0, 1)
    finally:
        child.stdin.close()
        child.wait(30)
        child.stdout.close()
    assert run("index", photos, "--gallery", tmp_path / "g").code == 0
    with lock(tmp_path / "g"):
        refused(run("index", photos, "--gallery", tmp_path / "g"), "being written by another process")


def test_galleries_that_cannot_be_used(run: Run, tmp_path: Path, world: World) -> None:
    photos, query = write_photos(tmp_path / "photos", 1), world.queries / "query-00.jpg"
    refused(run("locate", query, "--gallery", tmp_path / "none"), "no gallery at", "whence index")
    refused(run("locate", query, "--gallery", photos), "is not a gallery")
    refused(run("info", photos), "is not a gallery")
    refused(run("index", photos, "--gallery", photos), "is not a gallery and not empty")
    (tmp_path / "file").write_text("x")
    refused(run("index", photos, "--gallery", tmp_path / "file"), str(tmp_path / "file"))
    assert sorted(path.name for path in photos.iterdir()) == ["00.jpg"]  # nothing was left behind

    run("index", photos, "--gallery", tmp_path / "g")
    store = Store.open(tmp_path / "g")
    store.save_settings(replace(store.settings, schema_version=schema.SCHEMA_VERSION + 1))
    newer = f"schema version {schema.SCHEMA_VERSION + 1}"
    refused(run("index", photos, "--gallery", tmp_path / "g"), newer, "pip install --upgrade")
    refused(run("locate", query, "--gallery", tmp_path / "g"), newer)


def test_galleries_that_lost_a_table(run: Run, tmp_path: Path, world: World) -> None:
    photos, query = write_photos(tmp_path / "photos", 3), world.queries / "query-00.jpg"
    whole, lost = tmp_path / "whole", tmp_path / "lost"
    assert run("index", photos, "--gallery", whole).code == 0
    shutil.copytree(whole, lost)
    shutil.rmtree(lost / "descriptors.lance")
    told = json.loads(run("info", lost, "--format", "json").out)
    assert (told["photos"], told["without_descriptor"]) == (0, 3)
    assert "without_descriptor" not in json.loads(run("info", whole, "--format", "json").out)
    refused(run("locate", query, "--gallery", lost), "lacks the descriptors of its photos", "whence repair")
    refused(run("contribute", photos / "00.jpg", "--gallery", lost), "lacks the descriptors of its photos")
    shutil.copytree(whole, tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare" / "photos.lance")
    for words in (("contribute", photos / "00.jpg", "--gallery"), ("remove", "00.jpg", "--gallery"), ("info",)):
        refused(run(*words, tmp_path / "bare"), "has lost its photos")
    assert run("index", photos, "--gallery", lost).code == 0  # as it says
    assert run("locate", query, "--gallery", lost).code == 0
    shutil.rmtree(lost / "settings.lance")
    for words in (("info",), ("repair",), ("index", photos, "--gallery"), ("locate", query, "--gallery")):
        refused(run(*words, lost), "has lost its settings")


def test_options_that_do_not_fit(run: Run, tmp_path: Path, world: World) -> None:
    photos, query, gallery = write_photos(tmp_path / "photos", 1), world.queries / "query-00.jpg", tmp_path / "g"
    refused(run("index", photos, "--gallery", gallery, "--recipe", "defualt"), "no recipe 'defualt'")
    refused(run("index", photos, "--gallery", gallery, "--crs", "mars"), "--crs mars")
    refused(run("index", photos, "--gallery", gallery, "--crs", "local"), "local needs a CSV")
    refused(run("index", photos, "--gallery", gallery, "--tolerance", "-1"), "expected a number above 0")
    refused(run("index", photos, "--gallery", gallery, "--report", tmp_path / "no" / "r.json"), "does not exist")
    refused(run("index", photos, "--gallery", gallery, "--report", photos), str(photos))
    refused(run("locate", query, "--gallery", world.gallery, "--format", "jsnl"), "did you mean 'jsonl'?")
    refused(run("locate", query, "--gallery", world.gallery, "--tolerance", 0), "expected a number above 0")
    refused(run("index", photos, "--gallery", world.plan), "latitude and longitude")
    shipped = files("whence.recipes").joinpath("data", "default.toml").read_text("utf-8")
    (tmp_path / "r.toml").write_text(shipped.replace("ratio =", "ration ="))
    refused(run("index", photos, "--gallery", gallery, "--recipe", tmp_path / "r.toml"), "did you mean 'ratio'?")
    assert not gallery.exists() or list(gallery.glob("*.lance")) == []


@pytest.mark.parametrize(
    "words", [["locate"], ["locate", "a.jpg"], ["inde"], ["index", "x"], ["locate", "a.jpg", "--candidates", "0"]]
)
def test_wrong_usage(run: Run, words: list[str]) -> None:
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert "Usage" in done.err
    assert "Traceback" not in done.err


def test_names_are_given_back_exactly_and_a_missing_photo_stops_nothing(tmp_path: Path) -> None:
    write_photos(tmp_path, 2)
    given = [f"{tmp_path}/./00.jpg", f"{tmp_path}//01.jpg", f"{tmp_path}/missing.jpg", f"{tmp_path}/"]
    names = [f"{tmp_path}/00.jpg", f"{tmp_path}/01.jpg"]
    assert [photo.name for photo in queries(given)] == [*given[:3], *names]
