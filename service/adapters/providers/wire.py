"""What the SDKs' clients share: their transport, its bounds, and what goes wrong on it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, cast

import aiohttp
import httpx2

from service.adapters.providers.failures import malformed
from service.adapters.providers.sse import SseDecoder
from service.core.messages import StreamEvent
from service.inference.ports import FailureKind, ProviderFailure

CONNECT_TIMEOUT_SECONDS = 2.0
MAX_RESPONSE_BYTES = 32 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024

HEADERS = {"Accept-Encoding": "identity", "User-Agent": "ai-service"}
"""On every call: an answer that is not compressed cannot grow past its bound when it is unpacked."""

TRANSPORT_ERRORS = (
    httpx2.HTTPError,
    httpx2.StreamError,
    httpx2.InvalidURL,
    aiohttp.ClientError,
    OSError,
)
"""All that can come out of the transport: its own errors, aiohttp's unmapped ones, the sockets'."""

_MAX_CONNECTIONS = 1_000
_IDLE_CONNECTION_SECONDS = 30.0
_DRAIN_SECONDS = 0.1


class StreamedAnswer(Protocol):
    """Reads one dialect's stream, event by event."""

    @property
    def is_whole(self) -> bool:
        """Whether the vendor's terminal marker has come."""
        ...

    def take(self, data: bytes, events: list[StreamEvent]) -> None:
        """Append what `data` says to `events`; `StreamEnd` comes with the terminal marker.

        Raises `ProviderFailure` for an error in band and for data outside the dialect.
        """
        ...


def transport_settings(*, connect_timeout_seconds: float) -> dict[str, Any]:
    """The arguments of an SDK's `DefaultAioHttpClient`.

    Only connecting has a timeout: every other deadline is the caller's. Redirects are not followed:
    they would carry the key and the prompt to another host. The host's own proxies and certificates
    (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`) hold, as for every program on it.
    """
    return {
        "timeout": httpx2.Timeout(None, connect=connect_timeout_seconds),
        "limits": httpx2.Limits(
            max_connections=_MAX_CONNECTIONS, keepalive_expiry=_IDLE_CONNECTION_SECONDS
        ),
        "follow_redirects": False,
        "event_hooks": {"response": [_bound_errors]},
    }


class LeanRequests:
    """For an HTTP client class: it takes the SDK's request as it is.

    The SDK has merged its headers and its address already; httpx2 would merge both once more with
    defaults that the first has replaced, and add cookies that earlier answers have set.
    """

    def build_request(
        self,
        method: str,
        url: httpx2.URL,
        *,
        headers: dict[str, str],
        timeout: httpx2.Timeout,
        content: bytes | None = None,
        data: dict[str, Any] | None = None,
        files: Any = None,
        extensions: dict[str, Any] | None = None,
        **_: object,
    ) -> httpx2.Request:
        """The request, and nothing that the SDK has not put into it."""
        return httpx2.Request(
            method,
            url,
            headers=headers,
            content=content,
            data=data,
            files=files,
            extensions={**(extensions or {}), "timeout": timeout.as_dict()},
        )


def quiet(*loggers: str) -> None:
    """Keep an SDK's log at warnings: below, it has prompts, headers and URLs."""
    for name in (*loggers, "httpx2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def transport_failure(error: Exception) -> ProviderFailure:
    """The failure that an error before any status is.

    The transport under one of the SDKs reports every lost connection as a connect timeout, so
    aiohttp's own error, at the root of the chain, decides.
    """
    causes: list[BaseException] = [error]
    while causes[-1].__cause__ is not None and len(causes) < 16:
        causes.append(causes[-1].__cause__)
    known = [cause for cause in causes if isinstance(cause, aiohttp.ClientError)]
    if any(isinstance(cause, aiohttp.ServerTimeoutError) for cause in known) or (
        not known and any(isinstance(cause, httpx2.ConnectTimeout) for cause in causes)
    ):
        return ProviderFailure(FailureKind.CONNECT_TIMEOUT, "No connection to the provider in time")
    if any(isinstance(cause, aiohttp.ClientResponseError) for cause in known):
        return malformed("The provider's answer is not HTTP")
    return ProviderFailure(FailureKind.UNREACHABLE, "The provider cannot be reached")


async def read_body(response: httpx2.Response, *, max_bytes: int) -> bytes:
    """The whole body of a plain answer; the response is closed in any case."""
    body = bytearray()
    async with _chunks(response) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
    return bytes(body)


async def read_lines(response: httpx2.Response, *, max_bytes: int) -> AsyncGenerator[bytes]:
    """The lines of a body as they come, without their ends and without empty ones; none is longer than
    `max_bytes`. The response is closed in any case."""
    line = bytearray()
    async with _chunks(response) as chunks:
        async for chunk in chunks:
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                line += end
                if line.strip():
                    yield bytes(line)
                line.clear()
            line += rest
            if len(line) > max_bytes:
                raise _too_large(max_bytes)
    if line.strip():
        yield bytes(line)


async def read_stream(
    open_response: Callable[[], Awaitable[httpx2.Response]],
    answer: StreamedAnswer,
    *,
    max_bytes: int,
) -> AsyncGenerator[list[StreamEvent]]:
    """The events of a streamed answer, a list for each read from the wire that brought any."""
    response = await open_response()
    decoder = SseDecoder()
    received = 0
    async with _chunks(response) as chunks:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise malformed("The provider's answer is not an event stream")
        async for chunk in chunks:
            received += len(chunk)
            if received > max_bytes:
                raise _too_large(max_bytes)
            events, failure = _take(decoder.feed(chunk), answer)
            if answer.is_whole:
                await _drain(chunks)
            if events:
                yield events
            if failure is not None:
                raise failure
            if answer.is_whole:
                return
        events, failure = _take(decoder.finish(), answer)
        if events:
            yield events
        if not answer.is_whole:
            raise failure or malformed("The provider's answer stopped before its end")


def _take(
    data_of_events: list[bytes], answer: StreamedAnswer
) -> tuple[list[StreamEvent], ProviderFailure | None]:
    """What came, and the failure after it: what was delivered before a failure is charged."""
    events: list[StreamEvent] = []
    try:
        for data in data_of_events:
            answer.take(data, events)
            if answer.is_whole:
                break
    except ProviderFailure as failure:
        return events, failure
    return events, None


@contextlib.asynccontextmanager
async def _chunks(response: httpx2.Response) -> AsyncGenerator[AsyncIterator[bytes]]:
    """The body as it comes; then closes the response, and the connection if a rest is unread."""
    chunks = cast(AsyncGenerator[bytes], aiter(cast(httpx2.AsyncByteStream, response.stream)))
    try:
        yield chunks
    except TRANSPORT_ERRORS:
        raise malformed("The connection broke in the middle of the provider's answer") from None
    finally:
        await chunks.aclose()
        with contextlib.suppress(*TRANSPORT_ERRORS):
            await response.aclose()


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the few bytes after the terminal marker, so that the connection can be used again.

    They come at once; done before `StreamEnd` is given, because its reader may stop there.
    """
    with contextlib.suppress(*TRANSPORT_ERRORS):  # a TimeoutError is one; the answer is whole
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in chunks:
                pass


async def _bound_errors(response: httpx2.Response) -> None:
    """The SDKs read an error's body whole and decompress it: give them a short, plain one."""
    if not response.is_success:
        response.headers.pop("content-encoding", None)
        response.stream = _Excerpt(cast(httpx2.AsyncByteStream, response.stream))


class _Excerpt(httpx2.AsyncByteStream):
    """The first bytes of a stream, or what comes of them: the status has already said the most."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        chunks = cast(AsyncGenerator[bytes], aiter(self._stream))
        with contextlib.suppress(*TRANSPORT_ERRORS):
            async with contextlib.aclosing(chunks):
                async for chunk in chunks:
                    yield chunk[: MAX_ERROR_BYTES - received]
                    received += len(chunk)
                    if received >= MAX_ERROR_BYTES:
                        return

    async def aclose(self) -> None:
        await self._stream.aclose()


def _too_large(max_bytes: int) -> ProviderFailure:
    return malformed(f"The provider's answer is larger than {max_bytes} bytes")
