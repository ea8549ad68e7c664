"""The one writer of a gallery in object storage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from whence.errors import GalleryBusyError, GalleryError
from whence.gallery import lease
from whence.gallery.lease import Lease, leased

KEY, PLACE = ".whence.lock", "s3://bucket/g"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """A store that heeds conditions."""
    monkeypatch.setenv("WHENCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lease, "BEAT_S", 0.05)
    monkeypatch.setattr(lease, "_LOOK_S", 0.05)
    return MemoryStore()


def said(store: MemoryStore) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(obstore.get(store, KEY).bytes()))
    return found


def until(met: Callable[[], bool]) -> None:
    end = monotonic() + 30
    while not met():
        assert monotonic() < end
        sleep(0.02)


def test_it_is_held_renewed_and_given_back(store: MemoryStore) -> None:
    with leased(store, KEY, PLACE, "") as held:
        held.assure()
        first = said(store)
        until(lambda: said(store)["beat"] > first["beat"] + 2)
        assert said(store)["owner"] == first["owner"]
    assert said(store)["owner"] == ""
    with leased(store, KEY, PLACE, ""):
        assert said(store)["owner"] not in ("", first["owner"])


def test_a_second_writer_on_the_same_computer_is_told_at_once(store: MemoryStore) -> None:
    with leased(store, KEY, PLACE, "") as held:
        with pytest.raises(GalleryBusyError, match="being written"), leased(store, KEY, PLACE, ""):
            pytest.fail("two writers")
        held.assure()


def test_a_writer_on_another_computer_is_seen_to_live(store: MemoryStore) -> None:
    with leased(store, KEY, PLACE, "") as held:
        other = Lease(store, KEY, PLACE, "another-computer")
        with pytest.raises(GalleryBusyError, match=r"being written by another process \(process \d+ on "):
            other.take()
        held.assure()


def _left(store: MemoryStore, machine: str) -> None:
    """What a writer that was killed leaves."""
    dead = {"machine": machine, "owner": "somebody", "process": 1, "host": "there", "beat": 7}
    obstore.put(store, KEY, json.dumps(dead).encode())


def test_a_dead_writer_on_another_computer_is_replaced_when_it_was_silent(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SILENT_S", 0.3)
    _left(store, "another-computer")
    with leased(store, KEY, PLACE, ""):
        assert said(store)["owner"] not in ("", "somebody")


def test_a_dead_writer_on_this_computer_is_replaced_without_waiting(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_LOOK_S", 1e9)  # to wait would be noticed
    with leased(store, KEY, PLACE, ""):
        machine = said(store)["machine"]
    _left(store, machine)
    with leased(store, KEY, PLACE, ""):
        assert said(store)["owner"] not in ("", "somebody")


def test_a_lock_file_that_was_copied_there_means_nothing(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_LOOK_S", 1e9)
    obstore.put(store, KEY, b"")
    with leased(store, KEY, PLACE, ""):
        assert said(store)["owner"]


@pytest.mark.parametrize("left", [b"no JSON", b"[1]", b"\xff"])
def test_an_object_that_says_nothing_is_replaced(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    monkeypatch.setattr(lease, "SILENT_S", 0.1)
    obstore.put(store, KEY, left)
    with leased(store, KEY, PLACE, ""):
        assert said(store)["owner"]


def test_who_was_replaced_learns_it_and_takes_nothing_back(store: MemoryStore) -> None:
    with leased(store, KEY, PLACE, "") as held:
        _left(store, "another-computer")
        with pytest.raises(GalleryBusyError, match="run the same command again"):
            until(lambda: bool(held.assure()))
    assert said(store)["owner"] == "somebody"


def test_who_cannot_reach_the_store_for_too_long_stops(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with leased(store, KEY, PLACE, "") as held:
        monkeypatch.setattr(lease, "SILENT_S", -1.0)
        with pytest.raises(GalleryBusyError, match="cut off"):
            held.assure()


def test_a_store_that_heeds_no_conditions_is_refused(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*given: Any, mode: Any = None, **more: Any) -> Any:
        return put(*given, **more)

    put = obstore.put
    monkeypatch.setattr(obstore, "put", careless)
    with pytest.raises(GalleryError, match="whatever the condition"), leased(store, KEY, PLACE, ""):
        pytest.fail("no lock")
