"""The bodies of generate and chat."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from service.core.messages import (
    CompletionRequest,
    ImageData,
    ImageUrl,
    JsonSchema,
    Message,
    NamedTool,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from service.generation.schemas import (
    ChatRequest,
    ChatResponse,
    ChatStreamEvent,
    DoneEvent,
    GenerateRequest,
    GenerateResponse,
)
from service.inference.answers import Answer

Json = dict[str, Any]
USER: Json = {"role": "user", "content": "Hello"}
CALLS: list[Json] = [{"id": "call_1", "function": {"name": "f", "arguments": '{"a":1}'}}]
TOOL: Json = {"type": "function", "function": {"name": "f"}}
ANSWER = Answer(
    id="req_1",
    model="haiku",
    provider="anthropic",
    provider_model="claude-haiku-5-5",
    label="claude-haiku-5-5",
    finish_reason="stop",
    usage=Usage(input_tokens=10, output_tokens=5, cached_input_tokens=4),
    cost_usd=Decimal("0.000000035"),
    text="Hello!",
)


def generate(**body: Any) -> CompletionRequest:
    return GenerateRequest.model_validate({"prompt": "Hi", **body}).to_completion()


def chat(*messages: Json, **body: Any) -> CompletionRequest:
    return ChatRequest.model_validate(
        {"messages": messages or (USER,), **body}, strict=False
    ).to_completion()


def refused(model: type[GenerateRequest | ChatRequest], body: Json) -> list[tuple[str | int, ...]]:
    """Where pydantic objects to `body`."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return [error["loc"] for error in caught.value.errors()]


def refused_message(message: Json) -> str:
    with pytest.raises(ValidationError) as caught:
        ChatRequest.model_validate({"messages": [message]})
    return caught.value.errors()[0]["msg"]


def test_defaults_of_generate_are_the_contracts() -> None:
    assert generate() == CompletionRequest(
        model="haiku",
        messages=(Message(role="user", content="Hi"),),
        max_tokens=1024,
        temperature=0.7,
        top_p=None,
        stop=(),
        tools=(),
        tool_choice=None,
        json_schema=None,
        reasoning_effort=None,
        provider_options=None,
    )
    body = GenerateRequest(prompt="Hi")
    assert (body.cache, body.timeout_seconds, body.metadata) == (True, None, None)


def test_defaults_of_chat_are_those_of_generate_and_ten_messages() -> None:
    assert chat() == generate(prompt="Hello")
    assert ChatRequest.model_validate({"messages": [USER]}).history_limit == 10


def test_every_option_reaches_the_request() -> None:
    options = {"anthropic": {"top_k": 5}, "openai": {"seed": 1}}
    request = generate(
        prompt="P",
        system="S",
        model="opus",
        max_tokens=1,
        temperature=2,
        top_p=1,
        stop=["a", "b", "c", "d"],
        reasoning_effort="high",
        provider_options=options,
    )
    assert request == CompletionRequest(
        model="opus",
        messages=(Message(role="system", content="S"), Message(role="user", content="P")),
        max_tokens=1,
        temperature=2.0,
        top_p=1.0,
        stop=("a", "b", "c", "d"),
        reasoning_effort="high",
        provider_options=options,
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", None),
        ("prompt", 5),
        ("system", ""),
        ("model", ""),
        ("model", "a b"),
        ("model", "a\n"),
        ("model", "ä"),
        ("model", "x" * 201),
        ("max_tokens", 0),
        ("max_tokens", 1.0),
        ("max_tokens", "5"),
        ("max_tokens", True),
        ("max_tokens", 10**400),
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", "0.5"),
        ("temperature", True),
        ("temperature", 10**400),
        ("temperature", float("nan")),
        ("top_p", 0),
        ("top_p", 1.1),
        ("stop", ["a", "b", "c", "d", "e"]),
        ("stop", "a"),
        ("cache", "yes"),
        ("cache", 1),
        ("timeout_seconds", 0),
        ("timeout_seconds", float("inf")),
        ("reasoning_effort", "extreme"),
        ("metadata", []),
        ("metadata", {str(number): "x" for number in range(17)}),
        ("provider_options", []),
        ("max_token", 5),
    ],
)
def test_value_that_cannot_be_used_is_refused_at_its_field(field: str, value: object) -> None:
    assert refused(GenerateRequest, {"prompt": "Hi", field: value}) == [(field,)]


def test_vendor_that_is_unknown_is_refused() -> None:
    body = {"prompt": "Hi", "provider_options": {"acme": {}}}
    assert refused(GenerateRequest, body) == [("provider_options", "acme")]


@pytest.mark.parametrize(
    ("key", "value"), [("", "x"), ("k" * 65, "x"), ("k\0", "x"), ("k", "x" * 513), ("k", "\0")]
)
def test_metadata_that_cannot_be_kept_is_refused(key: str, value: str) -> None:
    [location] = refused(GenerateRequest, {"prompt": "Hi", "metadata": {key: value}})
    assert location[:2] == ("metadata", key)


@pytest.mark.parametrize(
    "name",
    [
        "model", "Model", "messages", "system", "stream", "STREAM", "max_tokens", "api_key",
        "max_completion_tokens", "n", "stream_options", "extra_headers", "extra_body", "headers",
        "authorization", "base_url",
    ],
)  # fmt: skip
@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
def test_provider_options_may_not_set_what_is_the_services_own(name: str, vendor: str) -> None:
    body = {"prompt": "Hi", "provider_options": {vendor: {"top_k": 1, name: "x"}}}
    assert refused(GenerateRequest, body) == [("provider_options", vendor)]


def test_parts_become_text_and_images() -> None:
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
        },
    ]
    [message] = chat({"role": "user", "content": parts}).messages
    assert message.content == (
        TextPart("What is it?"),
        ImageUrl("https://example.com/a.png"),
        ImageData("image/png", "aGk="),
    )


@pytest.mark.parametrize(
    "source",
    [
        {"type": "url", "url": "http://example.com/a.png"},
        {"type": "url", "url": "https://exa mple.com"},
        {"type": "url", "url": "https://example.com\n"},
        {"type": "url", "url": "file:///etc/passwd"},
        {"type": "base64", "media_type": "image/svg+xml", "data": "aGk="},
        {"type": "base64", "media_type": "image/png", "data": "a-k"},
        {"type": "base64", "media_type": "image/png", "data": "aGk=\n"},
        {"type": "base64", "media_type": "image/png", "data": ""},
        {"type": "file", "file_id": "f"},
        {"url": "https://example.com"},
    ],
)
def test_image_that_cannot_be_used_is_refused(source: Json) -> None:
    message = {"role": "user", "content": [{"type": "image", "source": source}]}
    assert refused(ChatRequest, {"messages": [message]})


def test_tool_conversation_keeps_calls_results_and_vendor_data() -> None:
    request = chat(
        USER,
        {"role": "assistant", "tool_calls": CALLS, "provider_data": {"anthropic": [1]}},
        {"role": "tool", "tool_call_id": "call_1", "content": ""},
    )
    assert request.messages[1:] == (
        Message(
            role="assistant",
            content=None,
            tool_calls=(ToolCall("call_1", "f", '{"a":1}'),),
            provider_data={"anthropic": [1]},
        ),
        Message(role="tool", content="", tool_call_id="call_1"),
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"role": "user", "content": "x", "tool_calls": CALLS}, "Only an assistant message"),
        ({"role": "user", "content": "x", "provider_data": {"a": 1}}, "Only an assistant message"),
        ({"role": "user", "content": "x", "tool_call_id": "call_1"}, "and no other"),
        ({"role": "tool", "content": "x"}, "A tool message"),
        ({"role": "user"}, "no content"),
        ({"role": "user", "content": ""}, "no content"),
        ({"role": "user", "content": []}, "no content"),
        ({"role": "system", "content": None}, "no content"),
        ({"role": "assistant"}, "no content"),
        ({"role": "assistant", "tool_calls": []}, "at least 1 item"),
    ],
)
def test_message_that_does_not_fit_its_role_is_refused(message: Json, reason: str) -> None:
    assert reason in refused_message(message)


@pytest.mark.parametrize("role", ["system", "assistant"])
def test_images_are_for_users_and_tools(role: str) -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}
    assert "have images" in refused_message({"role": role, "content": [image]})
    chat(USER, {"role": "tool", "tool_call_id": "call_1", "content": [image]})


def test_conversation_of_system_messages_alone_is_refused() -> None:
    body = {"messages": [{"role": "system", "content": "x"}]}
    assert refused(ChatRequest, body) == [("messages",)]
    assert refused(ChatRequest, {"messages": []}) == [("messages",)]


def test_tools_have_openais_shape() -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    function = {"name": "f", "description": "d", "parameters": parameters, "strict": True}
    assert chat(
        tools=[{"type": "function", "function": function}, {"function": {"name": "g"}}]
    ).tools == (
        Tool(name="f", description="d", parameters=parameters, strict=True),
        Tool(name="g", parameters={"type": "object", "properties": {}}),
    )


def test_two_functions_of_one_name_are_refused() -> None:
    assert refused(ChatRequest, {"messages": [USER], "tools": [TOOL, TOOL]}) == [("tools",)]


@pytest.mark.parametrize("choice", ["auto", "none", "required", None])
def test_tool_choice_is_a_word(choice: str | None) -> None:
    assert chat(tools=[TOOL], tool_choice=choice).tool_choice == choice


def test_tool_choice_is_a_function() -> None:
    assert chat(tools=[TOOL], tool_choice=TOOL).tool_choice == NamedTool("f")


@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        (None, "required"),
        (None, TOOL),
        ([TOOL], {"type": "function", "function": {"name": "g"}}),
    ],
)
def test_choice_of_a_tool_that_is_not_there_is_refused(tools: object, choice: object) -> None:
    body = {"messages": [USER], "tools": tools, "tool_choice": choice}
    assert refused(ChatRequest, body) == [("tool_choice",)]


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_choice_that_needs_no_tool_is_taken_without_tools(choice: str) -> None:
    assert chat(tool_choice=choice).tool_choice == choice


def test_response_format_is_text_or_a_schema() -> None:
    assert chat(response_format={"type": "text"}).json_schema is None
    definition = {"name": "s", "schema": {"type": "object"}, "strict": True}
    response_format = {"type": "json_schema", "json_schema": definition}
    assert chat(response_format=response_format).json_schema == JsonSchema(
        name="s", schema={"type": "object"}, strict=True
    )


def test_answer_of_generate_has_the_contracts_fields() -> None:
    assert GenerateResponse.of(ANSWER).model_dump() == {
        "id": "req_1",
        "text": "Hello!",
        "model": "haiku",
        "provider": "anthropic",
        "provider_model": "claude-haiku-5-5",
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 10,
            "output_tokens": 5,
            "total_tokens": 15,
            "cached_input_tokens": 4,
        },
        "cost_usd": 0.000000035,
        "cache_hit": False,
    }


def answer(**changes: Any) -> Answer:
    return Answer(**{**{f: getattr(ANSWER, f) for f in Answer.__struct_fields__}, **changes})


def test_unknown_cost_is_null_and_no_cost_is_zero() -> None:
    assert GenerateResponse.of(answer(cost_usd=None)).cost_usd is None
    assert GenerateResponse.of(answer(cost_usd=Decimal(0))).cost_usd == 0


def test_answer_without_text_is_empty_in_generate_and_null_in_chat() -> None:
    silent = answer(text=None)
    assert GenerateResponse.of(silent).text == ""
    assert ChatResponse.of(silent).message.content is None


def test_answer_of_chat_has_a_message_that_may_go_back_as_it_is() -> None:
    called = answer(
        text=None,
        tool_calls=(ToolCall("call_1", "f", "{}"),),
        provider_data={"anthropic": [{"thinking": "…"}]},
    )
    message = ChatResponse.of(called).model_dump(mode="json")["message"]
    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ],
        "provider_data": {"anthropic": [{"thinking": "…"}]},
    }
    result = {"role": "tool", "tool_call_id": "call_1", "content": "1"}
    assert chat(USER, message, result).messages[1].tool_calls == called.tool_calls


def test_message_of_a_plain_answer_has_no_empty_extras() -> None:
    message = ChatResponse.of(ANSWER).model_dump()["message"]
    assert message == {"role": "assistant", "content": "Hello!"}


def test_done_event_is_the_answer_without_its_text() -> None:
    fields = GenerateResponse.of(ANSWER).model_dump()
    del fields["text"]
    assert DoneEvent.of(ANSWER).model_dump() == {**fields, "type": "done"}


def test_events_are_told_apart_by_their_type() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ChatStreamEvent)
    done = DoneEvent.of(ANSWER)
    assert adapter.validate_json(done.model_dump_json()) == done
