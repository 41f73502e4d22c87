"""Who stands behind a key when its work is done later, without the secret at hand."""

from service.access.authentication import principal_of
from service.access.ports import KeyStore, ResolvedKey
from service.access.principal import Principal
from service.core.clock import Clock


class Holders:
    """Looks up keys by id, as they are now."""

    def __init__(self, store: KeyStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def holder(self, *, tenant: str, key_id: str, token_id: str | None) -> Principal | None:
        """The key's holder with all limits and budgets; None if the key is revoked or has expired.

        A browser token that has ended since is no obstacle: what it has begun, its key goes on with. Raises
        `KeyStoreUnavailable`.
        """
        key = await self._store.find(key_id, tenant=tenant)
        if key is None or key.status_at(self._clock.now()) != "active":
            return None
        token = None if token_id is None else await self._store.find(token_id, tenant=tenant)
        if token is not None and token.revoked_at is not None:
            return None
        bounds = await self._store.find_tenant(tenant)
        if token is None:
            return principal_of(ResolvedKey(key=key, tenant=bounds))
        return principal_of(ResolvedKey(key=token, tenant=bounds, parent=key))
