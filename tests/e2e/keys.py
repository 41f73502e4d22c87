"""Keys that may do less than the admin key."""

from datetime import datetime

from service.access.digests import Digester, new_secret
from service.access.ports import ALL_SCOPES, ApiKey, RateLimits, Scope
from service.adapters.storage import open_storage
from service.core.clock import SystemClock
from service.core.ids import new_id
from tests.running import RunningService


async def add_key(
    service: RunningService,
    *,
    tenant: str = "default",
    scopes: tuple[Scope, ...] = ALL_SCOPES,
    expires_at: datetime | None = None,
    revoked_at: datetime | None = None,
    limits: RateLimits = RateLimits(),  # noqa: B008 - frozen
) -> str:
    """Put a key into a running service's database; returns its secret."""
    clock = SystemClock()
    secret = new_secret()
    pepper = (service.settings.data_dir / "secret.key").read_text().strip().encode()
    storage = open_storage(service.settings.storage_url, clock=clock)
    try:
        await storage.keys.put(
            ApiKey(
                id=new_id("key_"),
                tenant=tenant,
                name="test",
                prefix=secret[:13],
                digest=Digester(pepper).digest(secret),
                scopes=scopes,
                created_at=clock.now(),
                expires_at=expires_at,
                revoked_at=revoked_at,
                limits=limits,
            )
        )
    finally:
        await storage.aclose()
    return secret
