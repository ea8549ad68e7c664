"""Gradient descent, the same for vectors and for pictures."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from whence.direct.estimators.estimator import Circumstances, Epoch, Examples
from whence.direct.learning import Descent
from whence.direct.losses import Loss, loss_of
from whence.direct.targets.target import Classes, Target
from whence.errors import InputError
from whence.nets import checkpoint, weights
from whence.nets.running import device as device_of
from whence.photos.files import state_of
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
        epochs: The module before learning, where something is held out, then each epoch.
        best: Number of the epoch whose weights are kept.
        loss: Of what is held out, in that epoch; NaN where nothing is.
        waited: Epochs since then.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    loss: float = math.nan
    waited: int = 0


def outputs_of(module: nn.Module, inputs: Inputs, count: int, device: torch.device, batch: int = 64) -> Tensor:
    """``(N, W)``, not altered."""
    module.eval()
    with torch.inference_mode():
        parts = [
            module(inputs.batch(np.arange(start, min(start + batch, count)), altered=False).to(device)).cpu()
            for start in range(0, count, batch)
        ]
    return torch.cat(parts)


class Descending:
    """One descent; what each epoch draws depends on the seed and its number alone, so that it can be gone on with."""

    def __init__(
        self,
        module: nn.Module,
        inputs: Inputs,
        examples: Examples,
        held: tuple[Inputs, Examples] | None,
        target: Target,
        options: Descent,
        around: Circumstances,
    ) -> None:
        """
        Args:
            module: ``inputs`` to ``(B, W)`` outputs.
            inputs: Of the examples.
            examples: To learn from.
            held: What is held out, to end early and to keep the best epoch.
            target: That the outputs are for.
            options: How.
            around: Seed, device, and the checkpoint to go on from.

        Raises:
            InputError: Nothing can be learned.
        """
        self._module, self._inputs, self._examples, self._held = module, inputs, examples, held
        self._target, self._options, self._around = target, options, around
        self._device = device_of(around.device)
        self._normalises = any(isinstance(layer, BatchNorm) for layer in module.modules())
        self._loss: Loss = loss_of(target, examples, options.class_weights)
        learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
        if not learning:
            raise InputError("nothing is left to learn: everything is frozen, and no layer is on top")
        module.to(self._device)
        self._optimiser = _optimiser(learning, options)
        self._truth, self._weights = _tensors(examples, self._device)
        self._learned, self._kept = Learned(), copy.deepcopy(module.state_dict())

    def run(self) -> Learned:
        """Until the last epoch, or until what is held out no longer gets better; the module then holds the weights of
        the best epoch: the last one where nothing is held out.

        Raises:
            InputError: The loss is no number any more, or the checkpoint is of another training.
            ModelError: A checkpoint that cannot be read or written.
        """
        learned, options = self._learned, self._options
        with _one_thread(self._device), torch.random.fork_rng(devices=[]):
            self._resume()
            if self._held is not None and not learned.epochs:
                learned.loss, right = self._checked()
                self._ended(Epoch(0, math.nan, learned.loss, math.nan, right))
            last = 0 if options.untrained else options.epochs
            for number in range(self._next, last + 1):
                if self._held is not None and learned.waited >= options.patience:
                    break
                self._epoch(number)
        if self._held is not None:
            self._module.load_state_dict(self._kept)
        self._module.to("cpu").eval()
        return learned

    @property
    def _next(self) -> int:
        return self._learned.epochs[-1].number + 1 if self._learned.epochs else 1

    def _epoch(self, number: int) -> None:
        learned, options, count = self._learned, self._options, len(self._examples)
        random = np.random.default_rng([self._around.seed, number])
        torch.manual_seed(int(random.integers(2**62)))
        self._module.train()
        total, right = 0.0, 0
        order = random.permutation(count)
        for start in range(0, count, options.batch):
            rows = order[start : start + options.batch]
            if len(rows) == 1 and self._normalises:
                continue  # a batch of one that is left over: normalising over it means nothing
            loss, hits = self._step(rows, number)
            total, right = total + loss, right + hits
        share = right / count if isinstance(self._target, Classes) else math.nan
        if self._held is None:
            learned.best = number
            self._ended(Epoch(number, total / count, math.nan, share, math.nan))
            return
        there, right_there = self._checked()
        if there < learned.loss:
            learned.best, learned.loss, learned.waited = number, there, 0
            self._kept = copy.deepcopy(self._module.state_dict())
        else:
            learned.waited += 1
        self._ended(Epoch(number, total / count, there, share, right_there))

    def _step(self, rows: NDArray[np.intp], number: int) -> tuple[float, int]:
        """Sum of the losses of a batch, and how many are right."""
        outputs = self._module(self._inputs.batch(rows, altered=True).to(self._device))
        at = torch.from_numpy(rows).to(self._device)
        each = self._loss(outputs, self._truth[at]) * self._weights[at]
        mean = each.mean()
        if not torch.isfinite(mean):
            raise InputError(
                f"the training fell apart in epoch {number}: its loss is {float(mean.detach())}; a smaller "
                "learning_rate may help"
            )
        self._optimiser.zero_grad()
        mean.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return float(each.detach().sum()), _right(outputs, self._truth[at], self._target)

    def _checked(self) -> tuple[float, float]:
        """Mean loss of what is held out, and the share that is right."""
        assert self._held is not None
        inputs, checked = self._held
        truth, weights_there = _tensors(checked, torch.device("cpu"))
        outputs = outputs_of(self._module, inputs, len(checked), self._device)
        with torch.inference_mode():
            mean = float((self._loss(outputs, truth) * weights_there).sum() / weights_there.sum())
        classes = isinstance(self._target, Classes)
        return mean, _right(outputs, truth, self._target) / len(checked) if classes else math.nan

    def _ended(self, epoch: Epoch) -> None:
        """Takes an epoch down, and keeps a checkpoint of it before it is told."""
        self._learned.epochs.append(epoch)
        if self._around.checkpoint is not None:
            state = {
                "settings": self._settings(),
                "module": {name: tensor.cpu() for name, tensor in self._module.state_dict().items()},
                "kept": {name: tensor.cpu() for name, tensor in self._kept.items()},
                "optimiser": self._optimiser.state_dict(),
                "epochs": [asdict(one) for one in self._learned.epochs],
                "best": self._learned.best,
                "loss": self._learned.loss,
                "waited": self._learned.waited,
            }
            checkpoint.write(self._around.checkpoint, state)
        self._around.tell(epoch)

    def _resume(self) -> None:
        path = self._around.checkpoint
        state = None if path is None else checkpoint.read(path, self._settings())
        if state is None:
            return
        weights.fill(self._module, state["module"], str(path))
        self._kept = state["kept"]
        self._optimiser.load_state_dict(state["optimiser"])
        learned = self._learned
        learned.best, learned.loss, learned.waited = state["best"], state["loss"], state["waited"]
        learned.epochs = [Epoch(**one) for one in state["epochs"]]
        for epoch in learned.epochs:
            self._around.tell(epoch)

    def _settings(self) -> dict[str, Any]:
        """What has to be the same to go on; there may be more epochs, or more patience."""
        digest = hashlib.blake2b(digest_size=8)
        for examples in (self._examples, *([self._held[1]] if self._held else [])):
            states = [(str(path), state_of(path)) for path in examples.paths]
            digest.update(repr(states).encode("utf-8", "surrogatepass"))
            digest.update(np.ascontiguousarray(examples.truth).tobytes())
        given = {name: value for name, value in asdict(self._options).items() if name not in ("epochs", "patience")}
        return {**given, "seed": self._around.seed, "pretrained": self._around.pretrained, "photos": digest.hexdigest()}


@contextmanager
def _one_thread(on: torch.device) -> Iterator[None]:
    """On a processor sums are rounded by how many threads share them."""
    threads = torch.get_num_threads()
    if on.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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


def _right(outputs: Tensor, truth: Tensor, target: Target) -> int:
    if not isinstance(target, Classes):
        return 0
    return int((outputs[:, : len(target.names)].argmax(dim=1) == truth[:, 0]).sum())
