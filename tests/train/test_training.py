"""Training as a whole: it learns, goes on where it was stopped, and copes with bad photos."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from walks import recipe, seen, write_plan, write_street

import whence
from samples import Run
from whence.errors import InputError, ModelError, RecipeError
from whence.evaluate.inputs import Given
from whence.nets import weights
from whence.recipes import Recipe, load_recipe
from whence.train.loop import Epoch, Trained, _rank
from whence.train.running import Plan, train

MADE = {
    ".lock",
    "checkpoint.pt",
    "curves.png",
    "log.csv",
    "network.safetensors",
    "recipe.toml",
    "tensorboard",
    "training.json",
    "untrained.safetensors",
}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street(tmp_path_factory.mktemp("street"))


@pytest.fixture
def plan(street: Path, tmp_path: Path) -> Callable[..., Plan]:
    """A training of a small network; options of ``[train]`` by name."""

    def made(out: str = "out", head: str = "gem", table: Path = street, **options: Any) -> Plan:
        network = write_plan(tmp_path / f"{head}.toml", head)
        return Plan(recipe(network, **options), Given(table), tmp_path / out, hold_out=0.25, workers=2, device="cpu")

    return made


def state(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(folder / "checkpoint.pt", weights_only=True)["network"]
    return found


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("head", ["gem", "netvlad", "crn"])
def test_training_makes_the_loss_smaller_and_leaves_what_is_needed(plan: Callable[..., Plan], head: str) -> None:
    told: list[Epoch] = []
    made = plan(head=head, epochs=6)
    found = train(made, tell=told.append)
    assert [epoch.number for epoch in told] == list(range(7))
    assert found.epochs == told or [e.number for e in found.epochs] == [e.number for e in told]
    losses = [epoch.loss for epoch in found.epochs[1:]]
    assert min(losses[-2:]) < 0.8 * losses[0]
    assert found.recall[1] >= found.epochs[0].recall[1]
    assert {entry.name for entry in made.out.iterdir()} == MADE
    rows = list(csv.DictReader((made.out / "log.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["epoch"] for row in rows] == [str(n) for n in range(7)]
    said = json.loads((made.out / "training.json").read_text())
    assert (said["best_epoch"], said["epochs"]) == (found.best, 6)
    curves = cv2.imread(str(made.out / "curves.png"))
    assert curves is not None
    assert curves.std() > 5
    best = weights.said_of(made.out / "network.safetensors")
    assert best["epoch"] == found.best
    assert not same(weights.load(made.out / "untrained.safetensors").state_dict(), state(made.out))


def test_what_was_trained_locates_photos(plan: Callable[..., Plan], street: Path, tmp_path: Path) -> None:
    made = plan(head="netvlad")
    train(made)
    whence.index(street, tmp_path / "gallery", recipe=str(made.out / "recipe.toml"), tolerance_m=5)
    locator = whence.Locator(whence.Gallery.open(tmp_path / "gallery"))
    image = seen(3, 99)
    best = locator.locate(image).candidates[0]
    assert best.position.x == 120.0  # type: ignore[union-attr]


def test_a_seed_decides_everything(plan: Callable[..., Plan]) -> None:
    first, second, other = plan("a", jitter=0.2), plan("b", jitter=0.2), replace(plan("c", jitter=0.2), seed=1)
    for made in (first, second, other):
        train(made)
    assert same(state(first.out), state(second.out))
    assert not same(state(first.out), state(other.out))


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_a_stopped_training_goes_on_as_if_nothing_had_been(plan: Callable[..., Plan], schedule: str) -> None:
    whole, parts = (plan(out, epochs=4, schedule=schedule, step_epochs=1, erase=0.5) for out in ("whole", "parts"))
    expected = train(whole)

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(parts, tell=stop)
    found = train(parts)
    assert (found.resumed, found.best) == (2, expected.best)
    assert same(state(whole.out), state(parts.out))
    for a, b in zip(found.epochs[1:], expected.epochs[1:], strict=True):
        assert (a.number, a.loss, a.recall, a.learning_rate) == (b.number, b.loss, b.recall, b.learning_rate)
    rates = [epoch.learning_rate for epoch in found.epochs[1:]]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4


def test_a_finished_training_is_not_done_again_but_may_be_given_more(plan: Callable[..., Plan]) -> None:
    made = plan(epochs=1)
    train(made)
    told: list[Epoch] = []
    again = train(made, tell=told.append)
    assert (again.resumed, told) == (1, [])
    more = train(plan(epochs=2), tell=told.append)
    assert (more.resumed, [epoch.number for epoch in told]) == (1, [2])


def test_training_ends_when_validation_gets_no_better(plan: Callable[..., Plan]) -> None:
    found = train(plan(epochs=20, patience=2, learning_rate=1e-12))
    assert found.ended_early
    assert (found.best, len(found.epochs)) == (0, 3)


@pytest.mark.slow
def test_killed_in_the_middle(plan: Callable[..., Plan], tmp_path: Path, street: Path) -> None:
    whole = plan("whole", epochs=3)
    train(whole)
    made = plan("killed", epochs=3)
    words = ["whence", "train", *command(made, street, tmp_path)]
    child = subprocess.Popen(
        [sys.executable, "-c", "from whence.cli import script; script()", *words[1:]], stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    for told in child.stderr:
        if told.startswith("epoch 1:"):
            child.send_signal(signal.SIGKILL)
    child.wait()
    child.stderr.close()
    assert child.returncode == -signal.SIGKILL
    assert train(made).resumed in (1, 2)
    assert same(state(whole.out), state(made.out))


def command(made: Plan, street: Path, folder: Path) -> list[str]:
    """The words that ask for a plan of this module."""
    path = folder / "quick.toml"
    sections = {**made.recipe.sections}
    lines = []
    for name, section in sections.items():
        if section:
            lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    path.write_text("\n".join(['summary = "Quick."', *lines]), encoding="utf-8")
    more = ["--hold-out", "0.25", "--workers", "2", "--device", "cpu", "--out", str(made.out)]
    return [str(path), "--database", str(street), *more]


def test_on_the_command_line(run: Run, plan: Callable[..., Plan], street: Path, tmp_path: Path) -> None:
    made = plan(epochs=1)
    words = command(made, street, tmp_path)
    done = run("train", *words)
    assert done.code == 0
    assert done.out.splitlines()[-1] == f"whence index PHOTOS --recipe {made.out / 'recipe.toml'}"
    assert "epoch 1: loss" in done.err
    other = run("train", *words, "--set", "learning_rate=0.5")
    assert other.code == 2
    assert "is of another training: learning_rate was 0.001, now it is 0.5" in other.err
    assert other.err.count("\n") == 1


def test_bad_photos_do_not_end_an_epoch(plan: Callable[..., Plan], tmp_path: Path) -> None:
    table = write_street(tmp_path / "bad")
    for name in ("002-1.png", "005-0.png"):
        path = table.parent / name
        path.write_bytes(path.read_bytes()[:200])
    (table.parent / "007-2.png").unlink()
    found = train(plan(table=table))
    assert {path.name for path in found.unreadable} == {"002-1.png", "005-0.png", "007-2.png"}
    assert all(epoch.triplets for epoch in found.epochs[1:])


def test_queries_without_a_photo_of_their_place_are_counted(
    plan: Callable[..., Plan], street: Path, tmp_path: Path
) -> None:
    far = write_street(tmp_path / "far", places=14)  # two places that the database does not have
    made = replace(plan(epochs=1), queries=Given(far), validation=(Given(street), Given(far)))
    assert train(made).without_positive == 6


def altered(street: Path, folder: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> Path:
    rows = [change(row) for row in csv.DictReader(street.read_text(encoding="utf-8").splitlines())]
    path = folder / "altered.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, rows[0].keys())
        table.writeheader()
        table.writerows([{**row, "path": str(street.parent / row["path"])} for row in rows])
    return path


def test_what_there_is_nothing_to_learn_from(plan: Callable[..., Plan], street: Path, tmp_path: Path) -> None:
    one = altered(street, tmp_path, lambda row: {**row, "x": "0", "y": row["y"]})
    with pytest.raises(InputError, match="a single place"):
        train(plan(table=one))
    with pytest.raises(InputError, match=r"none of the 27 queries has a database photo within 0\.5 m"):
        train(plan(positive_m=0.5))
    with pytest.raises(InputError, match="none of the 9 validation queries"):
        train(plan(test_m=1e-3))


def test_another_architecture_does_not_go_on(plan: Callable[..., Plan]) -> None:
    train(plan(epochs=1))
    with pytest.raises(InputError, match="is of another training: network was"):
        train(plan(head="netvlad"))
    train(plan("other", head="netvlad", epochs=1))
    network = weights.load(plan("other").out / "network.safetensors")
    with pytest.raises(ModelError, match="of another network than this one"):
        weights.fill(network, weights.tensors(plan().out / "network.safetensors"), "gem")


def test_other_photos_and_other_weights_do_not_go_on(plan: Callable[..., Plan], street: Path, tmp_path: Path) -> None:
    """As many photos, elsewhere: nothing that was learned or validated would mean the same."""
    train(plan(epochs=1))
    moved = altered(street, tmp_path, lambda row: {**row, "x": str(float(row["x"]) + 1)})
    with pytest.raises(InputError, match="is of another training: photos was"):
        train(plan(table=moved))
    first = plan("first", epochs=1)
    train(first)
    made = [
        replace(plan("second", epochs=1), recipe=of_network(first.recipe, first.out / name))
        for name in ("network.safetensors", "untrained.safetensors")
    ]
    train(made[0])
    with pytest.raises(InputError, match="is of another training: weights was"):
        train(made[1])


def of_network(made: Recipe, network: Path) -> Recipe:
    describe = {"method": "network", "model": str(network)}
    return replace(made, sections={**made.sections, "describe": describe})


def test_from_scratch_forgets_what_a_network_knew(plan: Callable[..., Plan]) -> None:
    first = plan("first", epochs=1)
    train(first)
    again = replace(plan("again", epochs=1), recipe=of_network(first.recipe, first.out / "network.safetensors"))
    train(replace(again, pretrained=False))
    assert same(state(again.out), state(first.out))  # the same random weights, and all that followed
    head = replace(plan("head", epochs=1), recipe=again.recipe, head={"method": "netvlad"})
    train(head)
    body, before = state(head.out), weights.load(first.out / "network.safetensors").state_dict()
    assert {name for name in before if name.startswith("backbone")} == {name for name in body if "backbone" in name}


def test_a_training_that_falls_apart_says_so(plan: Callable[..., Plan]) -> None:
    made = plan(optimiser="sgd", learning_rate=1e30)
    with pytest.raises(InputError, match="the training fell apart"):
        train(made)
    assert (made.out / "checkpoint.pt").exists()


def test_where_one_figure_is_full_another_decides(plan: Callable[..., Plan]) -> None:
    rows = [(0.5, 1.0), (0.8, 1.0), (0.7, 1.0)]
    epochs = [Epoch(n, 0.1, 9, {1: one, 5: five, 10: 1.0, 20: 1.0}, 1e-3, 0.0) for n, (one, five) in enumerate(rows)]
    assert max(epochs, key=lambda epoch: _rank(epoch, 5)).number == 1


def test_one_training_at_a_time(plan: Callable[..., Plan]) -> None:
    made = plan()

    def other(epoch: Epoch) -> None:
        if epoch.number == 1:
            with pytest.raises(InputError, match="another training is at work in"):
                train(made)

    assert len(train(made, tell=other).epochs) == 3


def test_what_comes_of_it_can_be_used_wherever_it_lies(plan: Callable[..., Plan], street: Path, tmp_path: Path) -> None:
    made = plan('smile \U0001f600 "quoted"', epochs=1)
    train(made)
    report = whence.index(street, tmp_path / "gallery", recipe=str(made.out / "recipe.toml"), tolerance_m=5)
    assert report.added == 36
    with pytest.raises(RecipeError, match=r"\[retrieve\] names no method"):
        train(replace(made, recipe=replace(made.recipe, sections={**made.recipe.sections, "retrieve": {}})))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a graphics card here")
def test_a_graphics_card_that_is_not_there(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="device cuda: torch finds none here"):
        train(replace(plan(), device="cuda"))
    monkeypatch.setenv("WHENCE_DEVICE", "cuda:3")
    with pytest.raises(InputError, match="device cuda:3"):
        train(replace(plan(), device=""))
    with pytest.raises(InputError, match="expected cpu, cuda"):
        train(replace(plan(), device="gpu7"))


def test_weights_that_are_not_there(networks: Path, tmp_path: Path, street: Path) -> None:
    made = Plan(load_recipe("street-gem"), Given(street), tmp_path / "out")
    with pytest.raises((ModelError, InputError)):
        train(made)
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def test_a_recipe_without_a_network(street: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="recipe default has no network to train"):
        train(Plan(load_recipe("default"), Given(street), tmp_path))


def test_freezing_and_starting_from_ones_own_network(plan: Callable[..., Plan]) -> None:
    train(plan("first", epochs=1))
    first = plan("first").out / "network.safetensors"
    made = plan("second", epochs=1, freeze="layer1")
    made = replace(
        made,
        recipe=replace(
            made.recipe, sections={**made.recipe.sections, "describe": {"method": "network", "model": str(first)}}
        ),
    )
    train(made)
    before, after = weights.load(first).state_dict(), state(made.out)
    moved = {name.split(".")[0] for name in after if not torch.equal(before[name], after[name])}
    assert moved == {"head"}


@pytest.mark.slow
def test_two_processes_train_together(street: Path, tmp_path: Path) -> None:
    """The same each time, as one process would: neither steps on the other's weights."""
    code = f"""
from pathlib import Path
import sys
sys.path[:0] = {sys.path!r}
from walks import recipe, write_plan
from whence.errors import InputError
from whence.evaluate.inputs import Given
from whence.train.running import Plan, train
if __name__ == "__main__":
    network = write_plan(Path({str(tmp_path)!r}) / "gem.toml")
    for out in ("two", "again"):
        plan = Plan(recipe(network), Given(Path({str(street)!r})), Path({str(tmp_path)!r}) / out, hold_out=0.25,
                    device="cpu", devices=2, workers=1)
        found = train(plan)
        print(len(found.epochs), found.epochs[-1].triplets + found.without_positive)
    try:
        train(Plan(recipe(network, learning_rate=1e30, optimiser="sgd"), Given(Path({str(street)!r})),
                   Path({str(tmp_path)!r}) / "bad", hold_out=0.25, device="cpu", devices=2, workers=1))
    except InputError as error:
        print(str(error)[:23])
"""
    script = tmp_path / "two.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["3 27", "3 27", "the training fell apart"]
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert "deprecated" not in done.stderr
    assert {entry.name for entry in (tmp_path / "two").iterdir()} == MADE
    assert same(state(tmp_path / "two"), state(tmp_path / "again"))
    steps = [int(value) for name, value in state(tmp_path / "two").items() if name.endswith("num_batches_tracked")]
    assert set(steps) == {1 + 2 * 4}  # a batch of statistics first, then two epochs of four steps for 26 queries


def test_trained_is_what_the_best_epoch_was() -> None:
    epochs = [Epoch(n, 0.0, 0, dict.fromkeys((1, 5, 10, 20), share), 1e-3, 0.0) for n, share in enumerate((0.1, 0.4))]
    assert Trained(epochs, best=1).recall[5] == 0.4
