"""Who answers a request that came with an `Idempotency-Key`.

The first to come claims the key, by lease, and answers. Whoever asks the same meanwhile waits: in this
process for the attempt itself, for one on another replica by asking the store again and again. A success is
recorded before its end is sent; anything else frees the key, and the next in line tries.
"""

import asyncio
from asyncio import Future, Task
from collections.abc import Coroutine
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import structlog

from service.core.clock import Clock
from service.core.errors import Conflict, Unavailable
from service.core.ids import new_id
from service.idempotency.ports import (
    Attempt,
    IdempotencyStore,
    IdempotencyStoreUnavailable,
    KeyedRequest,
    RecordedAnswer,
)

log = structlog.get_logger(__name__)
T = TypeVar("T")

_FIRST_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 0.5
_IN_FLIGHT_RETRY_AFTER_SECONDS = 1.0
_STORE_RETRY_AFTER_SECONDS = 5.0
_RENEWALS_PER_LEASE = 3
_PURGE_SECONDS = 60.0
_PURGED_AT_ONCE = 500

Outcome = RecordedAnswer | Literal["freed", "store_away"]


class Execution:
    """An attempt that has its key. Leaving its context without `complete` frees the key."""

    def __init__(self, owner: "Idempotency", attempt: Attempt) -> None:
        self.attempt = attempt
        self.outcome: Future[Outcome] = asyncio.get_running_loop().create_future()
        self._owner = owner

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._owner.release(self)

    async def complete(self, answer: RecordedAnswer) -> None:
        """Record the answer. If that fails, the lease frees the key; the answer is good all the same.

        Who is cancelled while waiting for this leaves the recording to go on.
        """
        await self._owner.complete(self, answer)


class Idempotency:
    """A context manager: entering it starts the keeping of leases, leaving it waits for what is open."""

    def __init__(
        self,
        store: IdempotencyStore,
        *,
        clock: Clock,
        lease_seconds: float,
        retention_seconds: float,
        max_answer_bytes: int,
        plain_wait_seconds: float,
        stream_wait_seconds: float,
    ) -> None:
        """Larger answers are not recorded: their key is free again. `…_wait_seconds` is how long a
        request may wait for an attempt in flight."""
        self.max_answer_bytes = max_answer_bytes
        self.plain_wait_seconds = plain_wait_seconds
        self.stream_wait_seconds = stream_wait_seconds
        self._store = store
        self._clock = clock
        self._lease = timedelta(seconds=lease_seconds)
        self._retention = timedelta(seconds=retention_seconds)
        self._running: dict[KeyedRequest, Execution] = {}
        self._holding: set[Execution] = set()
        self._tasks: set[Task[Any]] = set()
        self._keeper: Task[None] | None = None
        self._keeping = asyncio.Lock()

    async def __aenter__(self) -> Self:
        # Not a TaskGroup: the task outlives this call, and leaving waits for it.
        self._keeper = asyncio.get_running_loop().create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for execution in list(self._holding):
            self.release(execution)
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._keeper is not None:
            async with self._keeping:  # a connection cancelled while it is made is left open
                self._keeper.cancel()
            await asyncio.wait([self._keeper])

    async def begin(
        self, request: KeyedRequest, *, wait_seconds: float
    ) -> Execution | RecordedAnswer:
        """The caller's turn to answer, or the answer that was recorded.

        Raises `Conflict` if the key belongs to another request, and `Unavailable` if an attempt in
        flight takes longer than `wait_seconds`, or if the store is away.
        """
        try:
            async with asyncio.timeout(wait_seconds):
                return await self._begin(request)
        except TimeoutError as late:
            raise Unavailable(
                "A request with this Idempotency-Key is still being answered",
                retry_after_seconds=_IN_FLIGHT_RETRY_AFTER_SECONDS,
            ) from late

    async def complete(self, execution: Execution, answer: RecordedAnswer) -> None:
        """See `Execution.complete`."""
        self._holding.discard(execution)
        await asyncio.shield(self._spawn(self._record(execution, answer)))

    def release(self, execution: Execution) -> None:
        """Free the key, soon; nothing if the execution has ended already."""
        if execution in self._holding:
            self._holding.discard(execution)
            self._spawn(self._let_go(execution))

    async def _begin(self, request: KeyedRequest) -> Execution | RecordedAnswer:
        while (running := self._running.get(request)) is not None:
            outcome = await asyncio.shield(running.outcome)  # one of many who wait may leave
            if isinstance(outcome, RecordedAnswer):
                return outcome
            if outcome == "store_away":
                raise _store_away()
        execution = Execution(self, Attempt(id=new_id("try_"), request=request))
        self._running[request] = execution
        answer = await self._claim(execution)
        if answer is not None:
            self._end(execution, answer)
            return answer
        self._holding.add(execution)
        return execution

    async def _claim(self, execution: Execution) -> RecordedAnswer | None:
        """None once the key is this execution's, or the answer of another one that had it."""
        asking: Task[Any] | None = None
        wait_seconds = _FIRST_POLL_SECONDS
        try:
            while True:
                now = self._clock.now()
                asking = self._spawn(
                    self._store.claim(
                        execution.attempt,
                        now=now,
                        lease_expires_at=now + self._lease,
                        expires_at=now + self._retention,
                    )
                )
                claim = await asyncio.shield(asking)
                if claim == "granted":
                    return None
                if isinstance(claim, RecordedAnswer):
                    return claim
                if claim == "other_request":
                    raise Conflict("This Idempotency-Key was used for another request")
                await self._clock.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _LONGEST_POLL_SECONDS)
        except IdempotencyStoreUnavailable as away:
            self._end(execution, "store_away")
            # It may have been granted, and only the word of it lost.
            self._spawn(self._let_go(execution))
            raise _store_away() from away
        except BaseException:  # refused, late, or the caller has gone
            self._spawn(self._let_go(execution, after=asking))
            raise

    async def _record(self, execution: Execution, answer: RecordedAnswer) -> None:
        attempt = execution.attempt
        try:
            if len(answer.body) > self.max_answer_bytes:
                await self._store.release(attempt)
            elif not await self._store.complete(
                attempt, answer, expires_at=self._clock.now() + self._retention
            ):
                log.warning("idempotency_key_lost", attempt=attempt.id)
        except IdempotencyStoreUnavailable as error:
            log.warning("idempotent_answer_not_recorded", attempt=attempt.id, reason=str(error))
        finally:
            self._end(execution, answer)

    async def _let_go(self, execution: Execution, *, after: Task[Any] | None = None) -> None:
        attempt = execution.attempt
        try:
            if after is not None:
                await asyncio.wait([after])
            await self._store.release(attempt)
        except IdempotencyStoreUnavailable as error:
            log.warning("idempotency_key_not_freed", attempt=attempt.id, reason=str(error))
        finally:
            self._end(execution, "freed")

    def _end(self, execution: Execution, outcome: Outcome) -> None:
        if not execution.outcome.done():
            execution.outcome.set_result(outcome)
            del self._running[execution.attempt.request]

    async def _keep(self) -> None:
        """Renew three times a lease, so that two renewals may fail; purge every minute."""
        next_purge = self._clock.monotonic()
        kept = True
        while True:
            await self._clock.sleep(self._lease.total_seconds() / _RENEWALS_PER_LEASE)
            async with self._keeping:
                turn = self._clock.monotonic()
                try:
                    await self._renew()
                    if turn >= next_purge:
                        await self._purge()
                        next_purge = turn + _PURGE_SECONDS
                except IdempotencyStoreUnavailable as error:
                    if kept:
                        log.warning("idempotency_keys_not_kept", reason=str(error))
                    kept = False
                else:
                    if not kept:
                        log.info("idempotency_keys_kept_again")
                    kept = True

    async def _renew(self) -> None:
        attempts = [execution.attempt for execution in self._holding]
        if attempts:
            until = self._clock.now() + self._lease
            await self._store.renew(attempts, lease_expires_at=until)

    async def _purge(self) -> None:
        now = self._clock.now()
        while await self._store.purge(now=now, limit=_PURGED_AT_ONCE) == _PURGED_AT_ONCE:
            pass

    def _spawn(self, work: Coroutine[Any, Any, T]) -> Task[T]:
        """A task that no hang-up ends, because a statement must not be cut in two."""
        task = asyncio.get_running_loop().create_task(work)  # kept here until it is done
        self._tasks.add(task)
        task.add_done_callback(self._has_ended)
        return task

    def _has_ended(self, task: Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # raised in whoever waits; if they have gone, it is nobody's


def _store_away() -> Unavailable:
    return Unavailable(
        "Idempotency keys cannot be checked now, so nothing billable can be started",
        retry_after_seconds=_STORE_RETRY_AFTER_SECONDS,
    )
