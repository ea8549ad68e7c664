"""Pins that are odd by themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import whence
from samples import textured, write_table
from whence.audit.model import Kind
from whence.audit.plausible import clues, digits, hurried, outlier, variants
from whence.gallery.gallery import Gallery, GalleryPhoto
from whence.types import XY, LatLon, Position

VENICE = LatLon(45.4343, 12.3388)


def photo(position: Position) -> GalleryPhoto:
    return GalleryPhoto("p.jpg", position, "csv", "0", None, None)


@pytest.mark.parametrize(
    "pin",
    [LatLon(12.3388, 45.4343), LatLon(45.4343, -12.3388), LatLon(-45.4343, 12.3388), LatLon(-45.4343, -12.3388)],
)
def test_slips_are_recognised_and_put_right(pin: LatLon) -> None:
    clue = outlier(0, pin, VENICE, 500.0, 200.0)
    assert clue.kind is Kind.SWAPPED
    assert clue.suggested == VENICE


def test_what_is_far_in_any_way_is_only_far() -> None:
    assert outlier(0, LatLon(51.5, -0.12), VENICE, 500.0, 200.0).kind is Kind.FAR
    assert outlier(0, XY(9e5, 0), XY(0, 0), 50.0, 20.0).kind is Kind.FAR


def test_swapped_positions_beyond_the_poles_are_not_offered() -> None:
    assert all(abs(other.lat) <= 90 for _, other in variants(LatLon(10, 120)))


def test_null_and_rounded_pins() -> None:
    pins = [LatLon(0.001, 0.002), LatLon(45.43, 12.34), *(LatLon(45.4343 + n * 1e-4, 12.3388) for n in range(4))]
    coords = np.array([(pin.lat, pin.lon) for pin in pins])
    found = {(clue.row, clue.kind) for clue in digits([photo(pin) for pin in pins], coords)}
    assert found == {(0, Kind.NULL), (1, Kind.ROUNDED)}
    whole = np.round(coords, 2)
    assert all(clue.kind is Kind.NULL for clue in digits([photo(LatLon(*pair)) for pair in whole.tolist()], whole))


def test_who_would_have_had_to_fly_is_named() -> None:
    times = np.datetime64("2024-05-01T12:00:00") + np.arange(5) * np.timedelta64(60, "s")
    walk: list[Position] = [XY(60.0 * n, 0) for n in range(5)]
    assert list(hurried(range(5), walk, times)) == []
    walk[2] = XY(90_000, 0)
    (clue,) = hurried(range(5), walk, times)
    assert (clue.row, clue.kind) == (2, Kind.TIME)
    assert clue.weight > 3
    apart = times + np.arange(5) * np.timedelta64(1, "D")
    assert list(hurried(range(5), walk, apart)) == []


def test_a_pin_in_the_sea_is_named_but_not_those_from_boats(tmp_path: Path) -> None:
    rows = [(f"{n:02d}.png", f"{45.43 + n * 1e-3:.4f}", "12.33") for n in range(20)]
    for n, (name, *_) in enumerate(rows):
        Pillow.fromarray(textured(n, 64, 64)).save(tmp_path / name)

    def audited(*wet: int) -> tuple[set[int], list[str]]:
        said = [(name, "44.6", "13.2") if n in wet else (name, lat, lon) for n, (name, lat, lon) in enumerate(rows)]
        table = write_table(tmp_path / f"{len(wet)}.csv", said, ("path", "lat", "lon"))
        whence.index(table, tmp_path / f"g{len(wet)}")
        found, notes = clues(Gallery.open(tmp_path / f"g{len(wet)}"))
        return {clue.row for clue in found if clue.kind is Kind.SEA}, notes

    assert audited(7) == ({7}, [])
    assert audited(7, 8) == (set(), ["2 pins in the sea: taken to be of photos from boats"])
