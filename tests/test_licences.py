"""What whence brings along may be used by everybody; the check knows what may not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from licences import Part, parts, sbom, shipped_extras

TOOL = Path(__file__).parent.parent / "tools" / "licences.py"


def test_everything_is_permissive() -> None:
    done = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "packages, all with permissive licences" in done.stdout


@pytest.mark.parametrize(
    ("name", "licence", "fine"),
    [
        ("a", "MIT", True),
        ("a", "BSD-3-Clause AND Apache-2.0", True),
        ("a", "MIT OR GPL-3.0-or-later", True),
        ("a", "GPL-3.0-or-later", False),
        ("a", "AGPL-3.0", False),
        ("a", "MIT AND GPL-2.0", False),
        ("a", "GNU Lesser General Public License v3 (LGPLv3)", False),
        ("pi_heif", "LGPL-3.0", True),
        ("a", "", False),
        ("a", "Commercial", False),
    ],
)
def test_what_may_come_along(name: str, licence: str, fine: bool) -> None:
    assert Part(name, "1", licence).is_fine is fine


def test_the_bill_of_materials_names_all() -> None:
    found = parts()
    names = {part.name.lower() for part in found}
    assert {"numpy", "lancedb", "torch", "nicegui"} <= names
    bill = sbom(found)
    assert bill["bomFormat"] == "CycloneDX"
    components = bill["components"]
    assert isinstance(components, list)
    assert len(components) == len(found)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))
    assert problem is None, problem


def test_every_extra_is_looked_at_but_that_for_tests() -> None:
    assert {"all", "torch", "web"} <= shipped_extras()
    assert "test" not in shipped_extras()
