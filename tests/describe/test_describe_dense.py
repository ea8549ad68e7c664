"""Dense SIFT against OpenCV's SIFT and against what can be worked out by hand; what dense VLAD keeps and learns."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from samples import textured
from whence.describe.dense import dense_sift
from whence.describe.dense_vlad import DenseVlad, DenseVladOptions
from whence.errors import InputError, RecipeError
from whence.types import FloatArray, LocalFeatures


def grey(seed: int = 0, width: int = 240, height: int = 180) -> FloatArray:
    return cv2.cvtColor(textured(seed, width, height), cv2.COLOR_RGB2GRAY).astype(np.float32)


def ramp(angle_deg: float) -> FloatArray:
    """Brightness that grows in one direction, measured from x towards y (down)."""
    y, x = np.mgrid[:64, :64].astype(np.float32)
    turn = np.radians(angle_deg)
    return np.asarray(x * np.cos(turn) + y * np.sin(turn), np.float32)


@pytest.mark.parametrize("direction", range(8))
def test_a_ramp_fills_the_bin_of_its_direction(direction: int) -> None:
    middle = dense_sift(ramp(45 * direction), 4, (4,))[60].reshape(4, 4, 8)
    assert (middle.argmax(axis=2) == direction).all()
    assert middle[..., direction].sum() > 0.99 * middle.sum()


def test_bins_are_rows_then_columns_then_directions() -> None:
    picture = np.zeros((40, 40), np.float32)
    picture[:, 30:] = 100  # an edge: the right bins of descriptors to its left
    columns = dense_sift(picture, 100, (8,))[0].reshape(4, 4, 8).sum(axis=(0, 2))
    assert columns[3] > 100 * max(columns[0], 1)
    rows = dense_sift(picture.T.copy(), 100, (8,))[0].reshape(4, 4, 8).sum(axis=(1, 2))
    assert rows[3] > 100 * max(rows[0], 1)


@pytest.mark.parametrize(
    ("size", "step", "bins", "expected"),
    [((16, 16), 8, (4, 6, 8), 1), ((12, 12), 8, (4,), 0), ((13, 12), 8, (4,), 0), ((100, 80), 8, (4,), 11 * 9)],
)
def test_how_many(size: tuple[int, int], step: int, bins: tuple[int, ...], expected: int) -> None:
    width, height = size
    assert dense_sift(grey(0, width, height), step, bins).shape == (expected, 128)


def test_shifting_the_picture_by_a_step_shifts_the_grid() -> None:
    whole, step = grey(), 6
    left = dense_sift(whole[:, : -2 * step], step, (4,)).reshape(28, -1, 128)
    right = dense_sift(np.ascontiguousarray(whole[:, 2 * step :]), step, (4,)).reshape(28, -1, 128)
    np.testing.assert_allclose(left[:, 4:-2], right[:, 2:-4], rtol=1e-4, atol=1e-2)  # but for what the edges do


def test_it_is_much_like_the_sift_of_opencv() -> None:
    picture, side, step = grey(2), 6, 20
    ours = dense_sift(picture, step, (side,))
    span = 3 * side
    points = [(x + span / 2, y + span / 2) for y in range(0, 180 - span, step) for x in range(0, 240 - span, step)]
    keypoints = [cv2.KeyPoint(x, y, side * 2 / 3, 0.0) for x, y in points]  # a bin is 1.5 times as wide
    _, theirs = cv2.SIFT.create().compute(picture.astype(np.uint8), keypoints)
    assert len(theirs) == len(ours)
    upwards = np.asarray(theirs, np.float32).reshape(-1, 4, 4, 8)  # its directions turn the other way round
    downwards = upwards[..., -np.arange(8) % 8].reshape(-1, 128)
    a, b = (np.sqrt(d / d.sum(axis=1, keepdims=True)) for d in (ours, downwards))
    alike = a @ b.T
    assert (alike.argmax(axis=1) == np.arange(len(a))).mean() > 0.9


def blank_features(whole: FloatArray | None) -> LocalFeatures:
    return LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 1), np.int8), 64, 64, whole)


def test_brightness_and_contrast_do_not_matter() -> None:
    model, picture = DenseVlad.shipped(), textured(1)
    dim = (picture * 0.5 + 30).astype(np.uint8)
    assert model.whole(picture) @ model.whole(dim) > 0.95


def test_large_photos_are_reduced_and_small_ones_left_alone() -> None:
    model, picture = DenseVlad.shipped(DenseVladOptions(side_px=120)), textured(1)
    half = np.asarray(cv2.resize(picture, (120, 90), interpolation=cv2.INTER_AREA), np.uint8)
    assert model.whole(picture) @ model.whole(half) > 0.95
    assert np.array_equal(model.whole(half), DenseVlad.shipped().whole(half))


@pytest.mark.parametrize(("photos", "asked", "expected"), [(20, 4096, 10), (20, 4, 4), (1, 4096, 1)])
def test_no_more_dimensions_than_half_the_photos(photos: int, asked: int, expected: int) -> None:
    rng = np.random.default_rng(0)
    sample = [blank_features(rng.normal(size=8192).astype(np.float32)) for _ in range(photos)]
    learned = DenseVlad.learn(DenseVladOptions(dimension=asked), sample)
    assert learned.dimension == expected


def test_features_of_another_recipe_are_refused() -> None:
    with pytest.raises(InputError, match="without a vector of the whole image"):
        DenseVlad.shipped().describe(blank_features(None))


@pytest.mark.parametrize("options", [DenseVladOptions(shrinkage=1.5), DenseVladOptions(side_px=8)])
def test_options_out_of_range(options: DenseVladOptions) -> None:
    with pytest.raises(RecipeError, match=r"\[describe\] .* expected"):
        DenseVlad.shipped(options)
