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
from dataclasses import dataclass
from pathlib import Path

from whence.audit.contributing import decided, judged, review, waiting
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
from whence.web.options import MEGABYTE
from whence.web.problems import ProblemError, no_room

_log = logging.getLogger(__name__)
_AGAIN_S = 20.0
"""Seconds until what failed, such as for a gallery that another process writes to, is tried again."""
_LOOK_S = 30.0
"""Seconds until it is looked again for what other processes did."""
_FRESH, _DECIDED = ".new.json", ".decided.json"


@dataclass(frozen=True, slots=True, eq=False)
class _Decision:
    """Of a reviewer, on what was said of a photo then."""

    admit: bool
    version: str


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
            most_mb: Files of all that wait to be decided on.
            workers: Threads.
            grown: Called when the gallery has got new photos.

        Raises:
            InputError: The folder cannot be used.
        """
        self._folder, self._gallery, self._reader, self._grown = folder, Storage.of(gallery), reader, grown
        self._most, self._workers = most_mb * MEGABYTE, workers
        self._lock = threading.Lock()
        self._deciding: dict[str, _Decision] = {}
        self._bell, self._closing = threading.Event(), False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fresh = {one.id: one for one in map(_left, folder.glob(f"*{_FRESH}")) if one is not None}
            self._deciding.update(pair for pair in map(_decision, folder.glob(f"*{_DECIDED}")) if pair is not None)
        except OSError as error:
            raise InputError(f"--contributions {folder} cannot be used: {error.strerror}") from error
        self._thread = threading.Thread(target=self._work, name="whence-contributions", daemon=True)
        self._thread.start()
        self._bell.set()

    def add(self, photo: Photo, data: bytes) -> Contribution:
        """Keeps a photo, to be judged. One that is in the gallery already, or about to be, is told as it is.

        Args:
            photo: What is known of it, its position above all.
            data: Its file.

        Raises:
            ProblemError: There is no room for it.
        """
        id = files.content_hash(data)
        one = Contribution.of(photo, id, str(self._folder.absolute() / f"{id}.{sniff(data).lower()}"))
        known = self._known()
        if id in known and known[id].verdict in (Verdict.ADMIT, Verdict.ADMITTED) and Path(known[id].path).exists():
            return known[id]
        with self._lock:
            undecided = {one.path for one in (*known.values(), *self._fresh.values()) if _counts(one)}
            if sum(_size(path) for path in undecided) + len(data) > self._most:
                raise no_room()
            try:
                files.write(Path(one.path), data)
                files.write(self._note(id), _said(one))
            except OSError as error:
                if id not in known and id not in self._fresh:
                    Path(one.path).unlink(missing_ok=True)
                raise no_room() from error
            self._fresh[id] = one
        self._bell.set()
        return one

    def get(self, id: str) -> Contribution:
        """One, as far as it is.

        Raises:
            ProblemError: 404.
        """
        with self._lock:
            fresh, decision = self._fresh.get(id), self._deciding.get(id)
        found = self._known().get(id)
        if fresh is not None and not (found and found.facts == fresh.facts and found.verdict is not Verdict.REFUSED):
            return fresh
        if found is None:
            raise ProblemError(404, "no-contribution", "no such contribution")
        return found if decision is None else decided(found, admit=decision.admit)

    def queue(self) -> list[Contribution]:
        """Those that a person has to decide on."""
        with self._lock:
            gone = set(self._deciding)
        return [one for one in waiting(self._gallery) if one.id not in gone]

    def decide(self, id: str, version: str, *, admit: bool) -> Contribution:
        """Admits or refuses one.

        Args:
            id: Of its content.
            version: Of what the reviewer was told of it.
            admit: Or refuse.

        Raises:
            ProblemError: 404 where there is none, 409 where nobody has to decide on it, or it has another position by
                now; 507 where that cannot be kept.
        """
        found = self.get(id)
        if found.verdict is not Verdict.REVIEW:
            raise ProblemError(409, "decided", f"it does not wait for a decision: {found.verdict.value}")
        if found.version != version:
            raise ProblemError(409, "changed", "it was brought again with another position; look at it again")
        with self._lock:
            try:
                said = json.dumps({"id": id, "admit": admit, "version": version})
                files.write(self._folder / f"{id}{_DECIDED}", said.encode())
            except OSError as error:
                raise no_room() from error
            self._deciding[id] = _Decision(admit, version)
        self._bell.set()
        return decided(found, admit=admit)

    def file(self, id: str) -> bytes:
        """Of one that waits for a decision.

        Raises:
            ProblemError: 404.
            PhotoError: It cannot be read.
        """
        found = self.get(id)
        if found.verdict is not Verdict.REVIEW:
            raise ProblemError(404, "no-picture", "only photos that wait for a decision are shown")
        data = files.read(Path(found.path))
        if files.content_hash(data) != id:
            raise ProblemError(404, "no-picture", "its file was changed since it was brought")
        return data

    def close(self) -> None:
        """Leaves the rest to the next server; a run of the index that is cut short loses nothing."""
        self._closing = True
        self._bell.set()

    def _work(self) -> None:
        pause_s = _LOOK_S
        while not self._closing:
            self._bell.wait(pause_s)
            self._bell.clear()
            try:
                while not self._closing and self._step():
                    pass
                pause_s = _LOOK_S
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
        known = self._known()
        pending = any(one.verdict in (Verdict.WAITING, Verdict.ADMIT) for one in known.values() if self._is_ours(one))
        done: list[Contribution] = []
        if fresh or pending:
            done += judged(list(fresh.values()), self._gallery, workers=self._workers, reader=self._reader)
        if deciding:
            known = self._known()
            due = {
                id: one.admit
                for id, one in deciding.items()
                if id in known and known[id].verdict is Verdict.REVIEW and known[id].version == one.version
            }
            yes, no = [id for id in due if due[id]], [id for id in due if not due[id]]
            if due:
                done += review(self._gallery, admit=yes, refuse=no, workers=self._workers, reader=self._reader)
        with self._lock:
            for one in fresh.values():
                if self._fresh.get(one.id) is one:  # not brought again meanwhile, with another pin
                    self._note(one.id).unlink(missing_ok=True)
                    del self._fresh[one.id]
            for id, decision in deciding.items():
                if self._deciding.get(id) is decision:
                    (self._folder / f"{id}{_DECIDED}").unlink(missing_ok=True)
                    del self._deciding[id]
            for one in self._known().values():  # by other processes too
                if one.verdict is Verdict.REFUSED and one.id not in self._fresh and self._is_ours(one):
                    Path(one.path).unlink(missing_ok=True)
        if any(one.verdict is Verdict.ADMITTED for one in done):
            self._grown()
        return bool(fresh or pending or deciding)

    def _known(self) -> dict[str, Contribution]:
        return {one.id: one for one in contributions(Store.open(self._gallery))}

    def _is_ours(self, one: Contribution) -> bool:
        return Path(one.path).parent == self._folder.absolute()

    def _note(self, id: str) -> Path:
        return self._folder / f"{id}{_FRESH}"


def _said(one: Contribution) -> bytes:
    return json.dumps({"id": one.id, "path": stored(one.path), "facts": dict(one.facts)}).encode()


def _left(note: Path) -> Contribution | None:
    """What an earlier server kept; None for what is none of it."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(note.read_bytes())
        return Contribution(said["id"], native(said["path"]), Verdict.WAITING, facts=dict(said["facts"]))
    return None


def _decision(note: Path) -> tuple[str, _Decision] | None:
    """What an earlier server was told, and did not do yet."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(note.read_bytes())
        return str(said["id"]), _Decision(bool(said["admit"]), str(said["version"]))
    return None


def _counts(one: Contribution) -> bool:
    """Whether its file takes room until somebody decides."""
    return one.verdict not in (Verdict.ADMITTED, Verdict.REFUSED)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
