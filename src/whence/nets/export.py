"""Networks as ONNX files, to be used without torch."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from whence.errors import ModelError, first_line
from whence.nets.network import Network
from whence.photos import files

_OPSET = 18
INPUT, OUTPUT = "pictures", "vectors"


def export(network: Network, path: Path) -> None:
    """Writes ``path``, whole or not at all; pictures ``(B, 3, H, W)`` as ``Network`` takes them, vectors ``(B, D)``.

    Raises:
        ModelError: The network cannot be expressed, or the file not be written.
    """
    picture = network.architecture.input
    sample = torch.from_numpy(
        np.random.default_rng(0).normal(size=(2, 3, picture.height_px, picture.width_px)).astype(np.float32)
    )
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _quiet(), torch.inference_mode():
            warnings.simplefilter("ignore")  # the exporter's, of its own versions
            made = torch.onnx.export(
                network.cpu().eval(),
                (sample,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=_OPSET,
                dynamo=True,
                dynamic_shapes={INPUT: {0: torch.export.Dim("batch", min=1)}},
                external_data=False,
                verbose=False,
            )
        assert made is not None
        model = made.model_proto
        model.metadata_props.add(key="whence", value=json.dumps({"architecture": network.architecture.table()}))
        files.write(path, model.SerializeToString())
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error.strerror or type(error).__name__}") from error
    except Exception as error:  # the exporter has a class of its own for each of its steps
        raise ModelError(f"{network.architecture.backbone} cannot be exported to ONNX: {first_line(error)}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's messages, which are about its own steps."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
