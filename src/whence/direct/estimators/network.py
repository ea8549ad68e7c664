"""Networks that look at the pixels themselves (the extra ``torch``): backbones of any kind with dense layers on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from whence import nets
from whence.direct.estimators.estimator import Arrays, Circumstances, Examples, OfPictures
from whence.direct.learning import Descent, Layers
from whence.direct.targets.target import Target
from whence.errors import RecipeError
from whence.types import DoubleArray, FloatArray, Image

if TYPE_CHECKING:
    from whence.direct.convolutions import Whole

PLAIN = "plain"
ALL = "all"
_CHOICES = {
    "pool": ("average", "flatten", "scores"),
    "fit": ("stretch", "crop"),
    "colours": ("network", "unit", "caffe", "pixels"),
}


@dataclass(frozen=True)
class NetworkOptions(Layers, Descent):
    """Options of a network; besides those of ``Layers`` and of ``Descent``:

    Attributes:
        model: Backbone: of ``whence models``, ``timm:NAME`` or ``torchvision:NAME``, or ``plain``, a small one.
        stage: Where the backbone is cut, if not where the model says.
        convolutions: Channels of new 3 x 3 convolutions after that, separated by commas; empty for none.
        pool: What is taken of the last feature map: its ``average``, all of it (``flatten``), or the 1,000 ``scores``
            that the network gives for ImageNet's classes.
        freeze: The backbone keeps its weights up to this stage; ``all``: all of it, and its features are computed once;
            empty: none.
        width_px: Of the pictures.
        height_px: The same.
        fit: ``stretch`` a photo to that size, or ``crop`` the middle after its shorter side has come to it.
        colours: What is made of them: as the ``network`` was published, from 0 to 1 (``unit``), ``caffe`` (blue, green,
            red; less 104, 117, 123), or less mean and over deviation of each of the ``pixels``.
        crops: Of a frozen network's photos, drawn once, from an eighth more than is needed; 1 takes the middle.
        jitter: Of brightness, contrast and saturation, at most by this share.
        flip: Half of the photos are mirrored.
        erase: Chance that a rectangle of a photo is blanked out.
        crop: Least share of a photo that is kept, a random part of it; 1 keeps all.
        rotate_deg: At most, either way.
    """

    model: str = PLAIN
    stage: str = ""
    convolutions: str = ""
    pool: str = "average"
    freeze: str = ""
    width_px: int = 224
    height_px: int = 224
    fit: str = "stretch"
    colours: str = "network"
    crops: int = 1
    jitter: float = 0.0
    flip: bool = False
    erase: float = 0.0
    crop: float = 1.0
    rotate_deg: float = 0.0

    def __post_init__(self) -> None:
        Layers.__post_init__(self)
        Descent.__post_init__(self)
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise RecipeError(f"[estimate] {name} = {getattr(self, name)!r}: expected one of {', '.join(known)}")
        if not 0 < self.crop <= 1 or not 0 <= self.erase <= 1 or not 0 <= self.jitter < 1:
            raise RecipeError("[estimate] crop has to be above 0 and at most 1, erase from 0 to 1, jitter below 1")
        if self.crops > 1 and self.freeze != ALL:
            raise RecipeError(f"[estimate] crops = {self.crops} are of networks that are frozen: freeze = 'all'")
        if self.freeze == ALL and (self.altered or self.convolutions):
            raise RecipeError(
                "[estimate] freeze = 'all' computes features once; jitter, flip, erase, crop, rotate_deg and "
                "convolutions would change them"
            )
        if self.model == PLAIN and self.stage:
            raise RecipeError(f"[estimate] stage = {self.stage!r}: the plain network is not cut")
        if self.pool == "scores" and (self.model == PLAIN or self.stage or self.convolutions):
            raise RecipeError(
                "[estimate] pool = 'scores' takes a whole network of ImageNet, without stage and convolutions"
            )

    @property
    def altered(self) -> bool:
        """Whether pictures are altered at random."""
        return bool(self.jitter or self.flip or self.erase or self.crop < 1 or self.rotate_deg)


class NetworkEstimator(OfPictures):
    """Pictures to outputs, all in one network."""

    options_type = NetworkOptions

    def __init__(self, options: NetworkOptions, whole: Whole, epochs: int) -> None:
        self.options, self.whole, self._epochs = options, whole, epochs

    @classmethod
    def fit(
        cls,
        options: NetworkOptions,
        examples: Examples,
        checked: Examples | None,
        target: Target,
        around: Circumstances,
    ) -> Self:
        """See ``Estimator``.

        Raises:
            MissingExtraError: Without the extra ``torch``.
            ModelError: The backbone cannot be had.
            InputError: The loss is no number any more.
        """
        nets.need("Networks")
        from whence.direct.convolutions import learned

        whole, epochs = learned(options, examples, checked, target, around)
        return cls(options, whole, epochs)

    @classmethod
    def restore(cls, options: NetworkOptions, arrays: Arrays, words: Mapping[str, Any], target: Target) -> Self:
        """See ``Estimator``.

        Raises:
            MissingExtraError: Without the extra ``torch``.
            ModelError: The arrays are of another network.
        """
        nets.need("Networks")
        from whence.direct.convolutions import made
        from whence.direct.layers import filled

        whole = made(options, target, pretrained=False, seed=0)
        filled(whole, arrays)
        return cls(options, whole, int(words["epochs"]))

    def words(self) -> dict[str, Any]:
        """After how many epochs it was best."""
        return {"epochs": self._epochs}

    def of_picture(self, image: Image) -> DoubleArray:
        """See ``Estimator``."""
        from whence.direct.convolutions import asked

        return asked(self.whole, self.options, image)

    def attention(self, image: Image) -> FloatArray | None:
        """``(h, w)``: what of an ``(H, W, 3)`` RGB photo spoke for the strongest output; see ``grad_cam``."""
        from whence.direct.grad_cam import grad_cam

        return grad_cam(self.whole, self.options, image)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See ``Estimator``."""
        return {name: np.asarray(tensor.detach().cpu().numpy()) for name, tensor in self.whole.state_dict().items()}
