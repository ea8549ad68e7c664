"""A small town with known truth: its plan, its houses, its textures, and photos of it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property

import cv2
import numpy as np

from whence.errors import InputError
from whence.types import DoubleArray, FloatArray, Image, LatLon
from whence.worlds.build import Builder
from whence.worlds.camera import View
from whence.worlds.ground import MARGIN_M, paint
from whence.worlds.layout import Layout, lay_out
from whence.worlds.light import Shadows, hills, panorama
from whence.worlds.mesh import Textures
from whence.worlds.render import Scene
from whence.worlds.style import FAMILIES
from whence.worlds.survey import HEADINGS, SPACING_M, survey, visits
from whence.worlds.traffic import Traffic

ANCHOR = LatLon(35.0, -40.0)
"""Where town plans lie on the globe: open sea in the Atlantic, so that nobody takes them for a real town."""
_AXIS_M = 6378137.0
_FLATTENING = 1 / 298.257223563


class Town:
    """A town that is the same for the same arguments, on every run and in every process.

    Args:
        seed: Another number, another town.
        blocks: How many blocks from west to east, and from south to north.
        family: What its builders had at hand: ``north`` or ``south``; towns of different families share no texture.

    Raises:
        InputError: No blocks, or an unknown family.
    """

    def __init__(self, seed: int = 0, blocks: tuple[int, int] = (3, 3), *, family: str = "north") -> None:
        if family not in FAMILIES:
            raise InputError(f"no family of towns named {family!r}; known: {', '.join(FAMILIES)}")
        if min(blocks) < 1 or seed < 0:
            raise InputError(
                f"a town needs a seed of at least 0 and at least 1 x 1 blocks; got seed {seed}, blocks {blocks}"
            )
        self.seed, self.blocks, self.family = seed, blocks, family
        self.layout: Layout = lay_out(seed, blocks)
        self.textures = Textures()

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east and north end of the houses, in metres."""
        (west, south), (east, north) = self.layout.low.tolist(), self.layout.high.tolist()
        return west, south, east, north

    @cached_property
    def _builder(self) -> Builder:
        return Builder(self.seed, self.family, self.layout, self.textures)

    @cached_property
    def _traffic(self) -> Traffic:
        return Traffic(self.seed, self.layout, self.textures)

    @cached_property
    def _scene(self) -> Scene:
        builder = self._builder
        outlines = [building.plot.outline for building in builder.buildings]
        heights = [(building.eaves_m + building.ridge_m) / 2 for building in builder.buildings]
        if builder.church is not None:
            outlines.append(builder.church)
            heights.append(30.0)
        low, high = self.layout.low - MARGIN_M, self.layout.high + MARGIN_M
        return Scene(
            builder.faces,
            builder.props,
            self.textures,
            paint(self.seed, self.layout),
            Shadows(outlines, heights, low, high),
            panorama(self.seed),
            hills(self.seed),
        )

    def texture_names(self) -> set[tuple[object, ...]]:
        """Names of all textures that hang on walls, roofs and props; a name holds its family and seed."""
        return {face.texture for face in self._builder.faces} | {prop.texture for prop in self._builder.props}

    def render(self, view: View, width: int = 640, height: int = 480) -> Image:
        """The photo of a view: ``(height, width, 3)`` RGB uint8, the same bytes each time."""
        if width < 16 or height < 16:
            raise InputError(f"a photo needs at least 16 x 16 pixels; got {width} x {height}")
        cars, walkers = self._traffic.around(view)
        return self._scene.photo(view, width, height, cars, walkers)

    def survey(self, spacing_m: float = SPACING_M, headings: int = HEADINGS, seed: int = 0) -> list[View]:
        """Views for a database: along every street, ``headings`` to each place, by day.

        Args:
            spacing_m: About how far the places of a street lie apart.
            headings: Photos per place, turned evenly all around.
            seed: Another survey of the same places: other days, other people in the way.
        """
        return survey(self.layout, seed, self.in_street, spacing_m, headings)

    def queries(
        self, n: int, seed: int = 1, *, spacing_m: float = SPACING_M, headings: int = HEADINGS, survey_seed: int = 0
    ) -> list[View]:
        """Views 1 to 4 m from places of a survey, turned up to 24 degrees, in other light, with other people.

        Args:
            n: How many.
            seed: Which.
            spacing_m: As given to `survey`.
            headings: As given to `survey`.
            survey_seed: As given to `survey`.
        """
        return visits(
            self.layout, seed, self.in_street, n, spacing_m=spacing_m, headings=headings, survey_seed=survey_seed
        )

    def in_street(self, x: float, y: float, margin_m: float = 0.5) -> bool:
        """Whether a point lies outside all houses, at least ``margin_m`` from their walls, and inside the town."""
        (west, south, east, north), point = self.extent, (float(x), float(y))
        if not (west < x < east and south < y < north):
            return False
        return all(cv2.pointPolygonTest(outline, point, True) < -margin_m for outline in self._outlines)

    @cached_property
    def _outlines(self) -> list[FloatArray]:
        return [outline.astype(np.float32) for outline in plan(self)]

    def geolocate(self, view: View) -> LatLon:
        """Where on the globe the view would be taken, see `locate_xy`."""
        return locate_xy(view.x, view.y)


def elsewhere(n: int, seed: int = 0) -> list[tuple[Town, View]]:
    """Queries from a town of another region: no wall, shop or roof of it is found in a ``north`` town."""
    town = Town(seed + 1_000_003, (2, 2), family="south")
    return [(town, replace(view, place="elsewhere")) for view in town.queries(n, seed)]


def locate_xy(x: float, y: float, anchor: LatLon = ANCHOR) -> LatLon:
    """The point of WGS84 below (x, y) on the plane that touches it at the anchor; x is metres east, y metres north."""
    squared = _FLATTENING * (2 - _FLATTENING)
    lat = math.radians(anchor.lat)
    sine, cosine = math.sin(lat), math.cos(lat)
    normal = _AXIS_M / math.sqrt(1 - squared * sine * sine)
    # Seen from the centre of the earth: outwards through the anchor's meridian, east, and along the axis.
    out, axis = normal * cosine - y * sine, normal * (1 - squared) * sine + y * cosine
    across = math.hypot(out, x)
    for _ in range(4):  # each round gains about five digits
        normal = _AXIS_M / math.sqrt(1 - squared * math.sin(lat) ** 2)
        lat = math.atan2(axis + squared * normal * math.sin(lat), across)
    return LatLon(math.degrees(lat), anchor.lon + math.degrees(math.atan2(x, out)))


def plan(town: Town) -> list[DoubleArray]:
    """Footprints of all houses, each ``(N, 2)`` metres counter-clockwise, for a map sketch."""
    outlines = [plot.outline for row in town.layout.rows for plot in row]
    church = town._builder.church
    return outlines if church is None else [*outlines, church]
