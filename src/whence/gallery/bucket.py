"""Galleries in object storage: Amazon S3 and what speaks its language, Google Cloud Storage, Azure Blob Storage.

Tables are LanceDB's; what lies beside them is asked through obstore. Both take credentials from the environment, under
the names that the providers' own tools use. None is ever stored or shown: of a library's error only the kind is told,
for its words may hold signed addresses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whence.errors import GalleryError, InputError, MissingExtraError
from whence.gallery.cached import Cache
from whence.gallery.lease import Lease, leased
from whence.gallery.storage import LOCK, Storage, load_lancedb

if TYPE_CHECKING:
    from lancedb.db import DBConnection

_ADDRESS = re.compile(r"(s3|gs|az)://([A-Za-z0-9][A-Za-z0-9._-]*)((?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._=-]+)+)/*")
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": (),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
"""Environment variables that name another server than the provider's; the first that is set counts."""
_CREDENTIALS = {"s3": "AWS_ACCESS_KEY_ID", "gs": "GOOGLE_APPLICATION_CREDENTIALS", "az": "AZURE_STORAGE_ACCOUNT_NAME"}
_RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
_PATIENCE = {"connect_timeout": "5 seconds", "timeout": "20 seconds"}
_TROUBLES = (
    (r"NoSuchBucket|ContainerNotFound|The specified bucket does not exist", "there is no such bucket"),
    ((r"169\.254\.169\.254|metadata\.google|CredentialsNotLoaded|no providers in chain"
      r"|Missing ?(?:Access|Secret|Account|Container)|Account must be specified"),
     "no credentials were found; set {credentials} and what belongs to it"),
    (r"(?:Open|Decode)Credentials|Invalid Access Key|InvalidAccessKey \{",
     "the credentials cannot be read; {credentials}, or what belongs to it, names no such file or holds no such key"),
    (r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|AuthenticationFailed|\b401 Unauth",
     "the store does not accept the credentials in the environment"),
    (r"AccessDenied|PermissionDenied|AuthorizationFailure|AuthorizationPermissionMismatch|\b403 Forbidden",
     "access was denied; these credentials may not do this there"),
    (r"PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint|\b301 Moved",
     "the bucket is in another region; set AWS_REGION"),
    ((r"[Cc]onnection refused|dns error|failed to lookup|ConnectError|kind: (?:Connect|Timeout)|[Tt]imed out"
     r"|error sending request|connection closed|SlowDown|\b50[0234] "), "the store cannot be reached"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """An address taken apart.

    Attributes:
        scheme: ``s3``, ``gs`` or ``az``.
        bucket: Or container.
        folder: In it, without slashes around it.
    """

    scheme: str
    bucket: str
    folder: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """
        Raises:
            InputError: No address of object storage, or one that cannot be used.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise InputError(
                "this address of a gallery cannot be used; expected s3://bucket/folder, gs://bucket/folder or "
                "az://container/folder, of letters, digits and . _ - =, without credentials or options"
            )
        return cls(found[1], found[2], found[3].strip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.folder}"


class Bucket(Storage):
    """A folder in object storage."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lease: Lease | None = None

    def __str__(self) -> str:
        return str(self.address)

    @cached_property
    def _objects(self) -> Any:
        """obstore's store of the folder."""
        try:
            from obstore.store import AzureStore, GCSStore, S3Store
        except ModuleNotFoundError as error:
            raise MissingExtraError("galleries in object storage", "cloud") from error
        kind = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}[self.address.scheme]
        client = {**_PATIENCE, "allow_http": self._plain}
        with self.told():
            return kind(self.address.bucket, prefix=self.address.folder, client_options=client, retry_config=_RETRIES)

    @property
    def endpoint(self) -> str:
        """The server that the environment names; empty for the provider's own."""
        for variable in _ENDPOINTS[self.address.scheme]:
            if named := os.environ.get(variable):
                if re.fullmatch(r"https?://[^\s/]+\S*", named) is None:
                    raise InputError(f"{variable}: expected an address such as http://127.0.0.1:9000")
                return named
        return ""

    @property
    def _plain(self) -> bool:
        """Whether the user named a server without TLS."""
        return self.endpoint.startswith("http://")

    def entries(self) -> set[str] | None:
        """See ``Storage``."""
        objects = self._objects
        import obstore

        with self.told():
            found = obstore.list_with_delimiter(objects)
        names = {Path(name).name for name in found["common_prefixes"]}
        names |= {Path(entry["path"]).name for entry in found["objects"]}
        return names or None

    def size(self) -> int:
        """See ``Storage``."""
        objects = self._objects
        import obstore

        with self.told():
            return sum(entry["size"] for part in obstore.list(objects) for entry in part)

    def connect(self) -> DBConnection:
        """See ``Storage``."""
        options = {"allow_http": "true"} if self._plain else {}
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if self.address.scheme == "s3" and region:  # LanceDB wants to be told where the bucket's name has a dot
            options["region"] = region
        connection: DBConnection = load_lancedb().connect(str(self), storage_options=options)
        return connection

    @contextmanager
    def alone(self, *, create: bool) -> Iterator[None]:
        """See ``Storage``. Folders of object storage are there when something lies in them."""
        with self.told(), leased(self._objects, LOCK, str(self), self.endpoint) as self._lease:
            try:
                yield
            finally:
                self._lease = None

    def assure(self) -> None:
        """See ``Storage``."""
        if self._lease is not None:
            self._lease.assure()

    def trouble(self, error: BaseException) -> str | None:
        """See ``Storage``. Words of the libraries are not passed on."""
        said = str(error)
        if not re.search(r"Generic|object.store|ObjectStore|lance|obstore|reqwest", f"{type(error)} {said}"):
            return None
        for pattern, words in _TROUBLES:
            if re.search(pattern, said):
                words = words.format(credentials=_CREDENTIALS[self.address.scheme])
                return f"the gallery {self} cannot be used: {words}"
        if not (type(error).__module__.startswith("obstore") or "RetryError" in said or "reqwest" in said):
            return None  # damage, or what is gone
        status = re.search(r"status:? (?:code: )?(\d{3})", said)
        return f"the gallery {self} cannot be used: the store refuses{f' (HTTP {status[1]})' if status else ''}"

    def cache(self) -> Cache:
        """See ``Storage``."""
        return Cache(f"{self.endpoint} {self}")

    def local(self, task: str) -> Path:
        """See ``Storage``."""
        raise GalleryError(
            f"{task} works on folders of this computer, and {self} is none; copy it here with the provider's own "
            "tool, and back when it is done"
        )
