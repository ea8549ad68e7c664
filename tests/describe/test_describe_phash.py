"""Perceptual hashes and histograms of gradients: what their cosines mean."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from samples import blank, textured
from whence.describe.hog import Hog, HogOptions
from whence.describe.phash import Phash, PhashOptions, bits_of, grey_small
from whence.errors import MissingExtraError, RecipeError


def test_the_cosine_is_the_hamming_distance() -> None:
    model, a, b = Phash(PhashOptions()), textured(0), textured(1)
    hamming = int((bits_of(grey_small(a)) != bits_of(grey_small(b))).sum())
    assert 10 < hamming < 54
    assert float(model.whole(a) @ model.whole(b)) == 1 - hamming / 32
    assert np.array_equal(model.whole(a).astype(np.float16).astype(np.float32), model.whole(a))


def test_size_and_brightness_hardly_matter_to_a_hash() -> None:
    picture = textured(3)
    small = cv2.resize(picture, (120, 90), interpolation=cv2.INTER_AREA)
    brighter = np.clip(picture.astype(np.int32) + 20, 0, 255).astype(np.uint8)
    for other in (np.asarray(small, np.uint8), brighter):
        assert (bits_of(grey_small(picture)) != bits_of(grey_small(other))).sum() <= 6


def test_a_photo_with_hardly_a_difference_in_it_has_no_hash() -> None:
    nearly = blank()
    nearly[::7, ::5] += 1  # as a compressed wall
    model = Phash(PhashOptions())
    assert not model.whole(nearly).any()
    nearly[:90] = 125
    assert model.whole(nearly).any()


def test_hog_has_the_dimension_it_says() -> None:
    pytest.importorskip("skimage")
    for options in (HogOptions(), HogOptions(width_px=100, height_px=64, cell_px=8, block_cells=3, orientations=6)):
        assert Hog(options).whole(textured()).shape == (Hog(options).dimension,)


def test_a_block_has_to_fit() -> None:
    with pytest.raises(RecipeError, match="a block of 128 x 128 pixels does not fit into 128 x 100"):
        Hog(HogOptions(height_px=100, cell_px=64))


def test_hog_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "skimage.feature", None)
        with pytest.raises(MissingExtraError, match=r"HOG descriptors need an extra .*whence\[ml\]"):
            Hog(HogOptions())
