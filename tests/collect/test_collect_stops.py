"""Kill, Ctrl-C, full disks and company: nothing is fetched twice, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from runs import corners, grid, ids, run
from servers.panoramax import PanoramaxServer
from servers.service import Said, Service, shots

from whence.collect.folder import Folder
from whence.collect.journal import Journal
from whence.errors import InputError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


class Slow(PanoramaxServer):
    """Takes its time for each picture."""

    wait_s = 0.03

    def give_picture(self, asked):  # type: ignore[no-untyped-def]
        time.sleep(self.wait_s)
        return super().give_picture(asked)


def start(server: Service, out: Path, rows: int, *others: str) -> subprocess.Popen[str]:
    """The command line at work."""
    words = [
        "collect",
        "panoramax",
        "--bbox",
        corners(rows, 10),
        "--out",
        str(out),
        "--base",
        server.base,
        "--rate",
        "1000",
    ]
    return subprocess.Popen(
        [sys.executable, "-c", "from whence.cli import script\nscript()", *words, *others],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(done: object, seconds: float = 30) -> None:
    """Waits for something to come true."""
    ends = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        assert time.monotonic() < ends
        time.sleep(0.005)


@pytest.mark.parametrize("after", [1, 9, 30])
def test_killed_among_pictures(after: int, tmp_path: Path) -> None:
    with Slow(shots(60)) as server:
        child = start(server, tmp_path / "out", 6)
        until(lambda: len(server.fetched) >= after)
        child.kill()
        child.communicate()
        written = set(written_down(tmp_path / "out"))
        first, asked = Counter(server.fetched), len(server.log)
        server.wait_s = 0
        done = run("panoramax", server, tmp_path / "out", grid(6, 10))
        again = server.log[asked:]
    assert done.pictures == 60
    assert done.fetched + len(written) >= 60 - 4
    assert not any(one.path == "/api/search" for one in again)  # the list is there
    fetched_twice = set(Counter(one.path.rsplit("/", 1)[1] for one in again)) & {f"{name}.jpg" for name in written}
    assert fetched_twice == set()
    assert all(count == 1 for count in first.values())
    # Those that were on their way when it was killed, at most one a worker, may be asked for again.
    both = [one for one in again if one.path.startswith("/pictures/") and one.path.rsplit("/", 1)[1] in first]
    assert len(both) <= 4
    assert len(ids(tmp_path / "out" / "photos.csv")) == 60


def written_down(out: Path) -> list[str]:
    """Ids of the pictures that a run wrote down."""
    return [str(entry["photo"]["id"]) for entry in Journal(out / ".collect" / "fetched.jsonl").lines()]


def test_killed_within_a_picture(tmp_path: Path) -> None:
    given = shots(1)
    with PanoramaxServer(given) as server:
        whole = server.give_picture(asking("100000"))
        dripping = Said(200, whole.body, whole.headers, drip_s=0.002)
        server.mishaps.append(("/pictures/", dripping))
        child = start(server, tmp_path / "out", 1)
        part = tmp_path / "out" / ".collect" / "parts" / "panoramax-100000.part"
        until(lambda: part.is_file() and part.stat().st_size > 100)
        child.kill()
        child.communicate()
        had = part.stat().st_size
        done = run("panoramax", server, tmp_path / "out", grid(1, 10))
        ranges = [one.headers.get("Range") for one in server.log if one.path.startswith("/pictures/")]
    assert ranges == [None, f"bytes={had}-"]
    assert done.pictures == 1
    assert (tmp_path / "out" / "photos" / "panoramax-100000.jpg").read_bytes() == given[0].data


def asking(name: str):  # type: ignore[no-untyped-def]
    """For a picture."""
    from servers.service import Asked

    return Asked("GET", f"/pictures/{name}.jpg", {}, {}, "")


@pytest.mark.slow
def test_killed_while_listing(tmp_path: Path) -> None:
    """Cells that were done are not asked for again."""

    class Reluctant(PanoramaxServer):
        links = False

        def answer(self, asked):  # type: ignore[no-untyped-def]
            time.sleep(0.02)
            return super().answer(asked)

    given = shots(400, alike=True)
    with Reluctant(given) as server:
        import whence.collect.sources.panoramax as module

        code = "import whence.collect.sources.panoramax as p\np._PAGE = 20\nfrom whence.cli import script\nscript()"
        words = [
            corners(40, 10),
            "--list-only",
            "--base",
            server.base,
            "--rate",
            "999",
        ]
        child = subprocess.Popen(
            [sys.executable, "-c", code, "collect", "panoramax", "--out", str(tmp_path / "out"), "--bbox", *words],
            stderr=subprocess.PIPE,
        )
        until(lambda: len(server.log) > 25)
        child.kill()
        child.communicate()
        first = {one.raw for one in server.log[:-1]}
        before = len(server.log)
        page = module._PAGE
        module._PAGE = 20
        try:
            done = run("panoramax", server, tmp_path / "out", grid(40, 10), list_only=True)
        finally:
            module._PAGE = page
        again = {one.raw for one in server.log[before:]}
    assert done.listed == len(given)
    assert len(first & again) <= 1


def test_a_picture_whose_run_ended_before_it_was_written_down(tmp_path: Path) -> None:
    with PanoramaxServer(shots(3)) as server:
        run("panoramax", server, tmp_path / "out", grid(1, 3))
        journal = tmp_path / "out" / ".collect" / "fetched.jsonl"
        lines = journal.read_text("utf-8").splitlines(keepends=True)
        journal.write_text("".join(lines[:2]) + lines[2][:40], "utf-8")  # killed in the middle of a line
        before = len(server.log)
        done = run("panoramax", server, tmp_path / "out", grid(1, 3))
        assert len(server.log) == before
    assert (done.pictures, done.fetched) == (3, 0)


def test_a_picture_that_was_deleted_or_damaged_comes_again(tmp_path: Path) -> None:
    with PanoramaxServer(shots(3)) as server:
        run("panoramax", server, tmp_path / "out", grid(1, 3))
        photos = sorted((tmp_path / "out" / "photos").iterdir())
        photos[0].unlink()
        photos[1].write_bytes(photos[1].read_bytes()[:100])
        done = run("panoramax", server, tmp_path / "out", grid(1, 3))
    assert done.pictures == 3
    assert done.fetched == 2


@pytest.mark.parametrize("after", [0, 1, 20])
def test_ctrl_c(after: int, tmp_path: Path) -> None:
    with Slow(shots(60)) as server:
        child = start(server, tmp_path / "out", 6)
        until(lambda: len(server.log) > after)
        child.send_signal(signal.SIGINT)
        started = time.monotonic()
        out, err = child.communicate(timeout=30)
        assert time.monotonic() - started < 5
        assert (child.returncode, out) == (130, "")
        assert "run the same command again to go on" in err
        assert "Traceback" not in err
        written = len(ids(tmp_path / "out" / "photos.csv")) if after > 1 else 0
        server.wait_s = 0
        done = run("panoramax", server, tmp_path / "out", grid(6, 10))
    assert done.pictures == 60
    assert done.fetched <= 60 - written


def test_ctrl_c_does_not_wait_for_slow_servers(tmp_path: Path) -> None:
    with PanoramaxServer(shots(8)) as server:
        whole = server.give_picture(asking("100000"))
        server.mishaps += [("/pictures/", Said(200, whole.body, whole.headers, drip_s=3.0))] * 8
        child = start(server, tmp_path / "out", 1)
        until(lambda: len(server.fetched) >= 4)
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        started = time.monotonic()
        child.communicate(timeout=30)
    assert child.returncode == 130
    assert time.monotonic() - started < 2.5


@pytest.mark.slow
def test_two_at_once(tmp_path: Path) -> None:
    with Slow(shots(60)) as server:
        server.wait_s = 0.4
        first = start(server, tmp_path / "out", 6)
        until(lambda: len(server.fetched) > 2)
        second = start(server, tmp_path / "out", 6)
        _, err = second.communicate(timeout=30)
        assert second.returncode == 2
        assert "another process is collecting into it" in err
        assert err.count("\n") == 1
        assert first.wait(60) == 0
        assert max(Counter(server.fetched).values()) == 1
        first.communicate()
    assert len(ids(tmp_path / "out" / "photos.csv")) == 60


def test_another_request_is_not_mixed_in(tmp_path: Path) -> None:
    with PanoramaxServer(shots(20)) as server:
        run("panoramax", server, tmp_path / "out", grid(1, 5))
        before = len(server.log)
        with pytest.raises(InputError, match="collected with another area or query"):
            run("panoramax", server, tmp_path / "out", grid(1, 6))
        with pytest.raises(InputError, match="collected with another --size"):
            run("panoramax", server, tmp_path / "out", grid(1, 5), size_px=500)
        assert len(server.log) == before


def test_a_higher_limit_goes_on(tmp_path: Path) -> None:
    from dataclasses import replace

    with PanoramaxServer(shots(20)) as server:
        assert run("panoramax", server, tmp_path / "out", replace(grid(2, 10), limit=5)).pictures == 5
        done = run("panoramax", server, tmp_path / "out", replace(grid(2, 10), limit=12))
        assert (done.pictures, done.fetched) == (12, 7)


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos.csv").write_text("mine", "utf-8")
    with PanoramaxServer(shots(2)) as server, pytest.raises(InputError, match="holds other files"):
        run("panoramax", server, tmp_path, grid(1, 2))
    assert (tmp_path / "photos.csv").read_text("utf-8") == "mine"


def test_a_damaged_note(tmp_path: Path) -> None:
    with PanoramaxServer(shots(2)) as server:
        run("panoramax", server, tmp_path / "out", grid(1, 2))
        for text in ("", "{", "[]", '{"format": 9}'):
            (tmp_path / "out" / "collect.json").write_text(text, "utf-8")
            with pytest.raises(InputError, match=r"collect\.json"):
                run("panoramax", server, tmp_path / "out", grid(1, 2))


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PanoramaxServer(shots(30)) as server:
        original = Folder.add

        def full(self: Folder, picture: object) -> None:
            if len(self.pictures) > 4:
                raise InputError("the disk is full")
            original(self, picture)  # type: ignore[arg-type]

        monkeypatch.setattr(Folder, "add", full)
        with pytest.raises(InputError, match="full"):
            run("panoramax", server, tmp_path / "out", grid(3, 10))
        monkeypatch.setattr(Folder, "add", original)
        assert len(ids(tmp_path / "out" / "photos.csv")) >= 4
        assert run("panoramax", server, tmp_path / "out", grid(3, 10)).pictures == 30
