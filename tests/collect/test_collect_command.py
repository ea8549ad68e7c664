"""``whence collect`` as a user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from runs import corners
from servers.panoramax import PanoramaxServer
from servers.service import Said, Shot, shots

import whence
from samples import Run
from whence import plugins
from whence.collect.keys import variable
from whence.worlds import Town

BOX = corners(2, 10)


def test_from_nothing_to_a_table(run: Run, tmp_path: Path) -> None:
    with PanoramaxServer(shots(20)) as server:
        words = [
            "collect",
            "panoramax",
            "--bbox",
            BOX,
            "--out",
            tmp_path / "out",
            "--base",
            server.base,
            "--rate",
            1000,
        ]
        listed = run(*words, "--list-only")
        assert (listed.code, listed.out) == (0, "")
        assert "20 photos listed" in listed.err
        assert "list.csv" in listed.err
        assert not (tmp_path / "out" / "photos.csv").exists()
        assert server.fetched == []
        done = run(*words)
        assert (done.code, done.out) == (0, "")
        assert "20 fetched" in done.err
        assert "next: whence index" in done.err
        again = run(*words)
        assert "0 fetched" in again.err
        assert len(server.fetched) == 20


def test_some_pictures_fail(run: Run, tmp_path: Path) -> None:
    with PanoramaxServer(shots(20)) as server:
        server.mishaps += [("/pictures/", Said(404))] * 7
        words = [
            "collect",
            "panoramax",
            "--bbox",
            BOX,
            "--out",
            tmp_path / "out",
            "--base",
            server.base,
            "--rate",
            1000,
        ]
        done = run(*words)
        assert (done.code, done.out) == (1, "")
        assert "failed 7 pictures: the server says 404" in done.err
        assert "13 fetched" in done.err
        assert run(*words).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["panoramax"], "say where: --bbox"),
        (["panoramx", "--bbox", BOX], "did you mean 'panoramax'"),
        (["instagram", "--bbox", BOX], "no collector named 'instagram'; known: commons, flickr"),
        (["panoramax", "--bbox", "1,2,3"], "expected S,W,N,E"),
        (["panoramax", "--bbox", "-90,-180,90,180"], "larger than a million square kilometres"),
        (["panoramax", "--near", "45,12"], "--near needs --radius-km"),
        (["panoramax", "--bbox", BOX, "--query", "cats"], "panoramax cannot search for text"),
        (["panoramax", "--bbox", BOX, "--licence", "gpl"], "--licence gpl: no such licence"),
        (["panoramax", "--bbox", BOX, "--size", "3"], "--size 3: expected at least 64"),
        (["panoramax", "--bbox", BOX, "--accuracy", "-3"], "--accuracy -3: expected metres"),
        (["panoramax", "--bbox", BOX, "--rate", "0"], "--rate 0: expected requests a second"),
        (["panoramax", "--bbox", BOX, "--base", "nonsense"], "no address that may be asked"),
        (["panoramax", "--bbox", BOX, "--base", "http://x/?key=abcdefgh"], "--base: expected an address without ?"),
        (["panoramax", "--bbox", BOX, "--contact", "a\nb"], "--contact: expected a mail address"),
        (["flickr", "--bbox", BOX], "flickr needs a key of your own"),
        (["mapillary", "--bbox", BOX], "WHENCE_MAPILLARY_KEY"),
        (["flickr", "--classes", "none.csv"], "none.csv"),
        (["flickr", "--classes", "none.csv", "--bbox", BOX], "--classes says where"),
    ],
)
def test_misuse(words: list[str], said: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHENCE_FLICKR_KEY", raising=False)
    monkeypatch.delenv("WHENCE_MAPILLARY_KEY", raising=False)
    monkeypatch.setattr("whence.collect.keys._from_keyring", lambda name: "")
    done = run("collect", *words, "--out", tmp_path / "out")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert "abcdefgh" not in done.err
    assert not (tmp_path / "out").exists()


def test_out_is_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    done = run("collect", "panoramax", "--bbox", BOX, "--out", tmp_path / "file")
    assert done.code == 2
    assert "is a file; expected a folder" in done.err


def test_without_the_extra(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "urllib3", None)
    monkeypatch.delitem(sys.modules, "whence.collect.transport", raising=False)
    monkeypatch.delattr("whence.collect.transport", raising=False)
    done = run("collect", "panoramax", "--bbox", BOX, "--out", tmp_path / "out")
    assert done.code == 2
    assert "pip install 'whence[collect]'" in done.err


def test_keys_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    from whence.collect import keys

    ring = types.SimpleNamespace(get_password=lambda service, name: f"{service}-{name}-12345678")
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.delenv("WHENCE_FLICKR_KEY", raising=False)
    assert keys.find("flickr", "").reveal() == "whence-flickr-12345678"
    monkeypatch.setenv("WHENCE_FLICKR_KEY", "from-the-environment")
    found = keys.find("flickr", "")
    assert found.reveal() == "from-the-environment"
    assert "from-the" not in f"{found} {found!r} {[found]} {vars(type(found))}"
    with pytest.raises(TypeError):
        json.dumps({"key": found})


def test_the_page_says_what_the_services_say() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "howto" / "collecting.md").read_text("utf-8").split())
    rates = []
    for name in ("commons", "flickr", "mapillary", "panoramax"):
        made = plugins.load(plugins.COLLECTORS, name)
        key = f"`{variable(made.key_name)}`" if made.key_name else "none"
        (row,) = re.findall(rf"\| `{name}` \|[^|]*\| ([^|]*) \| ([^|]*) \|", page)
        assert row[0] == key
        assert ("text" in row[1]) == made.has_text
        rates.append(made.per_second)
    assert rates == [1, 1, 4, 2]
    assert "1 to Flickr (of 3,600 an hour) and Commons, 4 to Mapillary, 2 to Panoramax, 5 to hosts of pictures" in page


@pytest.mark.slow
def test_a_thousand_pictures(tmp_path: Path, run: Run) -> None:
    """How many requests it takes, and that a repeated run makes none."""
    given = shots(1000, columns=40, alike=True)
    with PanoramaxServer(given) as server:
        box = corners(25, 40)
        words = ["collect", "panoramax", "--bbox", box, "--out", tmp_path / "out", "--base", server.base, "--rate"]
        done = run(*words, 1000)
        assert "1,003 requests" in done.err  # as many as may be might not be all: the halves are asked, too
        again = run(*words, 1000)
        assert "(0 requests" in again.err
        assert len(server.log) == 1003


@pytest.mark.slow
def test_collect_index_and_locate(tmp_path: Path, run: Run) -> None:
    """A rendered town is published; it is collected, indexed, audited, and a photo nobody published is located."""
    from whence.geo.distance import offset
    from whence.types import LatLon
    from whence.worlds import write_photo

    town = Town(5, (1, 1))
    published = []
    for number, view in enumerate(town.survey(18.0)):
        place, file = town.geolocate(view), tmp_path / "one.jpg"
        write_photo(file, town.render(view, 360, 270))
        published.append(Shot(str(number), place.lat, place.lon, file.read_bytes(), view.heading_deg))
    query = next(view for view in town.queries(18, spacing_m=18.0) if view.light.glow < 0.5)
    write_photo(tmp_path / "query.jpg", town.render(query, 360, 270))
    box = (
        min(shot.lat for shot in published) - 1e-5,
        min(shot.lon for shot in published) - 1e-5,
        max(shot.lat for shot in published) + 1e-5,
        max(shot.lon for shot in published) + 1e-5,
    )
    with PanoramaxServer(published) as server:
        words = ["--bbox", ",".join(map(str, box)), "--base", server.base, "--rate", 1000]
        done = run("collect", "panoramax", *words, "--out", tmp_path / "town")
        assert done.code == 0
        assert f"{len(published)} fetched" in done.err
    indexed = run("index", tmp_path / "town" / "photos.csv", "--gallery", tmp_path / "gallery")
    assert indexed.code == 0
    assert f"{len(published)} added" in indexed.err
    assert len(whence.Gallery.open(tmp_path / "gallery")) == len(published)
    audited = run("audit", tmp_path / "gallery", "--out", tmp_path / "audit", "--format", "jsonl")
    assert audited.code == 0
    assert all(0 <= suspect["probability"] <= 1 for suspect in audited.answers)
    assert (tmp_path / "audit" / "audit.html").stat().st_size > 1000
    found = run("locate", tmp_path / "query.jpg", "--gallery", tmp_path / "gallery", "--format", "jsonl")
    answer = json.loads(found.out)
    assert answer["status"] == "located"
    position = LatLon(answer["position"]["lat"], answer["position"]["lon"])
    assert offset(position, town.geolocate(query))[0] < 25
    assert re.fullmatch(r"photos/panoramax-\d+\.jpg|.*panoramax-\d+\.jpg", answer["candidates"][0]["path"])
