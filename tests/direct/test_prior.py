"""A model's word before and beside a gallery's."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import whence
from regions import CENTRES, picture, recipe, write_regions
from whence.direct.estimators import geoclip
from whence.direct.model import Model
from whence.direct.training import fit
from whence.errors import InputError, MissingExtraError, ModelError, RecipeError
from whence.evaluate.inputs import Given, read_database
from whence.geo.distance import metres_from
from whence.recipes import SECTIONS, Recipe
from whence.types import Image, LatLon, Photo, Status

ESTIMATES: dict[str, dict[str, Any]] = {
    "named": {"method": "nearest-mean"},
    "coordinates": {"method": "dense", "layers": "16", "epochs": 60, "batch": 16, "learning_rate": 5e-3},
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_regions(tmp_path_factory.mktemp("table"), places=4)


@pytest.fixture(scope="module")
def models(table: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name, estimate in ESTIMATES.items():
        places = {"places": 3} if name == "coordinates" else {}
        made = fit(recipe({"method": name, **places}, estimate), list(read_database(Given(table)).photos), workers=2)
        found[name] = tmp_path_factory.mktemp(name)
        made.model.save(found[name])
    return found


@pytest.fixture(scope="module")
def gallery(table: Path, tmp_path_factory: pytest.TempPathFactory) -> whence.Gallery:
    folder = tmp_path_factory.mktemp("gallery") / "g"
    whence.index(table, folder, recipe=asking(None))
    return whence.Gallery.open(folder)


def asking(model: Path | None, **prior: Any) -> Recipe:
    """By a descriptor that sees next to nothing of the colours that tell regions apart."""
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    sections["describe"] = {"method": "scene", "colours": 0.01}
    sections["retrieve"] = {"method": "similar", "top_k": 12}
    sections["locate"] = {"method": "best-photo", "by": "similarity"}
    if model is not None:
        sections["prior"] = {"model": str(model), **prior}
    return Recipe("asking", "", sections)


def in_region(answer: whence.Location) -> float:
    """Share of the candidates that are of the query's region."""
    return float(np.mean([candidate.path.startswith(answer.path) for candidate in answer.candidates]))


def asked(gallery: whence.Gallery, made: Recipe) -> list[whence.Location]:
    from dataclasses import replace

    locator = whence.Locator(gallery, recipe=made, candidates=12)
    return [
        replace(locator.locate(picture(region, 8000 + seed)), path=region) for region in CENTRES for seed in range(4)
    ]


@pytest.mark.parametrize("name", list(ESTIMATES))
def test_likely_places_are_searched(gallery: whence.Gallery, models: dict[str, Path], name: str) -> None:
    alone = asked(gallery, asking(None))
    weighed = asked(gallery, asking(models[name], strength=0.2))
    searched = asked(gallery, asking(models[name], use="search", share=0.8))
    share = float(np.mean([in_region(answer) for answer in alone]))
    assert share < 0.6
    assert np.mean([in_region(answer) for answer in weighed]) > share + 0.1
    assert np.mean([in_region(answer) for answer in searched]) > share + 0.1
    for answer in (*weighed, *searched):
        assert answer.choices
        assert len(answer.candidates) <= 12
        assert len({candidate.path for candidate in answer.candidates}) == len(answer.candidates)


def test_what_matches_nothing_gets_a_coarse_answer(gallery: whence.Gallery, models: dict[str, Path]) -> None:
    model = Model.load(models["named"])
    for region in CENTRES:
        plain = whence.Locator(gallery).locate(picture(region, 8000))
        found = whence.Locator(gallery, recipe=asking(models["named"])).locate(picture(region, 8000))
        guess = model.guess(picture(region, 8000), gallery.settings.tolerance_m)
        assert found.status is Status.UNSURE
        assert plain.radius_m is not None
        assert guess.radius_m is not None
        if guess.radius_m < plain.radius_m:
            assert (found.position, found.radius_m) == (guess.position, guess.radius_m)
        else:
            assert found.position == plain.position or found.candidates != plain.candidates
        assert found.choices[0].label == region


def test_trials_are_those_without_a_prior(models: dict[str, Path]) -> None:
    with_prior, without = asking(models["named"]), asking(None)
    assert with_prior.asking_hash == without.asking_hash
    assert with_prior.indexing_hash == without.indexing_hash
    assert with_prior.hash != without.hash


def test_misuse(gallery: whence.Gallery, models: dict[str, Path], tmp_path: Path) -> None:
    from dataclasses import replace

    def refused(error: type[Exception], said: str, **prior: Any) -> None:
        made = asking(None)
        made = replace(made, sections={**made.sections, "prior": prior})
        with pytest.raises(error, match=said):
            whence.Locator(gallery, recipe=made)

    refused(RecipeError, "needs model", use="search")
    refused(ModelError, "expected a folder", model=str(tmp_path))
    refused(RecipeError, "expected weigh or search", model=str(models["named"]), use="guess")
    refused(RecipeError, "at most 1", model=str(models["named"]), share=2.0)
    metric = fit(
        recipe({"method": "kmeans", "places": 3}, {"method": "nearest-mean"}),
        list(read_database(Given(write_regions(tmp_path / "metric", places=2, metric=True))).photos),
        workers=2,
    )
    metric.model.save(tmp_path / "plane")
    refused(InputError, "degrees and metres", model=str(tmp_path / "plane"))


class Pretended:
    """What GeoCLIP's package looks like from outside: two places, by how blue a photo is."""

    def eval(self) -> Pretended:
        return self

    def predict(self, stream: Any, top_k: int) -> tuple[Any, Any]:
        from PIL import Image as Pillow

        pixels: Image = np.asarray(Pillow.open(stream).convert("RGB"))
        red, _, blue = pixels.reshape(-1, 3).mean(axis=0).tolist()
        places = (
            np.array(list(CENTRES.values()))[[0, 1, 2]] if blue > red else np.array(list(CENTRES.values()))[[1, 2, 0]]
        )
        return places[:top_k], np.array([0.8, 0.1, 0.1])[:top_k]


def test_geoclip(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos: list[Photo] = list(read_database(Given(table)).photos)
    asks = recipe({"method": "coordinates", "places": 3}, {"method": "geoclip"}, describe="")
    monkeypatch.setitem(sys.modules, "geoclip", None)
    geoclip._opened.cache_clear()
    with pytest.raises(MissingExtraError, match=r"whence\[geoclip\]"):
        fit(asks, photos, workers=2)
    package = ModuleType("geoclip")
    monkeypatch.setitem(sys.modules, "geoclip", package)

    def offline() -> None:
        raise OSError("no network\nand more")

    package.GeoCLIP = offline  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="cannot be opened: no network"):
        fit(asks, photos, workers=2)
    package.GeoCLIP = Pretended  # type: ignore[attr-defined]
    fit(asks, photos, workers=2).model.save(tmp_path / "model")
    guess = Model.load(tmp_path / "model").guess(picture("coast", 3))
    assert isinstance(guess.position, LatLon)
    assert metres_from(guess.position, np.array([CENTRES["coast"]]))[0] < 20_000
    with pytest.raises(RecipeError, match="names places on the earth"):
        fit(recipe({"method": "named"}, {"method": "geoclip"}, describe=""), photos, workers=2)
    geoclip._opened.cache_clear()
