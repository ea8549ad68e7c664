"""One method of ``peers.py`` in a process of its own, so that its peak memory is its own.

A job goes in as a file of JSON, an outcome comes back as another. Photos are named by their row in the job's lists.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path

from peak import MB, peak_rss_bytes

METHODS = ("whence", "colmap", "plain")
_SAID_LINES = 15


@dataclass(frozen=True, slots=True)
class Job:
    """What every method is given.

    Attributes:
        database: Files of the photos to index.
        queries: Files of the photos to locate.
        table: CSV of the database with positions.
        work: Folder to write into.
        tolerance_m: An error up to this counts as right.
        keypoints: Wanted in a photo, at most or about.
        max_side: Photos are reduced to so many pixels.
        shortlist: Photos to verify for a query.
        threads: For whatever can use several.
        seed: For whatever draws at random.
        given: Shortlists by whence; empty for whence itself.
    """

    database: list[str]
    queries: list[str]
    table: str
    work: str
    tolerance_m: float
    keypoints: int
    max_side: int
    shortlist: int
    threads: int
    seed: int
    given: list[list[int]]


@dataclass(frozen=True, slots=True)
class Located:
    """One way of locating all queries.

    Attributes:
        name: For the table.
        seconds: For all queries.
        shortlists: Rows of the database, best first, one list per query.
        inliers: Of each photo of the shortlists.
        answers: Coordinates, for a way that says more than its best photo; one pair or None per query.
    """

    name: str
    seconds: float
    shortlists: list[list[int]]
    inliers: list[list[int]]
    answers: list[list[float] | None] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method took and found.

    Attributes:
        index_seconds: From files to something that can be searched, without ``learn_seconds``.
        learn_seconds: Learning a vocabulary from these photos.
        size: Bytes kept for the database.
        keypoints: Mean of the queries.
        located: The ways of locating; several where a method can be given another's shortlist.
        notes: Lines to print below the table.
        peak_mb: Peak resident memory of the process.
    """

    index_seconds: float
    learn_seconds: float
    size: int
    keypoints: float
    located: list[Located]
    notes: list[str]
    peak_mb: float = 0.0


def run_apart(method: str, job: Job) -> Outcome:
    """Runs one method; ends the program with what the process said if it fails."""
    asked, told = Path(job.work) / f"{method}.job.json", Path(job.work) / f"{method}.outcome.json"
    asked.write_text(json.dumps(asdict(job)), encoding="utf-8")
    threads = {name: str(job.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, __file__, method, str(asked), str(told)],
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-_SAID_LINES:])
        sys.exit(f"{method} ended with status {done.returncode}:\n{said}")
    read = json.loads(told.read_text(encoding="utf-8"))
    return Outcome(**{**read, "located": [Located(**way) for way in read["located"]]})


def main() -> None:
    """Reads a job, does it, writes the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("job", type=Path, help="file of JSON to read")
    parser.add_argument("outcome", type=Path, help="file of JSON to write")
    args = parser.parse_args()
    job = Job(**json.loads(args.job.read_text(encoding="utf-8")))
    outcome: Outcome = import_module(f"peer_{args.method}").run(job)
    outcome = replace(outcome, peak_mb=peak_rss_bytes() / MB)
    args.outcome.write_text(json.dumps(asdict(outcome)), encoding="utf-8")


if __name__ == "__main__":
    main()
