"""Frames of one walk or drive, located together: what one frame cannot tell, its neighbours may.

Every frame proposes several places (``Answer.hypotheses``), each with a share of belief, and may also be somewhere else
altogether. Places of consecutive frames go together the better the nearer they lie, measured against how near two
photos of the gallery lie that have nothing to do with each other; how fast the camera moves follows from frames that
are sure by themselves. How likely each place of each frame is follows from sums over all paths (the forward-backward
algorithm; L. Rabiner, A tutorial on hidden Markov models, Proc. IEEE 1989). Frames that show nearly the same view err
alike, so that a frame adds to what is known of its neighbours only as far as the camera has moved.

What the likeliest places leave to and fro is evened out by local regression (W. Cleveland, Robust locally weighted
regression and smoothing scatterplots, JASA 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from whence.geo.distance import metres_from
from whence.geo.plane import Plane, apart_m, coordinates
from whence.locate.answers import Answer
from whence.locate.confidence import BOUNDS, radius_m
from whence.types import DoubleArray, Position, Status

_KNOWN, _HOPE = 0.9, 3.0
"""Belief, at most, that the truth is among the places that a frame proposes; and over the confidence of its answer."""
_ALIKENESS = 0.75
"""Share of what agreement of frames would prove that it does not prove: strangers agree with each other too."""
_UNTOLD = 4.0
"""Frames that all frames together count for, where nothing tells how fast the camera moves."""
_LONG = 10.0
"""Typical gaps between frames after which nobody knows where the camera went meanwhile."""
_JUMP = 0.05
"""Share of steps that may lead anywhere: cuts, and frames that are not of the walk."""
_ALIKE = 1.0
"""Tolerances after which the camera sees something new."""
_REACH = 2.0
"""Steps to a place that still belongs to the same stretch of the way."""
_LAGS = 1, 2, 4, 8, 16
"""Frames from one to another whose distance tells how fast the camera moves."""
_SURE = 0.5
"""Confidence from which on two neighbours tell how fast the camera moves."""
_WINDOW, _FLOOR, _ROUNDS = 0.5, 0.1, 3
"""Of the regression: tolerances that the camera covers within one standard deviation of the window; least error of a
place over the tolerance; repetitions that make it robust."""
_STEPS = 1.5
"""Typical step over the median one."""
_SAME = 4.0
"""Tolerances within which a candidate is of the place that was found."""
_SAMPLE = 400
"""Photos of the gallery that tell how far apart unrelated places lie."""


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Where a frame may have been taken.

    Attributes:
        answer: By itself.
        points: ``(H, 2)`` metres; that of the answer first.
        belief: ``(H + 1,)`` in each, and in none of them last.
        at: Seconds, or number of the frame.
    """

    answer: Answer
    points: DoubleArray
    belief: DoubleArray
    at: float


def follow(answers: Sequence[Answer], gallery: DoubleArray, tolerance_m: float, unsure_below: float) -> list[Answer]:
    """The same answers in the light of each other; every video is a walk of its own, all photos together are one.

    Frames that could not be read stay as they are. One whose own places do not lie on the path is put between its
    neighbours that do.

    Args:
        answers: In the order in which the frames were taken, unless all have times, which tell it better.
        gallery: ``(N, 2)`` coordinates of its photos.
        tolerance_m: What confidence is the probability of.
        unsure_below: Confidence below which an answer is unsure.
    """
    walks: dict[str, list[int]] = {}
    for place, answer in enumerate(answers):
        walks.setdefault(answer.query.video if answer.query else "", []).append(place)
    found = list(answers)
    for places in walks.values():
        walked = _walked([answers[place] for place in places], gallery, tolerance_m, unsure_below)
        for place, answer in zip(places, walked, strict=True):
            found[place] = answer
    return found


def _walked(answers: Sequence[Answer], gallery: DoubleArray, tolerance_m: float, unsure_below: float) -> list[Answer]:
    """``follow`` for one walk."""
    usable = _in_order(answers)
    if len(usable) < 2:
        return list(answers)
    positions = [answers[place].location.position for place, _ in usable]
    plane = Plane.around([position for position in positions if position is not None])
    frames = [_frame(answers[place], plane, at) for place, at in usable]
    gaps = np.diff([frame.at for frame in frames])
    usual = float(np.median(gaps))
    speed, told = _speed(frames, gaps, tolerance_m)
    moved = np.minimum(1, speed * np.append(gaps, usual) / (_ALIKE * tolerance_m))
    news = np.maximum(moved if told else np.full(len(frames), min(1, _UNTOLD / len(frames))), 1e-3)
    links = _links(frames, plane.metres(_some(gallery)), tolerance_m, speed, _ALIKENESS if told else 1.0)
    placed: list[tuple[DoubleArray, float] | None] = []
    own = []
    for frame, posterior in zip(frames, _posteriors(frames, links, news.tolist()), strict=True):
        state = int(posterior.argmax())
        own.append(state == 0)
        placed.append(None if state == len(frame.points) else (frame.points[state], float(posterior[state])))
    placed = _evened(frames, placed, speed, tolerance_m)
    found = list(answers)
    for number, (place, _) in enumerate(usable):
        here = placed[number] or _between(frames, placed, number, speed, usual, tolerance_m)
        if here is not None:
            found[place] = _answered(answers[place], plane, here, own[number], gallery, tolerance_m, unsure_below)
    return found


def _in_order(answers: Sequence[Answer]) -> list[tuple[int, float]]:
    """Which answers have a position, and when: in seconds if all have a time; else they are taken to be in order."""
    usable = [(place, answer) for place, answer in enumerate(answers) if answer.location.position is not None]
    times = [(place, answer.query.time_s) for place, answer in usable if answer.query is not None]
    known = [(place, time_s) for place, time_s in times if time_s is not None]
    if len(known) == len(usable) and len({time_s for _, time_s in known}) > 1:
        return sorted(known, key=lambda one: one[1])
    return [(place, float(place)) for place, _ in usable]


def _frame(answer: Answer, plane: Plane, at: float) -> _Frame:
    """The frame's own answer keeps its confidence at least; its other places share what is left.

    Who is sure of nothing most likely shows none of the gallery's places, whatever may look most like it.
    """
    own = answer.location
    assert own.position is not None
    others = [(position, weight) for position, weight in answer.hypotheses[1:] if weight > 0]
    first = answer.hypotheses[0][1] if answer.hypotheses else 1.0
    weights = np.array([max(first, 1e-9), *(weight for _, weight in others)])
    known = min(_KNOWN, _HOPE * own.confidence)
    belief = known * weights / weights.sum() if answer.hypotheses else np.array([own.confidence])
    if own.confidence > belief[0]:
        belief[1:] *= max(known - own.confidence, 0.0) / max(float(known - belief[0]), 1e-9)
        belief[0] = own.confidence
    points = plane.metres(coordinates([own.position, *(position for position, _ in others)]))
    belief = np.maximum(belief, 1e-6)
    return _Frame(answer, points, np.append(belief, max(1 - belief.sum(), 1e-3)), at)


def _links(
    frames: Sequence[_Frame], gallery: DoubleArray, tolerance_m: float, speed: float, alike: float
) -> list[DoubleArray]:
    """For each two consecutive frames ``(H + 1, H' + 1)``: how much likelier their places are together than apart."""
    apart = apart_m(gallery, gallery).ravel()
    links = []
    for before, after in pairwise(frames):
        step = float(np.hypot(speed * max(after.at - before.at, 0.0), tolerance_m))
        chance = max(float(np.exp(-0.5 * (apart / step) ** 2).mean()), 1e-9)
        off = apart_m(before.points, after.points)
        link = np.ones((len(before.points) + 1, len(after.points) + 1))
        link[:-1, :-1] = _JUMP + (1 - _JUMP) * np.exp(-0.5 * (off / step) ** 2) / chance
        # strangers that follow each other are alike, and so are the places that they are mistaken for
        link[-1, -1] = max(1.0, float(link[:-1, :-1].max())) ** alike
        links.append(link)
    return links


def _speed(frames: Sequence[_Frame], gaps: DoubleArray, tolerance_m: float) -> tuple[float, bool]:
    """Metres per second, or per frame, and whether frames that are sure by themselves tell it.

    Of neighbours the errors would count more than the way between them; so the least of several distances is taken.
    """
    sure = [frame for frame in frames if frame.answer.location.confidence >= _SURE]
    speeds = []
    for lag in _LAGS:
        pairs = [(a, b) for a, b in zip(sure, sure[lag:], strict=False) if b.at > a.at]
        steps = [float(np.hypot(*(b.points[0] - a.points[0]))) / (b.at - a.at) for a, b in pairs]
        if len(steps) >= lag:
            speeds.append(float(np.median(steps)))
    if speeds:
        return _STEPS * min(speeds), True
    return tolerance_m / float(np.median(np.maximum(gaps, 1e-3))), False


def _posteriors(frames: Sequence[_Frame], links: Sequence[DoubleArray], news: Sequence[float]) -> list[DoubleArray]:
    """Forward-backward: ``(H + 1,)`` probability of each place of each frame.

    Args:
        frames: In order.
        links: Between them.
        news: How much each frame counts for the others, from 0 to 1.
    """
    worth = [frame.belief**new for frame, new in zip(frames, news, strict=True)]
    ahead = [np.ones(len(frames[0].belief))]
    for link, known in zip(links, worth, strict=False):
        onward = (ahead[-1] * known) @ link
        ahead.append(onward / onward.sum())
    behind = [np.ones(len(frames[-1].belief))]
    for link, known in zip(reversed(links), reversed(worth), strict=False):
        back = link @ (behind[-1] * known)
        behind.append(back / back.sum())
    found = [frame.belief * a * b for frame, a, b in zip(frames, ahead, reversed(behind), strict=True)]
    return [both / both.sum() for both in found]


def _evened(
    frames: Sequence[_Frame], placed: Sequence[tuple[DoubleArray, float] | None], speed: float, tolerance_m: float
) -> list[tuple[DoubleArray, float] | None]:
    """Places moved onto straight lines through their neighbours: local linear regression, robust."""
    known = [number for number, here in enumerate(placed) if here is not None]
    at = np.array([frames[number].at for number in known])
    points = np.array([here[0] for here in placed if here is not None]).reshape(-1, 2)
    trust = np.array([here[1] for here in placed if here is not None])
    width = _WINDOW * tolerance_m / max(speed, 1e-9)
    strand = _strands(at, points, speed, tolerance_m)
    robust = np.ones(len(known))
    lines = points
    for _ in range(_ROUNDS):
        rows = []
        for i in range(len(known)):  # one at a time: a long video has too many pairs of frames to keep
            weights = np.exp(-0.5 * ((at - at[i]) / width) ** 2) * (strand == strand[i]) * trust * robust
            rows.append(_line(at - at[i], points, weights, points[i]))
        lines = np.array(rows).reshape(-1, 2)
        off = np.hypot(*(points - lines).T)
        scale = 6 * max(float(np.median(off)), _FLOOR * tolerance_m) if len(off) else 1.0
        robust = np.maximum(1 - (off / scale) ** 2, 0) ** 2
    found = list(placed)
    for number, line in zip(known, lines, strict=True):
        here = placed[number]
        found[number] = None if here is None else (line, here[1])
    return found


def _strands(at: DoubleArray, points: DoubleArray, speed: float, tolerance_m: float) -> NDArray[np.intp]:
    """``(F,)`` which stretch of the way each place belongs to: that of the last one from which it can be reached."""
    last: list[int] = []
    strands = np.zeros(len(at), np.intp)
    for number in range(len(at)):
        for strand in sorted(range(len(last)), key=lambda strand: -last[strand]):
            reach = _REACH * np.hypot(speed * (at[number] - at[last[strand]]), tolerance_m)
            if np.hypot(*(points[number] - points[last[strand]])) <= reach:
                break
        else:
            strand = len(last)
            last.append(number)
        strands[number], last[strand] = strand, number
    return strands


def _line(at: DoubleArray, points: DoubleArray, weights: DoubleArray, own: DoubleArray) -> DoubleArray:
    """``(2,)`` where a weighted straight line is at zero; ``own`` where too few points tell a direction."""
    total = weights.sum()
    if total <= 0 or total**2 / float(weights @ weights) < 3:
        return own
    mean_at, mean = float(weights @ at / total), weights @ points / total
    spread = float(weights @ (at - mean_at) ** 2)
    if spread <= 1e-9:
        return own
    slope = (weights * (at - mean_at)) @ (points - mean) / spread
    return np.asarray(mean - slope * mean_at)


def _between(
    frames: Sequence[_Frame],
    placed: Sequence[tuple[DoubleArray, float] | None],
    number: int,
    speed: float,
    usual: float,
    tolerance_m: float,
) -> tuple[DoubleArray, float] | None:
    """Where a frame was if the camera moved evenly between the nearest ones that have a place on the path."""
    before = next((n for n in range(number - 1, -1, -1) if placed[n] is not None), None)
    after = next((n for n in range(number + 1, len(frames)) if placed[n] is not None), None)
    if before is None or after is None:
        return None
    (start, sure), (end, also) = placed[before] or (np.zeros(2), 0.0), placed[after] or (np.zeros(2), 0.0)
    span = frames[after].at - frames[before].at
    share = (frames[number].at - frames[before].at) / span if span > 0 else 0.5
    away = min(frames[number].at - frames[before].at, frames[after].at - frames[number].at)
    reach = max(float(np.hypot(*(end - start))) / 2, speed * away)
    known = (1 - _JUMP) * min(1.0, tolerance_m / max(reach, 1e-9), _LONG * usual / max(away, 1e-9))
    return start + share * (end - start), known * min(sure, also)


def _answered(
    answer: Answer,
    plane: Plane,
    here: tuple[DoubleArray, float],
    own: bool,
    gallery: DoubleArray,
    tolerance_m: float,
    unsure_below: float,
) -> Answer:
    point, sure = here
    before = answer.location
    assert before.position is not None
    probability = float(np.clip(sure, *BOUNDS))
    position: Position = plane.position(*point.tolist())
    radius = radius_m(probability, tolerance_m, metres_from(position, gallery))
    if own and before.radius_m is not None:
        radius = min(radius, before.radius_m) if probability >= before.confidence else max(radius, before.radius_m)
    off = plane.metres(coordinates([candidate.position for candidate in before.candidates])) - point
    order = np.argsort(np.hypot(*off.T) > _SAME * tolerance_m, kind="stable")  # those of another place come last
    location = replace(
        before,
        status=Status.LOCATED if probability >= unsure_below else Status.UNSURE,
        position=position,
        radius_m=radius,
        confidence=probability,
        candidates=tuple(before.candidates[i] for i in order),
        heading_deg=before.heading_deg if own else None,
    )
    return replace(
        answer,
        location=location,
        rows=tuple(answer.rows[i] for i in order),
        verifications=tuple(answer.verifications[i] for i in order),
    )


def _some(gallery: DoubleArray) -> DoubleArray:
    return gallery[np.linspace(0, len(gallery) - 1, min(_SAMPLE, len(gallery))).astype(np.intp)]
