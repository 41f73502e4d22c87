"""Which behaviour the next call gets."""

import threading
from collections import deque

from tests.simulator.behaviours import Behaviour

_Key = tuple[str, str | None]


class Scripts:
    """Queues of behaviours by server and path, and standing orders beneath them.

    A queued behaviour goes before a standing one; one for the exact path goes before one for the
    whole server. Filled by the test's thread, consumed by the simulator's.
    """

    def __init__(self, default: Behaviour | None = None) -> None:
        self._default = default
        self._lock = threading.Lock()
        self._queues: dict[_Key, deque[Behaviour]] = {}
        self._standing: dict[_Key, Behaviour] = {}

    def add(self, behaviours: tuple[Behaviour, ...], *, on: str, path: str | None) -> None:
        with self._lock:
            self._queues.setdefault((on, path), deque()).extend(behaviours)

    def stand(self, behaviour: Behaviour | None, *, on: str, path: str | None) -> None:
        with self._lock:
            if behaviour is None:
                self._standing.pop((on, path), None)
            else:
                self._standing[(on, path)] = behaviour

    def clear(self) -> None:
        with self._lock:
            self._queues = {}
            self._standing = {}

    def remaining(self) -> int:
        """Queued behaviours that no call has consumed."""
        with self._lock:
            return sum(map(len, self._queues.values()))

    def take(self, server: str, path: str) -> Behaviour | None:
        """The behaviour for a call that has just arrived; None is the default answer."""
        if not self._queues and not self._standing:
            return self._default
        with self._lock:
            for key in ((server, path), (server, None)):
                queue = self._queues.get(key)
                if queue:
                    return queue.popleft()
            for key in ((server, path), (server, None)):
                if key in self._standing:
                    return self._standing[key]
        return self._default
