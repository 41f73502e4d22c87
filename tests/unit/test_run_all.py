"""Running many requests at once, within bounds."""

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from service.batches.usecases import run_all
from service.observability.logs import note, request_line
from tests.clock import ManualClock

Work = Callable[[], Awaitable[int]]


class Works:
    """Works that give their number, and when each was started."""

    def __init__(self, count: int) -> None:
        self.clock = ManualClock()
        self.started: list[float] = []
        self.running = 0
        self.most_running = 0
        self._count = count

    async def run(self, *, max_concurrency: int, per_second: float | None = None) -> list[int]:
        return await run_all(
            [self._work(number) for number in range(self._count)],
            max_concurrency=max_concurrency,
            per_second=per_second,
            clock=self.clock,
        )

    def _work(self, number: int) -> Work:
        async def work() -> int:
            self.started.append(self.clock.monotonic())
            self.running += 1
            self.most_running = max(self.running, self.most_running)
            await asyncio.sleep(0)
            self.running -= 1
            return number

        return work


@settings(deadline=None)
@given(count=st.integers(0, 30), max_concurrency=st.integers(1, 10))
def test_results_are_in_order_and_no_more_run_than_may(count: int, max_concurrency: int) -> None:
    works = Works(count)
    results = asyncio.run(works.run(max_concurrency=max_concurrency))
    assert results == list(range(count))
    assert works.most_running == min(count, max_concurrency)


async def test_starts_keep_their_rate() -> None:
    works = Works(5)
    await works.run(max_concurrency=1, per_second=2)
    assert works.started == [0, 0.5, 1, 1.5, 2]


class Appointments(ManualClock):
    """Writes down until when somebody sleeps, and lets no time pass by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.made.append(self.monotonic() + seconds)


async def test_rate_is_kept_after_a_time_when_nothing_could_start() -> None:
    clock = Appointments()
    gate = asyncio.Event()

    async def work() -> int:
        await gate.wait()
        return 0

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run_all([work] * 7, max_concurrency=3, per_second=2, clock=clock))
        for _ in range(5):
            await asyncio.sleep(0)
        clock.advance(100)
        gate.set()
    assert clock.made == [0, 0.5, 1, 100, 100.5, 101, 101.5]


async def test_without_a_rate_nobody_waits() -> None:
    works = Works(5)
    await works.run(max_concurrency=2)
    assert works.started == [0] * 5


async def test_cancelling_it_cancels_all_that_run_and_starts_no_more() -> None:
    cancelled: list[int] = []

    def endless(number: int) -> Work:
        async def work() -> int:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise
            return number

        return work

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(
            run_all(
                [endless(number) for number in range(9)],
                max_concurrency=3,
                per_second=None,
                clock=ManualClock(),
            )
        )
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert sorted(cancelled) == [0, 1, 2]


async def test_every_item_has_a_line_of_its_own() -> None:
    def noting(number: int) -> Work:
        async def work() -> int:
            note(id=f"req_{number}")
            return number

        return work

    with capture_logs() as logs, request_line() as line:
        await run_all(
            [noting(1), noting(2)], max_concurrency=2, per_second=None, clock=ManualClock()
        )
    assert [(entry["index"], entry["id"]) for entry in logs] == [(0, "req_1"), (1, "req_2")]
    assert line == {}
