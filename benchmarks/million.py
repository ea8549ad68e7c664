"""How a gallery grows: time, memory and bytes a photo of everything that is done with it, at several sizes.

Galleries are those of ``crowd.py``, around the real photos of ``--gallery`` or of all sets below ``--data`` (without
them, of a rendered town). Every step runs in a process of its own, whose peak memory is told. CPU seconds are of all
threads of the step; the wall's are of a machine that may do other things. FAISS is asked the same queries for the same
vectors in one process with whence's own search.

    python benchmarks/million.py --sizes 10000 100000 1000000 --work FOLDER --plot docs/images/million.png
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

import crowd
import whence
from common import SETS, Row, heading, parser, photo_set, show, spread, work_folder, write_table
from common import _read as read_rows
from peak import peak_rss_bytes
from whence.gallery.gallery import Gallery
from whence.gallery.light import BURSTS
from whence.gallery.removal import remove
from whence.gallery.rows import NewPhoto
from whence.gallery.search import Mask, Search
from whence.gallery.storage import Storage, load_lancedb
from whence.gallery.store import Store, lock
from whence.gallery.where import Where
from whence.gallery.writer import Writer
from whence.geo.plane import Plane
from whence.locate.asking import Asker
from whence.locate.finishing import mark_of_photos, part_bursts
from whence.locate.likeness import LOOKS
from whence.locate.pipeline import Pipeline, recipe_of
from whence.types import XY, FloatArray, LatLon, Photo

RECIPE = "default-fast"
"""Its descriptors have 512 dimensions."""
ASKED, APPENDED, COMPARED, HNSW_UP_TO = 50, 1024, 1000, 200_000
_PLACES = {
    "getty": LatLon(34.0780, -118.4741),
    "fondren": LatLon(29.7183, -95.4003),
    "gardens_day": LatLon(-27.4773, 153.0286),
}
"""Where plans are laid: their metres are true, their place on the Earth is not looked at."""
_CENTRE_KM = 3.0
_YEAR = datetime(2018, 1, 1), datetime(2018, 12, 31)
Told = dict[str, Any]


def main() -> None:
    """Runs all steps at all sizes, or one of them."""
    made = parser(__doc__.splitlines()[0] if __doc__ else None, queries=60)
    made.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="photos")
    made.add_argument("--gallery", type=Path, help=f"a gallery of real photos on the Earth, made with {RECIPE}")
    made.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="in this order")
    made.add_argument("--plot", type=Path, help="draw the growth into this picture")
    made.add_argument("--one", help=argparse.SUPPRESS)
    args = made.parse_args()
    if args.one:
        start, spent = perf_counter(), process_time()
        told = STEPS[args.one](args.sizes[0], args.work, args.gallery)
        told |= {"wall s": perf_counter() - start, "CPU s": process_time() - spent, "peak MB": peak_rss_bytes() / 1e6}
        print(json.dumps(told))
        return
    heading("Growth")
    with work_folder(args.work) as work:
        base, results = args.gallery or _real(args, work), work / "million.json"
        _queries(base, args, work)
        found: dict[str, dict[str, Told]] = json.loads(results.read_text()) if results.exists() else {}
        for size in args.sizes:
            for step in args.steps:
                command = [sys.executable, __file__, "--one", step, "--sizes", str(size), "--work", str(work)]
                done = subprocess.run([*command, "--gallery", str(base)], stdout=subprocess.PIPE, check=True, text=True)
                found.setdefault(str(size), {})[step] = told = json.loads(done.stdout.splitlines()[-1])
                results.write_text(json.dumps(found, indent=1))
                show(f"{size:,} photos: {step}", ("figure", "value"), [(name, told[name]) for name in told])
        if args.plot:
            draw(found, args.plot)


def _real(args: argparse.Namespace, work: Path) -> Path:
    """A gallery of real photos on the Earth."""
    folder = work / "real.gallery"
    if args.data is None:
        whence.index(photo_set(args, work, hold_out=False).table, folder, recipe=RECIPE)
        return folder
    rows = []
    for name in SETS:
        for row in spread(read_rows(Path(args.data) / SETS[name][0]), 900):
            at = row.position
            where = Plane(_PLACES[name]).position(at.x, at.y) if isinstance(at, XY) else at
            rows.append(Row(row.path, where, f"{name}/{row.group}"))
    whence.index(write_table(work / "real.csv", rows), folder, recipe=RECIPE)
    return folder


def _queries(base: Path, args: argparse.Namespace, work: Path) -> None:
    """Descriptors of real photos that are not in the gallery, and their files."""
    place = work / "queries.npz"
    if place.exists():
        return
    names = ("venice", "getty", "croatia") if args.data else ()
    rows = [row for name in names for row in spread(read_rows(Path(args.data) / SETS[name][1]), args.queries // 3)]
    if not rows:
        rows = list(photo_set(args, work).queries)
    gallery = Gallery.open(base)
    pipeline = Pipeline(recipe_of(gallery.settings))
    asker = Asker(pipeline, pipeline.restored(gallery), 1)
    asked = [(str(row.path), asker.read(Photo(row.path, str(row.path))).vector) for row in rows]
    asked = [(path, vector) for path, vector in asked if vector.any()]
    np.savez(place, paths=np.array([path for path, _ in asked]), vectors=np.stack([vector for _, vector in asked]))


def _asked(work: Path) -> tuple[list[str], FloatArray]:
    kept = np.load(work / "queries.npz")
    return kept["paths"].tolist(), kept["vectors"]


def _folder(work: Path, size: int) -> Path:
    return work / f"crowd-{size}"


def build(size: int, work: Path, base: Path) -> Told:
    """Rows of all tables."""
    folder = _folder(work, size)
    shutil.rmtree(folder, ignore_errors=True)
    made = crowd.Base.read(base)
    crowd.write(made, size, folder, _asked(work)[1], index=False)
    return _bytes(folder, size)


def indexed(size: int, work: Path, base: Path) -> Told:
    """What the end of a first run adds to rows that are there: codes, and the file that opening is fast by."""
    del base
    folder, told = _folder(work, size), {}
    with lock(folder):
        start, store = process_time(), Store.open(folder)
        writer = Writer(store, whence.__version__)
        told["writer CPU s"], start = process_time() - start, process_time()
        writer.tidy()
        told["codes CPU s"], start = process_time() - start, process_time()
        writer.settle()
        told["file CPU s"] = process_time() - start
    return told | _bytes(folder, size)


def compared(size: int, work: Path, base: Path) -> Told:
    """All photos with each other by their looks, as a first run does at its end; later ones compare what is new."""
    del base
    with lock(_folder(work, size)):
        store = Store.open(_folder(work, size))
        writer = Writer(store, whence.__version__)
        part_bursts(store, writer, mark_of_photos(store, drops=False), writer.bursts_mark(), 2)
        writer.settle()
        kept = writer.kept(LOOKS)
    return {"near duplicates": len(kept["pairs"]), "in bursts": len(writer.kept(BURSTS)["photo"])}


def _bytes(folder: Path, size: int) -> Told:
    parts = {place.name.split(".")[0].split("-")[0]: Storage.of(place).size() for place in folder.iterdir()}
    files = {p.name.split("-")[0]: p.stat().st_size for p in folder.iterdir() if p.is_file()}
    return {f"bytes a photo: {name}": count / size for name, count in {**parts, **files}.items() if count > size / 10}


def opened(size: int, work: Path, base: Path) -> Told:
    """A gallery, then what a locator needs of it."""
    del base
    load_lancedb()  # libraries are loaded once, however large the gallery
    import faiss  # noqa: F401

    start, spent = perf_counter(), process_time()
    gallery = Gallery.open(_folder(work, size))
    told = {"photos": len(gallery), "open wall s": perf_counter() - start, "open CPU s": process_time() - spent}
    told["open MB"] = peak_rss_bytes() / 1e6
    start, spent = perf_counter(), process_time()
    whence.Locator(gallery)
    return told | {"locator wall s": perf_counter() - start, "locator CPU s": process_time() - spent}


def searched(size: int, work: Path, base: Path) -> Told:
    """Through the gallery's own search, beside exact; among photos of an area and of a time."""
    gallery = Gallery.open(_folder(work, size))
    real = _asked(work)[1]
    views = crowd.Crowd(crowd.Base.read(base), size).queries(len(real))
    real, views = real[::3], views[::3]
    queries, found = np.concatenate([real, views]), gallery.search
    exact: Any = getattr(found, "_exact", found)
    truth, told = _timed(lambda q: exact.nearest(q, ASKED)[0], queries, "exact")
    got, more = _timed(lambda q: found.nearest(q, ASKED)[0], queries, "search")
    told |= more | {
        "recall, real queries": _recall(got[: len(real)], truth),
        "recall, views": _recall(got[len(real) :], truth[len(real) :]),
    }
    middle = gallery.coordinates[len(gallery) // 2]
    for name, where in (
        ("area", Where(near=(float(middle[0]), float(middle[1])), radius_m=1000 * _CENTRE_KM)),
        ("year", Where(since=_YEAR[0], until=_YEAR[1])),
    ):
        start = process_time()
        allowed = gallery.allowed(where)
        told |= {f"{name}: photos": int(allowed.sum()), f"{name}: choosing CPU ms": 1e3 * (process_time() - start)}
        if not allowed.any():
            continue
        count = min(ASKED, int(allowed.sum()))
        truth, _ = _timed(_among(exact, count, allowed), queries[::4], name)
        got, more = _timed(_among(found, count, allowed), queries[::4], name)
        told |= more | {f"{name}: recall": _recall(got, truth)}
    return told


def _among(search: Search, count: int, allowed: Mask) -> Callable[[FloatArray], Any]:
    return lambda query: search.nearest(query, count, allowed)[0]


def _searching(index: Any) -> Callable[[FloatArray], Any]:
    return lambda query: index.search(query[None], ASKED)[1][0]


def _comparing(index: Any, half: FloatArray) -> Callable[[FloatArray], Any]:
    """What product codes alone find is rough: the first thousand are compared by their descriptors."""

    def search(query: FloatArray) -> Any:
        rows = index.search(query[None], COMPARED)[1][0]
        rows = rows[rows >= 0]
        return rows[np.argsort(-(half[rows].astype(np.float32) @ query))[:ASKED]]

    return search


def _timed(search: Callable[[FloatArray], Any], queries: FloatArray, name: str) -> tuple[list[Any], Told]:
    search(queries[0])
    found, wall, cpu = [], [], []
    for query in queries:
        start, spent = perf_counter(), process_time()
        found.append(search(query))
        wall.append(perf_counter() - start)
        cpu.append(process_time() - spent)
    return found, {f"{name}: wall ms": 1e3 * float(np.median(wall)), f"{name}: CPU ms": 1e3 * float(np.median(cpu))}


def _recall(found: list[Any], truth: list[Any]) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=False)]))


def located(size: int, work: Path, base: Path) -> Told:
    """Whole answers for real photos, from the file on."""
    del base
    locator = whence.Locator(Gallery.open(_folder(work, size)), workers=2)
    paths = spread(_asked(work)[0], 21)
    stages: dict[str, list[float]] = {}
    locator.locate(paths[0])
    answers, told = _timed(locator.locate, paths[1:], "answer")  # type: ignore[arg-type]
    for answer in answers:
        for stage, seconds in answer.seconds.items():
            stages.setdefault(stage, []).append(1e3 * seconds)
    return told | {f"{stage}: wall ms": float(np.median(spent)) for stage, spent in stages.items()}


def appended(size: int, work: Path, base: Path) -> Told:
    """Some more photos, a batch that replaces others, and what a run does at its end."""
    folder, real = _folder(work, size), crowd.Base.read(base)
    other = crowd.Crowd(real, len(real.vectors) + APPENDED, seed=1 + size)
    views = other.views(0)
    rows, model = other.rows(views, np.zeros(APPENDED, np.bool_)).to_pylist(), real.model
    known = _some_paths(folder, 8)
    rows = [{**row, "path": f"new/{row['path']}"} for row in rows]
    again = [{**row, "path": path, "hash": row["hash"][::-1]} for row, path in zip(rows, known, strict=False)]
    told: Told = {}
    with lock(folder):
        start = process_time()
        store = Store.open(folder)
        writer = Writer(store, whence.__version__)
        told["writer CPU s"], start = process_time() - start, process_time()
        for at in range(0, APPENDED, 128):
            writer.put(
                [_new(*one) for one in zip(rows[at : at + 128], views.vectors[at : at + 128], strict=True)], model
            )
        told["append CPU s"], start = process_time() - start, process_time()
        writer.put([_new(*one) for one in zip(again, views.vectors, strict=False)], model)
        told["replace CPU s"], start = process_time() - start, process_time()
        writer.tidy()
        told["codes CPU s"], start = process_time() - start, process_time()
        if writer.kept(LOOKS):  # else the first time would be measured
            part_bursts(store, writer, mark_of_photos(store, drops=False), writer.bursts_mark(), 2)
            told["looks CPU s"], start = process_time() - start, process_time()
        writer.settle()
        told["file CPU s"] = process_time() - start
    return told


def _some_paths(folder: Path, count: int) -> list[str]:
    """Paths of some photos of a gallery, spread over it."""
    column = Gallery.open(folder).photos.column("path")
    return [column[at].as_py() for at in range(0, len(column), len(column) // count)][:count]


def _new(row: Told, vector: FloatArray) -> NewPhoto:
    photo = Photo(
        Path(row["path"]), row["path"], LatLon(row["lat"], row["lon"]), position_source="exif", time=row["time"]
    )
    same = ("path", "source", "size", "mtime_ns", "width", "height", "feature_count", "features", "thumbnail", "glance")
    return NewPhoto(photo=photo, content_hash=row["hash"], vector=vector, **{name: row[name] for name in same})


def deleted(size: int, work: Path, base: Path) -> Told:
    """The photos of one area, about a town's middle; small files are merged as ever."""
    del base
    gallery = Gallery.open(_folder(work, size))
    lat, lon = gallery.coordinates[len(gallery) // 3].tolist()
    del gallery
    gone = remove(_folder(work, size), where=Where(near=(lat, lon), radius_m=500.0))
    return {"removed": len(gone.paths)}


def compacted(size: int, work: Path, base: Path) -> Told:
    """Nothing of removed photos is left behind: tables written anew."""
    del base
    remove(_folder(work, size), purge=True)
    return _bytes(_folder(work, size), size)


def peers(size: int, work: Path, base: Path) -> Told:
    """FAISS by itself, on the same vectors: exact, inverted lists of product codes, and links between neighbours."""
    import faiss

    faiss.omp_set_num_threads(1)
    gallery = Gallery.open(_folder(work, size))
    exact: Any = getattr(gallery.search, "_exact", gallery.search)
    half, dimension = exact._half, gallery.dimension
    real = _asked(work)[1]
    queries = np.concatenate([real, crowd.Crowd(crowd.Base.read(base), size).queries(len(real))])[::4]
    truth, told = _timed(lambda q: gallery.search.nearest(q, ASKED)[0], queries, "whence")
    told["whence: recall"] = _recall(truth, truth := [exact.nearest(q, ASKED)[0] for q in queries])
    lists = round(size**0.5)
    ways = {"flat": "Flat", f"IVF{lists},PQ64": f"IVF{lists},PQ64"}
    if size <= HNSW_UP_TO:
        ways["HNSW32"] = "HNSW32"
    for name, factory in ways.items():
        start = process_time()
        made: Any = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        if "IVF" in name:
            made.cp.niter, made.cp.max_points_per_centroid = 8, 64
            made.do_polysemous_training = False  # for a filter that is not used; it takes minutes
            made.train(half[:: max(1, size // 40_000)].astype(np.float32))
        told[f"{name}: train CPU s"] = process_time() - start
        for at in range(0, len(half), 65_536):
            made.add(half[at : at + 65_536].astype(np.float32))
        told[f"{name}: build CPU s"] = process_time() - start
        for reach in [(lists // 16), lists // 4] if "IVF" in name else [64, 512] if "HNSW" in name else [0]:
            if "IVF" in name:
                made.nprobe = reach
            elif "HNSW" in name:
                made.hnsw.efSearch = reach
            label = f"{name} {reach}" if reach else name
            got, more = _timed(_searching(made), queries, label)
            told |= more | {f"{label}: recall": _recall(got, truth)}
            if "IVF" in name:
                got, more = _timed(_comparing(made, half), queries, f"{label} compared")
                told |= more | {f"{label} compared: recall": _recall(got, truth)}
        del made
    return told


def draw(found: dict[str, dict[str, Told]], place: Path) -> None:
    """Time and memory over the number of photos, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sizes = sorted(map(int, found))
    lines = {
        "CPU seconds": {
            "build": ("build", "CPU s", 1),
            "index": ("index", "CPU s", 1),
            "open": ("open", "open CPU s", 1),
            "made ready for queries": ("open", "locator CPU s", 1),
            "append 1,024": ("append", "CPU s", 1),
            "delete an area": ("delete", "CPU s", 1),
            "purge": ("compact", "CPU s", 1),
        },
        "CPU ms a query": {
            "exact": ("search", "exact: CPU ms", 1),
            "search": ("search", "search: CPU ms", 1),
            "in an area": ("search", "area: CPU ms", 1),
            "in a year": ("search", "year: CPU ms", 1),
            "locate": ("locate", "answer: CPU ms", 1),
        },
        "peak MB": {
            step: (step, "peak MB", 1) for step in ("build", "index", "open", "search", "locate", "append", "delete")
        },
    }
    figure, axes = plt.subplots(1, 3, figsize=(13, 5.2), layout="constrained")
    for axis, (title, drawn) in zip(axes, lines.items(), strict=True):
        for name, (step, key, scale) in drawn.items():
            known = [(n, scale * found[str(n)][step][key]) for n in sizes if key in found[str(n)].get(step, {})]
            if known:
                axis.plot(*zip(*known, strict=True), marker="o", label=name)
        axis.set(xscale="log", yscale="log", xlabel="photos", title=title)
        axis.grid(visible=True, which="both", alpha=0.2)
        axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    place.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(place, dpi=100)


STEPS: dict[str, Callable[[int, Path, Path], Told]] = {
    "build": build,
    "index": indexed,
    "looks": compared,
    "open": opened,
    "search": searched,
    "locate": located,
    "peers": peers,
    "append": appended,
    "delete": deleted,
    "compact": compacted,
}


if __name__ == "__main__":
    main()
