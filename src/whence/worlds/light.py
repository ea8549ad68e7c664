"""Sun, shadows, sky and haze, and what the lens adds."""

from __future__ import annotations

import math
from statistics import NormalDist

import cv2
import numpy as np

from whence.types import DoubleArray, FloatArray, Image
from whence.worlds.camera import Lens, Light
from whence.worlds.noise import Rng, fractal, rng_of

_CELL_M = 0.5
_LINEAR = (np.arange(256) / 255.0).astype(np.float32) ** np.float32(2.2)
_CODES = 4096
_NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)], np.float32)
"""Random bytes to normally distributed numbers: ten times faster than drawing those."""


def linear(colours: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> FloatArray:
    """Screen values 0..255 to linear light 0..1."""
    return np.asarray(cv2.LUT(colours, _LINEAR), np.float32)


def towards_sun(light: Light) -> DoubleArray:
    """``(3,)`` unit vector in town axes."""
    azimuth, elevation = math.radians(light.sun_azimuth_deg), math.radians(light.sun_elevation_deg)
    flat = math.cos(elevation)
    return np.array([flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(elevation)])


class Shadows:
    """Where the sun does not reach: below the highest line from the roofs away from the sun.

    Args:
        outlines: ``(K, 2)`` footprints in metres.
        heights: How high each rises.
        low: South-west corner of the area.
        high: North-east corner of the area.
    """

    def __init__(self, outlines: list[DoubleArray], heights: list[float], low: DoubleArray, high: DoubleArray) -> None:
        self._low = low
        columns, rows = (int(v) for v in np.ceil((high - low) / _CELL_M))
        self._roofs = np.zeros((rows, columns), np.float32)
        for outline, height in zip(outlines, heights, strict=True):
            points = np.round(((outline - low) / _CELL_M - 0.5) * 16).astype(np.int32)
            cv2.fillPoly(self._roofs, [points], (height,), cv2.LINE_8, 4)

    def cast(self, light: Light) -> FloatArray:
        """``(rows, columns)`` the height in metres below which a point lies in shadow; south first."""
        sun, edge = towards_sun(light), self._roofs
        flat = math.hypot(sun[0], sun[1])
        drop = sun[2] / max(flat, 1e-6)
        for power in range(8):
            step = 2.0**power  # cells; each round doubles how far away a roof may stand
            shift = np.array([[1, 0, step * sun[0] / flat], [0, 1, step * sun[1] / flat]])
            rows, columns = edge.shape
            moved = cv2.warpAffine(edge, shift, (columns, rows), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            edge = np.maximum(edge, moved - np.float32(step * _CELL_M * drop))
        return np.asarray(edge, np.float32)

    def lit(self, edge: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """1 in the sun, 0 in shadow, for points in metres; soft over half a metre."""
        line = cv2.remap(
            edge,
            ((x - np.float32(self._low[0])) / _CELL_M - 0.5).astype(np.float32),
            ((y - np.float32(self._low[1])) / _CELL_M - 0.5).astype(np.float32),
            cv2.INTER_LINEAR,
        )
        return np.asarray(np.clip((z - line) * 2 + 0.5, 0, 1), np.float32)


def panorama(seed: int) -> FloatArray:
    """``(256, 1024)`` cloud density all around, from the horizon (row 0) to overhead; west and east ends meet."""
    rng = rng_of(seed, "clouds")
    noise = fractal(rng, 256, 1024, 128, octaves=6, gain=0.6, wrap=True)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0), np.float32)


def hills(seed: int) -> FloatArray:
    """``(1024,)`` height of the land around the town, as the tangent of its elevation, clockwise from north."""
    rng = rng_of(seed, "hills")
    return np.asarray(0.05 + 0.02 * fractal(rng, 8, 1024, 200, octaves=5, wrap=True)[4], np.float32)


def sky(rays: DoubleArray, width: int, height: int, light: Light, clouds: FloatArray, land: FloatArray) -> FloatArray:
    """``(height, width, 3)`` linear colours of the sky in every direction; a third as fine as asked for, enlarged."""
    coarse = (max(height // 3, 2), max(width // 3, 2))
    xs = (np.arange(coarse[1]) + 0.5) * (width / coarse[1]) - 0.5
    ys = (np.arange(coarse[0]) + 0.5) * (height / coarse[0]) - 0.5
    east, north, up = ((r[0] * xs[None, :] + r[1] * ys[:, None] + r[2]).astype(np.float32) for r in rays)
    slope = up / np.hypot(east, north)
    turn = np.arctan2(east, north) * np.float32(1024 / (2 * np.pi)) % 1024
    rise = np.clip(slope, 0, 3) / (1 + np.clip(slope, 0, 3))
    density = cv2.remap(clouds, turn.astype(np.float32), rise * 255 * 1.3, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    cover = np.clip((density + 2.2 * light.clouds - 1.2) * 0.9, 0, 1)[..., None] * np.float32(0.85)
    fade = np.exp(-4.0 * np.clip(slope, 0, None))[..., None]
    zenith, horizon = (np.asarray(c, np.float32) for c in (light.zenith, light.horizon))
    colour = zenith + (horizon - zenith) * fade
    white = 0.9 * np.asarray(light.sun, np.float32) + 0.9 * np.asarray(light.sky, np.float32)
    colour = colour + (np.maximum(white, colour) - colour) * cover * (1 - 0.4 * fade)
    ahead = slope < np.take(land, turn.astype(np.intp) % 1024)
    colour[ahead] = 0.55 * horizon + 0.45 * np.asarray((0.10, 0.14, 0.12), np.float32) * np.asarray(
        light.sky, np.float32
    )
    return np.asarray(cv2.resize(colour, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def develop(scene: FloatArray, lens: Lens, seed: int) -> Image:
    """Linear light to a photo: white balance, vignette, exposure, tone curve, blur and noise.

    Args:
        scene: ``(H, W, 3)`` linear.
        lens: What to add.
        seed: Of the noise; negative for none.
    """
    height, width = scene.shape[:2]
    if lens.blur_px > 0.05:
        scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), lens.blur_px * width / 640), np.float32)
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    fall = np.float32(_CODES / 2) * (1 - np.float32(lens.vignette * 0.5) * ((x * x)[None, :] + (y * y)[:, None]))
    channels = []
    for values, tint in zip(cv2.split(scene), (lens.warmth, 0.0, -lens.warmth), strict=True):
        exposed = values * fall
        exposed *= np.float32(2.0**lens.exposure_ev * math.exp(tint))
        channels.append(np.clip(exposed, 0, _CODES - 1, out=exposed).astype(np.uint16))
    photo = np.take(_tone_curve(lens.contrast), np.asarray(cv2.merge(channels), np.uint16))
    if seed >= 0 and lens.noise > 0:
        photo += _grain(rng_of(seed, "noise"), height, width, lens.noise)
    return np.clip(photo, 0, 255, out=photo).astype(np.uint8)


def _grain(rng: Rng, height: int, width: int, strength: float) -> FloatArray:
    """``(height, width, 3)`` sensor noise: fine in brightness, coarser in colour, as after demosaicing."""
    fine, coarse = (
        cv2.LUT(np.frombuffer(rng.bytes(rows * columns), np.uint8).reshape(rows, columns), _NORMAL * np.float32(weight))
        for rows, columns, weight in ((height, width, 0.8 * strength), (height // 2, width // 2 * 3, 0.7 * strength))
    )
    spread = cv2.resize(coarse.reshape(height // 2, -1, 3), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(spread + fine[..., None], np.float32)


def _tone_curve(contrast: float) -> FloatArray:
    """``(4096,)`` grey levels, plus one half for rounding, of linear light from 0 to 2."""
    value = np.arange(_CODES) / (_CODES / 2)
    shoulder = value * (1 + value / 2.56) / (1 + value)  # bright light rolls off instead of clipping (Reinhard)
    white = shoulder[int(_CODES * 0.49)]
    return np.asarray(255 * np.clip((shoulder / white) ** (contrast / 2.2) * 0.93, 0, 1) + 0.5, np.float32)
