"""Ctrl-C, SIGTERM and kill at any moment: one line, the right status, and nothing lost that was reported."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from children import check_whole, end

import whence
import whence.cli
import whence.gallery.writer
from samples import textured, write_photos
from whence.errors import GalleryError
from whence.gallery.trouble import unbroken
from whence.worlds import write_photo

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

# Says when Ctrl-C is heeded: all before is Python's own start. Small batches and tiny photos make a gallery learn.
CODE = """
import sys
from whence import cli
BATCH = int(sys.argv.pop(1))
if BATCH:
    from whence.locate import indexrun, learning
    indexrun._BATCH, learning._FEATURES = BATCH, 100
main = cli.main
def ready():
    print("up", flush=True)
    main()
cli.main = ready
cli.script()
"""


def stopped(how: signal.Signals, after_s: float, *words: object, batch: int = 0) -> tuple[int, str, str]:
    """Status and output of a command that gets a signal so many seconds after it has begun."""
    child = subprocess.Popen(
        [sys.executable, "-c", CODE, str(batch), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    time.sleep(after_s)
    child.send_signal(how)
    done = end(child)
    return done.code, done.out, done.err


@pytest.mark.parametrize("after_s", [0, 0.1, 0.3, 0.8])
def test_ctrl_c_while_loading(tmp_path: Path, after_s: float) -> None:
    write_photos(tmp_path / "photos", 1)
    code, out, err = stopped(signal.SIGINT, after_s, "index", tmp_path / "photos", "--gallery", tmp_path / "g")
    assert (code, out) == (130, "")
    assert err in ("whence: interrupted\n", "") or "interrupted; what was finished is kept" in err
    assert "Traceback" not in err


def test_an_interrupted_command_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("whence.recipes.listing.shipped", interrupted)
    monkeypatch.setattr(sys, "argv", ["whence", "recipes"])
    with pytest.raises(SystemExit) as ended:
        whence.cli.main()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "whence: interrupted\n"


def test_ctrl_c_waits_for_a_transaction() -> None:
    through = []
    with pytest.raises(KeyboardInterrupt), unbroken() as asked:  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)
        assert asked
        through.append(True)
    assert through
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_does_not_hide_an_error_nor_reach_other_threads() -> None:
    with pytest.raises(KeyboardInterrupt) as stopped_by, unbroken():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        raise GalleryError("lost")
    assert isinstance(stopped_by.value.__context__, GalleryError)
    seen: list[object] = []

    def work() -> None:
        with unbroken() as asked:
            seen.append(asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [[]]


def test_ctrl_c_during_the_last_flush_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = whence.gallery.writer.Writer.put

    def pressed(*given: object) -> None:
        put(*given)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)

    photos = write_photos(tmp_path / "photos", 3)
    with monkeypatch.context() as patched:
        patched.setattr("whence.gallery.writer.Writer.put", pressed)
        report = whence.index(photos, tmp_path / "g")
    assert (report.interrupted, report.added, report.total) == (True, 3, 3)
    assert check_whole(tmp_path / "g") == {"00.jpg", "01.jpg", "02.jpg"}
    assert whence.index(photos, tmp_path / "g").unchanged == 3


def test_what_an_interrupted_library_left_behind_is_not_told() -> None:
    code = """
import signal
from whence import cli
signal.signal(signal.SIGINT, cli._stop)
cli.interruptible()
async def never_awaited(): pass
never_awaited()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 tiny photos: enough for a gallery to learn a vocabulary."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(400):
        write_photo(folder / f"{number:03d}.jpg", textured(number, 64, 48), whence.LatLon(50 + number / 1000, 10.0))
    return folder


HOW = [signal.SIGINT] * 7 + [signal.SIGTERM, signal.SIGKILL]


@pytest.mark.slow
def test_fifty_runs_stopped_at_random(many: Path, tmp_path: Path) -> None:
    """The delays cover a whole run: loading, reading, storing, learning, leaving."""
    rng = random.Random(20261125)
    report = tmp_path / "report.json"
    number, known, statuses = 0, set[str](), list[int]()
    gallery = tmp_path / "g0"
    for run in range(50):
        how = HOW[run % len(HOW)]
        report.unlink(missing_ok=True)
        # Half of the runs early in what is left to do, half anywhere: a run that goes on where another ended is short.
        after_s = rng.uniform(0.05, 3 if run % 2 else 9)
        words = ("index", many, "--gallery", gallery, "--report", report)
        code, out, err = stopped(how, after_s, *words, batch=24)
        statuses.append(code)
        told = f"run {run}, {how.name} after {after_s:.2f} s: status {code}\n{err}"
        assert out == "", told
        assert "Traceback" not in err, told
        assert "ignored" not in err, told
        assert code in ({0, 130} if how is signal.SIGINT else {0, -how}), told
        if code == 130:
            assert "interrupted" in err or err == "", told
            assert err.count("\n") <= 3, told
        try:
            found = check_whole(gallery)
        except whence.WhenceError:  # stopped before there was a gallery
            assert not known, told
            found = set()
        assert known <= found, told  # what was there stays
        if report.exists() and report.stat().st_size:
            said = json.loads(report.read_text(encoding="utf-8"))
            assert said["total"] == len(found), told
            seen = said["added"] + said["unchanged"]  # one that was stopped may not have looked at all that is there
            assert seen <= len(found) if said["interrupted"] else seen == len(found), told
        known = found
        if code == 0:
            assert len(found) == 400, told
            number, known, gallery = number + 1, set(), tmp_path / f"g{number + 1}"
    assert statuses.count(130) > 20, statuses
    whence.index(many, gallery)  # no lock was left behind, and whatever was half done is completed
    assert len(check_whole(gallery)) == 400
