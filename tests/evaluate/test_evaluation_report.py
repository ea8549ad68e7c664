"""The report of an evaluation: whole, self-contained, and silent about what is not defined."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import evaluations
from samples import World
from whence.errors import MissingExtraError
from whence.evaluate.model import Evaluation, Leak, Question
from whence.evaluate.report import report_page, write_report
from whence.evaluate.report.galleries import galleries, pick
from whence.evaluate.results import to_markdown
from whence.gallery.gallery import Gallery
from whence.gallery.storage import Storage
from whence.locate.locator import Locator
from whence.metrics.outcomes import Outcomes
from whence.recipes import Published
from whence.types import Skipped

TAGS_WITHOUT_END = {"meta", "img", "br", "path", "rect", "circle", "use", "link"}


class Reader(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.words: list[str] = []
        self.images: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags[tag] += 1
        if found.get("id"):
            self.ids[str(found["id"])] += 1
        self.links += [str(found[name]) for name in ("src", "href", "xlink:href") if name in found]
        if tag == "img" or found.get("role") == "img":
            self.images.append(found)
        if tag not in TAGS_WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in TAGS_WITHOUT_END:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in TAGS_WITHOUT_END:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(page: str) -> Reader:
    """The page, checked for what must hold of every report."""
    found = Reader()
    found.feed(page)
    found.close()
    assert not found.open
    assert not found.tags["script"]
    assert not [link for link in found.links if not link.startswith(("#", "data:image/"))]
    assert not [name for name, count in found.ids.items() if count > 1]
    asked = {link[1:] for link in found.links if link.startswith("#")} | set(re.findall(r"url\(#([^)]+)\)", page))
    assert asked <= set(found.ids)
    assert all(image.get("alt") or image.get("aria-label") for image in found.images)
    assert not re.search(r"\b(nan|inf|infinity|none)\b", found.text, re.IGNORECASE), found.text
    assert not re.search(r'="[^"]*\b(nan|inf)\b', page, re.IGNORECASE)
    return found


@pytest.fixture(scope="module")
def page(full: Evaluation) -> str:
    return report_page(full)


@pytest.fixture(scope="module")
def full() -> Evaluation:
    """Two runs of a sweep with strangers, unreadable queries, classes, leaks and a source."""
    cities = ("Paris", "London", "Lund")
    names = ("default retrieve.top_k=10", "default retrieve.top_k=30")
    made = {name: evaluations.outcomes(40, strangers=6, lost=2, seed=n, classes=cities) for n, name in enumerate(names)}
    said = evaluations.evaluation(made, varied="retrieve.top_k")
    source = Published("A report on museums", "Table 2", "44 Manhattan", "no sums")
    runs = [replace(run, clean=run.figures, recipe=replace(run.recipe, source=source)) for run in said.runs]
    leaks = [
        Leak(3, "same file", "db/secret.jpg"),
        Leak(5, "near duplicate", "db/5.jpg", 4),
        Leak(5, "same group", "g1"),
    ]
    left = [Skipped("queries/broken.jpg", "no position")]
    return replace(said, runs=runs, leaks=leaks, leaky="Queries were drawn at random.", left_out=left)


def test_a_full_report_has_every_part(full: Evaluation, page: str) -> None:
    found = read(page)
    parts = ("Recall", "Errors", "Confidence", "Map", "Compared", "Sweep", "Classes", "Best and worst answers", "Leaks")
    for part in (*parts, "Costs", "Everything"):
        assert re.search(rf"<h2>{part}</h2>", page), part
    for words in (
        full.protocol,
        "This split flatters.",
        "2 of 46 queries",
        "6 photos of places that the database lacks",
        "4 of 64 bits differ",
        "1 left out",
        "queries/broken.jpg",
        "A report on museums, Table 2",
        "44 Manhattan",
        "[retrieve]",
        "tolerance 5 m",
    ):
        assert words in found.text, words
    assert len(page) < 2_000_000


def test_figures_are_those_of_the_runs(full: Evaluation, page: str) -> None:
    text = read(page).text
    for run in full.runs:
        assert f"{100 * run.figures['within.5'].value:.1f} %" in text
        assert f"{run.figures['error.median'].value:.1f} m" in text
        assert text.count(run.name) > 3


def test_a_private_report_names_and_shows_no_photo(full: Evaluation) -> None:
    small = evaluations.evaluation({"a": evaluations.outcomes(8)})
    page = report_page(replace(small, leaks=full.leaks, left_out=full.left_out), private=True)
    found = read(page)
    assert not found.tags["img"]
    for secret in ("queries/", "db/", "secret", "g1", "whence evaluate"):
        assert secret not in found.text
    assert ".jpg" not in page
    assert "query 4" in found.text


def nothing(found: Outcomes) -> Outcomes:
    """All queries failed."""
    lost = np.where(found.known, np.inf, np.nan)
    return replace(
        found,
        error_m=lost,
        offset_m=np.column_stack([lost, lost]),
        retrieved_m=np.full((len(found), 0), np.inf),
        ranked_m=np.full((len(found), 0), np.inf),
        confidence=np.zeros(len(found)),
        radius_m=np.full(len(found), np.nan),
        located=np.zeros(len(found), np.bool_),
    )


@pytest.mark.parametrize(
    "made",
    [
        pytest.param({"a": evaluations.outcomes(1)}, id="one query"),
        pytest.param({"a": evaluations.outcomes(0, strangers=3)}, id="no truth known"),
        pytest.param({"a": evaluations.outcomes(0)}, id="no queries"),
        pytest.param({"a": nothing(evaluations.outcomes(4, strangers=2))}, id="all failed"),
        pytest.param({"a": nothing(evaluations.outcomes(4)), "b": evaluations.outcomes(4)}, id="one run failed"),
        pytest.param({"a": evaluations.outcomes(8, good=1), "b": evaluations.outcomes(8, good=1)}, id="no difference"),
        pytest.param(
            {f"run {n}": evaluations.outcomes(6, seed=n) for n in range(7)},
            id="more runs than colours",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_is_not_defined_is_left_out(made: dict[str, Outcomes]) -> None:
    read(report_page(evaluations.evaluation(made)))


def test_errors_of_zero_have_a_place_on_the_axis() -> None:
    found = evaluations.outcomes(6)
    exact = replace(found, error_m=np.zeros(6), offset_m=np.zeros((6, 2)))
    assert "0 m" in read(report_page(evaluations.evaluation({"a": exact}))).text


def test_frames_are_called_frames() -> None:
    said = replace(evaluations.evaluation({"a": evaluations.outcomes(20)}), unit="frames")
    text = read(report_page(said)).text
    assert "tolerance 5 frames" in text
    assert not re.search(r"\d k?m\b", text)


def test_names_are_shown_as_they_are_and_run_nothing() -> None:
    evil = 'x<script>alert(1)</script>"$\\frac{1}{2}$\x1b[2J\u202e'
    said = evaluations.evaluation({evil: evaluations.outcomes(12, classes=(evil, "東京"))})
    questions = [replace(question, name=evil, group=evil) for question in said.questions]
    found = read(report_page(replace(said, title=evil, protocol=evil, questions=questions)))
    assert "$\\frac{1}{2}$" in found.text
    assert "\x1b" not in found.text


def test_pictures_come_from_the_gallery_and_are_missed_without_a_crash(world: World, tmp_path: Path) -> None:
    gallery = Gallery.open(world.gallery)
    locator = Locator(gallery)
    names = sorted(world.truth)[:4]
    answers = [locator.locate(world.queries / name) for name in names]
    found = replace(evaluations.outcomes(4, good=1), located=np.ones(4, np.bool_), confidence=np.full(4, 0.9))
    said = evaluations.evaluation({"a": found}, earth=True)
    questions = [Question(name, world.queries / name, world.truth[name]) for name in names]
    said = replace(
        said, questions=questions, runs=[replace(said.runs[0], gallery=Storage.of(world.gallery), answers=answers)]
    )
    assert read(galleries(said, private=False)).tags["img"] >= 3
    # Photos of the gallery itself, left out and asked: the second one's file is read by its row.
    rows = [replace(question, path=tmp_path / "gone.jpg", row=n) for n, question in enumerate(questions)]
    assert read(galleries(replace(said, questions=rows), private=False)).tags["img"] >= 3
    gone = [replace(question, path=tmp_path / "gone.jpg") for question in questions]
    page = read(galleries(replace(said, questions=gone), private=False))
    assert not page.tags["img"]
    assert "no longer where it was" in page.text


def test_picks_are_the_telling_ones() -> None:
    found = evaluations.outcomes(60, strangers=5, lost=3, seed=2)
    picks = pick(found, 5.0)
    error, confidence = found.error_m, found.confidence
    assert max(error[picks.best]) <= 5
    assert error[picks.best[0]] == error[found.known & found.located].min()
    wrong = (found.known & np.isfinite(error) & (error > 5)) | (~found.known & found.located)
    assert confidence[picks.wrong[0]] == confidence[wrong].max()
    assert len({*picks.best, *picks.wrong, *picks.worst}) == 12
    others = wrong & found.known
    others[picks.wrong] = False
    assert error[picks.worst[0]] == error[others].max()


def test_the_report_is_the_same_every_time(tmp_path: Path) -> None:
    said = evaluations.evaluation({"a": evaluations.outcomes(5)})
    write_report(said, tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == report_page(said)


def test_drawing_leaves_no_trace(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)  # others may have asked for it

    def settings() -> dict[str, object]:
        # Asking for the backend would choose one.
        return {str(name): matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}

    before, level = settings(), logging.getLogger("matplotlib").level
    read(report_page(evaluations.evaluation({"a": evaluations.outcomes(5)})))
    assert settings() == before
    assert logging.getLogger("matplotlib").level == level
    assert "matplotlib.pyplot" not in sys.modules
    assert capfd.readouterr() == ("", "")


def test_a_first_use_with_a_fresh_cache_of_fonts_says_nothing(tmp_path: Path) -> None:
    code = (
        "from whence.evaluate.report.plots.canvas import svg\n"
        "from whence.evaluate.report.plots.costs import stage_bars\n"
        "assert 'a' in svg(stage_bars({'a': {'read': 1.0}}), 'bars')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"MPLCONFIGDIR": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


def test_without_matplotlib_the_extra_is_named(full: Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"evaluation reports need .*whence\[report\]"):
        report_page(full)


def test_many_runs_get_several_tables_of_text() -> None:
    names = [f"run{number}" for number in range(9)]
    made = {name: evaluations.outcomes(20, seed=number) for number, name in enumerate(names)}
    lines = to_markdown(evaluations.evaluation(made)).splitlines()
    heads = [line.strip("| ").split(" | ") for line in lines if line.startswith("| | run")]
    assert [len(head) for head in heads[:3]] == [3, 3, 3]
    assert [name for head in heads[:3] for name in head] == names
    assert [name for head in heads[3:] for name in head] == names[1:]
    assert [line.count("|") - 2 for line in lines if line.startswith("| seconds a query")] == [3, 3, 3]
