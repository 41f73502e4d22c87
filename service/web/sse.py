"""Server-Sent Events that never lie about how they ended.

A failure before the first event is a plain HTTP error. After it, or once the first event has been
waited for longer than one heartbeat, failures come in band as the one terminal `error` event.
"""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import AppStatus

from service.core.errors import InternalError, ServiceError, Unavailable
from service.observability.logs import note
from service.observability.metrics import Metrics
from service.web.errors import error_body

log = structlog.get_logger(__name__)

_HEADERS = {"Cache-Control": "no-cache"}
_SHUTDOWN_RETRY_AFTER_SECONDS = 1.0

# sse-starlette would drop running streams at the first SIGTERM, without a terminal event.
AppStatus.enable_automatic_graceful_drain = False


def frame(payload: bytes) -> bytes:
    """One event: a JSON object on one `data:` line. JSON never holds a raw line break."""
    return b"data: " + payload + b"\n\n"


class DoneFrame(bytes):
    """The event that ends a stream well, told apart from all others by its type."""


def done_frame(payload: bytes) -> DoneFrame:
    """The terminal `done` event."""
    return DoneFrame(frame(payload))


def error_frame(error: ServiceError, request_id: str) -> bytes:
    """The terminal `error` event."""
    return frame(msgspec.json.encode({"type": "error", "error": error_body(error, request_id)}))


class RunningStreams:
    """The streams under way, so that a shutdown can end them honestly."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self.is_closing = False

    def __len__(self) -> int:
        return len(self._tasks)

    def enter(self) -> asyncio.Task[object]:
        """The task that carries a stream, from now on known here."""
        task = asyncio.current_task()
        assert task is not None, "a stream runs in a task"  # noqa: S101 - for the type checker
        self._tasks.add(task)
        return task

    def leave(self, task: asyncio.Task[object]) -> None:
        """The stream has ended."""
        self._tasks.discard(task)

    def interrupt_all(self) -> None:
        """Make every stream send its `error` event and end."""
        self.is_closing = True
        for task in self._tasks:
            task.cancel()


async def event_stream(
    frames: AsyncGenerator[bytes],
    *,
    request_id: str,
    heartbeat_seconds: float,
    running: RunningStreams,
    metrics: Metrics,
) -> EventSourceResponse:
    """A response that sends `frames`, the last of which must be their terminal event.

    Waits for the first frame, at most `heartbeat_seconds`; what that raises, this raises. Cancelling
    either the wait or the response closes `frames`.
    """
    first = asyncio.get_running_loop().create_task(anext(frames))  # awaited here or by the body
    try:
        await asyncio.wait([first], timeout=heartbeat_seconds)
    except asyncio.CancelledError:
        first.cancel()
        await asyncio.wait([first])
        raise
    if first.done():
        first.result()

    async def body() -> AsyncGenerator[bytes]:
        task = running.enter()
        try:
            yield await first
            async for next_frame in frames:
                yield next_frame
        except ServiceError as error:
            metrics.error(error.type)
            yield error_frame(error, request_id)
        except asyncio.CancelledError:
            if not running.is_closing:
                raise
            task.uncancel()
            interrupted = Unavailable(
                "The service is shutting down", retry_after_seconds=_SHUTDOWN_RETRY_AFTER_SECONDS
            )
            note(outcome="cancelled", error_type=interrupted.type)
            yield error_frame(interrupted, request_id)
        except Exception:
            log.exception("a stream failed", request_id=request_id)
            metrics.error(InternalError.type)
            yield error_frame(InternalError(), request_id)
        finally:
            running.leave(task)
            await frames.aclose()

    return EventSourceResponse(
        body(),
        headers=_HEADERS,
        sep="\n",
        ping=heartbeat_seconds,
        ping_message_factory=lambda: ServerSentEvent(comment="heartbeat", sep="\n"),
    )
