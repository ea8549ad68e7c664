"""Indexing beside COLMAP's SIFT extraction, and re-ranking beside matching anew, in short rounds that alternate.

Indexing: ``whence.index`` (read, hash, decode, SIFT, describe, thumbnail, store) and ``pycolmap.extract_features`` on
the CPU (read, SIFT, store), both on the same photos reduced to the same side, with as many threads. whence gives at
most ``--keypoints``; COLMAP is asked for so many that its mean is the same, and is left at its defaults otherwise.
With fewer than 60 photos whence does not try out its own photos.

Re-ranking: 50 candidates of each query, none left out, by whence's stored features (read from a gallery that was
opened before), and by SIFT found anew in every candidate, OpenCV's brute force and RANSAC. Both find at most the same
number of keypoints with the same contrast in photos of the same size, and have as many threads, a pair each. The
query's own features are given to both.

Times are wall times; beside them stands the time of the processor, which other jobs disturb less.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import pycolmap

import whence
from common import PhotoSet, Row, heading, parser, photo_set, show, spread, work_folder, write_table
from peer_colmap import Colmap, opened
from peers_apart import Job
from plain import Plain
from whence.locate.pipeline import Pipeline
from whence.photos.decode import SUFFIXES
from whence.photos.threads import one_thread_each
from whence.recipes import Recipe
from whence.types import LatLon
from whence.verify.rerank import verify_all

Spent = tuple[float, float]
"""Seconds, and seconds of the processor."""


def spent(work: Callable[[], object]) -> Spent:
    """What a piece of work took, in all threads."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), perf_counter()
    work()
    seconds, after = perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def contest(title: str, unit: str, counts: Sequence[int], ways: dict[str, Callable[[int], object]]) -> None:
    """All ways in turn in every round, the first one being whence.

    Args:
        title: Of the table.
        unit: What is counted.
        counts: How many of it there are in each round.
        ways: Name, and what to do in a round.
    """
    rounds: dict[str, list[Spent]] = {name: [] for name in ways}
    for number in range(len(counts)):
        for name, way in ways.items():
            rounds[name].append(spent(partial(way, number)))
    each = {name: np.array(found) / np.array(counts)[:, None] for name, found in rounds.items()}
    own, lines = next(iter(each.values())), list[list[object]]()
    for name, found in each.items():
        over = found / own
        lines.append(
            [name, *(_spread(found[:, kind]) for kind in (0, 1)), *(_spread(over[:, kind]) for kind in (0, 1))]
        )
    columns = ["way", f"s a {unit}", "processor s", "times whence's", "processor"]
    show(f"{title}; {len(counts)} rounds: median (least to most)", columns, lines)


def _spread(values: np.ndarray) -> str:
    least, middle, most = np.quantile(values, [0, 0.5, 1])
    return f"{middle:.3g} ({least:.3g} to {most:.3g})"


def with_keypoints(count: int) -> Recipe:
    """The default, with another number of keypoints."""
    recipe = whence.load_recipe("default")
    return replace(
        recipe, sections={**recipe.sections, "features": {**recipe.sections["features"], "keypoints": count}}
    )


def indexing(photos: Sequence[Path], work: Path, keypoints: int, threads: int, rounds: int) -> None:
    """whence and COLMAP on the same photos."""
    recipe = with_keypoints(keypoints)
    rows = [Row(path, LatLon(45 + number / 100, 7.0), str(number)) for number, path in enumerate(photos)]
    table = write_table(work / "throughput.csv", rows)
    names = [str(path) for path in photos]
    side = Pipeline(recipe).seeing.max_side
    job = Job(names, [], str(table), str(work), 1.0, keypoints, side, 0, threads, 0, [])
    colmap, gallery = Colmap(job), work / "throughput.gallery"

    def ours(_: int) -> None:
        shutil.rmtree(gallery, ignore_errors=True)
        whence.index(table, gallery, recipe=recipe, workers=threads)

    def theirs(_: int) -> None:
        colmap.file.unlink(missing_ok=True)
        colmap.extract(colmap.database, colmap.file)

    pycolmap.logging.minloglevel = pycolmap.logging.Level.ERROR.value
    asked = colmap.warm_up()
    ours(0)
    contest(
        f"Indexing {len(photos)} photos, at most {side} pixels wide or high, {threads} threads",
        "photo",
        [len(photos)] * rounds,
        {"whence.index": ours, "COLMAP, SIFT": theirs},
    )
    with opened(colmap.file) as database:
        images = database.read_all_images()
        counts = [database.num_keypoints_for_image(image.image_id) for image in images]
    found = whence.Gallery.open(gallery).features(range(len(photos)))
    mean = np.mean([len(features) for features in found])
    print(f"Keypoints a photo: whence {mean:,.0f}, COLMAP {np.mean(counts):,.0f} ({asked:,} places asked for)\n")


def reranking(photos: PhotoSet, work: Path, threads: int, shortlist: int) -> None:
    """Candidates of each query by stored features and by new ones; a round is a query."""
    folder = work / f"{photos.name}.gallery"
    whence.index(photos.table, folder, tolerance_m=photos.tolerance_m)
    gallery = whence.Gallery.open(folder)
    pipeline = Pipeline(whence.load_recipe("default"))
    matcher, estimator, options = pipeline.matcher, pipeline.estimator, pipeline.recipe.sections["features"]
    assert matcher is not None
    locator = whence.Locator(gallery, candidates=shortlist, workers=threads)
    answers = [locator.answer(query.path) for query in photos.queries]
    own = threading.local()
    pool = ThreadPoolExecutor(threads)

    def plain() -> Plain:
        if not hasattr(own, "plain"):
            own.plain = Plain(options["keypoints"], options["contrast_threshold"])
        made: Plain = own.plain
        return made

    queries = [plain().features(query.path) for query in photos.queries]
    galleries = [whence.Gallery.open(folder) for _ in photos.queries]  # whose features are read from files

    def stored(number: int) -> None:
        query = answers[number].query
        assert query is not None
        with one_thread_each:
            features = galleries[number].features(answers[number].rows)
            verify_all(query.features, features, matcher, estimator, pool)

    def anew(number: int) -> None:
        files = [gallery.file(row) for row in answers[number].rows]
        with one_thread_each:
            list(pool.map(lambda file: plain().inliers(queries[number], plain().features(file)), files))

    stored(0)
    galleries[0] = whence.Gallery.open(folder)
    contest(
        f"Re-ranking {shortlist} candidates with {threads} threads",
        "query",
        [1] * len(queries),
        {"whence, stored features": stored, "SIFT anew, brute force": anew},
    )
    pool.shutdown()


def main() -> None:
    """Runs and prints."""
    options = parser(__doc__, queries=5)
    options.set_defaults(photos=250)
    options.add_argument("--folder", type=Path, help="photos to index; else castle/images of the real photos")
    options.add_argument("--count", type=int, default=6, help="so many of them, spread evenly")
    options.add_argument("--keypoints", type=int, default=2000, help="of a photo, when indexing")
    options.add_argument("--threads", type=int, default=2, help="for every way")
    options.add_argument("--rounds", type=int, default=3, help="of indexing")
    options.add_argument("--shortlist", type=int, default=50, help="candidates to re-rank")
    args = options.parse_args()
    if args.folder is None and args.data is None:
        sys.exit("name a folder of photos to index by --folder, or real photos by --data or WHENCE_DATA")
    folder = args.folder or Path(args.data) / "castle/images"
    found = sorted(path.resolve() for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    with work_folder(args.work) as work:
        heading(f"Throughput, {os.cpu_count()} cores")
        indexing(spread(found, args.count), work, args.keypoints, args.threads, args.rounds)
        photos = photo_set(args, work)
        if not photos.queries:
            sys.exit(f"{photos.name}: no group of these photos is held out; take more of them by --photos")
        reranking(photos, work, args.threads, args.shortlist)


if __name__ == "__main__":
    main()
