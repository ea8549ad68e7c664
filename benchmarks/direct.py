"""Direct answers beside what they have to beat: ``python benchmarks/direct.py [towns croatia getty venice]``.

Each set is asked by some recipes that train a model, and by the baselines of ``whence evaluate --baselines``. ``towns``
are rendered: which of four towns a photo shows, and, of towns that nothing was trained on, which of two styles. The
others need WHENCE_DATA. What was trained and answered is kept in the folder named by WHENCE_BENCH_OUT, if any. With
``--dev`` one in five groups of the database are asked, and the sets' own queries are not looked at.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import photo_set, write_table
from whence.evaluate import Plan, evaluate
from whence.evaluate.model import Evaluation
from whence.evaluate.plan import Step
from whence.recipes import Recipe, load_recipe
from whence.worlds import Town, write_photo

Change = tuple[str, str, Mapping[str, Any]]
"""Name, recipe that it is made of, and options of it by ``section.option``."""
SIZE = (320, 240)
ROOMS: dict[str, Any] = {"target": {"method": "kmeans", "places": 20}}
SQUARES: dict[str, Any] = {"target": {"method": "s2", "level": 17}}
BLOCKS: dict[str, Any] = {"target": {"method": "s2-adaptive", "least": 60, "most": 160}}
VLAD = ("features", "describe")
FIGURES = ("class.accuracy", "error.median", "error.mean", "radius.inside", "ece")


def main() -> None:
    """Prints a table of each set."""
    parser = argparse.ArgumentParser(description="Direct answers beside what they have to beat.")
    parser.add_argument("names", nargs="*", default=["towns", "croatia", "getty", "venice"])
    parser.add_argument("--dev", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(os.environ.get("WHENCE_BENCH_OUT") or folder)
        for name in asked.names:
            place = out / (f"{name}.dev" if asked.dev else name)
            place.mkdir(parents=True, exist_ok=True)
            if name == "towns":
                database, same, other = _towns(place)
                named = _classes("scene-cells", {"target": {"method": "named"}})
                _table("towns: which of four, other views of them", _run(database, same, named, place / "towns", None))
                styles = [replace(recipe, name=f"{recipe.name}, styles") for recipe in named]
                database, other = _styles(place, database, other)
                _table("towns: which of two styles, other towns", _run(database, other, styles, place / "styles", None))
                continue
            database, queries = _real(name, place, dev=asked.dev)
            for title, recipes, tolerance_m in _parts(name):
                found = _run(database, queries, recipes, place / title.split()[0], tolerance_m)
                _table(f"{name}: {title}", found)


def _parts(name: str) -> list[tuple[str, list[Recipe], float]]:
    """Title, recipes and tolerance of each table; recipes of one table have the same target."""
    vlad: dict[str, Any] = {section: load_recipe("vlad-cells").sections[section] for section in VLAD}
    plain: dict[str, Any] = {"target": {"method": "coordinates"}}
    degrees: dict[str, Any] = {"target": {"method": "coordinates", "on": "degrees"}}
    if name == "croatia":
        several: list[Change] = [
            ("scene-coordinates", "scene-coordinates", {}),
            ("one-point", "scene-coordinates", plain),
            ("degrees", "scene-coordinates", degrees),
        ]
        return [
            ("cells", _classes("scene-cells", BLOCKS), 100_000.0),
            ("coordinates", _made(several), 100_000.0),
        ]
    if name == "getty":
        return [("places by k-means", _classes("vlad-cells", ROOMS), 10.0)]
    several = [
        ("vlad-mixture", "scene-coordinates", {**vlad, "target": {"method": "coordinates", "places": 5}}),
        ("vlad-point", "scene-coordinates", {**vlad, **plain}),
        ("vlad-degrees", "scene-coordinates", {**vlad, **degrees}),
    ]
    return [
        ("cells of level 17", _classes("vlad-cells", SQUARES), 100.0),
        ("coordinates", _made(several), 100.0),
    ]


def _classes(vectors: str, target: Mapping[str, Any]) -> list[Recipe]:
    """Three ways to tell classes apart: a recipe that looks at vectors, the classical one, a network."""
    return _made([(name, name, target) for name in (vectors, "hog-svm", "small-network-cells")])


def _made(changes: Sequence[Change]) -> list[Recipe]:
    found = []
    for name, base, sections in changes:
        recipe = load_recipe(base)
        found.append(replace(recipe, name=name, sections={**recipe.sections, **sections}))
    return found


def _real(name: str, out: Path, *, dev: bool) -> tuple[Path, Path]:
    """Tables of the photos to train with and of those to ask."""
    data = os.environ.get("WHENCE_DATA")
    asked = argparse.Namespace(set=name, data=data, scored=not dev, photos=0, queries=0)
    found = photo_set(asked, out)
    return found.table, write_table(out / "queries.csv", found.queries)


def _towns(out: Path) -> tuple[Path, Path, Path]:
    """Photos of four towns, other views of these, and photos of four others of the same two styles."""
    known = [Town(seed, (2, 2), family=family) for family in ("north", "south") for seed in (11, 12)]
    strange = [Town(seed, (2, 2), family=family) for family in ("north", "south") for seed in (21, 22)]
    return (
        _photos(out / "known", known, queries=False),
        _photos(out / "views", known, queries=True),
        _photos(out / "strange", strange, queries=True),
    )


def _photos(folder: Path, towns: Sequence[Town], *, queries: bool) -> Path:
    table = folder / "photos.csv"
    if table.exists():
        return table
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for town in towns:
        name = f"{town.family} {town.seed}"
        for number, view in enumerate(town.queries(60) if queries else town.survey()):
            path = folder / f"{name}-{number:03d}.jpg"
            write_photo(path, town.render(view, *SIZE))
            where = town.geolocate(view)
            rows.append((path.name, where.lat, where.lon, f"{name}-{view.place}", name))
    with table.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("path", "lat", "lon", "group", "label"), *rows])
    return table


def _styles(out: Path, *tables: Path) -> tuple[Path, Path]:
    """The same photos, labelled by the style of their town."""
    found = []
    for table in tables:
        with table.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        copy = table.with_name("styles.csv")
        with copy.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0].keys())
            writer.writeheader()
            writer.writerows({**row, "label": row["label"].split()[0]} for row in rows)
        found.append(copy)
    return found[0], found[1]


def _run(database: Path, queries: Path, recipes: list[Recipe], out: Path, tolerance_m: float | None) -> Evaluation:
    def tell(step: Step) -> None:
        if step.done == step.total:
            print(f"{step.stage}: {step.total}", flush=True)

    return evaluate(Plan(database, [queries], out, recipes, tolerance_m=tolerance_m, baselines=True), progress=tell)


def _table(title: str, found: Evaluation) -> None:
    print(f"\n{title}: {len(found.database)} photos, {found.known} queries in {found.clusters} groups\n")
    columns = ["", "class right", "median error (m)", "mean error (m)", "inside the radius", "ECE", "s to train"]
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    for run in found.runs:
        cells = []
        for name in FIGURES:
            figure = run.figures.get(name)
            if figure is None or figure.value != figure.value:
                cells.append("")
                continue
            digits = ",.0f" if abs(figure.value) >= 100 else ".3f" if abs(figure.value) < 1.5 else ".1f"
            cells.append(f"{figure.value:{digits}} ({figure.low95:{digits}} to {figure.high95:{digits}})")
        seconds = run.costs.index_seconds
        print(f"| {run.name} | {' | '.join(cells)} | {'' if seconds is None else f'{seconds:.0f}'} |", flush=True)


if __name__ == "__main__":
    main()
