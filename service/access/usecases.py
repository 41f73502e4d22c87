"""Keys, browser tokens and tenants, as those who rule them see them."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import NamedTuple

import structlog

from service.access.admin_key import ADMIN_KEY_ID, DEFAULT_TENANT
from service.access.authentication import NOT_FOR_TOKENS
from service.access.digests import Digester, new_secret, visible_prefix
from service.access.ports import (
    ALL_SCOPES,
    UNLIMITED,
    ApiKey,
    Budget,
    KeySettings,
    KeyStore,
    RateLimits,
    Sanitize,
    Scope,
    Tenant,
    in_order,
)
from service.access.principal import Principal
from service.access.rules import (
    check_covers,
    check_is_no_token,
    check_is_not_in_use,
    check_tenant,
    reach,
)
from service.core.clock import Clock
from service.core.errors import Conflict, InvalidRequest, NotAuthorized, NotFound
from service.core.ids import new_id

CONSOLE = Principal(key_id="console", tenant=DEFAULT_TENANT, scopes=frozenset(ALL_SCOPES))
"""Who commands from the machine's own console."""

_logger = structlog.get_logger(__name__)


class NewSecret(NamedTuple):
    """A key and its secret, which can be shown only now."""

    key: ApiKey
    secret: str


class Keys:
    """What can be done with keys. Every method raises `KeyStoreUnavailable` if the store is away.

    Another tenant's key is `NotFound`, as is one that is not there. `forget` is called after each change,
    so that it is felt at once; `admin_key_is_configured`: the settings, and nobody else, decide on that key.
    """

    def __init__(
        self,
        store: KeyStore,
        digester: Digester,
        *,
        clock: Clock,
        admin_key_is_configured: bool,
        forget: Callable[[], None],
    ) -> None:
        self._store = store
        self._digester = digester
        self._clock = clock
        self._admin_key_is_configured = admin_key_is_configured
        self._forget = forget

    async def create(
        self, caller: Principal, settings: KeySettings, *, tenant: str | None = None
    ) -> NewSecret:
        """A fresh key, with a name, scopes and what else is set.

        It is of the caller's tenant, unless an operator names another.

        Raises `NotAuthorized` for more than the caller may grant, `InvalidRequest` if it ends in the past.
        """
        tenant = tenant or caller.tenant
        check_tenant(caller, tenant)
        self._check_settings(caller, settings)
        secret = new_secret()
        key = ApiKey(
            id=new_id("key_"),
            tenant=tenant,
            prefix=visible_prefix(secret),
            digest=self._digester.digest(secret),
            created_at=self._clock.now(),
            **settings,
        )
        await self._store.put(key)
        _log("key_created", key, caller)
        return NewSecret(key, secret)

    async def list_keys(
        self, caller: Principal, *, tenant: str | None, limit: int, before: str | None = None
    ) -> list[ApiKey]:
        """Up to `limit` keys, the newest first, after the one with the id `before`; without tokens.

        Of one tenant, or, for an operator who names none, of all.
        """
        if tenant is not None:
            check_tenant(caller, tenant)
        return await self._store.list_keys(
            tenant=tenant or reach(caller), limit=limit, before=before
        )

    async def get(self, caller: Principal, key_id: str) -> ApiKey:
        """A key or a browser token."""
        key = await self._store.find(key_id, tenant=reach(caller))
        if key is None:
            raise NotFound("There is no such key")
        return key

    async def change(self, caller: Principal, key_id: str, changes: KeySettings) -> ApiKey:
        """The key as it then is.

        Raises `Conflict` if it is revoked, in use, configured or a token; `NotAuthorized` if it has, or
        were to have, more than the caller.
        """
        key = await self._ruled(caller, key_id)
        check_is_no_token(key)
        if not changes:
            return key
        if changes.keys() - {"name"}:
            check_is_not_in_use(caller, key)
            self._check_is_not_configured(key)
        self._check_settings(caller, changes)
        changed = await self._store.change(key_id, tenant=key.tenant, changes=changes)
        return self._changed("key_changed", changed, caller)

    async def rotate(self, caller: Principal, key_id: str, *, overlap_seconds: int) -> NewSecret:
        """Another secret for the key; the one before works for `overlap_seconds` more.

        Raises `Conflict` if it is revoked, expired, configured or a token, `NotAuthorized` if it has more
        than the caller.
        """
        key = await self._ruled(caller, key_id)
        check_is_no_token(key)
        self._check_is_not_configured(key)
        self._check_is_alive(key)
        now = self._clock.now()
        secret = new_secret()
        rotated = await self._store.rotate(
            key_id,
            tenant=key.tenant,
            digest=self._digester.digest(secret),
            prefix=visible_prefix(secret),
            now=now,
            previous_expires_at=now + timedelta(seconds=overlap_seconds)
            if overlap_seconds
            else None,
        )
        return NewSecret(self._changed("key_rotated", rotated, caller), secret)

    async def revoke(self, caller: Principal, key_id: str) -> None:
        """End a key, with its browser tokens, or one token; doing so twice is no mistake.

        Raises `Conflict` if it is in use or configured, `NotAuthorized` if it has more than the caller.
        """
        key = await self._ruled(caller, key_id)
        check_is_not_in_use(caller, key)
        self._check_is_not_configured(key)
        await self._store.revoke(key_id, tenant=key.tenant, now=self._clock.now())
        self._forget()
        _log("key_revoked", key, caller)

    async def mint_token(
        self,
        caller: Principal,
        key_id: str,
        *,
        ttl_seconds: int,
        scopes: Collection[Scope] | None = None,
        limits: RateLimits = UNLIMITED,
        budget: Budget | None = None,
        sanitize: Sanitize = "none",
    ) -> NewSecret:
        """A browser token of the key: it ends with it, has no scope that the key lacks, and shares its
        limits and budget beside its own.

        A key mints its own; whoever rules it does, too. Raises `NotAuthorized` for all others, and for
        scopes that the key lacks; `Conflict` if the key is revoked, expired or a token.
        """
        if caller.key_id == key_id and caller.token_id is None:
            key = await self.get(caller, key_id)
        else:
            if "operator" not in caller.scopes:
                caller.require("admin")
            key = await self._ruled(caller, key_id)
        check_is_no_token(key)
        self._check_is_alive(key)
        now = self._clock.now()
        ends = now + timedelta(seconds=ttl_seconds)
        secret = new_secret()
        token = ApiKey(
            id=new_id("key_"),
            tenant=key.tenant,
            name=key.name,
            prefix=visible_prefix(secret),
            digest=self._digester.digest(secret),
            scopes=_token_scopes(key, scopes),
            created_at=now,
            expires_at=ends if key.expires_at is None else min(ends, key.expires_at),
            limits=limits,
            budget=budget,
            sanitize=sanitize,
            parent_id=key.id,
        )
        await self._store.put(token)
        return NewSecret(token, secret)

    async def _ruled(self, caller: Principal, key_id: str) -> ApiKey:
        key = await self.get(caller, key_id)
        check_covers(caller, key.scopes)
        return key

    def _changed(self, event: str, key: ApiKey | None, caller: Principal) -> ApiKey:
        if key is None:
            raise Conflict("This key is revoked")
        self._forget()
        _log(event, key, caller)
        return key

    def _check_is_alive(self, key: ApiKey) -> None:
        status = key.status_at(self._clock.now())
        if status != "active":
            raise Conflict(f"This key is {status}")

    def _check_is_not_configured(self, key: ApiKey) -> None:
        if self._admin_key_is_configured and key.id == ADMIN_KEY_ID:
            raise Conflict("This key is set by AI_SERVICE_ADMIN_KEY: change it there")

    def _check_settings(self, caller: Principal, settings: KeySettings) -> None:
        check_covers(caller, settings.get("scopes", ()))
        expires_at = settings.get("expires_at")
        if expires_at is not None and expires_at <= self._clock.now():
            raise InvalidRequest("This must be in the future", field="expires_at")


class Tenants:
    """What all keys of a tenant may use up together. Methods raise `KeyStoreUnavailable`."""

    def __init__(self, store: KeyStore, *, forget: Callable[[], None]) -> None:
        self._store = store
        self._forget = forget

    async def get(self, caller: Principal, tenant_id: str) -> Tenant:
        """Raises `NotFound` for another's tenant, unless an operator asks."""
        if reach(caller) not in (None, tenant_id):
            raise NotFound("There is no such tenant")
        return await self._store.find_tenant(tenant_id)

    async def put(self, caller: Principal, tenant: Tenant) -> Tenant:
        """Set the bounds of a tenant; for operators."""
        await self._store.put_tenant(tenant)
        self._forget()
        _logger.info("tenant_changed", tenant=tenant.id, by=caller.key_id)
        return tenant


def _token_scopes(key: ApiKey, wanted: Collection[Scope] | None) -> tuple[Scope, ...]:
    grantable = set(key.scopes) - NOT_FOR_TOKENS
    if wanted is None:
        wanted = grantable
    for scope in wanted:
        if scope not in grantable:
            raise NotAuthorized(required_scope=scope)
    if not wanted:
        raise InvalidRequest("The key has no scope that a token may carry", field="scopes")
    return in_order(wanted)


def _log(event: str, key: ApiKey, caller: Principal) -> None:
    _logger.info(event, key_id=key.id, tenant=key.tenant, by=caller.key_id)
