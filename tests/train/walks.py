"""A street for training tests: places with a look of their own, seen a few times each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from samples import textured, write_table
from whence.recipes import Recipe, load_recipe
from whence.types import Image

APART_M = 40.0


def seen(place: int, time: int, side: tuple[int, int] = (96, 72)) -> Image:
    """A place's picture as it is at some time: moved, brighter or darker, noisy."""
    random = np.random.default_rng([place, time])
    picture = textured(place, 160, 120)
    x, y = random.integers(0, 20, 2)
    part = cv2.resize(picture[y : y + 100, x : x + 140], side, interpolation=cv2.INTER_AREA)
    bright = random.uniform(0.6, 1.2) * part + random.normal(0, 8, part.shape)
    return np.asarray(np.clip(bright, 0, 255), np.uint8)


def write_street(folder: Path, places: int = 12, times: int = 3, first: int = 0, *, groups: bool = False) -> Path:
    """A table of photos, ``times`` of each place, 2 m from each other; its groups, if it has any, are the places."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for place in range(first, first + places):
        for time in range(times):
            name = f"{place:03d}-{time}.png"
            cv2.imwrite(str(folder / name), seen(place, time)[..., ::-1])
            rows.append((name, f"{place * APART_M}", f"{2.0 * time}", f"place {place}" if groups else ""))
    return write_table(folder / "photos.csv", rows, ("path", "x", "y", "group"))


def write_plan(path: Path, head: str = "gem", **options: Any) -> Path:
    """A small network, as a file of the user's says it."""
    more = "".join(f", {name} = {value}" for name, value in options.items())
    path.write_text(
        f'backbone = "test_resnet"\nstage = "layer1"\nhead = {{ method = "{head}"{more} }}\n'
        "input = { width_px = 48, height_px = 36 }\n",
        encoding="utf-8",
    )
    return path


def recipe(network: Path, **train: Any) -> Recipe:
    """Trains a network for a moment."""
    street = load_recipe("street-gem")
    quick = {
        "epochs": 2,
        "mine_every": 16,
        "pool": 20,
        "negatives": 3,
        "batch": 4,
        "positive_m": 5.0,
        "negative_m": 10.0,
        "test_m": 5.0,
        "learning_rate": 1e-3,
        **train,
    }
    describe = {"method": "network", "model": str(network)}
    return replace(street, name="quick", sections={**street.sections, "describe": describe, "train": quick})
