"""Which face each pixel shows: faces are drawn into a buffer of inverse depths, then sampled in tiles.

For a flat face, inverse depth and the texture coordinates times inverse depth are linear in the pixel coordinates:
one 3x3 matrix per face leads from pixels to metres on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from whence.types import DoubleArray, FloatArray
from whence.worlds.canvas import Texture
from whence.worlds.mesh import Face, Ripmap, Textures

NEAR_M = 0.25
TILE = 80
SKY, GROUND, FIRST = 0, 1, 2
"""Numbers in the buffer of ids; faces follow."""
FLOOR = Face(np.zeros((0, 3)), np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (), (1.0, 1.0))
"""The ground: along is east, up is north."""


@dataclass(frozen=True)
class Projection:
    """A pinhole camera for a buffer of ``width`` x ``height`` pixels.

    Attributes:
        centre: ``(3,)`` metres.
        rotation: ``(3, 3)`` town to camera.
        fx: Focal length in pixels.
        fy: The same downwards; pixels of a reduced picture need not be square.
        cx: Pixels.
        cy: Pixels.
        width: Pixels.
        height: Pixels.
    """

    centre: DoubleArray
    rotation: DoubleArray
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @cached_property
    def rays(self) -> DoubleArray:
        """``(3, 3)`` from pixels (x, y, 1) to directions in the town with depth 1."""
        inverse = np.array([[1 / self.fx, 0, -self.cx / self.fx], [0, 1 / self.fy, -self.cy / self.fy], [0, 0, 1]])
        return np.asarray(self.rotation.T @ inverse, np.float64)

    def onto(self, face: Face) -> DoubleArray:
        """``(3, 3)`` from pixels to (along, up, 1) / depth on the plane of a face, in metres from its origin."""
        away = self.centre - face.origin
        axes = np.array([face.right, face.up, face.normal])
        plane, (along, up, height) = axes @ self.rays, (axes @ away).tolist()
        depth = plane[2] / -height
        return np.array([along * depth + plane[0], up * depth + plane[1], depth])


class FaceSet:
    """Faces with what is needed to find quickly those that a camera may see."""

    def __init__(self, faces: Sequence[Face]) -> None:
        self.faces = list(faces)
        boxes = [(face.corners.min(axis=0), face.corners.max(axis=0)) for face in self.faces]
        low = np.array([box[0] for box in boxes]).reshape(-1, 3)
        high = np.array([box[1] for box in boxes]).reshape(-1, 3)
        self._middle = (low + high) / 2
        self._radius = np.linalg.norm(high - low, axis=1) / 2
        self._normal = np.array([face.normal for face in self.faces]).reshape(-1, 3)
        self._origin = np.array([face.origin for face in self.faces]).reshape(-1, 3)
        self._reach = np.array([face.reach_m for face in self.faces])

    def seen_by(self, camera: Projection) -> list[Face]:
        """Faces turned to the camera that may lie in the picture, nearest first."""
        facing = np.einsum("ij,ij->i", self._normal, camera.centre - self._origin) > 1e-6
        local = (self._middle - camera.centre) @ camera.rotation.T
        far = local[:, 2]
        wide, tall = (camera.width / 2) / camera.fx, (camera.height / 2) / camera.fy
        near_axis = np.abs(local[:, 0]) - wide * far < self._radius * math.hypot(1, wide)
        near_axis &= np.abs(local[:, 1]) - tall * far < self._radius * math.hypot(1, tall)
        large = self._radius * camera.fx > 0.7 * far
        distance = np.linalg.norm(local, axis=1)
        keep = facing & near_axis & large & (far + self._radius > NEAR_M) & (distance - self._radius < self._reach)
        found = np.flatnonzero(keep)
        return [self.faces[i] for i in found[np.argsort(distance[found] - self._radius[found], kind="stable")]]


def outline(face: Face, camera: Projection) -> DoubleArray | None:
    """``(K, 2)`` pixels of a face's corners after cutting off what lies behind the camera; None if nothing is left."""
    local = (face.corners - camera.centre) @ camera.rotation.T
    if local[:, 2].min() < NEAR_M:
        local = _cut(local)
        if len(local) < 3:
            return None
    return np.asarray(local[:, :2] / local[:, 2:] * (camera.fx, camera.fy) + (camera.cx, camera.cy), np.float64)


def _cut(local: DoubleArray) -> DoubleArray:
    kept = []
    for a, b in zip(local, np.roll(local, -1, axis=0), strict=True):
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
            kept.append(a + (NEAR_M - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept).reshape(-1, 3)


def extent(points: DoubleArray, camera: Projection) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 (exclusive) of the pixels that a polygon may touch; None if it lies outside."""
    x0, y0 = np.floor(points.min(axis=0)).clip(0)
    x1, y1 = np.ceil(points.max(axis=0)).clip(None, (camera.width - 1, camera.height - 1)) + 1
    return (int(x0), int(y0), int(x1), int(y1)) if x0 < x1 and y0 < y1 else None


def filled(points: DoubleArray, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """``(h, w)`` mask of a polygon within its box: 255 inside."""
    x0, y0, x1, y1 = box
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    scaled = np.round((points - (x0, y0)) * 16).clip(-(2**24), 2**24).astype(np.int32)
    cv2.fillPoly(mask, [scaled], (255,), cv2.LINE_8, 4)
    return mask


def inverse_depth(plane: DoubleArray, box: tuple[int, int, int, int]) -> FloatArray:
    """``(h, w)`` of 1 / metres on a plane: ``plane`` is the last row of `Projection.onto`."""
    x0, y0, x1, y1 = box
    across = (plane[0] * np.arange(x0, x1) + plane[2]).astype(np.float32)
    down = (plane[1] * np.arange(y0, y1)).astype(np.float32)
    return np.asarray(across[None, :] + down[:, None], np.float32)


def above(a: FloatArray, b: FloatArray) -> NDArray[np.uint8]:
    """255 where a > b, else 0."""
    return np.asarray(cv2.compare(a, b, cv2.CMP_GT), np.uint8)


@dataclass
class Buffers:
    """What each pixel shows.

    Attributes:
        ids: ``(H, W)`` uint16: `SKY`, `GROUND`, or `FIRST` + number of the face.
        nearness: ``(H, W)`` float32, 1 / depth in metres; 0 in the sky.
        faces: The faces that are seen.
        planes: For each of them the matrix of `Projection.onto`.
        ground: The same for the ground; along is east, up is north.
    """

    ids: NDArray[np.uint16]
    nearness: FloatArray
    faces: list[Face]
    planes: list[DoubleArray]
    ground: DoubleArray


def draw(faces: Sequence[Face], camera: Projection) -> Buffers:
    """Finds the nearest face of every pixel."""
    ground = camera.onto(FLOOR)
    nearness = inverse_depth(ground[2], (0, 0, camera.width, camera.height))
    np.maximum(nearness, 0, out=nearness)
    ids = np.where(nearness > 0, np.uint16(GROUND), np.uint16(SKY))
    shown: list[Face] = []
    planes: list[DoubleArray] = []
    for face in faces:
        points = outline(face, camera)
        box = None if points is None else extent(points, camera)
        if points is None or box is None:
            continue
        plane = camera.onto(face)
        x0, y0, x1, y1 = box
        here = nearness[y0:y1, x0:x1]
        if (points @ plane[2, :2]).max() + plane[2, 2] < here.min():
            continue  # even its nearest corner lies behind all that is there already
        depth = inverse_depth(plane[2], box)
        nearer = filled(points, box) & above(depth, here)
        if not nearer.any():
            continue
        cv2.copyTo(depth, nearer, here)
        ids[y0:y1, x0:x1][nearer.view(np.bool_)] = FIRST + len(shown)
        shown.append(face)
        planes.append(plane)
    return Buffers(ids, nearness, shown, planes, ground)


def to_pixels(face: Face, rows: int, columns: int) -> DoubleArray:
    """``(3, 3)`` from metres on a face to pixels of a texture with this many rows and columns."""
    width, height = face.size_m
    return np.array([[columns / width, 0, -0.5], [0, -rows / height, rows - 0.5], [0, 0, 1.0]])


def sample(
    texture: Ripmap, face: Face, plane: DoubleArray, box: tuple[int, int, int, int], fineness: tuple[float, float]
) -> Texture:
    """``(h, w, 4)`` the texture as seen in a box of pixels; ``fineness`` is metres per pixel, see `steps`."""
    x0, y0, x1, y1 = box
    rows, columns = texture.base.shape[:2]
    across, down = fineness
    level = texture.level(
        _halvings(across * columns / face.size_m[0], columns), _halvings(down * rows / face.size_m[1], rows)
    )
    H = to_pixels(face, *level.shape[:2]) @ plane
    H[:, 2] += H[:, 0] * x0 + H[:, 1] * y0
    border = cv2.BORDER_WRAP if face.repeats else cv2.BORDER_REPLICATE
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(level, H, (x1 - x0, y1 - y0), flags=flags, borderMode=border), np.uint8)


def steps(plane: DoubleArray, at: tuple[int, int]) -> tuple[float, float]:
    """How many metres along and up a face one goes from one pixel to the next."""
    (a, b, c), (d, e, f), (g, h, i) = plane.tolist()
    x, y = at
    w = g * x + h * y + i
    s, t = (a * x + b * y + c) / w, (d * x + e * y + f) / w
    return max(abs(a - s * g), abs(b - s * h)) / abs(w), max(abs(d - t * g), abs(e - t * h)) / abs(w)


def _halvings(pixels: float, size: int) -> int:
    # Pictures are drawn larger than they are delivered: a little too sharp here is right there.
    wanted = math.floor(math.log2(max(pixels, 1.0)) + 0.35)
    return min(wanted, max(int(size).bit_length() - 1, 0))


def colours(buffers: Buffers, textures: Textures) -> Texture:
    """``(H, W, 4)`` what each face shows, unlit; ground and sky are left black."""
    height, width = buffers.ids.shape
    out: Texture = np.zeros((height, width, 4), np.uint8)
    for y0 in range(0, height, TILE):
        for x0 in range(0, width, TILE):
            tile = np.s_[y0 : min(y0 + TILE, height), x0 : min(x0 + TILE, width)]
            ids = buffers.ids[tile]
            for number in np.flatnonzero(np.bincount(ids.ravel())).tolist():
                if number >= FIRST:
                    face, plane = buffers.faces[number - FIRST], buffers.planes[number - FIRST]
                    _fill(out[tile], ids == number, (x0, y0), textures.get(face.texture), face, plane)
    return out


def _fill(
    target: Texture, mask: NDArray[np.bool_], corner: tuple[int, int], texture: Ripmap, face: Face, plane: DoubleArray
) -> None:
    """Colours the pixels of one face in one tile."""
    places = np.flatnonzero(mask)
    width = mask.shape[1]
    columns = np.flatnonzero(mask.any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    top, bottom = int(places[0]) // width, int(places[-1]) // width + 1
    row, column = divmod(int(places[len(places) // 2]), width)
    x0, y0 = corner
    fineness = steps(plane, (x0 + column, y0 + row))
    seen = sample(texture, face, plane, (x0 + left, y0 + top, x0 + right, y0 + bottom), fineness)
    cv2.copyTo(seen, mask[top:bottom, left:right].view(np.uint8), target[top:bottom, left:right])
