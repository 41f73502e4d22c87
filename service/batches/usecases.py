"""Running many requests at once, within bounds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from service.core.clock import Clock
from service.observability.logs import request_line

log = structlog.get_logger("service.requests")

T = TypeVar("T")


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
    next_start = clock.monotonic()

    async def worker() -> None:
        nonlocal next_start
        for index, work in queue:
            if per_second is not None:
                now = clock.monotonic()
                due = max(next_start, now)
                next_start = due + 1 / per_second
                await clock.sleep(due - now)
            with request_line() as line:
                results[index] = await work()
            log.info("batch item", index=index, **line)

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(max_concurrency, len(works))):
            workers.create_task(worker())
    return [results[index] for index in range(len(works))]
