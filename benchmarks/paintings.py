"""How well paintings are located beside photos of the same views: ``python benchmarks/paintings.py [RECIPE...]``.

Views of the rendered town, asked as photos and in each way of painting; strangers are paintings of another town.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import whence
from whence.geo.distance import metres_from
from whence.geo.plane import coordinates
from whence.types import Position
from whence.worlds import Town, elsewhere, locate_xy, write_town
from whence.worlds.noise import rng_of
from whence.worlds.painted import STYLES, painted

BLOCKS, QUERIES, STRANGERS, TOLERANCE_M, AMONG = (2, 2), 40, 20, 10.0, 20
WAYS = ("photo", *STYLES)


def main(recipes: Sequence[str]) -> None:
    """Prints a table for each recipe."""
    town = Town(0, BLOCKS)
    views = [(town, view, locate_xy(view.x, view.y)) for view in town.queries(QUERIES)]
    strangers = [(other, view, None) for other, view in elsewhere(STRANGERS)]
    with tempfile.TemporaryDirectory() as folder:
        files = write_town(Path(folder) / "town", blocks=BLOCKS, queries=0, strangers=0)
        for recipe in recipes or ["default", "paintings"]:
            gallery = Path(folder) / f"gallery-{Path(recipe).stem}"
            whence.index(files.database, gallery, tolerance_m=TOLERANCE_M, recipe=recipe)
            locator = whence.Locator(whence.Gallery.open(gallery), candidates=AMONG)
            print(
                f"\n{recipe}\n\n| | recall@1 | recall@{AMONG} | within {TOLERANCE_M:g} m | located | of these right ",
                end="",
            )
            print("| strangers located |\n|---|---|---|---|---|---|---|")
            for way in WAYS:
                row = _asked(locator, [*views, *strangers], way)
                print(f"| {way} | " + " | ".join(f"{figure:.3f}" for figure in row) + " |", flush=True)


def _asked(locator: whence.Locator, views: Sequence[tuple[Town, object, Position | None]], way: str) -> list[float]:
    first, among, right, located, unknown = [], [], [], [], []
    for number, (town, view, truth) in enumerate(views):
        seen = town.render(view)  # type: ignore[arg-type]
        answer = locator.answer(seen if way == "photo" else painted(seen, way, rng_of(number, way)))
        sure = answer.location.status == "located"
        if truth is None:
            unknown.append(sure)
            continue
        listed = [locator.gallery.photos[row].position for row in answer.shortlist[:AMONG]]
        near = metres_from(truth, coordinates(listed)) <= TOLERANCE_M
        first.append(near[0])
        among.append(near.any())
        position = answer.location.position
        right.append(position is not None and metres_from(truth, coordinates([position]))[0] <= TOLERANCE_M)
        located.append(sure)
    kept = np.array(right)[np.array(located)]
    shares = [float(np.mean(column)) for column in (first, among, right, located)]
    return [*shares, float(kept.mean()) if len(kept) else float("nan"), float(np.mean(unknown))]


if __name__ == "__main__":
    main(sys.argv[1:])
