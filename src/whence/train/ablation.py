"""Many trainings that differ in one thing each, side by side: by options, by augmentation, by heads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np

from whence.errors import InputError
from whence.evaluate.inputs import Given
from whence.metrics.outcomes import Figure
from whence.metrics.resampling import bootstrap
from whence.metrics.statistics import Mean
from whence.nets import weights
from whence.nets.pictures import Pictures
from whence.nets.running import Runner
from whence.nets.running import device as device_of
from whence.train.loop import NETWORK, UNTRAINED, Epoch
from whence.train.material import Task, gather, read
from whence.train.options import RECALL_AT
from whence.train.running import SUMMARY, Plan, Progress, train
from whence.train.validation import first_hits
from whence.types import FloatArray, Photo

TEST_M = (5.0, 10.0, 25.0, 50.0)
HEADS = ("average", "gem", "netvlad", "crn", "crn2")
_TIMED, _AT_ONCE, _DRAWS = 20, 32, 2000


@dataclass(frozen=True, slots=True)
class Variant:
    """One training of an axis.

    Attributes:
        name: In tables, and of its folder.
        options: Of ``[train]`` that it sets.
        head: In the place of the recipe's own.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    head: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Axis:
    """What is varied.

    Attributes:
        name: As asked for.
        title: In tables.
        variants: In their order.
    """

    name: str
    title: str
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """A network on one set, before training and after. For each distance in metres, for each N, with intervals.

    Attributes:
        name: Of the set.
        queries: That were asked.
        before: Share of queries found among the first N by the network as training began.
        after: The same, trained.
        gain: Their difference; its interval is of the same resamplings, so that it says whether training helped.
    """

    name: str
    queries: int
    before: dict[float, dict[int, Figure]]
    after: dict[float, dict[int, Figure]]
    gain: dict[float, dict[int, Figure]]


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a variant.

    Attributes:
        variant: Its name.
        dimension: Of its vectors.
        parameters: Of all, and of the mask.
        epochs: That it was trained.
        best: The best of them.
        tests: On each set.
        seconds: To describe one photo, alone, on the device.
    """

    variant: str
    dimension: int
    parameters: int
    mask_parameters: int
    epochs: int
    best: int
    tests: tuple[Tested, ...]
    seconds: float


def axes(sizes: Sequence[tuple[int, int]]) -> dict[str, Axis]:
    """Those of the publication, and the heads; input sizes as given."""
    return {
        "learning-rate": Axis(
            "learning-rate",
            "Learning rate",
            tuple(Variant(f"{rate:.0e}", {"learning_rate": rate}) for rate in (1e-3, 1e-4, 1e-5)),
        ),
        "distance": Axis(
            "distance",
            "Positive distance in training",
            tuple(
                Variant(f"{metres:g} m", {"positive_m": metres, "negative_m": max(metres, 25.0)}) for metres in TEST_M
            ),
        ),
        "augmentation": Axis(
            "augmentation",
            "Augmentation",
            (
                Variant("none"),
                Variant("colour jitter", {"jitter": 0.3}),
                Variant("flip", {"flip": True}),
                Variant("random erasing", {"erase": 0.5}),
                Variant("random resized crop", {"crop": 0.6}),
                Variant("rotation", {"rotate_deg": 10.0}),
                Variant("all", {"jitter": 0.3, "flip": True, "erase": 0.5, "crop": 0.6, "rotate_deg": 10.0}),
            ),
        ),
        "size": Axis(
            "size",
            "Input size",
            tuple(Variant(f"{w} x {h}", {"width_px": w, "height_px": h}) for w, h in sizes),
        ),
        "heads": Axis("heads", "Head", tuple(Variant(name, head={"method": name}) for name in HEADS)),
    }


def ablate(
    plan: Plan,
    chosen: Iterable[Axis],
    others: Sequence[tuple[str, Given, Given]] = (),
    *,
    tell: Callable[[str, Epoch], None] = lambda name, epoch: None,
    progress: Progress | None = None,
) -> dict[str, list[Row]]:
    """Trains and tests every variant of every axis; those that an earlier run finished are not trained again.

    Args:
        plan: Of the training that they vary; ``out`` becomes the folder of all.
        chosen: What is varied.
        others: Name, database and queries of sets that the networks are tested on besides the one trained on.
        tell: Called after each epoch, with the variant's name.
        progress: As for ``train``.

    Returns:
        For each axis its rows, in their order.

    Raises:
        InputError: See ``train``; or a set cannot be read.
    """
    material = gather(plan.database, plan.queries, plan.validation, plan.hold_out, plan.seed)
    sets = {"trained on": material.validation}
    for name, database, queries in others:
        if name in sets:
            raise InputError(f"two sets are called {name!r}: give them names of their own")
        sets[name] = Task(read(database), read(queries))
    found: dict[str, list[Row]] = {}
    for axis in chosen:
        found[axis.name] = []
        for variant in axis.variants:
            own = _own(plan, axis, variant)
            train(own, tell=lambda epoch, name=variant.name: tell(name, epoch), progress=progress)  # type: ignore[misc]
            found[axis.name].append(_row(own, variant, sets))
    return found


def _own(plan: Plan, axis: Axis, variant: Variant) -> Plan:
    section = {**plan.recipe.sections.get("train", {}), **variant.options}
    recipe = replace(plan.recipe, sections={**plan.recipe.sections, "train": section})
    folder = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in variant.name)
    return replace(plan, recipe=recipe, out=plan.out / axis.name / folder, head=variant.head or plan.head)


def _row(plan: Plan, variant: Variant, sets: Mapping[str, Task]) -> Row:
    trained, untrained = weights.load(plan.out / NETWORK), weights.load(plan.out / UNTRAINED)
    summary = json.loads((plan.out / SUMMARY).read_text("utf-8"))
    counts, on = trained.counts(), device_of(plan.device)
    before, after = Runner(untrained, on), Runner(trained, on)
    pictures = Pictures(trained.architecture.input, plan.workers or os.cpu_count() or 1)
    try:
        return Row(
            variant.name,
            trained.dimension,
            counts["parameters"],
            counts["mask_parameters"],
            int(summary["epochs"]),
            int(summary["best_epoch"]),
            tuple(_tested(name, task, before, after, pictures, plan.options.test_m) for name, task in sets.items()),
            _seconds(after),
        )
    finally:
        pictures.close()


def _tested(name: str, task: Task, before: Runner, after: Runner, pictures: Pictures, own_m: float) -> Tested:
    groups: dict[str, int] = {}
    cluster = [groups.setdefault(photo.group or f"photo {row}", len(groups)) for row, photo in enumerate(task.queries)]
    vectors = [[_vectors(photos, one, pictures) for photos in (task.queries, task.database)] for one in (before, after)]
    figures: list[dict[float, dict[int, Figure]]] = [{}, {}, {}]
    for metres in sorted({own_m, *TEST_M}):
        old, new = (first_hits(task, asked, found, metres) for asked, found in vectors)
        for n in RECALL_AT:
            hits = [(first < n).astype(np.float64) for first in (old, new)]
            for made, values in zip(figures, (*hits, hits[1] - hits[0]), strict=True):
                mean = Mean(values, np.ones(len(values), np.bool_))
                made.setdefault(metres, {})[n] = bootstrap(mean, len(values), cluster=cluster, draws=_DRAWS)
    return Tested(name, len(task.queries), *figures)


def _vectors(photos: Sequence[Photo], runner: Runner, pictures: Pictures) -> FloatArray:
    """``(N, D)``; NaN for photos that cannot be read."""
    vectors = np.full((len(photos), runner.dimension), np.nan, np.float32)
    for start in range(0, len(photos), _AT_ONCE):
        read = pictures.read([photo.path for photo in photos[start : start + _AT_ONCE]])
        whole = [(start + place, image) for place, image in enumerate(read) if image is not None]
        if whole:
            vectors[[row for row, _ in whole]] = runner.vectors([image for _, image in whole])
    return vectors


def _seconds(runner: Runner) -> float:
    """Median time of one photo, alone."""
    photo = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    runner.vector(photo)
    times = []
    for _ in range(_TIMED):
        start = perf_counter()
        runner.vector(photo)
        times.append(perf_counter() - start)
    return float(np.median(times))
