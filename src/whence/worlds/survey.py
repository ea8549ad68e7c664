"""Who photographs a town: a survey along every street, and visitors who come back later in another light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from whence.errors import InputError
from whence.types import DoubleArray
from whence.worlds.camera import EYE_M, Lens, Light, View
from whence.worlds.layout import Layout
from whence.worlds.noise import Rng, rng_of

SPACING_M = 14.0
"""Between the places of a survey."""
HEADINGS = 4
"""Photos per place."""
_START = datetime(2024, 5, 14, 9, 0)

Inside = Callable[[float, float, float], bool]
"""(x, y, margin in metres) -> whether one can stand there."""


def weather(kind: str, rng: Rng) -> Light:
    """A light of its kind: ``day``, ``evening``, ``overcast`` or ``dusk``."""
    azimuth, strength = float(rng.uniform(110, 250)), float(rng.uniform(0.9, 1.1))
    if kind == "day":
        light = Light(azimuth, float(rng.uniform(35, 58)), clouds=float(rng.uniform(0.3, 0.6)))
    elif kind == "evening":
        light = Light(
            float(rng.uniform(255, 290)),
            float(rng.uniform(9, 18)),
            sun=(1.75, 1.08, 0.55),
            sky=(0.50, 0.46, 0.52),
            zenith=(0.20, 0.30, 0.55),
            horizon=(0.95, 0.66, 0.42),
            clouds=float(rng.uniform(0.3, 0.6)),
            glow=0.15,
        )
    elif kind == "overcast":
        light = Light(
            azimuth,
            50.0,
            sun=(0.10, 0.10, 0.10),
            sky=(0.98, 1.01, 1.06),
            zenith=(0.55, 0.60, 0.66),
            horizon=(0.88, 0.90, 0.92),
            clouds=1.0,
        )
    elif kind == "dusk":
        light = Light(
            300.0,
            5.0,
            sun=(0.05, 0.03, 0.03),
            sky=(0.20, 0.22, 0.35),
            zenith=(0.04, 0.07, 0.22),
            horizon=(0.48, 0.26, 0.24),
            clouds=0.45,
            glow=0.9,
        )
    else:
        raise InputError(f"no light named {kind!r}; known: day, evening, overcast, dusk")
    return replace(light, sun=_times(light.sun, strength), sky=_times(light.sky, strength))


def _times(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def places(layout: Layout, spacing_m: float) -> list[tuple[str, DoubleArray, float]]:
    """Where a survey stops: name, ``(2,)`` position on the middle of the road, heading of the street in degrees."""
    if not spacing_m > 0:
        raise InputError(f"the spacing of a survey must be above 0 m; got {spacing_m}")
    found = []
    for number, street in enumerate(layout.streets):
        # The street on the other side of a crossing goes on half a spacing later.
        count = max(round((street.length_m - 4) / spacing_m), 1)
        for step in range(count):
            point, direction = street.at((step + 0.5) * street.length_m / count)
            heading = float(np.degrees(np.arctan2(direction[0], direction[1]))) % 360
            found.append((f"s{number:02d}-p{step:02d}", point, heading))
    return found


def survey(layout: Layout, seed: int, inside: Inside, spacing_m: float, headings: int) -> list[View]:
    """The database: ``headings`` photos at each place, in daylight, on a few different days."""
    if headings < 1:
        raise InputError(f"a survey takes at least 1 photo at each place; got {headings}")
    views = []
    for number, (name, point, along) in enumerate(places(layout, spacing_m)):
        rng = rng_of(seed, "survey", number)
        # The survey walks each street on one day.
        day_rng = rng_of(seed, "survey", name.split("-")[0])
        light = weather("overcast" if day_rng.random() < 0.3 else "day", day_rng)
        x, y = _near(rng, point, inside, 0.0, 1.5)
        first = along + float(rng.uniform(-20, 20))
        for step in range(headings):
            view = View(
                x=x,
                y=y,
                z=EYE_M + float(rng.uniform(-0.05, 0.25)),
                heading_deg=round((first + 360 * step / headings + float(rng.uniform(-8, 8))) % 360, 2),
                pitch_deg=float(rng.uniform(5, 10)),
                roll_deg=float(rng.normal(0, 0.7)),
                fov_deg=float(rng.choice([66.0, 68.0, 70.0])),
                light=light,
                lens=Lens(exposure_ev=float(rng.normal(0, 0.15)), warmth=float(rng.normal(0, 0.03))),
                clutter=int(rng.integers(2**31)),
                place=name,
                time=_START + timedelta(days=int(name[1:3]) % 5, seconds=number * 97 % 28800 + step * 4),
            )
            views.append(view)
    return views


def visits(
    layout: Layout,
    seed: int,
    inside: Inside,
    count: int,
    *,
    spacing_m: float = SPACING_M,
    headings: int = HEADINGS,
    survey_seed: int = 0,
) -> list[View]:
    """Queries: 1 to 4 m from places of the survey, turned by up to 24 degrees, in other light, among other people."""
    base = survey(layout, survey_seed, inside, spacing_m, headings)
    order = rng_of(seed, "visits").permutation(len(base))
    views = []
    for number in range(count):
        rng = rng_of(seed, "visit", number)
        start = base[int(order[number % len(base)])]
        x, y = _near(rng, np.array([start.x, start.y]), inside, 1.0, 4.0)
        kind = str(rng.choice(["day", "evening", "overcast", "dusk"], p=[0.3, 0.3, 0.25, 0.15]))
        hour = {"evening": 19.0, "dusk": 21.5}.get(kind, 9.0) + float(rng.uniform(0, 1.5))
        view = View(
            x=x,
            y=y,
            z=EYE_M + float(rng.uniform(-0.3, 0.25)),
            heading_deg=round((start.heading_deg + float(rng.uniform(-24, 24))) % 360, 2),
            pitch_deg=float(rng.uniform(1, 12)),
            roll_deg=float(rng.normal(0, 2)),
            fov_deg=float(rng.uniform(54, 74)),
            light=weather(kind, rng),
            lens=Lens(
                exposure_ev=float(rng.normal(0.1, 0.35)),
                warmth=float(rng.normal(0, 0.07)),
                contrast=float(rng.uniform(0.85, 1.2)),
                noise=float(rng.uniform(1.5, 5)),
                blur_px=float(rng.uniform(0, 1.0)),
                vignette=float(rng.uniform(0, 0.4)),
                jpeg_quality=int(rng.integers(60, 92)),
            ),
            clutter=int(rng.integers(2**31)),
            place=f"near-{start.place}",
            time=datetime(2025, 3, 2) + timedelta(days=number, hours=hour),
        )
        views.append(view)
    return views


def _near(rng: Rng, point: DoubleArray, inside: Inside, least_m: float, most_m: float) -> tuple[float, float]:
    """A point at this distance where one can stand, or the point itself if the street is too narrow for any."""
    for _ in range(40):
        angle, radius = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(least_m, most_m))
        x, y = round(float(point[0]) + radius * np.cos(angle), 3), round(float(point[1]) + radius * np.sin(angle), 3)
        if inside(x, y, 1.5):
            return float(x), float(y)
    return float(point[0]), float(point[1])
