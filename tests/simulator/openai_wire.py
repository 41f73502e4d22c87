"""OpenAI's chat completions, as its SDK's types describe them, and what its endpoints share."""

import re
import time
from itertools import count
from typing import Any

import msgspec

from tests.simulator.answers import Answer, Ask, Schema, pieces_of
from tests.simulator.behaviours import Status
from tests.simulator.exchange import Header
from tests.simulator.tokens import count_input_tokens, split_words
from tests.simulator.wire import Events, Refused, json_object

_FINISH = {
    "stop_sequence": "stop",
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "stop",
}
_ERRORS = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Not supported."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    503: ("server_error", None, "The server is overloaded or not ready yet."),
}
_DEFAULT_ERROR = ("server_error", None, "The server had an error while processing your request.")
_LIMITS: list[Header] = [
    (b"openai-processing-ms", b"1"),
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-limit-tokens", b"10000000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-remaining-tokens", b"9999000"),
    (b"x-ratelimit-reset-requests", b"6ms"),
    (b"x-ratelimit-reset-tokens", b"6ms"),
]

_encode = msgspec.json.Encoder().encode
_numbers = count(1)
_REASONS = re.compile(r"o\d|gpt-[5-9]")
_NO_MAX_TOKENS = Status(
    400,
    message="Unsupported parameter: 'max_tokens' is not supported with this model. "
    "Use 'max_completion_tokens' instead.",
    param="max_tokens",
    error_code="unsupported_parameter",
)
_DONE = b"data: [DONE]\n\n"


class OpenAIWire:
    """What chat and embeddings share: headers, key check and errors."""

    keep_alive = b": keep-alive\n\n"

    def headers(self, number: int) -> list[Header]:
        return [(b"x-request-id", b"req_sim%012d" % number), *_LIMITS]

    def error(self, status: Status, number: int) -> bytes:
        kind, code, message = _ERRORS.get(status.code, _DEFAULT_ERROR)
        return _encode(
            {
                "error": {
                    "message": status.message or message,
                    "type": status.error_type or kind,
                    "param": status.param,
                    "code": status.error_code or code,
                }
            }
        )

    def error_event(self, error_type: str | None, message: str, code: str | None) -> bytes:
        kind = error_type or "server_error"
        error = {"message": message, "type": kind, "param": None, "code": code}
        return self.frame(_encode({"error": error}))

    def frame(self, data: bytes) -> bytes:
        """Any data as an event of this stream."""
        return b"data: " + data + b"\n\n"


def check_key(headers: dict[bytes, bytes]) -> None:
    """Raises `Refused` where there is no key."""
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not key.strip():
        message = "You didn't provide an API key."
        raise Refused(Status(401, message=message, error_code="invalid_api_key"))


def checked_request(headers: dict[bytes, bytes], body: bytes, required: str) -> dict[str, Any]:
    """The request, checked as far as the vendor's edge checks it; raises `Refused`."""
    check_key(headers)
    request = json_object(body)
    for name in ("model", required):
        if not request.get(name):
            message = f"Missing required parameter: '{name}'."
            code = "missing_required_parameter"
            raise Refused(Status(400, message=message, param=name, error_code=code), request)
    return request


class OpenAIChat(OpenAIWire):
    """`POST /v1/chat/completions`, of OpenAI itself or of a compatible server.

    A compatible server shows its reasoning as `reasoning_content`, as DeepSeek and vLLM do, where
    OpenAI only counts it; and it takes `max_tokens` for every model.
    """

    def __init__(self, *, compatible: bool = False) -> None:
        self._compatible = compatible

    def read(self, headers: dict[bytes, bytes], body: bytes) -> tuple[dict[str, Any], Ask]:
        request = checked_request(headers, body, "messages")
        if "max_tokens" in request and _REASONS.match(request["model"]) and not self._compatible:
            raise Refused(_NO_MAX_TOKENS, request)
        stop = request.get("stop") or []
        stream = bool(request.get("stream"))
        options = request.get("stream_options") or {}
        ask = Ask(
            model=request["model"],
            stream=stream,
            text=_text(request["messages"][-1].get("content")),
            input_tokens=count_input_tokens(request),
            max_tokens=request.get("max_completion_tokens") or request.get("max_tokens"),
            stop=[stop] if isinstance(stop, str) else stop,
            forced_tool=_forced_tool(request) if request.get("tool_choice") else None,
            output_schema=_output_schema(request.get("response_format") or {}),
            wants_usage=not stream or bool(options.get("include_usage")),
        )
        return request, ask

    def plain(self, answer: Answer, request: dict[str, Any]) -> bytes:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.text if answer.words else None,
            "refusal": answer.refusal,
            "annotations": [],
        }
        if answer.thinking and self._compatible:
            message["reasoning_content"] = answer.thinking
        if answer.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.id or f"call_sim{next(_numbers):012d}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in answer.tool_calls
            ]
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": _FINISH.get(answer.finish, answer.finish),
        }
        completion = {
            "id": f"chatcmpl-sim{next(_numbers):012d}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": answer.model,
            "choices": [choice],
            "service_tier": "default",
            "system_fingerprint": "fp_simulator",
        }
        if answer.with_usage:
            completion["usage"] = _usage(answer)
        return _encode(completion)

    def events(self, answer: Answer) -> Events:
        head = (
            b'data: {"id":"chatcmpl-sim%012d","object":"chat.completion.chunk","created":%d,'
            b'"model":%s,"service_tier":"default","system_fingerprint":"fp_simulator",'
            % (next(_numbers), time.time(), _encode(answer.model))
        )
        delta = head + b'"choices":[{"index":0,"delta":'
        usage = b'"usage":null,' if answer.with_usage else b""
        tail = b',"logprobs":null,"finish_reason":null}],' + usage
        tail = tail.rstrip(b",") + b"}\n\n"
        content = "" if answer.words else None
        role = {"role": "assistant", "content": content, "refusal": None}
        frames = [delta + _encode(role) + tail]
        if answer.thinking and self._compatible:
            pieces = split_words(answer.thinking)
            frames += [delta + _encode({"reasoning_content": piece}) + tail for piece in pieces]
        text, text_tail = delta + b'{"content":', b"}" + tail
        frames += [text + _encode(word) + text_tail for word in answer.words]
        if answer.refusal is not None:
            pieces = split_words(answer.refusal)
            frames += [delta + _encode({"refusal": piece}) + tail for piece in pieces]
        frames += [delta + _encode(each) + tail for each in _tool_deltas(answer)]
        finish = _FINISH.get(answer.finish, answer.finish)
        ending = b'{},"logprobs":null,"finish_reason":' + _encode(finish) + b"}]"
        if answer.with_usage:
            frames.append(delta + ending + b',"usage":null}\n\n')
            frames.append(head + b'"choices":[],"usage":' + _encode(_usage(answer)) + b"}\n\n")
        else:
            frames.append(delta + ending + b"}\n\n")
        frames.append(_DONE)
        return Events(frames, lead=1, tail=3 if answer.with_usage else 2)


def _tool_deltas(answer: Answer) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = []
    for index, call in enumerate(answer.tool_calls):
        opening = {
            "index": index,
            "id": call.id or f"call_sim{next(_numbers):012d}",
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        pieces = [{"arguments": piece} for piece in pieces_of(call.arguments)]
        deltas.append(opening)
        deltas += [{"index": index, "function": piece} for piece in pieces]
    return [{"tool_calls": [delta]} for delta in deltas]


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": answer.cache_read_tokens,
            "cache_write_tokens": answer.cache_write_tokens,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": answer.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    return " ".join(part["text"] for part in content if part["type"] == "text")


def _forced_tool(request: dict[str, Any]) -> tuple[str, Schema] | None:
    choice, tools = request["tool_choice"], request.get("tools") or []
    name = None
    if isinstance(choice, dict):
        if choice["type"] == "allowed_tools":
            allowed = choice["allowed_tools"]
            if allowed["mode"] == "required":
                name = allowed["tools"][0]["function"]["name"]
        else:
            name = choice["function"]["name"]
    elif choice == "required" and tools:
        name = tools[0]["function"]["name"]
    for tool in tools:
        if tool["function"]["name"] == name:
            return name, tool["function"].get("parameters") or {}
    return None


def _output_schema(response_format: dict[str, Any]) -> Schema | None:
    if response_format.get("type") == "json_schema":
        return response_format["json_schema"].get("schema") or {}
    if response_format.get("type") == "json_object":
        return {"type": "object", "properties": {"city": {"type": "string"}}}
    return None
