"""Positions into containers that whence does not splice itself, TIFF and HEIC, by Phil Harvey's ExifTool.

It is asked to work on a copy, which takes the photo's place only when it is whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from datetime import UTC
from pathlib import Path

from whence.errors import first_line
from whence.photos.writing.estimate import MAP_DATUM, Estimate, UnwritableError

PROGRAM = "exiftool"
_TIMEOUT_S = 120.0


def is_there() -> bool:
    """Whether ExifTool is installed."""
    return shutil.which(PROGRAM) is not None


def written(data: bytes, suffix: str, estimate: Estimate) -> bytes:
    """A photo with the position.

    Args:
        data: The whole file.
        suffix: Of its name, by which ExifTool tells formats apart.
        estimate: To write.

    Raises:
        UnwritableError: ExifTool is not there, or does not write the file.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise UnwritableError(f"its format is written by {PROGRAM}, which is not installed")
    with tempfile.TemporaryDirectory(prefix="whence-tag-") as folder:
        copy = Path(folder) / f"photo{suffix.lower()}"
        copy.write_bytes(data)
        try:
            done = subprocess.run(
                [program, "-config", os.devnull, "-n", "-q", "-q", "-overwrite_original", *_said(estimate), str(copy)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnwritableError(f"{PROGRAM} failed: {first_line(error)}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").replace(str(copy), "the file").strip()
            raise UnwritableError(f"{PROGRAM} does not write it: {said.splitlines()[0][:120] if said else 'no reason'}")
        return copy.read_bytes()


def _said(estimate: Estimate) -> list[str]:
    position = estimate.position
    said = {
        "GPSLatitude": abs(position.lat),
        "GPSLatitudeRef": "S" if position.lat < 0 else "N",
        "GPSLongitude": abs(position.lon),
        "GPSLongitudeRef": "W" if position.lon < 0 else "E",
        "GPSMapDatum": MAP_DATUM,
        "GPSProcessingMethod": estimate.note,
        "GPSHPositioningError": round(estimate.radius_m, 3),
        "GPSDateStamp": f"{estimate.made.astimezone(UTC):%Y:%m:%d}",
    }
    if estimate.heading_deg is not None:
        said |= {"GPSImgDirection": round(estimate.heading_deg, 2), "GPSImgDirectionRef": "T"}
    return [
        f"-EXIF:{name}={value:.9f}" if isinstance(value, float) else f"-EXIF:{name}={value}"
        for name, value in said.items()
    ]
