"""Pictures of matches: the right pixel of the right photo."""

from __future__ import annotations

import numpy as np
import pytest

from whence.present.evidence import MatchView
from whence.present.matchpicture import BAND, GAP, counts, match_picture, scaled, spread
from whence.types import Candidate, Image, LatLon

CANDIDATE = Candidate("gallery.jpg", LatLon(45.0, 12.0), 0.8, 1, 0)


def black(height: int, width: int) -> Image:
    return np.zeros((height, width, 3), dtype=np.uint8)


def view(photo: Image | None, query_points: object, photo_points: object) -> MatchView:
    return MatchView(photo, CANDIDATE, np.array(query_points, float), np.array(photo_points, float))


def bright_middle(picture: Image, left: int, right: int) -> tuple[float, float]:
    """Centre (x, y) of what was drawn between two columns of a picture of black photos."""
    ys, xs = np.nonzero(picture[:, left:right].max(axis=2) > 150)
    return float(xs.mean()) + left, float(ys.mean())


def test_points_land_where_they_are_when_heights_differ() -> None:
    # No lines: only the dots are left to be found.
    picture = match_picture(
        black(200, 300), view(black(800, 400), [(90, 60)], [(320, 640)]), height=400, lines=0, caption=False
    )
    assert picture.shape == (400, 600 + GAP + 200, 3)
    assert bright_middle(picture, 0, 600) == pytest.approx((180.5, 120.5), abs=0.6)
    assert bright_middle(picture, 600 + GAP, picture.shape[1]) == pytest.approx((600 + GAP + 159.75, 319.75), abs=0.6)


def test_a_line_joins_the_two_points() -> None:
    picture = match_picture(black(100, 100), view(black(100, 100), [(20, 50)], [(80, 50)]), height=100, caption=False)
    row = picture[50, 20 : 100 + GAP + 80].max(axis=1)
    assert (row > 60).all()
    assert not picture[40, :100].any()


def test_pixel_centres_stay_centres() -> None:
    # The four corners of a 2 x 2 image are the four quarters of a 4 x 4 one.
    corners = np.array([(0.0, 0.0), (1.0, 1.0)])
    np.testing.assert_allclose(scaled(corners, (2, 2), (4, 4)), [(0.5, 0.5), (2.5, 2.5)])


def test_wide_pairs_keep_to_the_width() -> None:
    picture = match_picture(black(100, 2000), view(black(100, 1500), [(1, 1)], [(1, 1)]), height=400, max_width=1000)
    assert 980 <= picture.shape[1] <= 1001


def test_caption_is_below_the_photos() -> None:
    photos = view(black(50, 50), [(5, 5)], [(6, 6)])
    assert match_picture(black(50, 50), photos, height=50).shape[0] == 50 + BAND
    assert (counts(1, 1), counts(83, 60)) == ("1 matching point", "83 matching points, lines for 60 of them")


def test_a_photo_that_is_not_kept_and_points_that_are_not_numbers() -> None:
    picture = match_picture(black(60, 80), view(None, [(40, 30)], [(9999, 9999)]), height=60, caption=False)
    assert picture.shape == (60, 80 + GAP + 80, 3)
    match_picture(black(60, 80), view(black(60, 80), [(np.nan, 1), (1, 1)], [(1, 1), (2, 2)]), height=60)
    match_picture(black(60, 80), view(black(60, 80), np.empty((0, 2)), np.empty((0, 2))), height=60)


def test_lines_are_spread_and_always_the_same() -> None:
    rng = np.random.default_rng(7)
    points = np.vstack([rng.normal(0, 1, (500, 2)), [(1000.0, 1000.0), (0.0, 1000.0)]])
    chosen = spread(points, 60)
    assert len(set(chosen)) == 60
    assert {500, 501} <= set(chosen)
    assert chosen == spread(points, 60)
    assert spread(points[:10], 60) == list(range(10))
