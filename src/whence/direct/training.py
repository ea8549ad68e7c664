"""From photos to a model."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence import plugins
from whence.describe.seeing import PhotoOptions
from whence.direct.calibration import Calibration, HeldOut
from whence.direct.estimators.estimator import Circumstances, Epoch, Estimator, Examples, Makes, drawn, parts
from whence.direct.model import Model, is_direct
from whence.direct.reading import Described, unfit
from whence.direct.targets.target import Classes, Target
from whence.errors import InputError, RecipeError
from whence.geo.distance import metres_from
from whence.geo.plane import coordinates
from whence.photos import files
from whence.photos.decode import decode
from whence.recipes import Recipe, method_of, options_from
from whence.types import XY, DoubleArray, FloatArray, LatLon, Photo, Position

TOLERANCE_SHARE = 0.1
"""Default tolerance, as a share of the extent of all positions."""
_LEAST = 4
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FitOptions:
    """Section ``[train]`` of a recipe with ``[estimate]``.

    Attributes:
        per_class: Photos of a class that are used, at most, drawn; 0 for all.
        least_photos: Classes with fewer are left out.
        validation: Share of the groups that is held out, for estimators that are trained once only: to end early, and
            to find out what answers are worth.
        folds: For the others: parts of which each is held out once.
        test: Share of the groups that `whence train` asks at the end, unless told what to ask.
        colour_only: Whether grey photos are left out.
    """

    per_class: int = 0
    least_photos: int = 2
    validation: float = 0.1
    folds: int = 5
    test: float = 0.1
    colour_only: bool = False

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            if not 0 < getattr(self, name) < 1:
                raise RecipeError(f"[train] {name} = {getattr(self, name):g}: expected a share between 0 and 1")
        if self.folds < 2:
            raise RecipeError(f"[train] folds = {self.folds}: expected at least 2")


@dataclass(slots=True)
class Fitted:
    """What came of it.

    Attributes:
        model: Ready.
        epochs: Of the training, where there are some.
        classes: Photos of each class.
        too_small: Classes that were left out, with their photos.
        unused: Photos that were left out, with the reasons.
    """

    model: Model
    epochs: list[Epoch] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)
    too_small: dict[str, int] = field(default_factory=dict)
    unused: dict[Path, str] = field(default_factory=dict)


def check(recipe: Recipe) -> tuple[Any, Any, Makes, Any, FitOptions]:
    """The target, the estimator and the options of a recipe: a slip of the pen is told before hours of work.

    Raises:
        RecipeError: A section is missing, or has something unknown.
        MissingExtraError: An estimator that needs one.
    """
    if not is_direct(recipe):
        raise RecipeError(f"recipe {recipe.name} has no [estimate]: it answers by a gallery")
    target, target_options = method_of(plugins.TARGETS, "target", recipe.sections.get("target", {}))
    made, options = method_of(plugins.ESTIMATORS, "estimate", recipe.sections["estimate"])
    if made.takes == "vectors" and not recipe.sections.get("describe"):
        method = recipe.sections["estimate"]["method"]
        raise RecipeError(f"[estimate] method = {method!r} takes vectors of photos; add [describe]")
    return target, target_options, made, options, options_from(FitOptions, "train", recipe.sections.get("train", {}))


def fit(
    recipe: Recipe,
    photos: Sequence[Photo],
    *,
    seed: int = 0,
    workers: int | None = None,
    device: str = "",
    pretrained: bool = True,
    tolerance_m: float | None = None,
    cache: Path | None = None,
    checkpoint: Path | None = None,
    tell: Callable[[Epoch], None] = lambda epoch: None,
    progress: Progress = lambda stage, done, total: None,
) -> Fitted:
    """Trains a model on photos; some of them are held out for a while, whole groups of them.

    Args:
        recipe: With ``[target]`` and ``[estimate]``.
        photos: With what the target needs: positions, or labels.
        seed: Of everything that is drawn.
        workers: Threads; None for one per core.
        device: As torch names it; empty for a graphics card if there is one.
        pretrained: Whether networks begin with published weights.
        tolerance_m: An error up to this counts as right; None for a tenth of the extent of all positions.
        cache: Folder for what was computed of the photos.
        checkpoint: File that the training of a network is kept in after each epoch, and goes on from.
        tell: Called after each epoch of a long training.
        progress: Called now and then with a stage, and how much of it is done of how much.

    Raises:
        InputError: Photos that nothing can be learned from.
        RecipeError: Something in the recipe cannot be used.
        MissingExtraError: Without an extra that it needs.
    """
    kind, target_options, maker, options, chosen = check(recipe)
    workers = workers or os.cpu_count() or 1
    used, target, fitted = _material(kind, target_options, photos, chosen, seed)
    reads = maker.takes == "pictures"
    bad = unfit(used, workers, progress, read=reads, colour_only=chosen.colour_only)
    seen = Described(recipe, used, workers, cache, progress) if maker.takes == "vectors" else None
    rows = np.arange(len(used))
    if seen is not None:
        bad = {**bad, **seen.broken}
    if bad:
        fitted.unused |= {used[row].path: reason for row, reason in bad.items()}
        kept = [row for row in range(len(used)) if row not in bad]
        if not kept:
            path, reason = next(iter(fitted.unused.items()))
            raise InputError(f"none of {len(used):,} photos can be used ({path}: {reason})")
        used, rows = [used[row] for row in kept], rows[kept]
        again, target, later = _material(kind, target_options, used, chosen, seed)
        fitted.too_small |= later.too_small
        fitted.unused |= later.unused
        places = {id(photo): row for row, photo in enumerate(used)}
        rows, used = rows[[places[id(photo)] for photo in again]], again
    if len(used) < _LEAST:
        raise InputError(f"{len(used)} photos to learn from; expected at least {_LEAST}")
    material = _Material(kind, target_options, used, np.array(groups_of(used), np.intp), seen, rows)
    around = Circumstances(
        seed=seed,
        folds=chosen.folds,
        workers=workers,
        device=device,
        pretrained=pretrained,
        cache=cache,
        checkpoint=checkpoint if maker.takes == "pictures" else None,
    )
    epochs: list[Epoch] = fitted.epochs

    def told(epoch: Epoch) -> None:
        epochs.append(epoch)
        tell(epoch)

    progress("training", 0, 1)
    if maker.takes == "pictures":
        max_side = options_from(PhotoOptions, "photos", recipe.sections.get("photos", {})).max_side
        around = replace(around, tell=told)
        estimator, target, held = _once(maker, options, material, target, around, chosen, max_side)
    else:
        around = replace(around, tell=epochs.append)  # a few milliseconds each: nothing to wait for
        estimator, held = _folded(maker, options, material, target, around, progress)
    if isinstance(target, Classes):
        sizes = Counter(target.truth(used)[:, 0].tolist())
        fitted.classes = {name: sizes[number] for number, name in enumerate(target.names)}
    known = [photo.position for photo in used if photo.position is not None]
    calibration, errors = Calibration.learn(held)
    said: dict[str, Any] = {"photos": len(used), "seed": seed, "classes": fitted.classes}
    tolerance = tolerance_m or default_tolerance_m(known)
    describer, seeing = (None, None) if seen is None else (seen.describer, seen.seeing)
    fitted.model = Model(recipe, target, estimator, calibration, tolerance, describer, seeing, said)
    if len(errors):
        within = round(float((errors <= tolerance).mean()), 4)
        fitted.model.said |= {"held_out": len(errors), "held_out_within_tolerance": within}
    return fitted


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """N photos and how they are described, by the row that each has there; and how a target is learned from some of
    them."""

    kind: Any
    options: Any
    photos: Sequence[Photo]
    groups: NDArray[np.intp]
    described: Described | None
    rows: NDArray[np.intp]

    def target(self, rows: NDArray[np.bool_]) -> Target:
        """Learned from some of the photos: what is held out must not say where places are."""
        learned: Target = self.kind.learn(self.options, self._some(rows))
        return learned

    def once(self, target: Target, rows: NDArray[np.bool_]) -> Target:
        """For who learns from some of the photos once and for all: the classes are those of all, so that they can be
        held against others', but only what is learned from says where they are."""
        placed = target.placed_by(self._some(rows)) if isinstance(target, Classes) else None
        return placed or self.target(rows)

    def vectors(self, held: NDArray[np.bool_] | None = None) -> FloatArray:
        """``(N, D)``, by a describer that has not learned from what is held out; ``(N, 0)`` where nothing describes."""
        if self.described is None:
            return np.zeros((len(self.photos), 0), np.float32)
        if held is None:
            return self.described.vectors[self.rows]
        out = np.zeros(len(self.described.vectors), np.bool_)
        out[self.rows[held]] = True
        return self.described.without(out)[self.rows]

    def examples(self, target: Target, rows: NDArray[np.bool_], vectors: FloatArray) -> Examples:
        """Some of the photos, as a target has them; those that it has no class for are left out."""
        photos = self._some(rows)
        truth = target.truth(photos)
        known = _known(truth)
        paths = [photo.path for photo in photos]
        found = Examples(vectors[rows], paths, truth, np.ones(len(photos)), self.groups[rows])
        return found if known.all() else found.only(known)

    def held_out(self, target: Target, outputs: DoubleArray, rows: NDArray[np.bool_]) -> HeldOut:
        """Outputs for some of the photos."""
        photos = self._some(rows)
        return HeldOut(target, outputs, target.truth(photos), [photo.position for photo in photos])

    def _some(self, rows: NDArray[np.bool_]) -> list[Photo]:
        return [photo for photo, chosen in zip(self.photos, rows, strict=True) if chosen]


def _known(truth: NDArray[Any]) -> NDArray[np.bool_]:
    """``(N,)``: of which photos a target has something to say."""
    return np.asarray(truth[:, 0] >= 0 if truth.dtype.kind == "i" else np.isfinite(truth).all(axis=1))


_ONE_GROUP = (
    "all photos are of one group; some have to be held out, to find out what answers are worth: expected at least two"
)


def _once(
    maker: Makes,
    options: Any,
    material: _Material,
    target: Target,
    around: Circumstances,
    chosen: FitOptions,
    max_side: int,
) -> tuple[Estimator, Target, list[HeldOut]]:
    """Trained once, with one part held out, whose photos are asked as any are, ``max_side`` pixels wide or high."""
    held = drawn(material.groups, chosen.validation, around.seed)
    if held.all():
        raise InputError(_ONE_GROUP)
    target = material.once(target, ~held)
    none = material.vectors()
    examples, checked = material.examples(target, ~held, none), material.examples(target, held, none)
    estimator = maker.fit(options, examples, checked if len(checked) else None, target, around)
    asked = [photo for photo, out in zip(material.photos, held, strict=True) if out]
    outputs = [estimator.of_picture(decode(files.read(photo.path), max_side=max_side).pixels) for photo in asked]
    return estimator, target, [material.held_out(target, np.stack(outputs), held)]


def _folded(
    maker: Makes, options: Any, material: _Material, target: Target, around: Circumstances, progress: Progress
) -> tuple[Estimator, list[HeldOut]]:
    """Trained with all, and once without each part."""
    part = parts(material.groups, around.folds, around.seed)
    if not part.any():
        raise InputError(_ONE_GROUP)
    every = np.ones(len(part), np.bool_)
    examples = material.examples(target, every, material.vectors())
    untold = replace(around, tell=lambda epoch: None)
    options = maker.settled(options, examples, target, untold)
    held = []
    for number in range(part.max() + 1):
        progress("training", number, part.max() + 2)
        rows = part == number
        try:
            own = material.target(~rows)
        except InputError:  # too little is left without this part: it has no say in what answers are worth
            continue
        vectors = material.vectors(rows)
        learned = maker.fit(options, material.examples(own, ~rows, vectors), None, own, untold)
        held.append(material.held_out(own, np.asarray(learned.outputs(vectors[rows])), rows))
    if not held:
        raise InputError("too few photos: without any part of them nothing is left to learn from")
    return maker.fit(options, examples, None, target, around), held


def _material(
    kind: Any, options: Any, photos: Sequence[Photo], chosen: FitOptions, seed: int
) -> tuple[list[Photo], Target, Fitted]:
    """Photos that the target has something to say of, and the target that was learned from them."""
    fitted = Fitted(None)  # type: ignore[arg-type]
    if not photos:
        raise InputError("no photos to learn from")
    if len({type(photo.position) for photo in photos if photo.position is not None}) > 1:
        raise InputError("photos have positions of two kinds, degrees and metres: they cannot be learned together")
    target: Target = kind.learn(options, photos)
    truth = target.truth(photos)
    known = _known(truth)
    fitted.unused = {
        photo.path: "nothing that [target] asks for is known of it"
        for photo, there in zip(photos, known, strict=True)
        if not there
    }
    used = [photo for photo, there in zip(photos, known, strict=True) if there]
    if truth.dtype.kind != "i":
        return used, target, fitted
    numbers = truth[known, 0]
    sizes = Counter(numbers.tolist())
    assert isinstance(target, Classes)
    names = target.names
    fitted.too_small = {names[number]: size for number, size in sizes.items() if size < chosen.least_photos}
    large = {number for number, size in sizes.items() if size >= chosen.least_photos}
    if len(large) < 2:
        raise InputError(
            f"{len(large)} of {len(sizes)} classes have {chosen.least_photos} photos or more; expected at least two to "
            "tell apart"
        )
    taken = dict.fromkeys(large, 0)
    order = np.random.default_rng(seed).permutation(len(used))
    chosen_rows = []
    for row in order.tolist():
        number = int(numbers[row])
        if number in large and not (chosen.per_class and taken[number] >= chosen.per_class):
            taken[number] += 1
            chosen_rows.append(row)
    kept = [used[row] for row in sorted(chosen_rows)]
    if len(kept) < len(used):
        target = kind.learn(options, kept)
    return kept, target, fitted


def groups_of(photos: Sequence[Photo]) -> list[int]:
    """Numbers of the photos' groups; those without one are with those of exactly their position."""
    names = [
        photo.group if photo.group is not None else photo.position if photo.position is not None else row
        for row, photo in enumerate(photos)
    ]
    order: dict[Any, int] = {}
    return [order.setdefault(name, len(order)) for name in names]


def default_tolerance_m(positions: Sequence[Position]) -> float:
    """A tenth of the extent of some positions, to one digit."""
    share = max(TOLERANCE_SHARE * extent_m(positions), 1e-3)
    return float(f"{share:.0e}")


def extent_m(positions: Sequence[Position]) -> float:
    """Metres across the box around some positions."""
    if not positions:
        return 0.0
    points = coordinates(positions)
    low, high = points.min(axis=0), points.max(axis=0)
    if isinstance(positions[0], LatLon):
        turned = (points[:, 1] + 360) % 360  # the box that does not go around the other side of the earth
        if np.ptp(turned) < np.ptp(points[:, 1]):
            low[1], high[1] = turned.min(), turned.max()
        corner: Position = LatLon(*low.tolist())
    else:
        corner = XY(*low.tolist())
    across = metres_from(corner, high[None])[0]
    # a box may reach around the earth: no two of its points are farther apart than those across the middle
    middle = points[len(points) // 2]
    spread = metres_from(LatLon(*middle.tolist()) if isinstance(positions[0], LatLon) else XY(*middle.tolist()), points)
    return float(max(across, spread.max()))
