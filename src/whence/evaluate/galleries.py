"""The galleries that an evaluation asks: the one given, and one for each recipe that needs another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from whence.errors import InputError
from whence.evaluate.inputs import Given, write_database
from whence.gallery.gallery import Gallery
from whence.gallery.schema import Settings
from whence.locate.indexing import Progress, index
from whence.photos import files
from whence.recipes import Recipe
from whence.types import Crs, Photo

_MADE = "made.json"


@dataclass(frozen=True, slots=True)
class Indexed:
    """A gallery and what it took to make it.

    Attributes:
        folder: Of the gallery.
        seconds: None for one that was there.
        photos: That were indexed in these seconds.
    """

    folder: Path
    seconds: float | None = None
    photos: int = 0


class Galleries:
    """Makes each gallery once, below a folder, and finds it again in the next run."""

    def __init__(
        self,
        database: Given,
        given: Path | None,
        work: Path,
        tolerance_m: float | None,
        workers: int | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        """
        Args:
            database: What to index.
            given: A gallery that is there already, of the same photos.
            work: Where to make others.
            tolerance_m: Of the new ones.
            workers: Threads.
            progress: Called while indexing.
        """
        self._database, self._given, self._work = database, given, work
        self._tolerance_m, self._workers, self._progress = tolerance_m, workers, progress

    def of(self, recipe: Recipe) -> Indexed:
        """The gallery for a recipe."""
        if (
            self._given is not None
            and _recipe_of(Gallery.open(self._given).settings).indexing_hash == recipe.indexing_hash
        ):
            return Indexed(self._given)
        folder = self._work / "galleries" / recipe.indexing_hash
        note = self._work / "galleries" / f"{recipe.indexing_hash}.{_MADE}"
        named = Recipe(f"evaluated-{recipe.indexing_hash}", "", recipe.sections)
        if folder.exists():
            named = _recipe_of(Gallery.open(folder).settings)
        database = self._database
        report = index(
            database.path,
            folder,
            recipe=named,
            crs=database.crs,
            layout=database.layout,
            part=database.part,
            tolerance_m=self._tolerance_m,
            workers=self._workers,
            progress=self._progress,
        )
        if report.interrupted:
            raise KeyboardInterrupt
        if not report.total:
            reason = f" ({report.skipped[0].name}: {report.skipped[0].reason})" if report.skipped else ""
            raise InputError(f"{database.path}: none of its photos can be indexed{reason}")
        if report.added:  # what a later run finds unchanged took this long
            before = _read(note)
            made = Indexed(folder, (before.seconds or 0.0) + report.seconds, before.photos + report.added)
            files.write(note, json.dumps({**asdict(made), "folder": str(folder)}).encode())
        made = _read(note)
        return Indexed(folder, made.seconds, made.photos)


def database_of(gallery: Gallery, work: Path) -> Given:
    """A gallery's photos as a table, for recipes that describe them otherwise."""
    photos = [
        Photo(gallery.file(row), photo.path, photo.position, group=photo.group, heading_deg=photo.heading_deg)
        for row, photo in enumerate(gallery.photos)
    ]
    path = work / "database.csv"
    write_database(path, photos, gallery.settings.crs)
    return Given(path, "wgs84" if gallery.settings.crs is Crs.WGS84 else "local")


def _recipe_of(settings: Settings) -> Recipe:
    return Recipe(settings.recipe, "", settings.sections)


def _read(note: Path) -> Indexed:
    try:
        data = json.loads(note.read_text("utf-8"))
        return Indexed(Path(data["folder"]), data["seconds"], data["photos"])
    except (OSError, ValueError, KeyError):
        return Indexed(note)
