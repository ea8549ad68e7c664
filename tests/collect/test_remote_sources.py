"""What every registered service promises, built-in or third-party, held against servers that behave as published."""

from __future__ import annotations

import logging
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from runs import KINDS, arm, grid, ids, licensed, run, table
from servers.service import shots

from whence import plugins
from whence.collect.http import Client
from whence.collect.keys import Secret
from whence.collect.source import RemoteSource, Wanted
from whence.errors import CollectError, InputError
from whence.photos.sources import open_source
from whence.types import LatLon, Photo

services = pytest.mark.parametrize("name", plugins.names(plugins.COLLECTORS))


@pytest.fixture(autouse=True)
def _known(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    name = request.node.callspec.params["name"] if hasattr(request.node, "callspec") else None
    if name is not None and name not in KINDS:
        pytest.skip(f"no server for the service {name}")
    if name is not None:
        arm(name, monkeypatch)


@services
def test_the_class_is_a_remote_source(name: str) -> None:
    made = plugins.load(plugins.COLLECTORS, name)
    assert isinstance(made(Client(made.base), made.base, Secret("0123456789"), Wanted()), RemoteSource)
    assert made.base.startswith("https://")
    assert 0 < made.per_second <= 10
    assert bool(made.key_name) == bool(made.key_help)


@services
def test_all_of_a_box_and_nothing_else(name: str, tmp_path: Path) -> None:
    given = licensed(name, shots(60))
    with KINDS[name].server(given) as server:
        done = run(name, server, tmp_path / "out", grid(4, 5))
    wanted = {shot.id: shot for number, shot in enumerate(given) if number < 40 and number % 10 < 5}
    rows = {row["id"]: row for row in table(tmp_path / "out" / "photos.csv")}
    assert set(rows) == set(wanted)
    assert (done.listed, done.pictures, done.fetched, done.failed) == (20, 20, 20, [])
    for key, row in rows.items():
        shot = wanted[key]
        assert float(row["lat"]) == pytest.approx(shot.lat, abs=1e-7)
        assert float(row["lon"]) == pytest.approx(shot.lon, abs=1e-7)
        assert (tmp_path / "out" / row["path"]).read_bytes() == shot.data
        assert row["author"] == "Ada"
        assert row["licence"].startswith("CC BY-SA ")
        assert row["licence_url"].startswith("https://creativecommons.org/licenses/by-sa/")
        assert shot.id in row["page"]
        assert row["source"] == name
        assert (row["width"], row["height"]) == ("64", "48")


@services
def test_index_reads_the_table_as_it_is(name: str, tmp_path: Path) -> None:
    given = licensed(name, shots(6))
    with KINDS[name].server(given) as server:
        run(name, server, tmp_path / "out", grid(1, 6))
    photos = list(open_source(tmp_path / "out" / "photos.csv").photos())
    assert all(isinstance(photo, Photo) for photo in photos)
    assert [photo.position for photo in photos if isinstance(photo, Photo)] == [
        LatLon(round(shot.lat, 7), round(shot.lon, 7)) for shot in given
    ]
    assert all(photo.time is not None for photo in photos if isinstance(photo, Photo))


@services
def test_only_licences_that_are_taken(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    if not kind.reserved:
        pytest.skip(f"{name} has one licence alone")
    given = [replace(shot, licence=kind.reserved if int(shot.id) % 2 else kind.free) for shot in shots(10)]
    with kind.server(given) as server:
        done = run(name, server, tmp_path / "out", grid(1, 10))
        assert ids(tmp_path / "out" / "photos.csv") == [shot.id for shot in given if shot.licence == kind.free]
        assert {name.removesuffix(".jpg") for name in server.fetched} == set(ids(tmp_path / "out" / "photos.csv"))
        all_of_them = run(name, server, tmp_path / "all", grid(1, 10), licences="open,by-nc,reserved")
    assert (done.listed, all_of_them.listed) == (5, 10)


@services
def test_boxes_are_cut_below_the_cap(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    given = licensed(name, shots(kind.cap + 150, columns=50, alike=True))
    with kind.capped(given) as server:
        done = run(name, server, tmp_path / "out", grid(-(-len(given) // 50), 50), list_only=True)
    assert set(ids(tmp_path / "out" / "list.csv")) == {shot.id for shot in given}
    assert (done.listed, done.crowded, done.outside) == (len(given), 0, 0)


@services
def test_a_second_run_asks_for_nothing(name: str, tmp_path: Path) -> None:
    with KINDS[name].server(licensed(name, shots(12))) as server:
        run(name, server, tmp_path / "out", grid(2, 10))
        before = len(server.log)
        again = run(name, server, tmp_path / "out", grid(2, 10))
        assert (len(server.log), again.requests, again.fetched, again.pictures) == (before, 0, 0, 12)


@services
def test_no_key_is_ever_told(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    key = KINDS[name].key
    if key is None:
        pytest.skip(f"{name} needs no key")
    caplog.set_level(logging.DEBUG)
    with KINDS[name].server(licensed(name, shots(3))) as server:
        done = run(name, server, tmp_path / "out", grid(1, 3))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) > 6
    assert not any(key[1].encode() in path.read_bytes() for path in files)
    assert not any(key[1] in asked.path for asked in server.log)
    assert not any(key[1] in asked.raw for asked in server.log if asked.method == "GET")  # nor in what proxies log
    told = capfd.readouterr()
    assert key[1] not in caplog.text + told.out + told.err + repr(done)


@services
def test_a_wrong_key_is_not_told_either(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = KINDS[name].key
    if key is None:
        pytest.skip(f"{name} needs no key")
    monkeypatch.setenv(key[0], "wrong-0123456789")
    with KINDS[name].server([]) as server, pytest.raises(CollectError, match=r"(?i)invalid") as refused:
        run(name, server, tmp_path / "out", grid(1, 3))
    error: BaseException | None = refused.value
    while error is not None:
        assert "wrong-0123456789" not in str(error) + repr(error)
        assert "\n" not in str(error)
        error = error.__cause__ or error.__context__
    monkeypatch.delenv(key[0])
    with pytest.raises(InputError, match=key[0]):
        run(name, server, tmp_path / "out2", grid(1, 3))


@services
def test_values_of_the_wrong_kind_cost_no_more_than_their_photos(name: str, tmp_path: Path) -> None:
    """Whatever of one photo is missing or something else, the other photos come."""
    given = licensed(name, shots(4))
    wrongs: list[Any] = [None, [], {}, "", "x", -1, 1e300, True]
    for wrong in wrongs:
        with KINDS[name].server(given) as server:
            server.spoil = lambda told, wrong=wrong: spoilt(told, given[1].id, wrong)
            run(name, server, tmp_path / f"out-{wrong!r:.5}", grid(1, 4))
        assert {given[0].id, given[2].id, given[3].id} <= set(ids(tmp_path / f"out-{wrong!r:.5}" / "photos.csv"))


def spoilt(told: Any, name: str, wrong: Any) -> Any:
    """An answer in which every value of one photo but its id is replaced."""
    if isinstance(told, list):
        return [spoilt(one, name, wrong) for one in told]
    if not isinstance(told, dict):
        return told
    if str(told.get("id", told.get("pageid"))) == name:
        return {key: value if key in ("id", "pageid") else wrong for key, value in told.items()}
    return {key: spoilt(value, name, wrong) for key, value in told.items()}


def test_every_service_of_ours_has_a_server() -> None:
    ours = {point.name for point in entry_points(group=plugins.COLLECTORS) if point.value.startswith("whence.")}
    assert ours == set(KINDS)
