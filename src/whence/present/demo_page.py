"""The page of ``whence demo``: what came out, on a map, with the best and the worst answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from whence.geo.plane import coordinates
from whence.present import page, words
from whence.present.evidence import Evidence
from whence.present.sections import Surroundings, anchor, error_m, evidence_section
from whence.types import Position, Status

__all__ = ["DemoSummary", "Picks", "anchor", "pick", "write_demo_page"]

EACH = 3  # photos in every gallery of the page


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """The figures of a demo.

    Attributes:
        gallery_photos: Photos indexed.
        median_error_m: Over the town's query photos, ``unsure`` ones included.
        near_m: The distance that counts as found.
        near_before: Share of the town's query photos within ``near_m``, by similarity alone.
        near_after: The same after re-ranking by matching points.
        town_located: Query photos of the town with a position to rely on.
        town_unsure: Query photos of the town with a best guess, or none.
        elsewhere_located: Photos of another place that were wrongly given a position to rely on.
        elsewhere_unsure: Photos of another place that were rightly refused.
        seconds: Of the whole demo.
        notes: Further lines for the foot of the page, such as version, recipe and seed.
    """

    gallery_photos: int
    median_error_m: float
    near_before: float
    near_after: float
    town_located: int
    town_unsure: int
    elsewhere_located: int
    elsewhere_unsure: int
    seconds: float
    near_m: float = 10.0
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Picks:
    """Indices into the evidence, for the galleries of the page; no photo is in two of them."""

    best: list[int]
    worst: list[int]
    refused: list[int]


def pick(evidence: Sequence[Evidence], each: int = EACH) -> Picks:
    """The photos a demo page shows: the nearest answers, the farthest ones, and photos it would not commit itself to.

    An answer given as ``located`` for a photo without a true place (one from elsewhere) counts as the worst of all.
    """
    errors = {
        index: float("inf") if (error := error_m(item)) is None else error
        for index, item in enumerate(evidence)
        if item.location.status is Status.LOCATED
    }
    ranked = sorted(errors, key=lambda index: (errors[index], index))
    best = ranked[: min(each, (len(ranked) + 1) // 2)]
    worst = ranked[len(best) :][-each:][::-1]
    refused = sorted(set(range(len(evidence))) - set(errors), key=lambda index: evidence[index].location.confidence)
    return Picks(best, worst, refused[:each])


def write_demo_page(
    path: Path,
    *,
    summary: DemoSummary,
    map_svg: str,
    evidence: Sequence[Evidence],
    gallery: Sequence[Position] = (),
    tolerance_m: float | None = None,
) -> None:
    """Writes the page: headline figures, map, galleries of best, worst and refused photos.

    Args:
        path: The HTML file to write; an existing one is replaced.
        summary: The figures.
        map_svg: From ``map_sketch``; its links may point to ``"#" + anchor(index)`` of the photos ``pick`` picks.
        evidence: Photos to choose from.
        gallery: Positions of the gallery photos, for the maps of single photos.
        tolerance_m: The error that ``confidence`` speaks of, to say so.

    Raises:
        InputError: The file cannot be written.
    """
    chosen, around = pick(evidence), Surroundings(coordinates(gallery), tolerance_m)

    def sections(indices: list[int]) -> str:
        return "\n".join(evidence_section(evidence[index], index, around, level=3) for index in indices)

    page.save(
        path,
        page.document(
            "whence demo",
            INTRODUCTION,
            _tiles(summary),
            _group("The town", MAP, f'<div class="scroll">{map_svg}</div>'),
            _group("Best answers", "Nearest to the truth.", sections(chosen.best)),
            _group("Worst answers", "Located, and farthest from the truth.", sections(chosen.worst)),
            _group("Refused", "Here whence says that it does not know.", sections(chosen.refused)),
            _footer(summary),
        ),
    )


INTRODUCTION = (
    '<p class="lead">A town was drawn by the computer, its photos were indexed, and other photos of it were located. '
    "Where each of them was taken is known, so every error below is a real one.</p>"
)
MAP = "Seen from above. A line joins each answer with the true place; the shorter, the better."


def _tiles(summary: DemoSummary) -> str:
    town, elsewhere = summary.town_located + summary.town_unsure, summary.elsewhere_located + summary.elsewhere_unsure
    near = words.length(summary.near_m)
    tiles = [
        ("Median error", words.length(summary.median_error_m), f"over {town} photos of the town"),
        (
            f"Within {near}",
            words.percent(summary.near_after),
            f"{words.percent(summary.near_before)} before re-ranking",
        ),
        ("From the town", f"{summary.town_located} of {town}", f"located; {summary.town_unsure} unsure"),
        (
            "From elsewhere",
            f"{summary.elsewhere_unsure} of {elsewhere}",
            f"refused; {summary.elsewhere_located} wrongly located",
        ),
        ("Time", f"{summary.seconds:.0f} s", f"with {summary.gallery_photos} photos indexed"),
    ]
    items = "".join(
        f"<li>{page.text(name)}<b>{page.text(value)}</b><small>{page.text(more)}</small></li>"
        for name, value, more in tiles
    )
    return f'<ul class="tiles">{items}</ul>'


def _group(title: str, about: str, content: str) -> str:
    if not content:
        return ""
    heading = f'<h2>{page.text(title)}</h2><p class="quiet">{page.text(about)}</p>'
    return f'<section class="group">{heading}\n{content}\n</section>'


def _footer(summary: DemoSummary) -> str:
    notes = "".join(f"<p>{page.text(note)}</p>" for note in summary.notes)
    return f"<footer><p>Everything was computed on this computer; nothing was sent anywhere.</p>{notes}</footer>"
