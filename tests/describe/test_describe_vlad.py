"""VLAD and its projection, on features whose answer can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from whence.describe.projection import learn_projection
from whence.describe.vlad import Vlad, VladOptions, unit
from whence.types import LocalFeatures


def features(descriptors: object) -> LocalFeatures:
    rows = np.asarray(descriptors, np.float32)
    return LocalFeatures(np.ones((len(rows), 4), np.float32), rows, 100, 100)


def crowd(seed: int, count: int = 60) -> LocalFeatures:
    """Descriptors around four directions of eight dimensions, in shares that differ from seed to seed."""
    rng = np.random.default_rng(seed)
    word = rng.choice(4, count, p=rng.dirichlet(np.ones(4)))
    return features(np.eye(8)[word] + rng.normal(0, 0.08, (count, 8)))


def test_residuals_by_hand() -> None:
    vocabulary = np.array([[1, 0], [-1, 0]], np.float32)
    vector = Vlad(VladOptions(), vocabulary).describe(features([[0.6, 0.8], [0.6, 0.8]]))
    residual = np.array([-0.4, 0.8]) / np.hypot(0.4, 0.8)  # unit points, unit residuals, unit words
    rooted = np.sign(residual) * np.sqrt(np.abs(residual))
    np.testing.assert_allclose(vector, [*(rooted / np.linalg.norm(rooted)), 0, 0], atol=1e-6)


def test_the_order_of_features_does_not_matter() -> None:
    found, model = crowd(0), Vlad(VladOptions(), np.eye(8, dtype=np.float32)[:4])
    turned = features(found.descriptors[::-1])
    np.testing.assert_allclose(model.describe(found), model.describe(turned), atol=1e-6)


def test_learning_finds_the_words() -> None:
    learned = Vlad.learn(VladOptions(words=4, dimension=3), [crowd(seed) for seed in range(20)])
    nearest = np.abs(learned.vocabulary[:, None] - np.eye(8)[None, :4]).sum(axis=2).argmin(axis=1)
    assert sorted(nearest.tolist()) == [0, 1, 2, 3]
    assert learned.dimension == 3


@pytest.mark.parametrize(("photos", "asked", "expected"), [(20, 512, 10), (20, 4, 4), (2, 512, 1)])
def test_the_dimension_follows_the_sample(photos: int, asked: int, expected: int) -> None:
    learned = Vlad.learn(VladOptions(words=4, dimension=asked), [crowd(seed) for seed in range(photos)])
    assert learned.dimension <= expected
    assert learned.describe(crowd(0)).shape == (learned.dimension,)


def test_the_seed_and_the_sample_decide() -> None:
    sample, options = [crowd(seed) for seed in range(12)], VladOptions(words=6)
    first = Vlad.learn(options, sample)
    assert Vlad.learn(options, sample).fingerprint == first.fingerprint
    assert Vlad.learn(options, sample[1:]).fingerprint != first.fingerprint


def test_unit_keeps_zeros() -> None:
    np.testing.assert_array_equal(unit(np.array([[0, 0], [3, 4]], np.float32)), np.array([[0, 0], [0.6, 0.8]], "f4"))


def test_projection_keeps_the_directions_that_vary() -> None:
    rng = np.random.default_rng(0)
    spread = np.array([5, 3, 0.01, 0.01, 0.01, 0.01])
    vectors = (rng.normal(0, 1, (200, 6)) * spread).astype(np.float32)
    axes = learn_projection(vectors, 2)
    assert axes.shape == (2, 6)
    directions = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(directions[:, :2]), np.eye(2), atol=0.1)
    lengths = np.linalg.norm(axes, axis=1)
    assert lengths[0] < lengths[1] < 5 / 3 * lengths[0]  # whitened only in part: eigenvalues are shrunk


def test_projection_of_fewer_photos_than_dimensions() -> None:
    vectors = np.random.default_rng(1).normal(0, 1, (5, 40)).astype(np.float32)
    axes = learn_projection(vectors, 512)
    assert axes.shape == (4, 40)  # five points span four directions
    assert np.isfinite(axes).all()


def test_a_gallery_of_one_picture_learns_nothing_that_hurts() -> None:
    learned = Vlad.learn(VladOptions(words=4), [crowd(0)] * 6)
    assert np.linalg.norm(learned.describe(crowd(0))) == pytest.approx(1, abs=1e-5)
    assert np.isfinite(learned.describe(crowd(1))).all()
