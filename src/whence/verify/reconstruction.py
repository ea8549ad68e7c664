"""A few photos reconstructed together: structure from motion by COLMAP, the extra ``sfm``.

Source: J. Schönberger and J.-M. Frahm, Structure-from-Motion Revisited, CVPR 2016, in ``pycolmap``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whence.errors import MissingExtraError
from whence.types import DoubleArray, Intrinsics, LocalFeatures, Matches

_LEAST_PHOTOS = 3
_LEAST_START, _LEAST_MORE = 30, 15
"""Inliers of the pair that a reconstruction starts from, and of every further photo."""
_LEAST_ANGLE_DEG = 4.0
"""Between the rays of that pair: COLMAP's own 16 degrees are for large collections."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """A camera in a reconstruction, whose axes and length are arbitrary.

    Attributes:
        R: ``(3, 3)`` rotation from the reconstruction's axes to the camera's: x right, y down, z forward.
        centre: ``(3,)`` of the camera.
    """

    R: DoubleArray
    centre: DoubleArray


@dataclass(frozen=True, slots=True)
class Lens:
    """A photo's camera.

    Attributes:
        intrinsics: In the pixels that the features were found in.
        known: Else they are a guess; such photos of one size are taken to be of one camera, whose focal length is
            found out.
    """

    intrinsics: Intrinsics
    known: bool


def reconstruct(
    photos: Sequence[LocalFeatures], lenses: Sequence[Lens], matches: Mapping[tuple[int, int], Matches]
) -> dict[int, Pose]:
    """The largest reconstruction that the first photo is part of: a pose for each photo in it, by its place.

    Deterministic: one thread, a fixed seed. Some 0.3 s for ten photos. A temporary folder that cannot be written to is
    as if they did not fit.

    Args:
        photos: Features of each.
        lenses: Camera of each.
        matches: Of pairs ``i < j``, verified.

    Returns:
        Nothing where the first photo fits into none.

    Raises:
        MissingExtraError: Without the extra ``sfm``.
    """
    colmap = library()
    colmap.set_random_seed(0)  # each thread has a generator of its own, which earlier pairs have moved on
    try:
        with tempfile.TemporaryDirectory(prefix="whence-") as folder:
            file = Path(folder) / "database.db"
            cameras = _written(colmap, file, photos, lenses, matches)
            constant = {camera for camera, known in cameras.items() if known}
            models = colmap.incremental_mapping(file, folder, folder, _options(colmap, constant)).values()
            found = [_poses(model) for model in models]
    except (OSError, RuntimeError):  # COLMAP raises the latter for a disk that is full
        return {}
    return max((poses for poses in found if 0 in poses), key=len, default={})


def library() -> Any:
    """``pycolmap``, quiet.

    Raises:
        MissingExtraError: Without the extra ``sfm``.
    """
    try:
        import pycolmap
    except ImportError as error:
        raise MissingExtraError("local reconstructions", "sfm") from error
    pycolmap.logging.minloglevel = int(pycolmap.logging.FATAL)  # photos that do not fit together are no error here
    return pycolmap


def _options(colmap: Any, constant: set[int]) -> Any:
    options = colmap.IncrementalPipelineOptions()
    options.num_threads = 1
    options.random_seed = 0
    options.min_model_size = _LEAST_PHOTOS
    options.max_num_models = 3
    options.extract_colors = False
    options.constant_cameras = constant
    options.mapper.init_min_num_inliers = _LEAST_START
    options.mapper.init_min_tri_angle = _LEAST_ANGLE_DEG
    options.mapper.abs_pose_min_num_inliers = _LEAST_MORE
    return options


def _written(
    colmap: Any,
    file: Path,
    photos: Sequence[LocalFeatures],
    lenses: Sequence[Lens],
    matches: Mapping[tuple[int, int], Matches],
) -> dict[int, bool]:
    """COLMAP's database of photos, cameras and matches; which of its cameras are known."""
    known: dict[int, bool] = {}
    shared: dict[tuple[int, int], tuple[Any, Any]] = {}
    cameras, images = [], []
    database = colmap.Database.open(file)
    for place, (features, lens) in enumerate(zip(photos, lenses, strict=True)):
        size = features.width, features.height
        together = None if lens.known else shared.get(size)
        if together is None:
            camera = _camera(colmap, features, lens)
            camera.camera_id = database.write_camera(camera)
            known[camera.camera_id] = lens.known
            rig = colmap.Rig()
            rig.add_ref_sensor(camera.sensor_id)
            rig.rig_id = database.write_rig(rig)
            together = camera, rig
            if not lens.known:
                shared[size] = together
        camera, rig = together
        image = colmap.Image(name=str(place), camera_id=camera.camera_id)
        image.image_id = database.write_image(image)
        frame = colmap.Frame()
        frame.rig_id = rig.rig_id
        frame.add_data_id(image.data_id)
        database.write_frame(frame)
        database.write_keypoints(image.image_id, _pixels(features).astype(np.float32))
        cameras.append(camera)
        images.append(image.image_id)
    for (first, second), told in matches.items():
        pairs = np.column_stack([told.query, told.database]).astype(np.uint32)
        geometry = colmap.estimate_calibrated_two_view_geometry(
            cameras[first], _pixels(photos[first]), cameras[second], _pixels(photos[second]), pairs
        )
        database.write_matches(images[first], images[second], pairs)
        database.write_two_view_geometry(images[first], images[second], geometry)
    database.close()
    return known


def _camera(colmap: Any, features: LocalFeatures, lens: Lens) -> Any:
    inside = lens.intrinsics
    params = [inside.fx, inside.fy, inside.cx + 0.5, inside.cy + 0.5]
    model = "PINHOLE"
    if not lens.known:
        model, params = "SIMPLE_PINHOLE", [inside.fx, inside.cx + 0.5, inside.cy + 0.5]
    camera = colmap.Camera(model=model, width=features.width, height=features.height, params=params)
    camera.has_prior_focal_length = True
    return camera


def _pixels(features: LocalFeatures) -> DoubleArray:
    """``(N, 2)`` as COLMAP counts them: the corner of the first pixel is zero, not its centre."""
    return np.ascontiguousarray(features.keypoints[:, :2].astype(np.float64) + 0.5)


def _poses(model: Any) -> dict[int, Pose]:
    placed = [image for image in model.images.values() if image.has_pose]
    return {
        int(image.name): Pose(
            np.asarray(image.cam_from_world().rotation.matrix()), np.asarray(image.projection_center())
        )
        for image in placed
    }
