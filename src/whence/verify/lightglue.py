"""Learned matching: LightGlue networks through ONNX Runtime, the extra ``onnx``.

Sources: P. Lindenberger, P.-E. Sarlin, M. Pollefeys, LightGlue: Local Feature Matching at Light Speed, ICCV 2023;
LighterGlue, the same for XFeat's descriptors, by the authors of XFeat (CVPR 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from whence.errors import ModelError, RecipeError
from whence.models import catalogue, onnx, store
from whence.types import FloatArray, LocalFeatures, Matches
from whence.verify.kinds import each_kind
from whence.verify.matching import MutualNearestNeighbour


@dataclass(frozen=True, slots=True)
class LightGlueOptions:
    """Options of LightGlue.

    Attributes:
        model: The ``.onnx`` file of another LightGlue, for other features; empty for LighterGlue. Inputs are ``kpts0``,
            ``kpts1``, ``desc0``, ``desc1``; outputs ``(M, 2)`` pairs and ``(M,)`` probabilities.
        keypoints: Of each photo, the strongest: the work grows with their square.
        least: Probability of a match, at least.
    """

    model: str = ""
    keypoints: int = 600
    least: float = 0.1


class LightGlue:
    """LighterGlue for XFeat's features, or another. Matches are judged by each other: no ratio test is needed.

    Of features of several kinds it matches the first; the others are matched by mutual nearest neighbours.
    """

    options_type = LightGlueOptions

    def __init__(self, options: LightGlueOptions | None = None) -> None:
        """Loads the network.

        Raises:
            ModelError: It has not been downloaded, or is another file, or no LightGlue.
            MissingExtraError: Without the extra ``onnx``.
        """
        self.options = options or LightGlueOptions()
        named = Path(self.options.model).expanduser() if self.options.model else None
        path = named or store.path_of(catalogue.model("xfeat"), "lighterglue_L3.onnx")
        self._session = onnx.session(path)
        shapes = {given.name: given.shape for given in self._session.get_inputs()}
        if not shapes.keys() >= {"kpts0", "kpts1", "desc0", "desc1"}:
            raise ModelError(f"{path}: its inputs are {', '.join(shapes)}; expected kpts0, kpts1, desc0, desc1")
        self._dimension = shapes["desc0"][-1]
        self._others = MutualNearestNeighbour()

    def match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        """See ``Matcher``; some 40 ms on one core for 600 keypoints in each."""
        return each_kind(query, database, self._match, self._others.match)

    def _match(self, query: LocalFeatures, database: LocalFeatures) -> Matches:
        most = self.options.keypoints
        if not len(query) or not len(database):
            return Matches(np.zeros(0, np.intp), np.zeros(0, np.intp))
        inputs = {}
        for number, features in enumerate((query, database)):
            inputs[f"kpts{number}"] = _centred(features)[None, :most]
            inputs[f"desc{number}"] = self._unit(features)[None, :most]
        given = self._session.run(None, inputs)
        pairs = next(found for found in given if found.shape[-1:] == (2,) and found.dtype.kind == "i").reshape(-1, 2)
        probability = next(found for found in given if found.dtype.kind == "f").ravel()
        kept = probability > self.options.least
        return Matches(pairs[kept, 0].astype(np.intp), pairs[kept, 1].astype(np.intp))

    def _unit(self, features: LocalFeatures) -> FloatArray:
        """``(N, D)`` descriptors of unit length."""
        width = features.descriptors.shape[1]
        if isinstance(self._dimension, int) and width != self._dimension:
            raise RecipeError(
                f"[match] method = 'lightglue' takes descriptors of {self._dimension} numbers, not {width}; "
                "those of LighterGlue are [features] method = 'xfeat'"
            )
        found = features.descriptors.astype(np.float32)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)


def _centred(features: LocalFeatures) -> FloatArray:
    """``(N, 2)`` keypoints with the middle of the photo at zero and half its longer side as unit."""
    size = np.array([features.width, features.height], np.float32)
    return np.asarray((features.keypoints[:, :2] - size / 2) / (size.max() / 2), np.float32)
