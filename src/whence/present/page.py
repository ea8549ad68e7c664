"""Building blocks of self-contained HTML pages: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Collection
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from whence.errors import InputError
from whence.photos.files import write
from whence.present.words import percent, printable
from whence.types import Image, Status

JPEG_QUALITY = 85
# The page may not load or run anything, even if a mistake of ours let foreign markup in.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def text(words: str) -> str:
    """Words, safe inside HTML and inside its attributes."""
    return html.escape(printable(words))


def document(title: str, *body: str) -> str:
    """A whole page with a heading."""
    style = files("whence.present").joinpath("page.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n<h1>{text(title)}</h1>",
            *body,
            "</main>\n</body>\n</html>\n",
        ]
    )


def save(path: Path, page: str | bytes) -> None:
    """Writes a page or a picture.

    Raises:
        InputError: The file cannot be written.
    """
    try:
        write(path, page.encode("utf-8") if isinstance(page, str) else page)
    except OSError as error:
        raise InputError(f"cannot write {printable(str(path))}: {error.strerror or error}") from error


def jpeg(image: Image) -> bytes:
    """The image as a JPEG file."""
    from PIL import Image as Pictures

    buffer = BytesIO()
    # Full colour resolution (subsampling 0): thin coloured lines would otherwise turn grey.
    Pictures.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def png(image: Image) -> bytes:
    """The image as a PNG file."""
    from PIL import Image as Pictures

    buffer = BytesIO()
    Pictures.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def data_uri(image: Image) -> str:
    """The image as a JPEG inside the page."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(image)).decode("ascii")


def picture(image: Image, alt: str) -> str:
    """An image element that keeps its place while the page loads."""
    return f'<img src="{data_uri(image)}" alt="{text(alt)}" width="{image.shape[1]}" height="{image.shape[0]}">'


def shrunk(image: Image, longest: int) -> Image:
    """The image with its longer side at most ``longest`` pixels."""
    from whence.present.matchpicture import fit_height

    height, width = image.shape[:2]
    return (
        fit_height(image, max(1, round(height * longest / max(height, width))))
        if max(height, width) > longest
        else image
    )


def figure(content: str, caption: str) -> str:
    """A figure; both arguments are HTML."""
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"


def facts(rows: list[tuple[str, str]]) -> str:
    """A list of names and values; names are plain text, values HTML, and empty values are left out."""
    return "<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{value}</dd>" for name, value in rows if value) + "</dl>"


def badge(status: Status) -> str:
    """The status as a coloured word."""
    return f'<span class="badge {status.value}">{status.value}</span>'


def bar(share: float, status: Status) -> str:
    """A share of 1 as a bar with its percentage; screen readers get the percentage alone."""
    width = 100 * min(max(share, 0.0), 1.0) if share == share else 0.0
    return (
        f'<span class="bar {status.value}" aria-hidden="true"><i style="width:{width:.0f}%"></i></span>{percent(share)}'
    )


def table(rows: list[dict[str, str]], numbers: Collection[str]) -> str:
    """A table that scrolls where it is too wide; columns without any value are left out.

    Args:
        rows: Plain text by column title; all rows have the same titles.
        numbers: Titles of the columns that hold numbers.
    """
    titles = [title for title in rows[0] if any(row[title] for row in rows)]
    kinds = {title: ' class="number"' if title in numbers else "" for title in titles}
    head = "".join(f'<th scope="col"{kinds[title]}>{text(title)}</th>' for title in titles)
    cells = ("".join(f"<td{kinds[title]}>{text(row[title])}</td>" for title in titles) for row in rows)
    lines = "".join(f"<tr>{line}</tr>" for line in cells)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
