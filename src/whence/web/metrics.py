"""Figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Of one server; names begin with ``whence_``."""

    def __init__(self, photos: Callable[[], int], inside: Callable[[], int], lost: Callable[[], int]) -> None:
        """
        Args:
            photos: How many the gallery holds.
            inside: How many photos are at work or wait now.
            lost: How many decoders photos have taken down so far.
        """
        self._registry = CollectorRegistry()
        self._answers = Counter("whence_answers", "Photos answered, by status.", ["status"], registry=self._registry)
        self._refused = Counter("whence_refused", "Requests refused, by status.", ["status"], registry=self._registry)
        self._seconds = Histogram(
            "whence_stage_seconds",
            "Time spent on a photo, by stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        Gauge("whence_gallery_photos", "Photos in the gallery.", registry=self._registry).set_function(photos)
        Gauge("whence_photos_inside", "Photos at work or waiting.", registry=self._registry).set_function(inside)
        Gauge("whence_decoders_lost", "Decoders that photos took down.", registry=self._registry).set_function(lost)

    def answered(self, told: Mapping[str, Any]) -> None:
        """Counts one answer, as JSON types."""
        self._answers.labels(told["status"]).inc()
        for stage, spent in told["seconds"].items():
            self._seconds.labels(stage).observe(spent)

    def refused(self, status: int) -> None:
        """Counts a request that was not answered as asked."""
        self._refused.labels(str(status)).inc()

    def text(self) -> bytes:
        """In the format of Prometheus."""
        return generate_latest(self._registry)
