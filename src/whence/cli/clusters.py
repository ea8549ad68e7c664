"""Options for work on many machines; see ``whence.cluster``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from whence.cluster import Cluster

Ray = Annotated[
    str | None,
    typer.Option(
        metavar="[ADDRESS]",
        help="Work on a Ray cluster, at host:port; without an address on one of this machine's cores, started for it.",
    ),
]
RayGpus = Annotated[
    float, typer.Option(min=0, help="Graphics cards per worker of --ray, such as 0.5; --workers says how many workers.")
]
_ADDRESS = re.compile(r"local|auto|\S+:\d+")


def with_addresses(words: Sequence[str]) -> list[str]:
    """The words of a command line, with ``--ray`` alone as ``--ray=local``: its address may be left out."""
    found = list(words)
    for at, word in enumerate(found):
        if word == "--":
            break
        if word == "--ray" and not _ADDRESS.fullmatch(found[at + 1] if at + 1 < len(found) else ""):
            found[at] = "--ray=local"
    return found


def joined(ray: str | None, workers: int | None, gpus: float) -> AbstractContextManager[Cluster | None]:
    """The cluster that was asked for, if any. To be entered before libraries are loaded that mind forks."""
    if ray is None:
        return nullcontext()
    from whence.cluster import Cluster

    return Cluster(ray, workers=workers, gpus=gpus)
