"""Answers kept in this process."""

from collections import OrderedDict
from sys import getsizeof

from service.core.clock import Clock
from service.inference.ports import ResponseCache

ENTRY_OVERHEAD_BYTES = 256
"""What an entry costs beside its key and value: its record and its place in the ordered dictionary. 220 by
tracemalloc on CPython 3.11 just after the table grew, the worst moment; the rest is the allocator's rounding.
"""

LARGEST_SHARE = 16
"""An entry that would take more than one part in so many is not kept: it would push out the rest."""

_Entry = tuple[bytes, float, int]
"""The value, when its time is over, and what it was counted as: a string's size may grow later."""


class MemoryCache:
    """A ResponseCache for one process: the least recently used entry makes room for a new one.

    `max_bytes` bounds keys and values, each at the size that Python gives it, and ENTRY_OVERHEAD_BYTES for
    each. An entry whose time is over is a miss; its bytes are freed when it is asked for or its turn to
    make room comes. Every method is O(1), and none waits for anything.
    """

    def __init__(
        self, *, ttl_seconds: float, clock: Clock, max_bytes: int = 64 * 1024 * 1024
    ) -> None:
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._max_bytes = max_bytes
        self._used_bytes = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    @property
    def is_healthy(self) -> bool:
        return True

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, expires_at, _ = entry
        if self._clock.monotonic() >= expires_at:
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes) -> None:
        """Keep the value, unless it is too large; what was under the key is gone in either case."""
        if key in self._entries:
            self._forget(key)
        size = getsizeof(key) + getsizeof(value) + ENTRY_OVERHEAD_BYTES
        if size > self._max_bytes // LARGEST_SHARE:
            return
        while self._used_bytes + size > self._max_bytes:
            self._forget(next(iter(self._entries)))
        self._entries[key] = (value, self._clock.monotonic() + self._ttl_seconds, size)
        self._used_bytes += size

    async def aclose(self) -> None:
        self._entries.clear()
        self._used_bytes = 0

    def _forget(self, key: str) -> None:
        self._used_bytes -= self._entries.pop(key)[2]


_: type[ResponseCache] = MemoryCache
