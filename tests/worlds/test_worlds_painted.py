"""Paintings of photos."""

from __future__ import annotations

import numpy as np
import pytest

from samples import textured
from whence.errors import InputError
from whence.worlds.noise import rng_of
from whence.worlds.painted import STYLES, painted


@pytest.mark.parametrize("style", STYLES)
def test_a_painting_is_another_picture_of_the_same_size(style: str) -> None:
    photo = textured()
    first, again = (painted(photo, style, rng_of(1, style)) for _ in range(2))
    assert first.shape == photo.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.abs(first.astype(int) - photo).mean() > 2
    flat = painted(photo, style, rng_of(1, style), exaggerated=False)
    assert not np.array_equal(first, flat)
    if style == "pencil":
        assert np.ptp(first, axis=2).max() == 0


def test_no_such_style() -> None:
    with pytest.raises(InputError, match="known: edge-preserving, oil, pencil, watercolour"):
        painted(textured(), "gouache", rng_of(0))
