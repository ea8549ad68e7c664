"""Networks at work: one photo or many, from many threads, on what device there is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from samples import textured
from whence.errors import InputError, ModelError
from whence.models.pictures import resized
from whence.nets import weights
from whence.nets.architecture import Architecture
from whence.nets.network import Network
from whence.nets.running import Runner, device

TABLE = {
    "backbone": "test_resnet",
    "stage": "layer1",
    "head": {"method": "crn", "clusters": 4},
    "input": {"width_px": 64, "height_px": 48},
}


def runner(batch: int = 4) -> Runner:
    return Runner(Network(Architecture.of(TABLE, "test")), torch.device("cpu"), batch)


def test_threads_are_served_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a graphics card: what waits is computed at once, at most a batch of it, each answer to who asked."""
    made, sizes = runner(), list[int]()
    expected = [made.vector(textured(seed, 90, 60)) for seed in range(30)]
    vectors = made.vectors

    def counted(photos: list[np.ndarray]) -> np.ndarray:
        sizes.append(len(photos))
        return vectors(photos)

    monkeypatch.setattr(made, "vectors", counted)
    made.together = True
    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda seed: made.vector(textured(seed, 90, 60)), range(30)))
    assert np.allclose(found, expected, atol=1e-5)
    assert sum(sizes) == 30
    assert 1 < max(sizes) <= 4


def test_what_goes_wrong_is_told_to_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    made = runner()

    def broken(photos: object) -> np.ndarray:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(made, "vectors", broken)
    made.together = True
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(made.vector, textured(seed, 90, 60)) for seed in range(3)]
    assert all(isinstance(one.exception(), torch.OutOfMemoryError) for one in asked)


def test_a_mask_is_of_the_size_of_the_map() -> None:
    mask = runner().mask(textured(0, 90, 60))
    assert mask is not None
    assert mask.shape == (12, 16)
    plain = Runner(Network(Architecture.of({**TABLE, "head": {"method": "gem"}}, "test")), torch.device("cpu"))
    assert plain.mask(textured(0, 90, 60)) is None


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device("cpu") == torch.device("cpu")
    monkeypatch.setenv("WHENCE_DEVICE", "cpu")
    assert device() == torch.device("cpu")
    monkeypatch.setenv("WHENCE_DEVICE", "abacus")
    with pytest.raises(InputError, match="expected cpu, cuda"):
        device()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"finds none here \(0 CUDA devices\)"):
        device("cuda:1")


@pytest.mark.parametrize("meta", ["{", "{}", "[]", '{"architecture": 3}'])
def test_a_file_whose_description_is_damaged(tmp_path: Path, meta: str) -> None:
    path = tmp_path / "bad.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"whence": meta})
    with pytest.raises(ModelError, match="is damaged: what it says"):
        weights.load(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="does not say what its network is made of"):
        weights.load(path)


def test_panoramas_are_made_narrow_without_aliasing() -> None:
    stripes = np.zeros((200, 4000, 3), np.uint8)
    stripes[:, ::2] = 255
    assert resized(stripes, 320, 240).std() < 8
