"""What every estimator promises, and models made with them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from regions import CENTRES, picture, recipe, write_regions
from whence import plugins
from whence.direct.estimators.estimator import Epoch, parts
from whence.direct.model import ARRAYS, WORDS, Model
from whence.direct.training import Fitted, fit
from whence.errors import InputError, MissingExtraError, ModelError, RecipeError
from whence.evaluate.inputs import Given, read_database
from whence.geo.distance import metres_from
from whence.recipes import Recipe
from whence.train.curves import draw_learning
from whence.types import LatLon, Photo

ESTIMATE: dict[str, dict[str, Any]] = {
    "dense": {"method": "dense", "layers": "16", "epochs": 60, "batch": 16, "learning_rate": 5e-3},
    "network": {
        "method": "network",
        "width_px": 24,
        "height_px": 16,
        "layers": "16",
        "dropout": "0",
        "epochs": 40,
        "batch": 16,
        "learning_rate": 2e-3,
        "colours": "pixels",
    },
}
TARGETS: dict[str, dict[str, Any]] = {
    "named": {"method": "named"},
    "coordinates": {"method": "coordinates"},
    "mixture": {"method": "coordinates", "places": 3},
}
ONLY_CLASSES = {"svm", "nearest-mean"}
SLOW = {("dense", "named"), ("dense", "mixture")}
"""Layers of a network, trained for ten seconds each; one of their targets is enough for a quick look."""
pairs = pytest.mark.parametrize(
    ("estimator", "target"),
    [
        pytest.param(name, target, marks=[pytest.mark.slow] * ((name, target) in SLOW))
        for name in plugins.names(plugins.ESTIMATORS)
        if name != "geoclip"  # test_prior.py
        for target in TARGETS
        if target == "named" or name not in ONLY_CLASSES
    ],
)


def made(estimator: str, target: str = "named", **train: Any) -> Recipe:
    estimate = dict(ESTIMATE.get(estimator, {"method": estimator}))
    return recipe(TARGETS[target], estimate, describe="" if estimator == "network" else "scene", **train)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    return list(read_database(Given(write_regions(tmp_path_factory.mktemp("known")))).photos)


@pytest.fixture(scope="module")
def fits(known: list[Photo]) -> dict[tuple[str, str], Fitted]:
    return {}


def fitted(fits: dict[tuple[str, str], Fitted], known: list[Photo], estimator: str, target: str) -> Fitted:
    if (estimator, target) not in fits:
        fits[estimator, target] = fit(made(estimator, target), known, workers=2, device="cpu")
    return fits[estimator, target]


def errors_m(model: Model) -> list[float]:
    """Of photos of other places, to the middle of their region."""
    found = []
    for region, centre in CENTRES.items():
        for seed in range(5):
            position = model.guess(picture(region, 7000 + seed)).position
            assert isinstance(position, LatLon)
            found.append(float(metres_from(position, np.array([centre]))[0]))
    return found


@pairs
def test_regions_are_told_apart(
    fits: dict[tuple[str, str], Fitted], known: list[Photo], estimator: str, target: str
) -> None:
    model = fitted(fits, known, estimator, target).model
    found = np.median(errors_m(model))
    if estimator == "constant":
        assert found > 100_000
    else:
        assert found < 60_000
    for region in CENTRES:
        guess = model.guess(picture(region, 9000))
        assert 0 < guess.confidence < 1
        assert guess.radius_m is not None
        assert guess.radius_m > 0
        sure = [model.guess(picture(region, 9000), metres).confidence for metres in (1e3, 1e5, 1e6)]
        assert sure == sorted(sure)
        assert sure[-1] > 0.9
        if target == "named" and estimator != "constant":
            assert guess.prediction.names[int(guess.prediction.probabilities.argmax())] == region


@pairs
def test_a_model_is_the_same_after_it_was_kept(
    fits: dict[tuple[str, str], Fitted], known: list[Photo], estimator: str, target: str, tmp_path: Path
) -> None:
    model = fitted(fits, known, estimator, target).model
    model.save(tmp_path / "model", "1.2.3")
    again = Model.load(tmp_path / "model")
    for region in CENTRES:
        before, after = model.guess(picture(region, 1)), again.guess(picture(region, 1))
        assert before.position == after.position
        assert (before.radius_m, before.confidence) == (after.radius_m, after.confidence)
        assert np.array_equal(before.prediction.weights, after.prediction.weights)
    assert again.tolerance_m == model.tolerance_m
    assert again.recipe.hash == model.recipe.hash


@pairs
def test_equal_seeds_learn_the_same(
    fits: dict[tuple[str, str], Fitted], known: list[Photo], estimator: str, target: str
) -> None:
    model = fitted(fits, known, estimator, target).model
    again = fit(made(estimator, target), known, workers=1, device="cpu").model
    one, other = model.estimator.arrays(), again.estimator.arrays()
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", sorted(ONLY_CLASSES))
def test_classifiers_refuse_coordinates(known: list[Photo], name: str) -> None:
    with pytest.raises(RecipeError, match="tells classes apart"):
        fit(made(name, "coordinates"), known, workers=2)


def test_photos_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    table = write_regions(tmp_path / "some", places=3)
    photos = list(read_database(Given(table)).photos)
    photos[0].path.write_bytes(b"no picture")
    photos[5].path.unlink()
    for estimator in ("nearest-mean", "network"):
        found = fit(made(estimator), photos, workers=2, device="cpu")
        assert set(found.unused) == {photos[0].path, photos[5].path}
        assert sum(found.classes.values()) == len(photos) - 2


def test_grey_photos_can_be_left_out(known: list[Photo], tmp_path: Path) -> None:
    import cv2

    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), cv2.cvtColor(picture("coast", 3), cv2.COLOR_RGB2GRAY))
    photos = [*known, Photo(grey, "grey", known[0].position, label="coast")]
    found = fit(made("nearest-mean", colour_only=True), photos, workers=2)
    assert found.unused == {grey: "a grey photo"}


def test_balanced_subsets_and_small_classes(known: list[Photo]) -> None:
    lonely = Photo(known[0].path, "x", known[0].position, label="islet")
    found = fit(made("nearest-mean", per_class=8), [*known, lonely], workers=2)
    assert found.too_small == {"islet": 1}
    assert set(found.classes.values()) == {8}


def test_groups_are_never_torn_apart() -> None:
    groups = np.repeat(np.arange(17), np.arange(1, 18))
    part = parts(groups, 5, 3)
    assert set(part) == set(range(5))
    assert all(len(set(part[groups == group])) == 1 for group in range(17))
    sizes = np.bincount(part)
    assert sizes.max() - sizes.min() <= 17
    assert set(parts(np.zeros(4, np.intp), 5, 0)) == {0}


def test_radius_and_confidence_are_true(fits: dict[tuple[str, str], Fitted], known: list[Photo]) -> None:
    for target in TARGETS:
        model = fitted(fits, known, "dense", target).model
        inside, right, said = [], [], []
        from regions import spot

        for region in CENTRES:
            for place in range(50, 80):
                guess, truth = model.guess(picture(region, 100 * place + 3), 20_000), spot(region, place)
                assert isinstance(truth, LatLon)
                assert guess.position is not None
                error = float(metres_from(guess.position, np.array([[truth.lat, truth.lon]]))[0])
                assert guess.radius_m is not None
                inside.append(error <= guess.radius_m)
                right.append(error <= 20_000)
                said.append(guess.confidence)
        assert 0.75 <= np.mean(inside) <= 1
        assert abs(np.mean(right) - np.mean(said)) < 0.2


def test_labels_alone_give_no_position(known: list[Photo], tmp_path: Path) -> None:
    bare = [Photo(photo.path, photo.name, group=photo.group, label=photo.label) for photo in known]
    model = fit(made("nearest-mean"), bare, workers=2).model
    guess = model.guess(picture("hills", 4))
    assert guess.position is None
    assert guess.radius_m is None
    assert guess.confidence > 0.5


def test_damaged_and_foreign_models(known: list[Photo], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    fit(made("svm"), known, workers=2).model.save(folder)
    words, arrays = (folder / WORDS).read_text(), load_file(folder / ARRAYS)

    def refused(said: str) -> None:
        with pytest.raises(ModelError, match=said):
            Model.load(folder)

    with pytest.raises(ModelError, match="is not there; expected a folder"):
        Model.load(tmp_path / "none")
    with pytest.raises(ModelError, match=f"holds no {WORDS}"):
        Model.load(tmp_path)
    (folder / WORDS).write_text(words[:100])
    refused("cannot be read")
    (folder / WORDS).write_text("[]")
    refused("says nothing of a model")
    (folder / WORDS).write_text(json.dumps({**json.loads(words), "format": 2, "whence": "9.9"}))
    refused("newer whence")
    (folder / WORDS).write_text(json.dumps({**json.loads(words), "described_by": "scene-000000000000"}))
    refused("train it again")
    (folder / WORDS).write_text(words)
    save_file({name: array for name, array in arrays.items() if name != "target/points"}, folder / ARRAYS)
    refused("lacks target/points")
    save_file({**arrays, "estimator/coefficients": arrays["estimator/coefficients"][:, :1]}, folder / ARRAYS)
    refused("damaged")
    (folder / ARRAYS).write_bytes(pickle.dumps({"os": "system"}))
    refused("cannot be read")
    (folder / ARRAYS).unlink()
    refused("cannot be read")


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        ({"method": "svm", "kernel": "cubic"}, "expected one of linear, rbf"),
        ({"method": "dense", "layers": "10,x"}, "separated by commas"),
        ({"method": "dense", "layers": "10.5"}, "whole numbers"),
        ({"method": "dense", "dropout": "0.1,0.2,0.3"}, "expected one number, or 2"),
        ({"method": "dense", "dropout": "1"}, "below 1"),
        ({"method": "dense", "optimiser": "newton"}, "expected one of adam"),
        ({"method": "network", "pool": "middle"}, "expected one of average"),
        ({"method": "network", "crops": 5}, "freeze = 'all'"),
        ({"method": "network", "freeze": "all", "flip": True}, "would change them"),
        ({"method": "network", "pool": "scores"}, "a whole network of ImageNet"),
        ({"method": "network", "convolutions": "8,x"}, "whole numbers"),
        ({"method": "network", "freeze": "layer1"}, "takes only 'all'"),
        ({"method": "perceptron"}, "no estimator named"),
    ],
)
def test_misuse(known: list[Photo], estimate: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        fit(recipe({"method": "named"}, estimate), known, workers=2)


def test_what_nothing_can_be_learned_from(known: list[Photo]) -> None:
    with pytest.raises(InputError, match="no photos"):
        fit(made("svm"), [], workers=1)
    with pytest.raises(InputError, match="all photos are of one class"):
        fit(made("svm"), [photo for photo in known if photo.label == "coast"], workers=1)
    with pytest.raises(InputError, match="classes have 30 photos or more"):
        fit(made("svm", least_photos=30), known, workers=1)
    with pytest.raises(RecipeError, match=r"add \[describe\]"):
        fit(recipe({"method": "named"}, {"method": "svm"}, describe=""), known, workers=1)
    together = [Photo(photo.path, "x", photo.position, group="one", label=photo.label) for photo in known]
    with pytest.raises(InputError, match="all photos are of one group"):
        fit(made("network"), together, workers=1, device="cpu")


def test_the_extra_is_named(known: list[Photo], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(MissingExtraError, match=r"whence\[ml\]"):
        fit(made("svm"), known, workers=2)


@pytest.mark.slow
def test_layers_on_vectors_have_curves_of_what_they_learned_from(known: list[Photo], tmp_path: Path) -> None:
    told: list[Epoch] = []
    found = fit(made("dense"), known, workers=2, tell=told.append)
    assert not told  # thousands of lines would tell nobody anything
    assert [epoch.number for epoch in found.epochs] == list(range(1, found.model.estimator.words()["epochs"] + 1))
    assert found.epochs[-1].loss < found.epochs[0].loss
    assert found.epochs[-1].right > 0.9
    draw_learning(found.epochs, tmp_path / "curves.png")
    drawn = cv2.imread(str(tmp_path / "curves.png"))
    assert drawn is not None
    assert drawn.shape[0] > 0.7 * drawn.shape[1]  # losses, and shares of right classes


def test_a_stopped_training_goes_on(known: list[Photo], tmp_path: Path) -> None:
    from dataclasses import replace

    longer = {**ESTIMATE["network"], "epochs": 6, "patience": 9}
    made_recipe = recipe(TARGETS["named"], longer, describe="")
    whole = fit(made_recipe, known, workers=2, device="cpu")
    path = tmp_path / "checkpoint.pt"
    told: list[int] = []

    def stop(epoch: Epoch) -> None:
        told.append(epoch.number)
        if epoch.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(made_recipe, known, workers=2, device="cpu", checkpoint=path, tell=stop)
    assert told == [0, 1, 2, 3]
    rest = fit(made_recipe, known, workers=1, device="cpu", checkpoint=path)
    assert [epoch.number for epoch in rest.epochs] == list(range(7))
    assert [epoch.checked_loss for epoch in rest.epochs] == [epoch.checked_loss for epoch in whole.epochs]
    one, other = whole.model.estimator.arrays(), rest.model.estimator.arrays()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    changed = replace(made_recipe, sections={**made_recipe.sections, "estimate": {**ESTIMATE["network"], "batch": 8}})
    with pytest.raises(InputError, match="of another training: batch was 16, now it is 8"):
        fit(changed, known, workers=2, device="cpu", checkpoint=path)


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_support_vectors_are_those_of_scikit_learn(kernel: str) -> None:
    from sklearn.svm import SVC

    from whence.direct.estimators.estimator import Circumstances, Examples
    from whence.direct.estimators.svm import Svm, SvmOptions
    from whence.direct.targets.named import Named, NamedOptions

    random = np.random.default_rng(3)
    names = np.repeat(["a", "b", "c"], 20)
    vectors = (random.normal(size=(60, 5)) + 1.5 * np.eye(5)[np.repeat([0, 1, 2], 20)]).astype(np.float32)
    photos = [Photo(Path(name), "x", label=str(name)) for name in names]
    target = Named.learn(NamedOptions(), photos)
    truth = target.truth(photos)
    examples = Examples(vectors, [photo.path for photo in photos], truth, np.ones(60), np.arange(60))
    made = Svm.fit(SvmOptions(cost=2.0, kernel=kernel), examples, None, target, Circumstances())
    scaled = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    for number in range(3):
        theirs = SVC(C=2.0, kernel=kernel, gamma=1 / 5).fit(scaled, truth[:, 0] == number).decision_function(scaled)
        assert np.allclose(made.outputs(vectors)[:, number], theirs, atol=2e-2)
