"""Times of files and of the system that cannot be trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from children import PLAIN, check_whole, command

import whence
from samples import place, textured, write_photos
from whence.photos import files
from whence.worlds import write_photo

YEAR_S = 31_556_952
TIMES_S = {
    "1970": 0,
    "1901": -69 * YEAR_S,
    "2038": 2**31,
    "2100": 130 * YEAR_S,
    "2446": 15_032_385_535,
    "9999": 8029 * YEAR_S,
}
"""2446 is the last that ext4 can hold; 9999 is beyond 64 bits of nanoseconds, where a file system can hold it."""


@pytest.mark.parametrize("when", TIMES_S)
def test_files_of_any_time(tmp_path: Path, when: str) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 2), tmp_path / "g"
    (photos / "bad.jpg").write_text("no photo")
    try:
        for name in ("00.jpg", "bad.jpg"):
            os.utime(photos / name, (TIMES_S[when], TIMES_S[when]))
    except (OSError, OverflowError) as error:
        pytest.skip(f"this system has no such time: {error}")
    first = whence.index(photos, gallery)
    assert (first.added, len(first.skipped)) == (2, 1)
    again = whence.index(photos, gallery)
    assert (again.unchanged, len(again.skipped), again.total) == (2, 1, 2)


@pytest.mark.parametrize("mtime_ns", [2**63, -(2**63) - 1, 10**30, 2**63 - 1, -(2**63)])
def test_times_that_no_table_can_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mtime_ns: int) -> None:
    """As XFS with bigtime or NFS may give."""

    class Found:
        st_size, st_mtime_ns = 5, mtime_ns

    monkeypatch.setattr(files, "_stat", lambda path: Found)
    size, time = files.stat_key(tmp_path)
    assert size == 5
    assert -(2**63) <= time < 2**63
    assert (time == mtime_ns) == (-(2**63) <= mtime_ns < 2**63)


def test_unchanged_size_and_time_are_taken_for_an_unchanged_file(tmp_path: Path) -> None:
    """The promise, and its limit: a change that keeps both goes unseen until the file is touched."""
    photos, gallery = write_photos(tmp_path / "photos", 2), tmp_path / "g"
    file = photos / "01.jpg"
    whence.index(photos, gallery)
    before = file.stat()
    write_photo(file, textured(5), place(5))
    data = file.read_bytes()
    file.write_bytes(data[: before.st_size] + b"\0" * (before.st_size - len(data)))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert whence.index(photos, gallery).unchanged == 2
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns - 10**9))  # earlier is another time too
    report = whence.index(photos, gallery)
    assert (report.changed + len(report.skipped), report.unchanged) == (1, 1)


# The system's clock goes wrong by so many seconds: from the start, or after some calls.
CLOCK = (
    """
import sys, time, datetime
shift, after = float(sys.argv.pop(1)), int(sys.argv.pop(1))
real, calls = time.time, 0
def wrong():
    global calls
    calls += 1
    return real() + (shift if calls > after else 0)
time.time = wrong
time.time_ns = lambda: int(wrong() * 1e9)
from whence.locate import indexrun
indexrun._BATCH = 2
"""
    + PLAIN
)


@pytest.mark.parametrize(
    ("shift_s", "after"), [(-40 * YEAR_S, 0), pytest.param(400 * YEAR_S, 0, marks=pytest.mark.slow), (-86_400, 5)]
)
def test_a_clock_that_jumps(tmp_path: Path, shift_s: int, after: int) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 5), tmp_path / "g"
    for clock in (["0", "0"], [str(shift_s), str(after)], ["0", "0"]):
        report = tmp_path / "r.json"
        done = command(*clock, "index", photos, "--gallery", gallery, "--report", report, code=CLOCK)
        assert done.code == 0, done.err
        assert json.loads(report.read_text())["seconds"] >= 0
        count = len(list(photos.iterdir()))
        assert check_whole(gallery) == {f"{number:02d}.jpg" for number in range(count)}
        write_photos(photos, 3, first=count)
        write_photo(photos / "00.jpg", textured(100 + count), place(0))
    assert len(whence.Gallery.open(gallery)) == 11
    assert whence.index(photos, gallery).total == 14
