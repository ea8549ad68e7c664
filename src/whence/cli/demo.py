"""placeholder"""

NAME = "demo"


def command() -> None:
    """Demo."""
