"""Conditions and arguments of the wrong kind."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

import numpy as np
import pytest

from whence.errors import InputError
from whence.gallery.where import Where
from whence.locate.locator import Locator
from whence.types import Crs


@pytest.mark.parametrize(
    "said",
    [
        {"near": (1,), "radius_m": 1},
        {"box": (1, 2, 3)},
        {"box": "1234"},
        {"since": "2024"},
        {"until": date(2024, 1, 1)},
    ],
)
def test_conditions_of_the_wrong_kind(said: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected"):
        Where(**said)


def test_the_pole_has_every_longitude() -> None:
    found = Where(box=(89, 10, 90, 20)).mask(
        Crs.WGS84, np.array([[90.0, 50], [89.5, 50]]), np.array(["NaT"] * 2, "datetime64[us]")
    )
    assert found.tolist() == [True, False]


def test_a_locator_wants_an_open_gallery() -> None:
    wrong: Any = "gv"
    with pytest.raises(InputError, match=r"Gallery\.open"):
        Locator(wrong)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_a_closed_stdout_is_told() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" -m whence recipes >&-', sys.executable], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("whence: stdout is closed")
    assert len(done.stderr.splitlines()) == 1
