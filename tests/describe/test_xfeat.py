"""XFeat's maps made into features, with a network that finds bright pixels where they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from networks import write_networks
from whence.describe.xfeat import Xfeat, XfeatOptions, sampled
from whence.errors import ModelError
from whence.models import catalogue, store
from whence.types import Image, LocalFeatures


def spotted(width: int, height: int, spots: np.ndarray, size: float = 1.5) -> Image:
    """Round bright spots on dark ground."""
    y, x = np.mgrid[:height, :width]
    picture = np.full((height, width), 20.0)
    for at_x, at_y in spots:
        picture += 200 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * size**2))
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def grid(width: int, height: int, count: int) -> np.ndarray:
    """Places that lie well apart."""
    steps = (np.arange(count) + 0.5) / count
    return np.stack(np.meshgrid(steps * width, steps * height), axis=-1).reshape(-1, 2)


def nearest_px(features: LocalFeatures, spots: np.ndarray) -> np.ndarray:
    """From each spot to the nearest keypoint."""
    offsets = features.keypoints[None, :, :2] - spots[:, None]
    return np.asarray(np.hypot(*offsets.transpose(2, 0, 1)).min(axis=1))


@pytest.mark.parametrize("size", [(96, 96), (96, 60), (60, 96), (192, 120), (120, 480), (301, 97), (40, 30)])
def test_keypoints_are_where_things_are_whatever_the_shape(networks: Path, size: tuple[int, int]) -> None:
    width, height = size
    scale = 96 / max(size)
    spots = grid(width, height, 3)
    found = Xfeat(XfeatOptions(threshold=0.02)).extract(spotted(width, height, spots, size=1.5 / scale))
    assert nearest_px(found, spots).max() <= max(1.0 / scale, 0.75)  # a pixel of the frame, or what eight bits tell
    assert len(found) <= 12  # nothing in what pads the frame
    assert (found.keypoints[:, :2] <= (width - 1, height - 1)).all()
    assert found.keypoints[:, 2] == pytest.approx(8 / scale, rel=0.05)


def test_a_network_of_any_size_sees_the_photo_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write_networks(tmp_path, side=None)
    monkeypatch.setattr(catalogue, "models", lambda: {"xfeat": made})
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))
    spots = grid(150, 110, 4)
    found = Xfeat(XfeatOptions(threshold=0.02)).extract(spotted(150, 110, spots))
    assert nearest_px(found, spots).max() <= 1.0
    assert set(found.keypoints[:, 2].tolist()) == {8.0}


def test_fewer_keypoints_are_the_best_of_more(networks: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (96, 96, 3), np.uint8)
    picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.2), np.uint8)
    many, few = (Xfeat(XfeatOptions(keypoints=count)).extract(picture) for count in (1000, 20))
    assert len(few) == 20 < len(many)
    assert np.array_equal(few.keypoints, many.keypoints[:20])
    assert np.array_equal(few.descriptors, many.descriptors[:20])


def test_descriptors_keep_their_direction_in_eight_bits(networks: Path) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (96, 96, 3), np.uint8)
    found = Xfeat().extract(picture).descriptors.astype(float) / 256
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=0.08)


def test_a_network_with_other_maps_is_refused(tmp_path: Path, networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Xfeat()

    class Other:
        def run(self, wanted: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            return [np.zeros((1, 3, 12, 12), np.float32)]

    monkeypatch.setattr(made, "_session", Other())
    with pytest.raises(ModelError, match="XFeat's have 64, 65 and 1"):
        made.extract(spotted(96, 96, grid(96, 96, 2)))


def test_values_between_elements() -> None:
    maps = np.stack([np.arange(12.0).reshape(3, 4), np.ones((3, 4))]).astype(np.float32)
    at = np.array([(0, 0), (3, 2), (0.5, 0), (0, 0.5), (1.5, 1.5), (-4, -4), (99, 99)])
    assert sampled(maps, at)[:, 0].tolist() == [0, 11, 0.5, 2, 7.5, 0, 11]
    assert (sampled(maps, at)[:, 1] == 1).all()
    assert sampled(maps[:, :1, :1], at)[:, 0].tolist() == [0] * 7
    assert sampled(maps, np.zeros((0, 2))).shape == (0, 2)
