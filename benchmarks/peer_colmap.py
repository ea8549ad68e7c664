"""COLMAP for ``peers.py``, through ``pycolmap``, on the CPU: SIFT, vocabulary tree, matching, two-view geometry.

COLMAP downloads a vocabulary by default; here one is built from the photos of the database. ``VisualIndex.query`` of
pycolmap 4.2 fills a vector that its binding does not hand back, so that retrieval goes through
``VocabTreePairGenerator``, as in COLMAP's own vocabulary tree matching. It indexes every photo of the database file,
queries too: they are taken out of its results.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pycolmap

from peers_apart import Job, Located, Outcome

_POINTS_PER_WORD = 39
"""k-means of FAISS, which COLMAP calls, warns below it."""
_MOST_WORDS, _ROUNDS, _ITERATIONS = 4096, 1, 10
_EMBEDDING = 64
"""Bits of Hamming embedding, COLMAP's default for SIFT."""
_TRIED = 20
"""Photos to see how many keypoints COLMAP finds."""
_CPU = pycolmap.Device.cpu


class Colmap:
    """One database file with the photos of a job, under names that say where in the job they stand."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._folder = Path(job.work) / "colmap"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._photos = self._folder / "photos"
        self._photos.mkdir(parents=True)
        self.file = self._folder / "database.db"
        self.database = [self._link("d", place, path) for place, path in enumerate(job.database)]
        self.queries = [self._link("q", place, path) for place, path in enumerate(job.queries)]
        self._features = pycolmap.FeatureExtractionOptions()
        self._features.num_threads = job.threads
        self._features.max_image_size = job.max_side
        self._features.sift.max_num_features = job.keypoints

    def _link(self, kind: str, place: int, path: str) -> str:
        """Short names without blanks: COLMAP's lists of pairs are split at blanks."""
        name = f"{kind}{place:06d}{Path(path).suffix}"
        (self._photos / name).symlink_to(path)
        return name

    def warm_up(self) -> int:
        """Extracts and matches a few photos, and asks for as many keypoints as give the number wanted.

        COLMAP counts places, each of which gives a keypoint for up to two orientations, and keeps whole scales.
        """
        tried = self.database[:: max(1, len(self.database) // _TRIED)]
        file = self._folder / "warm-up.db"
        self.extract(tried, file)
        with opened(file) as database:
            mean = float(np.mean([database.num_keypoints_for_image(image.image_id) for image in _images(database)]))
        self.match([(tried[0], tried[-1])], file)
        self._features.sift.max_num_features = max(1, round(self._job.keypoints**2 / mean)) if mean else 1
        return int(self._features.sift.max_num_features)

    def extract(self, names: Sequence[str], file: Path) -> None:
        """Features of photos into a database file."""
        pycolmap.extract_features(file, self._photos, names, extraction_options=self._features, device=_CPU)

    def vocabulary(self) -> tuple[Path, int]:
        """Built from the photos of the database, with as many words as their keypoints are enough for."""
        with opened(self.file) as database:
            found = [database.read_descriptors(image.image_id).to_float().data for image in _images(database)]
        points = np.concatenate(found)
        words = 2 ** int(np.log2(max(1, min(_MOST_WORDS, len(points) // _POINTS_PER_WORD))))
        most = 2 * words * _POINTS_PER_WORD
        if len(points) > most:
            points = points[np.random.default_rng(self._job.seed).choice(len(points), most, replace=False)]
        options = pycolmap.VisualIndex.BuildOptions(
            num_visual_words=words, num_rounds=_ROUNDS, num_iterations=_ITERATIONS, num_threads=self._job.threads
        )
        index = pycolmap.VisualIndex.create(points.shape[1], _EMBEDDING)
        index.build(options, pycolmap.FeatureDescriptorsFloat(pycolmap.FeatureExtractorType.SIFT, points))
        path = self._folder / "vocabulary.bin"
        index.write(path)
        return path, words

    def retrieve(self, vocabulary: Path) -> tuple[list[list[int]], float, float]:
        """A shortlist for each query, and seconds for the index and for the queries."""
        options = pycolmap.VocabTreePairingOptions(
            vocab_tree_path=vocabulary,
            num_images=self._job.shortlist + len(self.queries),
            num_threads=self._job.threads,
        )
        with opened(self.file) as database:
            name_of = {image.image_id: image.name for image in _images(database)}
            id_of = {name: image_id for image_id, name in name_of.items()}
            start = perf_counter()
            pairs = pycolmap.VocabTreePairGenerator(options, database, [id_of[name] for name in self.queries])
            made = perf_counter()
            ranked = pairs.all_pairs()
            end = perf_counter()
        found: dict[str, list[int]] = {name: [] for name in self.queries}
        for query, other in ranked:
            if name_of[other].startswith("d"):
                found[name_of[query]].append(int(name_of[other][1:7]))
        return [found[name][: self._job.shortlist] for name in self.queries], made - start, end - made

    def match(self, pairs: Iterable[tuple[str, str]], file: Path) -> None:
        """Matches and verifies pairs of photos."""
        listed = self._folder / "pairs.txt"
        listed.write_text("".join(f"{one} {other}\n" for one, other in pairs), encoding="utf-8")
        verification = pycolmap.TwoViewGeometryOptions()
        verification.ransac.random_seed = self._job.seed
        pycolmap.match_image_pairs(
            file,
            matching_options=pycolmap.FeatureMatchingOptions(num_threads=self._job.threads),
            pairing_options=pycolmap.ImportedPairingOptions(match_list_path=listed),
            verification_options=verification,
            device=_CPU,
        )

    def verified(self, name: str, shortlists: list[list[int]], before: float) -> Located:
        """Matches every query with its shortlist, in a copy of the database file; ``before`` are seconds so far."""
        copy = self._folder / "matched.db"
        shutil.copyfile(self.file, copy)
        asked = list(zip(self.queries, shortlists, strict=True))
        start = perf_counter()
        self.match(((query, self.database[row]) for query, rows in asked for row in rows), copy)
        seconds = before + perf_counter() - start
        with opened(copy) as database:
            name_of = {image.image_id: image.name for image in _images(database)}
            ids, counts = database.read_two_view_geometry_num_inliers()
        inliers: dict[frozenset[str], int] = {}
        for pair_id, count in zip(ids, counts, strict=True):
            one, other = pycolmap.pair_id_to_image_pair(pair_id)
            inliers[frozenset((name_of[one], name_of[other]))] = int(count)
        counted = [[inliers.get(frozenset((query, self.database[row])), 0) for row in rows] for query, rows in asked]
        return Located(name, seconds, shortlists, counted)

    def keypoints(self) -> float:
        """Mean of the queries."""
        with opened(self.file) as database:
            images = [image for image in _images(database) if image.name.startswith("q")]
            return float(np.mean([database.num_keypoints_for_image(image.image_id) for image in images]))


def run(job: Job) -> Outcome:
    """Indexes the database, then retrieves and verifies, with COLMAP's shortlists and with whence's."""
    pycolmap.logging.minloglevel = pycolmap.logging.Level.ERROR.value
    pycolmap.set_random_seed(job.seed)
    colmap = Colmap(job)
    asked = colmap.warm_up()

    start = perf_counter()
    colmap.extract(colmap.database, colmap.file)
    extracted = perf_counter() - start
    size = colmap.file.stat().st_size
    start = perf_counter()
    vocabulary, words = colmap.vocabulary()
    learning = perf_counter() - start
    start = perf_counter()
    colmap.extract(colmap.queries, colmap.file)
    described = perf_counter() - start
    shortlists, indexing, retrieving = colmap.retrieve(vocabulary)
    indexing *= len(job.database) / (len(job.database) + len(job.queries))  # it indexes the queries too
    located = [
        colmap.verified("COLMAP", shortlists, described + retrieving),
        colmap.verified("COLMAP, whence's shortlist", job.given, described),
    ]
    lost = sum(not any(counts) for counts in located[0].inliers)
    parts = {"SIFT": described, "retrieval": retrieving, "matching and geometry": located[0].seconds}
    parts["matching and geometry"] -= described + retrieving
    notes = [
        f"COLMAP: {asked} places asked for, to give {job.keypoints:,} keypoints; {lost} queries matched no photo.",
        f"COLMAP: {words:,} words from these photos, {vocabulary.stat().st_size / 1e6:.1f} MB beside its KB/photo.",
        f"COLMAP, ms a query: {', '.join(f'{name} {1000 * s / len(job.queries):.0f}' for name, s in parts.items())}.",
    ]
    return Outcome(extracted + indexing, learning, size, colmap.keypoints(), located, notes)


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """A database file, closed at the end."""
    database = pycolmap.Database.open(file)
    try:
        yield database
    finally:
        database.close()


def _images(database: Any) -> list[Any]:
    return list(database.read_all_images())
