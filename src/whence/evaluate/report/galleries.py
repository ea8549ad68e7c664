"""Queries worth a look: the best, the most confidently wrong, and the worst, each beside its best match."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whence.evaluate.model import Evaluation, Question, Run
from whence.evaluate.report import html
from whence.evaluate.report.pictures import Pictures, Seen, beside
from whence.evaluate.report.plots.lengths import distance_words, given_words
from whence.metrics.outcomes import Outcomes
from whence.present import page, words
from whence.present.evidence import Evidence
from whence.present.matchpicture import match_picture
from whence.types import Image, Location

EACH = 4
RUNS = 3  # whose pictures are shown
HEIGHT, WIDTH, LINES = 250, 720, 40


@dataclass(frozen=True, slots=True)
class Picks:
    """Numbers of queries, the most telling first; no query is in two lists."""

    best: list[int]
    wrong: list[int]
    worst: list[int]


def pick(outcomes: Outcomes, tolerance_m: float, each: int = EACH) -> Picks:
    """The queries that a report shows.

    Best: smallest error among those located and right. Wrong: the most confident answers beyond the tolerance, or for
    photos of places that the database lacks. Worst: the largest errors among the others that are wrong. Queries without
    an answer have nothing to show.
    """
    error = np.where(outcomes.known, outcomes.error_m, np.inf)
    answered = np.isfinite(outcomes.error_m)
    strange = ~outcomes.known & outcomes.located
    off = (outcomes.known & answered & (outcomes.error_m > tolerance_m)) | strange
    right = outcomes.known & answered & ~off & outcomes.located
    best = _first(right, error, each)
    wrong = _first(off, -outcomes.confidence, each)
    rest = off & outcomes.known
    rest[wrong] = False
    return Picks(best, wrong, _first(rest, -np.where(answered, error, 0), each))


def _first(chosen: np.ndarray, by: np.ndarray, each: int) -> list[int]:
    rows = np.flatnonzero(chosen)
    return [int(row) for row in rows[np.argsort(by[rows], kind="stable")][:each]]


def galleries(evaluation: Evaluation, *, private: bool) -> str:
    """The section with the photos of the first runs."""
    shown = evaluation.runs[:RUNS]
    seen: Seen = {}
    parts = [_run(evaluation, run, number, seen, private=private) for number, run in enumerate(shown)]
    about = "Each query (left) beside the database photo that its answer rests on (right); lines join what matched."
    if all(run.examples for run in shown):
        about = "Each query (left) beside a photo of the class that was answered and, if it is wrong, of the true one."
    if private:
        about = "Pictures and names are left out of this report."
    return html.section("Best and worst answers", about, *parts)


def _run(evaluation: Evaluation, run: Run, number: int, seen: Seen, *, private: bool) -> str:
    picks = pick(run.outcomes, evaluation.tolerance_m)
    if not (picks.best or picks.wrong or picks.worst):
        return ""
    pictures = None if private else Pictures(run, seen)
    near = given_words(evaluation.tolerance_m, evaluation.unit)
    groups = [
        ("Best", f"Located, with the smallest errors within {near}.", picks.best),
        (
            "Most confidently wrong",
            f"Beyond {near}, or of a place that the database lacks; the surest first.",
            picks.wrong,
        ),
        ("Worst", "The largest errors among the other wrong answers.", picks.worst),
    ]
    parts = []
    for title, about, chosen in groups:
        cards = "".join(_query(evaluation, run, query, pictures) for query in chosen)
        if cards:
            parts.append(f'<h3>{title}</h3><p class="quiet">{page.text(about)}</p><div class="photos">{cards}</div>')
    several = len(evaluation.runs) > 1
    head = f"<header><h3>{html.swatch(number)}{page.text(run.name)}</h3></header>" if several and not number else ""
    missing = pictures.missing if pictures else ""
    told = f'<p class="quiet">There are no pictures: {page.text(missing)}</p>' if missing else ""
    if number:  # of later runs only those who ask want to see as much
        return html.card(html.folded(f"The same of {run.name}", told, *parts))
    return html.card(head, told, *parts)


def _query(evaluation: Evaluation, run: Run, number: int, pictures: Pictures | None) -> str:
    question, answer = evaluation.questions[number], run.answers[number]
    caption = _caption(evaluation, run, number, private=pictures is None)
    if pictures is None:
        return f"<figure><figcaption>{caption}</figcaption></figure>"
    found = pictures.evidence(question, answer)
    if run.examples and found.query is not None:
        return page.figure(_classes(run, number, found.query), caption)
    return page.figure(_picture(question, found, pictures), caption)


def _classes(run: Run, number: int, query: Image) -> str:
    """The query beside a photo of the class that was answered and, if that is another, of the true one."""
    answered, true = _class_names(run, number)
    names = [name for name in dict.fromkeys((answered, true)) if name in run.examples]
    drawn = beside(query, [run.examples[name] for name in names], HEIGHT)
    alt = f"The query beside a photo of {' and one of '.join(map(words.printable, names)) or 'no class'}"
    return page.picture(page.shrunk(drawn, WIDTH), alt)


def _class_names(run: Run, number: int) -> tuple[str, str]:
    """What was answered, and what is true; empty where there is none."""
    of = run.outcomes
    if of.truth_class is None or of.answer_class is None:
        return "", ""
    answered, true = int(of.answer_class[number]), int(of.truth_class[number])
    return (of.classes[answered] if answered >= 0 else "", of.classes[true] if true >= 0 else "")


def _picture(question: Question, found: Evidence, pictures: Pictures) -> str:
    if found.query is None:
        return "" if pictures.missing else '<p class="quiet">The photo is no longer where it was.</p>'
    name = words.printable(question.name)
    if not found.matches:
        return page.picture(page.shrunk(found.query, WIDTH // 2), f"The query {name}; it has no matching photo")
    view = found.matches[0]
    drawn = match_picture(found.query, view, height=HEIGHT, max_width=WIDTH, lines=LINES, caption=False)
    alt = f"The query {name} beside {words.shown_path(view.candidate.path)}, {len(view.query_points)} matching points"
    return page.picture(drawn, alt)


def _caption(evaluation: Evaluation, run: Run, number: int, *, private: bool) -> str:
    question, answer = evaluation.questions[number], run.answers[number]
    error = float(run.outcomes.error_m[number])
    name = question_name(evaluation, number, private=private)
    if question.truth is None:
        off = "a place that the database lacks"
    else:
        off = f"error {distance_words(error, evaluation.unit)}"
    facts = [off, f"confidence {words.percent(answer.confidence)} ({answer.status.value})", _match(answer, private)]
    answered, true = _class_names(run, number) if run.examples else ("", "")
    if answered:
        truly = "rightly" if answered == true else f"true {words.printable(true or 'another')}"
        facts.append(f"answered {words.printable(answered)}, {truly}")
    places = [
        f"true {words.place(question.truth)}" if question.truth is not None else "",
        f"answered {words.place(answer.position)}",
    ]
    line = "; ".join(part for part in facts if part)
    return f"<b>{page.text(name)}</b><br>{page.text(line)}<br>{page.text('; '.join(part for part in places if part))}"


def _match(answer: Location, private: bool) -> str:
    if not answer.candidates:
        return ""
    best = answer.candidates[0]
    points = f"{best.inliers} matching point{'' if best.inliers == 1 else 's'}" if best.inliers else ""
    name = "" if private else words.short_name(best.path)
    return f"{points} with {name}" if points and name else points or (f"beside {name}" if name else "")


def question_name(evaluation: Evaluation, number: int, *, private: bool) -> str:
    """What a query is called in the report."""
    return f"query {number + 1}" if private else words.shown_path(evaluation.questions[number].name)
