"""Anthropic's Messages API, as its SDK's types describe it."""

from itertools import count
from typing import Any

import msgspec

from tests.simulator.answers import THINKING, Answer, Ask, Schema, pieces_of
from tests.simulator.anthropic_rules import check
from tests.simulator.behaviours import Status, ToolCall
from tests.simulator.exchange import Header
from tests.simulator.tokens import count_input_tokens, split_words
from tests.simulator.wire import Events, Refused, json_object

ORGANIZATION = "org_simulator"
SIGNATURE = "c2lnbmVkLWJ5LXRoZS1zaW11bGF0b3I="

_FINISH = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ERRORS = {
    400: ("invalid_request_error", "Invalid request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use this resource."),
    404: ("not_found_error", "Not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    504: ("timeout_error", "The request timed out while processing."),
    529: ("overloaded_error", "Overloaded"),
}
_DEFAULT_ERROR = ("api_error", "Internal server error")

_encode = msgspec.json.Encoder().encode
_numbers = count(1)

_MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_PING = b'event: ping\ndata: {"type": "ping"}\n\n'
_TEXT_START = (
    b"event: content_block_start\n"
    b'data: {"type":"content_block_start","index":%d,"content_block":{"type":"text","text":""}}\n\n'
)
_TEXT_DELTA = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":'
)
_BLOCK_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'


class AnthropicMessages:
    """`POST /v1/messages`."""

    keep_alive = _PING

    def headers(self, number: int) -> list[Header]:
        return [
            (b"request-id", b"req_sim%012d" % number),
            (b"anthropic-organization-id", ORGANIZATION.encode()),
        ]

    def read(self, headers: dict[bytes, bytes], body: bytes) -> tuple[dict[str, Any], Ask]:
        """The request, checked as far as the vendor's edge checks it; raises `Refused`."""
        return self.read_message(body, version=self.check_headers(headers))

    @staticmethod
    def check_headers(headers: dict[bytes, bytes]) -> str:
        """The API version that is asked for; raises `Refused`."""
        if not headers.get(b"x-api-key") and not headers.get(b"authorization"):
            # the API takes either, and SDK 2.12 sends its API key as a bearer token
            raise Refused(Status(401, message="x-api-key header is required"))
        version = headers.get(b"anthropic-version")
        if not version:
            raise Refused(Status(400, message="anthropic-version: header is required"))
        return version.decode("latin-1")

    @staticmethod
    def read_message(body: bytes, *, version: str) -> tuple[dict[str, Any], Ask]:
        """What one message asks for; raises `Refused`."""
        request = json_object(body)
        check(request, version)
        output = request.get("output_config") or {}
        ask = Ask(
            model=request["model"],
            stream=bool(request.get("stream")),
            text=_text(request["messages"][-1].get("content")),
            input_tokens=count_input_tokens(request),
            max_tokens=request["max_tokens"],
            stop=request.get("stop_sequences") or [],
            forced_tool=_forced_tool(request) if request.get("tool_choice") else None,
            output_schema=(output.get("format") or {}).get("schema"),
            thinking=_thinking(request.get("thinking") or {}),
        )
        return request, ask

    def plain(self, answer: Answer, request: dict[str, Any]) -> bytes:
        message = _message(answer)
        content: list[dict[str, Any]] = message["content"]
        if answer.thinking is not None:
            content.append(
                {"type": "thinking", "thinking": answer.thinking, "signature": SIGNATURE}
            )
        if answer.words:
            content.append({"type": "text", "text": answer.text})
        content += [_tool_use(call, _parsed(call.arguments)) for call in answer.tool_calls]
        message |= _ending(answer)
        message["usage"] = _usage(answer, answer.output_tokens)
        return _encode(message)

    def events(self, answer: Answer) -> Events:
        message = _message(answer) | {"usage": _usage(answer, 1)}
        events = [_event("message_start", {"type": "message_start", "message": message})]
        index = 0
        if answer.thinking is not None:
            opening = {"type": "thinking", "thinking": "", "signature": ""}
            pieces = split_words(answer.thinking)
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
            deltas.append({"type": "signature_delta", "signature": SIGNATURE})
            events += _block(index, opening, deltas)
            index += 1
        if answer.words:
            head = _TEXT_DELTA % index
            events.append(_TEXT_START % index)
            events += [head + _encode(word) + b"}}\n\n" for word in answer.words]
            events.append(_BLOCK_STOP % index)
            index += 1
        for call in answer.tool_calls:
            pieces = ["", *pieces_of(call.arguments)]
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            events += _block(index, _tool_use(call, {}), deltas)
            index += 1
        if index:
            events.insert(2, _PING)
        usage = _usage(answer, answer.output_tokens)
        usage.pop("cache_creation", None)
        usage.pop("service_tier", None)
        ending = {"type": "message_delta", "delta": _ending(answer), "usage": usage}
        events.append(_event("message_delta", ending))
        events.append(_MESSAGE_STOP)
        return Events(events, lead=3 if index else 1, tail=3 if index else 2)

    def error(self, status: Status, number: int) -> bytes:
        kind, message = _ERRORS.get(status.code, _DEFAULT_ERROR)
        code = status.error_code
        return _encode(
            {
                "type": "error",
                "error": {
                    "details": None if code is None else {"error_code": code},
                    "type": status.error_type or kind,
                    "message": status.message or message,
                },
                "request_id": f"req_sim{number:012d}",
            }
        )

    def error_event(self, error_type: str | None, message: str, code: str | None) -> bytes:
        details = None if code is None else {"error_code": code}
        error = {"details": details, "type": error_type or "overloaded_error", "message": message}
        return _event("error", {"type": "error", "error": error})

    def frame(self, data: bytes) -> bytes:
        """Any data as an event of this stream."""
        return b"event: content_block_delta\ndata: " + data + b"\n\n"


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _encode(data) + b"\n\n"


def _block(index: int, opening: dict[str, Any], deltas: list[dict[str, Any]]) -> list[bytes]:
    start = {"type": "content_block_start", "index": index, "content_block": opening}
    return [
        _event("content_block_start", start),
        *(
            _event(
                "content_block_delta",
                {"type": "content_block_delta", "index": index, "delta": delta},
            )
            for delta in deltas
        ),
        _BLOCK_STOP % index,
    ]


def _tool_use(call: ToolCall, arguments: dict[str, Any]) -> dict[str, Any]:
    number = call.id or f"toolu_sim{next(_numbers):012d}"
    return {"type": "tool_use", "id": number, "name": call.name, "input": arguments}


def _message(answer: Answer) -> dict[str, Any]:
    return {
        "model": answer.model,
        "id": f"msg_sim{next(_numbers):012d}",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
    }


def _ending(answer: Answer) -> dict[str, Any]:
    refused = answer.refusal is not None
    details = {"type": "refusal", "category": None, "explanation": answer.refusal}
    return {
        "stop_reason": _FINISH.get(answer.finish, answer.finish),
        "stop_sequence": answer.stop_sequence,
        "stop_details": details if refused else None,
    }


def _usage(answer: Answer, output_tokens: int) -> dict[str, Any]:
    """Anthropic counts cached input beside `input_tokens`, not in it."""
    if not answer.with_usage:
        return {"input_tokens": 0, "output_tokens": 0}
    read, written = answer.cache_read_tokens, answer.cache_write_tokens
    usage: dict[str, Any] = {
        "input_tokens": answer.input_tokens - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
    if answer.reasoning_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": answer.reasoning_tokens}
    return usage


def _text(content: Any) -> str:
    """The text of a message; where it has none, that of its tool results."""
    if isinstance(content, str):
        return content
    parts = content or []
    texts = [part["text"] for part in parts if part.get("type") == "text"]
    if not texts:
        texts = [_text(part.get("content")) for part in parts if part["type"] == "tool_result"]
    return " ".join(texts)


def _thinking(config: dict[str, Any]) -> str | None:
    """What is shown of the thinking asked for; "" where it is omitted, as adaptive does by itself.

    (Default of `display`: models since 4.7 omit, and those take no budget.)
    """
    kind = config.get("type")
    if kind not in ("enabled", "adaptive"):
        return None
    default = "summarized" if kind == "enabled" else "omitted"
    return THINKING if config.get("display", default) == "summarized" else ""


def _forced_tool(request: dict[str, Any]) -> tuple[str, Schema] | None:
    choice, tools = request["tool_choice"], request.get("tools") or []
    name = choice.get("name") if choice["type"] == "tool" else None
    if not tools or choice["type"] not in ("any", "tool"):
        return None
    tool = next((tool for tool in tools if tool["name"] == name), tools[0])
    return tool["name"], tool.get("input_schema") or {}


def _parsed(arguments: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}
