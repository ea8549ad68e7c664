"""The command line: thin commands, one file each. Parse, call, print.

Loads nothing by itself, so that Ctrl-C is heeded from the first moment on.
"""

from __future__ import annotations

import atexit
import os
import signal
import warnings


def main() -> None:
    """Runs the command line in ``sys.argv``; ends with ``SystemExit``."""
    from whence.cli.app import main as run

    run()


def script() -> None:
    """``whence`` as a process of its own: never a traceback for Ctrl-C, be it still loading or already leaving.

    Libraries that are interrupted while they are imported raise nearly anything, or swallow it, and threads that are
    waited for at the end complain. So Ctrl-C ends the process on the spot, which no gallery minds, but for commands
    that have something to finish and call ``interruptible``. Python's own start comes before all that.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not under nohup
    try:
        if heeded:
            signal.signal(signal.SIGINT, _stop)
            # After all threads have ended, and before Python takes its handlers away and would die of a late one.
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
        main()
    except KeyboardInterrupt:
        _stop()
    finally:
        if heeded:
            signal.signal(signal.SIGINT, _leave)


def interruptible(*, galleries: bool = True) -> None:
    """From here on Ctrl-C raises ``KeyboardInterrupt``. To be called when all that a command needs is loaded.

    Args:
        galleries: Whether the command opens any.
    """
    if signal.getsignal(signal.SIGINT) is _stop:
        if galleries:
            from whence.gallery.storage import load_lancedb

            load_lancedb()
            # Interrupted between making a coroutine and awaiting it, LanceDB leaves it behind: nothing of ours.
            warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(*_: object) -> None:
    os.write(2, b"whence: interrupted\n")
    os._exit(130)


def _leave(*_: object) -> None:
    os._exit(130)
