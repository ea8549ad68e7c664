"""Servers that are busy, broken, slow or wicked."""

from __future__ import annotations

import re
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from runs import KINDS, arm, grid, run, table
from servers.panoramax import PanoramaxServer
from servers.service import Asked, Said, Service, jpeg, shots

from whence.collect.addresses import ForbiddenError, Origin, connect, public, shown
from whence.collect.fetching import Limits
from whence.collect.http import Client
from whence.collect.keys import Secret
from whence.errors import CollectError

PICTURE = {"Content-Type": "image/jpeg"}


def test_retry_after_is_obeyed(tmp_path: Path) -> None:
    with PanoramaxServer(shots(3)) as server:
        server.mishaps.append(("/api", Said(429, b"{}", {"Retry-After": "1"})))
        started = time.monotonic()
        done = run("panoramax", server, tmp_path / "out", grid(1, 3))
    assert time.monotonic() - started > 0.9
    assert done.pictures == 3


def test_a_server_that_wants_a_long_rest_gets_it(tmp_path: Path) -> None:
    with PanoramaxServer(shots(40)) as server:
        server.mishaps += [("/pictures/", Said(429, b"", {"Retry-After": "7200"}))] * 40
        done = run("panoramax", server, tmp_path / "out", grid(4, 10))
        asked = len(server.fetched)
        assert "wants to be left alone for 120 minutes" in done.given_up
        assert asked <= 16 + 4
        server.mishaps.clear()
        again = run("panoramax", server, tmp_path / "out", grid(4, 10))
    assert again.pictures == 40


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_what_may_pass_is_tried_again(status: int, tmp_path: Path) -> None:
    with PanoramaxServer(shots(2)) as server:
        server.mishaps += [("/api", Said(status, b"oops")), ("/pictures/", Said(status, b"oops"))]
        assert run("panoramax", server, tmp_path / "out", grid(1, 2)).pictures == 2


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Said(400, b'{"message": "bad bbox"}'), "127.0.0.1 says 400: bad bbox"),
        (Said(403, b"<html>no</html>"), "says 403"),
        (Said(200, b"<html>hello</html>", {"Content-Type": "text/html"}), "does not answer in JSON"),
        (Said(200, b"[" * 100_000), "does not answer in JSON"),
        (
            Said(301, b"", {"Location": "http://127.0.0.1:9/x"}),
            "must not be asked: 127.0.0.1 is an address of this computer",
        ),
        (Said(302, b"", {"Location": "file:///etc/passwd"}), "no address that may be asked"),
    ],
)
def test_what_does_not_pass_is_told_in_one_line(told: Said, words: str, tmp_path: Path) -> None:
    with PanoramaxServer(shots(2)) as server:
        server.mishaps.append(("/api", told))
        with pytest.raises(CollectError, match=words) as refused:
            run("panoramax", server, tmp_path / "out", grid(1, 2))
    assert "\n" not in str(refused.value)


def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    with PanoramaxServer([]) as server:
        base = server.base
    with pytest.raises(CollectError, match=r"127.0.0.1: Connection refused \(4 tries\)"):
        run("panoramax", server, tmp_path / "out", grid(1, 1), base=base)


def test_a_picture_that_breaks_off_is_gone_on_with(tmp_path: Path) -> None:
    given = shots(1)
    with PanoramaxServer(given) as server:
        whole = server.give_picture(_asking(server, given[0].id))
        server.mishaps.append(("/pictures/", replace_said(whole, cut=len(whole.body) // 2)))
        done = run("panoramax", server, tmp_path / "out", grid(1, 1))
        ranges = [asked.headers.get("Range") for asked in server.log if asked.path.startswith("/pictures/")]
    assert ranges == [None, f"bytes={len(whole.body) // 2}-"]
    assert (done.fetched, done.failed) == (1, [])
    assert (tmp_path / "out" / "photos" / "panoramax-100000.jpg").read_bytes() == given[0].data


def test_a_list_that_breaks_off_is_asked_for_again(tmp_path: Path) -> None:
    with PanoramaxServer(shots(20)) as server:
        whole = server.answer(Asked("GET", "/api/search", {"bbox": "-180,-90,180,90", "limit": "1000"}, {}, ""))
        server.mishaps += [
            ("/api", replace_said(whole, cut=2000)),
            ("/api", replace_said(whole, cut=2000, length=False)),
        ]
        with pytest.raises(CollectError, match="does not answer in JSON"):  # no length: nobody can tell
            run("panoramax", server, tmp_path / "out", grid(2, 10))
        assert len(server.log) == 2
        assert run("panoramax", server, tmp_path / "out", grid(2, 10)).pictures == 20


def test_no_more_pictures_at_once_than_were_allowed(tmp_path: Path) -> None:
    at_once, most, lock = [0], [0], threading.Lock()

    class Counting(PanoramaxServer):
        def give_picture(self, asked: Asked) -> Said:
            with lock:
                at_once[0] += 1
                most[0] = max(most[0], at_once[0])
            time.sleep(0.02)
            with lock:
                at_once[0] -= 1
            return super().give_picture(asked)

    with Counting(shots(30)) as server:
        run("panoramax", server, tmp_path / "out", grid(3, 10), workers=3)
    assert most == [3]


def test_a_picture_that_changed_meanwhile_is_not_patched_together(tmp_path: Path) -> None:
    given = shots(1)
    with PanoramaxServer(given) as server:
        whole = server.give_picture(_asking(server, given[0].id))
        other = replace_said(whole, cut=700)
        other.body, other.headers = jpeg(77), {**whole.headers, "ETag": '"old"'}
        server.mishaps.append(("/pictures/", other))
        run("panoramax", server, tmp_path / "out", grid(1, 1))
    assert (tmp_path / "out" / "photos" / "panoramax-100000.jpg").read_bytes() == given[0].data


def test_part_of_another_place_is_refused(tmp_path: Path) -> None:
    given = shots(1)
    with PanoramaxServer(given) as server:
        whole = server.give_picture(_asking(server, given[0].id))
        wrong = Said(206, whole.body, {**whole.headers, "Content-Range": f"bytes 0-9/{len(whole.body)}"})
        server.mishaps += [("/pictures/", replace_said(whole, cut=700)), ("/pictures/", wrong)]
        done = run("panoramax", server, tmp_path / "out", grid(1, 1))
        assert [reason for _, reason in done.failed] == ["the server gives another part than was asked for"]
        assert run("panoramax", server, tmp_path / "out", grid(1, 1)).pictures == 1


def blank_png(width: int, height: int) -> bytes:
    """Few bytes, many pixels."""
    return bytes(cv2.imencode(".png", np.zeros((height, width), np.uint8))[1])


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (Said(200, b"<html>", {"Content-Type": "text/html; charset=utf-8"}), "the server gives text/html, not a"),
        (Said(200, b"<html>" * 99, PICTURE), "not a picture: expected JPEG"),
        (Said(200, b"short", PICTURE), "what the server gives cannot be used: not a photo"),
        (Said(200, b"", PICTURE), "cannot be used: the file is empty"),
        (Said(200, jpeg(1)[:-200], PICTURE), "cannot be used: the JPEG file is cut short"),
        (Said(200, b"\xff\xd8\xff" + b"x" * 5000, PICTURE), "cannot be used: "),
        (
            Said(200, blank_png(1200, 1000), {"Content-Type": "image/png"}),
            "1200 x 1000 pixels, more than the 1 million",
        ),
        (
            Said(200, jpeg(1) + b"\0" * 20_000, PICTURE),
            "23,?[0-9]+ bytes, more than the 20,000 allowed|bytes, more than",
        ),
        (Said(200, jpeg(1) + b"\0" * 20_000, PICTURE, length=False), "more than the 20,000 bytes allowed"),
        (Said(200, jpeg(1), {**PICTURE, "Content-Encoding": "gzip"}), "compressed"),
        (Said(404), "the server says 404"),
        (Said(410), "the server says 410"),
        (Said(418), "the server says 418"),
        (
            Said(302, b"", {"Location": "http://[::1]:80/x.jpg"}),
            "must not be asked: ::1 is an address of this computer",
        ),
        (Said(302, b"", {"Location": "http://127.0.0.1:9/x.jpg"}), "must not be asked: 127.0.0.1 is an address"),
        (Said(302, b"", {"Location": "http://169.254.169.254/latest"}), "must not be asked"),
        (Said(302, b"", {"Location": "http://0x7f000001/"}), "must not be asked|not known|resolution|failure"),
        (Said(302, b"", {"Location": "ftp://example.org/x.jpg"}), "no address that may be asked"),
        (Said(302, b"", {"Location": "http://user:pw@127.0.0.1/x"}), "no address that may be asked"),
    ],
)
def test_pictures_that_cannot_be_had(told: Said, reason: str, tmp_path: Path) -> None:
    with PanoramaxServer(shots(3)) as server:
        server.mishaps.append(("/pictures/100001", told))
        server.mishaps += [("/pictures/100001", told)] * 5
        limits = Limits(bytes=20_000, pixels=1_000_000, seconds=30)
        done = run("panoramax", server, tmp_path / "out", grid(1, 3), limits=limits)
        assert [name for name, _ in done.failed] == ["100001"]
        assert re.search(reason, done.failed[0][1]), done.failed
        assert "\n" not in done.failed[0][1]
        assert done.pictures == 2
        server.mishaps.clear()
        assert run("panoramax", server, tmp_path / "out", grid(1, 3)).pictures == 3
    assert len(list((tmp_path / "out" / "photos").iterdir())) == 3
    assert list((tmp_path / "out" / ".collect" / "parts").iterdir()) == []


@pytest.mark.parametrize("status", [301, 307])
@pytest.mark.parametrize("name", ["flickr", "mapillary"])
def test_keys_are_not_carried_to_other_hosts(
    name: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm(name, monkeypatch)
    monkeypatch.setattr("whence.collect.addresses.public", lambda address: True)  # as if they were public
    with KINDS[name].server([]) as elsewhere, KINDS[name].server([]) as server:
        server.mishaps.append(("/", Said(status, b"", {"Location": f"{elsewhere.root}/images"})))
        with pytest.raises(CollectError, match="requests with a key do not go there"):
            run(name, server, tmp_path / "out", grid(1, 1))
        assert elsewhere.log == []


def test_links_to_other_hosts_get_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whence.collect.addresses.public", lambda address: True)
    with PanoramaxServer([]) as elsewhere, PanoramaxServer([]) as server:
        client = Client(server.base, own=True, per_second=1000, secret=Secret("0123456789"))
        with pytest.raises(CollectError, match="requests with a key do not go there"):
            client.ask(f"{elsewhere.root}/api/search", {})
        assert elsewhere.log == []


@pytest.mark.skipif(sys.platform == "darwin", reason="has one loopback address")
def test_nobody_else_leads_to_the_address_that_the_user_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service lies on 127.0.0.1 by the user's own word; a public host, here 127.0.0.2, must not lead there."""
    monkeypatch.setattr("whence.collect.addresses.public", lambda address: address == "127.0.0.2")
    with PanoramaxServer(shots(1)) as server, PanoramaxServer(shots(1), host="127.0.0.2") as elsewhere:
        server.picture = elsewhere.picture
        elsewhere.mishaps.append(("/pictures/", Said(302, b"", {"Location": f"{server.root}/pictures/100000.jpg"})))
        done = run("panoramax", server, tmp_path / "out", grid(1, 1))
        assert "127.0.0.1 is an address of this computer" in done.failed[0][1]
        assert server.fetched == []
        assert run("panoramax", server, tmp_path / "out", grid(1, 1)).pictures == 1  # without the redirect
        assert len(elsewhere.fetched) == 2


def test_redirects_without_end(tmp_path: Path) -> None:
    with PanoramaxServer(shots(1)) as server:
        loop = Said(302, b"", {"Location": "/pictures/100000.jpg"})
        server.mishaps += [("/pictures/", loop)] * 20
        done = run("panoramax", server, tmp_path / "out", grid(1, 1))
    assert "without end" in done.failed[0][1]


def test_a_picture_in_the_place_of_one_that_is_gone(tmp_path: Path) -> None:
    with PanoramaxServer([*shots(2), replace(shots(1)[0], id="photo_unavailable", lat=80.0)]) as server:
        server.mishaps.append(("/pictures/100001", Said(302, b"", {"Location": "/pictures/photo_unavailable.jpg"})))
        done = run("panoramax", server, tmp_path / "out", grid(1, 2))
    assert done.failed == [("100001", "the picture is no longer there")]


def test_redirects_on_the_same_server_are_followed(tmp_path: Path) -> None:
    with PanoramaxServer(shots(1)) as server:
        server.mishaps.append(("/pictures/", Said(302, b"", {"Location": "/pictures/100000.jpg"})))
        assert run("panoramax", server, tmp_path / "out", grid(1, 1)).pictures == 1


def test_pictures_on_another_local_server_are_not_asked_for(tmp_path: Path) -> None:
    """Whoever runs a public service must not make whence look around in its user's network."""
    given = shots(1)
    with PanoramaxServer(given) as other, PanoramaxServer(given) as server:
        server.picture = other.picture
        done = run("panoramax", server, tmp_path / "out", grid(1, 1))
        assert "must not be asked" in done.failed[0][1]
        assert other.log == []


def test_a_server_that_drips(tmp_path: Path) -> None:
    with PanoramaxServer(shots(2)) as server:
        whole = server.give_picture(_asking(server, "100001"))
        server.mishaps += [("/pictures/100001", replace_said(whole, drip_s=0.05))] * 4
        started = time.monotonic()
        done = run("panoramax", server, tmp_path / "out", grid(1, 2), limits=Limits(seconds=0.4))
    assert time.monotonic() - started < 10
    assert done.failed[0][0] == "100001"
    assert "not there after 0 s" in done.failed[0][1]


def test_a_dead_host_is_given_up(tmp_path: Path) -> None:
    with PanoramaxServer(shots(100, alike=True)) as server:
        server.mishaps += [("/pictures/", Said(404))] * 100
        done = run("panoramax", server, tmp_path / "out", grid(10, 10))
    assert "25 pictures in a row failed" in done.given_up
    assert len(done.failed) < 60


def test_pictures_that_changed_are_noticed_on_update(tmp_path: Path) -> None:
    with PanoramaxServer(shots(4)) as server:
        run("panoramax", server, tmp_path / "out", grid(1, 4))
        server.shots[2] = replace(server.shots[2], data=jpeg(99))
        server.shots.append(replace(server.shots[0], id="7", data=jpeg(98)))
        before = len(server.log)
        done = run("panoramax", server, tmp_path / "out", grid(1, 4), update=True)
        asked = server.log[before:]
    assert (done.fetched, done.pictures) == (2, 5)
    assert sum("If-None-Match" in one.headers for one in asked) == 4
    assert (tmp_path / "out" / "photos" / "panoramax-100002.jpg").read_bytes() == jpeg(99)


def test_who_asks_and_how_often(tmp_path: Path) -> None:
    with PanoramaxServer(shots(4)) as server:
        started = time.monotonic()
        run("panoramax", server, tmp_path / "out", grid(1, 4), per_second=10.0, contact="me@example.org")
        agents = {asked.headers["User-Agent"] for asked in server.log}
    assert time.monotonic() - started > 0.38  # five requests, the first of them at once
    assert len(agents) == 1
    assert next(iter(agents)).startswith("whence/")
    assert "me@example.org" in agents.pop()


def test_names_of_others_are_no_paths(tmp_path: Path) -> None:
    names = ["../../evil", "/etc/evil", "a/b", "..", "con", "x" * 300, "é", "a b", "nul\x00", "-rf"]
    given = [replace(shot, id=name) for shot, name in zip(shots(len(names)), names, strict=True)]
    with PanoramaxServer(given) as server:
        server.picture = lambda shot: f"{server.root}/pictures/{100_000}.jpg"
        server.give_picture = lambda asked: Said(200, jpeg(1), PICTURE)
        done = run("panoramax", server, tmp_path / "deep" / "out", grid(1, len(names)))
    assert done.pictures == len(names)
    photos = tmp_path / "deep" / "out" / "photos"
    assert {path.parent for path in photos.rglob("*.jpg")} == {photos}
    assert all(path.name.isascii() and path.name.startswith("panoramax-") for path in photos.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"out"}


def test_cells_are_no_formulas(tmp_path: Path) -> None:
    wicked = ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", 'a\nb,"c"']
    given = [replace(shot, author=words) for shot, words in zip(shots(len(wicked)), wicked, strict=True)]
    with PanoramaxServer(given) as server:
        run("panoramax", server, tmp_path / "out", grid(1, len(wicked)))
    for name in ("photos.csv", "list.csv"):
        authors = [row["author"] for row in table(tmp_path / "out" / name)]
        assert authors == ["'=cmd|' /C calc'!A0", "'+1", "'-2+3", "'@SUM(A1)", "'=1", 'a b,"c"']
    assert len((tmp_path / "out" / "ATTRIBUTION.txt").read_text("utf-8").splitlines()) == 2 + len(wicked)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:7f00:1::", "192.0.2.1", "not an address", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_that_are_public(address: str) -> None:
    assert public(address)


def test_a_name_that_leads_home_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up once, and what was judged is what is connected to: nothing can be rebound between."""
    asked = []

    def found(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", port)), (2, 1, 6, "", ("10.1.2.3", port))]

    monkeypatch.setattr("socket.getaddrinfo", found)
    with pytest.raises(ForbiddenError):
        connect("harmless.example", 80, 1.0, anywhere=False, note=lambda made: pytest.fail("it connects"))
    assert asked == ["harmless.example"]


@pytest.mark.parametrize(
    "url",
    [
        "file:///x",
        "http://",
        "http:///x",
        "javascript:1",
        "http://a:b@c/",
        "http://a b/",
        "http://a:99999/",
        "gopher://x",
    ],
)
def test_addresses_of_other_kinds(url: str) -> None:
    with pytest.raises(CollectError, match="no address that may be asked"):
        Origin.of(url)


def test_addresses_are_shown_without_what_may_be_secret() -> None:
    assert shown("https://a.example/x?api_key=1#y") == "https://a.example/x"
    assert "pw" not in shown("https://me:pw@a.example/x")


def _asking(server: Service, name: str) -> Asked:
    return Asked("GET", f"/pictures/{name}.jpg", {}, {}, "")


def replace_said(told: Said, **changes: object) -> Said:
    """The same answer, otherwise sent."""
    return replace(told, **changes)  # type: ignore[arg-type]
