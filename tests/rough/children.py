"""Commands in processes of their own, and disks of their own, for tests that would harm this one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import whence
from samples import Done

PLAIN = "from whence.cli import script\nscript()\n"

BATCHES_OF_FOUR = "from whence.locate import indexrun\nindexrun._BATCH = 4\n" + PLAIN


def start(*words: object, code: str = PLAIN) -> subprocess.Popen[str]:
    """A command line at work; its output is caught."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
    )


def end(child: subprocess.Popen[str], seconds: float = 120) -> Done:
    """Waits for it. One that hangs is killed, and fails the test."""
    try:
        out, err = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        pytest.fail(f"{child.args!r} still ran after {seconds} s: {out}{err}")
    return Done(child.returncode, out, err)


def command(*words: object, code: str = PLAIN, seconds: float = 120) -> Done:
    """A command line from beginning to end."""
    return end(start(*words, code=code), seconds)


@contextmanager
def disk(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own at a folder, such as ``-t tmpfs -o size=1m tmpfs``; skips where none may be made."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        made = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount command: {error}")
    if made.returncode:
        pytest.skip(f"file systems cannot be mounted here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def check_whole(gallery: Path) -> set[str]:
    """Paths of all photos; each has features and a descriptor of unit length."""
    opened = whence.Gallery.open(gallery)
    if len(opened):
        assert all(len(features) for features in opened.features(range(len(opened))))
        np.testing.assert_allclose(np.linalg.norm(opened.descriptors, axis=1), 1, atol=2e-3)
    return {photo.path for photo in opened.photos}
