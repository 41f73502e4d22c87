"""A writer that does not answer at all, which no time limit of a database ends."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from service.adapters.storage.batch import Batch, BatchWriter, Written
from service.adapters.storage.commit_queue import CommitQueue
from service.core.events import NoAudience
from service.usage.ports import LedgerUnavailable
from tests.contracts.requests import make_intent
from tests.contracts.time import MovableClock, until
from tests.fakes import RecordedEvents


class StuckWriter:
    """Commits nothing before it is let go."""

    def __init__(self) -> None:
        self.commits = 0
        self.go = asyncio.Event()
        self.written: list[Batch] = []

    async def write(self, batch: Batch) -> Written:
        await self.go.wait()
        self.commits += 1
        self.written.append(batch)
        return Written()

    async def aclose(self) -> None:
        pass


@pytest.fixture
def writer() -> StuckWriter:
    """A writer that is stuck."""
    return StuckWriter()


@pytest.fixture
async def queue(writer: StuckWriter, clock: MovableClock) -> AsyncIterator[CommitQueue]:
    """A queue over it."""
    port: BatchWriter = writer
    queue = CommitQueue(
        port,
        events=RecordedEvents(),
        audience=NoAudience(),
        clock=clock,
        instance_id="inst_1",
        lease_seconds=30,
        commit_timeout_seconds=0.1,
    )
    queue.start()
    yield queue
    await queue.aclose(timeout_seconds=1)


async def test_open_ends_in_time_and_its_late_row_is_cancelled_at_no_cost(
    queue: CommitQueue, writer: StuckWriter
) -> None:
    intent = make_intent()
    async with asyncio.timeout(1):
        with pytest.raises(LedgerUnavailable):
            await queue.open(intent)
    writer.go.set()

    async def is_voided() -> bool:
        return len(writer.written) == 2

    await until(is_voided)
    late, void = writer.written
    assert late.opened == [intent]
    assert void.reopened == [intent]
    assert [(row.id, row.outcome, row.cost_usd) for row in void.settled] == [
        (intent.id, "cancelled", Decimal(0))
    ]
    assert queue.open_rows == {}


async def test_new_rows_are_refused_at_once_until_it_answers(
    queue: CommitQueue, writer: StuckWriter
) -> None:
    with pytest.raises(LedgerUnavailable):
        await queue.open(make_intent())
    with pytest.raises(LedgerUnavailable):
        await asyncio.wait_for(queue.open(make_intent()), timeout=0.05)
    writer.go.set()
    await queue.ping()
    await queue.open(make_intent())


async def test_row_whose_caller_left_the_queue_is_never_written(
    queue: CommitQueue, writer: StuckWriter
) -> None:
    first, second = make_intent(), make_intent()
    opening = asyncio.create_task(queue.open(first))
    await asyncio.wait([opening], timeout=0.02)
    leaving = asyncio.create_task(queue.open(second))
    await asyncio.wait([leaving], timeout=0.02)
    leaving.cancel()
    await asyncio.wait([leaving])
    writer.go.set()
    await opening
    await queue.ping()
    assert second.id not in {row.id for batch in writer.written for row in batch.opened}
