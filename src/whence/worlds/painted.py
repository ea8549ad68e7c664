"""Photos as a painter would have seen them: for trying whether pictures that are no photos can be located.

Filters: edge-preserving smoothing and pencil (E. Gastal and M. Oliveira, Domain Transform for Edge-Aware Image and
Video Processing, SIGGRAPH 2011, in OpenCV), oil (the commonest tone around each pixel; P. Haeberli, Paint by Numbers,
SIGGRAPH 1990, for the idea of strokes), watercolour (washes with dark rims on rough paper; A. Bousseau et al.,
Interactive watercolor rendering with temporal coherence and abstraction, NPAR 2006).
"""

from __future__ import annotations

import cv2
import numpy as np

from whence.errors import InputError
from whence.types import FloatArray, Image
from whence.worlds.noise import Rng, fractal

STYLES = ("edge-preserving", "oil", "pencil", "watercolour")
_TONES, _STROKE = 12, 9
_LEAN = 0.12


def painted(photo: Image, style: str, rng: Rng, *, exaggerated: bool = True) -> Image:
    """A painting of a photo, of the same size.

    Args:
        photo: ``(H, W, 3)`` RGB.
        style: One of ``STYLES``.
        rng: Of paper, strokes and perspective.
        exaggerated: Draw the perspective steeper than it was, as painters do.

    Raises:
        InputError: No such style.
    """
    if style not in STYLES:
        raise InputError(f"no way of painting named {style!r}; known: {', '.join(STYLES)}")
    seen = _leaning(photo, rng) if exaggerated else photo
    if style == "edge-preserving":
        return np.asarray(cv2.edgePreservingFilter(seen, flags=1, sigma_s=40, sigma_r=0.35), np.uint8)
    if style == "oil":
        return _oil(seen)
    if style == "pencil":
        grey, _ = cv2.pencilSketch(seen, sigma_s=40, sigma_r=0.06, shade_factor=0.04)
        return np.asarray(np.repeat(grey[..., None], 3, axis=2), np.uint8)
    return _watercolour(seen, rng)


def _leaning(photo: Image, rng: Rng) -> Image:
    """The perspective drawn steeper to one side, and the whole a little too tall."""
    height, width = photo.shape[:2]
    lean, tall = _LEAN * float(rng.uniform(0.5, 1)), _LEAN * float(rng.uniform(0, 0.5))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    drawn = corners.copy()
    left = rng.random() < 0.5
    near, far = ((0, 3), (1, 2)) if left else ((1, 2), (0, 3))
    drawn[near[0], 1] -= lean * height
    drawn[near[1], 1] += lean * height
    drawn[far[0], 1] -= tall * height
    warp = cv2.getPerspectiveTransform(corners, drawn)
    return np.asarray(cv2.warpPerspective(photo, warp, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _oil(photo: Image) -> Image:
    """At each pixel the mean colour of the commonest tone around it."""
    tone = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.int32) * _TONES // 256
    best = np.full(tone.shape, -1.0, np.float32)
    mixed = np.zeros(photo.shape, np.float32)
    for level in range(_TONES):
        mask = (tone == level).astype(np.float32)
        share = cv2.blur(mask, (_STROKE, _STROKE))
        colour = cv2.blur(photo * mask[..., None], (_STROKE, _STROKE)) / np.maximum(share, 1e-6)[..., None]
        commoner = share > best
        best[commoner], mixed[commoner] = share[commoner], colour[commoner]
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def _watercolour(photo: Image, rng: Rng) -> Image:
    """Washes that bleed, darker at their rims, on rough paper."""
    height, width = photo.shape[:2]
    wash = cv2.edgePreservingFilter(photo, flags=1, sigma_s=60, sigma_r=0.45)
    bleed = np.stack([_even(fractal(rng, height, width, 40.0)) for _ in range(2)])
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = 2.5 * bleed
    wash = cv2.remap(wash, columns + moved[0], rows + moved[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    soft: FloatArray = np.asarray(cv2.GaussianBlur(wash, (0, 0), 1.2), np.float32)
    rims = np.abs(cv2.Laplacian(cv2.GaussianBlur(soft, (0, 0), 2.0), cv2.CV_32F)).max(axis=2, keepdims=True)
    paper = _even(fractal(rng, height, width, 5.0))[..., None]
    light = 255 - (255 - soft) * 0.8  # water thins the colour
    return np.asarray(np.clip(light - 6 * rims + 4 * paper, 0, 255), np.uint8)


def _even(noise: FloatArray) -> FloatArray:
    """With mean 0 and deviation 1."""
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-9), np.float32)
