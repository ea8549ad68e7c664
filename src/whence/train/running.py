"""Training by a recipe: from photos to a network and a recipe that uses it."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch.multiprocessing.spawn import ProcessRaisedException

from whence import errors, plugins
from whence.errors import InputError, RecipeError, first_line
from whence.evaluate.inputs import Given
from whence.nets import opening
from whence.nets.architecture import Architecture
from whence.nets.network import Network
from whence.nets.running import device as device_of
from whence.photos import files
from whence.recipes import Recipe, method_of, options_from
from whence.train.curves import draw
from whence.train.loop import NETWORK, Epoch, Trained, Training, check
from whence.train.material import Material, gather
from whence.train.options import TrainOptions

RECIPE, CURVES, SUMMARY, LOCK = "recipe.toml", "curves.png", "training.json", ".lock"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained, and with what.

    Attributes:
        recipe: With sections ``[describe]`` (method ``network``) and ``[train]``.
        database: Photos with positions.
        out: Folder of what comes of it.
        queries: Photos with positions; None for the database's own.
        validation: Database and queries to validate with; None to hold out a share.
        hold_out: That share.
        pretrained: Whether the backbone begins with published weights.
        seed: Of everything that is drawn.
        device: As torch names it; empty for a graphics card if there is one.
        devices: How many of them on each machine.
        nodes: Machines.
        workers: Threads that read photos; None for one per core.
        head: In the place of the recipe's own: a table as in ``Architecture.of``.
    """

    recipe: Recipe
    database: Given
    out: Path
    queries: Given | None = None
    validation: tuple[Given, Given] | None = None
    hold_out: float = 0.2
    pretrained: bool = True
    seed: int = 0
    device: str = ""
    devices: int = 1
    nodes: int = 1
    workers: int | None = None
    head: Mapping[str, Any] | None = None

    @property
    def model(self) -> str:
        """The network that is trained.

        Raises:
            RecipeError: The recipe has none.
        """
        section = self.recipe.sections["describe"]
        if section.get("method") != "network" or not isinstance(section.get("model"), str):
            raise RecipeError(
                f"recipe {self.recipe.name} has no network to train: expected [describe] method = 'network' and "
                "model = '...', such as `street-gem` has"
            )
        return str(section["model"])

    @property
    def options(self) -> TrainOptions:
        """How; weights at random are worth keeping nowhere.

        Raises:
            RecipeError: An unknown option, or one out of range.
        """
        options = options_from(TrainOptions, "train", self.recipe.sections.get("train", {}))
        return options if self.pretrained else replace(options, freeze="")


def train(plan: Plan, *, tell: Callable[[Epoch], None] | None = None, progress: Progress | None = None) -> Trained:
    """Trains, or goes on from where an earlier run ended; see ``whence train``.

    Args:
        plan: What, with what.
        tell: Called after each epoch.
        progress: Called with a stage, and how much of it is done of how much.

    Returns:
        What came of it. ``out`` holds ``network.safetensors`` (the best epoch), ``recipe.toml`` (to index with it),
        ``log.csv``, ``curves.png``, ``tensorboard`` and ``checkpoint.pt``.

    Raises:
        InputError: Photos or options that cannot be used.
        ModelError: Weights or a checkpoint that cannot.
        MissingExtraError: Weights in need of it.
    """
    options = plan.options
    for group, section in ((plugins.RETRIEVERS, "retrieve"), (plugins.POSITIONERS, "locate")):
        method_of(group, section, plan.recipe.sections[section])  # or nothing could be done with what is trained
    _network(plan).backbone.freeze(options.freeze)  # whether it can be made; each process makes its own
    chosen = device_of(plan.device)
    material = gather(plan.database, plan.queries, plan.validation, plan.hold_out, plan.seed)
    check(material, options)
    work = partial(_trained, plan=plan, material=material, tell=tell, progress=progress)
    with _quiet(), _alone(plan.out):
        fabric = _fabric(plan, chosen, options.precision)
        try:
            found = work(fabric) if plan.devices * plan.nodes == 1 else fabric.launch(work)
        except ProcessRaisedException as error:
            raise _told_by(error) from error
    return Trained(**{**found, "epochs": [Epoch(**epoch) for epoch in found["epochs"]]})


def _trained(
    fabric: Fabric,
    *,
    plan: Plan,
    material: Material,
    tell: Callable[[Epoch], None] | None,
    progress: Progress | None,
) -> dict[str, Any]:
    """What came of it, as plain data: Lightning hands nothing else from one process to another."""
    # made here, in each process: tensors that are handed to another process on this machine stay one and the same
    network, options = _network(plan), plan.options
    settings = _settings(plan, options, network, material)
    with _quiet(), _one_thread(fabric.device):
        found = Training(
            fabric,
            network,
            material,
            options,
            plan.out,
            seed=plan.seed,
            workers=plan.workers or os.cpu_count() or 1,
            settings=settings,
            said={"recipe": plan.recipe.name, "from": plan.model, "options": asdict(options)},
            tell=tell or (lambda epoch: None),
            progress=progress or (lambda stage, done, total: None),
        ).run()
        if fabric.is_global_zero:
            (plan.out / RECIPE).write_text(recipe_text(plan.recipe, plan.out / NETWORK), encoding="utf-8")
            (plan.out / SUMMARY).write_text(_summary(found), encoding="utf-8")
            draw(found.epochs, plan.out / CURVES)
    return asdict(found)


def _network(plan: Plan) -> Network:
    """As training begins, but for what it takes of the photos."""
    return opening.start(plan.model, pretrained=plan.pretrained, instead=_architecture(plan))


def _architecture(plan: Plan) -> Architecture:
    """The network's own, with the head and the input size that are asked for."""
    found, options = opening.architecture(plan.model), plan.options
    if plan.head is not None:
        own = found.table()
        known = {field.name for field in fields(plugins.load(plugins.HEADS, plan.head["method"]).options_type)}
        kept = {name: value for name, value in found.options.items() if name in known}
        found = Architecture.of({**own, "head": {**kept, **plan.head}}, plan.model)
    size = found.input
    width, height = options.width_px or size.width_px, options.height_px or size.height_px
    return replace(found, input=replace(size, width_px=width, height_px=height))


def _fabric(plan: Plan, chosen: torch.device, precision: str) -> Fabric:
    if precision == "16-mixed" and chosen.type != "cuda":
        raise InputError("[train] precision = '16-mixed' is for graphics cards; expected 32-true or bf16-mixed here")
    if plan.devices < 1 or plan.nodes < 1:
        raise InputError(f"{plan.devices} devices on {plan.nodes} machines: expected at least 1 of each")
    many = plan.devices * plan.nodes > 1
    if chosen.index is not None and many:
        raise InputError(f"device {chosen} is one, and {plan.devices} on {plan.nodes} machines are asked for")
    # a cluster's launcher starts the processes itself; on one machine they are made here
    launched = plan.nodes > 1 or "LOCAL_RANK" in os.environ or "SLURM_PROCID" in os.environ
    strategy = ("ddp" if launched else "ddp_spawn") if many else "auto"
    try:
        fabric = Fabric(
            accelerator={"cuda": "gpu"}.get(chosen.type, chosen.type),
            devices=plan.devices if chosen.index is None else [chosen.index],
            num_nodes=plan.nodes,
            strategy=strategy,
            precision=precision,  # type: ignore[arg-type]
        )
    except Exception as error:  # Lightning has an exception of its own for each thing that it lacks
        raise InputError(f"{plan.devices} x {chosen} cannot be used: {first_line(error, None)}") from error
    return fabric


def _settings(plan: Plan, options: TrainOptions, network: Network, material: Material) -> dict[str, Any]:
    """What has to be the same for a training to be gone on with; it may be given more epochs, or more patience."""
    given = {name: value for name, value in asdict(options).items() if name not in ("epochs", "patience")}
    if options.schedule == "cosine":
        given["epochs"] = options.epochs
    begun = hashlib.blake2b(digest_size=8)
    for tensor in network.state_dict().values():
        begun.update(tensor.numpy().tobytes())
    return {
        **given,
        "network": network.architecture.text(),
        "weights": begun.hexdigest(),
        "seed": plan.seed,
        "photos": f"{material.training.digest()} {material.validation.digest()}",
        "processes": plan.devices * plan.nodes,
    }


def recipe_text(recipe: Recipe, network: Path) -> str:
    """A recipe as TOML that describes photos by a trained network."""
    sections = {name: dict(section) for name, section in recipe.sections.items() if section and name != "train"}
    sections["describe"]["model"] = str(network.absolute())
    head = [f"summary = {_value(f'{recipe.name}, trained.')}", 'needs = ["torch"]']
    tables = [
        "\n".join([f"[{name}]", *(f"{key} = {_value(value)}" for key, value in section.items())])
        for name, section in sections.items()
    ]
    return "\n\n".join(["\n".join(head), *tables]) + "\n"


def _value(value: Any) -> str:
    """A word, a number or a truth as TOML has it, which is as JSON has it but for two kinds of characters."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _summary(found: Trained) -> str:
    said = {
        "best_epoch": found.best,
        "recall": {str(n): share for n, share in found.recall.items()},
        "recall_untrained": {str(n): share for n, share in found.epochs[0].recall.items()},
        "epochs": len(found.epochs) - 1,
        "ended_early": found.ended_early,
        "queries_without_positive": found.without_positive,
        "validation_queries_without_positive": found.not_to_be_found,
        "unreadable": {str(path): reason for path, reason in found.unreadable.items()},
    }
    return json.dumps(said, indent=1) + "\n"


def _alone(out: Path) -> AbstractContextManager[object]:
    """Keeps other trainings out of a folder; the processes of one training hold it together.

    Raises:
        InputError: Another one is at work there, or the folder cannot be written.
    """
    if os.environ.get("RANK", "0") != "0" or os.environ.get("SLURM_PROCID", "0") != "0":
        return nullcontext()
    busy = InputError(f"another training is at work in {out}; use another --out, or wait for it")
    return files.alone(out, LOCK, busy)


def _told_by(error: ProcessRaisedException) -> Exception:
    """The error of ours that a process ended with, as it would be here; else what came."""
    last = str(error).strip().splitlines()[-1]
    kind, _, words = last.partition(": ")
    found = getattr(errors, kind.removeprefix("whence.errors."), None) if kind.startswith("whence.errors.") else None
    return found(words) if isinstance(found, type) and issubclass(found, errors.WhenceError) else error


@contextmanager
def _one_thread(on: torch.device) -> Iterator[None]:
    """On a processor sums are rounded by how many threads share them, which libraries choose by what else runs."""
    before = torch.get_num_threads()
    if on.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Lightning and torch say of themselves: none of it is of use to who trains."""
    import logging

    loggers = [logging.getLogger(name) for name in ("lightning.fabric", "lightning.pytorch", "lightning")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(lightning|torch|tensorboard)\b.*")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
