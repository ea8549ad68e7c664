"""Licences of photos, told by their addresses and names, and which of them are taken."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from whence.errors import InputError

OPEN = ("cc0", "pd", "by", "by-sa", "etalab")
"""Free for every use, most of them if the author is named: what is taken unless the user says otherwise."""
KNOWN = (*OPEN, "by-nc", "by-nc-sa", "by-nd", "by-nc-nd", "nkc", "reserved")
"""``nkc``: no known copyright restrictions, as institutions say on Flickr."""
_CC = re.compile(r"creativecommons\.org/licenses/(by(?:-nc)?(?:-sa|-nd)?)/(\d\.\d)")
_NAME = re.compile(r"\bcc[ -](by(?:[ -]nc)?(?:[ -](?:sa|nd))?)(?:[ -](\d\.\d))?\b")


@dataclass(frozen=True, slots=True)
class Licence:
    """What a photo may be used for.

    Attributes:
        kind: One of ``KNOWN``; empty if it is none of them.
        name: For people: ``CC BY-SA 4.0``.
        url: Where it can be read; empty where nobody says.
    """

    kind: str
    name: str
    url: str = ""


def licence(name: str, url: str = "") -> Licence:
    """Reads a licence from its address, else from its name.

    >>> licence("", "https://creativecommons.org/licenses/by-sa/4.0/").name
    'CC BY-SA 4.0'
    >>> licence("CC-BY-NC-2.0").kind, licence("all mine").kind
    ('by-nc', '')
    """
    address, plain = url.lower(), name.strip().lower()
    if found := _CC.search(address):
        return _creative(found[1], found[2], url)
    if "publicdomain/zero" in address or re.match(r"(cc[ -]?0|cc-zero)\b", plain):
        return Licence("cc0", "CC0 1.0", url or "https://creativecommons.org/publicdomain/zero/1.0/")
    if "publicdomain/mark" in address or re.match(r"(public domain|pd\b|pdm\b|united states government)", plain):
        return Licence("pd", name or "Public Domain Mark 1.0", url)
    if found := _NAME.match(plain):
        return _creative(found[1].replace(" ", "-"), found[2] or "", url)
    if plain.startswith(("etalab", "licence ouverte", "lov2")) or "licence-ouverte" in address:
        return Licence(
            "etalab", "Licence Ouverte 2.0", url or "https://www.etalab.gouv.fr/licence-ouverte-open-licence/"
        )
    if plain == "no known copyright restrictions":
        return Licence("nkc", name, url)
    if plain == "all rights reserved":
        return Licence("reserved", name, url)
    return Licence("", name or url or "not stated", url)


def permitted(text: str | None) -> frozenset[str]:
    """Kinds that ``--licence`` names, separated by commas; ``open`` stands for the open ones.

    Raises:
        InputError: There is no such licence.
    """
    if text is None:
        return frozenset(OPEN)
    kinds: set[str] = set()
    for word in filter(None, (part.strip().lower().removeprefix("cc-") for part in text.split(","))):
        if word == "open":
            kinds.update(OPEN)
        elif word in KNOWN:
            kinds.add(word)
        else:
            near = difflib.get_close_matches(word, ("open", *KNOWN), n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: open, {', '.join(KNOWN)}"
            raise InputError(f"--licence {word}: no such licence; {hint}")
    if not kinds:
        raise InputError(f"--licence {text!r} names no licence; known: open, {', '.join(KNOWN)}")
    return frozenset(kinds)


def _creative(kind: str, version: str, url: str) -> Licence:
    address = url or (f"https://creativecommons.org/licenses/{kind}/{version}/" if version else "")
    return Licence(kind, f"CC {kind.upper()} {version}".strip(), address)
