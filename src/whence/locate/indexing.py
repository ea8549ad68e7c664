"""Photos into a gallery: only what is new or changed, in batches that are each complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from whence.cluster import Cluster
from whence.errors import InputError
from whence.gallery.storage import Storage
from whence.gallery.store import Store, lock
from whence.locate.indexrun import IndexRun
from whence.locate.intake import Intake
from whence.locate.opening import open_gallery
from whence.locate.progress import IndexReport, Progress
from whence.locate.reading import Reader
from whence.locate.roots import check_root
from whence.photos.cameras import check_fov
from whence.photos.threads import one_thread_each
from whence.recipes import Recipe, load_recipe


def index(
    source: str | os.PathLike[str] | Intake,
    gallery: str | os.PathLike[str] | Storage,
    *,
    recipe: str | Recipe | None = None,
    crs: str | None = None,
    layout: str | None = None,
    part: str | None = None,
    tolerance_m: float | None = None,
    thumbnails: bool = True,
    workers: int | None = None,
    gpx: Sequence[str | os.PathLike[str]] = (),
    gpx_offset_s: float = 0.0,
    root: str | os.PathLike[str] | None = None,
    fov_deg: float | None = None,
    duplicates: str | None = None,
    reader: Reader | None = None,
    cluster: Cluster | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> IndexReport:
    """Adds photos with known positions to a gallery, making it if there is none.

    A second run reads only files that are new or changed. Stopping it, even by ``kill -9``, loses the batch in work and
    nothing else.

    Args:
        source: Folder of photos with positions in or beside them, CSV with path and lat,lon or x,y, or a data set. Or
            what was opened as one already, with its own crs, layout, part and tracks.
        gallery: Folder of the gallery, or its address in object storage, such as ``s3://bucket/folder``.
        recipe: Name, TOML file or recipe; None for the gallery's own, or the default for a new one.
        crs: ``wgs84``, ``local`` or ``EPSG:n`` (x east, y north); None to follow the source.
        layout: How a data set is laid out, such as ``utm``; None if that is plain, and for anything else.
        part: Part of a data set, such as ``test/database``.
        tolerance_m: Errors up to this count as right; None for 25 m, or 2 % of the extent of a local plane.
        thumbnails: Whether to keep small pictures.
        workers: Threads; None for one per core.
        gpx: GPX files, and folders of them: where to look up, by their time, photos that nothing else places.
        gpx_offset_s: What the camera's clock shows, less UTC. For times without a zone only; by default they are UTC.
        root: Folder that stored paths are relative to, or where it is now, if it was moved; None for the source's own,
            and what the gallery has. A source that is the gallery's root, moved, is recognised.
        fov_deg: Field of view along the longest side of all photos whose camera neither table nor EXIF tells; None for
            what the gallery has.
        duplicates: What becomes of near duplicates, such as a photo compressed anew: ``keep``, or ``drop`` all but the
            one with the most pixels; None for what the gallery has, at first to keep them.
        reader: What makes pixels of the files; None to decode them in this process.
        cluster: Whose workers read and describe the photos, with the same result; None for threads of this process.
            They need photos and gallery under the same paths.
        progress: Called now and then.

    Raises:
        InputError: The source or an option cannot be used.
        GalleryError: The gallery cannot be used or is being written by another process.
    """
    start = perf_counter()
    if tolerance_m is not None and not (np.isfinite(tolerance_m) and tolerance_m > 0):
        raise InputError(f"tolerance {tolerance_m} m: expected a number above 0")
    folder = Storage.of(gallery)
    chosen = recipe if isinstance(recipe, Recipe) or recipe is None else load_recipe(recipe)
    if workers is not None and workers < 1:
        raise InputError(f"workers {workers}: expected at least 1")
    check_fov(fov_deg)
    if duplicates not in (None, "keep", "drop"):
        raise InputError(f"duplicates {duplicates}: expected keep or drop")
    named_root = check_root(root)
    intake = (
        source
        if isinstance(source, Intake)
        else Intake.open(Path(source), crs=crs, layout=layout, part=part, gpx=gpx, gpx_offset_s=gpx_offset_s)
    )
    Store.check_place(folder)  # before the lock leaves its file in a folder that is not ours
    with lock(folder):
        place = named_root or intake.place
        store, pipeline = open_gallery(folder, chosen, intake.crs, tolerance_m, place, duplicates)
        intake.check_fits(store)
        run = IndexRun(
            store, pipeline, intake, thumbnails, workers or os.cpu_count() or 1, named_root, reader, cluster, progress
        )
        if fov_deg is not None:
            run.state_fov(fov_deg)
        with one_thread_each:
            try:
                run.photos()
                if not run.report.interrupted:
                    run.finish()
            except KeyboardInterrupt:  # the photos are safe, and the next run learns
                run.report.interrupted = True
    run.report.total, run.report.seconds = run.writer.count, perf_counter() - start
    return run.report
