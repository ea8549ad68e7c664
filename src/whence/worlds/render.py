"""Photos of a town: faces, ground, light, sky, the things in front, and the lens."""

from __future__ import annotations

import math

import cv2
import numpy as np

from whence.types import DoubleArray, FloatArray, Image
from whence.worlds.build import Prop
from whence.worlds.camera import Light, View
from whence.worlds.ground import Ground
from whence.worlds.light import Shadows, develop, linear, sky, towards_sun
from whence.worlds.mesh import Face, Ripmap, Textures
from whence.worlds.raster import (
    FIRST,
    GROUND,
    SKY,
    Buffers,
    FaceSet,
    Projection,
    above,
    colours,
    draw,
    extent,
    filled,
    inverse_depth,
    outline,
    sample,
    steps,
)

FINER = 4 / 3
"""Pictures are drawn this much larger, then reduced, so that edges come out smooth."""
HAZE_M = 500.0
"""Distance at which two thirds of what is seen is haze."""
GLOW = (2.6, 1.7, 0.8)
"""Linear colour of lamp light."""
BAND = 24
"""Rows of ground that share one fineness of texture."""


class Scene:
    """Everything in a town that can be photographed.

    Args:
        faces: All faces that stay.
        props: All things that stay and face the camera.
        textures: Their textures.
        ground: The ground.
        shadows: What the buildings cast.
        clouds: See `whence.worlds.light.panorama`.
        land: See `whence.worlds.light.hills`.
    """

    def __init__(
        self,
        faces: list[Face],
        props: list[Prop],
        textures: Textures,
        ground: Ground,
        shadows: Shadows,
        clouds: FloatArray,
        land: FloatArray,
    ) -> None:
        self._faces = FaceSet(faces)
        self._props = props
        self._textures, self._ground, self._shadows = textures, ground, shadows
        self._clouds, self._land = clouds, land

    def photo(self, view: View, width: int, height: int, clutter: list[Face], walkers: list[Prop]) -> Image:
        """Renders a view; ``clutter`` and ``walkers`` are there for this photo only."""
        camera = _projection(view, width, height)
        seen = self._faces.seen_by(camera) + FaceSet(clutter).seen_by(camera)
        buffers = draw([face for face in seen if not face.cutout], camera)
        albedo = colours(buffers, self._textures)
        self._lay_ground(albedo, buffers)
        edge = self._shadows.cast(view.light)
        lit = self._illuminate(albedo, buffers, camera, view.light, edge)
        cutouts = [face for face in seen if face.cutout]
        cutouts += [face for prop in (*self._props, *walkers) if (face := _facing(prop, camera)) is not None]
        self._stand_in_front(lit, buffers, cutouts, camera, view.light, edge)
        small = np.asarray(cv2.resize(lit, (width, height), interpolation=cv2.INTER_AREA), np.float32)
        return develop(small, view.lens, view.clutter)

    def _lay_ground(self, albedo: Image, buffers: Buffers) -> None:
        ground = self._ground
        height, width = buffers.ids.shape
        plane = buffers.ground
        whole = plane.copy()
        whole[:2] -= np.outer(ground.low, plane[2])
        mask = (buffers.ids == GROUND).view(np.uint8)
        layers = [(ground.map, whole, ground.size_m, False)]
        layers += [(grain, plane, (ground.grain_m, ground.grain_m), True) for grain in (ground.road, ground.walk)]
        for y0 in range(0, height, BAND):
            y1 = min(y0 + BAND, height)
            places = np.flatnonzero(mask[y0:y1])
            if len(places) == 0:
                continue
            row, column = divmod(int(places[len(places) // 2]), width)
            x0, x1 = np.flatnonzero(mask[y0:y1].any(axis=0))[[0, -1]] + (0, 1)
            base, road, walk = (_flat(*layer, (int(x0), y0, int(x1), y1), (column, y0 + row)) for layer in layers)
            paved = base[..., 3:].astype(np.float32) / 255
            grain = road + (walk - road.astype(np.float32)) * paved
            shown = np.clip(base[..., :3] * (grain[..., :3] / 128), 0, 255).astype(np.uint8)
            target = albedo[y0:y1, x0:x1]
            cv2.copyTo(cv2.merge([*cv2.split(shown), np.zeros_like(shown[..., 0])]), mask[y0:y1, x0:x1], target)

    def _illuminate(
        self, albedo: Image, buffers: Buffers, camera: Projection, light: Light, edge: FloatArray
    ) -> FloatArray:
        """``(H, W, 3)`` linear light that reaches the camera."""
        normals = np.array([[0, 0, 1.0], [0, 0, 1.0], *(face.normal for face in buffers.faces)])
        slant = np.clip(normals @ towards_sun(light), 0, None).astype(np.float32)
        share = (0.62 + 0.38 * normals[:, 2].clip(0) + 0.12 * normals[:, 1]).astype(np.float32)
        share[FIRST:] *= np.float32(0.96)
        sunlit, haze = self._sunlit(buffers, camera, normals, edge)
        direct = np.take(slant, buffers.ids) * sunlit
        ambient = np.take(share, buffers.ids)
        *channels, own = cv2.split(albedo)
        glow = linear(np.asarray(own, np.uint8)) * np.float32(light.glow) if light.glow > 0 else None
        layers = []
        for channel, values in enumerate(channels):
            factor = direct * np.float32(light.sun[channel])
            factor += ambient * np.float32(light.sky[channel])
            if glow is not None:
                factor += glow * np.float32(GLOW[channel])
            layer = linear(np.asarray(values, np.uint8))
            layer *= factor
            layer += (np.float32(light.horizon[channel] * 0.8) - layer) * haze
            layers.append(layer)
        scene = np.asarray(cv2.merge(layers), np.float32)
        self._hang_sky(scene, buffers, camera, light)
        return scene

    def _hang_sky(self, scene: FloatArray, buffers: Buffers, camera: Projection, light: Light) -> None:
        open_sky = (buffers.ids == SKY).view(np.uint8)
        rows = np.flatnonzero(open_sky.any(axis=1))
        if len(rows):
            y0, y1 = int(rows[0]), int(rows[-1]) + 1
            rays = camera.rays.copy()
            rays[:, 2] += rays[:, 1] * y0
            background = sky(rays, camera.width, y1 - y0, light, self._clouds, self._land)
            cv2.copyTo(background, open_sky[y0:y1], scene[y0:y1])

    def _sunlit(
        self, buffers: Buffers, camera: Projection, normals: DoubleArray, edge: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """``(H, W)`` 1 where the sun reaches, and the share of haze; both looked up on every other pixel."""
        ids, depth = buffers.ids[::2, ::2], 1 / np.maximum(buffers.nearness[::2, ::2], np.float32(1e-4))
        height, width = buffers.ids.shape
        xs, ys = np.arange(0, width, 2), np.arange(0, height, 2)
        # A wall stands on the edge of its own house: look a little in front of it.
        offset = (0.9 * normals + camera.centre).astype(np.float32)
        east, north, up = (
            ((r[0] * xs + r[2]).astype(np.float32)[None, :] + (r[1] * ys).astype(np.float32)[:, None]) * depth
            + np.take(offset[:, axis], ids)
            for axis, r in enumerate(camera.rays)
        )
        lit = self._shadows.lit(edge, east, north, up)
        haze = 1 - np.exp(depth * np.float32(-1 / HAZE_M))
        fine = [cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in (lit, haze)]
        return np.asarray(fine[0], np.float32), np.asarray(fine[1], np.float32)

    def _stand_in_front(
        self, scene: FloatArray, buffers: Buffers, faces: list[Face], camera: Projection, light: Light, edge: FloatArray
    ) -> None:
        """Blends what is cut out over the picture, farthest first."""
        if not faces:
            return
        middles = np.array([face.corners.mean(axis=0) for face in faces]).reshape(-1, 3)
        sun, ambient = np.asarray(light.sun, np.float32), np.asarray(light.sky, np.float32)
        at = (middles + 0.9 * np.array([face.normal for face in faces]).reshape(-1, 3)).astype(np.float32)
        reach = self._shadows.lit(edge, at[:, :1], at[:, 1:2], at[:, 2:]).ravel()
        for index in np.argsort(-np.linalg.norm(middles - camera.centre, axis=1), kind="stable"):
            face = faces[index]
            points = outline(face, camera)
            box = None if points is None else extent(points, camera)
            if points is None or box is None:
                continue
            plane = camera.onto(face)
            x0, y0, x1, y1 = box
            depth = inverse_depth(plane[2], box)
            mask = filled(points, box) & above(depth, buffers.nearness[y0:y1, x0:x1])
            places = np.flatnonzero(mask)
            if len(places) == 0:
                continue
            row, column = divmod(int(places[len(places) // 2]), x1 - x0)
            seen = sample(self._textures.get(face.texture), face, plane, box, steps(plane, (x0 + column, y0 + row)))
            alpha = seen[..., 3].astype(np.float32) / 255 * (mask > 0)
            # Drawn on black, colours are already multiplied by opacity: divide before turning them to linear light.
            full = np.clip(seen[..., :3] / np.maximum(seen[..., 3:], 1).astype(np.float32), 0, 1) ** np.float32(2.2)
            colour = full * (0.75 * ambient + 0.55 * reach[index] * sun)
            if face.texture[0] == "lamp" and light.glow > 0:
                colour += (full > 0.75) * np.asarray(GLOW, np.float32) * np.float32(1.3 * light.glow)
            target = scene[y0:y1, x0:x1]
            target += (colour - target) * alpha[..., None]


def _projection(view: View, width: int, height: int) -> Projection:
    pinhole = view.intrinsics(width, height)
    columns, rows = round(width * FINER), round(height * FINER)
    wider, taller = columns / width, rows / height
    # Pixel centres: x in the photo is (x + 0.5) * wider - 0.5 in the larger picture.
    return Projection(
        view.centre,
        view.rotation,
        pinhole.fx * wider,
        pinhole.fy * taller,
        (pinhole.cx + 0.5) * wider - 0.5,
        (pinhole.cy + 0.5) * taller - 0.5,
        columns,
        rows,
    )


def _flat(
    texture: Ripmap,
    plane: DoubleArray,
    size_m: tuple[float, float],
    repeats: bool,
    box: tuple[int, int, int, int],
    at: tuple[int, int],
) -> Image:
    """A ground layer in a box of pixels. Seen at a low angle it shrinks one way only: fineness between the two."""
    face = Face(np.zeros((0, 3)), np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (), size_m, repeats)
    x, y = at
    w = float(plane[2] @ (x, y, 1))
    area = abs(float(np.linalg.det(plane))) / abs(w) ** 3  # square metres per pixel
    return sample(texture, face, plane, box, (1.3 * math.sqrt(area),) * 2)


def _facing(prop: Prop, camera: Projection) -> Face | None:
    """The prop as a face turned to the camera; None if it cannot be seen."""
    away = np.array([prop.x, prop.y]) - camera.centre[:2]
    distance = float(np.hypot(*away))
    if not 1.2 < distance < prop.reach_m or float(camera.rotation[2, :2] @ away) < 0.3 * distance:
        return None
    right = np.array([away[1], -away[0], 0.0]) / distance
    width, height = prop.size_m
    origin = np.array([prop.x, prop.y, 0.0]) - right * width / 2
    up = np.array([0, 0, 1.0])
    corners = np.array([origin, origin + right * width, origin + right * width + up * height, origin + up * height])
    return Face(corners, origin, right, up, prop.texture, prop.size_m, cutout=True)
