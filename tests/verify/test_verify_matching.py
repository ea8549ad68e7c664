"""Matching, and what re-ranking makes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from samples import textured
from whence.describe.sift import Sift
from whence.types import LocalFeatures, Matches
from whence.verify.geometry import RobustGeometry
from whence.verify.matching import MatchingOptions, MutualNearestNeighbour, squared_distances
from whence.verify.rerank import Verification, distinctive_weights, verify, verify_all


def features(descriptors: Any, turns_deg: Any = 0.0) -> LocalFeatures:
    rows = np.asarray(descriptors, np.float32)
    keypoints = np.zeros((len(rows), 4), np.float32)
    keypoints[:, 2], keypoints[:, 3] = 4, turns_deg
    return LocalFeatures(keypoints, rows, 100, 100)


def verification(*keypoints: int) -> Verification:
    rows = np.array(keypoints, np.intp)
    return Verification(Matches(rows, rows), 1.0)


def test_squared_distances() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-127, 128, (7, 64)).astype(np.int8), rng.integers(-127, 128, (5, 64)).astype(np.int8)
    expected = np.square(a[:, None].astype(float) - b[None].astype(float)).sum(axis=2)
    np.testing.assert_allclose(squared_distances(a, b), expected, rtol=1e-5)
    assert (squared_distances(a, a) >= 0).all()


def test_only_mutual_nearest_neighbours_match() -> None:
    query = features([[0, 0], [0, 1], [50, 50]])
    database = features([[0, 0.2], [90, 90], [200, 0]])
    found = MutualNearestNeighbour(MatchingOptions(ratio=0.99)).match(query, database)
    assert dict(zip(found.query.tolist(), found.database.tolist(), strict=True)) == {0: 0, 2: 1}


def test_ambiguous_matches_are_dropped() -> None:
    query, database = features([[0, 0], [100, 0]]), features([[0, 9], [0, -10], [100, 3], [100, 30]])
    loose = MutualNearestNeighbour(MatchingOptions(ratio=1.0)).match(query, database)
    strict = MutualNearestNeighbour(MatchingOptions(ratio=0.8)).match(query, database)
    assert loose.query.tolist() == [0, 1]
    assert strict.query.tolist() == [1]


@pytest.mark.parametrize("roll_deg", [0, 90, 180, 270, 355])
def test_the_commonest_turn_is_kept_whatever_it_is(roll_deg: int) -> None:
    rng = np.random.default_rng(roll_deg)
    descriptors = rng.uniform(0, 200, (50, 8))
    turns = rng.uniform(0, 360, 50)
    turned = (turns + roll_deg + rng.uniform(-8, 8, 50)) % 360
    turned[40:] = (turns[40:] + roll_deg + 120) % 360
    found = MutualNearestNeighbour().match(features(descriptors, turned), features(descriptors, turns))
    assert found.query.tolist() == list(range(40))
    everything = MutualNearestNeighbour(MatchingOptions(rotation_tolerance_deg=180.0))
    assert len(everything.match(features(descriptors, turned), features(descriptors, turns))) == 50


def test_a_photo_turned_on_its_side_still_matches() -> None:
    upright, lying = textured(), np.ascontiguousarray(np.rot90(textured()))
    query, database = Sift().extract(lying), Sift().extract(upright)
    matches = MutualNearestNeighbour().match(query, database)
    a, b = query.keypoints[matches.query, :2], database.keypoints[matches.database, :2]
    expected = np.stack([b[:, 1], 239 - b[:, 0]], axis=1)  # x, y of the same spot after the turn
    right = np.hypot(*(a - expected).T) < 2
    assert len(matches) > 100
    assert right.mean() > 0.95
    turns = (query.keypoints[matches.query, 3] - database.keypoints[matches.database, 3]) % 360
    assert (np.abs(turns - 270) <= 31).all()


def test_verifying_a_shortlist_keeps_its_order_and_scale() -> None:
    picture = textured()
    half = np.ascontiguousarray(picture[::2, ::2])
    query = Sift().extract(picture)
    shortlist = [Sift().extract(image) for image in (textured(1), picture, half)]
    matcher, estimator = MutualNearestNeighbour(), RobustGeometry()
    with ThreadPoolExecutor(3) as threads:
        found = verify_all(query, shortlist, matcher, estimator, threads)
    alone = [verify(query, features, matcher, estimator) for features in shortlist]
    assert [len(part) for part in found] == [len(part) for part in alone]
    assert len(found[1]) > 100 > 4 * len(found[0])
    assert found[1].scale == pytest.approx(1)
    assert found[2].scale == pytest.approx(2, rel=0.15)
    with ThreadPoolExecutor(1) as threads:
        assert verify_all(query, [], matcher, estimator, threads) == []


def test_nothing_in_common_is_no_evidence() -> None:
    few = features(np.zeros((0, 64)))
    found = verify(few, Sift().extract(textured()), MutualNearestNeighbour(), RobustGeometry())
    assert len(found) == 0
    assert found.scale == 1.0


def test_keypoints_seen_in_many_places_say_less() -> None:
    verifications = [verification(1, 2, 3), verification(3, 4), verification(3, 1), verification()]
    weights = distinctive_weights(verifications, ["home", "away", "home", "away"])
    assert [weight.tolist() for weight in weights] == [[1, 1, 0.5], [0.5, 1], [0.5, 1], []]
    alone = distinctive_weights(verifications, ["home"] * 4)
    assert all((weight == 1).all() for weight in alone)
    assert distinctive_weights([], []) == []
