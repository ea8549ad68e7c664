"""The renderer against the pinhole model: known points of known walls appear where they should."""

import cv2
import numpy as np
import pytest

from whence.worlds import View, project
from whence.worlds.canvas import Texture
from whence.worlds.mesh import Face, Textures, panel
from whence.worlds.raster import FIRST, SKY, Buffers, FaceSet, Projection, colours, draw


def camera_of(view: View, width: int = 640, height: int = 480) -> Projection:
    pinhole = view.intrinsics(width, height)
    return Projection(view.centre, view.rotation, pinhole.fx, pinhole.fy, pinhole.cx, pinhole.cy, width, height)


def seen(faces: list[Face], view: View) -> Buffers:
    camera = camera_of(view)
    return draw(FaceSet(faces).seen_by(camera), camera)


def wall(x: float, half_m: float = 3.0, height_m: float = 5.0, name: str = "wall") -> Face:
    """A wall across the way of someone who looks east; its left end, seen from there, is in the north."""
    corners = np.array([[x, half_m, 0], [x, -half_m, 0], [x, -half_m, height_m], [x, half_m, height_m]])
    return panel(corners, (name,))


def chessboard() -> Texture:
    squares = np.indices((5, 6)).sum(axis=0) % 2 * 255
    board = np.kron(squares, np.ones((40, 40))).astype(np.uint8)
    return np.dstack([board, board, board, np.zeros_like(board)])


def test_heading_90_looks_east() -> None:
    assert (seen([wall(10)], View(0, 0, heading_deg=90)).ids == FIRST).any()
    assert not (seen([wall(10)], View(0, 0, heading_deg=270)).ids == FIRST).any()


@pytest.mark.parametrize(
    ("heading", "ahead", "to_the_right"), [(0, (0, 9), (3, 9)), (90, (9, 0), (9, -3)), (180, (0, -9), (-3, -9))]
)
def test_headings_turn_clockwise_from_north(
    heading: float, ahead: tuple[float, float], to_the_right: tuple[float, float]
) -> None:
    view = View(0, 0, heading_deg=heading, pitch_deg=0)
    pixels, depth = project(view, np.array([[*ahead, view.z], [*to_the_right, view.z]]))
    np.testing.assert_allclose(pixels[0], [319.5, 239.5], atol=1e-9)
    assert pixels[1, 0] > 400
    np.testing.assert_allclose(depth, 9)


def test_pitch_looks_up_and_roll_turns_the_camera_clockwise() -> None:
    east = np.array([[10.0, 0, 1.65]])
    assert project(View(0, 0, heading_deg=90, pitch_deg=10), east)[0][0, 1] > 300
    right = np.array([[10.0, -4, 1.65]])
    assert project(View(0, 0, heading_deg=90, pitch_deg=0, roll_deg=10), right)[0][0, 1] < 230


def test_field_of_view_is_horizontal() -> None:
    view = View(0, 0, heading_deg=0, fov_deg=90, pitch_deg=0)
    pixels, _ = project(view, np.array([[-5.0, 5, 1.65], [5, 5, 1.65]]))
    np.testing.assert_allclose(pixels[:, 0], [-0.5, 639.5])  # the outer edges of the outermost pixels


@pytest.mark.parametrize(
    "view", [View(0, 0, heading_deg=90), View(2, 3, 1.4, 105, 9, 4, 75), View(-4, -2, 2, 70, -3, -6, 60)]
)
def test_corners_of_a_texture_lie_where_the_pinhole_model_says(view: View) -> None:
    textures = Textures()
    textures.add(("wall",), chessboard)
    picture = colours(seen([wall(10)], view), textures)[..., 0]
    inner = [(y, z) for y in (-2.0, -1, 0, 1, 2) for z in (1.0, 2, 3, 4)]
    expected, _ = project(view, np.array([[10.0, y, z] for y, z in inner]))
    inside = ((expected > 12) & (expected < (627, 467))).all(axis=1)
    assert inside.sum() >= 8
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
    start = expected[inside].astype(np.float32)[:, None].copy()
    found = cv2.cornerSubPix(picture, start, (5, 5), (-1, -1), criteria)[:, 0]
    np.testing.assert_allclose(found, expected[inside], atol=0.3)


def test_a_nearer_wall_hides_a_farther_one_whatever_their_order() -> None:
    near, far = wall(6, half_m=1, name="near"), wall(10, name="far")
    for faces in ([near, far], [far, near]):
        buffers = seen(faces, View(0, 0, heading_deg=90, pitch_deg=0))
        names = ["sky", "ground", *(face.texture[0] for face in buffers.faces)]
        assert names[buffers.ids[230, 320]] == "near"
        assert names[buffers.ids[230, 430]] == "far"
        assert buffers.nearness[230, 320] == pytest.approx(1 / 6)
        assert buffers.ids[5, 100] == SKY


def test_walls_are_seen_from_their_front_only() -> None:
    assert not seen([wall(10)], View(20, 0, heading_deg=270)).faces


def test_a_wall_that_passes_the_camera_is_cut_off_behind_it() -> None:
    south = panel(np.array([[20.0, -2, 0], [-20, -2, 0], [-20, -2, 4], [20, -2, 4]]), ("long",))
    buffers = seen([south], View(0, 0, heading_deg=90, pitch_deg=0))
    shown = buffers.ids == FIRST
    assert shown[240, 400:].all()
    assert not shown[:, :300].any()
