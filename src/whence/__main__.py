"""``python -m whence``."""

from whence.cli import script

if __name__ == "__main__":
    script()
