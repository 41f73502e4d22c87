"""Streams of events: each event as it comes, and the whole at the end.

A stream is sent when it is first read. Leaving the loop, closing the stream or an error in the loop closes
the connection, and the service stops the model.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

import httpx2

from ai_service_sdk._events import CUT, EventReader
from ai_service_sdk._failures import connection_error
from ai_service_sdk._operations import Answer
from ai_service_sdk.errors import StreamInterruptedError

Result = TypeVar("Result")
Pieces = TypeVar("Pieces")


@dataclass(slots=True)
class Begun(Generic[Answer, Pieces]):
    """A stream whose first event has come. From here on nothing is tried again."""

    response: httpx2.Response
    pieces: Pieces
    """The rest of the body."""
    reader: EventReader[Answer]
    first: list[Answer]
    """The first event; empty once it was given out."""
    rest: Iterator[Answer]
    """What else was in the first event's piece."""

    def events(self) -> Iterator[Answer]:
        """The events that have come already."""
        while self.first:
            yield self.first.pop()
        yield from self.rest


class _Reading(Generic[Answer, Pieces, Result]):
    """What streams are, however they are read.

    The generators of the loops are not kept on the object: that would be a cycle, and the connection would
    outlive a loop that was left.
    """

    def __init__(self) -> None:
        self._begun: Begun[Answer, Pieces] | None = None
        self._is_closed = False

    @property
    def response(self) -> httpx2.Response | None:
        """The HTTP response with its status and headers, once an event has come."""
        return self._begun.response if self._begun else None

    @property
    def request_id(self) -> str | None:
        """The id of the request, once an event has come."""
        return self._begun.response.headers.get("x-request-id") if self._begun else None

    def _is_complete(self) -> bool:
        return self._begun is not None and self._begun.reader.result is not None

    def _result(self) -> Result:
        if self._begun is None or self._begun.reader.result is None:
            raise StreamInterruptedError("The stream was closed before its end")
        return cast(Result, self._begun.reader.result)


class Stream(_Reading[Answer, Iterator[bytes], Result]):
    """The events of an answer. Loop over it; `final()` reads what is left and returns the whole."""

    def __init__(self, begin: Callable[[], Begun[Answer, Iterator[bytes]]]) -> None:
        super().__init__()
        self._begin = begin

    def __iter__(self) -> Iterator[Answer]:
        if self._is_closed:
            return
        try:
            if self._begun is None:
                self._begun = self._begin()
            yield from self._begun.events()
            for piece in self._begun.pieces:
                yield from self._begun.reader.feed(piece)
            self._begun.reader.check_end()
        except (httpx2.RequestError, httpx2.StreamError) as error:
            if not (self._is_complete() or self._is_closed):
                raise _interrupted(error) from error
        finally:
            self.close()

    def final(self) -> Result:
        """Read what is left; returns the `done` event with the whole text and tool calls.

        Raises what the loop would, and `StreamInterruptedError` if the stream was closed before its end.
        """
        for _ in self:
            pass
        return self._result()

    def close(self) -> None:
        """Stop the answer. What has come stays readable; more does not come."""
        self._is_closed = True
        if self._begun is not None:
            self._begun.response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncStream(_Reading[Answer, AsyncIterator[bytes], Result]):
    """The events of an answer. Loop over it; `await final()` reads what is left and returns the whole."""

    def __init__(self, begin: Callable[[], Awaitable[Begun[Answer, AsyncIterator[bytes]]]]) -> None:
        super().__init__()
        self._begin = begin

    async def __aiter__(self) -> AsyncIterator[Answer]:
        if self._is_closed:
            return
        try:
            if self._begun is None:
                self._begun = await self._begin()
            for event in self._begun.events():
                yield event
            async for piece in self._begun.pieces:
                for event in self._begun.reader.feed(piece):
                    yield event
            self._begun.reader.check_end()
        except (httpx2.RequestError, httpx2.StreamError) as error:
            if not (self._is_complete() or self._is_closed):
                raise _interrupted(error) from error
        finally:
            await self.close()

    async def final(self) -> Result:
        """Read what is left; returns the `done` event with the whole text and tool calls.

        Raises what the loop would, and `StreamInterruptedError` if the stream was closed before its end.
        """
        async for _ in self:
            pass
        return self._result()

    async def close(self) -> None:
        """Stop the answer. What has come stays readable; more does not come."""
        self._is_closed = True
        if self._begun is not None:
            await self._begun.response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def _interrupted(error: Exception) -> StreamInterruptedError:
    reason = connection_error(error).message if isinstance(error, httpx2.RequestError) else error
    return StreamInterruptedError(f"{CUT} ({reason})")
