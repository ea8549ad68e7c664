"""Protocols of the swappable methods, and the registry that finds them.

A method is a class named by an entry point, built-in or third-party alike::

    [project.entry-points."whence.extractors"]
    mine = "my_package.my_module:MyExtractor"

Nothing is imported before it is asked for by name.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from whence.errors import RecipeError
from whence.types import FloatArray, Geometry, Image, LocalFeatures, Matches, Photo, Skipped

EXTRACTORS = "whence.extractors"
DESCRIBERS = "whence.describers"
MATCHERS = "whence.matchers"
VERIFIERS = "whence.verifiers"
SOURCES = "whence.sources"
RETRIEVERS = "whence.retrievers"
POSITIONERS = "whence.positioners"
HEADS = "whence.heads"
TARGETS = "whence.targets"
ESTIMATORS = "whence.estimators"
COLLECTORS = "whence.collectors"
GROUPS = (
    EXTRACTORS,
    DESCRIBERS,
    RETRIEVERS,
    MATCHERS,
    VERIFIERS,
    POSITIONERS,
    SOURCES,
    HEADS,
    TARGETS,
    ESTIMATORS,
    COLLECTORS,
)
"""Retrievers and positioners see a gallery; their protocols are in ``whence.locate.stages``. Heads are
parts of networks: ``whence.nets.heads.head``. Targets and estimators answer without a gallery: ``whence.direct``.
Collectors ask services on the network for photos: ``whence.collect.source.RemoteSource``."""


@runtime_checkable
class LocalExtractor(Protocol):
    """Finds keypoints and describes their surroundings."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same image would give other features."""
        ...

    def extract(self, image: Image) -> LocalFeatures:
        """Features of one ``(H, W, 3)`` RGB image; none at all (N = 0) for an image without texture."""
        ...


@runtime_checkable
class Describer(Protocol):
    """Turns one photo into one vector; similar places give similar vectors.

    The class also makes describers: ``shipped(options)`` needs no gallery, ``learn(options, photos)`` learns from the
    features of some photos, ``restore(options, arrays)`` is the inverse of ``arrays()``.
    """

    @property
    def learns_from(self) -> int:
        """Photos from which on a gallery learns a model of its own; 0 if there is nothing to learn."""
        ...

    @property
    def sees(self) -> str:
        """Fingerprint of what ``whole`` takes from pixels; empty where it takes nothing."""
        ...

    def whole(self, image: Image) -> FloatArray | None:
        """``(W,)`` float32: what the vector needs of an ``(H, W, 3)`` RGB image itself; None where local features do.

        It is kept with the local features, in half precision, and must not depend on anything learned, so that a
        gallery can describe its photos anew without reading one again.
        """
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learned, as plain arrays."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same photo would give another vector."""
        ...

    @property
    def dimension(self) -> int:
        """D of the vectors."""
        ...

    def describe(self, features: LocalFeatures) -> FloatArray:
        """``(D,)`` float32 of unit length, of local features or of ``features.whole``; zeros for a blank photo."""
        ...


@runtime_checkable
class Matcher(Protocol):
    """Pairs the keypoints of two images.

    Features of several kinds (``LocalFeatures.counts``) are for each matcher to keep apart, as
    ``whence.verify.kinds.each_kind`` does.
    """

    def match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        """One-to-one matches, possibly none."""
        ...


@runtime_checkable
class GeometryEstimator(Protocol):
    """Finds the matches that agree with one two-view geometry."""

    def estimate(self, query: LocalFeatures, database: LocalFeatures, matches: Matches) -> Geometry:
        """Never raises on degenerate matches: a geometry without inliers is an answer."""
        ...


@runtime_checkable
class PhotoSource(Protocol):
    """Where photos come from."""

    def photos(self) -> Iterator[Photo | Skipped]:
        """Photos in a stable order; what cannot be one is yielded as ``Skipped`` with the reason."""
        ...


def registered(group: str) -> EntryPoints:
    """The entry points of a group."""
    return _registered(group, tuple(sys.path))


@lru_cache(maxsize=100)
def _registered(group: str, path: tuple[str, ...]) -> EntryPoints:
    """Of all packages on a search path, looked through once: it takes tens of milliseconds, and recipes ask often."""
    return entry_points(group=group)


def names(group: str) -> list[str]:
    """Registered names of a group, sorted."""
    return sorted({point.name for point in registered(group)})


def find(group: str, name: str) -> EntryPoint:
    """The entry point of a registered method, not yet imported.

    Raises:
        RecipeError: No such method; the nearest known name is given.
    """
    points = {point.name: point for point in registered(group)}
    if name in points:
        return points[name]
    near = difflib.get_close_matches(name, points, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(points)) or 'none'}"
    raise RecipeError(f"no {group.removeprefix('whence.').removesuffix('s')} named {name!r}; {hint}")


def load(group: str, name: str) -> Any:
    """The class registered under ``name``, imported now."""
    return find(group, name).load()
