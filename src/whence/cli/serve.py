"""``whence serve``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whence.cli.console import say
from whence.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from whence.gallery.gallery import Gallery
    from whence.web.page.plan import Plan

NAME = "serve"
TOKEN, REVIEW = "WHENCE_TOKEN", "WHENCE_REVIEW_TOKEN"
"""Environment variables with the tokens."""


def command(
    gallery: Annotated[str, typer.Option(help="Folder of the gallery, or s3://bucket/folder.")],
    host: Annotated[
        str, typer.Option(help="Address to listen at; beyond this computer only with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 lets the system choose.")] = 8080,
    token_file: Annotated[
        Path | None, typer.Option(help=f"File with the token that requests have to show; or set {TOKEN}.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Let everybody who reaches the server in.")] = False,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Name that the server is reached by, as behind a proxy. Repeatable.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Neither paths nor groups of gallery photos.")] = False,
    allow_changes: Annotated[
        bool,
        typer.Option(
            "--allow-changes", help="Let photos of the gallery be deleted (by reviewers, if they have a token)."
        ),
    ] = False,
    places: Annotated[bool, typer.Option("--places", help="Name the nearest town (GeoNames, CC BY 4.0).")] = False,
    root: Annotated[Path | None, typer.Option(help="Where the folder that was indexed is now.")] = None,
    tiles: Annotated[
        bool, typer.Option("--tiles", help="Show OpenStreetMap from the start; its servers then see what is looked at.")
    ] = False,
    plan: Annotated[Path | None, typer.Option(help="Image of a floor plan, for galleries on a local plane.")] = None,
    plan_point: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN,ROW=X,Y: a pixel of the plan and its place in metres. Twice.", metavar="TEXT"),
    ] = None,
    contributions: Annotated[
        Path | None, typer.Option(help="Folder to keep photos in that others bring; without it none are taken.")
    ] = None,
    review_token_file: Annotated[
        Path | None, typer.Option(help=f"File with the token of those who decide on contributions; or set {REVIEW}.")
    ] = None,
    upload_mb: Annotated[int, typer.Option(help="Largest request; batches may have 16 times as much.")] = 64,
    per_minute: Annotated[int, typer.Option(help="Photos that one client may ask in a minute.")] = 240,
    workers: Annotated[int | None, typer.Option(min=1, help="Photos at a time; one per core if not given.")] = None,
) -> None:
    """Answer over HTTP: a page with a map, and an interface for programs under /api/v1."""
    try:
        from whence.web.options import ServeOptions
        from whence.web.running import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("whence"):
            raise
        raise MissingExtraError("servers", "web") from error
    from whence.gallery.gallery import Gallery

    options = ServeOptions(
        host=host,
        port=port,
        token=_token("--token-file", token_file, TOKEN),
        insecure=insecure,
        hosts=tuple(name.lower() for name in allow_host or ()),
        private=private,
        changes=allow_changes,
        upload_mb=upload_mb,
        batch_mb=16 * upload_mb,
        per_minute=per_minute,
        workers=workers or os.cpu_count() or 1,
        tiles=tiles,
        contributions=contributions,
        review_token=_token("--review-token-file", review_token_file, REVIEW),
    )
    opened = Gallery.open(gallery, root=root)
    serve(
        opened,
        options,
        places=places,
        begun=lambda address: say(f"serving {gallery} at {address} (Ctrl-C ends it)"),
        plan=_plan(opened, plan, plan_point or []),
    )


def _plan(gallery: Gallery, image: Path | None, points: list[str]) -> Plan | None:
    if image is None:
        if points:
            raise InputError("--plan-point says where a plan lies; give its image by --plan")
        return None
    from whence.types import Crs
    from whence.web.page.mounting import y_down
    from whence.web.page.plan import Plan, Reference

    if gallery.settings.crs is Crs.WGS84:
        raise InputError("--plan is for galleries on a local plane, and this one has latitudes and longitudes")
    return Plan.load(image, [Reference.parse(point) for point in points], y_down=y_down(gallery))


def _token(option: str, file: Path | None, variable: str) -> str | None:
    if file is None:
        return os.environ.get(variable) or None
    try:
        said = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{option} {file} cannot be read") from error
    if not said:
        raise InputError(f"{option} {file} is empty; expected a token of at least 16 characters")
    return said
