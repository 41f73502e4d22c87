"""Answers kept in Redis, shared by every process behind one address."""

from service.adapters.redis.client import RedisClient
from service.inference.ports import ResponseCache

KEY_PREFIX = "ai-service:cache:1:"
"""The number is the version of what the values are: another one sees none of the old entries."""

MAX_VALUE_BYTES = 1024 * 1024
"""More is not kept: it might not cross a slow network in time, and then speak against the server."""


class RedisCache:
    """A ResponseCache in Redis: what the server does not answer in time is a miss."""

    def __init__(self, redis: RedisClient, *, ttl_seconds: int) -> None:
        """Closing the cache closes `redis`."""
        self._redis = redis
        self._ttl_seconds = ttl_seconds

    @property
    def is_healthy(self) -> bool:
        return self._redis.is_healthy

    async def get(self, key: str) -> bytes | None:
        value: bytes | None = await self._redis.ask("GET", _stored_key(key))
        return value

    async def put(self, key: str, value: bytes) -> None:
        if len(value) <= MAX_VALUE_BYTES:
            await self._redis.ask("SET", _stored_key(key), value, "EX", self._ttl_seconds)

    async def aclose(self) -> None:
        await self._redis.aclose()


def _stored_key(key: str) -> bytes:
    return f"{KEY_PREFIX}{key}".encode(errors="surrogatepass")


_: type[ResponseCache] = RedisCache
