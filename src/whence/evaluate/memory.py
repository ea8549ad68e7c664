"""Memory that this process has used."""

from __future__ import annotations

import sys


def peak_mb() -> float | None:
    """The largest so far, in megabytes; None where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
