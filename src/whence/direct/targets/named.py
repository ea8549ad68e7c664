"""Classes by name: a column ``label`` of a table, the class of a data set, or the folder that a photo lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whence.direct.targets.target import Arrays, Classes
from whence.types import Photo


@dataclass(frozen=True, slots=True)
class NamedOptions:
    """Options of classes by name: there are none."""


class Named(Classes[NamedOptions]):
    """The label that a source gives; where it gives none to any photo, the name of the photo's folder."""

    options_type = NamedOptions

    @classmethod
    def _learned(cls, options: NamedOptions, photos: Sequence[Photo]) -> Arrays:
        return {"told": np.array(any(photo.label for photo in photos))}

    def labels(self, photo: Photo) -> tuple[str, ...] | None:
        """See ``Classes``."""
        label = photo.label if self.learned["told"] else photo.label or photo.path.parent.name
        return (label,) if label else None

    def _wanted(self) -> str:
        return "a label (a column label, or a folder for each class)"
