"""Ablations: every variant trained once, tested on two sets, told in tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from walks import recipe, write_plan, write_street

from samples import Run
from whence.errors import InputError
from whence.evaluate.inputs import Given
from whence.train.ablation import HEADS, Axis, Variant, ablate, axes
from whence.train.loop import Epoch
from whence.train.running import Plan
from whence.train.tables import write

AXIS = Axis(
    "learning-rate",
    "Learning rate",
    (Variant("fast", {"learning_rate": 1e-2}), Variant("slow", {"learning_rate": 1e-4})),
)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street(tmp_path_factory.mktemp("street"), places=8)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street(tmp_path_factory.mktemp("other"), places=5, first=50)


@pytest.fixture
def plan(street: Path, tmp_path: Path) -> Plan:
    made = recipe(write_plan(tmp_path / "gem.toml"), epochs=1)
    return Plan(made, Given(street), tmp_path / "out", hold_out=0.25, workers=2, device="cpu")


def test_variants_are_trained_once_and_tested_on_every_set(plan: Plan, other: Path) -> None:
    told: list[tuple[str, int]] = []

    def tell(name: str, epoch: Epoch) -> None:
        told.append((name, epoch.number))

    sets = [("elsewhere", Given(other), Given(other))]
    found = ablate(plan, [AXIS], sets, tell=tell)
    assert told == [("fast", 0), ("fast", 1), ("slow", 0), ("slow", 1)]
    fast, slow = found["learning-rate"]
    assert [tested.name for tested in fast.tests] == ["trained on", "elsewhere"]
    assert [tested.queries for tested in fast.tests] == [6, 15]
    assert set(fast.tests[0].after) == {5.0, 10.0, 25.0, 50.0}
    assert fast.tests[0].before == slow.tests[0].before
    for tested in (*fast.tests, *slow.tests):
        for metres, shares in tested.after.items():
            values = [figure.value for figure in shares.values()]
            assert values == sorted(values)
            assert all(figure.low95 <= figure.value <= figure.high95 for figure in shares.values())
            for n, figure in shares.items():
                gain = figure.value - tested.before[metres][n].value
                assert tested.gain[metres][n].value == pytest.approx(gain)
    again = ablate(plan, [AXIS], sets, tell=tell)
    assert len(told) == 4  # nothing was trained again
    assert again["learning-rate"][0].tests == fast.tests
    text = write(found, {"learning-rate": AXIS}, 5.0, plan.out)
    assert "## Learning rate: trained on, 6 queries" in text
    assert "## Learning rate: elsewhere, 15 queries" in text
    assert (plan.out / "ablation.md").read_text(encoding="utf-8") == text
    data = json.loads((plan.out / "ablation.json").read_text())
    assert [row["variant"] for row in data["learning-rate"]] == ["fast", "slow"]
    picture = cv2.imread(str(plan.out / "ablation-learning-rate.png"))
    assert picture is not None
    assert picture.std() > 5


def test_heads_side_by_side(run: Run, plan: Plan, street: Path, tmp_path: Path) -> None:
    lines = []
    for name, section in plan.recipe.sections.items():
        if section:
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    path = tmp_path / "quick.toml"
    path.write_text("\n".join(['summary = "Quick."', *lines]), encoding="utf-8")
    words = ["ablate", path, "--database", street, "--axis", "heads", "--hold-out", "0.25", "--out", tmp_path / "heads"]
    done = run(*words, "--device", "cpu", "--workers", "2")
    assert done.code == 0, done.err
    table = done.out[done.out.index("## Heads: size and time") :].splitlines()[2:]
    assert [row.split("|")[1].strip() for row in table[2:7]] == list(HEADS)
    assert "beside NetVLAD" in table[0]
    sizes = [row.split("|")[2].strip() for row in table[2:7]]
    assert sizes[1] == "256"
    assert sizes[2] == sizes[3] == sizes[4]


def test_the_axes_are_those_of_the_paper() -> None:
    known = axes([(160, 120)])
    assert list(known) == ["learning-rate", "distance", "augmentation", "size", "heads"]
    assert [variant.options["learning_rate"] for variant in known["learning-rate"].variants] == [1e-3, 1e-4, 1e-5]
    assert [variant.options["positive_m"] for variant in known["distance"].variants] == [5, 10, 25, 50]
    assert [variant.name for variant in known["size"].variants] == ["160 x 120"]
    for axis in known.values():
        for variant in axis.variants:
            replaced = {**recipe(Path("x.toml")).sections["train"], **variant.options}
            Plan(replace(recipe(Path("x.toml")), sections={"train": replaced}), Given(Path("x")), Path("y")).options  # noqa: B018


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--axis", "heds"], "--axis heds: expected one of learning-rate"),
        (["--size", "big"], "--size big: expected WIDTHxHEIGHT"),
        (["--other-database", "x.csv"], "expected both of them, or neither"),
        (["--set", "epochs"], "--set epochs: expected name=value"),
        (["--set", "epoch=3"], "did you mean 'epochs'"),
    ],
)
def test_misuse(run: Run, street: Path, tmp_path: Path, words: list[str], said: str) -> None:
    done = run("ablate", "street-gem", "--database", street, "--out", tmp_path / "out", *words)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


def test_two_sets_of_one_name(plan: Plan, other: Path) -> None:
    with pytest.raises(InputError, match="two sets are called 'trained on'"):
        ablate(plan, [AXIS], [("trained on", Given(other), Given(other))])
