"""Odd and damaged pictures: decoded or refused in one line, without crash, hang, leak or a growing process."""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from children import command
from PIL import Image

import whence
from samples import Run, World, textured, write_photos
from whence.errors import PhotoError
from whence.photos import files
from whence.photos.decode import decode

DATA = os.environ.get("WHENCE_DATA", "")

# Decodes mutated photos of every format, with a time limit for each, and prints what became of them.
MUTANTS = '''
import io, json, random, signal, sys, warnings
import numpy as np
from PIL import Image
from whence.errors import PhotoError
from whence.photos.decode import decode

count, limit_s = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(20261125)

def originals():
    pixels = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    pixels = np.kron(pixels[::6, ::6], np.ones((6, 6, 1), np.uint8))
    picture, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 28.0, 2.8), 3: "E", 4: (11.0, 53.0, 6.4)})
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        stream = io.BytesIO()
        picture.save(stream, kind, exif=exif.tobytes())
        yield kind, stream.getvalue()

def spots(data):
    """Where headers and EXIF lie: near the start, and around the marks of EXIF and of its blocks."""
    found = [0]
    for mark in (b"Exif", b"eXIf", b"EXIF", b"II*", b"MM", b"IHDR", b"VP8", b"ispe", b"iloc", b"ICC"):
        at = data.find(mark)
        if at >= 0:
            found.append(at)
    return found

def mutated(data):
    out = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at = rng.choice(spots(data)) + int(rng.expovariate(1 / 40)) if rng.random() < 0.7 else rng.randrange(len(data))
        at = min(at, len(out) - 1)
        what = rng.randrange(6)
        if what == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            out[at : at + 4] = rng.choice([b"\\xff" * 4, bytes(4), b"\\x7f\\xff\\xff\\xff", rng.randbytes(4)])
        elif what == 2:
            del out[at : at + rng.randint(1, 20)]
        elif what == 3:
            out[at:at] = rng.randbytes(rng.randint(1, 20))
        elif what == 4 and len(out) > 40:
            del out[max(20, at) :]
        else:
            other = rng.randrange(len(out))
            out[at : at + 16] = out[other : other + 16]
        if not out:
            return b"\\0"
    return bytes(out)

def memory_kb():
    with open("/proc/self/statm") as said:
        return int(said.read().split()[1]) * 4

def hang(*_):
    raise SystemExit(f"a photo took more than {limit_s} s")

signal.signal(signal.SIGALRM, hang)
warnings.simplefilter("error")
photos = list(originals())
read, refused, reasons, warm = 0, 0, set(), 0
for number in range(count):
    kind, data = photos[number % len(photos)]
    bad = mutated(data)
    signal.alarm(limit_s)
    try:
        decode(bad, max_pixels=2_000_000)
        read += 1
    except PhotoError as error:
        refused += 1
        reasons.add(str(error))
    except Exception as error:
        raise SystemExit(f"mutant {number} ({kind}): {error!r}")
    signal.alarm(0)
    if number == count // 3:
        warm = memory_kb()
print(json.dumps({"read": read, "refused": refused, "grown_kb": memory_kb() - warm, "reasons": sorted(reasons)}))
'''


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to watch a process's memory")
@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_mutants_neither_crash_nor_hang_nor_grow(count: int) -> None:
    done = command(count, 10, code=MUTANTS, seconds=500)
    assert (done.code, done.err) == (0, ""), done  # a segmentation fault would be a negative status
    said = json.loads(done.out)
    assert said["read"] + said["refused"] == count
    assert min(said["read"], said["refused"]) > count / 20
    assert all(reason and "\n" not in reason and len(reason) < 300 for reason in said["reasons"])
    # After a third of the run, no more than the largest picture that was allowed takes, a few times over.
    assert said["grown_kb"] < 60_000, said


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colour: int, row_bytes: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    rows = zlib.compress(
        b"".join(b"\0" + bytes(range(256))[:row_bytes].ljust(row_bytes, b"\x80") for _ in range(height))
    )
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BASE = Image.fromarray(textured(1, 64, 48))
FRAMES = [Image.fromarray(textured(seed, 64, 48)) for seed in range(2, 12)]
ODD = {
    "pages.tif": saved(BASE, "TIFF", save_all=True, append_images=FRAMES * 20),
    "animated.webp": saved(BASE, "WEBP", save_all=True, append_images=FRAMES, lossless=True),
    "animated.png": saved(BASE, "PNG", save_all=True, append_images=FRAMES),
    "cmyk.jpg": saved(BASE.convert("CMYK"), "JPEG", quality=95),
    "lab.tif": saved(BASE.convert("LAB"), "TIFF"),
    "ycbcr.tif": saved(BASE.convert("YCbCr"), "TIFF"),
    "deflated.tif": saved(BASE, "TIFF", compression="tiff_adobe_deflate"),
    "grey.jpg": saved(BASE.convert("L"), "JPEG", quality=95),
    "palette.png": saved(BASE.quantize(64), "PNG"),
    "transparent.webp": saved(BASE.convert("RGBA"), "WEBP", lossless=True),
    "wrong-suffix.png": saved(BASE, "JPEG", quality=95),
}
ODD_BITS = {
    "one.tif": saved(BASE.convert("1"), "TIFF", compression="group4"),
    "sixteen-grey.tif": saved(Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 20), "TIFF"),
    "sixteen-grey.png": png(64, 48, 16, 0, 128),
    "sixteen-rgb.png": png(64, 48, 16, 2, 384),
    "two.png": png(64, 48, 2, 0, 16),
}
NOTHING = {
    "no-width.png": png(0, 48, 8, 2, 0),
    "no-height.png": png(64, 0, 8, 2, 192),
    "no-size.jpg": saved(BASE, "JPEG").replace(struct.pack(">HH", 48, 64), bytes(4), 1),
    "no-width.tif": saved(BASE, "TIFF").replace(b"\0\1\4\0\1\0\0\0\x40", b"\0\1\4\0\1\0\0\0\0"),
    "float.tif": saved(Image.fromarray(np.ones((48, 64), np.float32)), "TIFF"),
    "negative.png": png(2**31, 48, 8, 2, 192),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_kinds_show_their_first_picture(name: str) -> None:
    found = decode(ODD[name])
    assert (found.width, found.height, found.pixels.shape) == (64, 48, (48, 64, 3))
    alike = np.corrcoef(found.pixels.mean(axis=2).ravel(), np.asarray(BASE, dtype=float).mean(axis=2).ravel())[0, 1]
    assert alike > 0.9


@pytest.mark.parametrize("name", ODD_BITS)
def test_odd_depths(name: str) -> None:
    found = decode(ODD_BITS[name])
    assert found.pixels.shape == (48, 64, 3)
    assert found.pixels.max() > found.pixels.min()


@pytest.mark.parametrize("name", NOTHING)
def test_pictures_of_no_size_or_no_sense(name: str) -> None:
    with pytest.raises(PhotoError) as caught:
        decode(NOTHING[name])
    assert "\n" not in str(caught.value)


def test_odd_pictures_in_one_batch(run: Run, world: World, tmp_path: Path) -> None:
    for name, data in {**ODD, **ODD_BITS, **NOTHING}.items():
        (tmp_path / name).write_bytes(data)
    done = run("locate", tmp_path, "--gallery", world.gallery, "--format", "jsonl")
    assert done.code == 1
    failed = {Path(answer["path"]).name for answer in done.answers if answer["status"] == "failed"}
    assert failed == set(NOTHING)
    assert len(done.lines) == len(NOTHING)
    assert len(done.answers) == len(ODD) + len(ODD_BITS) + len(NOTHING)


def test_a_sparse_file_of_two_gigabytes_is_not_read(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = write_photos(tmp_path / "photos", 1)
    with (photos / "film.jpg").open("wb") as film:
        film.write((photos / "00.jpg").read_bytes())
        film.truncate(files.MAX_BYTES + 1)
    (skipped,) = whence.index(photos, tmp_path / "g").skipped
    assert skipped.reason == "the file has 2.1 GB, more than the 2.1 GB allowed"


@pytest.mark.photos
@pytest.mark.skipif(not DATA, reason="WHENCE_DATA does not name the folder with the real photos")
@pytest.mark.parametrize("part", ["invalid", "other"])
def test_real_corner_cases_in_one_batch(tmp_path: Path, part: str) -> None:
    """In processes of their own, where nothing that a library prints can hide."""
    folder = Path(DATA) / "exif" / part
    named = sorted(path.name for path in folder.iterdir() if path.suffix != ".txt")
    report = tmp_path / "r.json"
    done = command("index", folder, "--gallery", tmp_path / "g", "--report", report)
    assert done.out == ""
    said = json.loads(report.read_text(encoding="utf-8"))
    assert said["added"] + len(said["skipped"]) == len(named)
    assert done.code == (0 if said["added"] else 1)
    summary = 1 if said["added"] else 2
    assert len(done.lines) == len(said["skipped"]) + summary
    assert all(line.startswith("skipped ") for line in done.lines[:-summary])

    gallery = tmp_path / "g2"
    whence.index(write_photos(tmp_path / "photos", 3), gallery)
    located = command("locate", folder, "--gallery", gallery, "--format", "jsonl")
    assert [Path(answer["path"]).name for answer in located.answers] == named
    failed = [answer for answer in located.answers if answer["status"] == "failed"]
    assert len(located.lines) == len(failed)
    assert located.code == (1 if failed else 0)
