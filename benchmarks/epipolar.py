"""Does geometry beat copying? Errors of the best photo's position, of the place's mean, and of a position of its own.

All ways are given the same shortlists, so that nothing but the last step differs. ``--set castle`` leaves one out of 19
photos whose cameras are known exactly; the town's truth is known to the millimetre; the other sets hold out groups.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

import whence
from common import SETS, TOWN, error_m, heading, parser, photo_set, show, work_folder
from whence.locate.positioners.best import Best
from whence.locate.positioners.epipolar import Epipolar, EpipolarOptions
from whence.locate.positioners.places import Places
from whence.locate.stages import Positioner, Proposal, Shortlist
from whence.types import Position

CASTLE, CASTLE_TOLERANCE_M = "castle", 5.0
COPY, MEAN, OWN, BLIND = "copy the best", "mean of the place", "epipolar", "epipolar, cameras not told"
SHARES_M = (1.0, 2.0, 5.0)


class _Blind:
    """Epipolar that is not told the cameras."""

    def __init__(self, options: EpipolarOptions | None = None) -> None:
        self._epipolar = Epipolar(options)

    def position(self, shortlist: Shortlist) -> Proposal | None:
        photos = [replace(photo, camera=None) for photo in shortlist.photos]
        return self._epipolar.position(replace(shortlist, photos=photos, camera=None))


WAYS: dict[str, Positioner] = {
    COPY: Best(),
    MEAN: Places(),
    OWN: Epipolar(),
    BLIND: _Blind(),
    "  pose by opencv": Epipolar(EpipolarOptions(pose="opencv")),
    "  pose by fundamental": Epipolar(EpipolarOptions(pose="fundamental")),
    **{f"  not told, focal {focal}": _Blind(EpipolarOptions(focal=focal)) for focal in (0.6, 0.8, 1.0, 1.2, 1.5)},
}


class SideBySide:
    """A positioner that asks several and keeps what each says."""

    def __init__(self, ways: dict[str, Positioner]) -> None:
        self._ways = ways
        self.positions: dict[str, Position] = {}
        self.new: set[str] = set()
        self.seconds = dict.fromkeys(ways, 0.0)

    def position(self, shortlist: Shortlist) -> Proposal | None:
        self.positions, self.new, first = {}, set(), None
        for name, way in self._ways.items():
            start = perf_counter()
            found = way.position(shortlist)
            self.seconds[name] += perf_counter() - start
            told = found and (found.refined if found.refined and found.refined.trusted else found)
            east, north = (shortlist.points[0] if told is None else told.east_north).tolist()
            self.positions[name] = shortlist.plane.position(east, north)
            if found is not None and told is not found:
                self.new.add(name)
            first = first or found
        return first


def castle_table(data: Path, path: Path) -> Path:
    """The castle's photos with their cameras. Its third axis points down, so that its plan is turned over."""
    with (data / CASTLE / "cameras.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(("path", "x", "y", "fx", "fy", "cx", "cy"))
        for row in rows:
            photo = (data / CASTLE / row["path"]).resolve()
            out.writerow((photo, row["x"], -float(row["y"]), *(row[name] for name in ("fx", "fy", "cx", "cy"))))
    return path


def asked(args: argparse.Namespace, work: Path, both: SideBySide) -> Iterator[Position]:
    """Asks every query, and gives its true position."""
    if args.set == CASTLE:
        whence.index(castle_table(Path(args.data), work / "castle.csv"), work / CASTLE, tolerance_m=CASTLE_TOLERANCE_M)
        locator = _locator(work / CASTLE, both)
        for row, photo in enumerate(locator.gallery.photos):
            locator.answer_row(row)
            yield photo.position
        return
    photos = photo_set(args, work)
    whence.index(photos.table, work / photos.name, tolerance_m=photos.tolerance_m)
    locator = _locator(work / photos.name, both)
    for query in photos.queries:
        locator.locate(query.path)
        yield query.position


def _locator(gallery: Path, both: SideBySide) -> whence.Locator:
    locator = whence.Locator(whence.Gallery.open(gallery))
    locator._pipeline.positioner = both  # a recipe names one positioner, and here all are to see the same lists
    return locator


def report(title: str, names: Sequence[str], errors: np.ndarray, new: np.ndarray, seconds: dict[str, float]) -> None:
    """A line for each way: errors over all queries, and over those for which epipolar told something new."""
    told = new[:, names.index(OWN)]
    rows = [
        (
            name,
            int(new[:, i].sum()),
            *((errors[:, i] <= share).mean() for share in SHARES_M),
            float(np.median(errors[:, i])),
            float(errors[:, i].mean()),
            float(np.median(errors[told, i])) if told.any() else float("nan"),
            seconds[name] / len(errors),
        )
        for i, name in enumerate(names)
    ]
    shares = [f"within {share:g} m" for share in SHARES_M]
    columns = ("", "new", *shares, "median m", "mean m", f"median of {told.sum()}", "s/query")
    show(f"{title}: {len(errors)} queries", columns, rows)


def main(args: argparse.Namespace) -> None:
    with work_folder(args.work) as work:
        both, names = SideBySide(WAYS), list(WAYS)
        errors, new = [], []
        for truth in asked(args, work, both):
            errors.append([error_m(both.positions[name], truth) for name in names])
            new.append([name in both.new for name in names])
    heading("Positions by copying, averaging and geometry")
    report(args.set or TOWN, names, np.array(errors), np.array(new), both.seconds)


if __name__ == "__main__":
    options = parser(__doc__, queries=60)
    chosen = next(action for action in options._actions if action.dest == "set")
    chosen.choices = [CASTLE, *SETS, TOWN]
    main(options.parse_args())
