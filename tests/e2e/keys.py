"""Keys that may do less than the admin key."""

from typing import Any

import httpx

from service.access.digests import Digester, new_secret
from service.access.ports import ALL_SCOPES, ApiKey
from service.adapters.storage import open_storage
from service.core.clock import SystemClock
from service.core.ids import new_id
from tests.running import RunningService

KEYS = "/api/v1/keys"
Json = dict[str, Any]


async def add_key(service: RunningService, **changes: Any) -> str:
    """Put a key into a running service's database, whatever the API says to it; returns its secret."""
    clock = SystemClock()
    secret = new_secret()
    pepper = (service.settings.data_dir / "secret.key").read_text().strip().encode()
    storage = open_storage(service.settings.storage_url, clock=clock)
    values: Json = {
        "id": new_id("key_"),
        "tenant": "default",
        "name": "test",
        "prefix": secret[:13],
        "digest": Digester(pepper).digest(secret),
        "scopes": ALL_SCOPES,
        "created_at": clock.now(),
    }
    try:
        await storage.keys.put(ApiKey(**values | changes))
    finally:
        await storage.aclose()
    return secret


async def make_key(client: httpx.AsyncClient, *scopes: str, **body: Any) -> Json:
    """A key that is made over the API, with its secret as `key`."""
    answer = await client.post(KEYS, json={"name": "made", "scopes": list(scopes)} | body)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made
