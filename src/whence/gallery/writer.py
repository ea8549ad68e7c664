"""Writing to a gallery, under its lock: photos, descriptors, models, and what was passed over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence.gallery import fragments, schema
from whence.gallery.approximate import keep_codes
from whence.gallery.artefacts import pack_arrays, unpack_arrays
from whence.gallery.codec import unpack
from whence.gallery.gallery import trials_name
from whence.gallery.known import COLUMNS, KnownFiles
from whence.gallery.light import BURSTS, forget_light, keep_light
from whence.gallery.rows import FileState, NewPhoto, Restated, facts_of, row_of, said_of, state_columns
from whence.gallery.store import Store
from whence.gallery.sums import PLAIN, resealed
from whence.gallery.tidying import tidy
from whence.gallery.trouble import unbroken
from whence.types import FloatArray, LocalFeatures

_STREAM = 256
"""Photos read at a time when all are described anew."""


class Writer:
    """The one writer of a gallery. Every method is one transaction per table, complete or not at all."""

    def __init__(self, store: Store, written_by: str) -> None:
        self.store = store
        self._written_by = written_by
        store.raise_version()
        self._add_missing_columns()
        self.files = KnownFiles(self._stored(), self._skipped())

    def _skipped(self) -> dict[str, FileState]:
        table = self.store.table(schema.SKIPPED)
        found: dict[str, FileState] = {}
        for row in [] if table is None else table.to_arrow().to_pylist():
            written_by, _, circumstances = row["written_by"].partition(" ")
            if written_by == self._written_by:  # a newer whence may read what an older one could not
                found[row["path"]] = FileState(
                    row["size"],
                    row["mtime_ns"],
                    reason=row["reason"],
                    placed=row["placed"],
                    circumstances=circumstances,
                )
        return found

    def _stored(self) -> pa.Table | None:
        table = self.store.table(schema.PHOTOS)
        if table is None:
            return None
        return table.search().select(list(COLUMNS)).to_arrow()

    def _add_missing_columns(self) -> None:
        """A gallery written by an older whence gets the columns that came since, without values."""
        for name, layout in ((schema.PHOTOS, schema.PHOTOS_SCHEMA), (schema.DESCRIPTORS, schema.descriptors_schema(1))):
            table: Any = self.store.table(name)
            missing = [] if table is None else [column for column in layout if column.name not in table.schema.names]
            if missing:
                table.add_columns(pa.schema(missing))

    @property
    def count(self) -> int:
        """Photos stored."""
        return self.files.count

    @property
    def owner(self) -> Mapping[str, str]:
        """Path by content hash; it changes with what is stored."""
        return self.files.owner

    def put(self, photos: Sequence[NewPhoto], model: str) -> None:
        """Stores photos; one at a path that is there already takes its place."""
        if not photos:
            return
        replaced = [self.files[p.path].content_hash for p in photos if p.path in self.files]
        if any(photo.staged for photo in photos) and not any(replaced):
            fragments.append(self._local, photos)
        else:
            rows = pa.Table.from_pylist([row_of(photo) for photo in self.whole(photos)], schema=schema.PHOTOS_SCHEMA)
            self._upsert(rows, any(replaced))
        vectors = np.stack([photo.vector for photo in photos])
        self.store.append(schema.DESCRIPTORS, schema.descriptor_table([p.content_hash for p in photos], model, vectors))
        for p in photos:
            self.files[p.path] = FileState(p.size, p.mtime_ns, p.content_hash, facts_of(p.photo), said=p.said)
        self._forget([digest for digest in replaced if digest])

    def expect_fragments(self) -> None:
        """Makes sure that the table of photos is there, so that others can write fragments of it."""
        fragments.check_installed()
        if self.store.table(schema.PHOTOS) is None:
            self.store.replace(schema.PHOTOS, schema.PHOTOS_SCHEMA.empty_table())
        self.drop_strays()

    def whole(self, photos: Sequence[NewPhoto]) -> list[NewPhoto]:
        """Photos with all that others wrote of them."""
        return fragments.complete(self._local, photos) if any(photo.staged for photo in photos) else list(photos)

    @property
    def _local(self) -> Path:
        return fragments.folder_of(self.store.folder)

    def drop_strays(self) -> None:
        """Removes fragments that were not put."""
        fragments.clean(self._local)

    def _upsert(self, rows: pa.Table, merging: bool) -> None:
        table = self.store.table(schema.PHOTOS)
        if table is None or not merging:
            self.store.append(schema.PHOTOS, rows)
        else:
            table.merge_insert("path").when_matched_update_all().when_not_matched_insert_all().execute(rows)

    def _forget(self, hashes: Sequence[str]) -> None:
        """Drops descriptors whose photo is gone."""
        gone = [digest for digest in hashes if digest not in self.owner]
        table = self.store.table(schema.DESCRIPTORS)
        if gone and table is not None:
            table.delete(f"hash IN ({', '.join(repr(digest) for digest in gone)})")

    def restate(self, changes: Mapping[str, Restated]) -> None:
        """Gives stored photos what is now said of them, and their files' new state."""
        table = self.store.table(schema.PHOTOS)
        if not changes or table is None:
            return
        for paths in _chunks(list(changes), _STREAM):
            names = ", ".join(quoted(path) for path in paths)
            old = table.search().where(f"path IN ({names})").to_arrow().to_pylist()
            new = [resealed(row, changes[row["path"]].columns()) for row in old]
            rows = pa.Table.from_pylist(new, schema=schema.PHOTOS_SCHEMA)
            table.merge_insert("path").when_matched_update_all().execute(rows)
        for path, change in changes.items():
            known, (size, mtime_ns) = self.files[path], change.state
            facts = {**(known.facts or {}), **said_of(change.photo)}
            self.files[path] = replace(known, size=size, mtime_ns=mtime_ns, facts=facts, said=change.said)

    def touch(self, path: str, state: tuple[int, int]) -> None:
        """A file was written again with the same content."""
        self._change("path", {path: state_columns(state)})
        self.files[path] = replace(self.files[path], size=state[0], mtime_ns=state[1])

    def rehome(self, moves: Mapping[str, tuple[str, tuple[int, int]]]) -> None:
        """Files that lie elsewhere now, with the same content: path and state by content hash.

        They may have taken each other's places; those change in one transaction. A stored photo in whose place one has
        been put, and whose own content is nowhere, is dropped.
        """
        if not moves:
            return
        before = {digest: self.owner[digest] for digest in moves}
        leaving = set(before.values())
        for path, _ in moves.values():
            if path not in leaving and self.files.is_stored(path):
                self.remove(path)
        free = [digest for digest, (path, _) in moves.items() if path not in leaving]
        for part in _chunks(free, _STREAM):
            self._readdress(part, moves)
        self._readdress([digest for digest, (path, _) in moves.items() if path in leaving], moves)
        states = {digest: self.files.pop(before[digest]) for digest in moves}
        for digest, (path, (size, mtime_ns)) in moves.items():
            self.files[path] = replace(states[digest], size=size, mtime_ns=mtime_ns)

    def _readdress(self, hashes: Sequence[str], moves: Mapping[str, tuple[str, tuple[int, int]]]) -> None:
        self._change(
            "hash", {digest: {"path": moves[digest][0], **state_columns(moves[digest][1])} for digest in hashes}
        )

    def remove(self, *paths: str) -> None:
        """Drops photos."""
        table = self.store.table(schema.PHOTOS)
        gone = [self.files.pop(path).content_hash for path in paths]
        if table is not None:
            for part in _chunks(list(paths), _STREAM):
                table.delete(f"path IN ({', '.join(map(quoted, part))})")
            self._forget(gone)

    def _change(self, key: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Writes other values into some small columns, the same ones of each row, in one transaction.

        Args:
            key: Column that tells rows apart.
            changes: New values by column, by the row's key.
        """
        table = self.store.table(schema.PHOTOS)
        if table is None or not changes:
            return
        rows = []
        for row in self._rows_named(table, key, list(changes)):
            new = resealed(row, changes[row[key]])
            rows.append({name: new[name] for name in (key, *changes[row[key]], "row_crc")})
        kinds = {field.name: field.type for field in schema.PHOTOS_SCHEMA}
        if rows:
            layout = pa.schema([(name, kinds[name]) for name in rows[0]])
            found = pa.Table.from_pylist(rows, schema=layout)
            table.merge_insert(key).when_matched_update_all().execute(found)

    @staticmethod
    def _rows_named(table: Any, key: str, names: list[str]) -> Iterator[dict[str, Any]]:
        """Small columns of the rows with some keys; of many they are looked for in one go through the table."""
        query = table.search().select([*PLAIN, "row_crc"])
        if len(names) <= _STREAM:
            query = query.where(f"{key} IN ({', '.join(map(quoted, names))})")
        wanted = pa.array(names, pa.string())
        for batch in query.to_batches(batch_size=10_000):
            yield from batch.filter(pc.is_in(batch[key], wanted)).to_pylist()

    def skip(self, skipped: Mapping[str, FileState]) -> None:
        """Remembers files that were passed over, so that they need not be read again."""
        if not skipped:
            return
        rows = [
            {
                "path": path,
                "size": state.size,
                "mtime_ns": state.mtime_ns,
                "placed": state.placed,
                "reason": state.reason,
                "written_by": f"{self._written_by} {state.circumstances}".rstrip(),
            }
            for path, state in skipped.items()
        ]
        self.store.append(schema.SKIPPED, pa.Table.from_pylist(rows, schema=schema.SKIPPED_SCHEMA))
        for path, state in skipped.items():
            stored = self.files.get(path)
            is_stored = stored is not None and bool(stored.content_hash)
            self.files[path] = replace(stored, passed=state) if stored is not None and is_stored else state

    def undescribed(self) -> list[str]:
        """Content hashes of photos without a descriptor: a writer was killed between two transactions."""
        table = self.store.table(schema.DESCRIPTORS)
        known = None if table is None else table.search().select(["hash"]).to_arrow()["hash"]
        if known is None:
            return list(self.owner)
        hashes = pa.array(self.owner, pa.string())
        return list(hashes.filter(pc.invert(pc.is_in(hashes, value_set=known))).to_pylist())

    def learned_from(self, model: str) -> int:
        """Photos that a model was learned from; 0 for one that came with whence."""
        table = self.store.table(schema.ARTEFACTS)
        if table is None:
            return 0
        found = table.search().where(f"fingerprint = '{model}'").select(["learned_from"]).limit(1).to_arrow()
        return int(found["learned_from"][0].as_py()) if found.num_rows else 0

    def sample(self, hashes: Sequence[str]) -> list[LocalFeatures]:
        """Features of the photos with these content hashes, in that order."""
        table = self.store.table(schema.PHOTOS)
        if table is None:
            return []
        light = table.search().select(["hash"]).with_row_id(True).to_arrow()
        rows_of = light["_rowid"].take(pc.index_in(pa.array(hashes, pa.string()), value_set=light["hash"])).to_pylist()
        found: dict[str, LocalFeatures] = {}
        for chunk in _chunks(rows_of, _STREAM):
            rows = table.take_row_ids(chunk).select(["hash", "features"]).to_arrow()
            pairs = zip(rows["hash"].to_pylist(), rows["features"].to_pylist(), strict=True)
            found.update((digest, unpack(data)) for digest, data in pairs)
        return [found[digest] for digest in hashes]

    def learn(self, model: str, arrays: Mapping[str, NDArray[Any]], learned_from: int) -> None:
        """Keeps what a model learned, under its fingerprint. It takes effect with ``describe_anew``."""
        row = {"fingerprint": model, "learned_from": learned_from, "data": pack_arrays(arrays)}
        self.store.append(schema.ARTEFACTS, pa.Table.from_pylist([row], schema=schema.ARTEFACTS_SCHEMA))

    def keep_trials(self, key: str, model: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keeps what came of asking the gallery its own photos, in place of what was kept for this way of asking."""
        self.keep(trials_name(model, key), arrays)

    def kept(self, name: str) -> dict[str, NDArray[Any]]:
        """Arrays that were kept under a name; none where there is nothing."""
        table = self.store.table(schema.ARTEFACTS)
        found = None if table is None else table.search().where(f"fingerprint = '{name}'").limit(1).to_arrow()
        return unpack_arrays(found["data"][0].as_py()) if found is not None and found.num_rows else {}

    def keep(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keeps arrays under a name, in place of what was kept there."""
        table = self.store.table(schema.ARTEFACTS)
        if table is not None:
            table.delete(f"fingerprint = '{name}'")
        self.learn(name, arrays, self.count)

    def bursts_mark(self) -> str:
        """What was kept with the bursts; empty where none were looked for."""
        return str(self.kept(BURSTS).get("mark", ""))

    def keep_bursts(self, arrays: Mapping[str, NDArray[Any]], mark: str) -> None:
        """Keeps which photos are as good as one, in place of what was kept, and what they were then."""
        forget_light(self.store.folder.near())  # it tells of bursts
        self.keep(BURSTS, {**arrays, "mark": np.array(mark)})

    def describe_anew(self, model: str, dimension: int, describe: Callable[[LocalFeatures], FloatArray]) -> None:
        """Gives every photo a descriptor of another model. Readers see the old ones until all are there."""
        table = self.store.table(schema.PHOTOS)
        if table is None:
            return

        def batches() -> Iterator[pa.RecordBatch]:
            stream = table.search().select(["hash", "features"]).to_batches(batch_size=_STREAM)
            for batch in stream:
                if stopping:
                    raise KeyboardInterrupt
                packed = batch["features"].to_pylist()
                vectors = np.stack(list(threads.map(lambda data: describe(unpack(data)), packed)))
                yield from schema.descriptor_table(batch["hash"].to_pylist(), model, vectors).to_batches()

        layout = schema.descriptors_schema(dimension)
        with ThreadPoolExecutor(os.cpu_count()) as threads, unbroken() as stopping:
            self.store.replace(schema.DESCRIPTORS, pa.RecordBatchReader.from_batches(layout, batches()))
        self._drop_artefacts_but(model)

    def _drop_artefacts_but(self, model: str) -> None:
        """Readers of the version before keep what they opened: dropped rows stay in the older version."""
        table = self.store.table(schema.ARTEFACTS)
        if table is not None and table.count_rows() > 2:
            table.delete(f"fingerprint != '{model}'")

    def tidy(self) -> None:
        """Merges small files once there are many, but for what readers may hold; keeps the codes of a large gallery."""
        for name in (schema.PHOTOS, schema.DESCRIPTORS, schema.CODES, schema.ARTEFACTS):
            table = self.store.table(name)
            if table is not None:
                tidy(table, versions=name == schema.ARTEFACTS)
        keep_codes(self.store)

    def settle(self) -> None:
        """What makes opening a large gallery fast; to be called when nothing else will change."""
        keep_light(self.store)


def quoted(text: str) -> str:
    """A string of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
