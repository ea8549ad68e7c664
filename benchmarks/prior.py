"""A gallery with and without a model's word beforehand: ``python benchmarks/prior.py [--set venice]``.

A model is trained with the gallery's own photos, and the same queries are asked of the gallery alone, weighed by how
likely the model takes each photo's place to be, and searched among likely photos only. Queries are held-out groups of
the database; with ``--scored`` the set's own.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import heading, parser, photo_set, show, work_folder, write_table
from whence.direct.training import fit
from whence.evaluate import Plan, evaluate
from whence.evaluate.inputs import Given, read_database
from whence.evaluate.model import Evaluation
from whence.metrics.outcomes import Figure
from whence.recipes import Recipe, load_recipe

TARGETS: dict[str, dict[str, Any]] = {
    "getty": {"method": "kmeans", "places": 20},
    "fondren": {"method": "kmeans", "places": 8},
    "venice": {"method": "s2", "level": 17},
    "town": {"method": "s2", "level": 20},
}
USES = ("weigh", "search")


def main() -> None:
    """Prints the figures of the three ways, and what the model changes."""
    made = parser(__doc__.splitlines()[0], queries=0)
    made.add_argument("--recipe", default="default", help="of the gallery")
    made.add_argument("--model", default="vlad-cells", help="recipe that is trained")
    asked = made.parse_args()
    with work_folder(asked.work) as work:
        _main(asked, work)


def _main(asked: Namespace, work: Path) -> None:
    photos = photo_set(asked, work)
    name = asked.set or ("town" if asked.data is None else "getty")
    if name not in TARGETS:
        sys.exit(f"--set {name}: expected one of {', '.join(TARGETS)}")
    heading(f"{photos.name}: {asked.recipe}, and {asked.model} before it")
    trained = load_recipe(asked.model)
    trained = replace(trained, sections={**trained.sections, "target": TARGETS[name]})
    model = work / f"{photos.name}-{asked.model}"
    fitted = fit(trained, list(read_database(Given(photos.table)).photos), tolerance_m=photos.tolerance_m)
    fitted.model.save(model)
    alone = load_recipe(asked.recipe)
    recipes = [alone, *(_before(alone, model, use) for use in USES)]
    queries = write_table(work / f"{photos.name}-queries.csv", photos.queries)
    found = evaluate(
        Plan(photos.table, [queries], work / f"{photos.name}-evaluation", recipes, tolerance_m=photos.tolerance_m)
    )
    _told(found, photos.tolerance_m)


def _before(alone: Recipe, model: Path, use: str) -> Recipe:
    prior = {"model": str(model), "use": use}
    return replace(alone, name=f"{alone.name}, {use}", sections={**alone.sections, "prior": prior})


def _told(found: Evaluation, tolerance_m: float) -> None:
    figures = {
        "recall@1": f"recall@1.{tolerance_m:.12g}.before",
        "recall@20": f"recall@20.{tolerance_m:.12g}.before",
        "recall@1, verified": f"recall@1.{tolerance_m:.12g}",
        f"within {tolerance_m:g} m": f"within.{tolerance_m:.12g}",
        "median error (m)": "error.median",
        "mean error (m)": "error.mean",
        "located": "located.share",
        "of these right": f"located.within.{tolerance_m:.12g}",
        "inside the radius": "radius.inside",
        "ECE": "ece",
        "s per query": "seconds.total",
    }
    rows: list[list[object]] = []
    for title, figure in figures.items():
        ways = [_said(run.figures, figure) for run in found.runs]
        gains = [_said(found.comparisons[run.name], figure, gain=True) for run in found.runs[1:]]
        if any(ways):
            rows.append([title, *ways, *gains])
    show(
        f"{len(found.database)} photos, {found.known} queries in {found.clusters} groups; in brackets 95 %",
        ["", *(run.name for run in found.runs), *(f"gain by {use}" for use in USES)],
        rows,
    )


def _said(figures: Mapping[str, Figure], name: str, *, gain: bool = False) -> str:
    figure = figures.get(name)
    if figure is None or figure.value != figure.value:
        return ""
    sign = "+" if gain else ""
    digits = f"{sign}.1f" if abs(figure.value) >= 3 or "error" in name else f"{sign}.3f"
    return f"{figure.value:{digits}} ({figure.low95:{digits}} to {figure.high95:{digits}})"


if __name__ == "__main__":
    main()
