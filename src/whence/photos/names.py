"""File names that are no text, as text that a table can hold.

On Linux a name is any bytes. Python shows a byte that is no UTF-8 as a lone surrogate, U+DC80 to U+DCFF (PEP 383),
which no UTF-8 column can carry. Galleries hold such a byte as the private character U+F780 to U+F7FF instead, as the
encoding OPTU-8 of MirBSD does. A name that has these characters itself is not confused with one that has such bytes:
each of its three bytes is held like a byte that is no text. Other names, and so all on Windows and macOS, stay as they
are.
"""

from __future__ import annotations

import os
import re

_PRIVATE = 0xF700
_UNSTORABLE = re.compile("[\udc80-\udcff\uf780-\uf7ff]")
_HELD = re.compile("[\uf780-\uf7ff]+")


def stored(name: str) -> str:
    r"""A name, or path, as it is stored.

    >>> stored("caf\udce9.jpg") == "caf\uf7e9.jpg", stored("café.jpg")
    (True, 'café.jpg')
    """
    return _UNSTORABLE.sub(lambda found: "".join(chr(_PRIVATE + byte) for byte in _bytes(found[0])), name)


def native(name: str) -> str:
    """A stored name as the system has it: the inverse of ``stored``."""
    return _HELD.sub(
        lambda found: bytes(ord(character) - _PRIVATE for character in found[0]).decode("utf-8", "surrogateescape"),
        name,
    )


def is_absolute(name: str) -> bool:
    """Whether a stored path is absolute: of a photo that does not lie below its gallery's root."""
    return os.path.isabs(native(name))  # noqa: PTH117  # a million paths as objects take seconds


def is_storable(name: str) -> bool:
    """False for names with other lone surrogates, which Windows alone lets into names."""
    return is_text(stored(name))


def is_text(name: str) -> bool:
    """Whether a name can be written in UTF-8 as it is."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _bytes(character: str) -> bytes:
    return character.encode("utf-8", "surrogateescape")
