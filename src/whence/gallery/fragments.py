"""Rows of photos that other processes wrote: Lance fragments, put into the table by the one writer.

A fragment is a file of the table that no version names yet. So any number of processes may write some at once, and
whatever is killed in between leaves a file behind that nobody sees. Lance's own Python package does this (pylance);
LanceDB has no call for it. lance-ray's ``write_lance`` fills one table in one commit at the end of all work: a run that
is stopped would have nothing, and copies of a photo would be found too late.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from whence.errors import ClusterError, MissingExtraError
from whence.gallery import schema
from whence.gallery.rows import NewPhoto, Staged, row_of
from whence.gallery.storage import Storage

_FOREVER = timedelta(days=365_000)
_HEAVY = ("features", "thumbnail", "glance")


def folder_of(gallery: Storage) -> Path:
    """Where fragments of a gallery lie.

    Raises:
        GalleryError: It is in object storage.
    """
    return gallery.local("indexing by a cluster (--ray)")


def stage(folder: Path, photos: Sequence[NewPhoto]) -> list[NewPhoto]:
    """Writes rows of photos as one fragment, and gives the photos back without what lies there now.

    Args:
        folder: Of the gallery, whose table of photos is there already.
        photos: Of one piece of work.
    """
    if not photos:
        return []
    name = json.dumps(_written(folder, photos).to_json())
    return [
        replace(photo, features=b"", thumbnail=None, glance=b"", staged=Staged(name, row, len(photos), photo.photo))
        for row, photo in enumerate(photos)
    ]


def append(folder: Path, photos: Sequence[NewPhoto]) -> None:
    """Puts photos into the table in one transaction, in their order.

    A fragment of which every row is wanted as it was written stays as it is; of others the rows are copied.
    """
    lance = _lance()
    parts: list[Any] = []
    for name, run in groupby(photos, key=lambda photo: photo.staged and photo.staged.fragment):
        group = list(run)
        if name is not None and _is_whole(group):
            parts.append(lance.FragmentMetadata.from_json(name))
            _check_there(folder, name)
        else:
            parts.append(_written(folder, complete(folder, group)))
    table = _table(folder)
    version = lance.dataset(str(table)).version
    lance.LanceDataset.commit(str(table), lance.LanceOperation.Append(parts), read_version=version)


def complete(folder: Path, photos: Iterable[NewPhoto]) -> list[NewPhoto]:
    """Photos with what lies in their fragments, as if they had come whole."""
    found: list[NewPhoto] = []
    for name, run in groupby(photos, key=lambda photo: photo.staged and photo.staged.fragment):
        group = list(run)
        if name is None:
            found += group
            continue
        from lance.file import LanceFileReader

        _check_there(folder, name)
        rows = [photo.staged.row for photo in group if photo.staged is not None]
        reader = LanceFileReader(str(_file(folder, name)), columns=list(_HEAVY))
        taken = reader.take_rows(sorted(rows)).to_table().to_pylist()
        by_row = dict(zip(sorted(rows), taken, strict=True))
        found += [replace(photo, **by_row[row], staged=None) for photo, row in zip(group, rows, strict=True)]
    return found


def clean(folder: Path) -> None:
    """Removes fragments that came into no version: of workers that were killed, and rows that were copied.

    To be called while nobody writes any. Versions that readers may hold stay.
    """
    table = _table(folder)
    if table.is_dir():
        _lance().dataset(str(table)).cleanup_old_versions(older_than=_FOREVER, delete_unverified=True)


def check_installed() -> None:
    """
    Raises:
        MissingExtraError: pylance is not there.
    """
    _lance()


def _written(folder: Path, photos: Sequence[NewPhoto]) -> Any:
    from lance.fragment import write_fragments

    rows = pa.Table.from_pylist([row_of(photo) for photo in photos], schema=schema.PHOTOS_SCHEMA)
    (fragment,) = write_fragments(rows, str(_table(folder)), mode="append", max_rows_per_file=max(len(photos), 1))
    return fragment


def _is_whole(group: Sequence[NewPhoto]) -> bool:
    """Whether they are all rows of a fragment, and nothing was learned of them since they were written."""
    places = [photo.staged for photo in group if photo.staged is not None]
    return [place.row for place in places] == list(range(places[0].rows)) and all(
        place.photo is photo.photo for place, photo in zip(places, group, strict=True)
    )


def _check_there(folder: Path, name: str) -> None:
    """Another machine may have a folder of the same name, all of its own."""
    file = _file(folder, name)
    size = json.loads(name)["files"][0]["file_size_bytes"]
    if not file.is_file() or file.stat().st_size != size:
        raise ClusterError(
            f"a worker wrote {file.name} into a folder {folder} of its own machine; the gallery has to lie on storage "
            "that all machines of the cluster share, under the same path"
        )


def _table(folder: Path) -> Path:
    return folder / f"{schema.PHOTOS}.lance"


def _file(folder: Path, name: str) -> Path:
    return _table(folder) / "data" / str(json.loads(name)["files"][0]["path"])


def _lance() -> Any:
    try:
        import lance
    except ImportError as error:
        raise MissingExtraError("galleries written by many machines (--ray)", "cluster") from error
    return lance
