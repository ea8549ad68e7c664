"""Reading bytes: every way that a path can fail has its own short reason."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from whence.errors import InputError, PhotoError
from whence.photos import files

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")


def test_reads_all_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\0\1\r\n\2")
    assert files.read(path) == b"\0\1\r\n\2"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.jpg", "no such file or folder"),
        ("file.jpg/below.jpg", "no such file or folder"),
        ("folder.jpg", "it is a folder"),
        ("empty.jpg", "the file is empty"),
        ("nul\0.jpg", "the path is not a valid file name"),
    ],
)
def test_reason_without_the_path(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file.jpg").write_bytes(b"x")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(PhotoError) as caught:
        files.read(tmp_path / name)
    assert str(caught.value) == reason


@posix
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    start = time.monotonic()
    with pytest.raises(PhotoError, match="not a regular file"):
        files.read(tmp_path / "pipe.jpg")
    assert time.monotonic() - start < 1
    assert files.kind(tmp_path / "pipe.jpg") == "other"


@posix
def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(PhotoError, match="cannot be read"):
        files.read(tmp_path / "loop.jpg")


def test_a_name_longer_than_any_file_system_allows(tmp_path: Path) -> None:
    with pytest.raises(PhotoError):
        files.read(tmp_path / ("a" * 5000))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied"), "no permission to read it"),
        (OSError(5, "Input/output error"), "it cannot be read (Input/output error)"),
        (OSError(), "it cannot be read (OSError)"),
        (MemoryError(), "not enough memory to read the file"),
    ],
)
def test_errors_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str) -> None:
    def fail(path: Path) -> bytes:
        raise error

    (tmp_path / "a.jpg").write_bytes(b"x")
    monkeypatch.setattr(files, "_bytes", fail)
    with pytest.raises(PhotoError) as caught:
        files.read(tmp_path / "a.jpg")
    assert str(caught.value) == reason


def test_a_film_named_like_a_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 3)
    (tmp_path / "a.jpg").write_bytes(b"1234")
    with pytest.raises(PhotoError, match="GB"):
        files.read(tmp_path / "a.jpg")


def test_content_hash_is_pinned() -> None:
    assert files.content_hash(b"whence") == files.content_hash(b"whence")
    assert files.content_hash(b"") == "cae66941d9efbd404e4d88758ea67670"
    assert files.content_hash(b"a") != files.content_hash(b"b")


def test_stat_key_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 1_700_000_000_000_000_000))
    first = files.stat_key(path)
    assert first == (5, 1_700_000_000_000_000_000)
    path.write_bytes(b"123456")
    assert files.stat_key(path) != first
    with pytest.raises(PhotoError, match="no such file or folder"):
        files.stat_key(tmp_path / "missing")


def test_kind(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x")
    assert files.kind(tmp_path) == "folder"
    assert files.kind(tmp_path / "a.csv") == "file"
    with pytest.raises(InputError, match=r"missing: no such file or folder"):
        files.kind(tmp_path / "missing")
    with pytest.raises(InputError, match="not a valid file name"):
        files.kind(tmp_path / "nul\0")
