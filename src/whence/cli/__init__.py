"""The command line: thin commands, one file each. Parse, call, print."""

from whence.cli.app import main

__all__ = ["main"]
