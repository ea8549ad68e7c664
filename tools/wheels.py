"""For which systems every dependency comes as a wheel, so that nothing has to be compiled: a table.

    python tools/wheels.py

Resolves whence, plain and with all extras, for other systems than this one. Needs uv (``pip install uv``) and a package
index; nothing is installed. What cannot be resolved is told on stderr, in uv's words.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SYSTEMS = {
    "Linux, x86-64": "x86_64-manylinux_2_28",
    "Linux, ARM": "aarch64-manylinux_2_28",
    "macOS 14, Apple silicon": "aarch64-apple-darwin",
    "macOS 14, Intel": "x86_64-apple-darwin",
    "Windows, x86-64": "x86_64-pc-windows-msvc",
}
MACOS = "14.0"
PYTHONS = ("3.11", "3.12", "3.13")
WANTED = {"plain": (), "all": ("--extra", "all")}


def resolved(uv: str, platform: str, python: str, extras: tuple[str, ...]) -> tuple[int, str]:
    """How many packages there are, and why not, if they cannot all be had."""
    words = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:", *extras]
    words += ["--python-platform", platform, "--python-version", python, "pyproject.toml"]
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS}
    done = subprocess.run([uv, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return 0, " ".join(re.sub(r"[^\x20-\x7e]", " ", done.stderr).split())
    return len(re.findall(r"^[a-z0-9]", done.stdout, re.MULTILINE)), ""


def missing(reason: str) -> str:
    """The package that uv names first."""
    named = re.search(r"Because (?:only )?([\w.-]+)", reason)
    return named[1] if named else "see stderr"


def main() -> None:
    """Prints the table."""
    uv = shutil.which("uv")
    if uv is None:
        sys.exit("uv is not installed: pip install uv")
    columns = [(what, python) for what in WANTED for python in PYTHONS]
    print("| system |" + "".join(f" {what}, {python} |" for what, python in columns))
    print("|---|" + "---|" * len(columns))
    for system, platform in SYSTEMS.items():
        cells = []
        for what, python in columns:
            count, reason = resolved(uv, platform, python, WANTED[what])
            cells.append(f"{count} wheels" if count else f"no: {missing(reason)}")
            if reason:
                print(f"{system}, {what}, Python {python}: {reason}\n", file=sys.stderr)
        print(f"| {system} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
