"""The street plan: a grid that was drawn by hand. Metres; x is east, y is north."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from whence.types import DoubleArray
from whence.worlds.noise import Rng, rng_of

DEPTH_M = 10.0
"""How deep houses are."""


@dataclass(frozen=True)
class Street:
    """One stretch of street between two crossings.

    Attributes:
        line: ``(3, 2)`` middle of the road: crossing, bend, crossing.
        width_m: From front to front.
    """

    line: DoubleArray
    width_m: float

    @property
    def length_m(self) -> float:
        """Along the middle."""
        return float(np.linalg.norm(np.diff(self.line, axis=0), axis=1).sum())

    def at(self, along_m: float) -> tuple[DoubleArray, DoubleArray]:
        """The point at this distance from the first crossing, and the unit direction of the street there."""
        first = float(np.linalg.norm(self.line[1] - self.line[0]))
        a, b, rest = (self.line[0], self.line[1], along_m) if along_m < first else (*self.line[1:], along_m - first)
        direction = (b - a) / np.linalg.norm(b - a)
        return a + rest * direction, direction


@dataclass(frozen=True)
class Plot:
    """The ground of one house. Seen from the street, ``front[0]`` is left and ``front[1]`` right.

    Attributes:
        front: ``(2, 2)`` the two corners on the street.
        back: ``(2, 2)`` the corners behind them; they may coincide.
        square: Whether the sides stand at right angles to the front.
    """

    front: DoubleArray
    back: DoubleArray
    square: bool

    @property
    def width_m(self) -> float:
        """Length of the front."""
        return float(np.linalg.norm(self.front[1] - self.front[0]))

    @property
    def outline(self) -> DoubleArray:
        """``(4, 2)`` corners, counter-clockwise."""
        return np.stack([self.front[0], self.front[1], self.back[1], self.back[0]])


@dataclass(frozen=True)
class Layout:
    """Streets, the plots along them, and the block that is a square instead.

    Attributes:
        streets: Every stretch between two crossings.
        rows: Plots in rows: one row per straight side of a block, neighbours next to each other.
        blocks: ``(N, 2)`` kerb lines: the edge of each block, counter-clockwise.
        square: Index of the block without houses, or -1.
        low: ``(2,)`` south-west corner of everything.
        high: ``(2,)`` north-east corner of everything.
    """

    streets: tuple[Street, ...]
    rows: tuple[tuple[Plot, ...], ...]
    blocks: tuple[DoubleArray, ...]
    square: int
    low: DoubleArray
    high: DoubleArray


def lay_out(seed: int, blocks: tuple[int, int]) -> Layout:
    """Draws a street plan of ``blocks`` (west to east, south to north), closed by a ring of houses."""
    rng = rng_of(seed, "layout")
    columns, rows = blocks
    nodes = np.stack(np.meshgrid(_steps(rng, columns), _steps(rng, rows), indexing="ij"), axis=-1)
    nodes += rng.uniform(-4, 4, nodes.shape)
    widths = (rng.uniform(9.5, 14.5, rows + 1), rng.uniform(9.5, 14.5, columns + 1))
    along_x = [
        [_street(rng, nodes[i, j], nodes[i + 1, j], widths[0][j]) for j in range(rows + 1)] for i in range(columns)
    ]
    along_y = [
        [_street(rng, nodes[i, j], nodes[i, j + 1], widths[1][i]) for j in range(rows)] for i in range(columns + 1)
    ]

    loops = []
    for j in range(rows):
        for i in range(columns):
            loops.append(([along_x[i][j], along_y[i + 1][j]], [along_x[i][j + 1], along_y[i][j]]))
    edge = (
        [along_y[0][j] for j in range(rows)] + [along_x[i][rows] for i in range(columns)],
        [along_y[columns][j] for j in reversed(range(rows))] + [along_x[i][0] for i in reversed(range(columns))],
    )
    fronts = [_fronts(*loop) for loop in loops]
    square = int(rng.integers(len(fronts))) if len(fronts) > 3 else -1
    built = [front for index, front in enumerate(fronts) if index != square] + [_fronts(*edge)]
    plots = [row for front in built for row in _rows(rng, *front)]
    every = np.concatenate([plot.outline for row in plots for plot in row])
    return Layout(
        streets=tuple(street for line in (*along_x, *along_y) for street in line),
        rows=tuple(plots),
        blocks=tuple(front[0] for front in fronts),
        square=square,
        low=every.min(axis=0),
        high=every.max(axis=0),
    )


def _steps(rng: Rng, count: int) -> DoubleArray:
    return np.concatenate([[0.0], np.cumsum(rng.uniform(52, 72, count))])


def _street(rng: Rng, a: DoubleArray, b: DoubleArray, width_m: float) -> Street:
    across = np.array([a[1] - b[1], b[0] - a[0]]) / np.linalg.norm(b - a)
    bend = (a + b) / 2 + across * rng.uniform(-3.5, 3.5) + (b - a) * rng.uniform(-0.12, 0.12)
    return Street(np.stack([a, bend, b]), float(width_m))


def _fronts(forward: list[Street], backward: list[Street]) -> tuple[DoubleArray, DoubleArray]:
    """Front and back lines of the houses to the left of a closed walk: ``forward`` streets, then ``backward`` ones."""
    pieces = [(street.line, street.width_m) for street in forward]
    pieces += [(street.line[::-1], street.width_m) for street in backward]
    corners = np.concatenate([line[:-1] for line, _ in pieces])
    half = np.repeat([width / 2 for _, width in pieces], 2)
    return _offset(corners, half), _offset(corners, half + DEPTH_M)


def _offset(loop: DoubleArray, distance: DoubleArray) -> DoubleArray:
    """Moves every edge of a closed loop to its left; edge i goes from corner i to corner i + 1."""
    edges = np.roll(loop, -1, axis=0) - loop
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1)[:, None]
    moved = np.empty_like(loop)
    for i in range(len(loop)):
        A = np.stack([normals[i - 1], normals[i]])
        if abs(np.linalg.det(A)) < 0.03:  # a bend too slight to intersect its two sides
            mean = normals[i - 1] + normals[i]
            moved[i] = loop[i] + distance[i] * mean / (mean @ normals[i])
        else:
            moved[i] = loop[i] + np.linalg.solve(A, np.array([distance[i - 1], distance[i]]))
    return moved


def _rows(rng: Rng, front: DoubleArray, back: DoubleArray) -> list[tuple[Plot, ...]]:
    """Cuts the strip between front and back lines into plots."""
    rows = []
    for a, b, a_back, b_back in zip(front, np.roll(front, -1, 0), back, np.roll(back, -1, 0), strict=True):
        length = float(np.linalg.norm(b - a))
        direction = (b - a) / length
        inward = np.array([-direction[1], direction[0]]) * DEPTH_M
        low, high = float((a_back - a) @ direction), float((b_back - a) @ direction)
        row = []
        cuts = _cuts(rng, length)
        for start, end in pairwise(cuts):
            # At the ends of a row the back corner is shared with the neighbour around the corner.
            left = low if start == 0 else min(max(start, low), high)
            right = high if end == length else min(max(end, low), high)
            row.append(
                Plot(
                    front=np.stack([a + start * direction, a + end * direction]),
                    back=np.stack([a + left * direction + inward, a + right * direction + inward]),
                    square=bool(left == start and right == end),
                )
            )
        rows.append(tuple(row))
    return rows


def _cuts(rng: Rng, length: float) -> list[float]:
    """Where one house ends and the next begins: widths in half metres, the last takes what is left."""
    cuts, widths = [0.0], (6.0, 7.0, 8.0, 9.0, 10.5)
    while True:
        width = float(rng.choice(widths))
        if length - cuts[-1] - width < 5.5:
            return [*cuts, length]
        cuts.append(cuts[-1] + width)
