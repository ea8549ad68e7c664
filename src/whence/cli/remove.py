"""``whence remove``."""

from __future__ import annotations

from typing import Annotated

import typer

from whence.cli import conditions
from whence.cli.console import complain, count, say
from whence.errors import InputError

NAME = "remove"


def command(
    gallery: Annotated[str, typer.Option(help="Folder of the gallery, or s3://bucket/folder.")],
    paths: Annotated[
        list[str] | None, typer.Argument(help="Photos or folders of photos: files, or paths as the gallery has them.")
    ] = None,
    group: Annotated[list[str] | None, typer.Option(help="Photos of this group; may be given several times.")] = None,
    near: conditions.Near = None,
    radius_km: conditions.RadiusKm = None,
    radius_m: conditions.RadiusM = None,
    bbox: conditions.Bbox = None,
    since: conditions.Since = None,
    until: conditions.Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the photos that would go.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Leave no bytes of removed photos in the gallery; close its readers first.")
    ] = False,
) -> None:
    """Remove photos from a gallery; their files are not touched.

    A photo goes if it meets every kind of condition given: any of the paths, any of the groups, the place, the time.

    It comes back if its source is indexed again.

    What was removed stays on disk in older versions of the gallery's tables until a later removal, a day on or more
    (in galleries of more than 10,000 photos until files are merged), unless --purge is given. Without a condition,
    --purge does it for what was removed before.
    """
    from whence.gallery.removal import remove
    from whence.gallery.where import Where

    if not (paths or group or near or bbox or since or until or radius_km or radius_m or purge):
        raise InputError("nothing says which photos to remove; name paths, --group, --near, --bbox, --since or --until")
    where = Where.parse(near, radius_km, radius_m, bbox, since, until)
    done = remove(gallery, paths or (), groups=group or (), where=where, dry_run=dry_run, purge=purge)
    for name in done.unmatched:
        complain(f"{name}: no photo of the gallery is or lies there, or is of that group")
    if dry_run:
        for path in done.paths:
            typer.echo(path)
        say(f"{count(len(done.paths), 'photo')} of {done.total:,} would be removed from {gallery}")
    else:
        say(f"{count(len(done.paths), 'photo')} removed. {gallery}: {count(done.total, 'photo')}")
    if done.unmatched:
        raise typer.Exit(1)
