"""What ``whence evaluate`` takes for near duplicates: how often it finds them, and how often it is wrong.

Photos of a database are altered as copies on the web are, and compared with the originals. Pairs of photos of different
groups are genuinely different; the fewer of them pass, the better. By these tables ``NEAR_BITS`` and ``ALIKE`` of
``whence.describe.looks`` were chosen, on databases alone::

    python benchmarks/near_duplicates.py DATA/getty/database.csv DATA/venice/database.csv

With ``--sizes 10000 100000`` instead, the search for near hashes is timed beside all pairs, on random hashes of which
one in ten has a neighbour six bits away; both have to find the same.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import faiss
import numpy as np
from PIL import Image
from PIL.Image import Image as Picture

from whence.describe.looks import NEAR_BITS, Looks, within
from whence.locate.likeness import looks_of_files
from whence.photos.sources import open_source
from whence.types import Photo

BITS = (6, 8, 10, 12, 14)
ALIKE = (0.0, 0.8, 0.85, 0.9, 0.95, 0.97)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path, nargs="*", help="CSV with path and position; groups are different places")
    parser.add_argument("--altered", type=int, default=150, help="photos to alter")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", default=[])
    args = parser.parse_args()
    for size in args.sizes:
        timed(size)
    for table in args.tables:
        photos = [photo for photo in open_source(table).photos() if isinstance(photo, Photo)]
        looks = looks_of_files([photo.path for photo in photos], args.workers)
        groups = np.unique([photo.group or photo.name for photo in photos], return_inverse=True)[1]
        bits, alike = different_pairs(looks, groups)
        print(f"{table}: {len(photos):,} photos, {bits.size:,} pairs of different groups; of these pass")
        show(bits, alike, lambda passing: f"{passing.sum():,}")
        picked = np.random.default_rng(0).choice(len(photos), min(args.altered, len(photos)), replace=False)
        for name, alter in ALTERATIONS.items():
            bits, alike = altered([photos[row].path for row in picked], alter, looks, picked, args.workers)
            print(f"{name}: share found")
            show(bits, alike, lambda passing: f"{passing.mean():.2f}")


def timed(size: int) -> None:
    """Prints how long the near ones among so many hashes take."""
    rng = np.random.default_rng(0)
    words = rng.integers(0, 2**64, size, dtype=np.uint64)
    words[1::10] = words[0 : size - 1 : 10] ^ np.uint64(0x8000_0001_0002_0103)
    start = perf_counter()
    left, right, _ = within(words, words, NEAR_BITS)
    index_s = perf_counter() - start
    start = perf_counter()
    scanned = faiss.IndexBinaryFlat(64)
    scanned.add(words.view(np.uint8).reshape(-1, 8))
    ends, _, rows = scanned.range_search(words.view(np.uint8).reshape(-1, 8), NEAR_BITS + 1)
    scan_s = perf_counter() - start
    start = perf_counter()
    near = [np.flatnonzero(np.bitwise_count(words ^ word) <= NEAR_BITS) for word in words]
    pairs_s = perf_counter() - start
    assert np.array_equal(np.concatenate(near), right)
    assert len(left) == len(rows) == int(ends[-1])
    print(f"{size:,} hashes: index {index_s:.2f} s, all pairs {pairs_s:.2f} s, all pairs by FAISS {scan_s:.2f} s")


def show(bits: np.ndarray, alike: np.ndarray, cell: Callable[[np.ndarray], str]) -> None:
    """What passes, by bits and likeness."""
    print("  bits \\ alike" + "".join(f"{least:>9g}" for least in ALIKE))
    for most in BITS:
        print(f"  {most:>12}" + "".join(f"{cell((bits <= most) & (alike >= least)):>9}" for least in ALIKE))


def different_pairs(looks: Looks, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differing bits and likeness of all pairs of different groups."""
    words = np.packbits(looks.bits, axis=1).view(np.uint64)[:, 0]
    small = looks.small(np.arange(len(words)))
    bits, alike = [], []
    for row in range(len(words)):
        others = np.flatnonzero(groups[row + 1 :] != groups[row]) + row + 1
        bits.append(np.bitwise_count(words[others] ^ words[row]))
        alike.append(small[others] @ small[row])
    return np.concatenate(bits), np.concatenate(alike)


def altered(
    paths: list[Path], alter: Callable[[Picture], Picture], looks: Looks, rows: np.ndarray, workers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Differing bits and likeness of photos and their altered copies."""
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(folder) / f"{number}.jpg" for number in range(len(paths))]
        for path, copy in zip(paths, copies, strict=True):
            alter(Image.open(path).convert("RGB")).save(copy, quality=75)
        found = looks_of_files(copies, workers)
    return (found.bits != looks.bits[rows]).sum(axis=1), (found.small(np.arange(len(rows))) * looks.small(rows)).sum(
        axis=1
    )


def again(image: Picture) -> Picture:
    """Compressed hard."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=30)
    return Image.open(stream)


def cropped(share: float) -> Callable[[Picture], Picture]:
    """Cut off on three sides."""

    def crop(image: Picture) -> Picture:
        width, height = image.size
        return image.crop((int(share * width), int(share * height), width - int(share * width / 2), height))

    return crop


ALTERATIONS: dict[str, Callable[[Picture], Picture]] = {
    "compressed at quality 30": again,
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "30 % brighter": lambda image: image.point(lambda value: min(255, int(1.3 * value))),
    "1 % cropped off": cropped(0.01),
    "2 % cropped off": cropped(0.02),
    "4 % cropped off": cropped(0.04),
}

if __name__ == "__main__":
    main()
