"""``whence demo``: a rendered town indexed, other photos of it located, and what came out on a page.

Everything goes through the code that real photos go through; only the town is not real, so its truth is known.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

import whence
from whence.geo.distance import offset
from whence.geo.plane import Plane, coordinates
from whence.locate.answers import Answer
from whence.locate.evidence import evidence_of
from whence.locate.indexing import index
from whence.locate.locator import Locator
from whence.present.demo_page import DemoSummary, anchor, pick, write_demo_page
from whence.present.evidence import Evidence, MatchView
from whence.present.mapsketch import Mark, map_sketch
from whence.types import LatLon, Photo, Position, Status
from whence.worlds import ANCHOR, Town, TownFiles, plan, write_town

NEAR_M = 10.0
_SHOWN = 2
"""Matches shown per photo."""
_MAPPED = 8
"""Candidates on the map of one photo."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo came to.

    Attributes:
        summary: The figures.
        page: The HTML page.
        files: The photos, to try other commands on.
        gallery: Folder of the gallery.
    """

    summary: DemoSummary
    page: Path
    files: TownFiles
    gallery: Path


def run_demo(folder: Path, *, seed: int = 0, tell: Callable[[str, int, int], None] = lambda *_: None) -> DemoResult:
    """Renders a town, indexes it, locates held-out views of it and views of another town, writes ``demo.html``.

    Args:
        folder: Where photos, gallery and page go; what is there already of the same town is used again.
        seed: Of the town.
        tell: Called with what is being done, how much of it is done, and of how much.

    Raises:
        InputError: The folder holds something else.
        GalleryError: The gallery in it cannot be used.
    """
    start = perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    cores = os.cpu_count() or 1
    files = write_town(folder, seed=seed, workers=cores, progress=lambda done, of: tell("rendering a town", done, of))
    gallery_folder = folder / "gallery"
    index(
        files.database,
        gallery_folder,
        tolerance_m=NEAR_M,
        progress=lambda at: tell("indexing its photos", at.done, at.total),
    )
    gallery = whence.Gallery.open(gallery_folder)
    locator = Locator(gallery, candidates=50)
    truths = _truths(files)
    answers: list[Answer] = []
    for answer in locator.answers([Photo(files.table.parent / name, name) for name in truths]):
        answers.append(answer)
        tell("locating other photos", len(answers), len(truths))
    seconds = perf_counter() - start
    summary = _summary(answers, list(truths.values()), len(gallery), seconds, seed)
    evidence = _evidence(answers, list(truths.values()), locator)
    positions = [photo.position for photo in gallery.photos]
    page = folder / "demo.html"
    write_demo_page(
        page,
        summary=summary,
        map_svg=_map(Town(seed), positions, evidence),
        evidence=evidence,
        gallery=positions,
        tolerance_m=NEAR_M,
    )
    return DemoResult(summary, page, files, gallery_folder)


def _truths(files: TownFiles) -> dict[str, LatLon | None]:
    """Where each query was taken; None for those from another town."""
    with files.table.open(encoding="utf-8", newline="") as table:
        return {
            row["path"]: LatLon(float(row["lat"]), float(row["lon"])) if row["lat"] else None
            for row in csv.DictReader(table)
        }


def _summary(
    answers: Sequence[Answer], truths: Sequence[Position | None], photos: int, seconds: float, seed: int
) -> DemoSummary:
    errors, before = [], []
    counts = {(home, status): 0 for home in (True, False) for status in Status}
    for answer, truth in zip(answers, truths, strict=True):
        counts[truth is not None, answer.location.status] += 1
        if truth is None:
            continue
        found = answer.location.position
        errors.append(np.inf if found is None else offset(found, truth)[0])
        first = next((c for c in answer.location.candidates if c.retrieval_rank == 0), None)
        before.append(np.inf if first is None else offset(first.position, truth)[0])
    return DemoSummary(
        gallery_photos=photos,
        median_error_m=float(np.median(errors)),
        near_before=float(np.mean(np.array(before) <= NEAR_M)),
        near_after=float(np.mean(np.array(errors) <= NEAR_M)),
        town_located=counts[True, Status.LOCATED],
        town_unsure=counts[True, Status.UNSURE] + counts[True, Status.FAILED],
        elsewhere_located=counts[False, Status.LOCATED],
        elsewhere_unsure=counts[False, Status.UNSURE] + counts[False, Status.FAILED],
        seconds=seconds,
        near_m=NEAR_M,
        notes=(f"whence {whence.__version__}, recipe default, town {seed}.",),
    )


def _evidence(answers: Sequence[Answer], truths: Sequence[Position | None], locator: Locator) -> list[Evidence]:
    """Evidence of every answer; pictures of matches only for those that the page shows."""
    plain = [Evidence(None, a.location, truth=truth) for a, truth in zip(answers, truths, strict=True)]
    picks = pick(plain)
    for number in (*picks.best, *picks.worst, *picks.refused):
        pixels, matched = evidence_of(answers[number], locator, _SHOWN)
        views = [MatchView(*parts) for parts in matched]
        location = answers[number].location
        shown = replace(location, candidates=location.candidates[:_MAPPED])
        plain[number] = Evidence(pixels, shown, views, truth=truths[number])
    return plain


def _map(town: Town, photos: Sequence[Position], evidence: Sequence[Evidence]) -> str:
    """The town from above with every answer."""
    plane = Plane.around([ANCHOR])  # where the town's own x and y are 0
    picks = pick(evidence)
    shown = {*picks.best, *picks.worst, *picks.refused}
    marks = []
    for number, item in enumerate(evidence):
        if item.location.position is None:
            continue
        marks.append(
            Mark(
                plane.point(item.location.position),
                status=item.location.status,
                label=item.location.path,
                truth=None if item.truth is None else plane.point(item.truth),
                href=f"#{anchor(number)}" if number in shown else None,
            )
        )
    return map_sketch(
        database=plane.metres(coordinates(photos)),
        answers=marks,
        buildings=plan(town),
        size=(760, 620),
        title="The town from above, with answers and true places",
    )
