"""Joining a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from whence.cluster.spread import Job, quiet, spread
from whence.errors import InputError, MissingExtraError, first_line

LOCAL = "local"
"""In the place of an address: the cluster that RAY_ADDRESS names, or one started here for the time of the work."""

_CONNECT_S = 10.0
"""Longest wait for the port of a cluster's head."""

T = TypeVar("T")
R = TypeVar("R")


class Cluster:
    """A Ray cluster for the time of a ``with`` block.

    Every worker is one process with one core, and perhaps a share of a graphics card. All machines need the same
    versions of Python, Ray and whence, and the same files under the same paths. Ray's usage statistics are switched off
    in what is started here; those of a cluster that was started elsewhere are for who started it.

    Example:
        >>> with Cluster("head.example:6379") as cluster:  # doctest: +SKIP
        ...     whence.index("photos", "my-gallery", cluster=cluster)
    """

    def __init__(self, address: str = LOCAL, *, workers: int | None = None, gpus: float = 0.0) -> None:
        """
        Args:
            address: ``host:port`` of a cluster's head; ``auto`` for the one that runs on this machine; ``local`` for
                the one that ``RAY_ADDRESS`` names, or one of this machine's cores that is started here.
            workers: At most so many; None for one on every core (or on every share of a graphics card).
            gpus: Graphics cards per worker; may be a fraction.

        Raises:
            InputError: A number out of range.
            MissingExtraError: Ray is not installed.
        """
        if workers is not None and workers < 1:
            raise InputError(f"workers {workers}: expected at least 1")
        if not 0 <= gpus < float("inf"):
            raise InputError(f"gpus {gpus:g}: expected 0 or more per worker")
        self._address, self._most, self._gpus = address, workers, gpus
        self._ours = False
        self._ray = _load(alone=_named(address) == LOCAL)

    def __enter__(self) -> Cluster:
        """Joins or starts it.

        Raises:
            InputError: There is none at the address, or none of its machines can do the work.
        """
        if not self._ray.is_initialized():
            address = _named(self._address)
            self._check_there(address)
            try:
                with quiet(), _cut_off(address == LOCAL):
                    self._ray.init(
                        address,
                        log_to_driver=False,
                        logging_level=logging.CRITICAL,
                        include_dashboard=False if address == LOCAL else None,
                    )
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                raise self._nobody(error) from error
            self._ours = True
        try:
            self.workers  # noqa: B018 -- a cluster without a core for us is told before any work
        except InputError:
            self.__exit__()
            raise
        return self

    def _check_there(self, address: str) -> None:
        """Ray would try for minutes, and tell it in its own words."""
        host, colon, port = address.rpartition(":")
        if "://" in address or not colon or not port.isdigit():
            return
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
        except (OSError, OverflowError) as error:
            raise self._nobody(error) from error

    def _nobody(self, error: Exception) -> InputError:
        return InputError(
            f"--ray {self._address}: no Ray cluster can be joined there ({first_line(error)}); start one with "
            "`ray start --head`, or leave the address out"
        )

    def __exit__(self, *_: object) -> None:
        """Leaves it, and stops what was started."""
        if self._ours:
            self._ray.shutdown()
            self._ours = False

    @property
    def workers(self) -> int:
        """How many can work side by side now.

        Raises:
            InputError: None, as where no machine has the graphics cards that were asked for.
        """
        there = self._ray.cluster_resources()
        count = int(there.get("CPU", 0))
        if self._gpus:
            count = min(count, int(there.get("GPU", 0) / self._gpus))
        if not count:
            kind = f"a core and {self._gpus:g} graphics cards" if self._gpus else "a core"
            raise InputError(f"--ray {self._address}: no machine of the cluster has {kind} for a worker")
        return min(count, self._most or count)

    def spread(
        self, items: Iterable[T], job: Callable[[], Job[T, R]], lost: Callable[[T], R]
    ) -> Generator[tuple[Sequence[T], Sequence[R]]]:
        """What a job makes of each item: pieces of the items and their results, in order.

        Every item comes back exactly once, whatever becomes of the machines. Items are taken as they are needed, some
        thousand per worker ahead.

        Args:
            items: That can be pickled.
            job: Asked before each piece is given out; where it is another one than before, all that has not come back
                yet is done by the new one.
            lost: What to say of an item that workers died of, again and again. Such items come after their neighbours.

        Raises:
            WhenceError: What a worker raised.
            ClusterError: The cluster is gone.
        """
        yield from spread(self, items, job, lost)

    @property
    def gpus(self) -> float:
        """Graphics cards per worker."""
        return self._gpus


@contextmanager
def _cut_off(alone: bool) -> Iterator[None]:
    """What is started meanwhile asks nobody on the network.

    With its statistics switched off, Ray 2.60 still asks the metadata services of three clouds whether it runs there,
    and reports that the statistics are off. There is no switch, but it heeds proxies: here one where nobody listens.
    """
    nobody = "http://127.0.0.1:9"
    said = {"http_proxy": nobody, "https_proxy": nobody, "no_proxy": "127.0.0.1,localhost"}
    said = {**said, **{name.upper(): value for name, value in said.items()}, "RAY_USAGE_STATS_REPORT_URL": nobody}
    before = {name: os.environ.get(name) for name in said}
    try:
        if alone:
            os.environ.update(said)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _named(address: str) -> str:
    return os.environ.get("RAY_ADDRESS", LOCAL) if address == LOCAL else address


def _load(*, alone: bool) -> Any:
    """Ray, without its usage statistics."""
    if alone:  # whoever reaches a node of Ray can run programs there: it is to listen to this machine alone
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when it is imported, and by what it starts
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # its coming default; it warns of the old one
    try:
        with quiet():
            import ray
            import ray.data
    except ImportError as error:
        raise MissingExtraError("many machines (--ray)", "cluster") from error
    return ray
