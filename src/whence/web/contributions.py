"""Photos that others bring: kept in a folder of the server's, judged in the background, decided on by a reviewer.

A photo is a file named by its content, with what was said of it beside it, and neither is ever half there. It waits in
the folder until the gallery's quarantine has it; from then on the quarantine tells what becomes of it, to other
processes too. What is refused is deleted.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from whence.audit.contributing import judged, review, waiting
from whence.errors import InputError, WhenceError
from whence.gallery.quarantine import Contribution, Verdict, contributions
from whence.gallery.storage import Storage
from whence.gallery.store import Store
from whence.locate.reading import Reader
from whence.photos import files
from whence.photos.names import native, stored
from whence.photos.pillow import sniff
from whence.types import Photo
from whence.web.decoding import ClosedError
from whence.web.problems import ProblemError, no_room

_log = logging.getLogger(__name__)
_MEGABYTE = 1024**2
_AGAIN_S = 20.0
"""Seconds until what failed, such as for a gallery that another process writes to, is tried again."""
_FRESH = ".new.json"


class Contributions:
    """Of one gallery and one server. Safe to use from many threads."""

    def __init__(
        self,
        folder: Path,
        gallery: str | os.PathLike[str] | Storage,
        reader: Reader,
        *,
        most_mb: int,
        workers: int,
        grown: Callable[[], None],
    ) -> None:
        """Goes on with what an earlier server left.

        Args:
            folder: For the files; made if it is not there.
            gallery: Its folder, or its address in object storage.
            reader: What makes pixels of the files.
            most_mb: All files together.
            workers: Threads.
            grown: Called when the gallery has got new photos.

        Raises:
            InputError: The folder cannot be used.
        """
        self._folder, self._gallery, self._reader, self._grown = folder, Storage.of(gallery), reader, grown
        self._most, self._workers = most_mb * _MEGABYTE, workers
        self._lock = threading.Lock()
        self._deciding: dict[str, bool] = {}
        self._bell, self._closing = threading.Event(), False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fresh = {one.id: one for one in map(_left, folder.glob(f"*{_FRESH}")) if one is not None}
        except OSError as error:
            raise InputError(f"--contributions {folder} cannot be used: {error.strerror}") from error
        self._thread = threading.Thread(target=self._work, name="whence-contributions", daemon=True)
        self._thread.start()
        self._bell.set()

    def add(self, photo: Photo, data: bytes) -> Contribution:
        """Keeps a photo, to be judged.

        Args:
            photo: What is known of it, its position above all.
            data: Its file.

        Raises:
            ProblemError: There is no room for it.
        """
        id = files.content_hash(data)
        path = self._folder.absolute() / f"{id}.{sniff(data).lower()}"
        one = Contribution.of(photo, id, str(path))
        with self._lock:
            if sum(file.stat().st_size for file in self._folder.iterdir()) + len(data) > self._most:
                raise no_room()
            try:
                files.write(path, data)
                files.write(self._note(one.id), _said(one))
            except OSError as error:
                raise no_room() from error
            self._fresh[one.id] = one
        self._bell.set()
        return one

    def get(self, id: str) -> Contribution:
        """One, as far as it is.

        Raises:
            ProblemError: 404.
        """
        with self._lock:
            fresh, admit = self._fresh.get(id), self._deciding.get(id)
        found = {one.id: one for one in contributions(Store.open(self._gallery))}.get(id)
        if fresh is not None and (found is None or dict(found.facts) != dict(fresh.facts)):
            return fresh
        if found is None:
            raise ProblemError(404, "no-contribution", "no such contribution")
        return found if admit is None else _decided(found, admit)

    def queue(self) -> list[Contribution]:
        """Those that a person has to decide on."""
        with self._lock:
            gone = set(self._deciding)
        return [one for one in waiting(self._gallery) if one.id not in gone]

    def decide(self, id: str, *, admit: bool) -> Contribution:
        """Admits or refuses one.

        Raises:
            ProblemError: 404 where there is none, 409 where nobody has to decide on it.
        """
        found = self.get(id)
        if found.verdict is not Verdict.REVIEW:
            raise ProblemError(409, "decided", f"it does not wait for a decision: {found.verdict.value}")
        with self._lock:
            self._deciding[id] = admit
        self._bell.set()
        return _decided(found, admit)

    def file(self, id: str) -> bytes:
        """Of one that waits for a decision.

        Raises:
            ProblemError: 404.
            PhotoError: It cannot be read.
        """
        found = self.get(id)
        if found.verdict is not Verdict.REVIEW:
            raise ProblemError(404, "no-picture", "only photos that wait for a decision are shown")
        return files.read(Path(found.path))

    def close(self) -> None:
        """Leaves the rest to the next server; a run of the index that is cut short loses nothing."""
        self._closing = True
        self._bell.set()

    def _work(self) -> None:
        pause_s: float | None = None
        while not self._closing:
            self._bell.wait(pause_s)
            self._bell.clear()
            try:
                while not self._closing and self._step():
                    pass
                pause_s = None
            except ClosedError:
                return
            except WhenceError as error:
                _log.warning("contributions cannot be judged now: %s", error)
                pause_s = _AGAIN_S
            except Exception:  # noqa: BLE001 -- of any library, and nothing that ends the thread
                _log.exception("contributions cannot be judged")
                pause_s = _AGAIN_S

    def _step(self) -> bool:
        """Judges what came, and does what was decided; whether there was anything."""
        with self._lock:
            fresh, deciding = dict(self._fresh), dict(self._deciding)
        left = [one for one in contributions(Store.open(self._gallery)) if self._is_ours(one)]
        pending = any(one.verdict in (Verdict.WAITING, Verdict.ADMIT) for one in left)
        if not (fresh or deciding or pending):
            return False
        known = {one.id for one in waiting(self._gallery)}
        done = []
        if fresh or pending:
            done += judged(list(fresh.values()), self._gallery, workers=self._workers, reader=self._reader)
        yes = [id for id, admit in deciding.items() if admit and id in known]
        no = [id for id, admit in deciding.items() if not admit and id in known]
        if yes or no:
            done += review(self._gallery, admit=yes, refuse=no, workers=self._workers, reader=self._reader)
        with self._lock:
            for one in fresh.values():
                if self._fresh.get(one.id) is one:  # not brought again meanwhile, with another pin
                    self._note(one.id).unlink(missing_ok=True)
                    del self._fresh[one.id]
            for one in done:
                if one.verdict is Verdict.REFUSED and one.id not in self._fresh and self._is_ours(one):
                    Path(one.path).unlink(missing_ok=True)
            for id in deciding:
                del self._deciding[id]
        if any(one.verdict is Verdict.ADMITTED for one in done):
            self._grown()
        return True

    def _is_ours(self, one: Contribution) -> bool:
        return Path(one.path).parent == self._folder.absolute()

    def _note(self, id: str) -> Path:
        return self._folder / f"{id}{_FRESH}"


def _decided(one: Contribution, admit: bool) -> Contribution:
    verdict = Verdict.ADMIT if admit else Verdict.REFUSED
    words = "admitted by review" if admit else "refused by review"
    return Contribution(one.id, one.path, verdict, words, one.facts, one.off_m, one.witnesses)


def _said(one: Contribution) -> bytes:
    return json.dumps({"id": one.id, "path": stored(one.path), "facts": dict(one.facts)}).encode()


def _left(note: Path) -> Contribution | None:
    """What an earlier server kept; None for what is none of it."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(note.read_bytes())
        return Contribution(said["id"], native(said["path"]), Verdict.WAITING, facts=dict(said["facts"]))
    return None
