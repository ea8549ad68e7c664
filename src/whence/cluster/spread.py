"""One function over many items by Ray Data: in order, each exactly once, whatever becomes of the workers.

Ray Data's tasks, not its actors: a task of a machine that dies is given to another machine at once. Tasks of an actor
wait until the actor is restarted somewhere, which may take until the others are done. What is costly to make stays in
each worker's process from task to task.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from whence.errors import ClusterError, WhenceError, first_line

if TYPE_CHECKING:
    from whence.cluster.cluster import Cluster

_AHEAD = 1000
"""Items per worker that are given to Ray at a time."""
_PIECE = 64
"""Items of one task at most: some ten seconds of work."""
_PIECES = 8
"""Of each worker at least, where there are few items: so that all end at about the same time."""
_RETRIES = 3
"""How often a piece is given to another worker when its worker died."""

T = TypeVar("T")
R = TypeVar("R")
Item = TypeVar("Item", contravariant=True)
Result = TypeVar("Result", covariant=True)


class Job(Protocol[Item, Result]):
    """Something done to items. It is pickled once, and each worker's process keeps its copy."""

    def __call__(self, items: Sequence[Item], /) -> Sequence[Result]:
        """One result per item, in order."""
        ...


def spread(
    cluster: Cluster, items: Iterable[T], job_of: Callable[[], Job[T, R]], lost: Callable[[T], R]
) -> Generator[tuple[Sequence[T], Sequence[R]]]:
    """See ``Cluster.spread``."""
    rest: list[T] = []
    source = iter(items)
    while True:
        job, workers = job_of(), cluster.workers
        wave = rest + list(islice(source, max(workers * _AHEAD - len(rest), 0)))
        if not wave:
            return
        done = np.zeros(len(wave), np.bool_)
        for numbers, results in _wave(cluster, wave, job, lost, workers):
            done[numbers] = True
            yield [wave[number] for number in numbers], results
            if job_of() is not job:
                break
        rest = [item for item, is_done in zip(wave, done, strict=True) if not is_done]


def _wave(
    cluster: Cluster, items: Sequence[T], job: Job[T, R], lost: Callable[[T], R], workers: int
) -> Iterator[tuple[list[int], Sequence[R]]]:
    """Numbers of items and their results. What Ray gave up is tried once more, one by one."""
    import ray

    size = min(_PIECE, -(-len(items) // (workers * _PIECES)))
    pieces = [list(range(at, min(at + size, len(items)))) for at in range(0, len(items), size)]
    kept = ray.put(job)
    try:
        missing = yield from _pieces(cluster, items, pieces, kept, workers)
        singles = [[number] for piece in missing for number in piece]
        gone = (yield from _pieces(cluster, items, singles, kept, workers)) if singles else []
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"the Ray cluster is gone ({first_line(error)}); what was finished is kept: run the same command again"
        ) from error
    for piece in gone:
        yield piece, [lost(items[number]) for number in piece]


def _pieces(
    cluster: Cluster, items: Sequence[T], pieces: Sequence[list[int]], kept: Any, workers: int
) -> Generator[tuple[list[int], Sequence[R]], None, list[list[int]]]:
    """Gives out pieces and takes in what becomes of them; returns those that never came back."""
    rows = [
        {"piece": at, "items": pickle.dumps([items[number] for number in piece])} for at, piece in enumerate(pieces)
    ]
    waiting = dict(enumerate(pieces))
    for batch in _asked(cluster, rows, kept, workers):
        for at, made in zip(batch["piece"], batch["results"], strict=True):
            results = pickle.loads(made)
            if isinstance(results, WhenceError):
                raise results
            piece = waiting.pop(int(at), None)
            if piece is not None:
                yield piece, results
    return list(waiting.values())


def _asked(cluster: Cluster, rows: list[dict[str, Any]], kept: Any, workers: int) -> Iterator[dict[str, Any]]:
    """Ray Data's stream of finished rows. It holds back what would fill its memory while nobody takes rows from it."""
    import ray.data

    work: Any = _worked  # Ray types batches too narrowly
    with quiet():
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # they are tried again by us
        context.print_on_execution_start = False
        _hush()
        data = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            work,
            batch_size=1,
            fn_args=([kept],),
            num_cpus=1,
            num_gpus=cluster.gpus or None,
            max_calls=0 if cluster.gpus else None,  # or what is on the graphics card is loaded anew for each piece
            concurrency=workers,
            max_retries=_RETRIES,
        )
    yield from data.iter_batches(batch_size=None, prefetch_batches=0)


@contextmanager
def quiet() -> Iterator[None]:
    """Without warnings that are not for us: of Ray about itself, and of LanceDB about processes that Ray starts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ray\.")
        # Until Ray names it otherwise, as announced, this is how to end the retries of what kills every worker.
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated", DeprecationWarning)
        warnings.filterwarnings("ignore", "lancedb fork support is experimental", RuntimeWarning)
        yield


def _hush() -> None:
    """What workers died of is told by us; Ray keeps it all in its log files."""
    for handler in logging.getLogger("ray.data").handlers:
        if type(handler).__name__ != "SessionFileHandler":
            handler.setLevel(logging.CRITICAL + 1)


_jobs: dict[str, Job[Any, Any]] = {}
"""Of this worker's process: the newest alone."""


def _worked(batch: dict[str, Any], kept: list[Any]) -> dict[str, Any]:
    """Runs in a worker: one piece. What we raise on purpose is a result, for it ends the work; the rest is Ray's."""
    import ray

    name = kept[0].hex()
    if name not in _jobs:
        _jobs.clear()
        _jobs[name] = ray.get(kept[0])
    results: Any
    try:
        results = _jobs[name](pickle.loads(batch["items"][0]))
    except WhenceError as error:
        results = error
    return {"piece": batch["piece"], "results": [pickle.dumps(results)]}
