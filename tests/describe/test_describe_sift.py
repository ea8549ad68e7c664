"""Compact RootSIFT: what the 64 bytes of a keypoint still know."""

from __future__ import annotations

import cv2
import numpy as np

from samples import blank, textured
from whence.describe import builtin
from whence.describe.sift import STEPS, Sift, SiftOptions, compact


def root_sift() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    grey = cv2.cvtColor(textured(2), cv2.COLOR_RGB2GRAY)
    _, raw = cv2.SIFT.create(300).detectAndCompute(grey, None)
    found = np.asarray(raw, np.float32)
    return found.reshape(-1, 128)


def test_distances_survive_being_made_compact() -> None:
    raw = root_sift()
    root = np.sqrt(raw / raw.sum(axis=1, keepdims=True))
    small = compact(raw).astype(np.float32) / STEPS
    pairs = np.random.default_rng(0).integers(0, len(raw), (2, 2000))
    before = np.linalg.norm(root[pairs[0]] - root[pairs[1]], axis=1)
    after = np.linalg.norm(small[pairs[0]] - small[pairs[1]], axis=1)
    assert np.corrcoef(before, after)[0, 1] > 0.97
    assert (after <= before + 0.05).all()  # a projection never lengthens, quantising hardly


def test_the_shipped_basis_is_orthonormal() -> None:
    basis = builtin.arrays()["basis"]
    assert basis.shape == (64, 128)
    np.testing.assert_allclose(basis @ basis.T, np.eye(64), atol=1e-2)


def test_brightness_does_not_matter() -> None:
    raw = root_sift()
    assert np.abs(compact(raw * 0.5).astype(int) - compact(raw)).max() <= 1


def test_only_the_strongest_are_kept() -> None:
    few = Sift(SiftOptions(keypoints=40)).extract(textured())
    many = Sift(SiftOptions(keypoints=400)).extract(textured())
    assert len(few) == 40
    assert len(many) > 200
    kept, others = ({tuple(point) for point in found.keypoints[:, :2].tolist()} for found in (few, many))
    assert kept <= others
    first_half = {tuple(point) for point in many.keypoints[: len(many) // 2, :2].tolist()}
    assert kept <= first_half


def test_a_lower_contrast_threshold_finds_more_in_the_dark() -> None:
    dim = (textured() * 0.06 + 20).astype(np.uint8)
    plain = Sift(SiftOptions(contrast_threshold=0.04)).extract(dim)
    assert len(Sift().extract(dim)) > 2 * len(plain) + 10
    assert len(Sift().extract(blank())) == 0
