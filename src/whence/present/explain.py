"""Explanations: why whence thinks that a photo was taken there, as a page or as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from whence.errors import InputError
from whence.geo.plane import coordinates
from whence.present import page
from whence.present.evidence import Evidence, MatchView
from whence.present.matchpicture import match_picture
from whence.present.sections import Surroundings, anchor, evidence_section, told
from whence.types import Position, Status

__all__ = ["Evidence", "MatchView", "check_suffix", "explanation_page", "match_picture", "write_explanation"]

SUFFIXES = (".html", ".png")


def write_explanation(
    path: Path,
    evidence: Sequence[Evidence],
    *,
    title: str = "Where was it taken?",
    gallery: Sequence[Position] = (),
    tolerance_m: float | None = None,
    private: bool = False,
) -> None:
    """Writes an explanation: ``.html`` for any number of photos, ``.png`` for one.

    Args:
        path: The file to write; an existing one is replaced.
        evidence: The photos, their answers and matches, in the order of the page.
        title: Heading of the page.
        gallery: Positions of the gallery photos, for the maps.
        tolerance_m: The error that ``confidence`` speaks of, to say so.
        private: Neither show gallery photos nor name them and their groups.

    Raises:
        InputError: Another suffix, several photos for one picture, or a file that cannot be written.
    """
    check_suffix(path, len(evidence))
    around = Surroundings(coordinates(gallery), tolerance_m, private)
    if path.suffix.lower() == ".html":
        page.save(path, explanation_page(evidence, title=title, around=around))
        return
    from whence.present.poster import poster

    page.save(path, poster(evidence[0], around, title=title))


def check_suffix(path: Path, photos: int) -> None:
    """Refuses early, before any photo is located, what ``write_explanation`` could not write.

    Raises:
        InputError: Another suffix than .html or .png, or a .png for several photos.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"an explanation is written to a .html or a .png file, not to {path.name!r}")
    if suffix == ".png" and photos != 1:
        raise InputError(f"a .png explains one photo, and there are {photos}; write a .html file instead")


def explanation_page(evidence: Sequence[Evidence], *, title: str, around: Surroundings) -> str:
    """The HTML of an explanation."""
    sections = [evidence_section(item, index, around) for index, item in enumerate(evidence)]
    footer = FOOTER_OF_MODEL if any(item.location.choices or item.heat for item in evidence) else FOOTER
    return page.document(title, _overview(evidence, around), *sections, footer)


FOOTER = (
    "<footer><p>Made by whence from the photos of one gallery. An answer is an estimate: look at the matching points "
    "before you rely on it.</p></footer>"
)

FOOTER_OF_MODEL = (
    "<footer><p>Made by whence with a trained model. It has seen photos of the places that it was trained with, not "
    "yours: an answer is an estimate of what kind of place it is.</p></footer>"
)


def _overview(evidence: Sequence[Evidence], around: Surroundings) -> str:
    if len(evidence) < 2:
        return ""
    answers = [told(item, around).location for item in evidence]
    tally = Counter(answer.status for answer in answers)
    summary = ", ".join(f"{tally[status]} {status.value}" for status in Status if tally[status])
    links = "".join(
        f'<li>{page.badge(answer.status)}<a href="#{anchor(index)}">{page.text(answer.path)}</a></li>'
        for index, answer in enumerate(answers)
    )
    return f'<p class="lead">{len(evidence)} photos: {summary}.</p>\n<nav aria-label="Photos"><ol>{links}</ol></nav>'
