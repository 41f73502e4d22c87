"""The key of a shared answer, and the answer as it is kept."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.messages import (
    CompletionRequest,
    JsonSchema,
    Message,
    Tool,
    ToolCall,
    Usage,
)
from service.inference.context import CallContext
from service.inference.stored import (
    StoredAnswer,
    as_deltas,
    assemble,
    cache_key,
    from_bytes,
    to_bytes,
)

ASKED = CompletionRequest(
    model="haiku", messages=(Message(role="user", content="Hello"),), max_tokens=10
)
ANOTHER_VALUE: dict[str, object] = {
    "model": "sonnet",
    "messages": (Message(role="user", content="Hello "),),
    "max_tokens": 11,
    "temperature": 0.0,
    "top_p": 0.9,
    "stop": ("x",),
    "tools": (Tool(name="f", parameters={}),),
    "tool_choice": "none",
    "json_schema": JsonSchema(name="s", schema={}),
    "reasoning_effort": "low",
    "provider_options": {"openai": {"seed": 1}},
}
STORED = StoredAnswer(
    provider="anthropic",
    provider_model="claude",
    label="claude",
    finish_reason="tool_calls",
    usage=Usage(input_tokens=3, output_tokens=2, cached_input_tokens=1),
    text="Grüße 🎉",
    tool_calls=(ToolCall("call_1", "f", '{"a": 1}'),),
    provider_data={"anthropic": {"blocks": [{"type": "thinking", "signature": "s"}]}},
)


@pytest.mark.parametrize("field", CompletionRequest.__struct_fields__)
def test_every_field_of_a_request_is_in_its_key(field: str) -> None:
    changed = msgspec.structs.replace(ASKED, **{field: ANOTHER_VALUE[field]})
    assert cache_key("tenant", changed) != cache_key("tenant", ASKED)


def test_another_tenant_has_another_key() -> None:
    assert cache_key("one", ASKED) != cache_key("two", ASKED)
    assert cache_key("one", ASKED) == cache_key("one", ASKED)


def test_what_does_not_decide_the_answer_is_not_part_of_the_request() -> None:
    left_out = {"metadata", "timeout_seconds", "use_cache", "request_id"}
    assert left_out <= set(CallContext.__struct_fields__)
    assert not left_out & set(CompletionRequest.__struct_fields__)


def test_a_stored_answer_comes_back_as_it_was() -> None:
    assert from_bytes(to_bytes(STORED)) == STORED


@given(st.binary(max_size=200))
def test_damaged_bytes_are_no_answer_and_no_error(value: bytes) -> None:
    found = from_bytes(value)
    assert found is None or isinstance(found, StoredAnswer)


@given(st.integers(0, len(to_bytes(STORED)) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_a_miss_or_an_answer_and_no_error(position: int, flip: int) -> None:
    value = bytearray(to_bytes(STORED))
    value[position] ^= flip
    found = from_bytes(bytes(value))
    assert found is None or isinstance(found, StoredAnswer)


@given(st.text())
def test_a_replayed_text_is_the_text(text: str) -> None:
    deltas = as_deltas(text, ())
    assert assemble(deltas) == (text, ())


def test_replayed_tool_calls_are_the_tool_calls() -> None:
    calls = (ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", ""))
    assert assemble(as_deltas(None, calls)) == (None, calls)
