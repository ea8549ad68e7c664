"""What training is made of: photos and their splits, mining, losses, validation, checkpoints, options."""

from __future__ import annotations

import dataclasses
import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize
from walks import write_street

from whence.errors import InputError, ModelError, RecipeError
from whence.evaluate.inputs import Given
from whence.nets import CHECKPOINT, checkpoint
from whence.nets.architecture import Input
from whence.nets.pictures import Altered, Pictures, plain
from whence.train.losses import loss_of, triplet
from whence.train.material import Task, gather
from whence.train.mining import mine, pool
from whence.train.options import TrainOptions
from whence.train.validation import NONE, first_hits, recalls
from whence.types import XY, FloatArray, LatLon, Photo, Position


def photo(name: str, position: Position, group: str | None = None) -> Photo:
    return Photo(Path(name), name, position, "csv", group=group)


def line(*places: float, first: str = "d") -> list[Photo]:
    """Photos on a street, by their metres."""
    return [photo(f"{first}{number}", XY(x, 0.0)) for number, x in enumerate(places)]


def vectors(*cosines: float) -> FloatArray:
    """Unit vectors that are so similar to (1, 0)."""
    return np.array([(c, np.sqrt(1 - c * c)) for c in cosines], np.float32)


# --- photos ---


def test_held_out_groups_are_not_trained_with(tmp_path: Path) -> None:
    table = write_street(tmp_path, places=10, groups=True)
    found = gather(Given(table), share=0.3, seed=1)
    away = {shot.group for shot in found.validation.queries}
    assert len(away) == 3
    assert not away & {shot.group for shot in [*found.training.database, *found.training.queries]}
    assert len(found.training.database) == 21
    assert len(found.validation.database) == 30
    assert gather(Given(table), share=0.3, seed=1).validation.queries == found.validation.queries
    assert gather(Given(table), share=0.3, seed=2).validation.queries != found.validation.queries


def test_a_query_is_not_asked_of_itself_nor_of_its_own_group(tmp_path: Path) -> None:
    found = gather(Given(write_street(tmp_path, places=4, groups=True)), share=0.25)
    for query in range(3):
        assert np.isnan(found.validation.distances(query)).sum() == 3
        assert np.isnan(found.training.distances(query)).sum() == 1


def test_queries_of_another_table_share_names_of_groups(tmp_path: Path) -> None:
    """Frame 12 of one walk and of another: the same place, and just what is to be found."""
    first, second = (write_street(tmp_path / name, times=1, groups=True) for name in "ab")
    found = gather(Given(first), Given(second), share=0.25)
    assert len(found.validation.queries) == 3
    assert not np.isnan(found.validation.distances(0)).any()
    assert len(found.training.database) == 9
    named = gather(Given(first), Given(first), (Given(second), Given(first)))
    assert (len(named.training.database), len(named.validation.queries)) == (12, 12)


def test_what_cannot_be_gathered(tmp_path: Path) -> None:
    table = write_street(tmp_path, places=3, groups=True)
    earth = tmp_path / "earth.csv"
    earth.write_text("path,lat,lon\n000-0.png,50,10\n", encoding="utf-8")
    with pytest.raises(InputError, match="positions of two kinds"):
        gather(Given(table), Given(earth), (Given(table), Given(table)))
    with pytest.raises(InputError, match="cannot be split"):
        gather(Given(table), share=0.99)
    with pytest.raises(InputError, match="expected a number between 0 and 1"):
        gather(Given(table), share=1.5)


def test_distances_on_the_earth_are_metres() -> None:
    task = Task([photo("a", LatLon(50, 10)), photo("b", LatLon(50.001, 10))], [photo("q", LatLon(50, 10))])
    assert task.distances(0) == pytest.approx([0, 111.2], abs=0.1)
    assert list(task.answerable(1)) == [0]
    assert not len(Task(line(0), line(100, first="q")).answerable(50))


def test_a_file_is_itself_under_any_name(tmp_path: Path) -> None:
    table = write_street(tmp_path / "street", places=4, times=1)
    (tmp_path / "link").symlink_to(tmp_path / "street")
    linked = tmp_path / "linked.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    names = [f"link/../street/{row}" if number % 2 else f"link/{row}" for number, row in enumerate(rows[1:])]
    linked.write_text("\n".join([rows[0], *names]), encoding="utf-8")
    found = gather(Given(table), Given(linked), share=0.25)
    assert len(found.training.database) == 3
    assert all(np.isnan(found.training.distances(query)).sum() == 1 for query in range(3))
    assert found.training.digest() == gather(Given(table), Given(table), share=0.25).training.digest()


# --- mining ---


def test_the_most_similar_positive_and_the_hardest_negatives() -> None:
    task = Task(line(0, 3, 4, 12, 40, 41, 42), line(1, first="q"))
    looked_at = pool(task, np.array([0]), 5.0, 20.0, np.arange(7))
    assert list(looked_at.near[0]) == [0, 1, 2]
    found = vectors(0.1, 0.8, 0.7, 0.99, 0.5, 0.9, 0.2)
    (one,) = mine(np.array([0]), looked_at, vectors(1.0), found, 2)
    assert (one.query, one.positive, one.negatives) == (0, 1, (5, 4))  # the one at 12 m is nobody's
    (more,) = mine(np.array([0]), pool(task, np.array([0]), 5.0, 5.0, np.arange(7)), vectors(1.0), found, 2)
    assert more.negatives == (3, 5)
    (few,) = mine(np.array([0]), looked_at, vectors(1.0), found, 5)
    assert few.negatives == (5, 4, 6, 5, 4)


def test_photos_that_cannot_be_read_are_not_mined() -> None:
    task = Task(line(0, 3, 40, 41), line(1, 2, first="q"))
    looked_at = pool(task, np.array([0, 1]), 5.0, 20.0, np.arange(4))
    found, asked = vectors(0.9, 0.5, 0.9, 0.5), vectors(1.0, 1.0)
    found[[0, 2]] = asked[1] = np.nan
    (one,) = mine(np.array([0, 1]), looked_at, asked, found, 1)
    assert (one.query, one.positive, one.negatives) == (0, 1, (3,))


def test_positives_are_looked_at_even_if_they_were_not_drawn() -> None:
    task = Task(line(0, 40, 80), line(1, 79, first="q"))
    looked_at = pool(task, np.array([1]), 5.0, 5.0, np.array([1]))
    assert list(looked_at.rows) == [1, 2]
    assert list(looked_at.near[0]) == [1]


# --- losses ---


def test_the_triplet_loss_by_hand() -> None:
    given = torch.from_numpy(np.concatenate([vectors(1.0, 0.9, 0.95, -1.0), vectors(1.0, 1.0, 0.0, 0.0)]))
    near, hard = np.hypot(0.1, np.sqrt(0.19)), np.hypot(0.05, np.sqrt(0.0975))
    assert float(triplet(given, 2, 0.1)) == pytest.approx((near - hard + 0.1) / 2, abs=1e-5)
    again = given.clone().requires_grad_()
    triplet(again, 2, 0.1).backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(again.grad).all()  # type: ignore[arg-type]


def test_multi_similarity_knows_who_belongs_together() -> None:
    loss = loss_of(TrainOptions(loss="multi-similarity"))
    together = torch.from_numpy(np.concatenate([vectors(1.0, 0.99, -0.9, -0.8), vectors(0.0, 0.01, -0.99, -0.7)]))
    apart = together[[0, 2, 1, 3, 4, 6, 5, 7]]
    assert float(loss(together, 2)) < float(loss(apart, 2))
    # nobody knows whether two negatives, or the photos of two queries, show one place
    shared = together.clone()
    shared[6] = shared[1]
    only = torch.cat([loss(shared[:4], 1)[None], loss(shared[4:], 1)[None]]).mean()
    assert float(loss(shared, 2)) == pytest.approx(float(only), rel=1e-5)


# --- validation ---


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_first_hits_by_hand(seed: int) -> None:
    random = np.random.default_rng(seed)
    task = Task(line(*random.uniform(0, 100, 9)), line(*random.uniform(0, 100, 4), first="q"))
    asked, found = (np.asarray(normalize(torch.randn(n, 3)).numpy()) for n in (4, 9))
    first = first_hits(task, asked, found, 10.0)
    for query in range(4):
        order = sorted(range(9), key=lambda row: -float(asked[query] @ found[row]))
        near = [place for place, row in enumerate(order) if task.distances(query)[row] <= 10]
        assert first[query] == (near[0] if near else NONE)


def test_recall_counts_what_is_missing() -> None:
    task = Task(line(0, 50), line(0, 1, 500, first="q"))
    asked, found = vectors(1.0, 1.0, 1.0), vectors(0.5, 0.9)
    asked[1] = np.nan
    first = first_hits(task, asked, found, 5.0)
    assert list(first) == [1, NONE, NONE]
    assert recalls(first) == {1: 0.0, 5: 1 / 3, 10: 1 / 3, 20: 1 / 3}


# --- pictures ---


def test_pictures_are_read_once_and_broken_ones_remembered(tmp_path: Path) -> None:
    write_street(tmp_path, places=1)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    pictures = Pictures(Input(32, 24), 2)
    found = pictures.read([tmp_path / "000-0.png", tmp_path / "broken.jpg", tmp_path / "absent.jpg"])
    assert found[0] is not None
    assert found[0].shape == (24, 32, 3)
    assert found[1:] == [None, None]
    assert set(pictures.broken) == {tmp_path / "broken.jpg", tmp_path / "absent.jpg"}
    (tmp_path / "000-0.png").unlink()
    assert pictures.read([tmp_path / "000-0.png"])[0] is found[0]
    pictures.close()


@pytest.mark.parametrize(
    "options",
    [{}, {"jitter": 0.3}, {"flip": True}, {"erase": 1.0}, {"crop": 0.5}, {"rotate_deg": 20.0}],
    ids=lambda options: ", ".join(options) or "none",
)
def test_pictures_are_altered_as_asked(options: dict[str, Any]) -> None:
    size = Input(32, 24)
    image = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    same = plain([image] * 4, size, torch.device("cpu"))
    torch.manual_seed(5)
    made = Altered(TrainOptions(**options), size)([[image] * 2] * 2, torch.device("cpu"))
    assert made.shape == same.shape == (4, 3, 24, 32)
    assert torch.isfinite(made).all()
    if options == {"flip": True}:  # query by query, with its photos
        states = {
            tuple(torch.equal(one, other) for one, other in zip(made[at : at + 2], same, strict=False)) for at in (0, 2)
        }
        assert states <= {(True, True), (False, False)}
    else:
        assert torch.allclose(made, same, atol=1e-5) == (not options)
    torch.manual_seed(5)
    assert torch.equal(Altered(TrainOptions(**options), size)([[image] * 2] * 2, torch.device("cpu")), made)


# --- checkpoints ---


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / CHECKPOINT
    checkpoint.write(path, {"settings": {"a": 1}, "epoch": 1})

    def full(state: object, stream: Any) -> None:
        stream.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(ModelError, match=r"No space left on device\); the one before is kept; make room"):
        checkpoint.write(path, {"settings": {"a": 1}, "epoch": 2})
    assert checkpoint.read(path, {"a": 1}) == {"settings": {"a": 1}, "epoch": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == [CHECKPOINT]


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    assert checkpoint.read(path, {}) is None
    checkpoint.write(path, {"settings": {"network": "one"}})
    with pytest.raises(InputError, match="network was 'one', now it is 'other'; use another --out"):
        checkpoint.read(path, {"network": "other"})
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], b"", b"text"):
        path.write_bytes(broken)
        with pytest.raises(ModelError, match="damaged one; remove it"):
            checkpoint.read(path, {})
    torch.save({"settings": {}, "more": Path("run me")}, path)  # anything but plain data
    with pytest.raises(ModelError, match="damaged one"):
        checkpoint.read(path, {})


# --- options ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "triplets"}, "expected one of triplet"),
        ({"optimiser": "adamax"}, "expected one of adam"),
        ({"positive_m": 0.0}, "above 0"),
        ({"positive_m": 25.0, "negative_m": 10.0}, "at least positive_m"),
        ({"crop": 0.0}, "crop has to be"),
        ({"best_at": 7}, "expected one of 1, 5, 10, 20"),
        ({"precision": "8-mixed"}, "expected one of 32-true"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        TrainOptions(**options)


def test_where_negatives_begin() -> None:
    options = TrainOptions(positive_m=5.0)
    assert options.beyond_m == 5.0
    assert dataclasses.replace(options, negative_m=25.0).beyond_m == 25.0
