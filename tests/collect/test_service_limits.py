"""What is special about each service: its caps, its errors, and answers that differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from runs import arm, grid, ids, licensed, run, table
from servers.commons import CommonsServer
from servers.flickr import FlickrServer
from servers.mapillary import MapillaryServer
from servers.panoramax import PanoramaxServer
from servers.service import SOUTH, WEST, said, shots

from whence.collect.areas import Box
from whence.collect.request import Area
from whence.errors import CollectError
from whence.types import LatLon


def test_flickr_forgets_and_is_asked_until_nothing_new_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("flickr", monkeypatch)
    given = licensed("flickr", shots(300, alike=True))
    with FlickrServer(given, forgets=0.2) as server:
        done = run("flickr", server, tmp_path / "out", grid(30, 10), list_only=True)
        searches = [asked for asked in server.log if "search" in asked.given["method"]]
    assert done.listed >= 0.99 * len(given)  # one answer has 80 % of them
    assert len(searches) >= 4


def test_flickr_is_cut_in_time_where_one_pin_has_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("flickr", monkeypatch)
    given = [
        replace(shot, lat=SOUTH, lon=WEST, uploaded_s=1_300_000_000 + number * 7200, licence="5")
        for number, shot in enumerate(shots(4300, alike=True))
    ]
    with FlickrServer(given) as server:
        done = run("flickr", server, tmp_path / "out", grid(1, 1), list_only=True)
    assert (done.listed, done.crowded) == (4300, 0)


def test_flickr_says_when_even_an_hour_has_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("flickr", monkeypatch)
    given = [replace(shot, lat=SOUTH, lon=WEST, licence="5") for shot in shots(4010, alike=True)]
    with FlickrServer(given) as server:
        done = run("flickr", server, tmp_path / "out", grid(1, 1), list_only=True)
    assert done.crowded >= 1
    assert done.listed == 4000


def test_flickr_by_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("flickr", monkeypatch)
    given = [
        replace(shot, title="Venice, building" if number < 3 else "cat", licence="4")
        for number, shot in enumerate(shots(9))
    ]
    with FlickrServer(given) as server:
        run("flickr", server, tmp_path / "box", Area(grid(1, 9).box, query="Venice, building"))
        run("flickr", server, tmp_path / "anywhere", Area(query="Venice, building"))
    assert (
        ids(tmp_path / "box" / "photos.csv") == ids(tmp_path / "anywhere" / "photos.csv") == [s.id for s in given[:3]]
    )


def test_flickr_has_a_bad_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("flickr", monkeypatch)
    with FlickrServer(licensed("flickr", shots(3))) as server:
        busy = said({"stat": "fail", "code": 105, "message": "Service currently unavailable"})
        server.mishaps += [("/services", busy), ("/services", busy)]
        assert run("flickr", server, tmp_path / "out", grid(1, 3)).listed == 3


def test_a_limit_is_not_all_from_one_corner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("mapillary", monkeypatch)
    with MapillaryServer(shots(400, alike=True), heavy=20) as server:
        done = run("mapillary", server, tmp_path / "out", replace(grid(40, 10), limit=60), list_only=True)
    rows = table(tmp_path / "out" / "list.csv")
    assert done.listed == len(rows) == 60
    lats = [float(row["lat"]) for row in rows]
    assert max(lats) - min(lats) > 0.5 * 0.0005 * 40


def test_mapillary_asks_for_less_when_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("mapillary", monkeypatch)
    with MapillaryServer(shots(100, alike=True), heavy=30) as server:
        done = run("mapillary", server, tmp_path / "out", grid(10, 10), list_only=True)
        assert (done.listed, done.crowded) == (100, 0)
        assert done.requests < 12  # refusals to be divided are not repeated


def test_mapillary_boxes_stay_below_a_hundredth_of_a_square_degree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm("mapillary", monkeypatch)
    with MapillaryServer(shots(20)) as server:
        wide = Area(Box(SOUTH - 0.1, WEST - 0.1, SOUTH + 0.1, WEST + 0.1))
        assert run("mapillary", server, tmp_path / "out", wide, list_only=True).listed == 20


def test_addresses_that_expired_are_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("mapillary", monkeypatch)
    with MapillaryServer(shots(5)) as server:
        run("mapillary", server, tmp_path / "out", grid(1, 5), list_only=True)
        server.age = 1
        done = run("mapillary", server, tmp_path / "out", grid(1, 5))
    assert (done.fetched, done.failed) == (5, [])


def test_commons_answers_in_pieces(tmp_path: Path) -> None:
    with CommonsServer(licensed("commons", shots(30)), piece=7) as server:
        done = run("commons", server, tmp_path / "out", grid(3, 10))
        assert (done.pictures, done.requests) == (30, 30 + 5)


def test_commons_has_lag_and_says_so_in_an_answer(tmp_path: Path) -> None:
    with CommonsServer(licensed("commons", shots(3))) as server:
        late = {"error": {"code": "maxlag", "info": "Waiting for a host: 9 seconds lagged"}}
        lag = said(late, headers={"Retry-After": "0"})
        server.mishaps.append(("/w/", lag))
        assert run("commons", server, tmp_path / "out", grid(1, 3)).listed == 3


def test_commons_boxes_too_large_and_too_small(tmp_path: Path) -> None:
    with CommonsServer(licensed("commons", shots(20))) as server:
        wide = Area(Box(SOUTH - 0.3, WEST - 0.3, SOUTH + 0.3, WEST + 0.3))
        assert run("commons", server, tmp_path / "wide", wide, list_only=True).listed == 20
        tiny = Area(Box(SOUTH - 1e-6, WEST - 1e-6, SOUTH + 1e-6, WEST + 1e-6))
        assert run("commons", server, tmp_path / "tiny", tiny, list_only=True).listed == 1


def test_commons_by_text_with_and_without_a_place(tmp_path: Path) -> None:
    given = licensed("commons", shots(140, alike=True))
    given = [replace(shot, title="Paintings of Venice" if number % 2 else "Cats") for number, shot in enumerate(given)]
    given[1] = replace(given[1], lat=95.0)  # nobody knows where
    with CommonsServer(given) as server:
        anywhere = run("commons", server, tmp_path / "any", Area(query="paintings of Venice"))
        here = run("commons", server, tmp_path / "box", Area(grid(2, 10).box, query="paintings of Venice"))
        some = run("commons", server, tmp_path / "some", Area(query="paintings of Venice", limit=60), list_only=True)
        asked = [asked.given.get("gsrsearch", "") for asked in server.log]
    assert (anywhere.pictures, some.listed) == (70, 60)
    assert here.pictures == 9
    assert {row["id"]: row["lat"] for row in table(tmp_path / "any" / "photos.csv")}[given[1].id] == ""
    assert all("filetype:bitmap" in words for words in asked if words)


def test_commons_refuses(tmp_path: Path) -> None:
    with CommonsServer([]) as server:
        server.mishaps.append(("/w/", said({"error": {"code": "badvalue", "info": "Unrecognized value"}})))
        with pytest.raises(CollectError, match="commons refuses the question: Unrecognized value"):
            run("commons", server, tmp_path / "out", grid(1, 1))


def test_panoramax_pages(tmp_path: Path) -> None:
    with PanoramaxServer(shots(95, alike=True)) as server:
        server.page = 20
        done = run("panoramax", server, tmp_path / "out", grid(10, 10), list_only=True)
        assert (done.listed, done.requests) == (95, 5)


def test_headings_of_every_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("mapillary", monkeypatch)
    with MapillaryServer(shots(10)) as server:
        run("mapillary", server, tmp_path / "out", grid(1, 10), list_only=True)
    headings = [row["heading"] for row in table(tmp_path / "out" / "list.csv")]
    assert headings[:3] == ["0.00", "7.00", "14.00"]
    assert headings[9] == "1.00"  # 361 as the camera gave it


def test_results_outside_the_box_are_dropped(tmp_path: Path) -> None:
    with PanoramaxServer(shots(20)) as server:
        server.within = lambda *box: server.shots
        done = run("panoramax", server, tmp_path / "out", grid(1, 5))
    assert (done.pictures, done.outside) == (5, 15)


def test_a_circle_is_round(tmp_path: Path) -> None:
    with PanoramaxServer(shots(100, alike=True)) as server:
        done = run("panoramax", server, tmp_path / "out", Area.circle(LatLon(SOUTH, WEST), 0.3), list_only=True)
    rows = table(tmp_path / "out" / "list.csv")
    assert 0 < done.listed == len(rows) < 100
    assert done.outside > 0


def test_coarse_positions_are_left_out_on_demand(tmp_path: Path) -> None:
    with PanoramaxServer(shots(5)) as server:  # which claims 4 m
        assert run("panoramax", server, tmp_path / "a", grid(1, 5), worst_accuracy_m=5.0).listed == 5
        done = run("panoramax", server, tmp_path / "b", grid(1, 5), worst_accuracy_m=3.0)
    assert (done.listed, done.refused) == (0, 5)


def test_classes_have_labels_and_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arm("flickr", monkeypatch)
    given = [replace(shot, title="streets", licence="5") for shot in shots(40)]
    first, second = grid(2, 10).box, Box(SOUTH + 0.0009, WEST - 0.0001, SOUTH + 0.002, WEST + 0.006)
    with FlickrServer(given) as server:
        areas = [Area(first, query="streets", label="low", limit=7), Area(second, query="streets", label="high")]
        run("flickr", server, tmp_path / "out", areas)
    labels = [row["label"] for row in table(tmp_path / "out" / "photos.csv")]
    assert labels == ["high"] * 20 + ["low"] * 7


def test_a_limit_counts_what_is_wanted_alone(tmp_path: Path) -> None:
    given = [replace(s, licence="CC-BY-SA-4.0" if n % 9 == 0 else "CC-BY-NC-4.0") for n, s in enumerate(shots(90))]
    with PanoramaxServer(given) as server:
        server.page = 5
        done = run("panoramax", server, tmp_path / "out", replace(grid(9, 10), limit=6), list_only=True)
    assert done.listed == 6


def test_across_the_antimeridian(tmp_path: Path) -> None:
    given = [replace(s, lat=-17.0, lon=lon) for s, lon in zip(shots(4), (179.9, 179.99, -179.99, 170.0), strict=True)]
    with PanoramaxServer(given) as server:
        run("panoramax", server, tmp_path / "box", Area(Box(-17.1, 179.8, -16.9, -179.9)))
        run("panoramax", server, tmp_path / "circle", Area.circle(LatLon(-17.0, 179.995), 5.0))
        asked = [[float(side) for side in one.given["bbox"].split(",")] for one in server.log if "bbox" in one.given]
    assert ids(tmp_path / "box" / "photos.csv") == [shot.id for shot in given[:3]]
    assert ids(tmp_path / "circle" / "photos.csv") == [shot.id for shot in given[1:3]]
    assert all(west < east for west, _, east, _ in asked)  # the services know no other boxes
