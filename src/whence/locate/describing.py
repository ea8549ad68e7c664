"""Who reads and describes photos for indexing: threads of this process, or the workers of a cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from whence.cluster import Cluster
from whence.errors import ModelMismatchError
from whence.gallery import fragments
from whence.gallery.store import Store
from whence.locate.pipeline import Pipeline
from whence.locate.reading import Outcome, Task, read_photo
from whence.photos.threads import one_thread_each
from whence.photos.tracks import Tracks
from whence.plugins import Describer
from whence.recipes import Recipe

_AHEAD = 3
"""Tasks in flight per thread."""

Pieces = Generator[list[Outcome]]
"""Outcomes in the order of their tasks, some at a time. What comes together is best stored together."""


class Source(Protocol):
    """A source of described photos."""

    def outcomes(self, tasks: Iterable[Task], /) -> Pieces:
        """What becomes of each task. Tasks are taken as they are needed."""
        ...


class ByThreads:
    """Threads of this process, one photo each."""

    def __init__(self, read: Callable[[Task], Outcome], threads: int) -> None:
        self._read, self._threads = read, threads

    def outcomes(self, tasks: Iterable[Task], /) -> Pieces:
        """See ``Source``."""
        waiting: deque[Future[Outcome]] = deque()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="whence-index") as threads:
            try:
                for task in tasks:
                    waiting.append(threads.submit(self._read, task))
                    if len(waiting) >= self._threads * _AHEAD:
                        yield [waiting.popleft().result()]
                while waiting:
                    yield [waiting.popleft().result()]
            finally:
                for future in waiting:
                    future.cancel()


class ByCluster:
    """Workers of a cluster. Each writes the rows of its photos as a fragment of the gallery's table."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        pipeline: Pipeline,
        describer: Callable[[], Describer],
        known: Callable[[str], str],
        thumbnails: bool,
        tracks: Tracks | None,
    ) -> None:
        """
        Args:
            cluster: Joined.
            store: Of the gallery, which has a table of photos.
            pipeline: Of its recipe.
            describer: The one in use now.
            known: Content hash of the photo stored under a path; empty if there is none.
            thumbnails: Whether to keep small pictures.
            tracks: Where to look up photos that nothing else places.
        """
        self._cluster, self._store, self._pipeline = cluster, store, pipeline
        self._describer, self._known, self._thumbnails, self._tracks = describer, known, thumbnails, tracks
        self._job: DescribeJob | None = None
        self._of: Describer | None = None

    def outcomes(self, tasks: Iterable[Task], /) -> Pieces:
        """See ``Source``."""
        asked = (Errand.of(task, self._known(task.path)) for task in tasks)
        for errands, outcomes in self._cluster.spread(asked, self._job_now, _lost):
            yield [
                replace(outcome, task=errand.task, describer=self._of)
                for errand, outcome in zip(errands, outcomes, strict=True)
            ]

    def _job_now(self) -> DescribeJob:
        """The same one as long as the describer is the same: in the middle of a run the gallery may learn another."""
        now = self._describer()
        if self._job is None or self._of is not now:
            seeing = self._pipeline.seeing
            is_shipped = now.fingerprint == seeing.shipped.fingerprint
            self._of, self._job = (
                now,
                DescribeJob(
                    fragments.folder_of(self._store.folder).absolute(),
                    self._pipeline.recipe,
                    seeing.fingerprint,
                    now.fingerprint,
                    None if is_shipped else now.arrays(),
                    self._thumbnails,
                    self._tracks,
                ),
            )
        return self._job


@dataclass(frozen=True, slots=True)
class Errand:
    """A task for another process.

    Attributes:
        task: As it was given.
        path: Absolute: workers stand elsewhere.
        known: Content hash of the photo stored under the task's path; empty if there is none.
    """

    task: Task
    path: Path
    known: str

    @classmethod
    def of(cls, task: Task, known: str) -> Errand:
        """For a task that is given here."""
        return cls(task, task.photo.path.absolute(), known)


@dataclass(frozen=True, eq=False)
class DescribeJob:
    """What every worker does, in a process of its own."""

    folder: Path
    recipe: Recipe
    extractor: str
    model: str
    learned: Mapping[str, NDArray[Any]] | None
    thumbnails: bool
    tracks: Tracks | None

    def __call__(self, errands: Sequence[Errand], /) -> list[Outcome]:
        """Outcomes without pixels and features, which lie in a fragment of the gallery now."""
        with one_thread_each:
            outcomes = [self._read(errand) for errand in errands]
        staged = iter(fragments.stage(self.folder, [outcome.new for outcome in outcomes if outcome.new is not None]))
        return [outcome if outcome.new is None else replace(outcome, new=next(staged)) for outcome in outcomes]

    def _read(self, errand: Errand) -> Outcome:
        pipeline, describer = self._ready
        task = replace(errand.task, photo=replace(errand.task.photo, path=errand.path))
        outcome = read_photo(task, pipeline, describer, errand.known.__eq__, self.thumbnails, self.tracks)
        return replace(outcome, describer=None)

    @cached_property
    def _ready(self) -> tuple[Pipeline, Describer]:
        pipeline = Pipeline(self.recipe)
        seeing = pipeline.seeing
        describer = seeing.shipped if self.learned is None else seeing.restored(self.learned)
        if (seeing.fingerprint, describer.fingerprint) != (self.extractor, self.model):
            raise ModelMismatchError(
                f"a worker of the cluster describes photos by {seeing.fingerprint} and {describer.fingerprint}, the "
                f"gallery {self.folder} by {self.extractor} and {self.model}; install the same versions of whence and "
                "its libraries on all machines"
            )
        return pipeline, describer


def _lost(errand: Errand) -> Outcome:
    return Outcome(errand.task, None, reason="every worker that read it died or failed; Ray's logs say of what")
