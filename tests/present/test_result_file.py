"""Result files: whole or as they were before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from whence.errors import InputError
from whence.present.output import result_file


def test_a_file_takes_its_place_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("before")
    file.chmod(0o640)
    with result_file(file) as stream:
        stream.write("é\n")
        stream.flush()
        assert file.read_text() == "before"
    assert file.read_bytes() == "é\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]
    with result_file(file, binary=True) as stream:
        stream.write(b"\xff\r\n")
    assert file.read_bytes() == b"\xff\r\n"


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with result_file(tmp_path / "a.csv") as stream:
        stream.write("x")
    assert (tmp_path / "a.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, SystemExit])
def test_after_an_error_the_file_is_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    file = tmp_path / "a.csv"
    file.write_text("before")
    told: list[Path] = []
    readable: list[bool] = []

    def kept(partial: Path, whole: bool) -> None:
        told.append(partial)
        readable.append(whole)

    def half() -> None:
        with result_file(file, kept=kept) as stream:
            stream.write("half")
            raise error

    with pytest.raises(error):
        half()
    assert file.read_text() == "before"
    assert told == [tmp_path / "a.partial.csv"]
    assert readable == [error is not OSError]  # a full disk may have cut it anywhere
    assert told[0].read_text() == "half"
    assert {*tmp_path.iterdir()} == {file, told[0]}


def test_nothing_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError), result_file(tmp_path / "a.csv"):
        raise InputError("no such column")
    assert list(tmp_path.iterdir()) == []


def test_links_are_followed_and_pipes_written_to(tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("before")
    link.symlink_to(target)
    with result_file(link) as stream:
        stream.write("after")
    assert link.is_symlink()
    assert target.read_text() == "after"
    if Path("/dev/fd").is_dir():
        reading, writing = os.pipe()
        with result_file(Path(f"/dev/fd/{writing}")) as stream:
            stream.write("x")
        os.close(writing)
        assert os.read(reading, 9) == b"x"
        os.close(reading)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"), result_file(tmp_path / "no" / "a.csv"):
        pass
