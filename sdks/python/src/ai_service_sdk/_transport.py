"""Sending calls over pooled connections, again where that is safe."""

import asyncio
import copy
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from typing import Generic, Self, TypeVar, cast

import httpx2

from ai_service_sdk._events import CUT, EventReader
from ai_service_sdk._failures import connection_error, response_error
from ai_service_sdk._logging import logger
from ai_service_sdk._model import Model
from ai_service_sdk._operations import Answer
from ai_service_sdk._raw import RawResponse
from ai_service_sdk._requests import Call
from ai_service_sdk._streams import Begun
from ai_service_sdk.errors import AIServiceError, StreamInterruptedError

Client = TypeVar("Client", bound=httpx2.Client | httpx2.AsyncClient)
Done = TypeVar("Done")


class _Sending(Generic[Client]):
    """What both transports are."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._is_raw = False

    def raw(self) -> Self:
        """The same connections; answers are `RawResponse`s."""
        other = copy.copy(self)
        other._is_raw = True
        return other

    def _answer(self, call: Call[Answer], response: httpx2.Response) -> Answer:
        if self._is_raw:  # the generated classes give these methods their types
            return cast(Answer, RawResponse(response, call.operation))
        return call.operation.decode(response)


class Transport(_Sending[httpx2.Client]):
    """For `AIServiceSDK`."""

    def send(self, call: Call[Answer]) -> Answer:
        """The answer. Raises an `AIServiceError`."""
        return self._answer(call, _with_retries(call, lambda: self._attempt(call)))

    def begin(self, call: Call[Answer], result_type: type[Model]) -> Begun[Answer, Iterator[bytes]]:
        """A stream with its first event. Raises an `AIServiceError`."""
        return _with_retries(call, lambda: self._first_event(call, result_type))

    def _attempt(self, call: Call[Answer], *, stream: bool = False) -> httpx2.Response:
        began = time.perf_counter()
        try:
            response = self.client.send(call.request(self.client), stream=stream)
            if stream and not response.is_success:
                response.read()
        except httpx2.RequestError as error:
            raise connection_error(error) from error
        _log(call, response, time.perf_counter() - began)
        if response.is_success:
            return response
        raise response_error(response)

    def _first_event(
        self, call: Call[Answer], result_type: type[Model]
    ) -> Begun[Answer, Iterator[bytes]]:
        response = self._attempt(call, stream=True)
        try:
            reader = EventReader(call.operation, result_type)
            pieces = response.iter_bytes()
            for piece in pieces:
                events = reader.feed(piece)
                for first in events:
                    return Begun(response, pieces, reader, [first], events)
            raise StreamInterruptedError(CUT)
        except BaseException as error:  # Ctrl-C, too, leaves no connection open
            response.close()
            if isinstance(error, httpx2.RequestError):
                raise connection_error(error) from error
            raise


class AsyncTransport(_Sending[httpx2.AsyncClient]):
    """For `AsyncAIServiceSDK`."""

    async def send(self, call: Call[Answer]) -> Answer:
        """The answer. Raises an `AIServiceError`."""
        return self._answer(call, await _with_async_retries(call, lambda: self._attempt(call)))

    async def begin(
        self, call: Call[Answer], result_type: type[Model]
    ) -> Begun[Answer, AsyncIterator[bytes]]:
        """A stream with its first event. Raises an `AIServiceError`."""
        return await _with_async_retries(call, lambda: self._first_event(call, result_type))

    async def _attempt(self, call: Call[Answer], *, stream: bool = False) -> httpx2.Response:
        began = time.perf_counter()
        try:
            response = await self.client.send(call.request(self.client), stream=stream)
            if stream and not response.is_success:
                await response.aread()
        except httpx2.RequestError as error:
            raise connection_error(error) from error
        _log(call, response, time.perf_counter() - began)
        if response.is_success:
            return response
        raise response_error(response)

    async def _first_event(
        self, call: Call[Answer], result_type: type[Model]
    ) -> Begun[Answer, AsyncIterator[bytes]]:
        response = await self._attempt(call, stream=True)
        try:
            reader = EventReader(call.operation, result_type)
            pieces = response.aiter_bytes()
            async for piece in pieces:
                events = reader.feed(piece)
                for first in events:
                    return Begun(response, pieces, reader, [first], events)
            raise StreamInterruptedError(CUT)
        except BaseException as error:  # a cancellation, too, leaves no connection open
            await response.aclose()
            if isinstance(error, httpx2.RequestError):
                raise connection_error(error) from error
            raise


def _with_retries(call: Call[Answer], attempt: Callable[[], Done]) -> Done:
    for retries_made in count():
        try:
            return attempt()
        except AIServiceError as failure:
            seconds = call.seconds_before_retry(failure, retries_made)
            if seconds is None:
                raise
        time.sleep(seconds)
    raise AssertionError("count() does not end")


async def _with_async_retries(call: Call[Answer], attempt: Callable[[], Awaitable[Done]]) -> Done:
    for retries_made in count():
        try:
            return await attempt()
        except AIServiceError as failure:
            seconds = call.seconds_before_retry(failure, retries_made)
            if seconds is None:
                raise
        await asyncio.sleep(seconds)
    raise AssertionError("count() does not end")


def _log(call: Call[Answer], response: httpx2.Response, seconds: float) -> None:
    if logger.isEnabledFor(logging.INFO):
        logger.info(
            "%s %s: %d in %.3f s, request %s",
            call.operation.method,
            call.operation.path,
            response.status_code,
            seconds,
            response.headers.get("x-request-id"),
        )
