"""Indexes photos in this process and prints its peak memory as one line of JSON. Run by the other benchmarks."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

MB = 1e6


@dataclass(frozen=True, slots=True)
class Peak:
    """What one run of ``whence.index`` took.

    Attributes:
        photos: In the gallery at the end.
        skipped: Photos passed over.
        seconds: Wall time, without imports.
        learned: Whether the gallery learned a vocabulary of its own.
        before_mb: Peak resident memory with everything imported, before the first photo.
        peak_mb: Peak resident memory at the end.
    """

    photos: int
    skipped: int
    seconds: float
    learned: bool
    before_mb: float
    peak_mb: float


def index_apart(source: Path, gallery: Path, workers: int | None = None) -> Peak:
    """``whence.index`` in a process of its own."""
    command = [sys.executable, __file__, str(source), "--gallery", str(gallery)]
    if workers:
        command += ["--workers", str(workers)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return Peak(**json.loads(done.stdout.splitlines()[-1]))


def peak_rss_bytes() -> int:
    """Peak resident memory of this process.

    Linux: VmHWM. ``getrusage`` would count what the parent held when it started us: the figure outlives ``exec``.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        sys.exit("peak memory is not measured on this system: neither /proc nor the module resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def main() -> None:
    """Indexes and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="CSV or folder of photos")
    parser.add_argument("--gallery", type=Path, required=True, help="folder of the gallery")
    parser.add_argument("--workers", type=int, help="threads; else one per core")
    args = parser.parse_args()

    os.environ.setdefault("LANCEDB_LOG", "error")  # as whence does before it imports LanceDB
    import lancedb  # noqa: F401  # so that before_mb has what every run needs

    from whence.locate.indexing import index

    before = peak_rss_bytes()
    report = index(args.source, args.gallery, workers=args.workers)
    peak = Peak(
        report.total,
        len(report.skipped),
        report.seconds,
        report.learned,
        before / MB,
        peak_rss_bytes() / MB,
    )
    print(json.dumps(asdict(peak)))


if __name__ == "__main__":
    main()
