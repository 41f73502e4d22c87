"""Request bodies: JSON, read strictly and within bounds.

FastAPI's own reading answers NaN, lone surrogates and very deep JSON with a 500 and reads a body of
any size. Here each is a 400, a 413 or a 415 before validation starts.
"""

import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.exceptions import HTTPException

from service.core.errors import (
    InvalidRequest,
    PayloadTooLarge,
    ServiceError,
    Unavailable,
    UnsupportedMediaType,
)
from service.web.validation import invalid_request

MAX_JSON_DEPTH = 64
_RETRY_AFTER_SECONDS = 30.0
# Only an exponent or a very long run of digits can make a JSON number overflow to infinity.
_MAY_OVERFLOW = re.compile(rb"[0-9][eE]|[0-9]{300}")


class UnusableBody(HTTPException):
    """Carries a `ServiceError` through FastAPI, which rewraps everything but its own exceptions."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__(status_code=400)
        self.error = error


class StrictRequest(Request):
    """A request whose body is bounded and whose JSON is strict."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            try:
                self._body = await read_within(self, self.app.state.max_body_bytes)
            except PayloadTooLarge as too_large:
                raise UnusableBody(too_large) from too_large
            if self._body:
                self._check_content_type()
        return self._body

    async def json(self) -> Any:
        return parse_json(await self.body())

    def _check_content_type(self) -> None:
        if self.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise UnusableBody(UnsupportedMediaType("Send the body without a content encoding"))
        media_type = _media_type(self)
        if media_type != "application/json" and not (
            media_type.startswith("application/") and media_type.endswith("+json")
        ):
            raise UnusableBody(UnsupportedMediaType("Send the body as application/json"))


class UploadRequest(StrictRequest):
    """A request whose body is a form with a file, bounded by a limit of its own; it goes to disk."""

    async def stream(self) -> AsyncGenerator[bytes]:
        limit_bytes = self.app.state.max_upload_bytes
        try:
            async for piece in _within(self, super().stream(), limit_bytes):
                yield piece
        except PayloadTooLarge as too_large:
            raise UnusableBody(too_large) from too_large


class StrictRoute(APIRoute):
    """A route that reads its body as a `StrictRequest` and says where in it a mistake is."""

    request_class: type[StrictRequest] = StrictRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        body_type = self.body_field.field_info.annotation if self.body_field else None

        async def strict_handler(request: Request) -> Response:
            try:
                return await handler(self.request_class(request.scope, request.receive))
            except RequestValidationError as error:
                raise invalid_request(error, body_type) from error

        return strict_handler


class UploadRoute(StrictRoute):
    """A route that takes a file."""

    request_class = UploadRequest

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def upload_handler(request: Request) -> Response:
            if _media_type(request) != "multipart/form-data":
                raise UnsupportedMediaType("Send the body as multipart/form-data")
            try:
                return await handler(request)
            except UnusableBody:
                raise
            except HTTPException as unread:  # Starlette's reason, which quotes nothing of the body
                if isinstance(unread.__cause__, OSError):
                    raise Unavailable(
                        "Uploads cannot be kept now", retry_after_seconds=_RETRY_AFTER_SECONDS
                    ) from unread
                raise InvalidRequest(
                    f"The body is not a form that can be read: {unread.detail}"
                ) from unread

        return upload_handler


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_within(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises `PayloadTooLarge`, at once where the declared length is over the limit."""
    return b"".join([piece async for piece in _within(request, request.stream(), limit_bytes)])


async def _within(
    request: Request, pieces: AsyncGenerator[bytes], limit_bytes: int
) -> AsyncGenerator[bytes]:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise PayloadTooLarge(limit_bytes=limit_bytes)
    size = 0
    async with aclosing(pieces):
        async for piece in pieces:
            size += len(piece)
            if size > limit_bytes:
                raise PayloadTooLarge(limit_bytes=limit_bytes)
            yield piece


def parse_json(body: bytes, *, what: str = "The body") -> Any:
    """The value of a JSON body. Raises `UnusableBody` on anything that is not plain, finite JSON, and calls
    it `what`."""
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as broken:
        raise UnusableBody(InvalidRequest(f"{what} is not valid JSON")) from broken
    # No JSON can nest deeper than it has opening brackets: most bodies need no walk.
    if body.count(b"{") + body.count(b"[") > MAX_JSON_DEPTH and _depth(value) > MAX_JSON_DEPTH:
        raise UnusableBody(
            InvalidRequest(f"{what} is nested more than {MAX_JSON_DEPTH} levels deep")
        )
    if _MAY_OVERFLOW.search(body) and _has_infinity(value):
        raise UnusableBody(InvalidRequest(f"{what} holds a number that is out of range"))
    return value


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _depth(value: Any) -> int:
    """How many objects and arrays are inside one another."""
    depth = 0
    level = [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        level = [child for parent in level for child in _children(parent)]
        depth += 1
    return depth


def _has_infinity(value: Any) -> bool:
    open_values = [value]
    while open_values:
        current = open_values.pop()
        if isinstance(current, float) and current in (float("inf"), float("-inf")):
            return True
        open_values.extend(_children(current))
    return False
