"""Fixtures that several tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import whence
from networks import write_describers, write_networks
from object_server import ObjectServer, serving
from samples import Done, Run, World, write_world
from scenes import Scene, write_scene
from web_servers import Server, started
from whence.cli import main
from whence.models import catalogue, store
from whence.models.catalogue import Model
from whence.photos.decode import Decoded, decode

if TYPE_CHECKING:
    from browsers import Browser


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A rendered town, indexed twice: by latitude and longitude, and by x and y. Nobody writes to it."""
    made = write_world(tmp_path_factory.mktemp("world"))
    whence.index(made.photos, made.gallery)
    whence.index(made.table, made.plan)
    return made


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Walls and photos of them, for evaluation, written and indexed once. Nobody writes to it."""
    return write_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="session")
def small_networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Model]]:
    """Networks that tests make themselves, and what a catalogue says of them."""
    folder = tmp_path_factory.mktemp("networks")
    made = write_networks(folder)
    return folder, {made.name: made, **write_describers(folder, catalogue.models())}


@pytest.fixture
def networks(small_networks: tuple[Path, dict[str, Model]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of small networks, in the place of the published ones for the time of a test."""
    folder, made = small_networks
    monkeypatch.setattr(catalogue, "models", lambda: made)
    monkeypatch.setenv(store.VARIABLE, str(folder))
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line in this process and catches all that reaches stdout and stderr, even from C++."""

    def command(*words: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["whence", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        found = capfd.readouterr()
        return Done(code if isinstance(code, int) else 0, found.out, found.err)

    return command


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes in bytes of all photos whose pixels `index` decodes during the test."""
    sizes: list[int] = []

    def spy(data: bytes, *, max_side: int) -> Decoded:
        sizes.append(len(data))
        return decode(data, max_side=max_side)

    monkeypatch.setattr("whence.locate.reading.decode", spy)
    return sizes


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectServer]:
    """Object storage on this computer. Tests name places of their own there."""
    with serving() as one:
        yield one


@pytest.fixture
def objects(object_server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    """``object_server``, with what a process needs to use it, and a cache that is empty."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**object_server.environment, "WHENCE_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    return object_server


@pytest.fixture(scope="session")
def server(world: World) -> Iterator[Server]:
    """One for all tests that leave it as it is."""
    with started(world.gallery, "--per-minute", "100000") as one:
        yield one


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    """Speaks to ``server``."""
    with httpx.Client(base_url=server.api, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests of the page."""
    from browsers import chromium_in

    driver = chromium_in(tmp_path_factory.mktemp("downloads"))
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Browser]:
    """The page, open and ready, and no complaint of the browser's when the test is over."""
    from browsers import complaints, opened

    chromium.set_window_size(1280, 900)
    opened(chromium, server.address)
    yield chromium
    assert complaints(chromium) == []


@pytest.fixture(scope="session")
def sure(world: World, server: Server) -> list[Path]:
    """Queries that the gallery locates."""
    with httpx.Client(base_url=server.api, timeout=60) as http:
        answers = {
            name: http.post("/locate", files={"photo": (world.queries / name).read_bytes()}).json()
            for name in sorted(world.truth)[:8]
        }
    located = [world.queries / name for name, answer in answers.items() if answer["status"] == "located"]
    assert len(located) >= 3
    return located
