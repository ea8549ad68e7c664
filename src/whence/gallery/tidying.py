"""Small files of a table, merged now and then."""

from __future__ import annotations

from typing import Any

from whence.gallery.store import age_to_keep

_FRAGMENTS = 100
"""Files of a table that may lie side by side, whatever its size."""
_PER_FRAGMENT = 1000
"""Rows of a large table for each of its files: merging writes nearly all rows anew, so it has to wait for many."""
_FEW = 10_000
"""Rows that are written anew in seconds."""


def tidy(table: Any, *, versions: bool = False, removed: bool = False) -> None:
    """Merges the files of a table once there are many, and takes away the versions that no reader can hold.

    Args:
        table: At its newest version.
        versions: Count versions too: of a table whose rows are replaced, not added.
        removed: Rows were removed just now: where there are few rows this is done whatever the number of files, so that
            what was removed before does not stay in old versions for longer than readers may need it.
    """
    stats: Any = table.stats()
    most = max(_FRAGMENTS, stats["num_rows"] // _PER_FRAGMENT)
    many = stats["fragment_stats"]["num_fragments"] > most
    few = removed and stats["num_rows"] <= _FEW
    if many or few or (versions and len(table.list_versions()) > _FRAGMENTS):
        table.optimize(cleanup_older_than=age_to_keep(table))
