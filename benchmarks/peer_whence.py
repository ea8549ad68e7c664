"""whence for ``peers.py``: ``whence.index``, then ``Locator.answers``."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path
from time import perf_counter

import numpy as np

import whence
from common import Row, write_table
from indexing import indexed
from peers_apart import Job, Located, Outcome
from whence.types import XY, Location, Photo

GALLERY, VECTORS = "peers.gallery", "peers.vectors.npy"
"""Below the job's work folder: what was indexed, and the queries' global descriptors."""


def run(job: Job) -> Outcome:
    """Indexes, opens the gallery, locates all queries."""
    work = Path(job.work)
    _warm_up(job)
    folder = work / GALLERY
    total, learning = indexed(Path(job.table), folder, job.threads)
    gallery = whence.Gallery.open(folder)
    row_of = {str(gallery.file(row)): row for row in range(len(gallery))}
    place_of = {row_of[path]: place for place, path in enumerate(job.database) if path in row_of}
    locator = _locator(gallery, job)

    start = perf_counter()
    answers = list(locator.answers([Photo(Path(path), path) for path in job.queries]))
    seconds = perf_counter() - start

    shortlists, inliers = [], []
    for answer in answers:
        found = sorted(
            (candidate.retrieval_rank, place_of[row], candidate.inliers)
            for row, candidate in zip(answer.rows, answer.location.candidates, strict=True)
        )
        shortlists.append([place for _, place, _ in found])
        inliers.append([count for _, _, count in found])
    queries = [answer.query for answer in answers if answer.query is not None]
    np.save(work / VECTORS, np.array([query.vector for query in queries]))
    keypoints = float(np.mean([len(query.features) for query in queries]))
    coordinates = [_coordinates(answer.location) for answer in answers]
    located = Located("whence", seconds, shortlists, inliers, coordinates)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    notes = [f"{len(job.database) - len(gallery)} photos were passed over by whence"] * (
        len(gallery) < len(job.database)
    )
    return Outcome(total - learning, learning, size, keypoints, [located], notes)


def _locator(gallery: whence.Gallery, job: Job) -> whence.Locator:
    recipe = whence.load_recipe("default")
    sections = {**recipe.sections, "locate": {**recipe.sections["locate"], "shortlist": job.shortlist}}
    return whence.Locator(
        gallery,
        recipe=replace(recipe, sections=sections),
        tolerance_m=job.tolerance_m,
        candidates=job.shortlist,
        workers=job.threads,
    )


def _warm_up(job: Job) -> None:
    """Late imports, by indexing one photo and locating it."""
    folder = Path(job.work) / "warm-up.gallery"
    table = write_table(folder.with_suffix(".csv"), [Row(Path(job.database[0]), XY(0.0, 0.0), "")])
    indexed(table, folder, 1)
    _locator(whence.Gallery.open(folder), job).answer(job.queries[0])


def _coordinates(location: Location) -> list[float] | None:
    return None if location.position is None else [float(value) for value in astuple(location.position)]
