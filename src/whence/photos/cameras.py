"""Pinhole cameras of photos: from a focal length, and in other pixels than those of the full-size photo."""

from __future__ import annotations

import math

from whence.errors import InputError
from whence.types import Intrinsics

NARROWEST_DEG, WIDEST_DEG = 1.0, 150.0
"""Fields of view that are believed: a wider one is no pinhole camera's."""
_DIAGONAL_35MM = math.hypot(36.0, 24.0)


def central(focal_px: float, width: int, height: int) -> Intrinsics:
    """Square pixels and the axis through the middle of a photo of ``width`` x ``height`` pixels."""
    return Intrinsics(focal_px, focal_px, (width - 1) / 2, (height - 1) / 2)


def from_focal_35mm(focal_mm: float, width: int, height: int) -> Intrinsics:
    """By the focal length of a 35 mm camera with the same angle of view, which is that of the diagonal.

    Source: CIPA DCG-001, Guideline for Noting Digital Camera Specifications, 2005. A photo that was cropped after it
    was taken has a longer focal length than its EXIF says.
    """
    return central(focal_mm / _DIAGONAL_35MM * math.hypot(width, height), width, height)


def from_fov(fov_deg: float, width: int, height: int) -> Intrinsics:
    """By the angle of view along the longest side, as of views that were cut out of a panorama."""
    return central(max(width, height) / 2 / math.tan(math.radians(fov_deg) / 2), width, height)


def check_fov(fov_deg: float | None) -> None:
    """Refuses what is no angle of view of a pinhole camera.

    Raises:
        InputError: It is not between ``NARROWEST_DEG`` and ``WIDEST_DEG``.
    """
    if fov_deg is not None and not NARROWEST_DEG <= fov_deg <= WIDEST_DEG:
        raise InputError(
            f"field of view {fov_deg:g}: expected degrees along the longest side, "
            f"{NARROWEST_DEG:g} to {WIDEST_DEG:g} (72 for a 25 mm lens on a 35 mm camera)"
        )


def scaled(camera: Intrinsics, size: tuple[int, int], to: tuple[int, int]) -> Intrinsics:
    """The same camera in the pixels of the photo resized from ``size`` to ``to``, both width and height.

    Pixel centres stay centres: 0 is the middle of the first pixel in both.
    """
    across, down = to[0] / size[0], to[1] / size[1]
    return Intrinsics(
        camera.fx * across, camera.fy * down, (camera.cx + 0.5) * across - 0.5, (camera.cy + 0.5) * down - 0.5
    )
