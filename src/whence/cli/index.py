"""``whence index``."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli import clusters, interruptible
from whence.cli.console import check_place, complain, count, progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.locate.progress import IndexReport, Progress

NAME = "index"
_STAGES = {"photos": "indexing", "learning": "learning a vocabulary", "calibrating": "asking its own photos"}
_NAMED = 10
"""Skipped photos named one by one; the others are counted by reason."""


def command(
    source: Annotated[
        Path,
        typer.Argument(help="Folder of photos with GPS positions, CSV with path and lat,lon or x,y, or a data set."),
    ],
    gallery: Annotated[
        str, typer.Option(help="Folder of the gallery, or s3://bucket/folder; made if it is not there.")
    ],
    recipe: Annotated[str | None, typer.Option(help="Recipe or TOML file; see `whence recipes`.")] = None,
    crs: Annotated[str | None, typer.Option(help="What positions of a CSV mean: wgs84, local or EPSG:n.")] = None,
    layout: Annotated[str | None, typer.Option(help="How a data set is laid out; see `whence datasets`.")] = None,
    part: Annotated[str | None, typer.Option(help="Part of a data set, such as test/database.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="An error of so many metres still counts as right.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write what was done and skipped to this JSON file.")] = None,
    strict: Annotated[bool, typer.Option(help="Exit with 1 if any photo was skipped.")] = False,
    thumbnails: Annotated[bool, typer.Option(help="Keep small pictures for pages and explanations.")] = True,
    gpx: Annotated[
        list[Path] | None, typer.Option(help="GPX file, or folder of them; places photos by their time. Repeatable.")
    ] = None,
    gpx_offset: Annotated[
        str,
        typer.Option(
            help="Camera's clock minus UTC, such as +02:00, +0530 or -3600 (seconds); for times without a zone."
        ),
    ] = "0",
    root: Annotated[
        Path | None, typer.Option(help="Folder that stored paths are relative to; where it is now, if it was moved.")
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            help="Field of view in degrees, along the longest side, of photos whose camera nothing else tells."
        ),
    ] = None,
    duplicates: Annotated[
        str | None, typer.Option(help="keep near duplicates, or drop all but the largest; the gallery remembers.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
    ray: clusters.Ray = None,
    ray_gpus: clusters.RayGpus = 0.0,
) -> None:
    """Add photos with known positions to a gallery. Only new and changed photos are read."""
    from whence.locate.indexing import index
    from whence.locate.intake import Intake
    from whence.photos import files
    from whence.photos.decode import SUFFIXES
    from whence.photos.tracks import parse_offset

    interruptible()
    if report is not None:
        check_place("--report", report, [source, *(gpx or ())], "index")
        if report.is_file() and report.name.lower().endswith((*SUFFIXES, ".gpx")):
            raise InputError(f"--report {report} may be one of the files to index; name a .json file")
    with progress_bar() as bar:
        task = bar.add_task("reading", total=None, rate="")
        started = perf_counter()

        def show(progress: Progress) -> None:
            rate = f"{progress.done / max(perf_counter() - started, 1e-6):.1f}/s"
            words = _STAGES[progress.stage]
            bar.update(task, completed=progress.done, total=progress.total, rate=rate, description=words)

        offset_s = parse_offset(gpx_offset)
        intake = Intake.open(source, crs=crs, layout=layout, part=part, gpx=gpx or (), gpx_offset_s=offset_s)
        with clusters.joined(ray, workers, ray_gpus) as cluster:
            done = index(
                intake,
                gallery,
                recipe=recipe,
                tolerance_m=tolerance,
                thumbnails=thumbnails,
                workers=workers,
                root=root,
                fov_deg=fov,
                duplicates=duplicates,
                cluster=cluster,
                progress=show,
            )
    _print(done)
    if report is not None:
        try:
            files.write(report, (json.dumps(_as_json(done), indent=1) + "\n").encode())
        except OSError as error:
            raise InputError(f"--report {report} cannot be written: {error.strerror or error}") from error
    if done.interrupted:
        complain("interrupted; what was finished is kept, run the same command again to go on")
        raise typer.Exit(130)
    if done.total == 0:
        complain(
            f"no photo of {source} could be indexed; each needs a position: in its EXIF or XMP data, in a sidecar, "
            "in a GPX track (--gpx), or in a row of a CSV"
        )
        raise typer.Exit(1)
    if strict and done.skipped:
        raise typer.Exit(1)


def _print(done: IndexReport) -> None:
    for skipped in done.skipped[:_NAMED]:
        say(f"skipped {skipped.name}: {skipped.reason}")
    if len(done.skipped) > _NAMED:
        say(f"... and {len(done.skipped) - _NAMED:,} more skipped (name all with --report FILE)")
    parts = [f"{done.added:,} added"]
    parts += [f"{number:,} {what}" for number, what in _others(done) if number]
    read = done.added + done.changed
    rate = f", {read / done.seconds:.1f} photos/s" if read else ""
    say(f"{'; '.join(parts)}. {done.gallery}: {count(done.total, 'photo')} ({done.seconds:.1f} s{rate})")
    if done.root is not None:
        say(f"paths in the gallery are now relative to {done.root}")
    if done.lost_root is not None:
        say(f"the folder that the gallery's paths are relative to, {done.lost_root}, is not there; name it by --root")
    if done.learned:
        say("the gallery learned a vocabulary of its own from its photos")


def _others(done: IndexReport) -> list[tuple[int, str]]:
    return [
        (done.changed, "changed"),
        (done.moved, "moved"),
        (done.unchanged, "unchanged"),
        (len(done.skipped), "skipped"),
    ]


def _as_json(done: IndexReport) -> dict[str, object]:
    return {
        "gallery": str(done.gallery),
        "added": done.added,
        "changed": done.changed,
        "moved": done.moved,
        "unchanged": done.unchanged,
        "total": done.total,
        "seconds": round(done.seconds, 3),
        "interrupted": done.interrupted,
        "skipped": [{"path": skipped.name, "reason": skipped.reason} for skipped in done.skipped],
    }
