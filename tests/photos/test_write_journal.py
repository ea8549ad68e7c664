"""What was written can be taken back, byte for byte, whatever happened in between."""

from __future__ import annotations

import json
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from whence.errors import InputError, PhotoError
from whence.photos.writing import exchange, journal
from whence.photos.writing.journal import Journal, undo
from whence.photos.writing.splices import Splice, applied

OLD, SPLICES = b"old content", [Splice(0, b"old", b"brand new")]
NEW = applied(OLD, SPLICES)


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path_factory.mktemp("state")
    monkeypatch.setattr(journal, "folder", lambda: place)
    return place


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
    (found,) = undo(kept.path)  # what was refused is not in it
    assert "changed since" in found.problem
    assert photo.read_bytes() == b"edited"
    assert kept.path.exists()
    (tmp_path / "there").write_bytes(b"x")
    with pytest.raises(PhotoError, match="appeared meanwhile"):
        kept.create(tmp_path / "there", b"y")


def test_killed_between_the_journal_and_the_file(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Journal(tmp_path / "undo.jsonl")
    monkeypatch.setattr(journal, "exchange", lambda *_: None)
    kept.change(photo, OLD, NEW, SPLICES)
    monkeypatch.undo()
    with kept.path.open("a") as stream:
        stream.write('{"path": "half a li')
    assert [found.problem for found in undo(kept.path)] == [""]
    assert photo.read_bytes() == OLD


def test_a_folder_that_cannot_be_written(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exchange, "_flushed", full)
    kept = Journal(tmp_path / "undo.jsonl")
    with pytest.raises(PhotoError, match="No space left"):
        kept.change(photo, OLD, NEW, SPLICES)
    with pytest.raises(PhotoError, match="No space left"):
        kept.change(photo, OLD, NEW, None)
    with pytest.raises(PhotoError, match="No space left"):
        kept.create(tmp_path / "b.xmp", NEW)
    assert photo.read_bytes() == OLD
    assert not list(tmp_path.glob(".*"))
    assert not kept.path.exists()  # nothing to take back


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


def test_two_journals_share_no_copies(tmp_path: Path) -> None:
    for day in ("29", "30"):
        (tmp_path / f"{day}.tif").write_bytes(day.encode())
        Journal(tmp_path / f"run.2026.11.{day}").change(tmp_path / f"{day}.tif", day.encode(), NEW, None)
    for day in ("29", "30"):
        assert [found.problem for found in undo(tmp_path / f"run.2026.11.{day}")] == [""]
        assert (tmp_path / f"{day}.tif").read_bytes() == day.encode()


def test_a_copy_is_never_written_over(photo: Path, tmp_path: Path) -> None:
    left = tmp_path / "undo.jsonl.originals"
    left.mkdir()
    (left / "000001.jpg").write_bytes(b"of a journal that somebody deleted")
    kept = Journal(tmp_path / "undo.jsonl")
    kept.change(photo, OLD, NEW, None)
    assert (left / "000001.jpg").read_bytes() == b"of a journal that somebody deleted"
    assert [found.problem for found in undo(kept.path)] == [""]
    assert photo.read_bytes() == OLD


def test_a_disk_that_was_full_leaves_no_half_a_line(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [tmp_path / name for name in ("b.jpg", "c.jpg")]
    for path in others:
        path.write_bytes(OLD)
    kept = Journal(tmp_path / "undo.jsonl")
    kept.change(photo, OLD, NEW, SPLICES)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)  # when the line is there, but not yet safe
        patched.setattr(os, "truncate", full)
        with pytest.raises(PhotoError, match=r"b\.jpg was not changed: the journal cannot be written \(No space left"):
            kept.change(others[0], OLD, NEW, SPLICES)
    assert others[0].read_bytes() == OLD
    assert kept.path.read_bytes().count(b"\n") == 2
    kept.change(others[1], OLD, NEW, SPLICES)
    assert kept.path.read_bytes().count(b"\n") == 2
    assert [(found.path, found.problem) for found in undo(kept.path)] == [(others[1], ""), (photo, "")]
    assert others[1].read_bytes() == photo.read_bytes() == OLD


def test_the_rest_of_a_damaged_journal_is_taken_back(photo: Path, tmp_path: Path) -> None:
    kept = Journal(tmp_path / "undo.jsonl")
    kept.change(photo, OLD, NEW, SPLICES)
    line = kept.path.read_bytes()
    kept.path.write_bytes(line[:30] + line + line + b"\xff\n")
    told = list(undo(kept.path))
    assert ["line 1" in told[0].problem, "line 3" in told[1].problem, told[2].problem] == [True, True, ""]
    assert photo.read_bytes() == OLD
    assert kept.path.exists()


def test_a_journal_of_another_process_is_left_alone(photo: Path, tmp_path: Path) -> None:
    first, second = Journal(tmp_path / "undo.jsonl"), Journal(tmp_path / "undo.jsonl")
    first.change(photo, OLD, NEW, SPLICES)
    (tmp_path / "b.jpg").write_bytes(OLD)
    with pytest.raises(PhotoError, match="the journal cannot be written"):
        second.change(tmp_path / "b.jpg", OLD, NEW, SPLICES)
    assert [found.problem for found in undo(first.path)] == [""]


def test_a_later_run_is_named(photo: Path, own_state: Path) -> None:
    first, second = Journal(own_state / "1.jsonl"), Journal(own_state / "2.jsonl")
    first.change(photo, OLD, NEW, SPLICES)
    again = applied(NEW, [Splice(0, b"", b"twice ")])
    second.change(photo, NEW, again, [Splice(0, b"", b"twice ")])
    (found,) = undo(first.path)
    assert f"a later run has changed it; undo that one first: --undo --journal {second.path}" in found.problem
    assert photo.read_bytes() == again
    assert [found.problem for path in (second.path, first.path) for found in undo(path)] == ["", ""]
    assert photo.read_bytes() == OLD


def test_two_take_it_back_at_once(photo: Path, tmp_path: Path) -> None:
    kept = Journal(tmp_path / "undo.jsonl")
    kept.change(photo, OLD, NEW, SPLICES)
    first, second = undo(kept.path), undo(kept.path)
    assert [next(first).problem, next(second).problem] == ["", ""]
    assert [*first, *second] == []
    assert photo.read_bytes() == OLD


def test_the_newest_journal_is_one_that_says_something(photo: Path, own_state: Path) -> None:
    Journal(own_state / "1.jsonl").change(photo, OLD, NEW, SPLICES)
    (own_state / "2.jsonl").write_bytes(b"")
    (own_state / "3.jsonl").write_bytes(b'{"path": "ki')
    assert journal.newest() == own_state / "1.jsonl"


def test_turns_follow_each_other() -> None:
    inside: list[int] = []

    def work(_: int) -> None:
        with journal.turn():
            inside.append(1)
            assert len(inside) == 1
            time.sleep(0.02)
            inside.pop()

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(work, range(8)))) == 8


def test_without_a_folder_of_ones_own_there_is_nobody_to_wait_for(
    own_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_state / "file").write_bytes(b"")
    monkeypatch.setattr(journal, "folder", lambda: own_state / "file" / "none")
    with journal.turn():
        assert not (own_state / "file").read_bytes()


def test_names_as_long_as_a_file_system_takes(tmp_path: Path) -> None:
    for name in ("a" * 250 + ".jpg", "\u6f22" * 83 + ".jpg"):
        path = tmp_path / name
        path.write_bytes(OLD)
        kept = Journal(tmp_path / "undo.jsonl")
        kept.change(path, OLD, NEW, SPLICES)
        with pytest.raises(PhotoError, match="cannot be written"):
            kept.create(tmp_path / f"{name}.xmp", b"beside")
        assert [found.problem for found in undo(kept.path)] == [""]
        assert path.read_bytes() == OLD


def test_a_write_protected_file_is_refused(photo: Path, tmp_path: Path) -> None:
    photo.chmod(0o444)
    with pytest.raises(PhotoError, match="write-protected"):
        Journal(tmp_path / "undo.jsonl").change(photo, OLD, NEW, SPLICES)
    assert photo.read_bytes() == OLD


def test_extended_attributes_stay(photo: Path, tmp_path: Path) -> None:
    try:
        os.setxattr(photo, "user.rating", b"5")
    except (AttributeError, OSError):
        pytest.skip("no extended attributes here")
    Journal(tmp_path / "undo.jsonl").change(photo, OLD, NEW, SPLICES)
    assert photo.read_bytes() == NEW
    assert os.getxattr(photo, "user.rating") == b"5"


def test_a_hard_link_parts(photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    other.hardlink_to(photo)
    Journal(tmp_path / "undo.jsonl").change(photo, OLD, NEW, SPLICES)
    assert (photo.read_bytes(), other.read_bytes()) == (NEW, OLD)


def test_a_link_that_leads_nowhere_is_not_replaced(tmp_path: Path) -> None:
    link = tmp_path / "a.xmp"
    link.symlink_to(tmp_path / "none")
    with pytest.raises(PhotoError, match="appeared meanwhile"):
        Journal(tmp_path / "undo.jsonl").create(link, NEW)
    assert link.is_symlink()
