"""A small client of a server's interface for programs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from whence.errors import MissingExtraError, WhenceError

_TIMEOUT_S = 120.0


class ServerError(WhenceError):
    """The server refused. ``kind`` is the last part of the problem's type, such as ``busy``.

    Args:
        status: Of HTTP.
        kind: Of the problem.
        detail: In words.
        retry_after_s: When to try again; None where the server does not say.
    """

    def __init__(self, status: int, kind: str, detail: str, retry_after_s: float | None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.retry_after_s = status, kind, retry_after_s


class Client:
    """Asks a server.

    Example:
        >>> with Client("http://127.0.0.1:8080") as server:  # doctest: +SKIP
        ...     print(server.locate("holiday.jpg")["position"])
    """

    def __init__(self, address: str, token: str | None = None, timeout_s: float = _TIMEOUT_S) -> None:
        """Connects with the first question.

        Args:
            address: ``http://host:port``.
            token: That the server asks for.
            timeout_s: Longest wait for an answer.
        """
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError("clients", "web") from error
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=address.rstrip("/") + "/api/v1/", headers=headers, timeout=timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._http.close()

    def locate(self, photo: str | os.PathLike[str], **conditions: str | float) -> dict[str, Any]:
        """Where a photo was taken; as a line of ``whence locate --format jsonl``, with ids of candidates.

        Args:
            photo: A file.
            conditions: ``near``, ``radius_m``, ``bbox``, ``since``, ``until``.

        Raises:
            ServerError: The server refused.
        """
        path = Path(photo)
        with path.open("rb") as stream:
            said = {name: str(value) for name, value in conditions.items()}
            found: dict[str, Any] = self._asked("POST", "locate", files={"photo": (path.name, stream)}, data=said)
        return found

    def locate_all(self, photos: Iterable[str | os.PathLike[str]], every_s: float = 0.5) -> Iterator[dict[str, Any]]:
        """Answers for a batch, in the order of the photos, as they come.

        Raises:
            ServerError: The server refused; or forgot the batch.
        """
        with ExitStack() as opened:
            paths = [Path(photo) for photo in photos]
            parts = [("photos", (path.name, opened.enter_context(path.open("rb")))) for path in paths]
            job = self._asked("POST", "jobs", files=parts)["id"]
        seen = 0
        try:
            while True:
                state = self._asked("GET", f"jobs/{job}")["state"]
                fresh = self._asked("GET", f"jobs/{job}/results", params={"start": seen})
                yield from fresh
                seen += len(fresh)
                if state in ("done", "cancelled"):
                    return
                sleep(every_s)
        finally:
            self._http.delete(f"jobs/{job}")

    def tag(
        self, photo: str | os.PathLike[str], position: Mapping[str, float], **told: float | None
    ) -> tuple[str, bytes]:
        """A copy of a photo with a position in its metadata, or an XMP sidecar: what the file is called, and its bytes.

        Args:
            photo: A file without a position; it is not changed.
            position: ``lat`` and ``lon`` in degrees, as an answer has them.
            told: ``radius_m``, ``confidence`` and ``heading_deg`` of the answer.

        Raises:
            ServerError: The server refused; ``has-position`` for a photo that has one.
        """
        path = Path(photo)
        said = {name: str(value) for name, value in {**position, **told}.items() if value is not None}
        with path.open("rb") as stream:
            answer = self._http.post("tagged", files={"photo": (path.name, stream)}, data=said)
        _check(answer)
        return unquote(answer.headers["content-disposition"].partition("''")[2]), answer.content

    def gallery(self) -> dict[str, Any]:
        """What the gallery holds."""
        found: dict[str, Any] = self._asked("GET", "gallery")
        return found

    def photos(self, **conditions: str | float) -> dict[str, Any]:
        """Photos of the gallery that meet conditions, as ``locate`` has them; ``start`` and ``limit`` page."""
        found: dict[str, Any] = self._asked("GET", "gallery/photos", params=conditions)
        return found

    def thumbnail(self, id: str) -> bytes:
        """A small JPEG of a photo of the gallery."""
        answer = self._http.get(f"gallery/photos/{id}/thumbnail")
        _check(answer)
        data: bytes = answer.content
        return data

    def remove(self, id: str) -> None:
        """Takes a photo out of the gallery, where the server allows changes; its file stays as it is."""
        _check(self._http.delete(f"gallery/photos/{id}"))

    def begin_audit(self) -> dict[str, Any]:
        """Begins to look for wrong pins; how far that is."""
        found: dict[str, Any] = self._asked("POST", "gallery/audit")
        return found

    def audit(self) -> dict[str, Any]:
        """How far the audit is, and what it says on the whole."""
        found: dict[str, Any] = self._asked("GET", "gallery/audit")
        return found

    def findings(self) -> list[dict[str, Any]]:
        """Photos whose pins may be wrong, the likeliest first."""
        found: list[dict[str, Any]] = self._asked("GET", "gallery/audit/findings", params={"limit": 1000})["findings"]
        return found

    def forget_audit(self) -> None:
        """Stops the audit, and forgets what it found."""
        _check(self._http.delete("gallery/audit"))

    def contribute(self, photo: str | os.PathLike[str], **position: float) -> dict[str, Any]:
        """Brings a photo to the gallery; ``contribution`` tells what becomes of it.

        Args:
            photo: A file.
            position: ``lat`` and ``lon``, or ``x`` and ``y``; by default its own.

        Raises:
            ServerError: The server refused; of kind ``no-position`` where it wants to be told one.
        """
        path = Path(photo)
        with path.open("rb") as stream:
            said = {name: str(value) for name, value in position.items()}
            found: dict[str, Any] = self._asked(
                "POST", "contributions", files={"photo": (path.name, stream)}, data=said
            )
        return found

    def contribution(self, id: str) -> dict[str, Any]:
        """What became of a photo that was brought."""
        found: dict[str, Any] = self._asked("GET", f"contributions/{id}")
        return found

    def contributions(self) -> list[dict[str, Any]]:
        """For reviewers: all that wait for a decision, the oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._asked("GET", "contributions", params={"start": len(found)})
            found += page["contributions"]
            if len(found) >= page["total"] or not page["contributions"]:
                return found

    def decide(self, contribution: Mapping[str, Any], *, admit: bool) -> dict[str, Any]:
        """For reviewers: admits a photo to the gallery, or refuses and deletes it.

        Args:
            contribution: One of ``contributions``; where its position changed since, the server refuses (409).
            admit: Or refuse.
        """
        said = {"admit": admit, "version": contribution["version"]}
        found: dict[str, Any] = self._asked("POST", f"contributions/{contribution['id']}/decision", json=said)
        return found

    def _asked(self, method: str, path: str, **how: Any) -> Any:
        answer = self._http.request(method, path, **how)
        _check(answer)
        return answer.json()


def _check(answer: Any) -> None:
    if answer.is_success:
        return
    wait = answer.headers.get("retry-after", "")
    retry_after_s = float(wait) if wait.isascii() and wait.isdigit() else None
    try:
        said = answer.json()
        kind, detail = str(said["type"]).rpartition(":")[2], str(said["detail"])
    except (ValueError, KeyError, TypeError):
        kind, detail = "http", f"the server answered {answer.status_code}"
    raise ServerError(answer.status_code, kind, detail, retry_after_s)
