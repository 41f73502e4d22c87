"""From a secret to its holder."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from service.access.digests import Digester
from service.access.ports import (
    UNLIMITED,
    ApiKey,
    Budget,
    KeyStore,
    RateLimits,
    ResolvedKey,
    Sanitize,
    Scope,
)
from service.access.principal import OwnedBudget, OwnedLimits, Principal
from service.access.upkeep import KeyUpkeep
from service.core.clock import Clock
from service.core.errors import NotAuthenticated

NOT_FOR_TOKENS: frozenset[Scope] = frozenset({"admin", "operator"})
"""What a browser token never carries."""
_REMEMBERED_SECONDS = 1.0
_REMEMBERED_KEYS = 10_000


class _Answer(Struct, frozen=True):
    """Who holds a secret, if anybody still does, until when, and how long to believe it."""

    good_until: float
    principal: Principal | None
    ends_at: datetime | None


class Authenticator:
    """Tells who holds a secret.

    Answers are remembered for a second, and asked for once at a time, so that a busy key costs one
    look-up a second and a revocation on another replica is felt within one. Here, `forget` makes a change
    felt at once.
    """

    def __init__(
        self, store: KeyStore, digester: Digester, *, clock: Clock, upkeep: KeyUpkeep
    ) -> None:
        self._store = store
        self._digester = digester
        self._clock = clock
        self._upkeep = upkeep
        self._remembered: dict[str, _Answer] = {}
        self._asking: dict[str, asyncio.Task[_Answer | None]] = {}

    async def authenticate(self, secret: str) -> Principal:
        """The holder of `secret`.

        Raises `NotAuthenticated` for one that is unknown, expired or revoked, and
        `KeyStoreUnavailable` if that cannot be found out now.
        """
        answer = await self._find(self._digester.digest(secret))
        now = self._clock.now()
        if (
            answer is None
            or answer.principal is None
            or (answer.ends_at is not None and answer.ends_at <= now)
        ):
            raise NotAuthenticated
        self._upkeep.note_use(answer.principal, now)
        return answer.principal

    def forget(self) -> None:
        """Look up every key anew; to be called after each change of a key or a tenant.

        All of them, as changes are rare and a look-up is cheap. Answers under way are not waited for any
        longer: they may be of before the change.
        """
        self._remembered = {}
        self._asking = {}

    async def _find(self, digest: str) -> _Answer | None:
        remembered = self._remembered.get(digest)
        if remembered is not None and self._clock.monotonic() < remembered.good_until:
            return remembered
        asking = self._asking.get(digest)
        if asking is None:
            # A task, so that whoever asked first may hang up; all who wait for it await it.
            asking = asyncio.get_running_loop().create_task(self._ask(digest, self._remembered))
            self._asking[digest] = asking
            asking.add_done_callback(lambda task: self._has_asked(digest, task))
        return await asyncio.shield(asking)

    async def _ask(self, digest: str, remembered: dict[str, _Answer]) -> _Answer | None:
        """`remembered` is what was in use when the question was put: `forget` leaves it behind."""
        good_until = self._clock.monotonic() + _REMEMBERED_SECONDS
        found = await self._store.resolve(digest)
        if found is None:
            remembered.pop(digest, None)
            return None
        if len(remembered) >= _REMEMBERED_KEYS:
            remembered.clear()
        is_revoked = any(key.revoked_at is not None for key in _chain(found))
        answer = _Answer(
            good_until=good_until,
            principal=None if is_revoked else principal_of(found),
            ends_at=min(_ends(found, digest), default=None),
        )
        remembered[digest] = answer
        return answer

    def _has_asked(self, digest: str, task: asyncio.Task[_Answer | None]) -> None:
        if self._asking.get(digest) is task:
            del self._asking[digest]
        if not task.cancelled():
            task.exception()  # raised in whoever waits; if all have gone, it is nobody's


def _chain(found: ResolvedKey) -> tuple[ApiKey, ...]:
    """The token, if it is one, and the key."""
    return (found.key,) if found.parent is None else (found.key, found.parent)


def _ends(found: ResolvedKey, digest: str) -> Iterator[datetime]:
    """When the secret ends, for each reason that there is."""
    for key in _chain(found):
        if key.expires_at is not None:
            yield key.expires_at
    if found.key.digest != digest and found.key.previous_expires_at is not None:
        yield found.key.previous_expires_at


def principal_of(found: ResolvedKey) -> Principal:
    """The holder of a key, or a browser token, that is good."""
    token, key = (found.key, found.parent) if found.parent else (None, found.key)
    scopes = frozenset(key.scopes)
    if token is not None:
        scopes = scopes.intersection(token.scopes) - NOT_FOR_TOKENS
    bounds: list[tuple[str, RateLimits, Budget | None]] = [
        (bearer.id, bearer.limits, bearer.budget) for bearer in _chain(found)
    ]
    bounds.append((f"tenant:{key.tenant}", found.tenant.limits, found.tenant.budget))
    return Principal(
        key_id=key.id,
        tenant=key.tenant,
        scopes=scopes,
        token_id=None if token is None else token.id,
        limits=tuple(
            OwnedLimits(owner=owner, limits=limits)
            for owner, limits, _ in bounds
            if limits != UNLIMITED
        ),
        budgets=tuple(
            OwnedBudget(owner=owner, budget=budget)
            for owner, _, budget in bounds
            if budget is not None
        ),
        sanitize=_first_set(bearer.sanitize for bearer in _chain(found)),
        semantic_cache=key.semantic_cache,
        rotation_due_at=rotation_due_at(found.key),
    )


def rotation_due_at(key: ApiKey) -> datetime | None:
    """When the key is to be rotated, if its owner has asked to be reminded."""
    if key.rotate_after_days is None:
        return None
    return (key.rotated_at or key.created_at) + timedelta(days=key.rotate_after_days)


def _first_set(choices: Iterable[Sanitize]) -> Sanitize:
    return next((choice for choice in choices if choice != "none"), "none")
