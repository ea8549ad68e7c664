"""An estimated position, as it is written into metadata."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from whence.types import LatLon

MAP_DATUM = "WGS-84"


class UnwritableError(Exception):
    """A container cannot take the position as it is; the message is a short reason without the path."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where a photo was taken, as far as was found out.

    Attributes:
        position: The estimate.
        radius_m: Nine of ten truths are meant to lie within it.
        confidence: Probability that the error is within the tolerance.
        heading_deg: Direction of view, clockwise from true north; None if it is not known.
        program: What estimated it, with its version.
        made: When, in UTC.
    """

    position: LatLon
    radius_m: float
    confidence: float
    heading_deg: float | None
    program: str
    made: datetime

    @property
    def note(self) -> str:
        """For people who look at the metadata: that nobody measured this position, and how far to trust it."""
        return (
            f"{self.program}: estimated from the picture on {self.made.astimezone(UTC):%Y-%m-%d}, not measured; "
            f"9 of 10 within {self.radius_m:.3g} m, confidence {self.confidence:.2f}"
        )
