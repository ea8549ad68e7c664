"""What was written can be taken back, byte for byte, whatever happened in between."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from whence.errors import InputError, PhotoError
from whence.photos.writing import journal
from whence.photos.writing.journal import Journal, undo
from whence.photos.writing.splices import Splice, applied

OLD, SPLICES = b"old content", [Splice(0, b"old", b"brand new")]
NEW = applied(OLD, SPLICES)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(OLD)
    path.chmod(0o640)
    os.utime(path, ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    return path


@pytest.mark.parametrize("splices", [SPLICES, None], ids=["splices", "copy"])
def test_a_change_keeps_times_and_permissions_and_is_taken_back(
    photo: Path, tmp_path: Path, splices: list[Splice]
) -> None:
    kept = Journal(tmp_path / "undo.jsonl")
    before = photo.stat()
    kept.change(photo, OLD, NEW, splices)
    assert photo.read_bytes() == NEW
    kept.create(tmp_path / "a.jpg.xmp", b"beside")
    after = photo.stat()
    assert after.st_mtime_ns == before.st_mtime_ns
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert not [found.problem for found in undo(kept.path) if found.problem]
    assert photo.read_bytes() == OLD
    assert photo.stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "undo.jsonl.undone"]
    with pytest.raises(InputError, match="no such file"):
        list(undo(kept.path))


def test_a_link_stays_a_link(photo: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    Journal(tmp_path / "undo.jsonl").change(link, OLD, NEW, SPLICES)
    assert link.is_symlink()
    assert photo.read_bytes() == NEW


def test_what_has_changed_meanwhile_is_left_alone(photo: Path, tmp_path: Path) -> None:
    kept = Journal(tmp_path / "undo.jsonl")
    with pytest.raises(PhotoError, match="changed meanwhile"):
        kept.change(photo, b"another", NEW, SPLICES)
    assert photo.read_bytes() == OLD
    kept.change(photo, OLD, NEW, SPLICES)
    photo.write_bytes(b"edited")
    (found, first) = undo(kept.path)
    assert "changed since" in found.problem
    assert "changed since" in first.problem  # noted before it was refused
    assert photo.read_bytes() == b"edited"
    assert kept.path.exists()
    (tmp_path / "there").write_bytes(b"x")
    with pytest.raises(PhotoError, match="appeared meanwhile"):
        kept.create(tmp_path / "there", b"y")


def test_killed_between_the_journal_and_the_file(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Journal(tmp_path / "undo.jsonl")
    monkeypatch.setattr(journal, "_exchange", lambda *_: None)
    kept.change(photo, OLD, NEW, SPLICES)
    monkeypatch.undo()
    with kept.path.open("a") as stream:
        stream.write('{"path": "half a li')
    assert [found.problem for found in undo(kept.path)] == [""]
    assert photo.read_bytes() == OLD


def test_a_folder_that_cannot_be_written(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "_flushed", full)
    kept = Journal(tmp_path / "undo.jsonl")
    with pytest.raises(PhotoError, match="No space left"):
        kept.change(photo, OLD, NEW, SPLICES)
    with pytest.raises(PhotoError, match="No space left"):
        kept.change(photo, OLD, NEW, None)
    with pytest.raises(PhotoError, match="No space left"):
        kept.create(tmp_path / "b.xmp", NEW)
    assert photo.read_bytes() == OLD
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        json.dumps({"path": "a"}),
        json.dumps({"path": 3, "before": None, "after": "x"}),
        json.dumps({"path": "a", "before": "x", "after": "y", "copy": "../../etc/passwd"}),
        json.dumps({"path": "a", "before": "x", "after": "y", "splices": [[-1, 2, "AA=="]]}),
        json.dumps({"path": "a", "before": "x", "after": "y", "splices": [[0, 2, "no base64!"]]}),
    ],
)
def test_a_journal_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(InputError, match="not a journal"):
        list(undo(path))


def test_journals_are_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "j.jsonl").write_text("")
    with pytest.raises(InputError, match="there already"):
        Journal(tmp_path / "j.jsonl")
    monkeypatch.setattr(journal, "folder", lambda: tmp_path / "none")
    with pytest.raises(InputError, match="nothing to undo"):
        journal.newest()
