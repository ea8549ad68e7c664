"""The explanation of one photo as a picture: the page's content, drawn."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from whence.present import words
from whence.present.evidence import Evidence, MatchView
from whence.present.mapraster import COLOURS, INK, PAPER, map_raster
from whence.present.matchpicture import match_picture
from whence.present.page import shrunk
from whence.present.sections import Surroundings, answer_facts, answer_scene, candidate_facts, told, upwards
from whence.types import Image, Position

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

WIDTH, MARGIN, GAP = 1200, 32, 20
INNER = WIDTH - 2 * MARGIN
MAP_SIZE = (INNER // 2 - GAP // 2, 420)
QUIET = "#5b6470"


def poster(evidence: Evidence, around: Surroundings, *, title: str) -> bytes:
    """A PNG, ``WIDTH`` pixels wide: title, verdict, the photo beside its map, and every match given."""
    evidence = told(evidence, around)
    location = evidence.location
    blocks = [
        _lines([(words.printable(title), 18, QUIET), (words.printable(location.path), 26, INK)]),
        _lines([(words.verdict(location), 22, COLOURS[location.status]), (_summary(evidence, around), 16, QUIET)]),
        _beside(_framed(evidence.query), _map(evidence, around)),
        *_matches(evidence),
    ]
    buffer = BytesIO()
    _stacked(blocks).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _summary(evidence: Evidence, around: Surroundings) -> str:
    location = evidence.location
    rows = [(name, value) for name, value in answer_facts(evidence) if value]
    if location.position is not None:
        sure = words.percent(location.confidence)
        within = "" if around.tolerance_m is None else f" to be within {words.length(around.tolerance_m)}"
        rows.insert(0, ("Confidence", sure + within))
    return "  ·  ".join(f"{name}: {value}" for name, value in rows)


def _lines(lines: list[tuple[str, int, str]], width: int = INNER) -> Picture:
    """Lines of text with their sizes and colours, each cut at ``width``."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    lines = [line for line in lines if line[0]]
    block = Pictures.new("RGB", (width, sum(round(1.45 * size) for _, size, _ in lines)), PAPER)
    pen, top = ImageDraw.Draw(block), 0
    for line, size, colour in lines:
        font = ImageFont.load_default(size)
        while pen.textlength(line, font) > width:
            line = line[:-2].rstrip("…") + "…"
        pen.text((0, top), line, colour, font)
        top += round(1.45 * size)
    return block


def _picture(image: Image) -> Picture:
    from PIL import Image as Pictures

    return Pictures.fromarray(image)


def _framed(query: Image | None) -> Picture:
    """The query, as large as fits beside the map."""
    if query is None:
        return _lines([("The photo could not be read.", 16, QUIET)], MAP_SIZE[0])
    longest = min(MAP_SIZE[0], round(MAP_SIZE[1] * max(query.shape[:2]) / query.shape[0]))
    return _picture(shrunk(query, longest))


def _beside(left: Picture, right: Picture | None) -> Picture:
    from PIL import Image as Pictures

    block = Pictures.new("RGB", (INNER, max(left.height, right.height if right else 0)), PAPER)
    block.paste(left, (0, 0))
    if right:
        block.paste(right, (INNER - right.width, 0))
    return block


def _matches(evidence: Evidence) -> list[Picture]:
    if evidence.query is None:
        return []
    answer = evidence.location.position
    return [_match(evidence.query, view, rank, answer) for rank, view in enumerate(evidence.matches, 1)]


def _match(query: Image, view: MatchView, rank: int, answer: Position | None) -> Picture:
    from PIL import Image as Pictures

    known = candidate_facts(view.candidate, answer)
    facts = [f"{label.lower()}: {value}" for label, value in known if value]
    heading = _lines([(f"{rank}. {words.shown_path(view.candidate.path)}", 18, INK), ("  ·  ".join(facts), 15, QUIET)])
    drawn = _picture(match_picture(query, view, height=380, max_width=INNER))
    block = Pictures.new("RGB", (INNER, heading.height + drawn.height), PAPER)
    block.paste(heading, (0, 0))
    block.paste(drawn, (0, heading.height))
    return block


def _stacked(blocks: list[Picture]) -> Picture:
    from PIL import Image as Pictures

    height = 2 * MARGIN + sum(block.height for block in blocks) + GAP * (len(blocks) - 1)
    sheet = Pictures.new("RGB", (WIDTH, height), PAPER)
    top = MARGIN
    for block in blocks:
        sheet.paste(block, (MARGIN, top))
        top += block.height + GAP
    return sheet


def _map(evidence: Evidence, around: Surroundings) -> Picture | None:
    known = answer_scene(evidence, around)
    return None if known is None else map_raster(known, size=MAP_SIZE, up=upwards(evidence.location.position))
