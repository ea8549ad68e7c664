"""From a request to a folder of photos with positions: first the list, then the pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

from whence import plugins
from whence.collect import keys
from whence.collect.downloads import Downloader
from whence.collect.fetching import Limits
from whence.collect.folder import LOCK, Folder
from whence.collect.http import Client
from whence.collect.licences import permitted
from whence.collect.pacing import Pace, StoppedError
from whence.collect.request import Area, Request
from whence.collect.source import Listed, RemoteSource, Wanted
from whence.collect.sweep import Sum, sweep
from whence.errors import InputError
from whence.photos import files

WORKERS = 4
SIZE_PX = 1024
_SMALLEST_PX = 64
_LARGEST_M2 = 1e12
"""Some services are asked in pieces of a hundred square kilometres, sea or not."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        stage: ``listing`` or ``pictures``.
        done: Photos listed, or pictures settled.
        total: None while the list grows.
    """

    stage: str
    done: int
    total: int | None


@dataclass
class CollectReport:
    """What a run did.

    Attributes:
        out: The folder.
        listed: Photos in the list.
        pictures: That are in the folder now.
        fetched: That came in this run.
        bytes: Of them.
        failed: Ids of pictures that could not be had, and why.
        outside: Results that lay outside the area.
        refused: Results with a licence that is not taken, or too coarse a position.
        unusable: Results without an address, or that are no photos.
        crowded: Cells that hold more photos than the service gives.
        requests: That were made.
        seconds: That it took.
        interrupted: By Ctrl-C; everything is kept, and the same call goes on.
        given_up: Why not all was asked for; empty if all was.
    """

    out: Path
    listed: int = 0
    pictures: int = 0
    fetched: int = 0
    bytes: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    outside: int = 0
    refused: int = 0
    unusable: int = 0
    crowded: int = 0
    requests: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    given_up: str = ""


def collect(
    source: str,
    areas: Sequence[Area],
    out: str | Path,
    *,
    licences: str | None = None,
    size_px: int = SIZE_PX,
    worst_accuracy_m: float | None = None,
    list_only: bool = False,
    update: bool = False,
    base: str | None = None,
    per_second: float | None = None,
    contact: str | None = None,
    workers: int = WORKERS,
    limits: Limits | None = None,
    pace: Pace | None = None,
    progress: Callable[[Progress], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> CollectReport:
    """Collects photos of a service. A run that was stopped or killed goes on where it was.

    Args:
        source: Name of a registered service (group ``whence.collectors``).
        areas: What to collect; a photo that several hold belongs to the first.
        out: Folder to make or to go on with.
        licences: Kinds that are taken, as for ``licences.permitted``; None for the open ones.
        size_px: Longest side of pictures, as near as the service has it.
        worst_accuracy_m: Positions known to be worse are left out.
        list_only: No pictures.
        update: Asks for the list anew, and whether pictures have changed.
        base: Another address of the service.
        per_second: Requests; None for what the service allows.
        contact: Of whoever runs this, for operators of the service.
        workers: Pictures at once.
        limits: Of each picture.
        pace: Patience with servers.
        progress: Called now and then.
        notice: Called when a server makes the run wait, with words for the user.

    Raises:
        CollectError: The service refuses, or is out of reach.
        InputError: What is asked for makes no sense, or the folder cannot be used.
        MissingExtraError: Without the extra ``collect``.
        RecipeError: There is no such service.
    """
    made: type[RemoteSource] = plugins.load(plugins.COLLECTORS, source)
    _check(source, made, areas, base, size_px, worst_accuracy_m, per_second, workers)
    kinds = permitted(licences)
    request = Request(source, base, tuple(areas), tuple(sorted(kinds)), size_px, worst_accuracy_m)
    secret = keys.find(made.key_name, made.key_help) if made.key_name else None
    address = base or made.base
    client = Client(
        address,
        own=base is not None,
        per_second=per_second or made.per_second,
        contact=contact or "",
        secret=secret,
        pace=pace,
        notice=notice,
    )
    tell = progress or (lambda progress: None)

    def asked(query: str) -> RemoteSource:
        return made(client, address, secret, Wanted(query, kinds, size_px, worst_accuracy_m))

    folder_path = Path(out)
    busy = InputError(f"--out {out}: another process is collecting into it; wait for it, or name another folder")
    if folder_path.exists() and not folder_path.is_dir():
        raise InputError(f"--out {out} is a file; expected a folder")
    report = CollectReport(folder_path)
    started = perf_counter()
    with files.alone(folder_path, LOCK, busy):
        folder = Folder(folder_path, request, update=update)
        photos: dict[str, Listed] = {}
        try:
            _list(folder, asked, photos, report, tell)
            folder.write_list(photos.values())
            if not list_only:
                _fetch(folder, asked(""), client, photos, report, workers, limits or Limits(), update, tell)
        except (KeyboardInterrupt, StoppedError):
            client.end()
            report.interrupted = True
        finally:
            report.listed = len(photos)
            report.pictures = folder.write_tables(photos) if folder.pictures or (photos and not list_only) else 0
    report.requests, report.seconds = client.requests, perf_counter() - started
    return report


def _list(
    folder: Folder,
    asked: Callable[[str], RemoteSource],
    photos: dict[str, Listed],
    report: CollectReport,
    progress: Callable[[Progress], None],
) -> None:
    """Fills ``photos``, which what was known before it was interrupted stays in."""
    for number, one in enumerate(folder.request.areas):
        source, before = asked(one.query), len(photos)
        wanted = Wanted(one.query, frozenset(folder.request.licences), folder.request.size_px)
        wanted = replace(wanted, worst_accuracy_m=folder.request.worst_accuracy_m)
        found: Sum = sweep(
            source,
            one,
            wanted,
            folder.until_s,
            lambda cell, number=number: folder.known(number, cell),  # type: ignore[misc]
            lambda cell, swept, number=number: folder.keep(number, cell, swept),  # type: ignore[misc]
            lambda count, before=before: progress(Progress("listing", before + count, None)),  # type: ignore[misc]
        )
        for photo in list(found.photos.values())[: one.limit]:
            photos.setdefault(photo.id, replace(photo, label=one.label))
        report.outside += found.outside
        report.refused += found.refused
        report.unusable += found.unusable
        report.crowded += found.crowded


def _fetch(
    folder: Folder,
    source: RemoteSource,
    client: Client,
    photos: dict[str, Listed],
    report: CollectReport,
    workers: int,
    limits: Limits,
    update: bool,
    progress: Callable[[Progress], None],
) -> None:
    downloader = Downloader(source, client, folder, limits, update=update)
    total = len(photos)
    try:
        downloader.run(
            photos,
            workers,
            lambda done: progress(Progress("pictures", done, total)),
            lambda: folder.write_tables(photos),
        )
    finally:
        done = downloader.done
        report.fetched, report.bytes = done.fetched, done.bytes
        report.failed, report.given_up = done.failed, done.given_up


def _check(
    name: str,
    made: type[RemoteSource],
    areas: Sequence[Area],
    base: str | None,
    size_px: int,
    worst_accuracy_m: float | None,
    per_second: float | None,
    workers: int,
) -> None:
    if not areas:
        raise InputError("there is no area to collect from")
    if base is not None and ("?" in base or "#" in base):  # it is written down, and might hold a key
        raise InputError("--base: expected an address without ? and #; keys are read from the environment")
    if not made.has_text and any(one.query for one in areas):
        raise InputError(f"{name} cannot search for text; leave --query out, or ask flickr or commons")
    for one in areas:
        if one.box is not None and not one.query and math.prod(one.box.size_m) > _LARGEST_M2:
            raise InputError("the area is larger than a million square kilometres; name a smaller one, or a --query")
    if size_px < _SMALLEST_PX:
        raise InputError(f"--size {size_px}: expected at least {_SMALLEST_PX} pixels")
    if worst_accuracy_m is not None and not worst_accuracy_m > 0:
        raise InputError(f"--accuracy {worst_accuracy_m:g}: expected metres, above 0")
    if per_second is not None and not 0 < per_second <= 1000:
        raise InputError(f"--rate {per_second:g}: expected requests a second, above 0 and at most 1000")
    if workers < 1 or any(one.limit is not None and one.limit < 1 for one in areas):
        raise InputError("--workers and --limit: expected at least 1")
