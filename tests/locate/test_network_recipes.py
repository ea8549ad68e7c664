"""Recipes whose shortlist is a network's: from photos to an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures

import whence
from samples import place, textured, write_photos
from whence.recipes import load_recipe


@pytest.mark.parametrize("recipe", ["eigenplaces", "boq", "salad", "resnet-sift", "vgg19-sift"])
def test_a_photo_is_found_by_a_network_and_verified(networks: Path, tmp_path: Path, recipe: str) -> None:
    photos = write_photos(tmp_path / "photos", 5)
    whence.index(photos, tmp_path / "gallery", recipe=recipe)
    gallery = whence.Gallery.open(tmp_path / "gallery")
    query = tmp_path / "query.png"
    Pictures.fromarray((textured(3) * 0.9).astype(np.uint8)).save(query)
    found = whence.Locator(gallery).locate(query)
    assert found.candidates[0].path.endswith("03.jpg")
    assert found.candidates[0].inliers > 20
    assert isinstance(found.position, whence.LatLon)
    assert found.position.lat == pytest.approx(place(3).lat, abs=1e-4)


def test_what_a_network_recipe_needs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHENCE_MODELS", str(tmp_path / "none"))
    recipe = load_recipe("megaloc")
    assert (recipe.needs, recipe.models) == (("torch",), ("megaloc",))
    with pytest.raises(whence.WhenceError, match=r"megaloc is not there: .* whence models download megaloc"):
        whence.index(write_photos(tmp_path / "photos", 2), tmp_path / "gallery", recipe="megaloc")
