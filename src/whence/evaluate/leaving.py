"""Leave-one-out: photos of a gallery asked as if they, and all that would give them away, were not there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from whence.describe.looks import near_duplicates
from whence.errors import InputError
from whence.evaluate.inputs import Database
from whence.evaluate.model import Question
from whence.gallery.gallery import Gallery
from whence.gallery.storage import Storage
from whence.locate.likeness import looks_of_gallery


class Hidden:
    """Which rows of a gallery each query must not see: near duplicates of it, and perhaps its group."""

    def __init__(self, how: str, workers: int, tell: Callable[[int, int], None]) -> None:
        """
        Args:
            how: ``photo`` or ``group``.
            workers: Threads.
            tell: Called before a gallery's photos are compared.
        """
        self._groups, self._workers, self._tell = how == "group", workers, tell
        self._near: dict[Storage, list[list[tuple[int, int]]]] = {}

    @property
    def protocol(self) -> str:
        """In words."""
        left = "neither its group nor copies of it" if self._groups else "neither it nor copies of it"
        return f"every photo of the gallery asked as if {left} were there"

    def flatters(self, database: Database) -> str:
        """Why this is easier than to locate a photo of elsewhere; empty if it is not."""
        shared = Counter(photo.group for photo in database.photos if photo.group is not None)
        if self._groups or not any(count > 1 for count in shared.values()):
            return ""
        return "photos of the query's own group, taken at the same place or in the same sequence, stay in the gallery"

    def of(self, asked: Sequence[Question], gallery: Gallery) -> list[list[int]]:
        """Rows for each query that has a row in this gallery.

        Raises:
            InputError: Nothing would be left.
        """
        if gallery.folder not in self._near:
            self._tell(0, len(gallery))
            looks = looks_of_gallery(gallery, self._workers)
            self._near[gallery.folder] = near_duplicates(looks, looks)
            self._tell(len(gallery), len(gallery))
        near = self._near[gallery.folder]
        members: dict[str | None, list[int]] = {}
        for row, photo in enumerate(gallery.photos):
            if self._groups and photo.place:
                members.setdefault(photo.place, []).append(row)
        found = []
        for question in asked:
            rows = set() if question.row is None else {question.row, *(row for row, _ in near[question.row])}
            if question.row is not None:
                photo = gallery.photos[question.row]
                rows |= set(members.get(photo.place, []))
            if len(rows) >= len(gallery):
                raise InputError(
                    f"without {question.name}, its copies and its group no photo is left to find it by; "
                    "give photos other groups, or a larger database"
                )
            found.append(sorted(rows))
        return found


def rows_of(asked: Sequence[Question], gallery: Gallery) -> list[Question]:
    """The same queries with their rows in this gallery; without a row where it could not take a photo in."""
    rows = {os.path.normpath(gallery.file(row)): row for row in range(len(gallery))}
    return [replace(question, row=rows.get(os.path.normpath(question.path))) for question in asked]
