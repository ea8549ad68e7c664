"""Heads of networks side by side: ``python benchmarks/heads.py [times] [getty] [gardens]``.

``times`` holds the time a photo takes with each head against that with NetVLAD, at the published size, in turns. The
others train a small network with each head from weights at random, on photos named by WHENCE_DATA: ``getty`` on a
museum, split by position, and tested at positions that played no part; ``gardens`` on a walk by day and by night, every
other stretch of ten frames held out. Both take long; what was finished is kept in the folder named by
WHENCE_BENCH_OUT, if any.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from whence.evaluate.inputs import Given
from whence.nets.architecture import Architecture
from whence.nets.network import Network
from whence.nets.running import Runner, device
from whence.recipes import Recipe, load_recipe
from whence.train.ablation import HEADS, ablate, axes
from whence.train.running import Plan
from whence.train.tables import write

NETWORK = """backbone = "test_resnet"
stage = "layer3"
head = { method = "gem" }
input = { width_px = 96, height_px = 72 }
"""
COMMON = {"pool": 600, "negatives": 5, "batch": 16, "learning_rate": 5e-4, "schedule": "cosine", "patience": 99}
ROOMS = {"epochs": 8, "queries_per_epoch": 1400, "mine_every": 350, "negative_m": 25.0}
WALK = {"epochs": 40, "queries_per_epoch": 200, "mine_every": 100, "negative_m": 10.0}
ROUNDS = 15


def main(names: Sequence[str]) -> None:
    """Prints a table of each."""
    named = os.environ.get("WHENCE_BENCH_OUT")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(named or folder)
        parts: dict[str, Callable[[Path], None]] = {"times": _times, "getty": _getty, "gardens": _gardens}
        for name in names or parts:
            print(f"\n{name}\n", flush=True)
            (out / name).mkdir(parents=True, exist_ok=True)
            parts[name](out / name)


def _times(out: Path) -> None:
    """ResNet-18 up to its 256 channels, 640 x 480, one photo after the other."""
    picture = {"width_px": 640, "height_px": 480}
    runners = {}
    for head in HEADS:
        table = {"backbone": "resnet18", "stage": "layer3", "head": {"method": head}, "input": picture}
        runners[head] = Runner(Network(Architecture.of(table, head)), device())
    photo = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    seconds: dict[str, list[float]] = {head: [] for head in HEADS}
    for _ in range(ROUNDS):
        for head, runner in runners.items():
            start = perf_counter()
            runner.vector(photo)
            seconds[head].append(perf_counter() - start)
    print("| head | ms a photo | beside NetVLAD |\n|---|---|---|")
    base = np.array(seconds["netvlad"][1:])
    for head, found in seconds.items():
        times = np.array(found[1:])
        print(f"| {head} | {np.median(times) * 1e3:.1f} | {np.median(times / base):.2f} |")


def _recipe(out: Path, options: Mapping[str, object], near: float) -> Recipe:
    plan = out / "network.toml"
    plan.write_text(NETWORK, encoding="utf-8")
    street = load_recipe("street-gem")
    describe = {"method": "network", "model": str(plan)}
    distances = {"positive_m": near, "test_m": near}
    return replace(
        street,
        name="small",
        sections={**street.sections, "describe": describe, "train": {**COMMON, **options, **distances}},
    )


def _getty(out: Path) -> None:
    folder = Path(os.environ["WHENCE_DATA"]) / "getty"
    database, queries = Given(folder / "database.csv"), Given(folder / "queries.csv")
    _compare(Plan(_recipe(out, ROOMS, 5.0), database, out), [("other positions", database, queries)])


def _gardens(out: Path) -> None:
    """Day and night asked of the day: every other stretch of ten frames is held out."""
    folder = Path(os.environ["WHENCE_DATA"]) / "gardens_point"
    rows: dict[tuple[str, str], list[dict[str, str]]] = {}
    for name in ("day_left", "day_right", "night_right"):
        text = (folder / f"{name}.csv").read_text(encoding="utf-8-sig")
        for row in csv.DictReader(text.splitlines()):
            stretch = int(row["frame"]) // 10
            part = "held" if stretch % 2 else "rest"
            said = {"path": str(folder / row["path"]), "x": row["x"], "y": row["y"], "group": f"stretch {stretch}"}
            rows.setdefault((name, part), []).append(said)

    def table(name: str, *chosen: tuple[str, str]) -> Given:
        path = out / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            written = csv.DictWriter(stream, ("path", "x", "y", "group"))
            written.writeheader()
            written.writerows(row for part in chosen for row in rows[part])
        return Given(path)

    whole = table("database", ("day_left", "rest"), ("day_left", "held"))
    plan = Plan(
        _recipe(out, WALK, 2.0),
        table("training-database", ("day_left", "rest")),
        out,
        queries=table("training-queries", ("day_right", "rest"), ("night_right", "rest")),
        validation=(whole, table("held", ("day_right", "held"), ("night_right", "held"))),
    )
    parts = {"of these by day": "day_right", "of these by night": "night_right"}
    _compare(plan, [(words, whole, table(f"held-{name}", (name, "held"))) for words, name in parts.items()])


def _compare(plan: Plan, others: Sequence[tuple[str, Given, Given]] = ()) -> None:
    known = axes([])

    def tell(name: str, epoch: object) -> None:
        print(f"{name}: {epoch}", file=sys.stderr, flush=True)

    found = ablate(replace(plan, pretrained=False), [known["heads"]], others, tell=tell)
    print(write(found, known, plan.options.test_m, plan.out), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
