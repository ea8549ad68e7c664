"""``whence collect``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli import interruptible
from whence.cli.console import complain, count, progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.collect.collecting import CollectReport, Progress
    from whence.collect.request import Area
    from whence.types import LatLon

NAME = "collect"
_STAGES = {"listing": "listing", "pictures": "fetching pictures"}
_NAMED = 5
"""Failed pictures named one by one; all are counted by reason."""


def command(
    source: Annotated[str, typer.Argument(help="flickr, commons, mapillary, panoramax, or a service of a plugin.")],
    out: Annotated[Path, typer.Option(help="Folder for photos and tables; one that was begun is gone on with.")],
    bbox: Annotated[str | None, typer.Option(metavar="S,W,N,E", help="Collect in this box, in degrees.")] = None,
    near: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Collect near a town (extra places), or near LAT,LON.")
    ] = None,
    radius_km: Annotated[float | None, typer.Option(help="How near, in kilometres.")] = None,
    query: Annotated[str, typer.Option(help="Only what this text finds (flickr, commons).")] = "",
    classes: Annotated[
        Path | None,
        typer.Option(help="CSV with label and place or bbox, perhaps query, radius_km and limit: one class a row."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="No more photos than so many, of each class.")] = None,
    list_only: Annotated[bool, typer.Option("--list-only", help="Only list.csv, no pictures.")] = False,
    licence: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Licences to take, such as open,by-nc; the open ones if not given."),
    ] = None,
    size: Annotated[int, typer.Option(help="Longest side of pictures in pixels, about.")] = 1024,
    accuracy: Annotated[
        float | None, typer.Option(help="Leave out positions known to be worse than so many metres.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Ask for the list anew, and whether pictures have changed.")
    ] = False,
    contact: Annotated[
        str, typer.Option(envvar="WHENCE_CONTACT", help="Your mail address or page, for operators of the service.")
    ] = "",
    base: Annotated[str | None, typer.Option(metavar="URL", help="Another address of the service.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests a second; what the service allows if not given.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Pictures at once.")] = 4,
) -> None:
    """Collect open photos with positions from a service, through its official interface.

    First a list is made, then the pictures are fetched. A run that was stopped goes on when it is repeated.
    `whence index` reads the folder's photos.csv; ATTRIBUTION.txt names the authors.
    Keys are read from WHENCE_FLICKR_KEY and WHENCE_MAPILLARY_KEY, or from the system's keyring.
    """
    from whence.collect.collecting import collect

    areas = _areas(bbox, near, radius_km, query, classes, limit)
    interruptible(galleries=False)
    with progress_bar() as bar:
        task = bar.add_task("listing", total=None, rate="")
        begun = {"listing": perf_counter()}

        def show(progress: Progress) -> None:
            since = begun.setdefault(progress.stage, perf_counter())
            rate = f"{progress.done / max(perf_counter() - since, 1e-6):.1f}/s"
            words = _STAGES[progress.stage]
            bar.update(task, completed=progress.done, total=progress.total, rate=rate, description=words)

        done = collect(
            source,
            areas,
            out,
            licences=licence,
            size_px=size,
            worst_accuracy_m=accuracy,
            list_only=list_only,
            update=update,
            base=base,
            per_second=rate,
            contact=contact,
            workers=workers,
            progress=show,
            notice=say,
        )
    _print(done, list_only)
    if done.interrupted:
        complain("interrupted; what was finished is kept, run the same command again to go on")
        raise typer.Exit(130)
    if done.failed or done.given_up:
        raise typer.Exit(1)


def _areas(
    bbox: str | None, near: str | None, radius_km: float | None, query: str, classes: Path | None, limit: int | None
) -> list[Area]:
    from whence.collect import request

    if classes is None:
        return [request.area(bbox, near, radius_km, query, _town, limit=limit)]
    if bbox is not None or near is not None:
        raise InputError("--classes says where; leave --bbox and --near out")
    return request.classes(classes, radius_km, query, limit, _town)


def _town(name: str) -> LatLon:
    from whence.geo.gazetteer import find_town

    town, others = find_town(name)
    also = f"; not {'; '.join(one.name for one in others)}" if others else ""
    say(f"{name} is {town.name} ({town.position.lat:.4f},{town.position.lon:.4f}){also}")
    return town.position


def _print(done: CollectReport, list_only: bool) -> None:
    for name, reason in done.failed[:_NAMED]:
        say(f"failed {name}: {reason}")
    if len(done.failed) > _NAMED:
        for reason, number in Counter(reason for _, reason in done.failed).most_common(_NAMED):
            say(f"failed {count(number, 'picture')}: {reason}")
    if done.given_up:
        complain(f"{done.given_up}; run the same command again later to go on")
    if done.crowded:
        say(f"{count(done.crowded, 'place')} with more photos than the service gives: some are missing")
    left = [
        (done.outside, "outside the area"),
        (done.refused, "with another licence or too coarse a position"),
        (done.unusable, "without an address or no photos"),
    ]
    dropped = "; ".join(f"{number:,} {words}" for number, words in left if number)
    say(f"{count(done.listed, 'photo')} listed" + (f" (left out: {dropped})" if dropped else ""))
    made = f"{count(done.requests, 'request')}, {done.seconds:.1f} s"
    if list_only:
        say(f"{done.out / 'list.csv'}: the list ({made})")
        return
    parts = [f"{done.fetched:,} fetched ({done.bytes / 1e6:.1f} MB)", f"{len(done.failed):,} failed"]
    say(f"{'; '.join(parts)}. {done.out}: {count(done.pictures, 'picture')} ({made})")
    if done.pictures:
        say(f"next: whence index {done.out / 'photos.csv'} --gallery GALLERY")
