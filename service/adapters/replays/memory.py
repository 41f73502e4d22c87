"""Seen signatures in this process's memory."""

from collections import deque

from service.access.ports import SIGNATURE_MEMORY_SECONDS, SeenSignatures
from service.core.clock import Clock


class MemorySeenSignatures:
    """Forgets them in the order in which they came; there are as many as a process serves in that time."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._seen: set[str] = set()
        self._due: deque[tuple[float, str]] = deque()

    async def add(self, signature: str) -> bool:
        now = self._clock.monotonic()
        while self._due and self._due[0][0] < now:
            self._seen.remove(self._due.popleft()[1])
        if signature in self._seen:
            return False
        self._seen.add(signature)
        self._due.append((now + SIGNATURE_MEMORY_SECONDS, signature))
        return True


_: type[SeenSignatures] = MemorySeenSignatures
