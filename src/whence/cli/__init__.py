"""The command line: thin commands, one file each. Parse, call, print.

Loads nothing by itself, so that Ctrl-C is heeded from the first moment on.
"""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Runs the command line in ``sys.argv``; ends with ``SystemExit``."""
    from whence.cli.app import main as run

    run()


def script() -> None:
    """``whence`` as a process of its own: never a traceback for Ctrl-C, be it still loading or already leaving.

    Libraries that are interrupted while they are imported raise nearly anything, and threads that are waited for at the
    end complain. Nothing is held at either time, so the process may end on the spot. Python's own start comes before.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not under nohup
    try:
        if heeded:
            signal.signal(signal.SIGINT, _stop)
        from whence.cli.app import main as run

        if heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        _stop()
    finally:
        if heeded:
            signal.signal(signal.SIGINT, _leave)


def _stop(*_: object) -> None:
    os.write(2, b"whence: interrupted\n")
    os._exit(130)


def _leave(*_: object) -> None:
    os._exit(130)
