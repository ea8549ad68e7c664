"""Networks at work: photos in, vectors out, on a processor or a graphics card."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from queue import Empty, Queue

import numpy as np
import torch

from whence.errors import InputError
from whence.models.pictures import prepared
from whence.nets.network import Network
from whence.types import FloatArray, Image

VARIABLE = "WHENCE_DEVICE"
"""Environment variable that names the device: cpu, cuda, cuda:1, mps."""
BATCH = 32
"""Photos at a time on a graphics card, at most."""


def device(asked: str = "") -> torch.device:
    """The device asked for, by an argument or ``WHENCE_DEVICE``; else the first graphics card, or the processor.

    Raises:
        InputError: There is none of this name.
    """
    wanted = asked or os.environ.get(VARIABLE, "")
    if not wanted:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(wanted)
    except RuntimeError as error:
        raise InputError(f"device {wanted}: expected cpu, cuda, cuda:N or mps") from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (chosen.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(chosen.type):
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        raise InputError(
            f"device {wanted}: torch finds none here ({cards} CUDA devices); leave it out, or use --device cpu "
            f"({VARIABLE}=cpu)"
        )
    return chosen


class Runner:
    """Describes photos by a network. Safe to use from many threads.

    On the processor each photo is computed by the thread that asks, by itself, so that its vector never depends on its
    company. A graphics card takes all photos that wait, up to ``batch`` at a time, in half precision where it is safe.
    """

    def __init__(self, network: Network, on: torch.device | None = None, batch: int = BATCH) -> None:
        self._device = on or device()
        self._network = network.eval().to(self._device)
        self._batch = batch
        self._waiting: Queue[tuple[Image, Future[FloatArray]]] = Queue(maxsize=4 * batch)
        self._worker: threading.Thread | None = None
        self._starting = threading.Lock()
        self.together = self._device.type != "cpu"
        self.dimension = network.dimension

    def vector(self, photo: Image) -> FloatArray:
        """``(D,)`` float32 of unit length, of an ``(H, W, 3)`` RGB photo."""
        if not self.together:
            return np.asarray(self.vectors([photo])[0])
        answer: Future[FloatArray] = Future()
        self._start()
        self._waiting.put((photo, answer))
        return answer.result()

    def vectors(self, photos: Sequence[Image]) -> FloatArray:
        """``(B, D)`` float32 of unit length, of some photos at once."""
        picture = self._network.architecture.input
        data = np.stack([prepared(photo, picture) for photo in photos])
        half = self._device.type == "cuda"
        with torch.inference_mode(), torch.autocast(self._device.type, torch.float16, enabled=half):
            found = self._network(torch.from_numpy(data).to(self._device))
        vectors = found.float().cpu().numpy()
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12), np.float32)

    def mask(self, photo: Image) -> FloatArray | None:
        """``(h, w)``: how much each place of a photo counts; None if the network weighs none."""
        data = torch.from_numpy(prepared(photo, self._network.architecture.input))[None].to(self._device)
        with torch.inference_mode():
            found = self._network.mask(data)
        return None if found is None else np.asarray(found[0].float().cpu().numpy())

    def _start(self) -> None:
        with self._starting:
            if self._worker is None:
                self._worker = threading.Thread(target=self._serve, daemon=True, name="whence-network")
                self._worker.start()

    def _serve(self) -> None:
        """Computes whatever waits, together."""
        while True:
            asked = [self._waiting.get()]
            while len(asked) < self._batch:
                try:
                    asked.append(self._waiting.get_nowait())
                except Empty:
                    break
            try:
                found = self.vectors([photo for photo, _ in asked])
            except Exception as error:  # noqa: BLE001, whoever waits for an answer has to hear of whatever it is
                for _, answer in asked:
                    answer.set_exception(error)
                continue
            for (_, answer), vector in zip(asked, found, strict=True):
                answer.set_result(vector)
