"""Near duplicates that a gallery leaves out: which they are, and which come back when what they copied is gone."""

from __future__ import annotations

from collections.abc import Container

from whence.gallery.gallery import Gallery
from whence.gallery.rows import FileState
from whence.gallery.store import Store
from whence.gallery.writer import Writer
from whence.locate.bursts import superfluous
from whence.locate.finishing import mark_of_photos
from whence.locate.likeness import alike_photos
from whence.locate.reading import Task
from whence.photos.names import native, stored

_COPY_OF = "copy-of:"
"""Before the content hash of the photo that another was dropped for."""


class Copies:
    """Of one index run; where copies are kept there is nothing to do."""

    def __init__(self, store: Store, writer: Writer, workers: int) -> None:
        self._store, self._writer, self._workers = store, writer, workers
        self._tasks: dict[str, Task] = {}
        self._tried: set[tuple[str, str]] = set()

    @property
    def are_dropped(self) -> bool:
        """Whether the gallery leaves copies out."""
        return self._store.settings.duplicates == "drop"

    @property
    def mark(self) -> str:
        """See ``mark_of_photos``."""
        return mark_of_photos(self._store, drops=self.are_dropped)

    def expect(self, task: Task) -> None:
        """A photo of the run, which may have to be read again."""
        if self.are_dropped:
            self._tasks[task.path] = task

    def task(self, path: str) -> Task | None:
        """What was expected at a path."""
        return self._tasks.get(path)

    def still(self, passed: FileState, there: Container[str]) -> bool | None:
        """Whether a photo that was dropped as a copy is to stay out; None for one that was not dropped as such.

        Args:
            passed: What was remembered of it.
            there: Content hashes of the gallery.
        """
        if not passed.circumstances.startswith(_COPY_OF):
            return None
        return self.are_dropped and passed.circumstances.removeprefix(_COPY_OF) in there

    def superfluous(self) -> dict[str, FileState]:
        """Stored photos that are copies of one that stays, and what to remember of them."""
        gallery = Gallery(self._store)
        keeper = superfluous(gallery, alike_photos(gallery, self._writer, self._workers))
        found = {}
        for row, better in keeper.items():
            path, other = (stored(gallery.photos[at].path) for at in (row, better))
            state, task = self._writer.files[path], self.task(path)
            found[path] = FileState(
                state.size,
                state.mtime_ns,
                reason=f"near duplicate of {native(other)}",
                placed=task.photo.placed if task is not None else True,
                circumstances=f"{_COPY_OF}{self._writer.files[other].content_hash}",
            )
        return found

    def orphans(self, there: Container[str]) -> list[Task]:
        """Photos that were dropped for one that is gone itself, each once: one may have no place even now.

        Args:
            there: Content hashes of the gallery.
        """
        known = self._writer.files
        found = {
            (path, known[path].circumstances): task
            for path, task in self._tasks.items()
            if path in known and self.still(known[path], there) is False
        }
        fresh = [task for key, task in found.items() if key not in self._tried]
        self._tried.update(found)
        return fresh
