"""Keys of services: from the environment, or the system's keyring. They never reach a log, a file or a message."""

from __future__ import annotations

import os

from whence.errors import InputError


class Secret:
    """A key that does not show itself: neither printed, nor in a traceback, nor pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key, to be put into a request."""
        return self._value

    def masked(self, text: str) -> str:
        """A text in which the key is not to be read, should a service repeat it."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("keys are not pickled")


def variable(name: str) -> str:
    """The environment variable of a key: ``WHENCE_FLICKR_KEY``."""
    return f"WHENCE_{name.upper().replace('-', '_')}_KEY"


def find(name: str, how: str) -> Secret:
    """The user's key of a service.

    Args:
        name: Of the service.
        how: Where keys are to be had, for the message.

    Raises:
        InputError: There is none, or it cannot be one.
    """
    value = os.environ.get(variable(name), "").strip() or _from_keyring(name)
    if not value:
        raise InputError(
            f"{name} needs a key of your own ({how}); put it into the environment as {variable(name)}, or into the "
            f"keyring: keyring set whence {name}"
        )
    if len(value) < 8 or not value.isascii() or not value.isprintable() or " " in value:
        raise InputError(f"the key of {name} ({variable(name)}, or the keyring) cannot be one; {how}")
    return Secret(value)


def _from_keyring(name: str) -> str:
    """Empty without the package, a keyring, or an entry in it."""
    try:
        import keyring
    except ImportError:
        return ""
    try:
        return str(keyring.get_password("whence", name) or "").strip()
    except Exception:  # noqa: BLE001 -- a keyring that is locked or absent raises whatever its backend likes
        return ""
