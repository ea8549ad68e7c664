"""What photos look like at a glance, and which of them are copies of one another.

A glance is 32 x 32 grey levels: a perceptual hash is made of them, and copies are confirmed by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from whence.describe.phash import bits_of, grey_small
from whence.types import FloatArray, Image

NEAR_BITS = 10
"""Of 64 bits of the perceptual hash, so many may differ before two photos are looked at more closely."""
ALIKE = 0.9
"""Correlation of two photos at 32 x 32 pixels from which on they are near duplicates.

Of 1,712,742 pairs of photos of different groups of a museum and a city, 6 have hashes as near as that, and none of
them correlates by 0.85. Found are all photos that were compressed anew or halved, 99 % of those made 30 % brighter,
all that lost 1 % of their sides, nine in ten that lost 2 %, a quarter to a third that lost 4 %. In a walk, a tenth
of the frames has a neighbour that passes too: the next frame is a near duplicate (benchmarks/near_duplicates.py)."""
_SIDE, _HASH = 32, 64
_PIECES = 4
"""Parts of a hash: of two within ``NEAR_BITS``, one part differs by at most a quarter of that."""
_AT_ONCE = 1 << 22
"""Pairs in memory at once."""

Words = NDArray[np.uint64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What N photos look like. Those that cannot be read look like nothing.

    Attributes:
        bits: ``(N, 64)`` perceptual hashes.
        grey: ``(N, 1024)`` uint8: grey levels at 32 x 32 pixels; all alike for what cannot be read.
        hashes: Of the contents; empty where not read.
    """

    bits: NDArray[np.bool_]
    grey: NDArray[np.uint8]
    hashes: tuple[str, ...]

    @classmethod
    def of(cls, glances: Sequence[bytes], hashes: Sequence[str]) -> Looks:
        """From what ``glance`` gave; empty for a photo that cannot be read."""
        nothing = bytes(_SIDE * _SIDE)
        grey = np.frombuffer(b"".join(found or nothing for found in glances), np.uint8).reshape(-1, _SIDE * _SIDE)
        bits = bits_of(grey.reshape(-1, _SIDE, _SIDE).astype(np.float32))
        return cls(bits.reshape(-1, _HASH), grey, tuple(hashes))

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def words(self) -> Words:
        """``(N,)``: the hashes as numbers."""
        return np.packbits(self.bits, axis=1).reshape(-1, 8).view(np.uint64)[:, 0]

    def small(self, rows: Rows) -> FloatArray:
        """``(K, 1024)`` float32: grey levels of some photos, centred, of unit length; zeros for a blank one."""
        return centred(self.grey[rows])


def centred(grey: NDArray[np.uint8]) -> FloatArray:
    """``(K, 1024)`` float32 of ``(K, 1024)`` grey levels, without their mean and of unit length; zeros for a blank one.

    Inner products are correlations.
    """
    levels = grey.astype(np.float32)
    levels -= levels.mean(axis=1, keepdims=True)
    length = np.linalg.norm(levels, axis=1, keepdims=True)
    return np.where(length > _SIDE, levels / np.maximum(length, 1), np.float32(0))  # a grey level's noise is none


def glance(image: Image) -> bytes:
    """What is kept of a photo's looks: 1,024 grey levels."""
    return np.rint(grey_small(image)).astype(np.uint8).tobytes()


def near_duplicates(first: Looks, second: Looks) -> list[list[tuple[int, int]]]:
    """For each of the first photos, its copies and near duplicates among the second: their rows and differing bits.

    A copy that was compressed anew, resized, brightened or cropped by a little counts. Two views of one thing do not:
    hashes have to be near, and the photos alike pixel by pixel.
    """
    left, right, differing = within(first.words, second.words, NEAR_BITS)
    kept = _alike(first, left, second, right) >= ALIKE
    found: list[dict[int, int]] = [{} for _ in range(len(first))]
    for number, row, bits in zip(left[kept].tolist(), right[kept].tolist(), differing[kept].tolist(), strict=True):
        found[number][row] = bits
    owner: dict[str, list[int]] = {}
    for row, digest in enumerate(second.hashes):
        owner.setdefault(digest, []).append(row)
    for number, digest in enumerate(first.hashes):
        for row in owner.get(digest, []) if digest else []:
            found[number][row] = int((first.bits[number] != second.bits[row]).sum())
    return [sorted(rows.items()) for rows in found]


def within(first: Words, second: Words | None, most: int, workers: int = 1) -> tuple[Rows, Rows, NDArray[np.uint8]]:
    """All pairs of hashes that differ by at most so many of 64 bits: rows of the first, of the second, differing bits.

    Multi-index hashing: what differs by r bits differs by at most r / 4 in one of its four parts of 16 bits, so each
    part of a hash is looked up, with that many bits turned in every way, in a table of the same part of the others.
    Nothing is missed, and of 100,000 hashes 800 are compared with one, not all.

    Source: M. Norouzi, A. Punjani, D. J. Fleet, Fast Exact Search in Hamming Space with Multi-Index Hashing, 2014.

    Args:
        first: ``(N,)``.
        second: ``(M,)``; None for the first themselves, each pair once, the smaller row first.
        most: Differing bits.
        workers: Threads.

    Returns:
        ``(P,)`` each, sorted by the rows.
    """
    width = _HASH // _PIECES
    turned = [
        sum(1 << bit for bit in bits) for n in range(most // _PIECES + 1) for bits in combinations(range(width), n)
    ]
    others = first if second is None else second

    def pairs(piece: int) -> Iterator[tuple[Rows, Rows]]:
        mine, theirs = (_piece(words, piece, width) for words in (first, others))
        order = np.argsort(theirs, kind="stable")
        starts = np.searchsorted(theirs[order], np.arange((1 << width) + 1))
        sorted_words = others[order]
        by_piece = np.argsort(mine, kind="stable")  # neighbours look at neighbours
        for mask in turned:
            asked, keys = by_piece, mine[by_piece] ^ mask
            if second is None and mask:  # of two tables that look into each other, one is enough
                smaller = mine[asked] < keys
                asked, keys = asked[smaller], keys[smaller]
            low, count = starts[keys], starts[keys + 1] - starts[keys]
            for part in _parts(count):
                who = np.repeat(asked[part], count[part])
                ends = np.cumsum(count[part])
                at = np.arange(len(who)) + np.repeat(low[part] - ends + count[part], count[part])
                near = np.flatnonzero(np.bitwise_count(first[who] ^ sorted_words[at]) <= most)
                yield who[near], order[at[near]]

    with ThreadPoolExecutor(workers) as threads:
        found = [pair for some in threads.map(lambda piece: list(pairs(piece)), range(_PIECES)) for pair in some]
    left, right = (np.concatenate([np.zeros(0, np.intp), *(pair[side] for pair in found)]) for side in (0, 1))
    if second is None:
        left, right = np.minimum(left, right), np.maximum(left, right)
        left, right = left[left < right], right[left < right]
    both = np.unique(left.astype(np.int64) * max(len(others), 1) + right)
    left, right = (rows.astype(np.intp) for rows in np.divmod(both, max(len(others), 1)))
    return left, right, np.bitwise_count(first[left] ^ others[right])


def _piece(words: Words, piece: int, width: int) -> NDArray[np.int64]:
    return ((words >> np.uint64(piece * width)) & np.uint64((1 << width) - 1)).astype(np.int64)


def _parts(count: Rows) -> list[slice]:
    """Runs of queries whose candidates fit in memory; none for those without any."""
    if not count.any():
        return []
    reached = np.cumsum(count)
    cuts = np.searchsorted(reached, np.arange(_AT_ONCE, int(reached[-1]) + _AT_ONCE, _AT_ONCE), side="right")
    edges = np.unique([0, *cuts.tolist(), len(count)])
    return [slice(low, high) for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]


def _alike(first: Looks, left: Rows, second: Looks, right: Rows) -> FloatArray:
    """``(P,)`` correlations of pairs."""
    step = 1 << 14
    parts = (slice(start, start + step) for start in range(0, len(left), step))
    told = [(first.small(left[part]) * second.small(right[part])).sum(axis=1) for part in parts]
    return np.concatenate(told) if told else np.zeros(0, np.float32)
