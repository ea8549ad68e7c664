"""Views: where the camera stands, how it looks, in which light, through which lens."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from whence.types import DoubleArray, Intrinsics

EYE_M = 1.65
"""Height at which people hold a camera."""


@dataclass(frozen=True, slots=True)
class Light:
    """Sun and sky. Colours are linear RGB factors; a white wall facing the sun shows ``sun + sky``.

    Attributes:
        sun_azimuth_deg: Where the sun stands, clockwise from north.
        sun_elevation_deg: Above the horizon.
        sun: Colour and strength of direct light; zeros without sun.
        sky: Colour and strength of light from all sides.
        zenith: Colour of the sky overhead.
        horizon: Colour of the sky low down, and of haze.
        clouds: Cover, 0 to 1.
        glow: Strength of lit windows and lamps.
    """

    sun_azimuth_deg: float = 150.0
    sun_elevation_deg: float = 42.0
    sun: tuple[float, float, float] = (1.25, 1.12, 0.90)
    sky: tuple[float, float, float] = (0.50, 0.55, 0.64)
    zenith: tuple[float, float, float] = (0.16, 0.34, 0.72)
    horizon: tuple[float, float, float] = (0.66, 0.78, 0.90)
    clouds: float = 0.4
    glow: float = 0.0


@dataclass(frozen=True, slots=True)
class Lens:
    """What the camera does to the light.

    Attributes:
        exposure_ev: Brighter by this many stops.
        warmth: White balance: above 0 is redder.
        contrast: Exponent around middle grey; 1 is neutral.
        noise: Standard deviation of sensor noise, in grey levels.
        blur_px: Standard deviation of the blur, in pixels of a 640-pixel-wide photo.
        vignette: How much darker the corners are, 0 to 1.
        jpeg_quality: For `whence.worlds.write`.
    """

    exposure_ev: float = 0.0
    warmth: float = 0.0
    contrast: float = 1.0
    noise: float = 1.5
    blur_px: float = 0.0
    vignette: float = 0.12
    jpeg_quality: int = 90


@dataclass(frozen=True, slots=True)
class View:
    """One photo that could be taken. The camera looks along its heading, clockwise from north (90 is east, +x).

    Attributes:
        x: Metres east.
        y: Metres north.
        z: Height of the eye in metres.
        heading_deg: Direction of view, clockwise from north.
        pitch_deg: Looking up is positive.
        roll_deg: Camera turned clockwise is positive: the horizon then rises to the right.
        fov_deg: Horizontal angle of view.
        light: Sun and sky.
        lens: What the camera adds.
        clutter: Seed of the walkers and cars, and of the noise; -1 for an empty street and no noise.
        place: The physical standing point; views of one place share it.
        time: When it was taken (local time).
    """

    x: float
    y: float
    z: float = EYE_M
    heading_deg: float = 0.0
    pitch_deg: float = 5.0
    roll_deg: float = 0.0
    fov_deg: float = 66.0
    light: Light = field(default_factory=Light)
    lens: Lens = field(default_factory=Lens)
    clutter: int = 0
    place: str = ""
    time: datetime = datetime(2024, 6, 1, 12, 0)

    def intrinsics(self, width: int = 640, height: int = 480) -> Intrinsics:
        """Pinhole camera in pixels; the centre of the top left pixel is (0, 0)."""
        focal = width / 2 / math.tan(math.radians(self.fov_deg) / 2)
        return Intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2)

    @property
    def centre(self) -> DoubleArray:
        """``(3,)`` the eye in metres."""
        return np.array([self.x, self.y, self.z])

    @property
    def rotation(self) -> DoubleArray:
        """``(3, 3)`` from town axes to camera axes (x right, y down, z forward)."""
        heading, pitch, roll = (math.radians(a) for a in (self.heading_deg, self.pitch_deg, self.roll_deg))
        level = np.array(
            [[math.cos(heading), -math.sin(heading), 0], [0, 0, -1], [math.sin(heading), math.cos(heading), 0]]
        )
        tilt = np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)], [0, -math.sin(pitch), math.cos(pitch)]])
        turn = np.array([[math.cos(roll), math.sin(roll), 0], [-math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
        return np.asarray(turn @ tilt @ level, np.float64)


def project(view: View, points: DoubleArray, width: int = 640, height: int = 480) -> tuple[DoubleArray, DoubleArray]:
    """Where points of the town appear in the photo.

    Args:
        view: The photo.
        points: ``(N, 3)`` metres.
        width: Pixels of the photo.
        height: Pixels of the photo.

    Returns:
        ``(N, 2)`` pixels (x, y), and ``(N,)`` depths in metres; a point behind the camera has a negative depth.
    """
    camera = view.intrinsics(width, height)
    local = (np.asarray(points, np.float64) - view.centre) @ view.rotation.T
    depth = local[:, 2]
    safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    pixels = np.stack([camera.fx * local[:, 0] / safe + camera.cx, camera.fy * local[:, 1] / safe + camera.cy], axis=1)
    return pixels, depth
