"""Everything that can go wrong, in one tree.

    WhenceError
    ├── InputError              what the user gave cannot be used
    │   ├── PhotoError          one photo cannot be used; a batch goes on without it
    │   └── RecipeError         a recipe names something that does not exist
    ├── GalleryError            the gallery folder cannot be used as asked
    │   ├── NotAGalleryError    no gallery there, or not one of ours
    │   ├── SchemaVersionError  written by a newer whence
    │   ├── ModelMismatchError  described with another model than the one asked for
    │   └── GalleryBusyError    another process is writing to it
    ├── ClusterError            machines that work for us are gone
    ├── CollectError            a service on the network does not give what was asked of it
    ├── ModelError              a model's file is not there, or not what it should be
    └── MissingExtraError       an optional dependency is not installed

Every message is one line for the person at the keyboard: what was given, what was expected, what to do.
"""

from __future__ import annotations


def first_line(error: BaseException, most: int | None = 160) -> str:
    """What a library's error says first, for a message of one line; its kind where it says nothing.

    Args:
        error: Of any library.
        most: Characters; None for all.
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:most]


class WhenceError(Exception):
    """Root of all errors that whence raises on purpose."""


class InputError(WhenceError):
    """What the user gave (a path, an option, a table) cannot be used."""


class PhotoError(InputError):
    """One photo cannot be used. ``str(error)`` is the reason, without the path."""


class RecipeError(InputError):
    """A recipe has an unknown key, or a value of the wrong kind."""


class GalleryError(WhenceError):
    """The gallery cannot be used as asked."""


class NotAGalleryError(GalleryError):
    """The folder is not there, or is not a gallery."""


class SchemaVersionError(GalleryError):
    """The gallery was written by a newer whence."""


class ModelMismatchError(GalleryError):
    """The gallery was described with another model than the one asked for."""


class GalleryBusyError(GalleryError):
    """Another process is writing to the gallery."""


class ClusterError(WhenceError):
    """The cluster that works for us is gone, or keeps its files elsewhere."""


class CollectError(WhenceError):
    """A service on the network refuses, cannot be reached, or gives something else than it should."""


class ModelError(WhenceError):
    """The file of a learned model is not there, cannot be had, or is not what it should be."""


class MissingExtraError(WhenceError):
    """An optional dependency is missing.

    Args:
        feature: What the user wanted, for the message ("HEIC photos").
        extra: The extra that brings it ("heic").
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} need an extra that is not installed: pip install 'whence[{extra}]'")
        self.feature, self.extra = feature, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Pickled by what it was made of: workers are other processes."""
        return MissingExtraError, (self.feature, self.extra)
