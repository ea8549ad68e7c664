"""Photos into a gallery: only what is new or changed, in batches that are each complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

import whence
from whence.cluster import Cluster
from whence.errors import InputError, PhotoError
from whence.gallery.codec import unpack
from whence.gallery.gallery import Gallery
from whence.gallery.rows import FileState, NewPhoto, Restated
from whence.gallery.storage import Storage
from whence.gallery.store import Store, lock
from whence.gallery.trouble import unbroken
from whence.gallery.writer import Writer
from whence.locate.bursts import superfluous
from whence.locate.describing import ByCluster, ByThreads, Source
from whence.locate.finishing import calibrate, follow_extent, mark_of_photos, part_bursts
from whence.locate.intake import Intake
from whence.locate.learning import due_at, learn_if_due
from whence.locate.likeness import alike_photos
from whence.locate.moves import made_relative, moves
from whence.locate.opening import open_gallery
from whence.locate.pipeline import Pipeline
from whence.locate.placing import Statement, by_copy, circumstances, outdoes, placed_anew
from whence.locate.progress import IndexReport, Progress
from whence.locate.reading import Outcome, Reader, Task, read_photo, stored_path
from whence.locate.roots import check_moved, check_root, moved_to, normal
from whence.photos import files
from whence.photos.cameras import check_fov
from whence.photos.names import native, stored
from whence.photos.threads import one_thread_each
from whence.photos.tracks import SOURCE as TRACKS
from whence.photos.tracks import Tracks
from whence.recipes import Recipe, load_recipe
from whence.types import Photo, Skipped

_BATCH, _BATCH_SECONDS = 128, 15.0
_COPY_OF = "copy-of:"
"""Before the content hash of the photo that another was dropped for."""


def index(
    source: str | os.PathLike[str] | Intake,
    gallery: str | os.PathLike[str] | Storage,
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
    fov_deg: float | None = None,
    duplicates: str | None = None,
    reader: Reader | None = None,
    cluster: Cluster | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> IndexReport:
    """Adds photos with known positions to a gallery, making it if there is none.

    A second run reads only files that are new or changed. Stopping it, even by ``kill -9``, loses the batch in work and
    nothing else.

    Args:
        source: Folder of photos with positions in or beside them, CSV with path and lat,lon or x,y, or a data set. Or
            what was opened as one already, with its own crs, layout, part and tracks.
        gallery: Folder of the gallery, or its address in object storage, such as ``s3://bucket/folder``.
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
        fov_deg: Field of view along the longest side of all photos whose camera neither table nor EXIF tells; None for
            what the gallery has.
        duplicates: What becomes of near duplicates, such as a photo compressed anew: ``keep``, or ``drop`` all but the
            one with the most pixels; None for what the gallery has, at first to keep them.
        reader: What makes pixels of the files; None to decode them in this process.
        cluster: Whose workers read and describe the photos, with the same result; None for threads of this process.
            They need photos and gallery under the same paths.
        progress: Called now and then.

    Raises:
        InputError: The source or an option cannot be used.
        GalleryError: The gallery cannot be used or is being written by another process.
    """
    start = perf_counter()
    if tolerance_m is not None and not (np.isfinite(tolerance_m) and tolerance_m > 0):
        raise InputError(f"tolerance {tolerance_m} m: expected a number above 0")
    folder = Storage.of(gallery)
    chosen = recipe if isinstance(recipe, Recipe) or recipe is None else load_recipe(recipe)
    if workers is not None and workers < 1:
        raise InputError(f"workers {workers}: expected at least 1")
    check_fov(fov_deg)
    if duplicates not in (None, "keep", "drop"):
        raise InputError(f"duplicates {duplicates}: expected keep or drop")
    named_root = check_root(root)
    intake = (
        source
        if isinstance(source, Intake)
        else Intake.open(Path(source), crs=crs, layout=layout, part=part, gpx=gpx, gpx_offset_s=gpx_offset_s)
    )
    Store.check_place(folder)  # before the lock leaves its file in a folder that is not ours
    with lock(folder):
        place = named_root or intake.place
        store, pipeline = open_gallery(folder, chosen, intake.crs, tolerance_m, place, duplicates)
        intake.check_fits(store)
        run = _Run(
            store, pipeline, intake, thumbnails, workers or os.cpu_count() or 1, named_root, reader, cluster, progress
        )
        if fov_deg is not None:
            run.state_fov(fov_deg)
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
    """One index run: plans, has photos read, stores in the order of the source."""

    def __init__(
        self,
        store: Store,
        pipeline: Pipeline,
        intake: Intake,
        thumbnails: bool,
        workers: int,
        root: Path | None,
        reader: Reader | None,
        cluster: Cluster | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._store, self._pipeline, self._intake = store, pipeline, intake
        self._thumbnails, self._workers, self._reader, self._cluster = thumbnails, workers, reader, cluster
        self._source_name = stored(intake.given.absolute().as_posix())
        self.writer = Writer(store, whence.__version__)
        self.report = IndexReport(store.folder)
        self._root = self._settled_root(root)
        self._owner = dict(self.writer.owner)
        self._describer = pipeline.restored(Gallery(store))
        self._learns_at = due_at(self.writer, pipeline, self._describer)
        self._new: list[NewPhoto] = []
        self._passed: dict[str, FileState] = {}
        self._restated: dict[str, Restated] = {}
        self._moved: set[str] = set()
        self._fresh: set[str] = set()
        self._tasks_of: dict[str, Task] = {}
        self._parted = self.writer.bursts_mark()
        self._flushed = perf_counter()
        self._progress = progress
        self._done = 0
        self._total = len(intake)
        self._try_anew = False

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
        with unbroken():
            self.writer.rehome(made_relative(old, self.writer.files))
        return old

    def state_fov(self, fov_deg: float) -> None:
        """Says what cameras took photos that do not tell it; answers may then be better than earlier trials found."""
        if fov_deg != self._store.settings.fov_deg:
            self._store.save_settings(replace(self._store.settings, fov_deg=fov_deg))
            self._try_anew = True

    def photos(self) -> None:
        """Reads and stores everything that is new or changed. Ctrl-C keeps what is finished."""
        try:
            self._follow_moves()
        except KeyboardInterrupt:
            self.report.interrupted = True
            return
        try:
            try:
                with closing(self._source().outcomes(self._tasks())) as pieces:
                    for outcomes in pieces:
                        for outcome in outcomes:
                            self._settle(outcome)
                            if self._new and len(self._owner) == self._learns_at:
                                self._flush()
                        self._flush_if_due()
            except KeyboardInterrupt:
                self.report.interrupted = True
            self._flush()
        finally:
            if self._cluster is not None:
                self.writer.drop_strays()

    def _source(self) -> Source:
        """Who reads and describes."""
        if self._cluster is None:
            return ByThreads(self._read, self._workers)
        self.writer.expect_fragments()
        return ByCluster(
            self._cluster,
            self._store,
            self._pipeline,
            lambda: self._describer,
            lambda path: self.writer.files[path].content_hash if path in self.writer.files else "",
            self._thumbnails,
            self._intake.tracks,
        )

    def finish(self) -> None:
        """Learns from the gallery if it has grown enough, describes what has no descriptor, tidies up, tries itself."""
        self._drop_copies()
        self._learn()
        self.writer.tidy()
        part_bursts(self._store, self.writer, self._mark, self._parted, self._workers)
        follow_extent(self._store)
        recipe, model = self._pipeline.recipe, self._describer.fingerprint
        touched = bool(self.report.moved or self.report.changed)
        calibrate(
            self._store,
            self.writer,
            recipe,
            model,
            anew=self._try_anew,
            touched=touched,
            workers=self._workers,
            tell=lambda: self._tell("calibrating"),
        )
        self.writer.settle()

    def _follow_moves(self) -> None:
        """Before anything is stored: files may have taken each other's places."""
        if not self.writer.count:
            return
        found = moves(self._intake.files(), self._root, self.writer.files, self._workers)
        if not found:
            return
        with unbroken():
            self.writer.rehome(found)
        self._owner = dict(self.writer.owner)
        self._moved = {path for path, _ in found.values()}
        self.report.moved += len(found)

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
            if self._drops:  # they may be read again
                self._tasks_of[path] = task
            if not self._known(task):
                yield task

    def _known(self, task: Task) -> bool:
        """Whether the file is as it was, and nothing new is said of it that only a look into it can settle."""
        state = self.writer.files.get(task.path)
        if state is None:
            return False
        passed = state if state.reason else state.passed
        if passed is not None and (passed.size, passed.mtime_ns) == task.state:
            holds = passed.circumstances == self._circumstances(task)
            if passed.circumstances.startswith(_COPY_OF):
                holds = self._drops and passed.circumstances.removeprefix(_COPY_OF) in self._owner
            if passed.placed != task.photo.placed or not holds:
                return False
            self._skip(task.photo.name, passed.reason)
        elif state.reason or (state.size, state.mtime_ns) != task.state:
            return False
        elif not self._statement(task, state).is_new_after(Statement.read(state.said)):
            self._leave(task)
        elif task.photo.position is not None:
            self._restate(task, state, task.photo)
        else:
            return False
        self._tick()
        return True

    def _circumstances(self, task: Task) -> str:
        return circumstances(task.photo, self._intake.tracks)

    def _statement(self, task: Task, state: FileState) -> Statement:
        """What is said of a stored photo now."""
        return Statement.of(task.photo, (state.facts or {}).get("position_source"), self._intake.tracks)

    def _leave(self, task: Task) -> None:
        if task.path not in self._moved:
            self.report.unchanged += 1

    def _restate(self, task: Task, state: FileState, photo: Photo, tracks: Tracks | None = None) -> None:
        """Stores what is now known of a photo that is there already, and what was said to that end."""
        if not state.says_otherwise(photo):
            self._leave(task)
        elif task.path not in self._moved:
            self.report.moved += 1
        said = Statement.of(task.photo, photo.position_source, tracks).after(Statement.read(state.said))
        self._restated[task.path] = Restated(photo, task.state, str(said))

    def _read(self, task: Task) -> Outcome:
        known, thumbnails = self._owner.__contains__, self._thumbnails
        return read_photo(task, self._pipeline, self._describer, known, thumbnails, self._intake.tracks, self._reader)

    def _settle(self, outcome: Outcome) -> None:
        task, new = outcome.task, outcome.new
        if outcome.known_hash and outcome.known_hash not in self._owner:  # its owner has changed meanwhile
            self._settle(self._read(task))
            return
        digest = new.content_hash if new is not None else outcome.known_hash
        if digest in self._owner:
            self._same_content(outcome, digest)
        elif new is None:
            if outcome.unplaced:
                self._drop(task.path)  # the picture that was stored is no longer there
            self._pass_over(task, outcome.reason, lasting=outcome.lasting)
        else:
            self._disown(task.path)
            self._owner[new.content_hash] = task.path
            if outcome.describer is not self._describer:
                new = self.writer.whole([new])[0]
                new = replace(new, vector=self._describer.describe(unpack(new.features)))
            self._new.append(new)
        self._tick()

    def _flush_if_due(self) -> None:
        if len(self._new) >= _BATCH or perf_counter() - self._flushed > _BATCH_SECONDS:
            self._flush()

    def _same_content(self, outcome: Outcome, digest: str) -> None:
        """The file was touched, something new is said of it, or it is a copy of another."""
        task, owner = outcome.task, self._owner[digest]
        if owner != task.path:
            self._drop(task.path)
            self._learn_from_copy(task.photo, owner)
            self._pass_over(task, f"same content as {native(owner)}", lasting=False)  # a copy may outlive its original
            return
        state = self.writer.files.get(task.path)
        if state is None or state.facts is None:  # in the batch that is not stored yet: named twice
            return
        now, before = self._statement(task, state), Statement.read(state.said)
        found = outcome.found
        if found is None or not now.is_new_after(before):
            self.writer.touch(task.path, task.state)
            self._leave(task)
            return
        if found.position is None and now.corrects_clock_of(before):  # or it is of another camera: who knows
            self._skip(task.photo.name, f"{outcome.reason}; it keeps the place that another --gpx-offset gave it")
        else:  # tracks that do not cover a photo have nothing to say of it
            covered = found.position is not None and found.position_source == TRACKS
            self._restate(task, state, placed_anew(found, state.facts), self._intake.tracks if covered else None)

    def _learn_from_copy(self, copy: Photo, owner: str) -> None:
        """What somebody wrote beside a copy of a photo is true of the photo too."""
        if copy.position is None:
            return
        for at, new in enumerate(self._new):
            if new.path == owner and outdoes(copy, new.photo.position_source):
                self._new[at] = replace(new, photo=by_copy(new.photo, copy))
                return
        state = self.writer.files.get(owner)
        if state is not None and state.facts is not None and outdoes(copy, state.facts["position_source"]):
            self._restated[owner] = Restated(copy, (state.size, state.mtime_ns), state.said)
            self.report.moved += 1

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
                circumstances=self._circumstances(task),
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
        restated, self._restated = self._restated, {}
        passed, self._passed = self._passed, {}
        self._flushed = perf_counter()
        fresh = {photo.path for photo in new if not self._is_stored(photo.path)}
        changed = len(new) - len(fresh)
        with unbroken():
            self.writer.put(new, self._describer.fingerprint)
            self.report.changed += changed  # counted only now that they are safe
            self.report.added += len(fresh)
            self._fresh |= fresh
            self.writer.restate(restated)
            self.writer.skip(passed)
        self._learn(only_if_large=True)

    def _is_stored(self, path: str) -> bool:
        return self.writer.files.is_stored(path)

    @property
    def _drops(self) -> bool:
        return self._store.settings.duplicates == "drop"

    def _drop_copies(self) -> None:
        """Takes near duplicates out again, and reads those whose better copy is no longer there."""
        while self._drops and self.writer.count and self._mark != self._parted:
            gallery = Gallery(self._store)
            keeper = superfluous(gallery, alike_photos(gallery, self.writer, self._workers))
            paths = {row: stored(gallery.photos[row].path) for row in {*keeper, *keeper.values()}}
            with unbroken():
                self._pass_copies({paths[row]: paths[other] for row, other in keeper.items()})
            orphans = [path for path in self._tasks_of if self._is_orphan(path)]
            if not orphans:
                return
            for path in orphans:
                self._settle(self._read(self._tasks_of[path]))
            self._flush()

    def _pass_copies(self, better: Mapping[str, str]) -> None:
        """Drops photos, and remembers of which they are near duplicates."""
        passed = {}
        for path, other in better.items():
            state, task = self.writer.files[path], self._tasks_of.get(path)
            reason, of = f"near duplicate of {native(other)}", f"{_COPY_OF}{self.writer.files[other].content_hash}"
            placed = task.photo.placed if task is not None else True
            passed[path] = FileState(state.size, state.mtime_ns, reason=reason, placed=placed, circumstances=of)
            self._skip(task.photo.name if task is not None else native(path), reason)
            if path in self._fresh:
                self._fresh.discard(path)
                self.report.added -= 1
            elif task is not None and self.report.unchanged:
                self.report.unchanged -= 1
            self._disown(path)
        self.writer.remove(*better)
        self.writer.skip(passed)

    def _is_orphan(self, path: str) -> bool:
        """Whether a photo was dropped for one that has been dropped itself since."""
        said = self.writer.files[path].circumstances if path in self.writer.files else ""
        return said.startswith(_COPY_OF) and said.removeprefix(_COPY_OF) not in self._owner

    @property
    def _mark(self) -> str:
        return mark_of_photos(self._store, drops=self._drops)

    def _learn(self, *, only_if_large: bool = False) -> None:
        learned = learn_if_due(
            self.writer, self._pipeline, self._describer, lambda: self._tell("learning"), only_if_large=only_if_large
        )
        if learned is not None:
            self._describer = learned
            self._learns_at = due_at(self.writer, self._pipeline, learned)
            self.report.learned = True
