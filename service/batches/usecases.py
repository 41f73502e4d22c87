"""Running many requests at once, within bounds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from service.core.clock import Clock
from service.observability.logs import request_line

log = structlog.get_logger("service.requests")

T = TypeVar("T")


class Pace:
    """Gives turns, no more than `per_second` each second; those that nobody took do not come back."""

    def __init__(self, per_second: float | None, *, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._next = clock.monotonic()

    async def turn(self) -> None:
        """Return when it is the caller's turn."""
        if self._per_second is None:
            return
        now = self._clock.monotonic()
        due = max(self._next, now)
        self._next = due + 1 / self._per_second
        await self._clock.sleep(due - now)


async def run_all(
    works: Sequence[Callable[[], Awaitable[T]]],
    *,
    max_concurrency: int,
    per_second: float | None,
    clock: Clock,
) -> list[T]:
    """The results of `works` in order; at most `max_concurrency` run at once, and no more than
    `per_second` are started each second, nor after a time when none could. Cancelling it cancels them
    all."""
    results: dict[int, T] = {}
    queue = iter(enumerate(works))
    pace = Pace(per_second, clock=clock)

    async def worker() -> None:
        for index, work in queue:
            await pace.turn()
            with request_line() as line:
                results[index] = await work()
            log.info("batch item", index=index, **line)

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(max_concurrency, len(works))):
            workers.create_task(worker())
    return [results[index] for index in range(len(works))]
