"""ONNX Runtime sessions, the extra ``onnx``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from whence.errors import MissingExtraError, ModelError, first_line
from whence.models.store import digest_of


def session(path: Path) -> Any:
    """A session that may be used from many threads; one for each file.

    It computes on one thread: photos are spread over the cores, and sums do not depend on how many these are.

    Raises:
        MissingExtraError: Without the extra ``onnx``.
        ModelError: The file is no model that the runtime can use.
    """
    try:
        return _session(path, digest_of(path))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or type(error).__name__}; expected an .onnx file") from error


@lru_cache(maxsize=8)
def _session(path: Path, digest: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("Learned local features", "onnx") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # its warnings are about the graph, which no user can change
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has classes of its own for each failure, without a common one
        raise ModelError(f"{path} cannot be used by ONNX Runtime: {first_line(error, 120)}") from error
