"""What the generated methods say of an operation, and what callers may say of a single call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, final

import httpx2

from ai_service_sdk._model import Converter
from ai_service_sdk.errors import APIError

Answer = TypeVar("Answer")


@final
class Omit:
    """The type of `OMIT`: an argument that was not given is not sent, so that the service's default holds."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "OMIT"


OMIT: Final = Omit()
"""Not given. It is not None: some fields mean something by null."""


@dataclass(frozen=True, slots=True)
class Operation(Generic[Answer]):
    """One operation of the API. `convert` reads the decoded answer."""

    method: str
    path: str
    convert: Converter
    media_type: str = "application/json"
    """Of the answer; empty if there is none."""
    next_page_header: str = ""
    """Of JSON Lines that come in pages: what tells how to ask for the next one."""
    takes_idempotency_key: bool = False

    @property
    def may_be_repeated(self) -> bool:
        """Whether doing it twice is the same as doing it once."""
        return self.method != "POST" or self.takes_idempotency_key

    def decode(self, response: httpx2.Response) -> Answer:
        """The answer. Raises `APIError` if it is not of the type that it should be."""
        return self.convert(self._decoded(response))  # type: ignore[no-any-return]

    def _decoded(self, response: httpx2.Response) -> Any:
        if not self.media_type:
            return None
        if self.media_type.startswith("text/"):
            return response.text
        if "json" not in self.media_type:
            return response.content
        try:
            if self.media_type in JSON_LINES:
                lines = [json.loads(line) for line in response.content.splitlines() if line]
                if not self.next_page_header:
                    return lines
                return {"data": lines, "next_cursor": response.headers.get(self.next_page_header)}
            return json.loads(response.content)
        except ValueError as error:
            raise APIError(
                "The answer is not JSON: is this the service's URL?",
                status=response.status_code,
                request_id=response.headers.get("x-request-id"),
                body=response.text,
            ) from error


JSON_LINES = frozenset({"application/jsonl", "application/x-ndjson"})
"""Media types of one JSON text a line."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What a caller may say of one call."""

    timeout: float | Omit | None = OMIT
    """Seconds for one attempt; None: no limit."""
    max_retries: int | Omit = OMIT
    extra_headers: Mapping[str, str] | None = None
    idempotency_key: str | None = None


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was not given."""
    return {name: value for name, value in values.items() if value is not OMIT}
