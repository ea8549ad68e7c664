"""XML of unknown origin, read as a stream: no document types, so no entities that grow or reach for other files."""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat


class XmlError(Exception):
    """It cannot be read; the message says why, in words for the user."""


def walk(
    data: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Calls back for every element and every piece of text. Names are ``namespace name``, or ``name`` without one.

    Raises:
        XmlError: Not well-formed, or with a document type.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(f"it is not well-formed XML (line {error.lineno})") from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not know
        raise XmlError("it is not text in an encoding that is known") from error


def _refuse(*_: object) -> None:
    raise XmlError("it has a document type (DOCTYPE), which is not read for safety")
