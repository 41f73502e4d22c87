"""From the bytes of a stream to its events, and to the whole that they say together. No I/O."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from ai_service_sdk._failures import event_error
from ai_service_sdk._model import Model, each
from ai_service_sdk._operations import Answer, Operation
from ai_service_sdk._sse import EventDecoder
from ai_service_sdk.errors import StreamInterruptedError

CUT = "The stream ended without its last event: what came is not the whole answer"


class FunctionCall(Model):
    """What a model wants to be called."""

    name: str
    arguments: str
    """JSON text, as the model wrote it."""


class ToolCall(Model):
    """A tool call of a streamed answer, put together: it may go into the next `messages` as it is."""

    id: str
    type: str
    function: FunctionCall


ToolCall._converters = {"function": FunctionCall._read}


class Whole(Model):
    """What the events of a stream say together; what is neither text nor a tool call, by its own name."""

    text: str
    """The text of all `token` events."""
    tool_calls: list[ToolCall]
    """The tool calls, put together; empty if there are none."""


@dataclass(slots=True)
class _ToolCallPieces:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class EventReader(Generic[Answer]):
    """Reads one stream. `result_type` is what its `done` event becomes."""

    def __init__(self, operation: Operation[Answer], result_type: type[Model]) -> None:
        self._convert = operation.convert
        self._result_type = result_type
        self._decoder = EventDecoder()
        self._text: list[str] = []
        self._tool_calls: dict[int, _ToolCallPieces] = {}
        self._beside: dict[str, Any] = {}
        self.result: Model | None = None
        """The whole, once the `done` event has come."""

    def feed(self, piece: bytes) -> Iterator[Answer]:
        """The events that `piece` completes. Raises the `APIError` that an `error` event tells."""
        for data in self._decoder.feed(piece):
            event = _object(data)
            kind = event.get("type")
            converted = self._convert(event)
            if kind == "token":
                self._text.append(str(event.get("content", "")))
            elif kind == "tool_call":
                self._take_tool_call(event)
            elif kind == "error":
                raise event_error(event)
            elif kind == "done":
                self.result = self._result_of(event)
            else:
                self._beside |= {name: converted[name] for name in converted if name != "type"}
            yield converted
            if self.result is not None:
                return

    def check_end(self) -> None:
        """The body has ended. Raises `StreamInterruptedError` if it should not have."""
        if self.result is None:
            raise StreamInterruptedError(CUT)

    def _take_tool_call(self, event: Mapping[str, Any]) -> None:
        pieces = self._tool_calls.setdefault(event.get("index", 0), _ToolCallPieces())
        pieces.id = event.get("id") or pieces.id
        pieces.name = event.get("name") or pieces.name
        pieces.arguments.append(event.get("arguments") or "")

    def _result_of(self, done: Mapping[str, Any]) -> Model:
        calls = [
            {
                "id": pieces.id,
                "type": "function",
                "function": {"name": pieces.name, "arguments": "".join(pieces.arguments)},
            }
            for _, pieces in sorted(self._tool_calls.items())
        ]
        whole = {"text": "".join(self._text), "tool_calls": each(ToolCall._read)(calls)}
        return self._result_type(done)._with(**(self._beside | whole))


def _object(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise StreamInterruptedError("The stream held something that is no event")
    return event
