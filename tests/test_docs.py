"""The documentation keeps up with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]


def known_options() -> dict[str, set[str]]:
    """The options of every command, by the reference that the first test holds against the code."""
    known: dict[str, set[str]] = {}
    for section in (TOP / "docs" / "cli.md").read_text("utf-8").split("\n## whence ")[1:]:
        known[section.split("\n", 1)[0]] = set(re.findall(r"--[a-z-]+", section))
    return known


def commands(page: Path) -> list[str]:
    """Command lines in the page's shell blocks, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [part.strip() for line in lines for part in line.split("&&") if part.strip().startswith("whence ")]


def test_the_reference_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, TOP / "tools" / "reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_there_are_commands_to_check() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 5
    assert {"index", "locate", "info"} <= set(known_options())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_in_the_docs_exist(page: Path) -> None:
    known = known_options()
    for line in commands(page):
        name = line.split()[1]
        assert name in known, line
        assert set(re.findall(r"(?<=\s)--[a-z-]+", line)) <= known[name], line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_in_the_docs_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
