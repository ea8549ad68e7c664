"""Rows of a damaged table: whatever can be read of its newest version, and of older ones what that has lost.

Versions are looked at through views of their own, folders with one manifest and links to the table's files, so that
nothing of a table is touched while it is read, and a version that is broken stands in no other's way.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from whence.errors import GalleryError
from whence.gallery.storage import load_lancedb
from whence.gallery.trouble import told

Row = dict[str, Any]
_AT_ONCE = 256
_MANIFEST = re.compile(r"\d+\.manifest")
_HINT = re.compile(r'"version"\s*:\s*(\d+)')


@dataclass(slots=True)
class Rescued:
    """What is left of a table.

    Attributes:
        parts: Version and row ids to keep, the newest version first.
        facts: Light columns of the rows to keep, by their key.
        bad: Rows of the newest version that cannot be read.
        lost: Light columns of these, as far as they can be read, and no older version has the rows.
        nameless: Those of which not even that is known.
        older: Rows to keep that only an older version has.
        stepped: Whether the newest version itself cannot be opened, so that it may have had more.
        hollow: Versions other than the newest whose manifests are damaged.
        why: What was wrong first, in words.
    """

    parts: list[tuple[int, list[int]]] = field(default_factory=list)
    facts: dict[str, Row] = field(default_factory=dict)
    bad: int = 0
    lost: list[Row] = field(default_factory=list)
    nameless: int = 0
    older: int = 0
    stepped: bool = False
    hollow: int = 0
    why: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the table can stay as it is."""
        return not (self.bad or self.stepped or self.older or self.hollow)


class Views:
    """Versions of one table, each to be opened by itself."""

    def __init__(self, folder: Path, name: str, scratch: Path) -> None:
        """
        Args:
            folder: Of the gallery.
            name: Of the table.
            scratch: A folder for views.
        """
        self.name, self._place, self._scratch = name, folder / f"{name}.lance", scratch
        self._tables: dict[int, Any] = {}
        found = [path for path in (self._place / "_versions").glob("*.manifest") if _MANIFEST.fullmatch(path.name)]
        self._manifests = {_version(path): path for path in found}
        self.versions = sorted(self._manifests, reverse=True)
        self.hinted = self._hinted()

    def open(self, version: int) -> Any:
        """The table as it was then; None if that cannot be told."""
        if version not in self._tables:
            self._tables[version] = self._opened(version)
        return self._tables[version]

    def _opened(self, version: int) -> Any:
        view = self._scratch / f"{self.name}-{version}" / self._place.name
        shutil.rmtree(view, ignore_errors=True)
        (view / "_versions").mkdir(parents=True)
        for child in self._place.iterdir():
            if child.name != "_versions":
                (view / child.name).symlink_to(child.absolute(), target_is_directory=child.is_dir())
        manifest = self._manifests[version]
        shutil.copyfile(manifest, view / "_versions" / manifest.name)
        try:
            table = load_lancedb().connect(view.parent).open_table(self.name)
            table.count_rows()
        except Exception:  # noqa: BLE001 -- damaged files make the library raise anything, panics of its own too
            return None
        return table

    def _hinted(self) -> int:
        """The newest version that was ever written, as far as that is noted; 0 if it is not."""
        try:
            found = _HINT.search((self._place / "_versions" / "latest_version_hint.json").read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            return 0
        return int(found[1]) if found else 0


def rescue(
    views: Views,
    key: str,
    light: Sequence[str],
    check: Callable[[Row], None],
    belongs: Callable[[Row], bool],
) -> Rescued:
    """What can be kept of a table.

    Args:
        views: Of it.
        key: Column that tells rows apart.
        light: Columns that tell what a row is, the key among them.
        check: Raises ``GalleryError`` for a row that is not what it should be.
        belongs: Whether a row that only an older version has is to be kept: it may have been removed.
    """
    found = Rescued()
    wanted: set[str] | None = None
    newest = True
    for version in views.versions:
        table = views.open(version)
        if table is None:
            found.stepped, found.hollow = found.stepped or newest, found.hollow + (not newest)
            continue
        if newest:
            found.stepped = found.stepped or views.hinted > version
            wanted = _newest(found, table, version, key, light, check)
            newest = False
        elif found.bad or found.stepped:
            _older(found, table, version, key, light, check, belongs, wanted)
    known = found.facts
    found.lost = [row for row in found.lost if row[key] not in known]
    found.stepped = found.stepped or newest
    return found


def _newest(
    found: Rescued, table: Any, version: int, key: str, light: Sequence[str], check: Callable[[Row], None]
) -> set[str] | None:
    """Takes what can be read; the keys of all rows, None if they cannot be told."""
    ids = _ids(table)
    if ids is None:
        found.bad, found.why = table.count_rows(), "which rows it has cannot be read"
        found.nameless = found.bad
        return None
    good, bad, found.why = _looked_through(table, ids, table.schema.names, check, light)
    found.parts.append((version, list(good)))
    found.facts = {row[key]: row for row in good.values()}
    found.bad = len(bad)
    known = [name for name in light if name in table.schema.names]
    named, unnamed, _ = _looked_through(table, bad, known, _anything, light)
    found.lost, found.nameless = list(named.values()), len(unnamed)
    return None if unnamed else {*found.facts, *(row[key] for row in found.lost)}


def _older(
    found: Rescued,
    table: Any,
    version: int,
    key: str,
    light: Sequence[str],
    check: Callable[[Row], None],
    belongs: Callable[[Row], bool],
    wanted: set[str] | None,
) -> None:
    """Adds what newer versions have lost."""
    ids = _ids(table)
    if ids is None:
        return
    known = [name for name in light if name in table.schema.names]
    told_of, _, _ = _looked_through(table, ids, known, _anything, light)
    fresh = [
        number
        for number, row in told_of.items()
        if row[key] not in found.facts and (wanted is None or row[key] in wanted) and belongs(row)
    ]
    good, _, _ = _looked_through(table, fresh, table.schema.names, check, light)
    for row in good.values():
        found.facts[row[key]] = row
    if good:
        found.parts.append((version, list(good)))
        found.older += len(good)
        found.nameless = max(0, found.nameless - len(good))


def rows_of(views: Views, found: Rescued, layout: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows to keep, in one layout; columns that an older version lacks are empty."""
    for version, ids in found.parts:
        table = views.open(version)
        names = [name for name in layout.names if name in table.schema.names]
        for part in _read(table, ids, names):
            columns = []
            for name in layout.names:
                kind = layout.field(name).type
                columns.append(part[name].cast(kind) if name in names else pa.nulls(len(part), kind))
            yield from pa.Table.from_arrays(columns, schema=layout).to_batches()


def _version(path: Path) -> int:
    """Names count down from the largest number of 64 bits, so that the newest comes first; older ones count up."""
    number = int(path.stem)
    return 2**64 - 1 - number if number > 2**63 else number


def _anything(row: Row) -> None:
    """Whatever can be read is good."""


def _ids(table: Any) -> list[int] | None:
    """Row ids of a version; None where what was deleted cannot be told."""
    try:
        found: list[int] = table.search().select(["_rowid"]).with_row_id(True).to_arrow()["_rowid"].to_pylist()
    except Exception:  # noqa: BLE001 -- as in Views
        return None
    return found


def _looked_through(
    table: Any, ids: Sequence[int], names: Sequence[str], check: Callable[[Row], None], light: Sequence[str]
) -> tuple[dict[int, Row], list[int], str]:
    """Light columns of the rows that can be read and stand a check; rows that do not; what was wrong first."""
    good: dict[int, Row] = {}
    bad: list[int] = []
    why = ""
    waiting = [list(ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE)][::-1]
    while waiting:
        part = waiting.pop()
        try:
            rows = [row for batch in _read(table, part, names) for row in batch.to_pylist()]
            if len(rows) != len(part) and len(part) > 1:
                raise GalleryError("rows are missing")
        except Exception as error:  # noqa: BLE001 -- as in Views
            why = why or told(error, 80)
            if len(part) == 1:
                bad += part
            else:  # halves, and halves again
                waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
            continue
        bad += [number for number in part if number not in {row["_rowid"] for row in rows}]
        for row in rows:
            number = row.pop("_rowid")
            try:
                check(row)
            except (GalleryError, UnicodeDecodeError) as error:
                why = why or told(error, 80)
                bad.append(number)
            else:
                good[number] = {name: row[name] for name in light if name in row}
    return good, bad, why


def _read(table: Any, ids: Sequence[int], names: Sequence[str]) -> Iterator[Any]:
    """Rows by their ids, each with its id; some at a time."""
    for start in range(0, len(ids), _AT_ONCE):
        yield table.take_row_ids(list(ids[start : start + _AT_ONCE])).select(list(names)).with_row_id().to_arrow()
