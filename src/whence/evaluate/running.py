"""Asking all queries by one recipe, and going on where an earlier run was stopped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from whence.evaluate.answerers import Answerer, Hidden
from whence.evaluate.answers import Answered, line, read_answers
from whence.evaluate.model import Question
from whence.photos import files

_NAME = 150
"""Characters of a run's name in that of a file."""


@dataclass(frozen=True, slots=True)
class Asked:
    """All answers of one run.

    Attributes:
        answers: One per query.
        seconds_per_query: Wall time; None where no time was taken down.
    """

    answers: list[Answered]
    seconds_per_query: float | None


def ask(
    name: str,
    answerer: Answerer,
    asked: Sequence[Question],
    hidden: Hidden | None,
    out: Path,
    *,
    tell: Callable[[int], None],
) -> Asked:
    """Answers every query, appending to ``out/answers/NAME.jsonl``; those that are there of the same run are kept.

    Args:
        name: Of the run.
        answerer: Whom to ask.
        asked: The queries.
        hidden: Rows of the gallery that are hidden from each query, for leave-one-out; None to ask the files.
        out: Folder of the evaluation.
        tell: Called with the number of answers that are there.
    """
    file = out / "answers" / f"{file_name(name)}.jsonl"
    note = out / "work" / f"{file_name(name)}.run.json"
    key = answerer.key(asked, hidden)
    before = _note(note)
    done = read_answers(file)[: len(asked)] if before.get("fingerprint") == key else []
    answered, seconds = (before.get("answered", 0), before.get("seconds", 0.0)) if done else (0, 0.0)
    file.parent.mkdir(parents=True, exist_ok=True)
    note.parent.mkdir(parents=True, exist_ok=True)
    _keep_lines(file, len(done))
    files.write(note, json.dumps({"fingerprint": key, "answered": answered, "seconds": seconds}).encode())
    tell(len(done))
    if len(done) < len(asked):
        start, count = perf_counter(), 0
        try:
            with file.open("a", encoding="utf-8", newline="\n") as stream:
                for answer in answerer.answers(asked[len(done) :], hidden and hidden[len(done) :]):
                    stream.write(line(answer, answerer.points) + "\n")
                    stream.flush()
                    count += 1
                    tell(len(done) + count)
        finally:
            taken = {"answered": answered + count, "seconds": seconds + perf_counter() - start}
            files.write(note, json.dumps({"fingerprint": key, **taken}).encode())
        answered, seconds = taken["answered"], taken["seconds"]
    found = read_answers(file)
    return Asked(found, seconds / answered if answered else None)


def file_name(name: str) -> str:
    """A run's name as that of a file."""
    plain = re.sub(r"[^\w.=+-]+", "_", name)
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return plain if len(plain) <= _NAME else f"{plain[:_NAME]}-{digest}"


def _keep_lines(file: Path, count: int) -> None:
    """Cuts off what is not of this run, or was not written to its end."""
    if not file.exists():
        return
    kept = file.read_bytes().splitlines(keepends=True)[:count]
    file.write_bytes(b"".join(kept))


def _note(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}
