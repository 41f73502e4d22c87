"""The first key of all: configured, or made on the first start."""

from service.access.digests import Digester, new_secret, visible_prefix
from service.access.ports import ALL_SCOPES, ApiKey, KeyStore
from service.core.clock import Clock

ADMIN_KEY_ID = "key_admin"
DEFAULT_TENANT = "default"


async def keep_admin_key(store: KeyStore, digester: Digester, secret: str, *, clock: Clock) -> None:
    """Make `secret` the admin key; one that was there before under another secret ends.

    Raises `ValueError` if it is the secret of another key.
    """
    key = _admin_key(secret, digester, clock)
    if _is_as_good(await store.find(ADMIN_KEY_ID, tenant=None), key):
        return
    try:
        await store.put(key)
    except ValueError:
        # Another replica may have been quicker, by so little that its row was not seen.
        if not _is_as_good(await store.find(ADMIN_KEY_ID, tenant=None), key):
            raise ValueError(
                "AI_SERVICE_ADMIN_KEY is the secret of another key: give it one of its own"
            ) from None


async def make_first_admin_key(store: KeyStore, digester: Digester, *, clock: Clock) -> str | None:
    """The secret of a fresh admin key if there is none yet; it can be shown only now."""
    secret = new_secret()
    return secret if await store.add(_admin_key(secret, digester, clock)) else None


def _is_as_good(existing: ApiKey | None, key: ApiKey) -> bool:
    return (
        existing is not None
        and (existing.digest, existing.scopes) == (key.digest, key.scopes)
        and existing.revoked_at is None
        and existing.expires_at is None
    )


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
