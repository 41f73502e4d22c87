"""What idempotency needs from outside: a place where attempts and their answers are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct


class IdempotencyStoreUnavailable(Exception):
    """The store cannot be asked now. Not a reason to answer a request a second time."""


class KeyedRequest(Struct, frozen=True, kw_only=True):
    """A request that came with a key. Two are the same if their `fingerprint` is: a digest of what is
    asked and where."""

    tenant: str
    key: str
    fingerprint: bytes


class Attempt(Struct, frozen=True, kw_only=True):
    """One try to answer a request, with an id of its own: one that is overtaken cannot do harm."""

    id: str
    request: KeyedRequest


class RecordedAnswer(Struct, frozen=True, kw_only=True):
    """A successful answer, as it was sent."""

    media_type: str
    body: bytes
    status: int = 200


Claim = Literal["granted", "in_flight", "other_request"] | RecordedAnswer
"""What an attempt meets: the key is its own now; another attempt has it; the key belongs to a request
with another fingerprint; or the request has been answered."""


class IdempotencyStore(Protocol):
    """Where attempts are kept. Every method raises `IdempotencyStoreUnavailable` if the store is away.

    Neither a client's key nor an answer can be read from what is stored.
    """

    async def claim(
        self,
        attempt: Attempt,
        *,
        now: datetime,
        lease_expires_at: datetime,
        expires_at: datetime,
    ) -> Claim:
        """Take the key if it is free: never used, released, or its lease or its answer has expired."""
        ...

    async def renew(self, attempts: Sequence[Attempt], *, lease_expires_at: datetime) -> None:
        """Prolong the leases of those that still have their key."""
        ...

    async def complete(
        self, attempt: Attempt, answer: RecordedAnswer, *, expires_at: datetime
    ) -> bool:
        """Keep the answer until `expires_at`; False if the attempt has lost its key meanwhile."""
        ...

    async def release(self, attempt: Attempt) -> None:
        """Free the key, if it is this attempt's and not yet answered."""
        ...

    async def purge(self, *, now: datetime, limit: int) -> int:
        """Forget at most `limit` attempts that have expired; returns how many."""
        ...
