"""Explanations and the page of the demo: honest words, safe markup, one file."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures

from whence.errors import InputError
from whence.present.demo_page import DemoSummary, pick, write_demo_page
from whence.present.explain import Evidence, MatchView, write_explanation
from whence.present.mapsketch import Mark, map_sketch
from whence.present.words import verdict
from whence.types import XY, Candidate, Choice, Image, LatLon, Location, Position, Status

EVIL = '<script>alert("x")</script>\x1b\udcff.jpg'
NAMESPACE = "http://www.w3.org/2000/svg"
POINTS = np.array([(5.0, 5.0), (30.0, 20.0)])
HERE = LatLon(45.434, 12.339)


def photo(seed: int = 0, height: int = 60, width: int = 80) -> Image:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def evidence(status: Status = Status.LOCATED, *, path: str = "q.jpg", truth: Position | None = None) -> Evidence:
    position = None if status is Status.FAILED else HERE
    candidates = tuple(Candidate(f"{rank}{EVIL}", LatLon(45.434, 12.34), 0.9, 40, rank, "<b>group") for rank in (3, 0))
    location = Location(path, status, position, 12.0, 0.87, candidates, {"verify": 0.2}, error="no photo <i>at all")
    return Evidence(photo(), location, [MatchView(photo(1, 90, 40), candidates[0], POINTS, POINTS)], truth)


class Reader(HTMLParser):
    """Collects what a browser would see, and complains about elements that are never closed."""

    VOID = frozenset(("meta", "img", "br", "!doctype"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def explained(tmp_path: Path, *items: Evidence, **options: object) -> tuple[str, Reader]:
    write_explanation(tmp_path / "e.html", items, **options)  # type: ignore[arg-type]
    page = (tmp_path / "e.html").read_text(encoding="utf-8")
    return page, Reader(page)


def assert_alone(page: str, reader: Reader) -> None:
    """Nothing is loaded from anywhere, and nothing runs."""
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.replace(NAMESPACE, "")))
    assert "@import" not in page
    assert "url(" not in page
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in reader.tags}
    for tag, attributes in reader.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:image/jpeg;base64,")[:23] == "data:image/jpeg;base64,"  # type: ignore[index]
        assert (attributes.get("href") or "#").startswith("#")
        assert tag != "img" or attributes["alt"]


def test_verdicts_in_words() -> None:
    assert verdict(evidence().location) == "Located within about 12 m: 45.43400, 12.33900"
    assert verdict(evidence(Status.UNSURE).location).startswith("Unsure; best guess 45.43400, 12.33900")
    assert verdict(evidence(Status.FAILED).location) == "Failed: no photo <i>at all"


def test_page_is_safe_and_alone(tmp_path: Path) -> None:
    page, reader = explained(tmp_path, evidence(path=EVIL), evidence(Status.FAILED, path=EVIL), title=EVIL)
    assert_alone(page, reader)
    assert r'<script>alert("x")</script>\x1b\udcff.jpg' in reader.text
    assert "<b>group" in reader.text
    assert "no photo <i>at all" in reader.text
    assert ("html", {"lang": "en"}) in reader.tags
    headings = [tag for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert headings == ["h1", "h2", "h3", "h2", "h3"]


def test_page_says_what_is_known(tmp_path: Path) -> None:
    _, reader = explained(tmp_path, evidence(truth=LatLon(45.434, 12.3391)), gallery=[HERE], tolerance_m=25.0)
    for words in (
        "Located within about 12 m: 45.43400, 12.33900",
        "87 % to be within 25 m",
        "2 matching points",
        "78 m east",
        "rank 4",
        "7.8 m (inside the circle)",
        "gallery photo",
    ):
        assert words in reader.text
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert ids == ["photo-0"]


def test_overview_links_to_every_photo(tmp_path: Path) -> None:
    _, reader = explained(tmp_path, evidence(), evidence(Status.UNSURE), evidence(Status.FAILED))
    assert "3 photos: 1 located, 1 unsure, 1 failed." in reader.text
    links = {attributes["href"] for tag, attributes in reader.tags if tag == "a"}
    assert links == {f"#{attributes['id']}" for tag, attributes in reader.tags if tag == "article"}


def test_private_pages_name_no_gallery_photo(tmp_path: Path) -> None:
    page, reader = explained(tmp_path, evidence(), private=True)
    assert "alert" not in page
    assert "<b>group" not in reader.text
    assert "(not shown)" in reader.text


def test_answers_on_a_plane_and_without_matches(tmp_path: Path) -> None:
    location = Location("q.jpg", Status.UNSURE, XY(1.0, 2.0), float("nan"), float("nan"))
    _, reader = explained(tmp_path, Evidence(photo(), location, [], XY(1.0, 5.0)), gallery=[XY(0.0, 0.0)])
    assert "3.0 m" in reader.text
    assert "There are no matching photos to show." in reader.text


def test_numbers_that_are_none_are_not_told(tmp_path: Path) -> None:
    nowhere = LatLon(float("nan"), float("inf"))
    lost = Candidate("g.jpg", nowhere, float("nan"), 3, 0)
    seconds = {"a": float("nan")}
    location = Location("q.jpg", Status.LOCATED, HERE, None, 0.9, (lost,), seconds, heading_deg=float("inf"))
    shown = Evidence(photo(), location, [MatchView(None, lost, POINTS, POINTS)], nowhere)
    page, reader = explained(tmp_path, shown, gallery=[nowhere, HERE])
    write_explanation(tmp_path / "e.png", [shown], gallery=[nowhere, HERE])
    assert not re.search(r"\bnan\b|\binf\b", page)
    assert "circle" not in reader.text


def test_who_takes_what_for_possible(tmp_path: Path) -> None:
    shown = evidence()
    choices = (Choice("piazza", 0.7, HERE), Choice("lido", 0.3, LatLon(45.4, 12.37)))
    beside = replace(shown, location=replace(shown.location, choices=choices))
    alone = replace(beside, location=replace(beside.location, candidates=()), matches=[])
    for one, heading in (
        (beside, "What a trained model takes for possible beforehand"),
        (alone, "What it takes for possible"),
    ):
        _, reader = explained(tmp_path, one, gallery=[HERE])
        assert heading in reader.text
        assert "piazza" in reader.text
        assert "70 %" in reader.text
    _, reader = explained(tmp_path, shown, gallery=[HERE])
    assert "takes for possible" not in reader.text


def test_a_photo_that_could_not_be_read(tmp_path: Path) -> None:
    unread = Evidence(None, Location("q.jpg", Status.FAILED, error="not an image"))
    _, reader = explained(tmp_path, unread)
    assert "Failed: not an image" in reader.text
    assert "The photo could not be read." in reader.text
    write_explanation(tmp_path / "e.png", [unread])


@pytest.mark.parametrize("status", Status)
def test_pictures_are_drawn_for_every_status(tmp_path: Path, status: Status) -> None:
    sizes = []
    for matches in (0, 1):
        whole = evidence(status, path=EVIL * 9, truth=LatLon(45.4345, 12.339))
        one = Evidence(whole.query, whole.location, whole.matches[:matches], whole.truth)
        write_explanation(tmp_path / "e.PNG", [one], gallery=[HERE], tolerance_m=25.0)
        with Pictures.open(io.BytesIO((tmp_path / "e.PNG").read_bytes())) as picture:
            assert picture.format == "PNG"
            sizes.append(picture.size)
    assert sizes[0][0] == sizes[1][0] == 1200
    assert sizes[1][1] > sizes[0][1] + 300


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.html or a \.png file, not to 'e\.pdf'"):
        write_explanation(tmp_path / "e.pdf", [evidence()])
    with pytest.raises(InputError, match=r"explains one photo, and there are 2"):
        write_explanation(tmp_path / "e.png", [evidence(), evidence()])
    with pytest.raises(InputError, match="cannot write"):
        write_explanation(tmp_path / "nowhere" / "e.html", [evidence()])
    assert not list(tmp_path.iterdir())


def shifted(metres: float) -> LatLon:
    return LatLon(HERE.lat + metres / 111_150, HERE.lon)


def test_demo_picks_best_worst_and_refused() -> None:
    answers = [evidence(truth=shifted(metres)) for metres in (30, 1, 500, 2, 80)]
    answers += [evidence(Status.UNSURE), evidence(Status.FAILED), evidence()]
    chosen = pick(answers, 2)
    assert (chosen.best, chosen.worst, chosen.refused) == ([1, 3], [7, 2], [5, 6])
    few = pick(answers[:1])
    assert (few.best, few.worst, few.refused) == ([0], [], [])


def test_demo_page(tmp_path: Path) -> None:
    answers = [evidence(truth=shifted(3)), evidence(truth=shifted(40)), evidence(Status.UNSURE)]
    summary = DemoSummary(500, 3.4, 0.61, 0.93, 38, 2, 1, 9, 34.2, notes=["whence, <seed> 7"])
    sketch = map_sketch(database=[(0.0, 0.0)], answers=[Mark((1.0, 1.0), 8.0, href="#photo-0")])
    write_demo_page(tmp_path / "demo.html", summary=summary, map_svg=sketch, evidence=answers)
    page = (tmp_path / "demo.html").read_text(encoding="utf-8")
    reader = Reader(page)
    assert_alone(page, reader)
    for words in ("3.4 m", "Within 10 m", "93 %", "61 % before", "38 of 40", "9 of 10", "34 s", "whence, <seed> 7"):
        assert words in reader.text
    headings = [tag for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert headings == ["h1", "h2", "h2", "h3", "h4", "h2", "h3", "h4", "h2", "h3", "h4"]


def test_importing_loads_no_heavy_library() -> None:
    loaded = "import sys, whence.present.{}; print([m for m in ('cv2', 'PIL', 'rich') if m in sys.modules])"
    for module in ("formats", "explain", "demo_page"):
        done = subprocess.run([sys.executable, "-c", loaded.format(module)], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
