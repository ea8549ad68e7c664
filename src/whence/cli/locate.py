"""``whence locate``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from whence.cli import clusters, conditions, interruptible
from whence.cli.console import check_place, complain, progress_bar, say
from whence.errors import InputError

if TYPE_CHECKING:
    from whence.cluster import Cluster
    from whence.locate.answers import Answer
    from whence.locate.batches import Keep
    from whence.locate.locator import Locator
    from whence.locate.telling import Teller
    from whence.present.evidence import Evidence
    from whence.types import Photo

NAME = "locate"
_PICTURED = ("kml", "kmz")
"""Formats that show the photos."""
_EXPLAINED = 4
"""Matches shown per photo."""


def command(
    photos: Annotated[
        list[str], typer.Argument(help="Photos, folders of photos, videos, or CSV files with a path column.")
    ],
    gallery: Annotated[str | None, typer.Option(help="Folder of the gallery, or s3://bucket/folder.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="In its place: folder of a model of `whence train` that answers by itself.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Another recipe that describes photos in the same way.")] = None,
    layout: Annotated[str | None, typer.Option(help="How a data set is laid out; see `whence datasets`.")] = None,
    part: Annotated[str | None, typer.Option(help="Part of a data set, such as test/queries.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="An error of so many metres still counts as right.")] = None,
    candidates: Annotated[int, typer.Option(min=1, help="Name at most so many gallery photos per answer.")] = 20,
    crs: Annotated[str | None, typer.Option(help="Give positions in this system: wgs84, local or EPSG:n.")] = None,
    sequence: Annotated[
        bool,
        typer.Option("--sequence", help="They are frames of one walk: locate them in the light of each other."),
    ] = False,
    every: Annotated[float, typer.Option(help="Ask a video for a frame every so many seconds.")] = 1.0,
    fov: Annotated[
        float | None,
        typer.Option(help="Field of view in degrees, along the longest side, of photos whose files do not tell it."),
    ] = None,
    places: Annotated[bool, typer.Option("--places", help="Name the nearest town (GeoNames, CC BY 4.0).")] = False,
    format: Annotated[
        str | None, typer.Option(help="table, jsonl, geojson, csv, gpx, kml or kmz; that of --out, else table.")
    ] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of --format csv, in this order: id,lat,lon")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the answers to this file instead of stdout.")] = None,
    explain: Annotated[
        Path | None, typer.Option(help="Write the evidence to this .html (or, for one photo, .png) file.")
    ] = None,
    near: conditions.Near = None,
    radius_km: conditions.RadiusKm = None,
    radius_m: conditions.RadiusM = None,
    bbox: conditions.Bbox = None,
    since: conditions.Since = None,
    until: conditions.Until = None,
    root: Annotated[Path | None, typer.Option(help="Where the folder that was indexed is now, for --explain.")] = None,
    private: Annotated[bool, typer.Option(help="Neither name nor show gallery photos; no pictures in KML.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; one per core if not given.")] = None,
    ray: clusters.Ray = None,
    ray_gpus: clusters.RayGpus = 0.0,
) -> None:
    """Say where photos were taken. Their own GPS positions are not looked at."""
    from whence.gallery.where import Where
    from whence.locate.locator import Locator
    from whence.photos.queries import queries
    from whence.present.explain import check_suffix, write_explanation
    from whence.present.formats import writer
    from whence.present.projected import projection
    from whence.types import Crs, Status

    if gallery is None and model is None:
        raise typer.BadParameter("expected --gallery DIR, or --model DIR for a trained model", param_hint="--gallery")
    interruptible()
    format = _format(format, out)
    where = Where.parse(near, radius_km, radius_m, bbox, since, until)
    asked = queries(photos, layout=layout, part=part, every_s=every, frames_of_walk=sequence)
    if explain is not None:
        check_suffix(explain, len(asked))
        check_place("--explain", explain, _inputs(explain, photos, asked))
    if out is not None:
        _check_out(out, _inputs(out, photos, asked), explain)
    picked = None if columns is None else [column.strip() for column in columns.split(",") if column.strip()]
    locator: Locator | Teller
    options: dict[str, Any]
    if model is not None:
        alone = {"--gallery": gallery, "--recipe": recipe, "--root": root, "--sequence": sequence, "--fov": fov}
        _check_alone({**alone, "conditions": where})
        options = {"tolerance_m": tolerance, "choices": candidates, "places": places}
        locator = _teller(model, workers, options)
        known = Crs.LOCAL if locator.model.metric else Crs.WGS84
    else:
        options = {
            "recipe": recipe,
            "tolerance_m": tolerance,
            "candidates": candidates,
            "where": where,
            "places": places,
            "fov_deg": fov,
        }
        locator = _locator(gallery, root, explain, workers, options)
        known = locator.gallery.settings.crs
    shown, converted = projection(crs, known)
    evidence: list[Evidence] = []
    failed = 0
    pictured = explain is not None or format in _PICTURED
    with (
        clusters.joined(ray, workers, ray_gpus) as cluster,
        _stream(out, format) as stream,
        writer(format, stream, crs=shown, private=private, columns=picked) as results,
    ):
        if cluster is None:
            answers = locator.answers(asked)
        else:
            answers = _by_cluster(cluster, locator, model, options, asked, "pixels" if pictured else "query")
        answers = _watched(answers, len(asked), out is not None)
        if sequence and isinstance(locator, Locator):
            if pictured and explain is None:
                answers = map(_shrunk, answers)
            answers = iter(locator.follow(answers, keep_pixels=pictured))
        for answer in answers:
            location = converted(answer.location)
            results.write(location, answer.query.pixels if answer.query else None)
            if location.status is Status.FAILED:
                failed += 1
                if format != "table" or out is not None:  # the table has the reason itself
                    complain(f"{location.path}: {location.error}")
            if explain is not None:
                evidence.append(_evidence(answer, locator))
    if explain is not None:
        positions = locator.positions
        write_explanation(explain, evidence, gallery=positions, tolerance_m=locator.tolerance_m, private=private)
    if failed:
        raise typer.Exit(1)


def _check_alone(given: Mapping[str, object]) -> None:
    """A model answers by itself."""
    for name, value in given.items():
        if value:
            raise InputError(f"--model answers without a gallery; leave out {name}")


def _teller(model: Path, workers: int | None, options: Mapping[str, Any]) -> Teller:
    from whence.direct.model import Model
    from whence.locate.telling import Teller

    return Teller(Model.load(model), workers=workers, **options)


def _locator(
    gallery: str | None, root: Path | None, explain: Path | None, workers: int | None, options: Mapping[str, Any]
) -> Locator:
    from whence.direct.model import is_model
    from whence.gallery.gallery import Gallery
    from whence.gallery.storage import is_address
    from whence.locate.locator import Locator

    assert gallery is not None
    if not is_address(gallery) and is_model(Path(gallery)):
        raise InputError(f"{gallery} is a trained model, not a gallery; name it by --model")
    opened = Gallery.open(gallery, root=root)
    if explain is not None and not opened.root.is_dir():
        say(f"the gallery's photos are no longer at {opened.root}; thumbnails are shown, or name the place by --root")
    return Locator(opened, workers=workers, **options)


def _by_cluster(
    cluster: Cluster,
    locator: Locator | Teller,
    model: Path | None,
    options: Mapping[str, Any],
    asked: Sequence[Photo],
    keep: Keep,
) -> Iterator[Answer]:
    from whence.locate.batches import LocateJob, TellJob, photos_asked
    from whence.locate.locator import Locator

    job: LocateJob | TellJob
    if isinstance(locator, Locator):  # the recipe's file may not be where workers are
        job = LocateJob.of(locator.gallery, {**options, "recipe": locator.pipeline.recipe}, keep)
    else:
        assert model is not None
        job = TellJob(model.absolute(), options, keep)
    return photos_asked(cluster, job, asked)


def _format(format: str | None, out: Path | None) -> str:
    from whence.present.formats import format_of

    if format is None:
        return "table" if out is None else format_of(out)
    return format


def _inputs(file: Path, photos: Sequence[str], asked: Sequence[Photo]) -> list[str | Path]:
    """What is read, of which ``file`` may be one."""
    return [*photos, *(photo.path for photo in asked if photo.path.name == file.name)]


def _check_out(out: Path, inputs: Sequence[str | Path], explain: Path | None) -> None:
    check_place("--out", out, inputs)
    if explain is not None and out.absolute() == explain.absolute():
        raise InputError(f"--out {out} and --explain name the same file")


def _stream(out: Path | None, format: str) -> AbstractContextManager[IO[Any]]:
    from whence.present.formats import is_binary
    from whence.present.output import result_file

    if out is None:
        return nullcontext(sys.stdout.buffer if is_binary(format) else sys.stdout)
    return result_file(out, binary=is_binary(format), kept=_tell_partial)


def _tell_partial(partial: Path, readable: bool) -> None:
    say(f"the answers so far are in {partial}{'' if readable else ', which was cut off when it could not be written'}")


def _watched(answers: Iterator[Answer], total: int, to_file: bool) -> Iterator[Answer]:
    """Answers, with a progress bar on stderr where results do not go to the same terminal."""
    if (sys.stdout.isatty() and not to_file) or total < 2:
        yield from answers
        return
    with progress_bar() as bar:
        task = bar.add_task("locating", total=total, rate="")
        for answer in answers:
            yield answer
            bar.advance(task)


def _shrunk(answer: Answer) -> Answer:
    """With no more pixels than formats show: all frames of a walk are kept until the last one is read."""
    from whence.present.formats.kml import THUMBNAIL_PIXELS
    from whence.present.page import shrunk

    if answer.query is None or answer.query.pixels is None:
        return answer
    return replace(answer, query=replace(answer.query, pixels=shrunk(answer.query.pixels, THUMBNAIL_PIXELS)))


def _evidence(answer: Answer, locator: Locator | Teller) -> Evidence:
    from whence.locate.evidence import evidence_of
    from whence.locate.telling import Teller
    from whence.present.evidence import Evidence, MatchView

    if isinstance(locator, Teller):
        pixels = answer.query.pixels if answer.query else None
        attention = None if pixels is None else locator.model.attention(pixels)
        return Evidence(pixels, answer.location, heat=answer.hypotheses, attention=attention)
    query, matched = evidence_of(answer, locator, _EXPLAINED)
    return Evidence(query, answer.location, [MatchView(*parts) for parts in matched])
