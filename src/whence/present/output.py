"""Result files that are either whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from whence.errors import InputError


@contextmanager
def result_file(
    file: Path, *, binary: bool = False, kept: Callable[[Path, bool], None] | None = None
) -> Iterator[IO[Any]]:
    """A stream to a file that takes its place when the context is left without an error; until then it stays as it was.

    After an error or Ctrl-C what was written is kept beside it, as ``name.partial.suffix``. What is no regular file
    (a pipe, a device) is written to directly.

    Args:
        file: The file to write or replace; where it is a link, what it points to.
        binary: Bytes instead of UTF-8 text.
        kept: Called with the name of a partial file, and whether it is a whole document: after a full disk it is not.

    Raises:
        InputError: The file cannot be written.
    """
    options: dict[str, Any] = {"mode": "wb"} if binary else {"mode": "w", "encoding": "utf-8", "newline": "\n"}
    if file.exists() and not file.is_file():
        with _opened(file, file, options) as stream:
            yield stream
        return
    target = Path(os.path.realpath(file))
    if target.exists() and not os.access(target, os.W_OK):
        raise InputError(f"{file} cannot be written: it is read-only")
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with _opened(file, beside, {**options, "mode": options["mode"].replace("w", "x")}) as stream:
            yield stream
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    except BaseException as error:
        with suppress(OSError):
            if beside.stat().st_size:
                partial = target.with_name(f"{target.stem}.partial{target.suffix}")
                beside.replace(partial)
                if kept is not None:
                    kept(partial, not isinstance(error, OSError))
            else:
                beside.unlink()
        raise


def _opened(asked: Path, file: Path, options: dict[str, Any]) -> IO[Any]:
    try:
        stream: IO[Any] = file.open(**options)
    except OSError as error:
        raise InputError(f"{asked} cannot be written: {error.strerror or error}") from error
    return stream
