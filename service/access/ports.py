"""What access needs from outside: a place where keys are kept, as digests, and one that counts their use."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol, TypedDict

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


def in_order(scopes: Collection[Scope]) -> tuple[Scope, ...]:
    """Each of them once, as they stand in `ALL_SCOPES`."""
    return tuple(scope for scope in ALL_SCOPES if scope in scopes)


BudgetPeriod = Literal["day", "month", "total"]
KeyStatus = Literal["active", "expired", "revoked"]
Sanitize = Literal["none", "html", "text"]


SIGNATURE_WINDOW_SECONDS = 300
"""How far the time of a signed request may be from ours, either way."""
SIGNATURE_MEMORY_SECONDS = 2 * SIGNATURE_WINDOW_SECONDS + 1
"""A request from a clock that is as far ahead as it may be could come again until then."""


class KeyStoreUnavailable(Exception):
    """The key store cannot be asked now. Not a reason to refuse a key."""


class RateLimits(Struct, frozen=True, kw_only=True):
    """How much may be asked in a minute. None: as much as one likes."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


UNLIMITED = RateLimits()


class Budget(Struct, frozen=True, kw_only=True):
    """How much may be spent: in a UTC day, in a UTC month, or in all."""

    limit_usd: Decimal
    period: BudgetPeriod


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key as it is kept. `digest` is an HMAC of the secret; the secret itself is kept nowhere.

    `prefix` is the first characters of the secret, to tell keys apart by eye. After a rotation the
    secret before it, `previous_digest`, works until `previous_expires_at`. A browser token is a key with
    a `parent_id`, the key that it was minted from: it ends with its parent and shares what the parent
    may use up. `sanitize` and `semantic_cache`, the least cosine similarity of two questions that may have
    one answer (None: only the same question may), hold where a request says nothing of its own.
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
    limits: RateLimits = UNLIMITED
    budget: Budget | None = None
    sanitize: Sanitize = "none"
    semantic_cache: float | None = None
    rotate_after_days: int | None = None
    rotated_at: datetime | None = None
    previous_digest: str | None = None
    previous_expires_at: datetime | None = None
    last_used_at: datetime | None = None
    parent_id: str | None = None

    def status_at(self, now: datetime) -> KeyStatus:
        """Whether the key works, by itself."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class Tenant(Struct, frozen=True, kw_only=True):
    """What all keys of a tenant may use up together. A tenant without a row has no bounds."""

    id: str
    limits: RateLimits = UNLIMITED
    budget: Budget | None = None


class ResolvedKey(Struct, frozen=True, kw_only=True):
    """A key with what else decides what its holder may do: the key it was minted from, and the tenant."""

    key: ApiKey
    tenant: Tenant
    parent: ApiKey | None = None


class KeySettings(TypedDict, total=False):
    """What a key is made with, and what may be changed of it; what is absent stays as it is."""

    name: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None
    limits: RateLimits
    budget: Budget | None
    sanitize: Sanitize
    semantic_cache: float | None
    rotate_after_days: int | None


class KeyStore(Protocol):
    """Where keys and tenants are kept. Every method raises `KeyStoreUnavailable` if the store is away.

    What changes a key names its tenant, too: a key of another tenant is not there.
    """

    async def resolve(self, digest: str) -> ResolvedKey | None:
        """The key whose secret, or whose secret before the last rotation, has this digest; whatever its
        state."""
        ...

    async def find(self, key_id: str, *, tenant: str | None) -> ApiKey | None:
        """The key with this id, whatever its state; of this tenant only, unless that is None."""
        ...

    async def list_keys(
        self, *, tenant: str | None, limit: int, before: str | None = None
    ) -> list[ApiKey]:
        """Up to `limit` keys, the newest first, without browser tokens.

        Of all tenants if `tenant` is None; those that come after the key with the id `before`.
        """
        ...

    async def add(self, key: ApiKey) -> bool:
        """Store the key; False if one of this id or digest is there, which stays as it is."""
        ...

    async def put(self, key: ApiKey) -> None:
        """Store the key, replacing one of the same id.

        Raises `ValueError` if a key of another id has the digest.
        """
        ...

    async def change(self, key_id: str, *, tenant: str, changes: KeySettings) -> ApiKey | None:
        """Make one change or more. The key as it now is; None if there is none that is not revoked."""
        ...

    async def rotate(
        self,
        key_id: str,
        *,
        tenant: str,
        digest: str,
        prefix: str,
        now: datetime,
        previous_expires_at: datetime | None,
    ) -> ApiKey | None:
        """Give the key another secret; its former one works until `previous_expires_at`, if at all.

        The key as it now is; None if there is none that is not revoked.
        """
        ...

    async def revoke(self, key_id: str, *, tenant: str, now: datetime) -> None:
        """End the key and its browser tokens; one that is revoked stays as it is."""
        ...

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        """Keep when keys were last used, by id. A later time that is there already stays."""
        ...

    async def delete_tokens(self, *, expired_before: datetime) -> int:
        """Delete the browser tokens that expired before; returns how many."""
        ...

    async def find_tenant(self, tenant_id: str) -> Tenant:
        """The tenant; one without bounds if nothing is kept of it."""
        ...

    async def put_tenant(self, tenant: Tenant) -> None:
        """Store the tenant, replacing what was there."""
        ...


class SeenSignatures(Protocol):
    """Remembers the signatures of requests, so that none passes twice."""

    async def add(self, signature: str) -> bool:
        """Whether it is new. It is remembered for `SIGNATURE_MEMORY_SECONDS` from now. Never raises."""
        ...


Unit = Literal["requests", "tokens"]


class Quota(Struct, frozen=True):
    """One limit in force: how many units, one at least, an owner may use up in a minute."""

    owner: str
    unit: Unit
    per_minute: int


class Refusal(Struct, frozen=True):
    """The quota that has no room, and the seconds after which it will have."""

    quota: Quota
    retry_after_seconds: float


class Remaining(Struct, frozen=True):
    """What is left of a quota, and the seconds after which it is whole again; if nothing is left, the
    seconds after which there is one unit."""

    units: int
    seconds: float


class RateLimiter(Protocol):
    """Counts what owners use up, by GCRA: a quota is whole after a minute of rest, and refills steadily.

    It fails open to counters of this process's own: no method raises.
    """

    async def take(self, quotas: Sequence[Quota], amount: int) -> Refusal | None:
        """Use up `amount` of every quota, or of none if one has no room for it.

        More than one of them holds in all never finds room. A caller who is cancelled has taken nothing.
        """
        ...

    def correct(self, quotas: Sequence[Quota], amount: int) -> None:
        """Use up `amount` more of every quota, room or not; if negative, give so much back.

        A quota in debt refuses everything until the debt is paid. Waits for nothing.
        """
        ...

    def remaining(self, quota: Quota) -> Remaining:
        """What is left, as far as this process knows: nobody is asked."""
        ...

    async def aclose(self) -> None:
        """Wait for the corrections under way."""
        ...
