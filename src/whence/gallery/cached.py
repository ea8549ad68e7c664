"""What galleries in object storage gave before, kept on this computer: features and thumbnails of photos.

One SQLite file for all galleries. Entries are named by the gallery, by the content hash of the photo and by what made
them, so that none can become wrong; a checksum tells one that the disk has damaged. Any trouble with the file is a
cache that has nothing.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from weakref import finalize

from whence.errors import InputError

FOLDER = "WHENCE_CACHE"
"""Environment variable that names the folder of the cache."""
MEGABYTES = "WHENCE_CACHE_MB"
"""Environment variable with the most that the cache may hold; 0 for none."""
_MEGABYTES = 1024
_AT_ONCE = 256
"""Names in one statement."""
_FRESH_S = 3600
"""An entry's last use is noted no more often than that."""
_SLACK = 0.1
"""Share of the bound that goes at once when it is passed."""
_TABLE = """
CREATE TABLE IF NOT EXISTS entries (
  gallery TEXT, name TEXT, used INTEGER, size INTEGER, crc INTEGER, data BLOB, PRIMARY KEY (gallery, name)
);
CREATE INDEX IF NOT EXISTS by_use ON entries (used, size);
"""


def cache_folder() -> Path:
    """``WHENCE_CACHE``, or a cache folder of the user."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("whence", appauthor=False)


class Cache:
    """Entries of one gallery. Safe to use from many threads, and by many processes at once."""

    def __init__(self, gallery: str) -> None:
        """
        Args:
            gallery: What it is known by, the server included.

        Raises:
            InputError: The environment asks for a size that is none.
        """
        self._gallery = hashlib.blake2b(gallery.encode(), digest_size=16).hexdigest()
        self._most = _bound()
        self._using = Lock()
        self._connection = self._opened() if self._most else None
        if self._connection is not None:
            finalize(self, self._connection.close)

    def get(self, names: Iterable[str]) -> dict[str, bytes]:
        """What is there of some names."""
        found: dict[str, bytes] = {}
        old: list[str] = []
        wanted, now = list(names), int(time.time())
        with self._using, suppress(sqlite3.Error):
            if self._connection is None:
                return {}
            for start in range(0, len(wanted), _AT_ONCE):
                part = wanted[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = self._connection.execute(
                    f"SELECT name, used, crc, data FROM entries WHERE gallery = ? AND name IN ({marks})",
                    [self._gallery, *part],
                ).fetchall()
                found |= {name: data for name, _, crc, data in rows if zlib.crc32(data) == crc}
                old += [name for name, used, _, _ in rows if used < now - _FRESH_S]
            if old:
                with self._connection:
                    self._connection.executemany(
                        "UPDATE entries SET used = ? WHERE gallery = ? AND name = ?",
                        [(now, self._gallery, name) for name in old],
                    )
        return found

    def put(self, entries: Mapping[str, bytes]) -> None:
        """Keeps some; what was not used for longest goes where there is too much."""
        now = int(time.time())
        rows = [(self._gallery, name, now, len(data), zlib.crc32(data), data) for name, data in entries.items()]
        with self._using, suppress(sqlite3.Error):
            if self._connection is None or not rows:
                return
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)", rows)
                self._make_room()

    def forget(self) -> None:
        """Drops all of the gallery, and leaves none of its bytes in the file."""
        with self._using, suppress(sqlite3.Error):
            if self._connection is not None:
                with self._connection:
                    self._connection.execute("DELETE FROM entries WHERE gallery = ?", [self._gallery])
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Lets go of the file; nothing is found from then on."""
        with self._using:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _make_room(self) -> None:
        assert self._connection is not None
        (held,) = self._connection.execute("SELECT coalesce(sum(size), 0) FROM entries").fetchone()
        if held <= self._most:
            return
        excess, gone = held - (1 - _SLACK) * self._most, []
        for row, size in self._connection.execute("SELECT rowid, size FROM entries ORDER BY used, rowid"):
            if excess <= 0:
                break
            excess -= size
            gone.append((row,))
        self._connection.executemany("DELETE FROM entries WHERE rowid = ?", gone)

    def _opened(self) -> sqlite3.Connection | None:
        """The file; one that cannot be used any more is begun anew."""
        path = cache_folder() / "galleries.sqlite"
        for _ in range(2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
                connection = sqlite3.connect(path, timeout=5, check_same_thread=False)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA secure_delete = ON")
                connection.executescript(_TABLE)
                return connection
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # locked, full, read-only
                    return None
                for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                    part.unlink(missing_ok=True)
            except OSError:
                return None
        return None


def _bound() -> int:
    """Bytes."""
    said = os.environ.get(MEGABYTES)
    if said is None or not said.strip():
        return _MEGABYTES * 10**6
    if not said.strip().isdecimal():
        raise InputError(f"{MEGABYTES}={said}: expected a whole number of megabytes, 0 for no cache")
    return int(said) * 10**6
