"""The key check without its server: an authenticator over keys that a test holds."""

from typing import Any

import pytest

from service.access.authentication import Authenticator
from service.access.digests import Digester
from service.access.ports import ApiKey
from service.access.principal import Principal
from service.access.upkeep import KeyUpkeep
from service.core.errors import NotAuthenticated
from tests.clock import START, ManualClock
from tests.fakes import FakeKeyStore

SECRET = "sk-ais-a-secret"
DIGESTER = Digester(b"pepper")


def make_key(**changes: Any) -> ApiKey:
    """A key of tenant `acme` with the secret `SECRET`."""
    values: dict[str, Any] = {
        "id": "key_1",
        "tenant": "acme",
        "name": "test",
        "prefix": "sk-ais-a",
        "digest": DIGESTER.digest(SECRET),
        "scopes": ("generate", "batch"),
        "created_at": START,
    }
    return ApiKey(**values | changes)


class Door:
    """An authenticator over keys that a test holds."""

    def __init__(self, *keys: ApiKey) -> None:
        self.clock = ManualClock()
        self.store = FakeKeyStore(*keys)
        self.upkeep = KeyUpkeep(self.store, clock=self.clock)
        self.authenticator = Authenticator(
            self.store, DIGESTER, clock=self.clock, upkeep=self.upkeep
        )

    async def enter(self, secret: str = SECRET) -> Principal:
        """Who enters."""
        return await self.authenticator.authenticate(secret)

    async def refusal(self, secret: str = SECRET) -> str:
        """What one who must not enter is told."""
        with pytest.raises(NotAuthenticated) as caught:
            await self.enter(secret)
        return caught.value.message
