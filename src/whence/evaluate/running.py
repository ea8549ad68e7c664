"""Asking a gallery all queries with one recipe, and going on where an earlier run was stopped."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import whence
from whence.errors import PhotoError
from whence.evaluate.answers import Answered, line, read_answers
from whence.evaluate.model import Question
from whence.gallery.gallery import Gallery
from whence.locate.answers import Answer
from whence.locate.locator import Locator
from whence.photos import files
from whence.recipes import Recipe
from whence.types import Location, Photo, Status

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
    recipe: Recipe,
    gallery: Gallery,
    asked: Sequence[Question],
    hidden: Sequence[Sequence[int]] | None,
    out: Path,
    *,
    tolerance_m: float,
    candidates: int,
    workers: int | None,
    tell: Callable[[int], None],
) -> Asked:
    """Answers every query, appending to ``out/answers/NAME.jsonl``; those that are there of the same run are kept.

    Args:
        recipe: That describes photos as the gallery does.
        gallery: Opened.
        asked: The queries.
        hidden: Rows of the gallery that are hidden from each query, for leave-one-out; None to ask the files.
        out: Folder of the evaluation.
        tolerance_m: What confidence is the probability of.
        candidates: Named in each answer.
        workers: Threads.
        tell: Called with the number of answers that are there.
    """
    file = out / "answers" / f"{file_name(recipe.name)}.jsonl"
    note = out / "work" / f"{file_name(recipe.name)}.run.json"
    key = _fingerprint(recipe, gallery, asked, hidden, tolerance_m, candidates)
    before = _note(note)
    done = read_answers(file)[: len(asked)] if before.get("fingerprint") == key else []
    answered, seconds = (before.get("answered", 0), before.get("seconds", 0.0)) if done else (0, 0.0)
    file.parent.mkdir(parents=True, exist_ok=True)
    note.parent.mkdir(parents=True, exist_ok=True)
    _keep_lines(file, len(done))
    files.write(note, json.dumps({"fingerprint": key, "answered": answered, "seconds": seconds}).encode())
    tell(len(done))
    if len(done) < len(asked):
        locator = Locator(gallery, recipe=recipe, tolerance_m=tolerance_m, candidates=candidates, workers=workers)
        start, count = perf_counter(), 0
        try:
            with file.open("a", encoding="utf-8", newline="\n") as stream:
                for answer in _answers(locator, asked[len(done) :], hidden and hidden[len(done) :]):
                    stream.write(line(answer, gallery) + "\n")
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


def _answers(locator: Locator, asked: Sequence[Question], hidden: Sequence[Sequence[int]] | None) -> Iterator[Answer]:
    if hidden is None:
        yield from locator.answers([Photo(q.path, q.name, intrinsics=q.camera) for q in asked])
        return
    for question, rows in zip(asked, hidden, strict=True):
        if question.row is None:
            reason = f"the gallery {locator.gallery.folder} could not take it in"
            yield Answer(Location(question.name, Status.FAILED, error=reason))
        else:
            yield locator.answer_row(question.row, rows)


def _fingerprint(
    recipe: Recipe,
    gallery: Gallery,
    asked: Sequence[Question],
    hidden: Sequence[Sequence[int]] | None,
    tolerance_m: float,
    candidates: int,
) -> str:
    """Changes with whatever may change an answer; not with the truth, by which answers are judged anew each time."""
    digest = hashlib.blake2b(digest_size=16)

    def add(*said: object) -> None:
        digest.update(repr(said).encode("utf-8", "surrogatepass"))

    add(whence.__version__, recipe.hash, gallery.model, gallery.settings.extractor, tolerance_m, candidates)
    for photo in gallery.photos:
        add(photo.path, photo.content_hash, photo.position, photo.group)
    for number, question in enumerate(asked):
        if hidden is None:
            add(question.name, str(question.path), _state(question.path), question.camera)
        else:
            add(question.name, question.row, list(hidden[number]))
    return digest.hexdigest()


def _state(path: Path) -> tuple[int, int] | None:
    try:
        return files.stat_key(path)
    except PhotoError:
        return None


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
    except (OSError, ValueError):
        return {}
