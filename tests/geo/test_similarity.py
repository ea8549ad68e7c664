"""A sketch laid on the ground finds the origin that is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence.geo.similarity import Errors, lay
from whence.types import DoubleArray

ERRORS = Errors(spread=0.1, floor_m=0.25, stray_m=30.0)


def world(seed: int, count: int = 8) -> tuple[DoubleArray, DoubleArray, DoubleArray, float]:
    """Sketch, ground, origin and heading in degrees: what lies ahead of the origin has the second coordinate."""
    rng = np.random.default_rng(seed)
    origin, heading, scale = rng.uniform(-100, 100, 2), float(rng.uniform(0, 360)), float(rng.uniform(0.5, 20))
    sketch = rng.uniform(-3, 3, (count, 2))
    sine, cosine = np.sin(np.radians(heading)), np.cos(np.radians(heading))
    ground = origin + scale * (sketch[:, :1] * (cosine, -sine) + sketch[:, 1:] * (sine, cosine))
    return sketch, ground, origin, heading


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_exact_points_give_the_exact_origin(seed: int) -> None:
    sketch, ground, origin, heading = world(seed)
    fit = lay(sketch, ground, np.ones(8), ERRORS)
    assert fit is not None
    np.testing.assert_allclose(fit.origin, origin, atol=1e-6)
    turned = np.degrees(-np.angle(fit.factor)) - heading
    assert abs((turned + 180) % 360 - 180) < 1e-6
    assert fit.belief.min() > 0.5


@given(st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_strays_move_the_origin_little(seed: int) -> None:
    sketch, ground, origin, _ = world(seed, 12)
    rng = np.random.default_rng(seed)
    extent = float(np.abs(ground - origin).max())
    noisy = sketch * (1 + rng.normal(0, 0.02, sketch.shape))
    noisy[:3] = rng.uniform(-3, 3, (3, 2))
    fit = lay(noisy, ground, np.ones(12), Errors(0.1, 0.02 * extent, 3 * extent))
    assert fit is not None
    assert np.hypot(*(fit.origin - origin)) < 0.15 * extent


def test_points_at_the_origin_itself_hold_it() -> None:
    sketch = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.5]])
    fit = lay(sketch, np.array([[4.0, 5.0], [4.0, 5.0], [9.0, 5.0]]), np.ones(3), ERRORS)
    assert fit is not None
    np.testing.assert_allclose(fit.origin, [4, 5], atol=0.2)


def test_an_origin_far_from_its_points_is_less_certain() -> None:
    ground = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    near, far = (lay(ground - at, ground, np.ones(3), ERRORS) for at in ((1, 1), (20, 20)))
    assert near is not None
    assert far is not None
    assert far.sigma_m > 5 * near.sigma_m


@pytest.mark.parametrize(
    ("sketch", "ground"),
    [
        ([[1, 2]], [[3, 4]]),
        ([[1, 2], [3, 4], [5, 6]], [[7, 7], [7, 7], [7, 7]]),
        ([[1, 2], [1, 2]], [[0, 0], [5, 5]]),
        ([[0, 0], [0, 0]], [[0, 0], [5, 5]]),
    ],
)
def test_what_lies_nowhere_apart_cannot_be_laid(sketch: list[list[float]], ground: list[list[float]]) -> None:
    points = np.array(sketch, np.float64)
    assert lay(points, np.array(ground, np.float64), np.ones(len(points)), ERRORS) is None
