"""Query and gallery photo side by side, joined where they show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whence.present.evidence import MatchView
from whence.types import DoubleArray, Image

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 8  # pixels between the photos
BAND = 30  # pixels of the caption below them
PAPER, INK, NO_PHOTO = (255, 255, 255), (30, 34, 40), (224, 227, 232)
BETWEEN = (140, 146, 155)  # seen on light and on dark pages
# From left to right in the query: the eye follows a line by its colour. Told apart by colour-blind readers as well.
GRADIENT = np.array([(0, 180, 216), (255, 209, 0), (255, 77, 148)], dtype=np.float64)
DENSE = (40, 120, 300)  # beyond so many inliers, dots are smaller
SHIFT = 4  # OpenCV draws at sixteenths of a pixel


def match_picture(
    query: Image, view: MatchView, *, height: int = 400, max_width: int = 1600, lines: int = 60, caption: bool = True
) -> Image:
    """One picture of a match: both photos at one height, a dot on every inlier, lines between the widest-spread ones.

    Args:
        query: ``(H, W, 3)``.
        view: The gallery photo and the inliers. Without a photo its half stays empty, and no lines are drawn.
        height: Of both photos, in pixels; less where the pair would be wider than ``max_width``.
        max_width: Of the picture, in pixels.
        lines: At most so many lines are drawn; all inliers are counted in the caption.
        caption: Add a band with the counts below the photos.

    Returns:
        ``(height (+ BAND), width, 3)``: query on the left, gallery photo ``GAP`` pixels to its right.
    """
    left_shape = query.shape[:2]
    right_shape = left_shape if view.photo is None else view.photo.shape[:2]
    aspect = left_shape[1] / left_shape[0] + right_shape[1] / right_shape[0]
    height = max(1, min(height, int((max_width - GAP) / aspect)))
    left = fit_height(query, height)
    right = _empty_half(left.shape) if view.photo is None else fit_height(view.photo, height)

    canvas: Image = np.full((height, left.shape[1] + GAP + right.shape[1], 3), BETWEEN, dtype=np.uint8)
    canvas[:, : left.shape[1]] = left
    canvas[:, left.shape[1] + GAP :] = right
    starts, ends = _finite(view)
    starts = scaled(starts, left_shape, left.shape[:2])
    ends = scaled(ends, right_shape, right.shape[:2]) + np.array([left.shape[1] + GAP, 0])
    chosen = spread(starts, lines if view.photo is not None else 0)
    _draw(canvas, starts, ends if view.photo is not None else starts[:0], chosen)
    return _with_caption(canvas, counts(len(starts), len(chosen))) if caption else canvas


def counts(inliers: int, drawn: int) -> str:
    """How many points agree, and how many of them have a line."""
    points = f"{inliers} matching point{'' if inliers == 1 else 's'}"
    return points if drawn in (0, inliers) else f"{points}, lines for {drawn} of them"


def fit_height(image: Image, height: int) -> Image:
    """The image at another height, its shape kept."""
    import cv2

    width = max(1, round(image.shape[1] * height / image.shape[0]))
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), dtype=np.uint8)


def scaled(points: DoubleArray, old: Sequence[int], new: Sequence[int]) -> DoubleArray:
    """Points of an image of shape ``old`` where they lie at shape ``new``; pixel centres are whole numbers in both."""
    ratio = np.array([new[1] / old[1], new[0] / old[0]])
    return np.asarray((points + 0.5) * ratio - 0.5)


def spread(points: DoubleArray, limit: int) -> list[int]:
    """Indices of at most ``limit`` points, each as far as possible from those before it; the same ones every time."""
    if limit < 1:
        return []
    if len(points) <= limit:
        return list(range(len(points)))
    chosen = [int(np.argmin(points.sum(axis=1)))]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < limit:
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(nearest)))
    return chosen


def _finite(view: MatchView) -> tuple[DoubleArray, DoubleArray]:
    pairs = np.hstack([np.reshape(view.query_points, (-1, 2)), np.reshape(view.photo_points, (-1, 2))])
    pairs = pairs[np.isfinite(pairs).all(axis=1)].astype(np.float64)
    return pairs[:, :2], pairs[:, 2:]


def _colours(starts: DoubleArray) -> list[tuple[int, int, int]]:
    ranks = np.argsort(np.argsort(starts[:, 0])) / max(1, len(starts) - 1)
    channels = [np.interp(ranks, np.linspace(0, 1, len(GRADIENT)), channel) for channel in GRADIENT.T]
    return [(int(red), int(green), int(blue)) for red, green, blue in np.column_stack(channels)]


def _draw(canvas: Image, starts: DoubleArray, ends: DoubleArray, chosen: list[int]) -> None:
    import cv2

    colours = _colours(starts)
    first, last = (np.round(points * (1 << SHIFT)).astype(int).tolist() for points in (starts, ends))
    veil = canvas.copy()
    for index in chosen:
        cv2.line(veil, first[index], last[index], colours[index], 1, cv2.LINE_AA, SHIFT)
    cv2.addWeighted(veil, 0.75, canvas, 0.25, 0, dst=canvas)
    radius = round((3 - 0.5 * np.searchsorted(DENSE, len(starts))) * (1 << SHIFT))
    for points in (first, last):
        for point, colour in zip(points, colours, strict=False):  # no photo, no points on it
            cv2.circle(canvas, point, radius + (1 << SHIFT), (20, 20, 20), cv2.FILLED, cv2.LINE_AA, SHIFT)
            cv2.circle(canvas, point, radius, colour, cv2.FILLED, cv2.LINE_AA, SHIFT)


def _empty_half(shape: Sequence[int]) -> Image:
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    half = Pictures.new("RGB", (shape[1], shape[0]), NO_PHOTO)
    middle = (shape[1] / 2, shape[0] / 2)
    ImageDraw.Draw(half).text(
        middle, "photo not kept", INK, ImageFont.load_default(max(10, shape[0] // 16)), anchor="mm"
    )
    return np.array(half, dtype=np.uint8)


def _with_caption(canvas: Image, text: str) -> Image:
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    band = Pictures.new("RGB", (canvas.shape[1], BAND), PAPER)
    ImageDraw.Draw(band).text((4, BAND / 2), text, INK, ImageFont.load_default(16), anchor="lm")
    return np.vstack([canvas, np.array(band, dtype=np.uint8)])
