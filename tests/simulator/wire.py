"""What the app needs of a vendor's format."""

from typing import Any, NamedTuple, Protocol

import msgspec

from tests.simulator.answers import Answer, Ask
from tests.simulator.behaviours import Status
from tests.simulator.exchange import Header

NO_ASK = Ask(model="", stream=False, text="", input_tokens=0)
"""Of a call that asks no model."""


class Events(NamedTuple):
    """A whole stream, and how many of its events go before the first and after the last delta."""

    frames: list[bytes]
    lead: int
    tail: int


class Refused(Exception):
    """The vendor's edge turns the request away."""

    def __init__(self, status: Status, request: Any = None) -> None:
        super().__init__(status.message)
        self.status = status
        self.request = request


class Wire(Protocol):
    """One endpoint's format: requests in, answers, streams and errors out."""

    @property
    def keep_alive(self) -> bytes:
        """What a stream sends to show that it lives."""
        ...

    def headers(self, number: int) -> list[Header]:
        """The vendor's own headers, on every answer, for the number of the request."""
        ...

    def read(self, headers: dict[bytes, bytes], body: bytes) -> tuple[dict[str, Any], Ask]:
        """The parsed request and what it wants; raises `Refused`."""
        ...

    def plain(self, answer: Answer, request: dict[str, Any]) -> bytes:
        """A whole answer."""
        ...

    def events(self, answer: Answer) -> Events:
        """The same as a stream."""
        ...

    def error(self, status: Status, number: int) -> bytes:
        """The body of an error status."""
        ...

    def error_event(self, error_type: str | None, message: str, code: str | None) -> bytes:
        """An error in the middle of a stream."""
        ...

    def frame(self, data: bytes) -> bytes:
        """Any data, well or badly formed, as an event of the stream."""
        ...


def json_object(body: bytes) -> dict[str, Any]:
    """The request's JSON; raises `Refused` as the vendors do for what is none."""
    try:
        request = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Refused(Status(400, message=f"The request body is not valid JSON: {error}")) from None
    if not isinstance(request, dict):
        raise Refused(Status(400, message="The request body is not a JSON object"), request)
    return request
