"""Whence was this photo taken?

Index photos whose positions are known, then locate any other photo::

    import whence

    whence.index("my-photos", "my-gallery")
    answer = whence.Locator(whence.Gallery.open("my-gallery")).locate("unknown.jpg")

Importing this package does nothing else: what it names is loaded when it is used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; importing `typing` for it would cost more than all the rest
if TYPE_CHECKING:
    from typing import Any

    from whence.errors import WhenceError
    from whence.gallery.gallery import Gallery
    from whence.gallery.removal import Removal, remove
    from whence.gallery.where import Where
    from whence.locate.answers import Answer
    from whence.locate.indexing import index
    from whence.locate.locator import Locator
    from whence.locate.progress import IndexReport
    from whence.recipes import Recipe, load_recipe
    from whence.types import XY, Candidate, LatLon, Location, Status

__version__ = "0.1.0"

_HOME = {
    "XY": "whence.types",
    "Answer": "whence.locate.answers",
    "Candidate": "whence.types",
    "Gallery": "whence.gallery.gallery",
    "IndexReport": "whence.locate.progress",
    "LatLon": "whence.types",
    "Location": "whence.types",
    "Locator": "whence.locate.locator",
    "Recipe": "whence.recipes",
    "Removal": "whence.gallery.removal",
    "Status": "whence.types",
    "WhenceError": "whence.errors",
    "Where": "whence.gallery.where",
    "index": "whence.locate.indexing",
    "load_recipe": "whence.recipes",
    "remove": "whence.gallery.removal",
}

__all__ = [
    "XY",
    "Answer",
    "Candidate",
    "Gallery",
    "IndexReport",
    "LatLon",
    "Location",
    "Locator",
    "Recipe",
    "Removal",
    "Status",
    "WhenceError",
    "Where",
    "__version__",
    "index",
    "load_recipe",
    "remove",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'whence' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
