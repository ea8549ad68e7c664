"""Which candidates are verified, and when it is enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from samples import World
from whence.errors import RecipeError
from whence.gallery.gallery import Gallery
from whence.geo.distance import distances_m
from whence.locate.locator import Locator
from whence.locate.pipeline import Pipeline
from whence.recipes import Recipe, load_recipe


def changed(**sections: dict[str, object]) -> Recipe:
    """The default with other sections."""
    recipe = load_recipe("default")
    return replace(recipe, sections={**recipe.sections, **sections})


def patient(**sections: dict[str, object]) -> Recipe:
    """One that does not stop early."""
    return changed(confidence={"unsure_below": 0.5}, **sections)


def test_a_cheaper_matcher_chooses_what_is_verified(world: World) -> None:
    gallery = Gallery.open(world.gallery)
    few = Locator(gallery, recipe=patient(prerank={"method": "mutual-nn", "ratio": 0.7, "keep": 6}), candidates=50)
    every = Locator(gallery, recipe=patient(), candidates=50)
    same = 0
    for name in sorted(world.truth)[:10]:
        asked, all_looked_at = few.answer(world.queries / name), every.answer(world.queries / name)
        assert asked.shortlist == all_looked_at.shortlist  # it is the choice among them that differs
        looked = {row for row, found in zip(asked.rows, asked.verifications, strict=True) if len(found)}
        assert len(looked) <= 6
        best = all_looked_at.rows[int(np.argmax([len(found) for found in all_looked_at.verifications]))]
        if max(map(len, all_looked_at.verifications)) >= 30:
            assert best in looked
            same += 1
            assert asked.location.position is not None
            assert distances_m(world.truth[name], [asked.location.position])[0] < 25
    assert same >= 5


def test_the_most_similar_are_looked_at_even_where_nothing_matches(world: World) -> None:
    gallery = Gallery.open(world.gallery)
    blind = {"method": "mutual-nn", "ratio": 0.0001, "keep": 8}  # a prerank that matches nothing
    locator = Locator(gallery, recipe=patient(prerank=blind), candidates=50)
    first = Locator(gallery, recipe=patient(retrieve={"method": "similar", "top_k": 8}))
    for name in sorted(world.truth)[:4]:
        one, other = locator.answer(world.queries / name), first.answer(world.queries / name)
        most = dict(zip(other.rows, map(len, other.verifications), strict=True))
        assert {row: len(found) for row, found in zip(one.rows, one.verifications, strict=True) if len(found)} == {
            row: count for row, count in most.items() if count
        }


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (changed(prerank={"method": "mutual-nn"}, match={}, verify={}), r"\[prerank\] chooses what \[match\] looks at"),
        (changed(prerank={"method": "mutual-nn", "keep": 0}), r"\[prerank\] keep = 0"),
        (changed(prerank={"method": "mutual-nn", "kepe": 3}), r"\[prerank\] has no option 'kepe'; did you mean 'keep'"),
        (changed(prerank={"keep": 3}), r"\[prerank\] names no method"),
    ],
)
def test_what_makes_no_sense_is_refused(recipe: Recipe, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Pipeline(recipe)


def test_galleries_that_know_of_no_prerank_keep_their_digests() -> None:
    recipe = load_recipe("default")
    older = replace(recipe, sections={name: told for name, told in recipe.sections.items() if name != "prerank"})
    assert (older.hash, older.indexing_hash, older.asking_hash) == (
        recipe.hash,
        recipe.indexing_hash,
        recipe.asking_hash,
    )
    assert Pipeline(older).prematcher is None
    assert changed(prerank={"method": "ratio"}).asking_hash != recipe.asking_hash


def test_distances_of_what_was_not_looked_at_are_none(world: World) -> None:
    recipe = patient(
        match={"method": "ratio"},
        prerank={"method": "mutual-nn", "keep": 6},
        locate={"method": "best-photo", "by": "distances"},
    )
    answer = Locator(Gallery.open(world.gallery), recipe=recipe).answer(world.queries / sorted(world.truth)[0])
    assert answer.location.candidates[0].inliers > 0
