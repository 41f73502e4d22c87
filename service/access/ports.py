"""What access needs from outside: a place where keys are kept, as digests."""

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

Scope = Literal["generate", "embed", "batch", "retrieval", "usage:read", "admin", "operator"]
ALL_SCOPES: tuple[Scope, ...] = (
    "generate",
    "embed",
    "batch",
    "retrieval",
    "usage:read",
    "admin",
    "operator",
)


class KeyStoreUnavailable(Exception):
    """The key store cannot be asked now. Not a reason to refuse a key."""


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key as it is kept. `digest` is an HMAC of the secret; the secret itself is kept nowhere.

    `prefix` is the first characters of the secret, to tell keys apart by eye.
    """

    id: str
    tenant: str
    name: str
    prefix: str
    digest: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyStore(Protocol):
    """Where keys are kept. Every method raises `KeyStoreUnavailable` if the store is away."""

    async def find_by_digest(self, digest: str) -> ApiKey | None:
        """The key with this digest, whatever its state."""
        ...

    async def find(self, key_id: str) -> ApiKey | None:
        """The key with this id, whatever its state."""
        ...

    async def put(self, key: ApiKey) -> None:
        """Store the key, replacing one of the same id.

        Raises `ValueError` if a key of another id has the digest.
        """
        ...
