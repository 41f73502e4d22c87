"""Answers as they came over the wire."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, cast

import httpx2

from ai_service_sdk._operations import Answer, Operation

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


class RawResponse(Generic[Answer]):
    """An answer with its status, headers and bytes; `parse()` gives what the method would have returned."""

    def __init__(self, response: httpx2.Response, operation: Operation[Answer]) -> None:
        self._operation = operation
        self.http_response = response
        self.status: int = response.status_code
        self.headers: httpx2.Headers = response.headers

    @property
    def request_id(self) -> str | None:
        """The id of the request."""
        return self.headers.get("x-request-id")

    @property
    def content(self) -> bytes:
        """The body."""
        return self.http_response.content

    @property
    def text(self) -> str:
        """The body as text."""
        return self.http_response.text

    def parse(self) -> Answer:
        """The answer. Raises `APIError` if it is not of the type that it should be."""
        return self._operation.decode(self.http_response)


def raw(
    method: Callable[Parameters, Returned],
) -> Callable[Parameters, RawResponse[Returned]]:
    """The type of a method whose transport returns raw responses."""
    return cast(Callable[Parameters, RawResponse[Returned]], method)


def async_raw(
    method: Callable[Parameters, Coroutine[Any, Any, Returned]],
) -> Callable[Parameters, Coroutine[Any, Any, RawResponse[Returned]]]:
    """The type of a method whose transport returns raw responses."""
    return cast(Callable[Parameters, Coroutine[Any, Any, RawResponse[Returned]]], method)
