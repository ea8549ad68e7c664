"""What a model says of itself rests on photos that it has not seen, and nothing stale or damaged passes for fresh."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import whence
from regions import CENTRES, photos, picture, recipe, write_regions
from samples import Run, write_table
from whence.describe.seeing import Seeing
from whence.direct.calibration import Calibration, HeldOut
from whence.direct.estimators.estimator import drawn
from whence.direct.model import ARRAYS, WORDS, Model
from whence.direct.targets.cell import Cell, CellOptions
from whence.direct.targets.kmeans import Kmeans
from whence.direct.training import default_tolerance_m, fit
from whence.errors import InputError, ModelError
from whence.evaluate import Plan, evaluate
from whence.evaluate.inputs import Given, read_database
from whence.types import Image, LatLon, LocalFeatures, Photo

SVM = {"method": "svm", "cost": 1.0, "kernel": "linear"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_regions(tmp_path_factory.mktemp("table"), places=4)


@pytest.fixture(scope="module")
def known(table: Path) -> list[Photo]:
    return list(read_database(Given(table)).photos)


def written(path: Path, made: Any) -> Path:
    lines = ['summary = "Made."']
    for name, section in made.sections.items():
        if section:
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_what_is_held_out_says_nothing_of_where_places_are(known: list[Photo], monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[set[str | None]] = []
    own = Kmeans.learn.__func__  # type: ignore[attr-defined]

    def spy(cls: Any, options: Any, given_photos: Sequence[Photo]) -> Any:
        learned.append({photo.group for photo in given_photos})
        return own(cls, options, given_photos)

    monkeypatch.setattr(Kmeans, "learn", classmethod(spy))
    place_by = Kmeans.placed_by
    fit(recipe({"method": "kmeans", "places": 3}, SVM, folds=3), known, workers=2)
    every = {photo.group for photo in known}
    without = [every - groups for groups in learned if groups != every]
    assert len(without) == 3
    assert Counter(group for groups in without for group in groups) == Counter(every)
    placed: list[int] = []

    def spy_too(self: Kmeans, some: Sequence[Photo]) -> Kmeans | None:
        placed.append(len(some))
        return place_by(self, some)

    monkeypatch.setattr(Kmeans, "placed_by", spy_too)
    network = {"method": "network", "width_px": 24, "height_px": 16, "layers": "", "epochs": 1}
    fit(recipe({"method": "kmeans", "places": 3}, network, describe=""), known, workers=2, device="cpu")
    assert 0 < placed[0] < len(known)


def test_the_temperature_is_that_of_what_is_answered() -> None:
    given_photos = photos()
    target = Cell.learn(CellOptions(level=8, coarser=1), given_photos)
    random = np.random.default_rng(1)
    truth = target.truth(given_photos)
    fine, coarse = map(len, target.partitions)
    outputs = random.normal(size=(len(given_photos), fine + coarse))
    rows = np.arange(len(given_photos))
    outputs[rows, truth[:, 0]] += 1.5
    outputs[rows, fine + truth[:, 1]] += 1.5
    held = HeldOut(target, 3 * outputs, truth, [photo.position for photo in given_photos])
    made, errors = Calibration.learn([held])
    assert errors.shape == made.ratios.shape == (len(given_photos),)

    def surprise(temperature: float) -> float:
        found = replace(made, temperature=temperature)
        own = [
            found.predicted(target, row).probabilities[number]
            for row, number in zip(3 * outputs, truth[:, 0], strict=True)
        ]
        return float(-np.log(own).mean())

    assert surprise(made.temperature) <= min(map(surprise, np.geomspace(0.5, 20, 60))) + 1e-3
    assert Calibration.restore(made.arrays()).temperature == made.temperature


@given(st.lists(st.integers(1, 40), min_size=2, max_size=30), st.floats(0.05, 0.6), st.integers(0, 5))
def test_about_the_share_that_is_asked_is_held_out(sizes: list[int], share: float, seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    held = drawn(groups, share, seed)
    assert held.any()
    assert not held.all()
    assert all(len(set(held[groups == group])) == 1 for group in range(len(sizes)))
    assert held.sum() <= max(1.5 * share * len(groups), min(sizes))


def test_one_group_is_refused(known: list[Photo]) -> None:
    together = [replace(photo, group="one") for photo in known]
    with pytest.raises(InputError, match="all photos are of one group"):
        fit(recipe({"method": "named"}, SVM), together, workers=2)


def test_photos_of_one_spot_stay_together_without_groups(run: Run, table: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    bare = [(str(table.parent / row["path"]), row["lat"], row["lon"], row["label"]) for row in rows]
    listed = write_table(tmp_path / "bare.csv", bare, ("path", "lat", "lon", "label"))
    made = written(tmp_path / "r.toml", recipe({"method": "named"}, SVM, test=0.3))
    done = run("train", made, "--database", listed, "--out", tmp_path / "m")
    assert done.code == 0, done.err
    assert "no photo has a group" in done.err
    places = [
        {(row["lat"], row["lon"]) for row in csv.DictReader((tmp_path / "m" / name).read_text().splitlines())}
        for name in ("training.csv", "test.csv")
    ]
    assert not places[0] & places[1]


def test_labels_alone_are_judged_by_their_class(run: Run, tmp_path: Path) -> None:
    for part, first in (("train", 0), ("ask", 50)):
        for region in CENTRES:
            (tmp_path / part / region).mkdir(parents=True)
            for seed in range(6):
                pixels = cv2.cvtColor(picture(region, first + seed), cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(tmp_path / part / region / f"{seed}.png"), pixels)
    made = written(tmp_path / "r.toml", recipe({"method": "named"}, {"method": "nearest-mean"}, folds=3))
    words = ["evaluate", tmp_path / "train", tmp_path / "ask", "--recipe", made, "--no-report", "--draws", "50"]
    done = run(*words, "--out", tmp_path / "o")
    assert done.code == 0, done.err
    (only,) = json.loads((tmp_path / "o" / "results.json").read_text())["runs"]
    assert only["figures"]["class.accuracy"]["value"] == 1
    assert only["figures"]["ece"]["value"] < 0.3
    assert "Confidence is that of the class" in done.out
    assert "18 queries" in done.out
    assert "unknown places" not in done.out
    done = run("evaluate", tmp_path / "train", "--hold-out", "random", *words[3:], "--out", tmp_path / "h")
    assert done.code == 0, done.err


def test_rows_without_a_label_are_left_out_and_named(table: Path, known: list[Photo]) -> None:
    some = [replace(photo, label=None) if row % 3 == 0 else photo for row, photo in enumerate(known)]
    found = fit(recipe({"method": "named"}, SVM), some, workers=2)
    assert set(found.classes) == set(CENTRES)
    assert set(found.unused) == {photo.path for photo in some if photo.label is None}


def test_another_content_is_another_model(table: Path, tmp_path: Path) -> None:
    made = recipe({"method": "named"}, SVM)
    plan = Plan(table, [table], tmp_path / "o", [made], draws=20)
    evaluate(plan)
    first = sorted((tmp_path / "o" / "work" / "models").glob("*/model.json"))
    evaluate(plan)
    assert sorted((tmp_path / "o" / "work" / "models").glob("*/model.json")) == first
    victim = next(table.parent.glob("coast*.png"))
    before = victim.read_bytes()
    try:
        victim.write_bytes(next(table.parent.glob("hills*.png")).read_bytes())
        evaluate(plan)
    finally:
        victim.write_bytes(before)
    assert len(list((tmp_path / "o" / "work" / "models").glob("*/model.json"))) == 2


def test_queries_of_unknown_cells_count_as_missed(table: Path, tmp_path: Path) -> None:
    asked = write_regions(tmp_path / "asked", places=2, first=40)
    recipes = [
        replace(recipe({"method": "s2", "level": level}, SVM, folds=3), name=f"level {level}") for level in (5, 11)
    ]
    coarse, fine = evaluate(Plan(table, [asked], tmp_path / "o", recipes, draws=20)).runs
    for run in (coarse, fine):
        assert run.outcomes.truth_class is not None
        assert (run.outcomes.truth_class >= 0).all()
    assert coarse.figures["class.accuracy"].value == 1
    assert fine.figures["class.accuracy"].value < 0.2


def test_a_batch_of_one_learns(known: list[Photo]) -> None:
    estimate = {"method": "dense", "layers": "", "dropout": "0", "epochs": 3, "batch": 1}
    found = fit(recipe({"method": "named"}, estimate, folds=2), known, workers=2, device="cpu")
    hits = [found.model.predict(picture(region, 5)).probabilities.argmax() for region in sorted(CENTRES)]
    assert hits == [0, 1, 2]
    with pytest.raises(InputError, match="batch_norm"):
        fit(recipe({"method": "named"}, {**estimate, "layers": "8", "batch_norm": True}), known, workers=2)


def test_places_for_other_things_are_refused(run: Run, table: Path, tmp_path: Path) -> None:
    made = written(tmp_path / "r.toml", recipe({"method": "named"}, SVM))
    whence.index(table, tmp_path / "gallery", recipe="hog-knn")
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("x")
    for out, said in (("gallery", "is a gallery"), ("file", "is a file"), ("full", "it holds diary.txt")):
        done = run("train", made, "--database", table, "--out", tmp_path / out)
        assert done.code == 2
        assert said in done.err
    assert not (tmp_path / "gallery" / WORDS).exists()


def test_options_as_they_are_typed(run: Run, table: Path, tmp_path: Path) -> None:
    made = written(tmp_path / "r.toml", recipe({"method": "s2", "level": 6}, {"method": "dense", "epochs": 2}, folds=2))
    words = ["train", made, "--database", table, "--device", "cpu", "--out", tmp_path / "m"]
    done = run(*words, "--set", "estimate.layers=8", "--set", "target.method=kmeans", "--set", "target.places=3")
    assert done.code == 0, done.err
    facts = json.loads(run("info", tmp_path / "m", "--format", "json").out)
    assert facts["target"] == "kmeans"
    assert set(facts["classes"]) == {"place 1", "place 2", "place 3"}
    for setting in ("estimate.layers=inf", "estimate.weight_decays=-1", 'estimate.dropout="x"'):
        done = run(*words, "--set", setting)
        assert done.code == 2
        assert "separated by commas" in done.err


def test_what_is_no_number_is_refused(known: list[Photo], tmp_path: Path) -> None:
    fit(recipe({"method": "named"}, SVM), known, workers=2).model.save(tmp_path)
    words, arrays = json.loads((tmp_path / WORDS).read_text()), load_file(tmp_path / ARRAYS)

    def refused(**other: Any) -> None:
        save_file({**arrays, **{name: array for name, array in other.items() if "/" in name}}, tmp_path / ARRAYS)
        changed = {**words, **{name: value for name, value in other.items() if "/" not in name}}
        (tmp_path / WORDS).write_text(json.dumps(changed))
        with pytest.raises(ModelError, match=r"damaged|cannot be read"):
            Model.load(tmp_path)

    refused(**{"estimator/offsets": np.full_like(arrays["estimator/offsets"], np.nan)})
    refused(**{"calibration/temperature": np.zeros_like(arrays["calibration/temperature"])})
    refused(**{"calibration/ratios": -np.ones(3)})
    refused(**{"target/owners": arrays["target/owners"] + 9})
    refused(**{"target/points": arrays["target/points"][:2]})
    refused(arrays=None)
    refused(tolerance_m=-1)
    refused(format="1")


def test_a_noisy_photo_is_drawn(run: Run, known: list[Photo], tmp_path: Path) -> None:
    fit(recipe({"method": "named"}, SVM), known, workers=2).model.save(tmp_path / "m")
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    done = run("locate", tmp_path / "noise.png", "--model", tmp_path / "m", "--explain", tmp_path / "e.html")
    assert done.code == 0, done.err


def test_the_tolerance_follows_the_extent() -> None:
    assert default_tolerance_m([LatLon(45, 15), LatLon(45.9, 15)]) == pytest.approx(10_000)
    around = default_tolerance_m([LatLon(0, lon) for lon in range(-180, 180, 30)])
    assert around > 1_000_000


def test_a_describer_that_had_too_few_photos_to_learn_from(known: list[Photo], tmp_path: Path) -> None:
    plain = recipe({"method": "named"}, SVM, describe="", folds=2)
    sections = {**plain.sections, "features": {"method": "sift", "keypoints": 60}, "describe": {"method": "vlad-dense"}}
    made = replace(plain, sections=sections)
    for _ in range(2):  # the second time with what was kept
        found = fit(made, known, workers=2, cache=tmp_path / "cache").model
        found.save(tmp_path / "model")
        again = Model.load(tmp_path / "model")
        seen = picture("coast", 3)
        assert np.array_equal(again.outputs(seen), found.outputs(seen))
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_is_held_out_says_nothing_of_how_photos_are_described(
    known: list[Photo], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = recipe({"method": "named"}, SVM, describe="", folds=4)
    learns = {"method": "vlad", "words": 8, "dimension": 12, "learn_from": 30}
    sections = {**plain.sections, "features": {"method": "sift", "keypoints": 60}, "describe": learns}
    made = replace(plain, sections=sections)
    seen: list[int] = []
    learned: list[set[int]] = []
    extract, learn = Seeing.extract, Seeing.learned

    def look(self: Seeing, image: Image) -> LocalFeatures:
        seen.append(1)
        return extract(self, image)

    def spy(self: Seeing, some: Sequence[LocalFeatures]) -> Any:
        learned.append({id(one) for one in some})
        return learn(self, some)

    monkeypatch.setattr(Seeing, "extract", look)
    monkeypatch.setattr(Seeing, "learned", spy)
    first = fit(made, known, workers=2, cache=tmp_path)
    assert len(seen) == len(known)  # once each
    every, *without = learned
    assert len(every) == len(known)
    assert len(without) == 4
    held = [every - some for some in without]
    assert all(some < every for some in without)
    assert set().union(*held) == every
    assert sum(map(len, held)) == len(every)  # each photo is new to just one of them
    again = fit(made, known, workers=2, cache=tmp_path)
    assert len(seen) == len(known)
    assert len(learned) == 5
    assert np.array_equal(again.model.calibration.ratios, first.model.calibration.ratios)
    next(iter(tmp_path.glob("vectors-*-*.npz"))).write_bytes(b"half")
    mended = fit(made, known, workers=2, cache=tmp_path)
    assert len(learned) == 6
    assert np.array_equal(mended.model.calibration.ratios, first.model.calibration.ratios)
