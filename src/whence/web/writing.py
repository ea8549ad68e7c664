"""Positions written into copies of photos that strangers sent, by the processes that photos are decoded in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import whence
from whence.errors import PhotoError
from whence.photos.pillow import sniff
from whence.photos.writing import sidecar
from whence.photos.writing.estimate import Estimate, UnwritableError
from whence.photos.writing.places import is_raw, sidecar_name
from whence.photos.writing.splices import applied
from whence.types import LatLon
from whence.web.decoding import Decoders

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp"}
SIDECAR = "application/rdf+xml"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A position that somebody accepted, as an answer has it."""

    lat: float
    lon: float
    radius_m: float
    confidence: float
    heading_deg: float | None

    def estimate(self) -> Estimate:
        """As it is written down, now."""
        position, program = LatLon(self.lat, self.lon), f"whence {whence.__version__}"
        return Estimate(position, self.radius_m, self.confidence, self.heading_deg, program, datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a photo became.

    Attributes:
        name: Of the file: the photo's, or that of a sidecar.
        kind: Media type.
        data: Of the file.
        reason: Why it is a sidecar; empty for a photo.
    """

    name: str
    kind: str
    data: bytes
    reason: str = ""


def tagged(name: str, data: bytes, accepted: Accepted, decoders: Decoders) -> Tagged | None:
    """A photo with its position, or the sidecar that tells it; None where it says itself where it was taken.

    Raises:
        PhotoError: It is no photo that can be used.
    """
    if not data:
        raise PhotoError("the file is empty")
    estimate = accepted.estimate()
    try:
        changes = decoders.splices(data, estimate)
        if changes is None:
            return None
        if is_raw(name):
            raise UnwritableError("raw files are not changed")
        return Tagged(name, TYPES[sniff(data)], applied(data, changes))
    except UnwritableError as error:
        return Tagged(sidecar_name(name), SIDECAR, sidecar.new(estimate), str(error))
