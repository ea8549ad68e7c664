"""What of a photo spoke for an answer, in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from whence.direct.convolutions import Whole, prepared
from whence.direct.framing import laid
from whence.errors import ModelError
from whence.types import FloatArray, Image

if TYPE_CHECKING:
    from whence.direct.estimators.network import NetworkOptions


def grad_cam(whole: Whole, options: NetworkOptions, image: Image) -> FloatArray | None:
    """``(h, w)`` from 0 up: how much each place of a photo spoke for the strongest output, by the last feature map.

    Where only the middle of the photo is looked at, all else is 0. None for networks without such a map.

    Source: R. Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, ICCV
    2017.
    """
    try:
        with torch.enable_grad():
            maps, outputs = whole.seen(prepared(image, options))
            (slopes,) = torch.autograd.grad(outputs[0, int(outputs[0].argmax())], maps)
    except ModelError:
        return None
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    found = (weights * maps.detach()).sum(dim=1)[0].clamp(min=0)
    return laid(np.asarray(found.numpy(), np.float32), image, options)
