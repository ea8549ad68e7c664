"""Features kept on this computer."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from whence.errors import InputError
from whence.gallery.cached import FOLDER, MEGABYTES, Cache, cache_folder

FILE = "galleries.sqlite"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    monkeypatch.delenv(MEGABYTES, raising=False)
    return tmp_path / "cache"


def test_what_was_put_is_there_for_the_same_gallery_alone(folder: Path) -> None:
    Cache("one").put({"a": b"1" * 1000, "b": b"2"})
    assert Cache("one").get(["b", "a", "c"]) == {"a": b"1" * 1000, "b": b"2"}
    assert Cache("two").get(["a"]) == {}
    assert cache_folder() == folder
    assert (folder / FILE).stat().st_mode & 0o077 == 0  # nobody else's business


def test_it_keeps_to_its_bound_and_what_was_used_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEGABYTES, "1")
    now = [0.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    cache = Cache("g")
    for number in range(30):
        now[0] += 7200
        cache.put({str(number): bytes(100_000)})
        assert cache.get(["0"])
    held = cache.get(map(str, range(30)))
    assert sum(map(len, held.values())) <= 1_000_000
    assert {"0", "28", "29"} <= held.keys()
    assert "1" not in held


@pytest.mark.parametrize("said", ["-1", "1.5", "much"])
def test_a_bound_that_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv(MEGABYTES, said)
    with pytest.raises(InputError, match="whole number of megabytes"):
        Cache("g")


def test_without_room_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEGABYTES, "0")
    cache = Cache("g")
    cache.put({"a": b"1"})
    assert cache.get(["a"]) == {}
    assert not folder.exists()


def _flip(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET data = x'00'")
    connection.close()


def _overwrite(path: Path) -> None:
    path.write_bytes(b"nothing that SQLite knows" * 1000)


@pytest.mark.parametrize("damage", [_flip, _overwrite])
def test_damage_is_nothing_found(folder: Path, damage: Callable[[Path], None]) -> None:
    first = Cache("g")
    first.put({"a": b"1"})
    first.close()
    damage(folder / FILE)
    cache = Cache("g")
    assert cache.get(["a"]) == {}
    cache.put({"a": b"2"})
    assert cache.get(["a"]) == {"a": b"2"}


def test_a_folder_that_cannot_be_made_is_no_cache(folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file")
    cache = Cache("g")
    cache.put({"a": b"1"})
    assert cache.get(["a"]) == {}


def test_forgotten_bytes_are_gone(folder: Path) -> None:
    cache, other = Cache("one"), Cache("two")
    cache.put({"a": b"a secret of some length" * 50})
    other.put({"a": b"1"})
    cache.forget()
    assert cache.get(["a"]) == {}
    assert other.get(["a"]) == {"a": b"1"}
    assert not any(b"a secret of some length" in path.read_bytes() for path in folder.iterdir())


def test_several_processes_share_it(folder: Path) -> None:
    code = "import sys; from whence.gallery.cached import Cache; c = Cache('g')\n"
    code += "for n in range(60): c.put({f'{sys.argv[1]}-{n}': sys.argv[1].encode() * 500})\n"
    processes = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "xyz"]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    found = Cache("g").get(f"{name}-{number}" for name in "xyz" for number in range(60))
    assert len(found) == 180
    assert found["y-7"] == b"y" * 500
