"""Two writers and many readers at once: one writes, the other is told so, and readers see whole versions."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from children import check_whole, end, start

import whence
from samples import write_photos
from whence.locate.repairing import check

pytestmark = pytest.mark.slow
READERS = 4

# Indexes again and again, in one process, until it is told to stop: starting Python takes longer than to write.
AGAIN = """
import sys
from pathlib import Path
import whence
from whence.errors import GalleryBusyError
from whence.locate import indexrun
indexrun._BATCH = 3
stop, photos, gallery = sys.argv[1:]
stored = busy = 0
while True:
    last = Path(stop).exists()
    try:
        stored = whence.index(photos, gallery, workers=1).total
    except GalleryBusyError:
        busy += 1
    if last:
        break
print(stored, busy)
"""

LOOKING = """
import sys
from pathlib import Path
import whence
stop, photos, gallery = sys.argv[1:]
looks = least = 0
while True:
    last = Path(stop).exists()
    opened = whence.Gallery.open(gallery)
    features = opened.features(range(len(opened)))
    assert len(opened) >= least, "photos went away"
    assert len(features) == len(opened.descriptors) == len(opened)
    assert all(len(one) for one in features)
    if not looks:
        whence.Locator(opened, workers=1).locate(Path(photos) / "00.jpg")
    looks, least = looks + 1, len(opened)
    if last:
        break
print(looks, least)
"""


def test_two_writers_and_many_readers(tmp_path: Path) -> None:
    photos, gallery, stop = write_photos(tmp_path / "photos", 4), tmp_path / "gallery", tmp_path / "stop"
    whence.index(photos, gallery)
    given = (str(stop), str(photos), str(gallery))
    writers = [start(*given, code=AGAIN) for _ in range(2)]
    readers = [start(*given, code=LOOKING) for _ in range(READERS)]
    for number in range(4, 20):  # new photos while all of them are at work
        write_photos(photos, 1, first=number)
        time.sleep(0.3)
    stop.touch()
    wrote, read = [end(child) for child in writers], [end(child) for child in readers]
    for done in (*wrote, *read):
        assert (done.code, done.err) == (0, ""), done
    assert all(int(done.out.split()[0]) > 0 for done in read), read
    whence.index(photos, gallery)
    assert check_whole(gallery) == {f"{number:02d}.jpg" for number in range(20)}
    assert check(gallery).is_whole
