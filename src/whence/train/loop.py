"""The training of one network, on one device or on many."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, TypeGuard

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from whence.errors import InputError
from whence.nets import CHECKPOINT, checkpoint, weights
from whence.nets.network import Network
from whence.nets.pictures import Altered, Pictures, plain
from whence.photos import files
from whence.train.losses import loss_of
from whence.train.material import Material, Rows
from whence.train.mining import Triplet, mine, pool
from whence.train.options import RECALL_AT, TrainOptions
from whence.train.validation import first_hits, recalls
from whence.types import FloatArray, Photo

NETWORK, UNTRAINED, LOG, BOARD = "network.safetensors", "untrained.safetensors", "log.csv", "tensorboard"
_DESCRIBED = 32
"""Photos described at a time."""
_SAMPLED, _EACH = 500, 100
"""Photos, and places in each, from which a head begins."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What came of an epoch; number 0 is the network before training.

    Attributes:
        number: From 1 on.
        loss: Mean over its steps; NaN before training.
        triplets: That were found.
        recall: Share of validation queries found among the first N.
        learning_rate: In the epoch.
        seconds: That it took.
    """

    number: int
    loss: float
    triplets: int
    recall: dict[int, float]
    learning_rate: float
    seconds: float


@dataclass(slots=True)
class Trained:
    """What came of a training.

    Attributes:
        epochs: The network before training, then each epoch.
        best: Number of the best one.
        without_positive: Queries that were left out since no photo shows their place.
        not_to_be_found: Validation queries that no photo shows the place of; recall counts them as missed.
        unreadable: Photos that were left out, with the reasons.
        resumed: Epoch that it went on from; 0 if it began anew.
        ended_early: Whether it ended since validation no longer got better.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    without_positive: int = 0
    not_to_be_found: int = 0
    unreadable: dict[Path, str] = field(default_factory=dict)
    resumed: int = 0
    ended_early: bool = False

    @property
    def recall(self) -> dict[int, float]:
        """Of the best epoch."""
        return self.epochs[self.best].recall


class Training:
    """One training; ``run`` goes through it, from the last checkpoint in ``out`` on if there is one."""

    def __init__(
        self,
        fabric: Fabric,
        network: Network,
        material: Material,
        options: TrainOptions,
        out: Path,
        *,
        seed: int = 0,
        workers: int = 1,
        settings: dict[str, Any] | None = None,
        said: dict[str, Any] | None = None,
        tell: Callable[[Epoch], None] = lambda epoch: None,
        progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    ) -> None:
        """Prepares everything.

        Args:
            fabric: Launched.
            network: To be trained, as it begins.
            material: Photos.
            options: How.
            out: Folder, which is there.
            seed: Of everything that is drawn.
            workers: Threads that read photos.
            settings: What a checkpoint has to agree in, as plain data.
            said: What is kept in the network's file.
            tell: Called after each epoch, in the first process.
            progress: Called now and then with what is done of what.

        Raises:
            ModelError: There is no stage that weights are to be frozen up to.
        """
        self._fabric, self._material, self._options, self._out, self._seed = fabric, material, options, out, seed
        self._tell, self._progress = tell, progress
        self._settings, self._said = settings or {}, said or {}
        self._picture = network.architecture.input
        self._pictures = Pictures(self._picture, workers)
        self._altered = Altered(options, self._picture)
        self._loss = loss_of(options)
        network.backbone.freeze(options.freeze)
        self._network = network
        self._answerable = material.training.answerable(options.positive_m)
        validation = material.validation
        self.report = Trained(
            without_positive=len(material.training.queries) - len(self._answerable),
            not_to_be_found=len(validation.queries) - len(validation.answerable(options.test_m)),
        )

    def run(self) -> Trained:
        """Trains until the last epoch, or until validation no longer gets better."""
        report, options, fabric = self.report, self._options, self._fabric
        state = checkpoint.read(self._out / CHECKPOINT, self._settings)
        if state is not None:
            weights.fill(self._network, state["network"], str(self._out / CHECKPOINT))
        self._network.to(fabric.device)
        if state is None:
            self._begin()
        module, optimiser = fabric.setup(self._network, self._optimiser())
        scheduler = self._scheduler(optimiser)
        if state is not None:
            optimiser.load_state_dict(state["optimiser"])
            scheduler.load_state_dict(state["scheduler"])
            self._restore(state)
        else:
            start = perf_counter()
            recall = self._validated()
            self._ended(Epoch(0, math.nan, 0, recall, _rate(optimiser), perf_counter() - start), optimiser, scheduler)
        for number in range(len(report.epochs), options.epochs + 1):
            if number - 1 - report.best >= options.patience:
                report.ended_early = True
                break
            start, rate = perf_counter(), _rate(optimiser)
            loss, triplets = self._epoch(number, module, optimiser)
            scheduler.step()
            recall = self._validated()
            self._ended(Epoch(number, loss, triplets, recall, rate, perf_counter() - start), optimiser, scheduler)
        report.unreadable = dict(self._pictures.broken)
        self._pictures.close()
        return report

    def _optimiser(self) -> torch.optim.Optimizer:
        options = self._options
        learning = [parameter for parameter in self._network.parameters() if parameter.requires_grad]
        if not learning:
            raise InputError("nothing is left to train: the backbone is frozen to its end, and the head has no weights")
        if options.optimiser == "sgd":
            return torch.optim.SGD(learning, options.learning_rate, momentum=0.9, weight_decay=options.weight_decay)
        made = torch.optim.Adam if options.optimiser == "adam" else torch.optim.AdamW
        return made(learning, options.learning_rate, weight_decay=options.weight_decay)

    def _scheduler(self, optimiser: Any) -> torch.optim.lr_scheduler.LRScheduler:
        options = self._options
        plan: dict[str, Callable[[int], float]] = {
            "constant": lambda epoch: 1.0,
            "step": lambda epoch: 0.5 ** (epoch // options.step_epochs),
            "cosine": lambda epoch: 0.5 * (1 + math.cos(math.pi * epoch / options.epochs)),
        }
        # Lightning wraps the optimiser, and a scheduler wants to see what is inside
        return torch.optim.lr_scheduler.LambdaLR(getattr(optimiser, "optimizer", optimiser), plan[options.schedule])

    def _begin(self) -> None:
        """What training starts from: statistics of batches where weights are at random, and NetVLAD's words."""
        random = np.random.default_rng([self._seed, 0])
        unseen = [layer for layer in self._network.modules() if _without_statistics(layer)]
        if unseen:
            momenta = [layer.momentum for layer in unseen]
            for layer in unseen:
                layer.momentum = None  # a plain mean over batches
                layer.train()
            for maps in self._sampled(random):
                del maps
            for layer, momentum in zip(unseen, momenta, strict=True):
                layer.momentum = momentum
        found = []
        self._network.eval()
        for maps in self._sampled(random):
            for features in maps.flatten(2).transpose(1, 2):  # (P, C)
                chosen = random.permutation(len(features))[:_EACH]
                found.append(features[torch.from_numpy(chosen).to(features.device)])
        if not found:
            path, reason = next(iter(self._pictures.broken.items()))
            raise InputError(f"no photo to train with can be read ({path}: {reason})")
        self._network.head.begin(torch.cat(found))

    def _sampled(self, random: np.random.Generator) -> Iterator[Tensor]:
        """Feature maps ``(B, C, h, w)`` of photos that are drawn."""
        photos = self._material.training.database
        rows = random.permutation(len(photos))[:_SAMPLED]
        for start in range(0, len(rows), _DESCRIBED):
            read = self._pictures.read([photos[row].path for row in rows[start : start + _DESCRIBED]])
            whole = [image for image in read if image is not None]
            if whole:
                with torch.no_grad():
                    yield self._network.features(plain(whole, self._picture, self._fabric.device))[0]
            self._progress("sampling", min(start + _DESCRIBED, len(rows)), len(rows))

    def _epoch(self, number: int, module: nn.Module, optimiser: Any) -> tuple[float, int]:
        """Mean loss and triplets. What is drawn depends on the seed and the number alone, so that it can be resumed."""
        options, fabric = self._options, self._fabric
        random = np.random.default_rng([self._seed, number])
        torch.manual_seed(int(random.integers(2**62)) + fabric.global_rank)
        asked = random.permutation(self._answerable)[: options.queries_per_epoch]
        total, steps, triplets, done = 0.0, 0, 0, 0
        for start in range(0, len(asked), options.mine_every):
            chunk = asked[start : start + options.mine_every]
            found = self._mined(chunk, random)
            triplets += len(found)
            module.train()
            whole_steps = options.batch * fabric.world_size
            for at in range(0, len(found), whole_steps):
                batch = found[at : at + whole_steps][fabric.global_rank :: fabric.world_size]
                if at + whole_steps > len(found) and len(found) - at < fabric.world_size:
                    break  # fewer than there are processes: all have to take every step together
                loss = self._loss(module(self._altered(self._read(batch), fabric.device)), len(batch))
                if not torch.isfinite(loss):
                    raise InputError(
                        f"the training fell apart in epoch {number}: its loss is {float(loss.detach())}; a smaller "
                        "learning_rate may help, in another --out"
                    )
                optimiser.zero_grad()
                fabric.backward(loss)
                optimiser.step()
                total, steps, done = total + float(loss.detach()), steps + 1, done + whole_steps
                self._progress(f"epoch {number}", min(start + done, len(asked)), len(asked))
            done = 0
            self._share_statistics()
        return total / steps if steps else math.nan, triplets

    def _share_statistics(self) -> None:
        """Those of the first process to all: each has seen other batches, and all have to describe alike."""
        if self._fabric.world_size > 1:
            for buffer in self._network.buffers():
                torch.distributed.broadcast(buffer, 0)

    def _mined(self, chunk: Rows, random: np.random.Generator) -> list[Triplet]:
        options, task = self._options, self._material.training
        drawn = random.permutation(len(task.database))[: options.pool]
        looked_at = pool(task, chunk, options.positive_m, options.beyond_m, drawn)
        asked = self._vectors([task.queries[row] for row in chunk])
        found = self._vectors([task.database[row] for row in looked_at.rows])
        return mine(chunk, looked_at, asked, found, options.negatives)

    def _read(self, batch: Sequence[Triplet]) -> list[list[Any]]:
        task = self._material.training
        paths = [
            [task.queries[one.query].path, *(task.database[row].path for row in (one.positive, *one.negatives))]
            for one in batch
        ]
        return [self._pictures.read(each) for each in paths]

    def _validated(self) -> dict[int, float]:
        task = self._material.validation
        asked, found = self._vectors(task.queries), self._vectors(task.database)
        return recalls(first_hits(task, asked, found, self._options.test_m))

    def _vectors(self, photos: Sequence[Photo]) -> FloatArray:
        """``(N, D)``, shared among the processes; NaN for photos that cannot be read."""
        fabric, size = self._fabric, math.ceil(len(photos) / self._fabric.world_size)
        own = photos[fabric.global_rank * size : (fabric.global_rank + 1) * size]
        vectors = torch.full((size, self._network.dimension), torch.nan, device=fabric.device)
        self._network.eval()
        for start in range(0, len(own), _DESCRIBED):
            read = self._pictures.read([photo.path for photo in own[start : start + _DESCRIBED]])
            places = [start + place for place, image in enumerate(read) if image is not None]
            if not places:
                continue
            whole = [image for image in read if image is not None]
            with torch.no_grad(), fabric.autocast():
                found = self._network(plain(whole, self._picture, fabric.device))
            if not torch.isfinite(found).all():
                raise InputError(
                    "the training fell apart: the network gives no numbers any more; a smaller learning_rate may help, "
                    "in another --out"
                )
            vectors[torch.tensor(places, device=fabric.device)] = found.float()
            self._progress("describing", start + len(read), len(own))
        if fabric.world_size > 1:
            vectors = fabric.all_gather(vectors).flatten(0, 1)  # type: ignore[union-attr]
        return np.asarray(vectors[: len(photos)].cpu().numpy())

    def _ended(self, epoch: Epoch, optimiser: Any, scheduler: Any) -> None:
        """Keeps the network if it is the best, then the checkpoint, then tells."""
        report, at = self.report, self._options.best_at
        report.epochs.append(epoch)
        if _rank(epoch, at) > _rank(report.epochs[report.best], at):
            report.best = epoch.number
        if self._fabric.is_global_zero:
            if report.best == epoch.number:
                trained = {"epoch": epoch.number, "recall": {str(n): share for n, share in epoch.recall.items()}}
                weights.save(self._network, self._out / NETWORK, **self._said, **trained)
            if not epoch.number:
                weights.save(self._network, self._out / UNTRAINED, **self._said, epoch=0)
            checkpoint.write(
                self._out / CHECKPOINT,
                {
                    "settings": self._settings,
                    "network": {name: tensor.cpu() for name, tensor in self._network.state_dict().items()},
                    "optimiser": optimiser.state_dict(),
                    "scheduler": scheduler.state_dict(),
                    "epochs": [asdict(one) for one in report.epochs],
                    "best": report.best,
                    "broken": {str(path): reason for path, reason in self._pictures.broken.items()},
                },
            )
            _log(self._out, report.epochs)
            _board(self._out / BOARD, epoch)
            self._tell(epoch)
        self._fabric.barrier()

    def _restore(self, state: dict[str, Any]) -> None:
        self.report.epochs = [Epoch(**one) for one in state["epochs"]]
        self.report.best, self.report.resumed = state["best"], self.report.epochs[-1].number
        self._pictures.broken.update({Path(path): reason for path, reason in state["broken"].items()})


def check(material: Material, options: TrainOptions) -> None:
    """Makes sure that there is something to learn, and something to validate with.

    Raises:
        InputError: No query has a photo of its place, or there is one place only.
    """
    task, validation = material.training, material.validation
    answerable = task.answerable(options.positive_m)
    if not len(answerable):
        raise InputError(
            f"none of the {len(task.queries):,} queries has a database photo within {options.positive_m:g} m to learn "
            "from; a larger positive_m may help"
        )
    if not any((task.distances(int(query)) > options.beyond_m).any() for query in answerable):
        raise InputError(
            f"all database photos lie within {options.beyond_m:g} m of all queries: a single place, and nothing to "
            "tell it from"
        )
    if not len(validation.answerable(options.test_m)):
        raise InputError(
            f"none of the {len(validation.queries):,} validation queries has a database photo within "
            f"{options.test_m:g} m; a larger test_m may help"
        )


def _without_statistics(layer: nn.Module) -> TypeGuard[BatchNorm]:
    """Whether a layer normalises batches and has never seen one, as where weights are at random."""
    if not isinstance(layer, BatchNorm) or layer.running_mean is None or layer.running_var is None:
        return False
    return not bool(layer.running_mean.any()) and bool((layer.running_var == 1).all())


def _rank(epoch: Epoch, at: int) -> tuple[float, ...]:
    """Which of two epochs is better: by recall@``at``, and by the others where that is the same."""
    return epoch.recall[at], *epoch.recall.values()


def _rate(optimiser: Any) -> float:
    return float(optimiser.param_groups[0]["lr"])


def _log(out: Path, epochs: Sequence[Epoch]) -> None:
    """All epochs as a table, written anew, so that one that was repeated is not there twice."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["epoch", "loss", "triplets", *(f"recall@{n}" for n in RECALL_AT), "learning_rate", "seconds"])
    for one in epochs:
        loss = "" if math.isnan(one.loss) else f"{one.loss:.6f}"
        shares = (f"{one.recall[n]:.4f}" for n in RECALL_AT)
        table.writerow([one.number, loss, one.triplets, *shares, f"{one.learning_rate:g}", f"{one.seconds:.1f}"])
    files.write(out / LOG, text.getvalue().encode())


def _board(folder: Path, epoch: Epoch) -> None:
    from torch.utils.tensorboard.writer import SummaryWriter

    with SummaryWriter(str(folder)) as board:
        if not math.isnan(epoch.loss):
            board.add_scalar("loss", epoch.loss, epoch.number)
        for n, share in epoch.recall.items():
            board.add_scalar(f"recall@{n}", share, epoch.number)
        board.add_scalar("learning rate", epoch.learning_rate, epoch.number)
