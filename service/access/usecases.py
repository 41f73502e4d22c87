"""Checking a key, and the first key of all."""

import asyncio

from service.access.digests import Digester, new_secret, visible_prefix
from service.access.ports import ALL_SCOPES, ApiKey, KeyStore, RateLimits
from service.access.principal import OwnedLimits, Principal
from service.core.clock import Clock
from service.core.errors import NotAuthenticated

ADMIN_KEY_ID = "key_admin"
DEFAULT_TENANT = "default"
_NO_LIMITS = RateLimits()
_REMEMBERED_SECONDS = 1.0
_REMEMBERED_KEYS = 10_000


class Authenticator:
    """Tells who holds a secret.

    Answers are remembered for a second, and asked for once at a time, so that a busy key costs one
    look-up a second and a revocation on another replica is felt within one.
    """

    def __init__(self, store: KeyStore, digester: Digester, *, clock: Clock) -> None:
        self._store = store
        self._digester = digester
        self._clock = clock
        self._remembered: dict[str, tuple[float, ApiKey]] = {}
        self._asking: dict[str, asyncio.Task[ApiKey | None]] = {}

    async def authenticate(self, secret: str) -> Principal:
        """The holder of `secret`.

        Raises `NotAuthenticated` for one that is unknown, expired or revoked, and
        `KeyStoreUnavailable` if that cannot be found out now.
        """
        key = await self._find(self._digester.digest(secret))
        now = self._clock.now()
        if (
            key is None
            or key.revoked_at is not None
            or (key.expires_at is not None and key.expires_at <= now)
        ):
            raise NotAuthenticated
        return Principal(
            key_id=key.id,
            tenant=key.tenant,
            scopes=frozenset(key.scopes),
            limits=()
            if key.limits == _NO_LIMITS
            else (OwnedLimits(owner=key.id, limits=key.limits),),
        )

    async def _find(self, digest: str) -> ApiKey | None:
        now = self._clock.monotonic()
        remembered = self._remembered.get(digest)
        if remembered is not None and now < remembered[0]:
            return remembered[1]
        asking = self._asking.get(digest)
        if asking is None:
            # A task, so that whoever asked first may hang up; all who wait for it await it.
            asking = asyncio.get_running_loop().create_task(self._ask(digest))
            self._asking[digest] = asking
            asking.add_done_callback(lambda task: self._has_asked(digest, task))
        return await asyncio.shield(asking)

    async def _ask(self, digest: str) -> ApiKey | None:
        asked_at = self._clock.monotonic()
        key = await self._store.find_by_digest(digest)
        if key is None:
            self._remembered.pop(digest, None)
            return None
        if len(self._remembered) >= _REMEMBERED_KEYS:
            self._remembered.clear()
        self._remembered[digest] = (asked_at + _REMEMBERED_SECONDS, key)
        return key

    def _has_asked(self, digest: str, task: asyncio.Task[ApiKey | None]) -> None:
        del self._asking[digest]
        if not task.cancelled():
            task.exception()  # raised in whoever waits; if all have gone, it is nobody's


async def keep_admin_key(store: KeyStore, digester: Digester, secret: str, *, clock: Clock) -> None:
    """Make `secret` the admin key; one that was there before under another secret ends."""
    existing = await store.find(ADMIN_KEY_ID)
    if existing is None or existing.digest != digester.digest(secret):
        await store.put(_admin_key(secret, digester, clock))


async def make_first_admin_key(store: KeyStore, digester: Digester, *, clock: Clock) -> str | None:
    """The secret of a fresh admin key if there is none yet; it can be shown only now."""
    if await store.find(ADMIN_KEY_ID) is not None:
        return None
    secret = new_secret()
    await store.put(_admin_key(secret, digester, clock))
    return secret


def _admin_key(secret: str, digester: Digester, clock: Clock) -> ApiKey:
    return ApiKey(
        id=ADMIN_KEY_ID,
        tenant=DEFAULT_TENANT,
        name="admin",
        prefix=visible_prefix(secret),
        digest=digester.digest(secret),
        scopes=ALL_SCOPES,
        created_at=clock.now(),
    )
