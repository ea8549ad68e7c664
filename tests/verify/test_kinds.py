"""Features of several kinds in one photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from whence.describe.vlad import Vlad, VladOptions
from whence.describe.xfeat_sift import XfeatSift, XfeatSiftOptions
from whence.gallery.codec import pack, unpack
from whence.plugins import MATCHERS
from whence.recipes import build
from whence.types import Geometry, LocalFeatures, Matches
from whence.verify.rerank import verify


def features(count: int, seed: int, *, upright: bool = False) -> LocalFeatures:
    random = np.random.default_rng(seed)
    keypoints = random.uniform((0, 0, 2, 0), (319, 199, 20, 360), (count, 4)).astype(np.float32)
    if upright:
        keypoints[:, 2:] = 8, 0
    descriptors = random.normal(size=(count, 64))
    descriptors *= 256 / np.linalg.norm(descriptors, axis=1, keepdims=True)
    return LocalFeatures(keypoints, np.clip(descriptors.round(), -127, 127).astype(np.int8), 320, 200)


def joined(first: LocalFeatures, second: LocalFeatures) -> LocalFeatures:
    return LocalFeatures(
        np.concatenate([first.keypoints, second.keypoints]),
        np.concatenate([first.descriptors, second.descriptors]),
        320,
        200,
        counts=(len(first), len(second)),
    )


class Everything:
    """An estimator that every match agrees with."""

    def estimate(self, query: LocalFeatures, database: LocalFeatures, matches: Matches) -> Geometry:
        return Geometry(np.ones(len(matches), np.bool_))


@pytest.mark.parametrize("method", ["mutual-nn", "ratio", "closest", "lightglue"])
def test_each_kind_is_matched_with_its_own(method: str, networks: Path) -> None:
    """Descriptors of the first kind are those of the second one too: across, they would match perfectly."""
    made = build(MATCHERS, "match", {"method": method})
    one, other, strange = features(40, 0), features(30, 1), features(30, 2)
    query, database = joined(one, other), joined(one, other)
    matches = made.match(query, database)
    assert np.array_equal(matches.query, matches.database)
    assert {int(row) for row in matches.query} == set(range(70))
    across = made.match(joined(one, strange), joined(strange, one))
    same = (across.query < 40) == (across.database < 30)
    assert same.all()


def test_parts_and_bytes() -> None:
    one, other = features(7, 0), features(5, 1)
    both = replace(joined(one, other), whole=np.arange(4, dtype=np.float32))
    for found in (both, unpack(pack(both)), replace(unpack(pack(replace(both, whole=None))), whole=both.whole)):
        assert found.counts == (7, 5)
        assert [len(part) for part in found.parts] == [7, 5]
        assert np.array_equal(found.parts[1].descriptors, other.descriptors)
        assert found.whole is not None
        assert found.whole.tolist() == [0, 1, 2, 3]
    assert one.parts == [one]
    empty = joined(features(0, 0), other)
    assert [len(part) for part in unpack(pack(empty)).parts] == [0, 5]
    assert len(verify(empty, joined(features(0, 0), other), build(MATCHERS, "m", {"method": "ratio"}), None)) == 5


def test_the_first_kind_is_described() -> None:
    one, other = features(60, 0), features(50, 1)
    made = Vlad.shipped(VladOptions())
    assert np.array_equal(made.describe(joined(one, other)), made.describe(one))
    learned = [Vlad.learn(VladOptions(words=8), photos) for photos in ([one] * 3, [joined(one, other)] * 3)]
    assert learned[0].fingerprint == learned[1].fingerprint


def test_photos_without_the_first_kind_teach_nothing_and_break_nothing() -> None:
    dark = joined(features(0, 0), features(400, 1))
    assert sum(len(photo.parts[0]) for photo in [dark] * 60) == 0
    assert not Vlad.shipped(VladOptions()).describe(dark).any()


def test_sizes_and_turns_are_told_by_the_kind_that_has_them() -> None:
    upright, turning = features(40, 0, upright=True), features(12, 1)
    larger = turning.keypoints * np.array([1, 1, 2, 1], np.float32)
    larger[:, 3] = (larger[:, 3] + 90) % 360
    query = joined(upright, LocalFeatures(larger, turning.descriptors, 320, 200))
    found = verify(query, joined(upright, turning), build(MATCHERS, "m", {"method": "mutual-nn"}), Everything())
    assert len(found) == 52
    assert found.scale == pytest.approx(2, rel=1e-3)
    assert np.degrees(np.angle(found.turn)) == pytest.approx(90, abs=0.1)
    alone = verify(
        joined(upright, features(12, 5)), joined(upright, turning), build(MATCHERS, "m", {"method": "mutual-nn"}), None
    )
    assert alone.scale == pytest.approx(1, rel=0.01)


def test_both_are_found_in_a_photo(networks: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    made = XfeatSift(XfeatSiftOptions(keypoints=50, sift_keypoints=30))
    found = made.extract(picture)
    learned, sift = found.parts
    assert 0 < len(learned) <= 50
    assert 0 < len(sift) <= 30
    assert np.ptp(learned.keypoints[:, 3]) == 0 < np.ptp(sift.keypoints[:, 3])
    assert made.fingerprint != XfeatSift(XfeatSiftOptions(keypoints=50, sift_keypoints=31)).fingerprint
