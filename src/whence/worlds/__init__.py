"""Rendered towns with known truth: the demo, the tests, proofs of what the rest of whence claims.

Axes: x east, y north, z up, in metres; headings clockwise from north.
"""

from whence.worlds.camera import Lens, Light, View, project
from whence.worlds.survey import weather
from whence.worlds.town import ANCHOR, Town, elsewhere, locate_xy, plan
from whence.worlds.write import TownFiles, write_photo, write_town

__all__ = [
    "ANCHOR",
    "Lens",
    "Light",
    "Town",
    "TownFiles",
    "View",
    "elsewhere",
    "locate_xy",
    "plan",
    "project",
    "weather",
    "write_photo",
    "write_town",
]
