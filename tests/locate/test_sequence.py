"""Frames of a walk in the light of each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whence.locate.answers import Answer, Query
from whence.locate.sequence import follow
from whence.types import XY, Candidate, DoubleArray, LocalFeatures, Location, Position, Status
from whence.verify.rerank import UNVERIFIED

TOLERANCE_M = 5.0
GALLERY: DoubleArray = np.array([(x, y) for x in range(0, 200, 4) for y in (0, 60)], np.float64)


def frame(
    x: float,
    confidence: float,
    others: tuple[tuple[float, float], ...] = (),
    time_s: float | None = None,
    video: str = "",
) -> Answer:
    """A frame that takes itself to be at ``x``, and others possible: places with what speaks for them."""
    weight = 1 / (1 - confidence)
    places: list[tuple[Position, float]] = [(XY(x, 0.0), weight), *((XY(at, 0.0), w) for at, w in others)]
    status = Status.LOCATED if confidence >= 0.5 else Status.UNSURE
    candidates = tuple(
        Candidate(f"{number}.jpg", position, 0.5, 9, number) for number, (position, _) in enumerate(places)
    )
    location = Location("f.jpg", status, XY(x, 0.0), 8.0, confidence, candidates, heading_deg=90.0)
    features = LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 64), np.int8), 640, 480)
    query = Query("f.jpg", None, features, np.zeros(4, np.float32), "", {}, time_s=time_s, video=video)
    rows = tuple(range(len(places)))
    return Answer(location, query, rows, (UNVERIFIED,) * len(rows), (), None, None, tuple(places))


def at(answer: Answer) -> float:
    assert isinstance(answer.location.position, XY)
    return answer.location.position.x


def walk(answers: list[Answer]) -> list[Answer]:
    return follow(answers, GALLERY, TOLERANCE_M, 0.5)


def test_a_frame_that_mistakes_its_place_is_put_right_by_its_neighbours() -> None:
    frames = [frame(2.0 * step, 0.9) for step in range(12)]
    frames[6] = frame(150.0, 0.4, ((12.5, 1.2),))
    found = walk(frames)
    assert abs(at(found[6]) - 12) < 2
    assert found[6].location.confidence > 0.5
    assert found[6].location.status is Status.LOCATED
    assert found[6].location.heading_deg is None  # it was that of another place
    assert found[6].location.candidates[0].path == "1.jpg"  # those of the place come first
    assert found[6].rows[0] == 1
    assert found[3].location.heading_deg == 90


def test_a_frame_without_a_clue_is_put_between_its_neighbours() -> None:
    frames = [frame(2.0 * step, 0.9) for step in range(12)]
    frames[5] = frame(190.0, 0.02)
    assert abs(at(walk(frames)[5]) - 10) < 2


def test_frames_that_agree_are_surer_together() -> None:
    unsure = [frame(10.0 * step, 0.4, ((180.0 - 17 * step % 90, 0.8),)) for step in range(10)]
    found = walk(unsure)
    assert all(answer.location.confidence > 0.6 for answer in found)
    assert all(abs(at(answer) - 10 * step) < 5 for step, answer in enumerate(found))


def test_standing_still_proves_little() -> None:
    """Frames of one view err alike: a hundred of them are no more proof than a few."""
    few, many = (walk([frame(30.0, 0.4, ((120.0, 1.0),)) for _ in range(count)]) for count in (3, 100))
    assert many[1].location.confidence < few[1].location.confidence + 0.2
    assert many[50].location.confidence < 0.9


def test_a_cut_is_no_bend() -> None:
    frames = [frame(2.0 * step, 0.95) for step in range(10)] + [frame(150 + 2.0 * step, 0.95) for step in range(10)]
    assert [round(at(answer)) for answer in walk(frames)] == pytest.approx(
        [2 * step for step in range(10)] + [150 + 2 * step for step in range(10)], abs=1
    )


def test_scatter_is_evened_out() -> None:
    off = np.random.default_rng(0).normal(0, 2, 120)
    found = walk([frame(0.5 * step + off[step], 0.9) for step in range(120)])
    left = np.array([at(answer) - 0.5 * step for step, answer in enumerate(found)])
    assert np.abs(left).mean() < 0.75 * np.abs(off).mean()


def test_times_tell_the_order() -> None:
    frames = [frame(2.0 * step, 0.9, time_s=float(step)) for step in range(12)]
    frames[6] = frame(150.0, 0.4, ((12.5, 1.2),), time_s=6.0)
    shuffled = np.random.default_rng(1).permutation(12)
    found = walk([frames[i] for i in shuffled])
    assert [round(at(answer)) for answer in found] == pytest.approx([2 * i for i in shuffled], abs=1)


def test_what_could_not_be_read_stays_as_it_is() -> None:
    lost = Answer(Location("lost.jpg", Status.FAILED, error="truncated"))
    frames = [frame(2.0 * step, 0.9) for step in range(5)]
    found = walk([*frames[:2], lost, *frames[2:]])
    assert found[2] is lost
    assert len(found) == 6
    assert walk([lost]) == [lost]
    assert walk(frames[:1]) == frames[:1]
    assert walk([]) == []


def test_a_photo_of_nothing_is_no_trouble() -> None:
    blank = replace(frame(0.0, 0.0), hypotheses=())
    found = walk([blank] * 4)
    assert all(answer.location.status is Status.UNSURE for answer in found)


def test_strangers_stay_strangers() -> None:
    """However alike the places are that they are mistaken for, walking or standing still."""
    walking = walk([frame(2.0 * step, 0.02) for step in range(20)])
    standing = walk([frame(30.0, 0.03, ((120.0, 1.0),), time_s=step / 10) for step in range(40)])
    assert all(answer.location.status is Status.UNSURE for answer in [*walking, *standing])
    assert all(answer.location.confidence < 0.3 for answer in [*walking, *standing])
    pair = walk([frame(0.0, 0.02), frame(70.0, 0.02)])
    assert all(answer.location.confidence < 0.1 for answer in pair)


def test_every_video_is_a_walk_of_its_own() -> None:
    there = [frame(2.0 * step, 0.9, time_s=float(step), video="a.mp4") for step in range(12)]
    back = [frame(150.0 - 2 * step, 0.9, time_s=float(step), video="b.mp4") for step in range(12)]
    found = walk([*there, *back])
    assert [at(answer) for answer in found] == pytest.approx(
        [2.0 * step for step in range(12)] + [150.0 - 2 * step for step in range(12)], abs=1
    )


def test_bursts_share_a_time() -> None:
    frames = [frame(x, 0.9, time_s=time_s) for x, time_s in ((10.0, 0.0), (150.0, 0.0), (10.5, 1.0), (150.5, 1.0))]
    assert [at(answer) for answer in walk(frames)] == pytest.approx([10, 150, 10.5, 150.5], abs=1)


def test_hours_between_two_sure_frames_prove_nothing_about_a_third() -> None:
    hours = [frame(10.0, 0.9, time_s=0.0), frame(10.5, 0.9, time_s=1.0), frame(11.0, 0.9, time_s=2.0)]
    late = [frame(11.0, 0.9, time_s=36000.0 + step) for step in range(3)]
    lost = frame(190.0, 0.02, time_s=18000.0)
    assert walk([*hours, lost, *late])[3].location.status is Status.UNSURE
