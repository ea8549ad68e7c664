"""What a server may do, and for whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from whence.errors import InputError

MEGABYTE = 1024**2


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of a server.

    Attributes:
        host: Address to listen at.
        port: 0 lets the system choose.
        token: What requests have to show; None asks for none.
        insecure: Beyond this computer without a token.
        hosts: Further names that the server is reached by, as a reverse proxy passes them on.
        private: Neither paths nor groups of gallery photos leave the server.
        changes: Photos of the gallery may be deleted.
        upload_mb: Largest request, a batch of photos excepted.
        batch_mb: Largest batch.
        batch_photos: Photos of a batch.
        megapixels: Largest photo.
        decode_seconds: Longest that decoding one photo may take.
        decode_mb: Memory that decoding one photo may take.
        waiting: Photos that may wait to be answered; more are refused for the moment.
        jobs: Batches that may wait.
        keep_s: Seconds that the results of a batch are kept.
        per_minute: Photos that one client may ask in a minute.
        workers: Photos answered at a time, and processes that decode.
        tiles: Show the map of OpenStreetMap from the start; otherwise the page asks nobody else for anything.
        uploads: Requests whose bodies are read at a time; one client has half of them.
        body_idle_s: Longest wait for the next bytes of a body.
        body_grace_s: Seconds that any body may take, beyond what ``body_kb_per_s`` allows.
        body_kb_per_s: Slowest body.
        contributions: Folder for photos that others bring; None takes none.
        contributions_mb: Of all that wait to be decided on.
        review_token: What those have to show who decide on contributions or delete photos; None asks for no more than
            ``token``. It opens everything that ``token`` does.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = None
    insecure: bool = False
    hosts: tuple[str, ...] = ()
    private: bool = False
    changes: bool = False
    upload_mb: int = 64
    batch_mb: int = 1024
    batch_photos: int = 500
    megapixels: int = 120
    decode_seconds: float = 20.0
    decode_mb: int = 1536
    waiting: int = 32
    jobs: int = 8
    keep_s: float = 3600.0
    per_minute: int = 240
    workers: int = 2
    tiles: bool = False
    uploads: int = 32
    body_idle_s: float = 15.0
    body_grace_s: float = 30.0
    body_kb_per_s: float = 16.0
    contributions: Path | None = None
    contributions_mb: int = 4096
    review_token: str | None = None

    def __post_init__(self) -> None:
        for token in (self.token, self.review_token):
            if token is not None and (len(token) < 16 or not token.isascii()):
                raise InputError(
                    f"the token has {len(token)} characters; expected at least 16 of ASCII that nobody guesses"
                )
        if self.token is not None and self.token == self.review_token:
            raise InputError("the reviewers' token is everybody's; expected another one")
        if not self.is_local and self.token is None and not self.insecure:
            raise InputError(
                f"--host {self.host} lets others reach this server; give a token by WHENCE_TOKEN or --token-file, "
                "or say --insecure to let everybody in"
            )
        if not 0 <= self.port <= 65535:
            raise InputError(f"port {self.port}: expected 0 to 65535")
        sizes = ("upload_mb", "batch_mb", "batch_photos", "megapixels", "decode_mb", "contributions_mb")
        for name in (*sizes, "per_minute", "workers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: expected at least 1")

    @property
    def tokens(self) -> tuple[str, ...]:
        """Any of which lets in; none where nobody is asked for one."""
        return () if self.token is None else tuple(filter(None, (self.token, self.review_token)))

    @property
    def is_local(self) -> bool:
        """Whether nobody but this computer reaches the server."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
