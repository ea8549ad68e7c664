"""Pixels for training: read once, kept small, altered anew each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from whence.errors import PhotoError
from whence.models.pictures import resized
from whence.nets.architecture import Input
from whence.photos import files
from whence.photos.decode import decode
from whence.types import Image

_KEPT_BYTES = 2 << 30
"""Of pictures in memory; the rest is read again each time."""


class Alterations(Protocol):
    """How pictures are altered; see ``whence.train.options.TrainOptions``."""

    @property
    def jitter(self) -> float: ...
    @property
    def crop(self) -> float: ...
    @property
    def rotate_deg(self) -> float: ...
    @property
    def erase(self) -> float: ...
    @property
    def flip(self) -> bool: ...


class Pictures:
    """Photos at a network's size. Those that cannot be read are remembered, with the reason, and given as None."""

    def __init__(self, picture: Input, workers: int, fit: Callable[[Image], Image] | None = None) -> None:
        """
        Args:
            picture: The size; whatever its shape, a photo is brought to it.
            workers: Threads.
            fit: Another way to that size.
        """
        self._picture = picture
        self._fit = fit or (lambda photo: resized(photo, picture.width_px, picture.height_px))
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="whence-train")
        self._kept: dict[Path, Image] = {}
        self._room = _KEPT_BYTES // (picture.width_px * picture.height_px * 3)
        self._lock = threading.Lock()
        self.broken: dict[Path, str] = {}

    def read(self, paths: Sequence[Path]) -> list[Image | None]:
        """``(height, width, 3)`` RGB of each."""
        return list(self._threads.map(self._one, paths))

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(cancel_futures=True)

    def _one(self, path: Path) -> Image | None:
        kept = self._kept.get(path)
        if kept is not None or path in self.broken:
            return kept
        width, height = self._picture.width_px, self._picture.height_px
        try:
            found = self._fit(decode(files.read(path), max_side=2 * max(width, height)).pixels)
        except PhotoError as error:
            self.broken[path] = str(error)
            return None
        with self._lock:
            if len(self._kept) < self._room:
                self._kept[path] = found
        return found


class Altered:
    """Pictures as a network takes them, altered at random as the options say."""

    def __init__(self, options: Alterations, picture: Input) -> None:
        size = picture.height_px, picture.width_px
        strength = options.jitter
        self._colour = v2.ColorJitter(strength, strength, strength) if strength else None
        self._crop = v2.RandomResizedCrop(size, (options.crop, 1.0), antialias=True) if options.crop < 1 else None
        self._turn = (
            v2.RandomRotation(options.rotate_deg, v2.InterpolationMode.BILINEAR) if options.rotate_deg else None
        )
        self._erase = v2.RandomErasing(options.erase) if options.erase else None
        self._flip = options.flip
        self._colours = Colours(picture)

    def __call__(self, groups: Sequence[Sequence[Image]], device: torch.device) -> Tensor:
        """``(B, 3, H, W)`` of all pictures, group after group.

        Args:
            groups: Of a query each: its own picture and those it is held against, which are mirrored together.
            device: Where to.
        """
        found = []
        for pictures in groups:
            mirrored = self._flip and float(torch.rand(())) < 0.5
            for picture in pictures:
                data = torch.from_numpy(picture).permute(2, 0, 1).to(device)
                data = data.flip(2) if mirrored else data
                for step in (self._colour, self._crop, self._turn):
                    data = data if step is None else step(data)
                scaled = self._colours(data)
                found.append(scaled if self._erase is None else self._erase(scaled))
        return torch.stack(found)


class Colours:
    """Red, green and blue from 0 to 255, as a network takes them."""

    def __init__(self, picture: Input) -> None:
        self._mean = torch.tensor(picture.mean)[:, None, None]
        self._std = torch.tensor(picture.std)[:, None, None]

    def __call__(self, data: Tensor) -> Tensor:
        """Of ``(..., 3, H, W)`` uint8, float32."""
        return (data.float() / 255 - self._mean.to(data.device)) / self._std.to(data.device)


def plain(pictures: Sequence[Image], picture: Input, device: torch.device) -> Tensor:
    """``(B, 3, H, W)``, not altered."""
    return Colours(picture)(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(device))
