"""Names of every kind, those that are no text included: indexed, located, and given back as they are."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from children import command
from hypothesis import given
from hypothesis import strategies as st

import whence
from samples import Run, place, textured, write_photos, write_table
from whence.photos.names import is_storable, native, stored
from whence.present.words import printable
from whence.worlds import write_photo

linux = pytest.mark.skipif(sys.platform != "linux", reason="only there may a name be any bytes")

LONG = "/".join(["folder of a name that goes on and on" * 3] * 3)
NAMES = [
    "-rf.jpg",
    "--gallery.jpg",
    " leading and trailing .jpg",
    "new\nline.jpg",
    "tab\tand \x1b[2J.jpg",
    "quote ' and \" and ;.jpg",
    "caf\u00e9.jpg",
    "cafe\u0301.jpg",
    "\U0001f5fa\ufe0f\U0001f469\u200d\U0001f4bb.jpg",
    "\u202egpj.evil.jpg",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627.jpg",
    "\uf7e9 private.jpg",
    "n" * 251 + ".jpg",
    f"{LONG}/deep.jpg",
    "%s {0} $HOME `id`.jpg",
]
BYTES = [b"caf\xe9.jpg", b"\xff\xfe\x80.jpg", b"folder \xe9/\xe8.jpg", b"half \xc3.jpg"]


def write_named(folder: Path, names: list[str]) -> Path:
    """A photo under each name, at its own place, all with one content but for the place."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        short = folder / "part.jpg"
        write_photo(short, textured(number % 4, 96, 72), place(number))
        short.rename(folder / name)
    return folder


def names() -> list[str]:
    found = [name for name in NAMES if os.name != "nt" or name.isalnum()]
    if sys.platform == "darwin":  # where both spellings of an accent are one name
        found.remove("caf\u00e9.jpg")
    return [*found, *map(os.fsdecode, BYTES)] if sys.platform == "linux" else found


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses most of these names")
def test_every_name_is_indexed_located_and_given_back(run: Run, tmp_path: Path) -> None:
    wanted = names()
    photos, gallery = write_named(tmp_path / "photos", wanted), tmp_path / "g"
    done = run("index", photos, "--gallery", gallery, "--strict", "--report", tmp_path / "r.json")
    assert (done.code, done.out, len(done.lines)) == (0, "", 1), done
    opened = whence.Gallery.open(gallery)
    assert {photo.path for photo in opened.photos} == set(wanted)
    assert all(opened.file(row).read_bytes() for row in range(len(opened)))
    assert max(len(str(opened.file(row))) for row in range(len(opened))) > 300

    located = run("locate", photos, "--gallery", gallery, "--format", "jsonl")
    assert (located.code, located.err) == (0, "")
    answers = {answer["path"]: answer for answer in located.answers}
    assert set(answers) == {f"{photos}/{name}" for name in wanted}
    assert all(answer["duplicate_of"] == [path[len(f"{photos}/") :]] for path, answer in answers.items())
    assert {candidate["path"] for answer in answers.values() for candidate in answer["candidates"]} == set(wanted)

    again = run("index", photos, "--gallery", gallery)
    assert again.lines[-1].startswith(f"0 added; {len(wanted)} unchanged.")


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses most of these names")
@pytest.mark.parametrize("format", ["table", "geojson"])
def test_every_name_is_shown_on_one_line(run: Run, tmp_path: Path, format: str) -> None:
    wanted = names()
    photos, gallery = write_named(tmp_path / "photos", wanted), tmp_path / "g"
    (tmp_path / "photos" / "bad \x1b[2J\n.jpg").write_text("no photo")
    done = run("index", photos, "--gallery", gallery)
    assert done.lines[0] == r"skipped bad \x1b[2J\n.jpg: not a photo: expected JPEG, PNG, WebP, TIFF, AVIF or HEIC"
    page = tmp_path / "why.html"
    located = run("locate", photos, "--gallery", gallery, "--format", format, "--explain", page)
    assert located.code == 1
    assert "\x1b" not in located.out + located.err
    if format == "geojson":
        assert len(json.loads(located.out)["features"]) == len(wanted) + 1
    else:
        assert all(printable(name) in located.out for name in wanted)
    text = page.read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text


@linux
def test_names_that_are_no_text_are_arguments_too(tmp_path: Path) -> None:
    folder = write_named(
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9p\xf4t")), [os.fsdecode(b"\xe9.jpg"), "a.jpg"]
    )
    assert command("index", folder, "--gallery", tmp_path / "g").code == 0
    photo = folder / os.fsdecode(b"\xe9.jpg")
    done = command("locate", photo, "--gallery", tmp_path / "g", "--format", "jsonl")
    assert (done.code, done.err) == (0, "")
    assert done.answers[0]["path"] == str(photo)
    shown = command("info", tmp_path / "g")
    assert shown.code == 0
    assert r"d\udce9p\udcf4t" in shown.out
    refused = command("index", folder, "--gallery", folder / "g")
    assert refused.code == 2
    assert len(refused.lines) == 1
    assert "the path of a gallery has to be valid UTF-8" in refused.err
    assert not (folder / "g").exists()


@linux
def test_a_renamed_photo_is_recognised(tmp_path: Path, decoded: list[int]) -> None:
    photos = write_named(tmp_path / "photos", ["a.jpg", os.fsdecode(b"\xe9.jpg")])
    whence.index(photos, tmp_path / "g")
    decoded.clear()
    (photos / os.fsdecode(b"\xe9.jpg")).rename(photos / os.fsdecode(b"\xe8.jpg"))
    report = whence.index(photos, tmp_path / "g")
    assert (report.moved, report.unchanged, report.total, decoded) == (1, 1, 2, [])
    (photos / "copy.jpg").write_bytes((photos / os.fsdecode(b"\xe8.jpg")).read_bytes())
    (skipped,) = whence.index(photos, tmp_path / "g").skipped
    assert skipped.reason == f"same content as {os.fsdecode(bytes([0xE8]))}.jpg"


@pytest.mark.parametrize(("disk", "table"), [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9")])
def test_a_table_may_compose_accents_otherwise_than_the_disk(tmp_path: Path, disk: str, table: str) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    (photos / "00.jpg").rename(photos / f"{disk}.jpg")
    file = write_table(photos / "t.csv", [(f"{table}.jpg", "50", "10"), ("thé.jpg", "50", "10")])
    report = whence.index(file, tmp_path / "g")
    assert report.added == 1
    assert [skipped.name for skipped in report.skipped] == ["thé.jpg"]


paths = st.one_of(
    st.binary(max_size=30).map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.text(st.sampled_from("aé\uf77f\uf780\uf7ef\uf79e\uf7ff\uf800\U0010ffff")),
    st.text(),
)


@given(paths)
def test_stored_names_are_text_and_come_back(name: str) -> None:
    kept = stored(name)
    assert is_storable(name)
    kept.encode("utf-8")
    assert native(kept) == name


@given(paths, paths)
def test_no_two_names_are_stored_alike(one: str, other: str) -> None:
    assert (stored(one) == stored(other)) == (one == other)


@pytest.mark.parametrize("convert", [stored, native])
def test_other_names_stay_as_they_are(convert: Callable[[str], str]) -> None:
    for name in ("", "a.jpg", "café", "\u202e\U0001f5fa\n", "\uf77f\uf800"):
        assert convert(name) == name


def test_halves_of_characters_are_refused() -> None:
    assert not is_storable("\ud800.jpg")
