"""Networks of others, exported with their post-processing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import whence
from networks import nearest, write_exported
from samples import blank, textured
from scenes import PLACES, Scene
from whence.describe.exported import Exported, ExportedOptions
from whence.errors import ModelError, RecipeError
from whence.verify.lightglue import LightGlue, LightGlueOptions


def extractor(path: Path, dimension: int = 32, keypoints: int = 1000) -> Exported:
    return Exported(ExportedOptions(model=str(path), dimension=dimension, keypoints=keypoints))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_features_of_an_export(tmp_path: Path, channels: int, turned: bool) -> None:
    made = extractor(write_exported(tmp_path / "any.onnx", channels=channels, turned=turned))
    found = made.extract(textured(0, 240, 180))
    assert (found.width, found.height) == (240, 180)
    assert found.descriptors.shape == (len(found), 32)
    assert found.descriptors.dtype == np.int8
    assert len(found) == 12 * 9  # the rest of the square lies beyond the photo
    assert found.keypoints[:, :2].min() == pytest.approx((3.5 + 0.5) * 2.5 - 0.5)
    assert found.keypoints[:, 0].max() == pytest.approx(240 - 4 * 2.5 - 0.5, abs=0.01)
    assert len(extractor(tmp_path / "any.onnx", keypoints=7).extract(textured())) == 7
    assert len(made.extract(blank())) == 0


def test_the_fingerprint_is_that_of_the_network_not_of_its_place(tmp_path: Path) -> None:
    first, second = write_exported(tmp_path / "a.onnx"), write_exported(tmp_path / "b.onnx")
    other = write_exported(tmp_path / "c.onnx", channels=3)
    assert extractor(first).fingerprint == extractor(second).fingerprint != extractor(other).fingerprint
    assert extractor(first).fingerprint != extractor(first, keypoints=5).fingerprint


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    path = write_exported(tmp_path / "any.onnx")
    with pytest.raises(RecipeError, match="needs model"):
        Exported()
    with pytest.raises(ModelError, match=r"descriptors of 64 numbers \(dimension = \.\.\.\)"):
        extractor(path, dimension=64).extract(textured())
    matcher = tmp_path / "matcher.onnx"
    matcher.write_bytes(nearest().SerializeToString())
    with pytest.raises(ModelError, match="expected one"):
        extractor(matcher)
    with pytest.raises(ModelError, match="expected kpts0"):
        LightGlue(LightGlueOptions(model=str(path)))
    assert LightGlue(LightGlueOptions(model=str(matcher)))


def test_a_recipe_of_ones_own(scene: Scene, tmp_path: Path) -> None:
    """The recipe of docs/howto/learned-features.md, with networks that find bright places and match the nearest."""
    network, matcher = write_exported(tmp_path / "any.onnx"), tmp_path / "matcher.onnx"
    matcher.write_bytes(nearest(dimension=32).SerializeToString())
    page = (Path(__file__).parents[2] / "docs" / "howto" / "learned-features.md").read_text("utf-8")
    text = page.split("```toml")[1].split("```")[0]
    for named, used in (("aliked-n16.onnx", network), ("aliked-lightglue.onnx", matcher)):
        text = text.replace(named, used.as_posix())
    recipe = tmp_path / "own.toml"
    recipe.write_text(text.replace("dimension = 128", "dimension = 32").replace("random-128", "random-32"))
    done = whence.index(scene.table, tmp_path / "gallery", recipe=str(recipe))
    assert done.added == 2 * PLACES
    answer = whence.Locator(whence.Gallery.open(tmp_path / "gallery")).locate(scene.folder / "asked" / "0.jpg")
    assert answer.candidates[0].path.startswith("db/")
    assert answer.position is not None
