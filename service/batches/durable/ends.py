"""How items end, and how that is written down: many with one commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TypeVar

import msgspec
import structlog

from service.batches.ports import BatchStore, BatchStoreUnavailable, ItemEnd
from service.core.clock import Clock
from service.core.errors import ServiceError
from service.generation.asking import response_of
from service.generation.schemas import ChatRequest, GenerateRequest
from service.inference.answers import Answer
from service.web.errors import error_body

log = structlog.get_logger(__name__)
T = TypeVar("T")

_MOST_UNWRITTEN = 256
_SECONDS_BETWEEN_COMMITS = 0.1
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0


async def patiently(ask: Callable[[], Awaitable[T]], *, clock: Clock) -> T:
    """What the store answers, once it is there."""
    wait_seconds = _FIRST_WAIT_SECONDS
    while True:
        try:
            return await ask()
        except BatchStoreUnavailable:
            await clock.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)


def completed(index: int, body: GenerateRequest | ChatRequest, answer: Answer) -> ItemEnd:
    """The end of an item that was answered: as /generate or /chat give it."""
    return ItemEnd(
        index=index,
        state="completed",
        result=response_of(body, answer).model_dump_json(),
        usage=answer.usage,
        cost_usd=answer.cost_usd or Decimal(0),
    )


def failed(index: int, error: ServiceError, *, request_id: str) -> ItemEnd:
    """The end of an item that was not."""
    return ItemEnd(index=index, state="failed", result=error_json(error, request_id=request_id))


def error_json(error: ServiceError, *, request_id: str) -> str:
    """The envelope's inner object, as an `ItemEnd` has it."""
    return msgspec.json.encode(error_body(error, request_id)).decode()


class Ends:
    """The ends of one batch's items on their way to the store.

    What a process that dies has not written is run again: at most what a tenth of a second has brought.
    """

    def __init__(self, store: BatchStore, batch_id: str, *, clock: Clock) -> None:
        self._store = store
        self._batch_id = batch_id
        self._clock = clock
        self._unwritten: asyncio.Queue[ItemEnd] = asyncio.Queue(_MOST_UNWRITTEN)
        self._in_hand: list[ItemEnd] = []

    async def add(self, end: ItemEnd) -> None:
        """Write it soon; waits only while there is too much to write."""
        await self._unwritten.put(end)

    async def all_written(self) -> None:
        """Wait until what was added is there."""
        await self._unwritten.join()

    @asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Writes what is added meanwhile; left only when all of it is there. If it is left in a hurry, what
        can be written at once is."""
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write())
                yield
                await self.all_written()
                writer.cancel()
        finally:
            await self._write_the_rest()

    async def _write(self) -> None:
        while True:
            self._in_hand.append(await self._unwritten.get())
            self._take_all()
            await patiently(self._commit, clock=self._clock)
            for _ in self._in_hand:
                self._unwritten.task_done()
            self._in_hand = []
            await self._clock.sleep(_SECONDS_BETWEEN_COMMITS)

    async def _commit(self) -> None:
        await self._store.end_items(self._batch_id, self._in_hand)

    def _take_all(self) -> None:
        while not self._unwritten.empty():
            self._in_hand.append(self._unwritten.get_nowait())

    async def _write_the_rest(self) -> None:
        self._take_all()
        if not self._in_hand:
            return
        try:
            await self._commit()
        except BatchStoreUnavailable as away:
            log.warning("item_ends_not_written", batch=self._batch_id, reason=str(away))
