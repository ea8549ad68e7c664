"""A query's own position from a reconstruction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from courts import Court, around, visitor
from whence.locate.positioners.epipolar import Epipolar, EpipolarOptions
from whence.locate.positioners.reconstruction import Reconstruction, ReconstructionOptions
from whence.recipes import INDEXING, load_recipe


@pytest.mark.parametrize("known", [True, False])
def test_it_is_nearer_than_relative_poses_alone(known: bool) -> None:
    ours, theirs = Reconstruction(), Epipolar(EpipolarOptions())
    errors = []
    for seed in range(5):
        query = visitor(seed)
        asked = Court(query, around(seed, 6), known=known, noise_px=0.8).shortlist(seed)
        found = [positioner.position(asked) for positioner in (ours, theirs)]
        refined = [proposal.refined for proposal in found if proposal is not None and proposal.refined is not None]
        assert len(refined) == 2
        errors.append([np.hypot(*(one.east_north - (query.x, query.y))) for one in refined])
        assert abs((refined[0].heading_deg - query.heading_deg + 180) % 360 - 180) < 3
        assert refined[0].trusted
    mean = np.mean(errors, axis=0)
    assert mean[0] < 0.25
    assert mean[0] < mean[1]


def test_a_plan_may_be_drawn_with_y_downwards() -> None:
    query = visitor(3)
    asked = Court(query, around(3, 6)).shortlist(3)
    found = Reconstruction().position(replace(asked, points=asked.points * (1, -1)))
    assert found is not None
    assert found.refined is not None
    assert np.hypot(*(found.refined.east_north - (query.x, -query.y))) < 0.3


def test_where_nothing_can_be_reconstructed_it_is_the_answer_of_relative_poses() -> None:
    asked = Court(visitor(2), around(2, 5)).shortlist()
    strict = Reconstruction(ReconstructionOptions(together=10_000)).position(asked)
    plain = Epipolar().position(asked)
    assert strict is not None
    assert plain is not None
    assert strict.refined is not None
    assert plain.refined is not None
    assert np.array_equal(strict.refined.east_north, plain.refined.east_north)


def test_the_recipe_runs_on_any_default_gallery() -> None:
    ours, default = load_recipe("reconstruction"), load_recipe("default")
    assert all(ours.sections[section] == default.sections[section] for section in INDEXING)
    assert ours.needs == ("sfm",)
