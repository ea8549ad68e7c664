"""Gradient descent, the same for vectors and for pictures."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from whence.direct.estimators.estimator import Circumstances, Epoch, Examples
from whence.direct.learning import Descent
from whence.direct.losses import Loss, loss_of
from whence.direct.targets.target import Classes, Target
from whence.errors import InputError
from whence.nets.running import device as device_of
from whence.types import FloatArray


class Inputs(Protocol):
    """What goes in, row by row."""

    def batch(self, rows: NDArray[np.intp], *, altered: bool) -> Tensor:
        """``(B, ...)`` of some rows; ``altered`` at random where such is asked for."""
        ...


class Vectors:
    """``(N, F)`` features in memory."""

    def __init__(self, vectors: FloatArray) -> None:
        self._vectors = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))

    def batch(self, rows: NDArray[np.intp], *, altered: bool) -> Tensor:
        """See ``Inputs``."""
        return self._vectors[torch.from_numpy(np.asarray(rows, np.int64))]


@dataclass(slots=True)
class Learned:
    """What came of it.

    Attributes:
        epochs: The module before learning, then each epoch; of all examples where nothing is checked.
        best: Number of the epoch whose weights are kept.
        loss: Of what is held out, in that epoch; NaN where nothing is.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    loss: float = math.nan


def descend(
    module: nn.Module,
    inputs: Inputs,
    examples: Examples,
    held: Inputs | None,
    checked: Examples | None,
    target: Target,
    options: Descent,
    around: Circumstances,
) -> Learned:
    """Learns; the module holds the weights of the best epoch afterwards: the last one where nothing is checked.

    Raises:
        InputError: The loss is no number any more, or nothing can be learned.
    """
    device = device_of(around.device)
    loss = loss_of(target, examples, options.class_weights)
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not learning:
        raise InputError("nothing is left to learn: everything is frozen, and no layer is on top")
    module.to(device)
    optimiser = _optimiser(learning, options)
    truth, weights = _tensors(examples, device)
    learned, kept, waited = Learned(), copy.deepcopy(module.state_dict()), 0
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)  # sums are rounded by how many threads share them
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(around.seed)
            random = np.random.default_rng([around.seed, 1])
            if held is not None and checked is not None:
                before, accuracy = _checked(module, held, checked, target, loss, device)
                learned.epochs.append(Epoch(0, math.nan, before, math.nan, accuracy))
                learned.loss = before
                around.tell(learned.epochs[-1])
            for number in range(1, 1 if options.untrained else options.epochs + 1):
                module.train()
                total, right = 0.0, 0
                order = random.permutation(len(examples))
                for start in range(0, len(order), options.batch):
                    rows = order[start : start + options.batch]
                    if len(rows) == 1 and len(order) > 1:
                        continue  # normalising over a batch of one means nothing
                    outputs = module(inputs.batch(rows, altered=True).to(device))
                    at = torch.from_numpy(rows).to(device)
                    each = loss(outputs, truth[at]) * weights[at]
                    mean = each.mean()
                    if not torch.isfinite(mean):
                        raise InputError(
                            f"the training fell apart in epoch {number}: its loss is {float(mean.detach())}; a smaller "
                            "learning_rate may help"
                        )
                    optimiser.zero_grad()
                    mean.backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                    total += float(each.detach().sum())
                    right += _right(outputs, truth[at], target)
                there = (math.nan, math.nan)
                if held is not None and checked is not None:
                    there = _checked(module, held, checked, target, loss, device)
                share = right / len(order) if isinstance(target, Classes) else math.nan
                learned.epochs.append(Epoch(number, total / len(order), there[0], share, there[1]))
                around.tell(learned.epochs[-1])
                if checked is None:
                    learned.best = number
                    continue
                if there[0] < learned.loss:
                    learned.best, learned.loss, waited = number, there[0], 0
                    kept = copy.deepcopy(module.state_dict())
                else:
                    waited += 1
                if waited >= options.patience:
                    break
        if checked is not None:
            module.load_state_dict(kept)
    finally:
        torch.set_num_threads(threads)
    module.to("cpu").eval()
    return learned


def outputs_of(module: nn.Module, inputs: Inputs, count: int, device: torch.device, batch: int = 64) -> Tensor:
    """``(N, W)``, not altered."""
    module.eval()
    with torch.inference_mode():
        parts = [
            module(inputs.batch(np.arange(start, min(start + batch, count)), altered=False).to(device)).cpu()
            for start in range(0, count, batch)
        ]
    return torch.cat(parts)


def _optimiser(learning: list[nn.Parameter], options: Descent) -> torch.optim.Optimizer:
    if options.optimiser == "sgd":
        return torch.optim.SGD(
            learning, options.learning_rate, momentum=0.9, nesterov=True, weight_decay=options.weight_decay
        )
    made = torch.optim.Adam if options.optimiser == "adam" else torch.optim.AdamW
    return made(learning, options.learning_rate, weight_decay=options.weight_decay)


def _tensors(examples: Examples, device: torch.device) -> tuple[Tensor, Tensor]:
    kind = np.int64 if examples.truth.dtype.kind == "i" else np.float32
    truth = torch.from_numpy(np.ascontiguousarray(examples.truth, kind))
    return truth.to(device), torch.from_numpy(np.asarray(examples.weights, np.float32)).to(device)


def _checked(
    module: nn.Module, held: Inputs, checked: Examples, target: Target, loss: Loss, device: torch.device
) -> tuple[float, float]:
    """Mean loss of what is held out, and the share that is right."""
    truth, weights = _tensors(checked, torch.device("cpu"))
    outputs = outputs_of(module, held, len(checked), device)
    with torch.inference_mode():
        mean = float((loss(outputs, truth) * weights).sum() / weights.sum())
    right = _right(outputs, truth, target) / len(checked) if isinstance(target, Classes) else math.nan
    return mean, right


def _right(outputs: Tensor, truth: Tensor, target: Target) -> int:
    if not isinstance(target, Classes):
        return 0
    return int((outputs[:, : len(target.names)].argmax(dim=1) == truth[:, 0]).sum())
