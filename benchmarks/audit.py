"""How many wrong pins ``whence audit`` finds, and how often it is wrong: pins are moved, swapped or given other signs.

Pairs of photos that match do not depend on pins, so they are found once for a gallery and judged for many seeds::

    python benchmarks/audit.py GALLERY --slip moved --slip swapped --slip signed --at-least 50

Photos of one group with one pin are moved together. Recall and precision count photos that match others (the rest
cannot be judged by what they show), and, below, all photos. Intervals are over seeds.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from time import perf_counter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from whence.audit.auditing import judged_by, kept_apart, places_of, suspect_of
from whence.audit.pairs import Pairs, find_pairs
from whence.audit.plausible import clues
from whence.audit.trying import move_some
from whence.gallery.gallery import Gallery
from whence.gallery.light import Light
from whence.geo.distance import offset
from whence.locate.locator import Locator
from whence.types import Crs, DoubleArray

SLIPS = ("moved", "swapped", "signed")
SURE = 0.5
DRAWS = 2000


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gallery", type=Path)
    parser.add_argument("--slip", choices=SLIPS, action="append")
    parser.add_argument("--at-least", type=float, default=50.0, help="metres")
    parser.add_argument("--seeds", type=int, nargs=2, default=(100, 120), metavar=("FIRST", "END"))
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--pairs", type=Path, help="keep the pairs in this .npz file, for the next time")
    parser.add_argument("--places", type=int, default=0, help="suspects of the first seed whose place is looked for")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    gallery = Gallery.open(args.gallery)
    start = perf_counter()
    locator = Locator(gallery, workers=args.workers, calibrated=False)
    apart = kept_apart(gallery, args.workers)
    pairs = kept_pairs(gallery, locator, apart, args)
    matched = pairs.matched(len(gallery))
    extent = np.ptp(gallery.coordinates, axis=0)
    print(
        f"{args.gallery.name}: {len(gallery):,} photos, {len(pairs):,} pairs in {perf_counter() - start:.0f} s, "
        f"{matched.sum():,} photos match others; extent {extent[0]:.4g} x {extent[1]:.4g} "
        f"({gallery.settings.crs.value}), tolerance {gallery.settings.tolerance_m:.3g} m"
    )
    own = judged_by(gallery, pairs, clues(gallery)[0])[0].probability
    print(f"  as it is: {(own >= SURE).sum()} pins called wrong")
    for slip in args.slip or ["moved"]:
        told = [tried(gallery, pairs, matched, own, slip, seed, args) for seed in range(*args.seeds)]
        show(slip, [counts for counts, _, _ in told])
        odds, wrong = (np.concatenate(column) for column in zip(*(rest for _, *rest in told), strict=True))
        print(f"    recall at a precision of 0.9, all seeds in one ranking: {recall_at(odds, wrong, 0.9):.3f}")
    if args.places:
        show_places(gallery, pairs, apart, args)


def kept_pairs(gallery: Gallery, locator: Locator, apart: list[list[int]], args: argparse.Namespace) -> Pairs:
    """Found, or as found the last time."""
    if args.pairs and args.pairs.exists():
        kept = np.load(args.pairs)
        return Pairs(kept["first"], kept["second"], kept["inliers"], kept["strength"])
    pairs = find_pairs(gallery, locator.pipeline, apart, args.workers)
    if args.pairs:
        np.savez(args.pairs, first=pairs.first, second=pairs.second, inliers=pairs.inliers, strength=pairs.strength)
    return pairs


def slipped(gallery: Gallery, slip: str, seed: int, args: argparse.Namespace) -> tuple[NDArray[np.bool_], DoubleArray]:
    """Which pins are wrong now, and all coordinates."""
    coords, crs = gallery.coordinates, gallery.settings.crs
    rng = np.random.default_rng(seed)
    everyone = np.ones(len(coords), np.bool_)
    moved, pins = move_some(coords, crs, places_of(gallery), everyone, args.at_least, rng, args.share)
    if slip == "swapped":
        pins = np.where(moved[:, None], coords[:, ::-1], coords)
    elif slip == "signed":
        pins = np.where(moved[:, None], coords * rng.choice([[-1, 1], [1, -1]], len(coords)), coords)
    return moved, pins


def with_pins(gallery: Gallery, pins: DoubleArray) -> Gallery:
    """The same gallery, had its photos had these pins."""
    other = copy.copy(gallery)
    rows, names = gallery.photos.rows, ("lat", "lon") if gallery.settings.crs is Crs.WGS84 else ("x", "y")
    for name, column in zip(names, pins.T, strict=True):
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(column))
    other.coordinates, other.photos = pins, Light(rows, gallery.settings)
    return other


def tried(
    gallery: Gallery,
    pairs: Pairs,
    matched: NDArray[np.bool_],
    own: DoubleArray,
    slip: str,
    seed: int,
    args: argparse.Namespace,
) -> tuple[dict[str, float], DoubleArray, NDArray[np.bool_]]:
    """Counts of one seed; and of the photos that are judged the probabilities, and which pins are wrong."""
    moved, pins = slipped(gallery, slip, seed, args)
    other = with_pins(gallery, pins)
    odds = judged_by(other, pairs, clues(other)[0])[0].probability
    told = odds >= SURE
    counts = {"moved": moved.sum(), "told": told.sum(), "found": (told & moved).sum()}
    counts |= {f"{name} matched": (mask & matched).sum() for name, mask in (("moved", moved), ("told", told))}
    counts["found matched"] = (told & moved & matched).sum()
    counts["old"] = (told & ~moved & matched & (own >= SURE)).sum()  # called wrong in the set as it is, too
    counts["ap"] = average_precision(odds[matched], moved[matched])
    return {name: float(value) for name, value in counts.items()}, odds[matched], moved[matched]


def average_precision(score: DoubleArray, wrong: NDArray[np.bool_]) -> float:
    """Mean, over the wrong pins, of the precision down to each of them in the ranking."""
    order = np.argsort(-score, kind="stable")
    hits = wrong[order]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()) if hits.any() else np.nan


def recall_at(score: DoubleArray, wrong: NDArray[np.bool_], precision: float) -> float:
    """The largest recall down to which the ranking is as precise."""
    hits = np.cumsum(wrong[np.argsort(-score, kind="stable")])
    good = np.flatnonzero(hits / np.arange(1, len(hits) + 1) >= precision)
    return float(hits[good[-1]] / hits[-1]) if len(good) else 0.0


def show(slip: str, told: list[dict[str, float]]) -> None:
    """Figures with 95 % intervals over seeds."""
    table = {name: np.array([row[name] for row in told]) for name in told[0]}
    draws = np.random.default_rng(0).integers(0, len(told), (DRAWS, len(told)))

    def ratio(above: np.ndarray, below: np.ndarray) -> str:
        value = above.sum() / max(below.sum(), 1)
        low, high = np.quantile(above[draws].sum(axis=1) / np.maximum(below[draws].sum(axis=1), 1), (0.025, 0.975))
        return f"{value:.3f} ({low:.3f} to {high:.3f})"

    print(
        f"  {slip}: {len(told)} seeds, {table['moved'].sum():.0f} wrong pins, {table['moved matched'].sum():.0f} judged"
    )
    print(f"    recall    {ratio(table['found matched'], table['moved matched'])}")
    print(f"    precision {ratio(table['found matched'], table['told matched'])}")
    fresh = table["told matched"] - table["old"]
    print(f"      without pins called wrong as it is {ratio(table['found matched'], fresh)}")
    print(f"    average precision {ratio(table['ap'], np.ones(len(told)))}")
    recall, precision = ratio(table["found"], table["moved"]), ratio(table["found"], table["told"])
    print(f"    all photos: recall {recall}, precision {precision}")


def show_places(gallery: Gallery, pairs: Pairs, apart: list[list[int]], args: argparse.Namespace) -> None:
    """How far suggested positions are from the truth, for wrong pins that were found."""
    moved, pins = slipped(gallery, "moved", args.seeds[0], args)
    other = with_pins(gallery, pins)
    odd = clues(other)[0]
    verdicts, _ = judged_by(other, pairs, odd)
    locator = Locator(other, workers=args.workers)
    rows = np.flatnonzero(moved & (verdicts.probability >= SURE))[: args.places]
    errors = []
    for row in rows.tolist():
        suspect = suspect_of(row, other, locator, pairs, verdicts, odd, apart)
        if suspect.suggested is not None:
            errors.append(offset(suspect.suggested, gallery.photos[row].position)[0])
    print(
        f"  places: {len(errors)} of {len(rows)} found ones have a suggestion, median error {np.median(errors):.3g} m"
    )


if __name__ == "__main__":
    main()
