"""Frames of a walk, each by itself and together: ``python benchmarks/sequence.py [--recipe R] [town gardens_day ...]``.

``town`` is a walk at dusk through the rendered town, looking now along the street, now at its houses; the others are
walks over a campus (``gardens_day``, ``gardens_night``) and need WHENCE_DATA, the folder of real photos.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import whence
from whence.geo.distance import metres_from
from whence.geo.plane import coordinates
from whence.locate.answers import Answer
from whence.metrics.calibration import calibration_error
from whence.types import XY, DoubleArray, Photo, Position
from whence.worlds import Town, View, locate_xy, weather, write_photo, write_town
from whence.worlds.noise import rng_of

STEP_M, STREETS = 1.5, 4
ELSEWHERE = Town(1_000_003, (2, 2), family="south")
Walk = tuple[Path, list[tuple[Path, Position]], float]


def main() -> None:
    """Prints a table of each walk."""
    parser = argparse.ArgumentParser(description="Frames of a walk, each by itself and together.")
    parser.add_argument("names", nargs="*", default=["town"])
    parser.add_argument("--recipe", default="default")
    asked = parser.parse_args()
    for name in asked.names:
        with tempfile.TemporaryDirectory() as folder:
            database, frames, tolerance_m = _town(Path(folder)) if name == "town" else _gardens(name)
            whence.index(database, Path(folder) / "gallery", recipe=asked.recipe, tolerance_m=tolerance_m)
            locator = whence.Locator(whence.Gallery.open(Path(folder) / "gallery"))
            alone = list(locator.answers(Photo(path, path.name) for path, _ in frames))
            together = locator.follow(alone)
            if name == "town":
                strange = list(locator.answers(Photo(path, path.name) for path, _ in _walk(ELSEWHERE, Path(folder))))
                unknown = [_located(strange), _located(locator.follow(strange))]
        print(f"\n{name}, {asked.recipe}: {len(frames)} frames\n")
        print("| | by itself | together |\n|---|---|---|")
        truths = [position for _, position in frames]
        for (said, first), (_, second) in zip(
            _figures(alone, truths, tolerance_m), _figures(together, truths, tolerance_m), strict=True
        ):
            print(f"| {said} | {first:.3f} | {second:.3f} |")
        if name == "town":
            print(f"| frames of another town called located | {unknown[0]:.3f} | {unknown[1]:.3f} |")


def _town(folder: Path) -> Walk:
    files = write_town(folder / "town", queries=0, strangers=0)
    return files.database, _walk(Town(0), folder), 10.0


def _walk(town: Town, folder: Path) -> list[tuple[Path, Position]]:
    """Frames along some streets of a town, at dusk."""
    frames: list[tuple[Path, Position]] = []
    for number, street in enumerate(town.layout.streets[:STREETS]):
        rng = rng_of(7, "walk", number)
        light = weather("dusk", rng)
        for step in range(int(street.length_m / STEP_M)):
            point, direction = street.at(step * STEP_M)
            along = float(np.degrees(np.arctan2(direction[0], direction[1])))
            view = View(
                x=float(point[0]),
                y=float(point[1]),
                heading_deg=(along + 70 * float(np.sin(step / 6)) + float(rng.normal(0, 4))) % 360,
                light=light,
                clutter=int(rng.integers(2**31)),
            )
            path = folder / f"{town.family}-{number}-{step:03d}.jpg"
            write_photo(path, town.render(view))
            frames.append((path, locate_xy(view.x, view.y)))
    return frames


def _gardens(name: str) -> Walk:
    folder = Path(os.environ["WHENCE_DATA"]) / "gardens_point"
    queries = folder / ("day_right.csv" if name == "gardens_day" else "night_right.csv")
    with queries.open(encoding="utf-8-sig") as table:
        rows = list(csv.DictReader(table))
    return folder / "day_left.csv", [(folder / row["path"], XY(float(row["x"]), float(row["y"]))) for row in rows], 2.0


def _figures(answers: Sequence[Answer], truths: Sequence[Position], tolerance_m: float) -> list[tuple[str, float]]:
    found = [answer.location for answer in answers]
    errors: DoubleArray = np.array(
        [
            np.inf if location.position is None else metres_from(truth, coordinates([location.position]))[0]
            for location, truth in zip(found, truths, strict=True)
        ]
    )
    right, located = errors <= tolerance_m, np.array([location.status == "located" for location in found])
    radii = np.array([location.radius_m or 0.0 for location in found])
    return [
        (f"within {tolerance_m:g}", float(right.mean())),
        ("median error", float(np.median(errors))),
        ("located", float(located.mean())),
        ("right, of those located", float(right[located].mean()) if located.any() else float("nan")),
        ("expected calibration error", calibration_error([location.confidence for location in found], right)),
        ("inside the radius", float((errors <= radii).mean())),
    ]


def _located(answers: Sequence[Answer]) -> float:
    return float(np.mean([answer.location.status == "located" for answer in answers]))


if __name__ == "__main__":
    main()
