"""Classes by name: a column ``label`` of a table, the class of a data set, or the folder that a photo lies in."""

from __future__ import annotations

from dataclasses import dataclass

from whence.direct.targets.target import Classes
from whence.types import Photo


@dataclass(frozen=True, slots=True)
class NamedOptions:
    """Options of classes by name: there are none."""


class Named(Classes[NamedOptions]):
    """The label that a source gives, or else the name of the photo's folder."""

    options_type = NamedOptions

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        label = photo.label or photo.path.parent.name
        return (label,) if label else None

    def _wanted(self) -> str:
        return "a label (a column label, or a folder for each class)"
