"""The sandbox's own answers, and the values it makes up for schemas."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.adapters.providers.anthropic_request import messages_body
from service.adapters.providers.sandbox import EMBEDDING_DIMENSIONS, SandboxProvider, lexical_vector
from service.adapters.providers.schema_examples import example_of
from service.core.clock import SystemClock
from service.core.estimates import estimate_tokens
from service.core.messages import CompletionRequest, JsonSchema, Message, TextDelta
from service.inference.ports import CompletionCall, FailureKind, ProviderFailure
from service.inference.profiles import ModelProfile


class RecordingClock(SystemClock):
    """Notes how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def make_call(text: str, **fields: Any) -> CompletionCall:
    request = CompletionRequest(
        model="m", messages=(Message(role="user", content=text),), **{"max_tokens": 500, **fields}
    )
    return CompletionCall(request=request, model="sandbox", profile=ModelProfile())


async def test_words_are_paced_by_the_clock() -> None:
    clock = RecordingClock()
    sandbox = SandboxProvider(clock=clock, word_delay_seconds=0.02)
    lists = [events async for events in sandbox.stream(make_call("hi"))]
    words = [event for events in lists for event in events if isinstance(event, TextDelta)]
    assert clock.slept == [0.02] * len(words)


@pytest.mark.parametrize("max_tokens", [1, 2, 5, 20, 77, 78, 79, 500])
async def test_text_is_never_longer_than_max_tokens(max_tokens: int) -> None:
    answer = await SandboxProvider(clock=SystemClock()).complete(
        make_call("hi", max_tokens=max_tokens)
    )
    assert estimate_tokens(answer.text or "") <= max_tokens
    assert (answer.finish_reason == "length") == (max_tokens < 75)


async def test_long_prompts_are_quoted_in_part() -> None:
    sandbox = SandboxProvider(clock=SystemClock())
    answer = await sandbox.complete(make_call("word " * 10_000))
    assert "…" in (answer.text or "")
    assert len(answer.text or "") < 1_000


def test_lexical_vectors_have_unit_length_and_near_words_near() -> None:
    for text in ("", "!?", "one", "one two two", "日本 🙂"):
        assert len(lexical_vector(text)) == EMBEDDING_DIMENSIONS
        assert math.hypot(*lexical_vector(text)) == pytest.approx(1)
    assert lexical_vector("One, two!") == lexical_vector("two one")


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string"}, "sandbox"),
        ({"type": "string", "minLength": 9}, "sandboxxx"),
        ({"type": "string", "maxLength": 3}, "san"),
        ({"type": "string", "format": "date"}, "2025-01-01"),
        ({"type": ["null", "string"]}, None),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMaximum": 0}, -1),
        ({"type": "integer", "minimum": 5, "multipleOf": 4}, 8),
        ({"type": "number"}, 0),
        ({"type": "number", "exclusiveMinimum": 0}, 0.5),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 7}, 7),
        ({"default": {"a": 1}}, {"a": 1}),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [0, 0]),
        ({"prefixItems": [{"const": 1}, {"const": 2}]}, [1, 2]),
        ({"type": "object", "properties": {"a": {}}}, {}),
        (
            {"properties": {"a": {"type": "null"}}, "required": ["a", "b"]},
            {"a": None, "b": "sandbox"},
        ),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 0),
        (
            {
                "allOf": [
                    {"required": ["a"]},
                    {"required": ["b"], "properties": {"b": {"const": 1}}},
                ]
            },
            {"a": "sandbox", "b": 1},
        ),
        ({"$ref": "#/$defs/A~1B", "$defs": {"A/B": {"const": 1}}}, 1),
        ({"$ref": "https://example.com/schema"}, "sandbox"),
        ({}, "sandbox"),
    ],
)
def test_example_of_a_schema(schema: dict[str, Any], example: object) -> None:
    assert example_of(schema) == example


@pytest.mark.parametrize("children", [["a"], ["a", "b"], list("abcdefgh")])
def test_schema_that_requires_itself_has_an_example_that_ends(children: list[str]) -> None:
    endless = {"properties": {name: {"$ref": "#"} for name in children}, "required": children}
    encoded = msgspec.json.encode(example_of(endless))
    assert encoded.startswith(b'{"a":{"a":{"a":')
    assert len(encoded) < 1_000_000
    for schema in ({"$ref": "#"}, {"anyOf": [{"$ref": "#"}]}, {"allOf": [{"$ref": "#"}] * 3}):
        assert example_of(schema) == "sandbox"
    many = {"type": "array", "minItems": 10**9}
    assert len(example_of({**many, "items": many})) == 10_000


keywords = st.sampled_from(
    [
        *("type", "properties", "required", "items", "prefixItems", "enum", "anyOf", "allOf"),
        *("$ref", "minimum", "multipleOf", "minItems", "minLength", "maxLength", "format"),
    ]
)
junk = st.recursive(
    st.one_of(
        st.none(),
        st.integers(-3, 10**12),
        st.sampled_from(["object", "array", "string", "integer", "number", "#", "#/type"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(keywords, inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(schema=st.dictionaries(keywords, junk, max_size=5))
async def test_schema_that_is_none_is_rejected_and_nothing_worse(schema: dict[str, Any]) -> None:
    call = make_call("hi", json_schema=JsonSchema(name="any", schema=schema))
    try:
        answer = await SandboxProvider(clock=SystemClock()).complete(call)
    except ProviderFailure as failure:
        assert failure.kind is FailureKind.REJECTED  # noqa: PT017 - a success is as good
    else:
        assert answer.text is not None


@pytest.mark.parametrize(("asked", "sent"), [(0.0, 0.0), (0.7, 0.7), (1.0, 1.0), (2.0, 1.0)])
def test_temperature_over_anthropics_scale_is_its_highest(asked: float, sent: float) -> None:
    call = make_call("hi", temperature=asked)
    assert f'"temperature":{sent}'.encode() in messages_body(call, stream=False)


def test_thinking_goes_without_sampling() -> None:
    profile = ModelProfile(reasoning_control="adaptive")
    asked = make_call("hi", temperature=0.5, top_p=0.5, reasoning_effort="low").request
    body = messages_body(CompletionCall(request=asked, model="m", profile=profile), stream=False)
    assert b"temperature" not in body
    assert b"top_p" not in body
