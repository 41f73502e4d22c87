"""Structured logs: one line a request, whose fields the rooms add as they learn them.

Content never reaches a line unless the settings switch it on.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import msgspec
import structlog

from service.observability.redaction import Redactor

LogFormat = Literal["console", "json"]


class RequestLine(dict[str, object]):
    """The fields of one request's line, and the work that may still add to them."""

    def __init__(self) -> None:
        super().__init__()
        self.unfinished: list[asyncio.Task[None]] = []

    def write_with(self, write: Callable[[], None]) -> None:
        """Call `write` now, or when the work is done that the request has left behind."""
        left = [task for task in self.unfinished if not task.done()]
        if left:
            left[-1].add_done_callback(lambda _: write())
        else:
            write()


_line: ContextVar[RequestLine | None] = ContextVar("request_line", default=None)


@contextmanager
def request_line() -> Iterator[RequestLine]:
    """Collects the fields of one request's line. Lines nest: a batch item has one of its own."""
    line = RequestLine()
    token = _line.set(line)
    try:
        yield line
    finally:
        _line.reset(token)


def write_line_after(task: asyncio.Task[None]) -> None:
    """The line of the request under way waits for `task`, which ends by itself and soon."""
    line = _line.get()
    if line is not None:
        line.unfinished.append(task)


def note(**fields: object) -> None:
    """Add fields to the line of the request under way."""
    line = _line.get()
    if line is not None:
        line.update(fields)


def configure(*, level: str, log_format: LogFormat, secrets: Iterable[str] = ()) -> None:
    """Send structlog and the standard library's loggers to stderr in one format, without `secrets`."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(serializer=_to_json)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    # The whole line, so that nothing can hide in a field, an exception or a third party's message.
    redact = Redactor(secrets)
    numeric_level = getattr(logging, level.upper())
    structlog.configure(
        processors=[*shared, renderer, redact],
        wrapper_class=structlog.make_filtering_bound_logger(numeric_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
                redact,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Below warning, libraries log what they send and get: requests, headers, bodies, bound parameters.
    root.setLevel(max(numeric_level, logging.WARNING))
    logging.getLogger("uvicorn").setLevel(numeric_level)
    # One line a request is written by the service itself.
    logging.getLogger("uvicorn.access").disabled = True


def _to_json(value: object, **_: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
