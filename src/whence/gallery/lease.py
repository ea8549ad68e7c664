"""The one writer of a gallery in object storage: an object that says who writes, written anew every few seconds.

Every write of the object has a condition (that there is none, or that it is still the one last seen), which the store
checks: of two who try at once one is told that it came late. Nobody's clock is compared with another's. Who finds the
object watches whether it changes; if not for as long as a writer may be silent, its writer is taken to be dead. One on
the same computer needs no watching: the system gives a lock file up when its process ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from whence.errors import GalleryBusyError, GalleryError
from whence.gallery.cached import cache_folder
from whence.photos import files

BEAT_S = 5.0
"""From one writing of the object to the next."""
SILENT_S = 30.0
"""After so long without one a writer counts as dead, to itself too."""
_LOOK_S = 1.0
"""From one look at another writer's object to the next."""


class Lease:
    """The right to write, for as long as it is renewed."""

    def __init__(self, objects: Any, key: str, place: str, machine: str) -> None:
        """
        Args:
            objects: obstore's store.
            key: Of the object.
            place: Of the gallery, for messages.
            machine: What this computer is known by.
        """
        self._objects, self._key, self._place = objects, key, place
        self._said = {"machine": machine, "owner": uuid4().hex, "process": os.getpid(), "host": socket.gethostname()}
        self._beats = 0
        self._mark: Any = None
        self._renewed = _now()
        self._lost = False
        self._ended = Event()
        self._thread = Thread(target=self._keep, name="whence-lease", daemon=True)

    def take(self) -> None:
        """
        Raises:
            GalleryBusyError: Another one writes.
            GalleryError: The store heeds no conditions.
        """
        while not self._put("create"):
            self._take_over()
            if self._mark is not None:
                break
        if self._put("create", keep=False):
            raise GalleryError(
                f"the store of {self._place} writes whatever the condition (If-None-Match), so that two writers would "
                "undo each other's work; gallery refused"
            )
        self._thread.start()

    def give_back(self) -> None:
        """Says that nobody writes. If that fails, the next writer waits until silence has lasted long enough."""
        from obstore.exceptions import BaseError

        self._ended.set()
        self._thread.join()
        if self._lost:
            return
        self._said = {"machine": "", "owner": ""}
        with suppress(BaseError, OSError):  # what was written is written, and must not be called failed
            self._put(self._mark)

    def assure(self) -> None:
        """
        Raises:
            GalleryBusyError: The right is lost, or nobody knows.
        """
        if self._lost or _now() - self._renewed > SILENT_S:
            raise GalleryBusyError(
                f"this process was cut off from {self._place} for too long, and another one may be writing; what is "
                "stored is whole: run the same command again to go on"
            )

    def _take_over(self) -> None:
        """Puts this writer in the place of one that is done or dead; returns without, where the object is gone."""
        found = self._read()
        if found is None:
            return
        said, mark = found
        if said.get("owner") == self._said["owner"]:  # our own, though its answer was lost
            self._mark = mark
            return
        dead = not said.get("owner") or said.get("machine") == self._said["machine"]
        end = _now() + SILENT_S
        while not dead and _now() < end:
            time.sleep(_LOOK_S)
            again = self._read()
            if again is None:
                return
            if again[1] != mark:
                raise self._busy(said)
        if not self._put(mark):
            raise self._busy(said)

    def _busy(self, said: dict[str, Any]) -> GalleryBusyError:
        who = f" (process {said.get('process')} on {said.get('host')})" if said.get("host") else ""
        return GalleryBusyError(f"{self._place} is being written by another process{who}; try again when it is done")

    def _put(self, mode: Any, *, keep: bool = True) -> bool:
        """Writes the object under a condition; whether it was met."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError

        self._beats += 1
        said = json.dumps({**self._said, "beat": self._beats}).encode()
        begun = _now()
        try:
            mark = obstore.put(self._objects, self._key, said, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            return False
        except (NotFoundError, FileNotFoundError):
            if mode == "create":  # the bucket is gone, not the object
                raise
            return False
        if keep:
            self._mark, self._renewed = _marked(mark), begun
        return True

    def _read(self) -> tuple[dict[str, Any], Any] | None:
        """What the object says, and which version of it that is; None where there is none."""
        import obstore

        try:
            found = obstore.get(self._objects, self._key)
            text = bytes(found.bytes())
        except FileNotFoundError:
            return None
        try:
            said = json.loads(text or b"{}")  # a lock file that was copied here is empty, and means nothing
        except ValueError:
            said = {"owner": "unknown"}
        return said if isinstance(said, dict) else {"owner": "unknown"}, _marked(found.meta)

    def _keep(self) -> None:
        from obstore.exceptions import BaseError

        while not self._ended.wait(BEAT_S):
            with suppress(BaseError, OSError):  # the network may come back before silence has lasted too long
                if self._put(self._mark):
                    continue
                found = self._read()
                if found is None or found[0].get("owner") != self._said["owner"]:
                    self._lost = True
                    return
                self._mark = found[1]  # written, though the answer was lost


@contextmanager
def leased(objects: Any, key: str, place: str, endpoint: str) -> Iterator[Lease]:
    """Makes this process the only writer of a gallery in object storage, until the context ends.

    Args:
        objects: obstore's store.
        key: Of the object that says so.
        place: Of the gallery.
        endpoint: Of the store, where it is not the provider's own.

    Raises:
        GalleryBusyError: Another one writes.
    """
    held, machine = _here(f"{endpoint} {place}")
    if held is None:
        raise GalleryBusyError(f"{place} is being written by another process; try again when it is done")
    with held:
        lease = Lease(objects, key, place, machine)
        lease.take()
        try:
            yield lease
        finally:
            lease.give_back()


def _here(place: str) -> tuple[AbstractContextManager[object] | None, str]:
    """A lock among this user's processes on this computer, and a name for these; a fresh one where none can be kept."""
    try:
        folder = cache_folder() / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        held = files.hold(folder / f"{hashlib.blake2b(place.encode(), digest_size=12).hexdigest()}.lock")
        known = folder / "computer"
        if held is not None and not known.exists():
            files.write(known, uuid4().hex.encode())
        return held, known.read_text("ascii") if held is not None else ""
    except (OSError, UnicodeDecodeError):
        return nullcontext(), uuid4().hex


def _marked(found: Any) -> dict[str, Any]:
    """What a condition names a version by."""
    return {name: found[name] for name in ("e_tag", "version") if found[name] is not None}


def _now() -> float:
    """Seconds; goes on while the computer sleeps, where the system can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
