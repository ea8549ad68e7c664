"""Photos into a gallery: only what is new or changed, in batches that are each complete or not at all."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np

import whence
from whence.errors import InputError, PhotoError
from whence.gallery.codec import unpack
from whence.gallery.gallery import Gallery
from whence.gallery.store import Store, lock
from whence.gallery.trouble import unbroken
from whence.gallery.writer import FileState, NewPhoto, Writer
from whence.locate.intake import Intake
from whence.locate.learning import learn_if_due
from whence.locate.opening import open_gallery
from whence.locate.pipeline import Pipeline
from whence.locate.placing import circumstances, placed_anew
from whence.locate.reading import Outcome, Task, read_photo, stored_path
from whence.locate.roots import check_moved, check_root, moved_to, normal
from whence.locate.threads import one_thread_each
from whence.photos import files
from whence.photos.names import native, stored
from whence.recipes import Recipe, load_recipe
from whence.types import Crs, Photo, Skipped

TOLERANCE_SHARE = 0.02
"""Default tolerance for a local plane, as a share of its extent."""
_BATCH, _BATCH_SECONDS = 128, 15.0
_AHEAD = 3
"""Tasks in flight per worker."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an index run is.

    Attributes:
        done: Photos looked at, of ``total``.
        total: Photos that the source names.
        stored: New or changed photos.
        skipped: Photos passed over.
        stage: ``photos`` or ``learning``.
    """

    done: int
    total: int
    stored: int
    skipped: int
    stage: str = "photos"


@dataclass(slots=True)
class IndexReport:
    """What an index run did.

    Attributes:
        gallery: Its folder.
        added: Photos that are new.
        changed: Photos whose file changed.
        moved: Photos whose position, group or path changed, but not their content.
        unchanged: Photos left alone.
        skipped: Photos passed over, with the reason.
        total: Photos in the gallery now.
        seconds: Wall time.
        learned: Whether the gallery learned a vocabulary of its own in this run.
        interrupted: Whether the user stopped it.
        root: Folder that stored paths are relative to, where that was found or said to be another than before.
        lost_root: That folder, where it is not there any more.
    """

    gallery: Path
    added: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    total: int = 0
    seconds: float = 0.0
    learned: bool = False
    interrupted: bool = False
    root: Path | None = None
    lost_root: Path | None = None


def index(
    source: str | os.PathLike[str],
    gallery: str | os.PathLike[str],
    *,
    recipe: str | Recipe | None = None,
    crs: str | None = None,
    layout: str | None = None,
    part: str | None = None,
    tolerance_m: float | None = None,
    thumbnails: bool = True,
    workers: int | None = None,
    gpx: Sequence[str | os.PathLike[str]] = (),
    gpx_offset_s: float = 0.0,
    root: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> IndexReport:
    """Adds photos with known positions to a gallery, making it if there is none.

    A second run reads only files that are new or changed. Stopping it, even by ``kill -9``, loses the batch in work and
    nothing else.

    Args:
        source: Folder of photos with positions in or beside them, CSV with path and lat,lon or x,y, or a data set.
        gallery: Folder of the gallery.
        recipe: Name, TOML file or recipe; None for the gallery's own, or the default for a new one.
        crs: ``wgs84``, ``local`` or ``EPSG:n`` (x east, y north); None to follow the source.
        layout: How a data set is laid out, such as ``utm``; None if that is plain, and for anything else.
        part: Part of a data set, such as ``test/database``.
        tolerance_m: Errors up to this count as right; None for 25 m, or 2 % of the extent of a local plane.
        thumbnails: Whether to keep small pictures.
        workers: Threads; None for one per core.
        gpx: GPX files, and folders of them: where to look up, by their time, photos that nothing else places.
        gpx_offset_s: What the camera's clock shows, less UTC. For times without a zone only; by default they are UTC.
        root: Folder that stored paths are relative to, or where it is now, if it was moved; None for the source's own,
            and what the gallery has. A source that is the gallery's root, moved, is recognised.
        progress: Called now and then.

    Raises:
        InputError: The source or an option cannot be used.
        GalleryError: The gallery cannot be used or is being written by another process.
    """
    start = perf_counter()
    if tolerance_m is not None and not (np.isfinite(tolerance_m) and tolerance_m > 0):
        raise InputError(f"tolerance {tolerance_m} m: expected a number above 0")
    folder = Path(gallery)
    chosen = recipe if isinstance(recipe, Recipe) or recipe is None else load_recipe(recipe)
    if workers is not None and workers < 1:
        raise InputError(f"workers {workers}: expected at least 1")
    named_root = check_root(root)
    intake = Intake.open(Path(source), crs=crs, layout=layout, part=part, gpx=gpx, gpx_offset_s=gpx_offset_s)
    Store.check_place(folder)  # before the lock leaves its file in a folder that is not ours
    with lock(folder):
        store, pipeline = open_gallery(folder, chosen, intake.crs, tolerance_m, named_root or intake.place)
        intake.check_fits(store)
        run = _Run(store, pipeline, intake, thumbnails, workers or os.cpu_count() or 1, named_root, progress)
        with one_thread_each:
            try:
                run.photos()
                if not run.report.interrupted:
                    run.finish()
            except KeyboardInterrupt:  # the photos are safe, and the next run learns
                run.report.interrupted = True
    run.report.total, run.report.seconds = run.writer.count, perf_counter() - start
    return run.report


class _Run:
    """One index run: plans, reads in threads, stores in the order of the source."""

    def __init__(
        self,
        store: Store,
        pipeline: Pipeline,
        intake: Intake,
        thumbnails: bool,
        workers: int,
        root: Path | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._store, self._pipeline, self._intake = store, pipeline, intake
        self._thumbnails, self._workers = thumbnails, workers
        self._source_name = stored(intake.given.absolute().as_posix())
        self.writer = Writer(store, whence.__version__)
        self.report = IndexReport(store.folder)
        self._root = self._settled_root(root)
        self._owner = self.writer.owner()
        self._describer = pipeline.restored(Gallery(store))
        self._new: list[NewPhoto] = []
        self._passed: dict[str, FileState] = {}
        self._moved: dict[str, Photo] = {}
        self._states: dict[str, tuple[int, int]] = {}
        self._flushed = perf_counter()
        self._progress = progress
        self._done = 0
        self._total = len(intake)

    def _settled_root(self, named: Path | None) -> Path:
        """The root of the gallery, at its new place if it was moved."""
        old, place = Path(self._store.settings.root), self._intake.place
        moved = named or (place if moved_to(place, old, self.writer.files) else None)
        if moved is not None and normal(moved) != normal(old):
            check_moved(moved, self.writer.files)
            self._store.save_settings(replace(self._store.settings, root=normal(moved)))
            self.report.root = old = Path(normal(moved))
        if not old.is_dir():
            self.report.lost_root = old
        return old

    def photos(self) -> None:
        """Reads and stores everything that is new or changed. Ctrl-C keeps what is finished."""
        waiting: deque[Future[Outcome]] = deque()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="whence-index") as threads:
            try:
                for task in self._tasks():
                    waiting.append(threads.submit(self._read, task))
                    if len(waiting) >= self._workers * _AHEAD:
                        self._settle(waiting.popleft().result())
                while waiting:
                    self._settle(waiting.popleft().result())
            except KeyboardInterrupt:
                self.report.interrupted = True
            finally:
                for future in waiting:
                    future.cancel()
            self._flush()

    def finish(self) -> None:
        """Learns from the gallery if it has grown enough, describes what has no descriptor, tidies up."""
        self._learn()
        self._set_tolerance()
        self.writer.tidy()

    def _tasks(self) -> Iterator[Task]:
        """Photos to read. Those that need not be read are settled here."""
        for photo in self._intake.photos():
            if isinstance(photo, Skipped):
                self._skip(photo.name, photo.reason)
                self._tick()
                continue
            try:
                path = stored_path(photo.path, self._root, self.writer.files)
                task = Task(path, photo, self._source_name, files.stat_key(photo.path))
            except PhotoError as error:
                self._skip(photo.name, str(error))
                self._tick()
                continue
            if not self._known(task):
                yield task

    def _known(self, task: Task) -> bool:
        """Whether the file is as it was; then only what its source says of it can be new."""
        state = self.writer.files.get(task.path)
        if state is None or (state.size, state.mtime_ns) != task.state:
            return False
        if state.reason:
            if state.placed != task.photo.placed or state.circumstances != circumstances(
                task.photo, self._intake.tracks
            ):
                return False
            self._skip(task.photo.name, state.reason)
        elif not self._restated(task, state):
            self.report.unchanged += 1
        self._tick()
        return True

    def _restated(self, task: Task, state: FileState) -> bool:
        """Whether the source now says something else about an unchanged photo; if so, that is stored."""
        said = placed_anew(task.photo, state.facts or {}, self._intake.tracks)
        if said is None or not state.says_otherwise(said):
            return False
        self._moved[task.path], self._states[task.path] = said, task.state
        self.report.moved += 1
        return True

    def _read(self, task: Task) -> Outcome:
        known, thumbnails = self._owner.__contains__, self._thumbnails
        return read_photo(task, self._pipeline, self._describer, known, thumbnails, self._intake.tracks)

    def _settle(self, outcome: Outcome) -> None:
        task, new = outcome.task, outcome.new
        if outcome.known_hash and outcome.known_hash not in self._owner:  # its owner has changed meanwhile
            self._settle(self._read(task))
            return
        if outcome.reason:
            self._pass_over(task, outcome.reason, lasting=outcome.lasting)
        elif new is None or new.content_hash in self._owner:
            self._same_content(task, outcome.known_hash or (new.content_hash if new else ""))
        else:
            self._disown(task.path)
            self._owner[new.content_hash] = task.path
            if outcome.describer is not self._describer:
                new = replace(new, vector=self._describer.describe(unpack(new.features)))
            self._new.append(new)
        self._tick()
        if len(self._new) >= _BATCH or perf_counter() - self._flushed > _BATCH_SECONDS:
            self._flush()

    def _same_content(self, task: Task, digest: str) -> None:
        """The file was touched, renamed, or is a copy of another."""
        owner = self._owner[digest]
        if owner == task.path:
            known = self.writer.files.get(task.path)
            if known is not None and not self._restated(task, known):
                self.writer.touch(task.path, task.state)
                self.report.unchanged += 1
        elif owner in self.writer.files and not (self._root / native(owner)).exists():
            self._drop(task.path)
            self.writer.rename(owner, task.path, task.state)
            self._owner[digest] = task.path
            if not self._restated(task, self.writer.files[task.path]):
                self.report.moved += 1
        else:
            self._drop(task.path)
            self._pass_over(task, f"same content as {native(owner)}", lasting=False)  # a copy may outlive its original

    def _disown(self, path: str) -> None:
        """The content that a file had when it was stored is gone, and may turn up elsewhere."""
        stored = self.writer.files.get(path)
        if stored is not None and self._owner.get(stored.content_hash) == path:
            del self._owner[stored.content_hash]

    def _drop(self, path: str) -> None:
        """Another photo has been put in the place of a stored one: what was stored is no longer there."""
        self._disown(path)
        if self._is_stored(path):
            self.writer.remove(path)

    def _skip(self, name: str, reason: str) -> None:
        self.report.skipped.append(Skipped(name, reason))

    def _pass_over(self, task: Task, reason: str, *, lasting: bool) -> None:
        """Skips a photo; what lasts as long as its bytes is remembered."""
        self._skip(task.photo.name, reason)
        if lasting:
            self._passed[task.path] = FileState(
                *task.state,
                reason=reason,
                placed=task.photo.placed,
                circumstances=circumstances(task.photo, self._intake.tracks),
            )

    def _tick(self) -> None:
        self._done += 1
        self._tell("photos")

    def _tell(self, stage: str) -> None:
        if self._progress is not None:
            stored = self.report.added + self.report.changed + len(self._new)
            total = max(self._total, self._done)  # sidecars that cannot be used are told of besides
            self._progress(Progress(self._done, total, stored, len(self.report.skipped), stage))

    def _flush(self) -> None:
        """Stores the batch: the photos, then what was passed over."""
        new, self._new = self._new, []
        moved, self._moved = self._moved, {}
        passed, self._passed = self._passed, {}
        self._flushed = perf_counter()
        changed = sum(1 for photo in new if self._is_stored(photo.path))
        with unbroken():
            self.writer.put(new, self._describer.fingerprint)
            self.report.changed += changed  # counted only now that they are safe
            self.report.added += len(new) - changed
            self.writer.move(moved, self._states)
            self.writer.skip(passed)
        self._learn(only_if_large=True)

    def _is_stored(self, path: str) -> bool:
        return path in self.writer.files and bool(self.writer.files[path].content_hash)

    def _learn(self, *, only_if_large: bool = False) -> None:
        learned = learn_if_due(
            self.writer, self._pipeline, self._describer, lambda: self._tell("learning"), only_if_large=only_if_large
        )
        if learned is not None:
            self._describer = learned
            self.report.learned = True

    def _set_tolerance(self) -> None:
        """On a local plane the tolerance follows the extent, unless the user chose one."""
        settings = self._store.settings
        positions = [state.position for state in self.writer.files.values() if state.position is not None]
        if settings.tolerance_given or settings.crs is Crs.WGS84 or not positions:
            return
        from whence.geo.plane import coordinates

        metres = coordinates(positions)
        extent = float(np.hypot(*(metres.max(axis=0) - metres.min(axis=0))))
        tolerance = max(TOLERANCE_SHARE * extent, 1e-3)
        if tolerance != settings.tolerance_m:
            self._store.save_settings(replace(settings, tolerance_m=tolerance))
