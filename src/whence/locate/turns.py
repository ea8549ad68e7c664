"""Photos that lie on a side or stand on their head, and whose file does not say so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whence.locate.answers import Answer
from whence.types import Image, Intrinsics
from whence.verify.rerank import Verification

_TELLING = 12
"""Inliers from which on a photo's matches tell how the query is turned."""
_TOGETHER = 0.7
"""Length of the mean of their turns as unit vectors, at least: matches of one geometry turn alike."""


def worth_asking(answer: Answer, sure: bool) -> tuple[int, ...]:
    """Quarter turns, anticlockwise, by which the query should be asked again.

    Keypoints that have orientations are matched however a photo is turned, and tell by how much. Those without, as
    learned ones are, are not; where a photo has such and nothing sure was found, all turns are worth asking.

    Args:
        answer: Of the photo as it is.
        sure: Whether it counts as located.
    """
    query = answer.query
    if query is None or query.pixels is None or not len(query.features):
        return ()
    oriented = [part.oriented for part in query.features.parts if len(part)]
    if any(oriented):
        quarter = _quarter([found for found in answer.verifications if len(found) >= _TELLING])
        if quarter:
            return (quarter,)
    return () if sure or all(oriented) else (1, 2, 3)


def _quarter(told: Sequence[Verification]) -> int:
    """Quarter turns, anticlockwise, that bring the query's keypoints into the orientations of those they match."""
    if not told:
        return 0
    mean = np.average([found.turn for found in told], weights=[len(found) for found in told])
    # orientations are clockwise on the screen, with y downwards
    return int(np.rint(np.degrees(np.angle(mean)) / 90)) % 4 if abs(mean) >= _TOGETHER else 0


def turned(pixels: Image, quarters: int) -> Image:
    """An image turned anticlockwise."""
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def turned_camera(camera: Intrinsics, width: int, height: int, quarters: int) -> Intrinsics:
    """The camera of an image of ``width`` x ``height`` pixels once that is turned anticlockwise."""
    for _ in range(quarters % 4):
        # a point x, y goes to y, width - 1 - x
        camera = Intrinsics(camera.fy, camera.fx, camera.cy, width - 1 - camera.cx)
        width, height = height, width
    return camera
