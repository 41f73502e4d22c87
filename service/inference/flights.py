"""Single flight: identical requests under way share one upstream call.

A flight runs in a task of its own, so that whoever came first may leave without hurting the others. It
ends early only when the last one has gone. Who joins late is given first what has already come.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

from service.core.errors import DeadlineExceeded, InternalError, Unavailable
from service.inference.answers import Answer, AnswerEvent, Delta
from service.inference.routing import DEADLINE_SPENT, Deadline
from service.inference.stored import as_deltas
from service.observability.logs import write_line_after


class Flight:
    """One upstream call and everyone who waits for it."""

    def __init__(self, source: AsyncGenerator[AnswerEvent], on_end: Callable[[], None]) -> None:
        self._deltas: list[Delta] = []
        self._answer: Answer | None = None
        self._error: BaseException | None = None
        self._seats = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._on_end = on_end
        # Not a TaskGroup: the flight outlives the request that started it. `leave` and `cancel` end it.
        self._task = asyncio.get_running_loop().create_task(self._run(source))

    async def result(self, deadline: Deadline) -> Answer:
        """The whole answer. Raises what the upstream call raised, or `DeadlineExceeded`."""
        with self._seat():
            while not self._has_landed:
                await self._change(deadline)
        return self._landed()

    async def events(self, deadline: Deadline) -> AsyncGenerator[AnswerEvent]:
        """Everything from the beginning, as it comes; the last item is the `Answer`.

        What a plain call has answered comes as a stream too. Raises as `result` does.
        """
        position = 0
        with self._seat():
            while True:
                come = self._deltas[position:]
                if come:
                    position += len(come)
                    yield come
                elif self._has_landed:
                    break
                else:
                    await self._change(deadline)
            answer = self._landed()
            if not position and (deltas := as_deltas(answer.text, answer.tool_calls)):
                yield deltas
        yield answer

    async def aclose(self) -> None:
        """Stop the upstream call and wait for its settlement."""
        self._task.cancel()
        await asyncio.wait([self._task])

    @property
    def _has_landed(self) -> bool:
        """Whether there is nothing left to wait for; the source may still be putting things away."""
        return self._answer is not None or self._error is not None

    async def _run(self, source: AsyncGenerator[AnswerEvent]) -> None:
        try:
            async for event in source:
                if isinstance(event, Answer):
                    self._answer = event
                else:
                    self._deltas += event
                self._wake()
        except asyncio.CancelledError as cancelled:
            self._error = cancelled
            raise
        except Exception as error:  # noqa: BLE001 - raised again in everyone who waits
            self._error = error
        else:
            if self._answer is None:
                self._error = InternalError()
        finally:
            self._on_end()
            self._wake()
            await source.aclose()

    @contextmanager
    def _seat(self) -> Iterator[None]:
        """Counts one who waits; the last to go before the end stops the call."""
        self._seats += 1
        why: str | None = None
        try:
            yield
        except DeadlineExceeded:
            why = DEADLINE_SPENT
            raise
        finally:
            self._seats -= 1
            if self._seats == 0 and not self._has_landed:
                self._on_end()
                self._task.cancel(why)
                write_line_after(self._task)

    def _landed(self) -> Answer:
        if isinstance(self._error, asyncio.CancelledError):
            raise Unavailable("The service is shutting down", retry_after_seconds=1.0)
        if self._error is not None:
            raise self._error
        assert self._answer is not None, "a source ends in an answer"  # noqa: S101 - for the type checker
        return self._answer

    async def _change(self, deadline: Deadline) -> None:
        """Wait for news. Only a deadline of the caller's own is watched: the call keeps the server's."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if not deadline.is_shortened:
            await future
            return
        try:
            async with asyncio.timeout(deadline.seconds_left()):
                await future
        except TimeoutError as spent:
            raise DeadlineExceeded(
                "The request's deadline was spent before the answer was complete"
            ) from spent

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


class Flights:
    """The flights under way, by key."""

    def __init__(self) -> None:
        self._under_way: dict[str, Flight] = {}

    def join(
        self, key: str, start: Callable[[], AsyncGenerator[AnswerEvent]]
    ) -> tuple[Flight, bool]:
        """The flight of `key`, and whether the caller is its first."""
        flight = self._under_way.get(key)
        if flight is not None:
            return flight, False
        flight = Flight(start(), on_end=lambda: self._forget(key, flight))
        self._under_way[key] = flight
        return flight, True

    async def aclose(self) -> None:
        """Stop every flight and wait for its settlement."""
        await asyncio.gather(*(flight.aclose() for flight in list(self._under_way.values())))

    def _forget(self, key: str, flight: Flight | None) -> None:
        if self._under_way.get(key) is flight:
            del self._under_way[key]
