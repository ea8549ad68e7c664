"""Several processes on one gallery: one writer, any number of readers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from children import PLAIN, check_whole, command, end, start

import whence
from samples import write_photos
from whence.gallery.storage import LOCK

# A writer that learns on the way. It says when a batch is stored, and goes on when a reader has read meanwhile.
SLOW = (
    """
import sys, time
from pathlib import Path
from whence.locate import indexrun, learning
indexrun._BATCH, learning._FEATURES, learning.SAMPLE = 4, 100, 12
reads, put = Path(sys.argv.pop(1)), indexrun.Writer.put
def slowly(*parts):
    put(*parts)
    print("stored", flush=True)
    before, until = reads.stat().st_size, time.monotonic() + 60
    while reads.stat().st_size == before and time.monotonic() < until:
        time.sleep(0.05)
indexrun.Writer.put = slowly
"""
    + PLAIN
)

# Locates again and again, opening the gallery anew, until told to stop; prints each answer.
READER = """
import sys
from pathlib import Path
import whence
from whence.present.answers import to_dict, to_json
photo, gallery, stop = sys.argv[1:]
while True:
    last = Path(stop).exists()
    opened = whence.Gallery.open(gallery)
    for _ in range(2):
        print(len(opened), to_json(to_dict(whence.Locator(opened, workers=1).locate(photo))), flush=True)
    if last:
        break
"""


def writing(photos: Path, gallery: Path, reads: Path) -> subprocess.Popen[str]:
    """An index run that has stored something and is far from done."""
    reads.touch()
    child = start(reads, "index", photos, "--gallery", gallery, "--workers", 1, code=SLOW)
    assert child.stdout is not None
    assert child.stdout.readline() == "stored\n"
    return child


def test_a_second_writer_is_told_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 24), tmp_path / "g"
    child = writing(photos, gallery, tmp_path / "reads")
    try:
        second = command("index", photos, "--gallery", gallery)
        assert (second.code, second.out) == (2, "")
        assert second.lines == [f"whence: {gallery} is being written by another process; try again when it is done"]
        assert child.poll() is None
    finally:
        child.kill()
        end(child)
    kept = check_whole(gallery)
    assert 4 <= len(kept) < 24
    assert (gallery / LOCK).exists() or os.name == "nt"  # the file stays; what counts is who holds it
    assert command("index", photos, "--gallery", gallery).code == 0
    assert len(check_whole(gallery)) == 24


def test_two_that_start_at_once(tmp_path: Path) -> None:
    photos, gallery = write_photos(tmp_path / "photos", 6), tmp_path / "g"
    done = [end(child) for child in [start("index", photos, "--gallery", gallery) for _ in range(2)]]
    assert sorted(one.code for one in done) in ([0, 0], [0, 2]), done
    for one in done:
        assert len(one.lines) == 1, one
        assert one.code == 0 or "is being written by another process" in one.err
    table = whence.Gallery.open(gallery)
    assert [photo.path for photo in table.photos] == [f"{number:02d}.jpg" for number in range(6)]  # none twice


def test_locating_while_the_gallery_grows_and_learns(tmp_path: Path) -> None:
    photos, gallery, stop = write_photos(tmp_path / "photos", 28), tmp_path / "g", tmp_path / "stop"
    child = writing(photos, gallery, tmp_path / "reads")
    with (tmp_path / "reads").open("w") as reads:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(photos / "05.jpg"), str(gallery), str(stop)],
            stdout=reads,
            stderr=subprocess.PIPE,
            text=True,
        )
    commands = [command("locate", photos / "02.jpg", "--gallery", gallery, "--format", "jsonl")]
    written = end(child)
    stop.touch()
    read = end(reader)
    commands.append(command("locate", photos / "02.jpg", "--gallery", gallery, "--format", "jsonl"))
    assert written.code == 0, written.err
    assert "the gallery learned a vocabulary of its own" in written.err
    assert (read.code, read.err) == (0, "")
    for done in commands:
        assert (done.code, done.err, len(done.answers)) == (0, "", 1)
    answers = [line.split(" ", 1) for line in (tmp_path / "reads").read_text().splitlines()]
    sizes = [int(size) for size, _ in answers]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 2, sizes  # it was read in several states
    assert sizes[-1] == 28
    for size, text in answers:
        answer = json.loads(text)
        assert answer["status"] in ("located", "unsure")
        assert answer["position"] is not None
        others = int(size) - len(answer["duplicate_of"])
        assert len(answer["candidates"]) == min(others, 20)
    assert len(check_whole(gallery)) == 28
