"""Seen signatures in Redis, for all replicas."""

from service.access.ports import SIGNATURE_MEMORY_SECONDS, SeenSignatures
from service.adapters.redis.client import RedisClient
from service.adapters.replays.memory import MemorySeenSignatures
from service.core.clock import Clock

KEY_PREFIX = "ai-service:signature:1:"
# A script, because a bare SET … NX answers nothing where there is one, as does a server that is away.
_ADD = "return redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[1]) and 1 or 0"


class RedisSeenSignatures:
    """Asks over the cache's connections, breaker and time limits.

    Every process remembers what it has seen itself, too: while the server is away, a replay passes only
    at another replica. Refusing every signed request then would let Redis take the whole service down.
    """

    def __init__(self, redis: RedisClient, *, clock: Clock) -> None:
        self._redis = redis
        self._own = MemorySeenSignatures(clock=clock)

    async def add(self, signature: str) -> bool:
        if not await self._own.add(signature):
            return False
        key = f"{KEY_PREFIX}{signature}"
        return bool(await self._redis.ask("EVAL", _ADD, 1, key, SIGNATURE_MEMORY_SECONDS) != 0)


_: type[SeenSignatures] = RedisSeenSignatures
