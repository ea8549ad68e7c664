"""Peak memory of indexing as the number of photos grows: many small pictures, each a cutting of one field of noise.

Each number of photos is indexed in a process of its own. Small pictures are quick to describe, so that large numbers
can be tried; ``--size 640x480`` gives pictures with as many features as photos have.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from common import Row, heading, show, work_folder, write_table
from peak import index_apart
from whence.types import XY

_FIELD = 4096
_BLURS_PX = (0.8, 2.0, 5.0, 12.0)


def noise_field(seed: int = 0) -> NDArray[np.uint8]:
    """``(4096, 4096)`` grey noise of several grain sizes: blobs for SIFT to find at several scales."""
    random = np.random.default_rng(seed)
    total = np.zeros((_FIELD, _FIELD), np.float32)
    for blur_px in _BLURS_PX:
        layer = cv2.GaussianBlur(random.standard_normal(total.shape, dtype=np.float32), (0, 0), blur_px)
        total += np.asarray(layer / layer.std(), np.float32)
    return np.asarray(np.clip(128 + 30 * total, 0, 255), np.uint8)


def write_cuttings(folder: Path, count: int, width: int, height: int) -> list[Row]:
    """Distinct pictures, 10 m apart on a plane; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    field, rows = noise_field(), []
    places = np.random.default_rng(1).permutation((_FIELD - width) * (_FIELD - height))  # no place twice
    across = int(np.ceil(np.sqrt(count)))
    for number in range(count):
        top, left = divmod(int(places[number]), _FIELD - width)
        path = folder / f"{width}x{height}-{number:06d}.jpg"
        if not path.exists():
            cv2.imwrite(str(path), field[top : top + height, left : left + width])
        rows.append(Row(path.resolve(), XY(10.0 * (number % across), 10.0 * (number // across)), f"{number}"))
    return rows


def main() -> None:
    """Runs and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--photos", type=int, nargs="+", default=[2500, 5000, 10_000, 20_000], help="numbers to try")
    options.add_argument("--size", default="64x48", help="width x height of the pictures in pixels")
    options.add_argument("--workers", type=int, help="threads; else one per core")
    options.add_argument("--work", type=Path, help="folder to keep the pictures in; else a temporary one")
    args = options.parse_args()
    width, height = map(int, args.size.split("x"))
    with work_folder(args.work) as work:
        rows = write_cuttings(work / "cuttings", max(args.photos), width, height)
        heading(f"Memory of indexing: pictures of {width} x {height}, {args.workers or os.cpu_count()} workers")
        lines: list[list[object]] = []
        for count in sorted(args.photos):
            gallery = work / "many.gallery"
            shutil.rmtree(gallery, ignore_errors=True)
            peak = index_apart(write_table(work / "many.csv", rows[:count]), gallery, args.workers)
            rate = peak.photos / peak.seconds
            print(f"{peak.photos:,} photos: {peak.peak_mb:,.0f} MB, {rate:,.0f} photos/s", file=sys.stderr)
            lines.append([peak.photos, peak.before_mb, peak.peak_mb, "yes" if peak.learned else "no", rate])
            shutil.rmtree(gallery)
        columns = ["photos", "MB before", "peak MB", "learned", "photos/s"]
        show("A process of its own for each number; MB = 1,000,000 bytes", columns, lines)


if __name__ == "__main__":
    main()
