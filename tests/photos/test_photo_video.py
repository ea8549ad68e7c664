"""Frames of videos as photos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from samples import Run, World
from whence.errors import InputError, PhotoError
from whence.photos import video
from whence.photos.queries import queries
from whence.photos.video import MOST, Reader, frames, is_video

RATE = 10.0
OPENED = video._opened


def write_video(path: Path, pictures: list[np.ndarray]) -> Path:
    """A video of ``RATE`` frames a second."""
    height, width = pictures[0].shape[:2]
    stream = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (width, height))
    assert stream.isOpened()
    for picture in pictures:
        stream.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    stream.release()
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """35 frames, each of one brightness: 5, 10, 15..."""
    pictures = [np.full((64, 96, 3), 5 + 5 * number, np.uint8) for number in range(35)]
    return write_video(tmp_path / "clip.avi", pictures)


def test_moments_are_photos(clip: Path) -> None:
    found = list(frames(clip, "my/clip.avi", 1.0))
    assert [photo.name for photo in found] == [f"my/clip.avi#t={second}" for second in range(4)]
    assert [photo.at_s for photo in found] == [0, 1, 2, 3]
    assert len(list(frames(clip, "clip", 0.25))) == 14
    assert len(list(frames(clip, "clip", 60.0))) == 1


@pytest.mark.parametrize("order", [(0.0, 1.0, 2.0, 3.0), (3.0, 0.0, 2.0, 1.0), (1.0, 1.0), (0.3, 0.4, 3.3)])
def test_the_frame_of_a_moment(clip: Path, order: tuple[float, ...]) -> None:
    reader = Reader(1024)
    for at_s in order:
        found = reader.frame(clip, at_s)
        assert found is not None
        pixels, width, height = found
        assert (width, height) == (96, 64)
        assert pixels.shape == (64, 96, 3)
        assert abs(float(pixels.mean()) - (5 + 5 * round(at_s * RATE))) < 3
    assert reader.frame(clip, 99.0) is None
    reader.close()


def test_a_file_is_read_once_however_close_the_moments(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def spy(path: Path) -> object:
        opened.append(path)
        return OPENED(path)

    monkeypatch.setattr(video, "_opened", spy)
    reader = Reader(1024)
    for at_s in (0.0, 0.01, 0.02, 0.03, 0.12, 0.15, 2.0):
        assert reader.frame(clip, at_s) is not None
    assert len(opened) == 1
    assert reader.frame(clip, 1.0) is not None
    assert len(opened) == 2
    reader.close()


def test_frames_are_reduced(clip: Path) -> None:
    found = Reader(48).frame(clip, 0.0)
    assert found is not None
    assert found[0].shape == (32, 48, 3)
    assert found[1:] == (96, 64)


def test_what_is_no_video(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[:300])
    for path in (tmp_path / "text.mp4", cut):
        with pytest.raises(PhotoError, match="not a video that can be read"):
            list(frames(path, path.name, 1.0))
    with pytest.raises(PhotoError, match="no such file"):
        list(frames(tmp_path / "none.mp4", "none.mp4", 1.0))
    with pytest.raises(InputError, match=f"clip: more than {MOST:,}"):
        list(frames(clip, "clip", 1e-9))
    with pytest.raises(InputError, match="take longer steps"):
        queries([str(clip)], every_s=1e-9)
    for every_s in (0.0, float("inf"), float("nan")):
        with pytest.raises(InputError, match="s from frame to frame; expected a number above 0"):
            queries([str(clip)], every_s=every_s)
    assert is_video(Path("A.MP4"))
    assert not is_video(Path("a.jpg"))


def test_a_video_is_located(world: World, run: Run, tmp_path: Path) -> None:
    from whence.photos import files
    from whence.photos.decode import decode

    names = sorted(world.truth)[:4]
    pictures = [decode(files.read(world.queries / name)).pixels for name in names]
    size = pictures[0].shape
    path = write_video(tmp_path / "walk.avi", [p for p in pictures if p.shape == size for _ in range(10)])
    alone = run("locate", path, "--gallery", world.gallery, "--format", "jsonl")
    assert alone.code == 0
    assert alone.answers[0]["path"] == f"{path}#t=0"
    together = run("locate", path, "--gallery", world.gallery, "--format", "jsonl", "--sequence", "--every", "0.5")
    assert together.code == 0
    assert len(together.answers) == 2 * len(alone.answers)
    assert any(answer["status"] == "located" for answer in together.answers)
    page = tmp_path / "walk.html"
    assert run("locate", path, "--gallery", world.gallery, "--sequence", "--explain", page).code == 0
    assert page.stat().st_size > 10_000
    ids = run("locate", path, "--gallery", world.gallery, "--format", "csv", "--columns", "id", "--every", "0.5")
    assert ids.out.split()[:3] == ["id", "walk#t=0", "walk#t=0.5"]
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    both = run("locate", broken, path, "--gallery", world.gallery, "--format", "jsonl", "--sequence")
    assert both.code == 1
    assert [answer["path"] for answer in both.answers] == [str(broken), *(answer["path"] for answer in alone.answers)]
    assert "not a video that can be read" in both.answers[0]["error"]
    bad = run("locate", path, "--gallery", world.gallery, "--every", "-1")
    assert bad.code == 2
    assert "expected a number above 0" in bad.err


def test_a_folder_is_a_sequence(world: World, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    for number, name in enumerate(sorted(world.truth)[:3]):
        (folder / f"{number}.jpg").write_bytes((world.queries / name).read_bytes())
    (folder / "3.jpg").write_bytes(b"broken")
    done = run("locate", folder, "--gallery", world.gallery, "--sequence", "--format", "jsonl")
    assert done.code == 1
    assert [answer["status"] == "failed" for answer in done.answers] == [False, False, False, True]
