"""The readers of both dialects' answers, on bytes that no good server sends."""

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.providers.anthropic_answer import MessageStream, read_message
from service.adapters.providers.failures import Failures
from service.adapters.providers.openai_answer import ChatStream, read_completion
from service.adapters.providers.openai_embeddings import read_embeddings
from service.adapters.providers.sse import SseDecoder
from service.adapters.providers.wire import StreamedAnswer
from service.core.clock import SystemClock
from service.core.messages import (
    CompletionRequest,
    EmbeddingRequest,
    Message,
    StreamEnd,
    StreamEvent,
    ToolCallDelta,
    UsageReport,
)
from service.inference.ports import CompletionCall, EmbeddingCall, FailureKind, ProviderFailure
from service.inference.profiles import ModelProfile

FAILURES = Failures(api_key="sk-test-0123456789", clock=SystemClock())
CALL = CompletionCall(
    request=CompletionRequest(
        model="alias", messages=(Message(role="user", content="hi"),), max_tokens=10
    ),
    model="model-1",
    profile=ModelProfile(),
)
EMBEDDING = EmbeddingCall(request=EmbeddingRequest(model="e", inputs=("a", "b")), model="e-1")

Stream = Callable[[], StreamedAnswer]


def claude() -> StreamedAnswer:
    return MessageStream(CALL, FAILURES)


def gpt() -> StreamedAnswer:
    return ChatStream(CALL, FAILURES)


def events_of(answer: StreamedAnswer, *data: str | dict[str, Any]) -> list[StreamEvent]:
    """What the answer makes of these events."""
    events: list[StreamEvent] = []
    for each in data:
        answer.take(each.encode() if isinstance(each, str) else msgspec.json.encode(each), events)
    return events


NAMES = [
    *("type", "index", "delta", "content_block", "message", "usage", "error", "text", "id"),
    *("name", "input", "thinking", "signature", "data", "model", "content", "stop_reason"),
    *("partial_json", "input_tokens", "output_tokens", "choices", "finish_reason", "refusal"),
    *("tool_calls", "function", "arguments", "prompt_tokens", "completion_tokens", "embedding"),
    *("prompt_tokens_details", "cached_tokens", "code", "details", "error_code", "message"),
]
WORDS = [
    *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
    *("message_delta", "message_stop", "error", "ping", "text", "tool_use", "thinking"),
    *("text_delta", "input_json_delta", "thinking_delta", "signature_delta", "stop", "400"),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(max_size=5),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=8).flatmap(
    lambda fields: st.sampled_from(WORDS).map(lambda word: {"type": word} | fields)
)
bodies = st.one_of(
    st.binary(max_size=200),
    objects.map(msgspec.json.encode),
    values.map(msgspec.json.encode),
    st.integers(1, 3).map(lambda n: b'{"error":' + b"[" * 5_000 * n),
)


@pytest.mark.parametrize("stream", [claude, gpt])
@settings(deadline=None, max_examples=300)
@given(bodies=st.lists(bodies, max_size=6))
def test_no_event_raises_anything_but_a_failure(stream: Stream, bodies: list[bytes]) -> None:
    answer = stream()
    events: list[StreamEvent] = []
    try:
        for body in bodies:
            answer.take(body, events)
            assert not answer.is_whole or isinstance(events[-1], StreamEnd)
    except ProviderFailure:
        pass


@pytest.mark.parametrize("stream", [claude, gpt])
@settings(deadline=None)
@given(chunks=st.lists(st.binary(max_size=50)))
def test_no_bytes_raise_anything_but_a_failure(stream: Stream, chunks: list[bytes]) -> None:
    answer, decoder = stream(), SseDecoder()
    try:
        for chunk in chunks:
            for data in decoder.feed(chunk):
                answer.take(data, [])
        for data in decoder.finish():
            answer.take(data, [])
    except ProviderFailure:
        pass
    assert not answer.is_whole


@settings(deadline=None, max_examples=300)
@given(body=bodies)
def test_no_body_raises_anything_but_a_failure(body: bytes) -> None:
    assert FAILURES.of_status(400, {}, body).reason
    for read in (read_message, read_completion):
        with contextlib.suppress(ProviderFailure):
            read(body, CALL, FAILURES)
    with contextlib.suppress(ProviderFailure):
        read_embeddings(body, EMBEDDING, FAILURES)


START = {
    "type": "message_start",
    "message": {
        "model": "claude",
        "content": [],
        "usage": {"input_tokens": 5, "output_tokens": 1},
    },
}
ENDING = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": None}
STOP = {"type": "message_stop"}


def chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (claude, [STOP]),
        (claude, [START, STOP]),
        (claude, [ENDING, STOP]),
        (claude, [START, {"type": "content_block_delta", "index": 0}]),
        (claude, [{"type": "message_start"}]),
        (claude, [{"type": "content_block_start", "index": 0}]),
        (claude, [{"type": "message_delta"}]),
        (
            claude,
            [
                START,
                {"type": "message_delta", "delta": {}, "usage": {"output_tokens": -1}},
            ],
        ),
        (claude, ["[DONE]"]),
        (gpt, ["[DONE]"]),
        (gpt, [chunk(content="a"), "[DONE]"]),
        (gpt, [{"model": "m"}]),
        (gpt, [chunk(content=1)]),
        (gpt, [{"choices": [], "usage": {"prompt_tokens": -5}}]),
    ],
)
def test_answer_outside_the_dialect_is_malformed(
    stream: Stream, events: list[str | dict[str, Any]]
) -> None:
    with pytest.raises(ProviderFailure) as failure:
        events_of(stream(), *events)
    assert failure.value.kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (claude, [START, {"type": "something_new", "index": 0}, ENDING, STOP]),
        (
            claude,
            [
                START,
                {
                    "type": "content_block_start",
                    "index": 0,
                    "content_block": {"type": "server_tool_use", "id": "s", "input": {}},
                },
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "input_json_delta", "partial_json": "{"},
                },
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "citations_delta", "citation": {}},
                },
                {"type": "content_block_stop", "index": 0},
                ENDING,
                STOP,
            ],
        ),
        (gpt, [chunk(role="assistant", content=""), chunk("stop"), "[DONE]"]),
        (gpt, [{"choices": [], "prompt_filter_results": []}, chunk("stop"), "[DONE]"]),
    ],
)
def test_what_a_vendor_adds_to_its_dialect_is_passed_over(
    stream: Stream, events: list[str | dict[str, Any]]
) -> None:
    answer = stream()
    made = events_of(answer, *events)
    assert answer.is_whole
    assert isinstance(made[-1], StreamEnd)
    assert made[-1].finish_reason == "stop"
    assert not any(isinstance(event, ToolCallDelta) for event in made)


def test_tool_calls_without_indexes_or_ids_are_told_apart() -> None:
    first = {"function": {"name": "a", "arguments": "{"}, "id": "1"}
    more = {"function": {"arguments": "}"}}
    second = {"function": {"name": "b", "arguments": "{}"}, "id": "2"}
    made = events_of(
        gpt(),
        chunk(tool_calls=[first]),
        chunk(tool_calls=[more]),
        chunk(tool_calls=[second]),
        chunk("stop"),
        "[DONE]",
    )
    assert made[:3] == [
        ToolCallDelta(0, "{", id="1", name="a"),
        ToolCallDelta(0, "}"),
        ToolCallDelta(1, "{}", id="2", name="b"),
    ]
    made = events_of(gpt(), chunk(tool_calls=[{"index": 3, "function": {"name": "a"}}]))
    assert made == [ToolCallDelta(0, "", id="call_0", name="a")]


def test_id_that_a_server_repeats_is_told_once() -> None:
    piece = {"index": 0, "id": "1", "function": {"name": "a", "arguments": "{"}}
    made = events_of(gpt(), chunk(tool_calls=[piece]), chunk(tool_calls=[piece]))
    assert made == [ToolCallDelta(0, "{", id="1", name="a"), ToolCallDelta(0, "{")]


def test_anthropic_counts_are_cumulative_and_the_latest_of_each_holds() -> None:
    usage = {"input_tokens": None, "output_tokens": 9, "cache_read_input_tokens": 4}
    *_, end = events_of(claude(), START, ENDING | {"usage": usage}, STOP)
    assert isinstance(end, StreamEnd)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (9, 9)
    assert end.usage.cached_input_tokens == 4


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (claude, [START, ENDING | {"usage": {"output_tokens": 9}}]),
        (gpt, [{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}}]),
    ],
)
def test_final_usage_is_told_before_the_terminal_marker(
    stream: Stream, events: list[str | dict[str, Any]]
) -> None:
    report = events_of(stream(), *events)[-1]
    assert isinstance(report, UsageReport)
    assert (report.usage.input_tokens, report.usage.output_tokens) == (5, 9)


def test_tool_input_that_is_not_utf8_is_malformed() -> None:
    block = b'{"type":"tool_use","id":"t","name":"n","input":{"a":"\xff"}}'
    start = b'{"type":"content_block_start","index":0,"content_block":' + block + b"}"
    body = b'{"model":"m","stop_reason":"tool_use","content":[' + block + b"]}"
    for read in (lambda: claude().take(start, []), lambda: read_message(body, CALL, FAILURES)):
        with pytest.raises(ProviderFailure) as failure:
            read()
        assert failure.value.kind is FailureKind.MALFORMED


def test_thinking_that_was_not_signed_is_not_kept() -> None:
    blocks = [
        {"type": "thinking", "thinking": "a", "signature": ""},
        {"type": "redacted_thinking", "data": "opaque"},
    ]
    starts = [
        {"type": "content_block_start", "index": index, "content_block": block}
        for index, block in enumerate(blocks)
    ]
    *_, end = events_of(claude(), START, *starts, ENDING, STOP)
    assert isinstance(end, StreamEnd)
    assert end.provider_data == {"anthropic": {"blocks": blocks[1:]}}


@pytest.mark.parametrize(
    "data",
    [
        [(0, [1.0])],
        [(0, [1.0]), (0, [1.0])],
        [(0, [1.0]), (2, [1.0])],
        [(0, [1.0]), (1, [])],
        [(0, [1.0]), (1, "AADAfw==")],
        [(0, [1.0]), (1, "AAA=")],
        [(0, [1.0]), (1, "no base64")],
    ],
)
def test_embeddings_that_are_not_one_finite_vector_each_are_malformed(data: Any) -> None:
    listing = [{"index": index, "embedding": vector} for index, vector in data]
    with pytest.raises(ProviderFailure) as failure:
        read_embeddings(msgspec.json.encode({"data": listing}), EMBEDDING, FAILURES)
    assert failure.value.kind is FailureKind.MALFORMED


def test_embeddings_come_in_the_order_of_the_request_in_either_encoding() -> None:
    listing = [{"index": 1, "embedding": [0.5]}, {"index": 0, "embedding": "AACAPw=="}]
    answer = read_embeddings(msgspec.json.encode({"data": listing}), EMBEDDING, FAILURES)
    assert answer.vectors == [[1.0], [0.5]]
    assert answer.provider_model == "e-1"
