"""whence beside COLMAP and beside OpenCV called directly: the same photos, held-out queries and number of candidates.

Methods run one after the other, each in a process of its own. COLMAP needs its Python package: ``pip install -e
'.[sfm]'``. "Shortlist" is the share of queries that have a photo within the tolerance among the photos to verify,
"best photo" the share whose photo with most inliers is within it, "answer" that of the position that whence gives.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np

import peer_scores as scores
import whence
from common import PhotoSet, error_m, heading, parser, photo_set, show, work_folder
from peer_search import compare
from peer_whence import GALLERY, VECTORS
from peers_apart import METHODS, Job, Located, Outcome, run_apart
from plain import KEYPOINTS
from whence.locate.pipeline import Pipeline
from whence.types import Position

_LIBRARY = {"colmap": "pycolmap"}
_TERMS = """\
Seconds a query: all queries together. whence and COLMAP take several photos at a time, OpenCV one after the other.
Largest side of photos: the recipe's for whence and COLMAP; OpenCV reads photos as they are.
Kept: whence hashes photos and makes thumbnails; its KB/photo are the gallery's folder, all that it holds. COLMAP's are
its database file, without an inverted index, which it makes anew for each run. OpenCV's are arrays in memory.
SIFT: COLMAP's is VLFeat's and prefers large keypoints, OpenCV's, which whence uses too, prefers strong ones.
Best photo: COLMAP calls a pair with fewer than 15 inliers unmatched; the most similar photo wins among equals. whence's
answer is not that photo's position: it weighs inliers by place.
Learning: whence learns from 300 photos on. COLMAP's users download a vocabulary of others' photos instead."""


def job_of(photos: PhotoSet, work: Path, *, shortlist: int, threads: int, seed: int) -> Job:
    """What all methods are given."""
    return Job(
        database=[str(row.path) for row in photos.database],
        queries=[str(row.path) for row in photos.queries],
        table=str(photos.table),
        work=str(work),
        tolerance_m=photos.tolerance_m,
        keypoints=KEYPOINTS,
        max_side=Pipeline(whence.load_recipe("default")).seeing.max_side,
        shortlist=min(shortlist, len(photos.database)),
        threads=threads,
        seed=seed,
        given=[],
    )


def errors_of(way: Located, photos: PhotoSet) -> list[list[float]]:
    """Metres from the truth of every photo of every shortlist."""
    return [
        [error_m(photos.database[row].position, query.position) for row in rows]
        for rows, query in zip(way.shortlists, photos.queries, strict=True)
    ]


def answered(way: Located, photos: PhotoSet) -> list[bool] | None:
    """Whether each answer is within the tolerance; None for a way that has nothing but its best photo."""
    if way.answers is None:
        return None
    pairs = zip(way.answers, photos.queries, strict=True)
    return [error_m(_position(said, query.position), query.position) <= photos.tolerance_m for said, query in pairs]


def _position(said: list[float] | None, like: Position) -> Position | None:
    return None if said is None else type(like)(*said)


def table(outcomes: dict[str, Outcome], photos: PhotoSet, job: Job) -> None:
    """All ways of all methods, one a line."""
    own = outcomes["whence"]
    lines: list[list[object]] = []
    for outcome in outcomes.values():
        fixed = _indexing(outcome, own, len(photos.database))
        for number, way in enumerate(outcome.located):
            errors, answers = errors_of(way, photos), answered(way, photos)
            seconds, ratio = way.seconds / len(photos.queries), way.seconds / own.located[0].seconds
            found = [
                f"{seconds:.3f} ({ratio:.2f} x)",
                scores.share(scores.found(errors, photos.tolerance_m, job.shortlist)),
                scores.share(scores.right(errors, way.inliers, photos.tolerance_m)),
                "" if answers is None else scores.share(answers),
            ]
            lines.append([way.name, *found, *(fixed if number == 0 else [""] * len(fixed))])
    columns = ["method", "s/query (over whence)", f"shortlist@{job.shortlist}", "best photo", "answer"]
    columns += ["images/s (over whence)", "with learning", "KB/photo", "keypoints", "peak MB"]
    show(f"Shares within {photos.tolerance_m:g} m, with 95 % intervals; KB = 1,000 bytes", columns, lines)


def _indexing(outcome: Outcome, own: Outcome, count: int) -> list[str]:
    """Cells that a method has once, however many ways it locates in."""
    total, own_total = (made.index_seconds + made.learn_seconds for made in (outcome, own))
    return [
        f"{count / outcome.index_seconds:.1f} ({own.index_seconds / outcome.index_seconds:.2f} x)",
        f"{count / total:.1f} ({own_total / total:.2f} x)",
        f"{outcome.size / count / 1000:.1f}",
        f"{outcome.keypoints:,.0f}",
        f"{outcome.peak_mb:,.0f}",
    ]


def terms(photos: PhotoSet, job: Job, outcomes: dict[str, Outcome]) -> None:
    """What was the same for all, and what was not."""
    places = [row.position for row in photos.database]
    near = [min(error_m(place, query.position) for place in places) for query in photos.queries]
    possible = scores.found([[error] for error in near], photos.tolerance_m, 1)
    print(f"No shortlist can do better than {np.mean(possible):.2f}: the other queries have no photo near enough.")
    print(
        f"Equal: {len(photos.database)} photos, {len(photos.queries)} queries, {job.threads} threads, "
        f"{job.shortlist} photos verified for each query, about {job.keypoints:,} keypoints, all photos read once "
        "beforehand.\nLeft out of all times: imports and the first photo."
    )
    print(_TERMS)
    print("\n".join(note for outcome in outcomes.values() for note in outcome.notes), "\n", flush=True)


def main() -> None:
    """Runs and prints."""
    options = parser(__doc__, queries=30)
    options.set_defaults(photos=400)
    options.add_argument("--shortlist", type=int, default=50, help="photos to verify for each query")
    options.add_argument("--threads", type=int, default=2, help="for every method")
    options.add_argument("--seed", type=int, default=0, help="of RANSAC and of the vocabulary's sample")
    options.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, help="whence is always among them")
    args = options.parse_args()
    methods = [method for method in METHODS if method in args.methods or method == "whence"]
    for library in [_LIBRARY[method] for method in methods if method in _LIBRARY]:
        if find_spec(library) is None:
            sys.exit(f"{library} is not installed: pip install -e '.[sfm]', or leave it out by --methods")
    for name in ("shortlist", "threads"):
        if getattr(args, name) < 1:
            options.error(f"--{name} {getattr(args, name)}: expected at least 1")
    with work_folder(args.work) as work:
        photos = photo_set(args, work)
        if not photos.queries:
            sys.exit(f"{photos.name}: no group of these photos is held out; take more of them by --photos")
        heading(f"Peers: {photos.name}, {len(photos.queries)} queries")
        for row in (*photos.database, *photos.queries):
            row.path.read_bytes()  # so that no method pays for a cold disk
        job = job_of(photos, work.resolve(), shortlist=args.shortlist, threads=args.threads, seed=args.seed)
        outcomes: dict[str, Outcome] = {}
        for method in methods:
            start = perf_counter()
            outcomes[method] = run_apart(method, job)
            print(f"{method}: {perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
            if method == "whence":
                job = replace(job, given=outcomes[method].located[0].shortlists)
        table(outcomes, photos, job)
        terms(photos, job, outcomes)
        gallery, vectors = whence.Gallery.open(work / GALLERY), np.load(work / VECTORS)
        compare(gallery, vectors, job.shortlist, job.threads)


if __name__ == "__main__":
    main()
