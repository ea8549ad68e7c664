"""How far an index run is, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from whence.gallery.storage import Storage
from whence.types import Skipped


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an index run is.

    Attributes:
        done: Photos looked at, of ``total``.
        total: Photos that the source names.
        stored: New or changed photos.
        skipped: Photos passed over.
        stage: ``photos``, ``learning`` or ``calibrating``.
    """

    done: int
    total: int
    stored: int
    skipped: int
    stage: str = "photos"


@dataclass(slots=True)
class IndexReport:
    """What an index run did.

    Attributes:
        gallery: Its folder.
        added: Photos that are new.
        changed: Photos whose file changed.
        moved: Photos whose position, group or path changed, but not their content.
        unchanged: Photos left alone.
        skipped: Photos passed over, with the reason.
        total: Photos in the gallery now.
        seconds: Wall time.
        learned: Whether the gallery learned a vocabulary of its own in this run.
        interrupted: Whether the user stopped it.
        root: Folder that stored paths are relative to, where that was found or said to be another than before.
        lost_root: That folder, where it is not there any more.
    """

    gallery: Storage
    added: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    total: int = 0
    seconds: float = 0.0
    learned: bool = False
    interrupted: bool = False
    root: Path | None = None
    lost_root: Path | None = None
