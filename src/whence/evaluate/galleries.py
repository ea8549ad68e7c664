"""The galleries that an evaluation asks: the one given, and one for each recipe that needs another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from whence.cluster import Cluster
from whence.errors import InputError
from whence.evaluate.inputs import Database
from whence.gallery.gallery import Gallery
from whence.gallery.store import Store
from whence.locate.indexing import index
from whence.locate.intake import Intake
from whence.locate.pipeline import Pipeline, recipe_of
from whence.locate.progress import Progress
from whence.photos import files
from whence.recipes import Recipe
from whence.types import Skipped


@dataclass(frozen=True, slots=True, eq=False)
class Indexed:
    """A gallery and what it took to make it.

    Attributes:
        gallery: Opened.
        seconds: None for one that was there.
        photos: That were indexed in these seconds.
        skipped: What could not be indexed.
    """

    gallery: Gallery
    seconds: float | None = None
    photos: int = 0
    skipped: tuple[Skipped, ...] = ()


class Galleries:
    """Makes each gallery once, below a folder, opens it once, and finds it again in the next run.

    A gallery's name has the recipe's sections for indexing in it and the photos too: photos that another split held out
    must never be found in it.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        tolerance_m: float | None,
        workers: int | None,
        progress: Callable[[Progress], None] | None,
        cluster: Cluster | None = None,
    ) -> None:
        """
        Args:
            database: What to index.
            folder: Where to make galleries.
            tolerance_m: Of the new ones.
            workers: Threads.
            progress: Called while indexing.
            cluster: Whose workers index; None for threads.
        """
        self._database, self._folder = database, folder
        self._tolerance_m, self._workers, self._progress = tolerance_m, workers, progress
        self._cluster = cluster
        self._there: dict[str, Indexed] = {}

    def of(self, recipe: Recipe) -> Indexed:
        """The gallery for a recipe; the same one for all that agree on what a gallery holds."""
        if recipe.indexing_hash not in self._there:
            given = self._database.gallery
            made = Indexed(given) if given is not None and _fits(given, recipe) else self._made(recipe)
            self._there[recipe.indexing_hash] = made
        return self._there[recipe.indexing_hash]

    def _made(self, recipe: Recipe) -> Indexed:
        database = self._database
        folder = self._folder / f"{recipe.indexing_hash}-{database.fingerprint}"
        note = folder.with_name(f"{folder.name}.json")
        report = index(
            Intake.of(database.root, database.photos, database.crs),
            folder,
            recipe=None if Store.check_place(folder) else recipe,  # of another one that agrees in what it holds
            tolerance_m=self._tolerance_m,
            workers=self._workers,
            cluster=self._cluster,
            progress=self._progress,
        )
        if report.interrupted:
            raise KeyboardInterrupt
        if not report.total:
            reason = f" ({report.skipped[0].name}: {report.skipped[0].reason})" if report.skipped else ""
            raise InputError(f"none of the {len(database.photos):,} photos of the database can be indexed{reason}")
        seconds, photos = _read(note)
        if report.added:  # what a later run finds unchanged took this long
            seconds, photos = (seconds or 0.0) + report.seconds, photos + report.added
            files.write(note, json.dumps({"seconds": seconds, "photos": photos}).encode())
        return Indexed(Gallery.open(folder), seconds, photos, tuple(report.skipped))


def _fits(gallery: Gallery, recipe: Recipe) -> bool:
    """Whether the gallery was indexed as the recipe wants it, by this version of the extractor."""
    own = recipe_of(gallery.settings)
    return (
        own.indexing_hash == recipe.indexing_hash and Pipeline(recipe).seeing.fingerprint == gallery.settings.extractor
    )


def _read(note: Path) -> tuple[float | None, int]:
    try:
        data = json.loads(note.read_text("utf-8"))
        return float(data["seconds"]), int(data["photos"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None, 0
