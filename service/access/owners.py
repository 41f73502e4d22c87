"""Whose work it is that goes on after its request."""

from service.access.authentication import principal_of
from service.access.ports import KeyStore, ResolvedKey
from service.access.principal import Principal
from service.core.clock import Clock
from service.core.errors import NotAuthenticated


class Owners:
    """Finds the holder of a key by its id, for work that was begun with it."""

    def __init__(self, store: KeyStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, *, tenant: str, key_id: str, token_id: str | None) -> Principal:
        """What the holder may do and use up by now.

        Raises `NotAuthenticated` if the key, or the browser token, has ended, and `KeyStoreUnavailable`.
        """
        key = await self._store.find(key_id, tenant=tenant)
        token = None if token_id is None else await self._store.find(token_id, tenant=tenant)
        now = self._clock.now()
        if (
            key is None
            or key.status_at(now) != "active"
            or (token_id is not None and (token is None or token.status_at(now) != "active"))
        ):
            raise NotAuthenticated("The key that this was begun with has ended")
        return principal_of(
            ResolvedKey(
                key=token or key,
                parent=key if token else None,
                tenant=await self._store.find_tenant(tenant),
            )
        )
