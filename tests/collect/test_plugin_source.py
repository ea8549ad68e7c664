"""A service of somebody else's package plugs in by an entry point, as those that come with whence do."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import pytest
from runs import ids, table
from servers.panoramax import PanoramaxServer
from servers.service import shots

from samples import Run
from whence import plugins
from whence.collect.areas import Cell
from whence.collect.http import Client
from whence.collect.keys import Secret
from whence.collect.licences import licence
from whence.collect.source import Listed, Listing, RemoteSource, Wanted
from whence.types import LatLon


class Archive:
    """Four photos, wherever one asks."""

    base: ClassVar[str] = "https://archive.example/"
    key_name: ClassVar[str] = "my-archive"
    key_help: ClassVar[str] = "from the archivist"
    per_second: ClassVar[float] = 5.0
    varies: ClassVar[bool] = False
    by_time: ClassVar[bool] = False
    has_text: ClassVar[bool] = False

    def __init__(self, client: Client, base: str, key: Secret | None, wanted: Wanted) -> None:
        self._base = base

    def search(self, cell: Cell, most: int | None) -> Listing:
        """All of them."""
        return Listing(
            [
                Listed(
                    f"N/{number}",
                    f"{self._base}/pictures/{number}.jpg",
                    licence("CC0"),
                    position=LatLon(45, number / 1e3),
                )
                for number in range(4)
            ]
        )

    def renew(self, photo: Listed) -> str | None:
        """Addresses last."""
        return None


def test_it_is_found_and_collected(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("My-Archive", f"{__name__}:Archive", plugins.COLLECTORS)
    monkeypatch.setattr(plugins, "registered", lambda group: [point])
    assert issubclass(plugins.load(plugins.COLLECTORS, "My-Archive"), Archive)
    monkeypatch.setenv("WHENCE_MY_ARCHIVE_KEY", "open-sesame")
    with PanoramaxServer(shots(4, first=0)) as server:
        words = ["--bbox", "44,-1,46,0.002", "--out", tmp_path / "out", "--base", server.base.removesuffix("/api")]
        done = run("collect", "My-Archive", *words, "--rate", 100)
    assert done.code == 0, done.err
    assert "(left out: 1 outside the area)" in done.err
    assert ids(tmp_path / "out" / "photos.csv") == ["N/0", "N/1", "N/2"]
    names = [row["path"] for row in table(tmp_path / "out" / "photos.csv")]
    assert all(name.startswith("photos/my-archive-x") and "/" not in name.removeprefix("photos/") for name in names)
    assert isinstance(Archive(Client("https://x"), "", None, Wanted()), RemoteSource)
