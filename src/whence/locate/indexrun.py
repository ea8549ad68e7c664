"""One run of indexing: plans, has photos read, and stores them in the order of the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import whence
from whence.cluster import Cluster
from whence.errors import PhotoError
from whence.gallery.codec import unpack
from whence.gallery.gallery import Gallery
from whence.gallery.rows import FileState, NewPhoto, Restated
from whence.gallery.store import Store
from whence.gallery.trouble import unbroken
from whence.gallery.writer import Writer
from whence.locate.copies import Copies
from whence.locate.describing import ByCluster, ByThreads, Source
from whence.locate.finishing import calibrate, follow_extent, part_bursts
from whence.locate.intake import Intake
from whence.locate.learning import due_at, learn_if_due
from whence.locate.moves import made_relative, moves
from whence.locate.pipeline import Pipeline
from whence.locate.placing import Statement, by_copy, circumstances, outdoes, placed_anew
from whence.locate.progress import IndexReport, Progress
from whence.locate.reading import Outcome, Reader, Task, read_photo, stored_path
from whence.locate.roots import check_moved, moved_to, normal
from whence.photos import files
from whence.photos.names import native, stored
from whence.photos.tracks import SOURCE as TRACKS
from whence.photos.tracks import Tracks
from whence.types import Photo, Skipped

_BATCH, _BATCH_SECONDS = 128, 15.0


class IndexRun:
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
        self._copies = Copies(store, self.writer, workers)
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
        part_bursts(self._store, self.writer, self._copies.mark, self._parted, self._workers)
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
            self._copies.expect(task)
            if not self._known(task):
                yield task

    def _known(self, task: Task) -> bool:
        """Whether the file is as it was, and nothing new is said of it that only a look into it can settle."""
        state = self.writer.files.get(task.path)
        if state is None:
            return False
        passed = state if state.reason else state.passed
        if passed is not None and (passed.size, passed.mtime_ns) == task.state:
            holds = self._copies.still(passed, self._owner)
            if holds is None:  # it was passed over for another reason
                holds = passed.circumstances == self._circumstances(task)
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

    def _drop_copies(self) -> None:
        """Takes near duplicates out again, and reads those whose better copy is no longer there."""
        while self._copies.are_dropped and self.writer.count and self._copies.mark != self._parted:
            passed = self._copies.superfluous()
            with unbroken():
                for path, state in passed.items():
                    self._uncount(path, state.reason)
                self.writer.remove(*passed)
                self.writer.skip(passed)
            orphans = self._copies.orphans(self._owner)
            if not orphans:
                return
            again = {task.photo.name for task in orphans}
            self.report.skipped = [skipped for skipped in self.report.skipped if skipped.name not in again]
            for task in orphans:
                self._settle(self._read(task))
            self._flush()

    def _uncount(self, path: str, reason: str) -> None:
        """A photo is a copy of another, and leaves the gallery."""
        task = self._copies.task(path)
        self._skip(task.photo.name if task is not None else native(path), reason)
        if path in self._fresh:
            self._fresh.discard(path)
            self.report.added -= 1
        elif task is not None and self.report.unchanged:
            self.report.unchanged -= 1
        self._disown(path)

    def _learn(self, *, only_if_large: bool = False) -> None:
        learned = learn_if_due(
            self.writer, self._pipeline, self._describer, lambda: self._tell("learning"), only_if_large=only_if_large
        )
        if learned is not None:
            self._describer = learned
            self._learns_at = due_at(self.writer, self._pipeline, learned)
            self.report.learned = True
