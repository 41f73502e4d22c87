"""Messages, images, tools and formats that chat does not take, each refused by its dotted path."""

from typing import Any

import httpx
import pytest

from tests.e2e.routes import CANARY, CHAT, CHATS, GOOD_BODIES, error_of

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "look"}}


def user(*parts: Any) -> dict[str, Any]:
    """A body with one user message of these parts."""
    return {"messages": [{"role": "user", "content": list(parts)}]}


def image(**source: Any) -> dict[str, Any]:
    """A body with one image."""
    return user({"type": "image", "source": source})


def message(**fields: Any) -> dict[str, Any]:
    """A body with one message."""
    return {"messages": [fields]}


def with_tools(*tools: Any, **fields: Any) -> dict[str, Any]:
    """A good conversation with these tools."""
    return GOOD_BODIES[CHAT] | {"tools": list(tools)} | fields


def answer_form(**fields: Any) -> dict[str, Any]:
    """A good conversation with this response_format."""
    return GOOD_BODIES[CHAT] | {"response_format": fields}


URL = "messages.0.content.0.source.url"
DATA = "messages.0.content.0.source.data"
PNG = {"type": "base64", "media_type": "image/png"}
FORMAT = {"name": "city", "schema": {"type": "object"}}
BAD: list[tuple[str, dict[str, Any]]] = [
    # messages
    ("messages", {"messages": []}),
    ("messages", {"messages": CANARY}),
    ("messages", {"messages": {"role": "user", "content": CANARY}}),
    ("messages.0", {"messages": [CANARY]}),
    ("messages.0", {"messages": [None]}),
    ("messages", message(role="system", content="Be brief.")),
    ("messages.0.role", message(content="Hi")),
    ("messages.0.role", message(role=CANARY, content="Hi")),
    ("messages.0.role", message(role="developer", content="Hi")),
    ("messages.0.role", message(role=None, content="Hi")),
    ("messages.0.name", message(role="user", content="Hi", name=CANARY)),
    # content
    ("messages.0.content", message(role="user", content=5)),
    ("messages.0.content", message(role="user", content="")),
    ("messages.0.content", message(role="user", content=None)),
    ("messages.0.content", message(role="user")),
    ("messages.0.content", message(role="user", content=[])),
    ("messages.0.content", message(role="assistant", content=None)),
    ("messages.0.content.0", user(CANARY)),
    ("messages.0.content.0.type", user({"text": CANARY})),
    ("messages.0.content.0.type", user({"type": CANARY, "text": "Hi"})),
    ("messages.0.content.0.type", user({"type": 5})),
    ("messages.0.content.0.text", user({"type": "text"})),
    ("messages.0.content.0.text", user({"type": "text", "text": ""})),
    ("messages.0.content.1.text", user({"type": "text", "text": "a"}, {"type": "text", "text": 5})),
    ("messages.0.content.0.image", user({"type": "text", "text": "a", "image": CANARY})),
    # images
    ("messages.0.content.0.source", user({"type": "image"})),
    ("messages.0.content.0.source", user({"type": "image", "source": CANARY})),
    ("messages.0.content.0.source.type", image(url="https://example.com/a.png")),
    ("messages.0.content.0.source.type", image(type="file", id=CANARY)),
    (URL, image(type="url")),
    (URL, image(type="url", url="http://example.com/" + CANARY)),
    (URL, image(type="url", url="ftp://example.com/a.png")),
    (URL, image(type="url", url="file:///etc/passwd")),
    (URL, image(type="url", url="data:image/png;base64,AAAA")),
    (URL, image(type="url", url="https://")),
    (URL, image(type="url", url="https:///a.png")),
    (URL, image(type="url", url=f"https://[{CANARY}")),
    (URL, image(type="url", url="https://example.com/a b.png")),
    (URL, image(type="url", url="https://example.com/a.png\r\nX: y")),
    (URL, image(type="url", url="https://example.com/" + "a" * 9000)),
    (DATA, image(**PNG)),
    (DATA, image(**PNG, data="")),
    (DATA, image(**PNG, data="abc")),
    (DATA, image(**PNG, data="ab=c")),
    (DATA, image(**PNG, data="ab c")),
    (DATA, image(**PNG, data="ab-_")),
    (DATA, image(**PNG, data="=====")),
    (DATA, image(**PNG, data=f"data:image/png;base64,{CANARY}")),
    ("messages.0.content.0.source.media_type", image(type="base64", data="AAAA")),
    (
        "messages.0.content.0.source.media_type",
        image(type="base64", data="AAAA", media_type="image/svg+xml"),
    ),
    ("messages.0.content.0.source.url", image(**PNG, data="AAAA", url="https://x.example")),
    (
        "messages.0.content.0",
        message(
            role="system",
            content=user({"type": "image", "source": PNG | {"data": "AAAA"}})["messages"][0][
                "content"
            ],
        ),
    ),
    # roles, calls and results
    ("messages.0.tool_call_id", message(role="tool", content="4 degrees")),
    ("messages.0.tool_call_id", message(role="tool", content="x", tool_call_id="")),
    ("messages.0.tool_call_id", message(role="tool", content="x", tool_call_id="i" * 257)),
    ("messages.0.tool_call_id", message(role="tool", content="x", tool_call_id=5)),
    ("messages.0.tool_call_id", message(role="user", content="Hi", tool_call_id=CANARY)),
    ("messages.0.tool_call_id", message(role="assistant", content="Hi", tool_call_id=CANARY)),
    ("messages.0.tool_calls", message(role="user", content="Hi", tool_calls=[CALL])),
    (
        "messages.0.tool_calls",
        message(role="tool", content="x", tool_call_id="a", tool_calls=[CALL]),
    ),
    ("messages.0.tool_calls", message(role="assistant", tool_calls=[])),
    ("messages.0.tool_calls", message(role="assistant", tool_calls=CANARY)),
    ("messages.0.tool_calls.0.id", message(role="assistant", tool_calls=[CALL | {"id": None}])),
    ("messages.0.tool_calls.0.type", message(role="assistant", tool_calls=[CALL | {"type": "x"}])),
    (
        "messages.0.tool_calls.0.function.arguments",
        message(role="assistant", tool_calls=[CALL | {"function": {"name": "look"}}]),
    ),
    (
        "messages.0.tool_calls.0.function.arguments",
        message(
            role="assistant",
            tool_calls=[CALL | {"function": {"name": "look", "arguments": {"city": CANARY}}}],
        ),
    ),
    ("messages.0.provider_data", message(role="user", content="Hi", provider_data={"a": CANARY})),
    ("messages.0.provider_data", message(role="assistant", content="Hi", provider_data=CANARY)),
    # tools
    ("tools", GOOD_BODIES[CHAT] | {"tools": CANARY}),
    ("tools", with_tools(*[TOOL] * 129)),
    ("tools", with_tools(TOOL, TOOL)),
    ("tools.0", with_tools(CANARY)),
    ("tools.0.type", with_tools(TOOL | {"type": "web_search"})),
    ("tools.0.function", with_tools({"type": "function"})),
    ("tools.0.function.name", with_tools({"function": {}})),
    ("tools.0.function.name", with_tools({"function": {"name": "look up"}})),
    ("tools.0.function.name", with_tools({"function": {"name": "n" * 65}})),
    ("tools.1.function.name", with_tools(TOOL, {"function": {"name": ""}})),
    ("tools.0.function.parameters", with_tools({"function": {"name": "a", "parameters": CANARY}})),
    ("tools.0.function.strict", with_tools({"function": {"name": "a", "strict": "yes"}})),
    ("tools.0.function.return", with_tools({"function": {"name": "a", "return": CANARY}})),
    # tool_choice
    ("tool_choice", with_tools(TOOL, tool_choice=CANARY)),
    ("tool_choice", with_tools(TOOL, tool_choice=5)),
    ("tool_choice", GOOD_BODIES[CHAT] | {"tool_choice": "required"}),
    ("tool_choice", with_tools(tool_choice="required")),
    ("tool_choice", with_tools(TOOL, tool_choice={"function": {"name": CANARY}})),
    ("tool_choice", GOOD_BODIES[CHAT] | {"tool_choice": {"function": {"name": "look"}}}),
    ("tool_choice.function", with_tools(TOOL, tool_choice={"type": "function"})),
    ("tool_choice.function.name", with_tools(TOOL, tool_choice={"function": {"name": 5}})),
    # response_format
    ("response_format.type", answer_form(json_schema=FORMAT)),
    ("response_format.type", answer_form(type="json_object")),
    ("response_format.json_schema", answer_form(type="json_schema")),
    (
        "response_format.json_schema.schema",
        answer_form(type="json_schema", json_schema={"name": "a"}),
    ),
    (
        "response_format.json_schema.schema",
        answer_form(type="json_schema", json_schema={"name": "a", "schema": CANARY}),
    ),
    (
        "response_format.json_schema.name",
        answer_form(type="json_schema", json_schema=FORMAT | {"name": "a b"}),
    ),
    ("response_format.json_schema", answer_form(type="text", json_schema=FORMAT)),
]


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize(("field", "body"), BAD, ids=[f"{n}-{bad[0]}" for n, bad in enumerate(BAD)])
async def test_a_conversation_that_cannot_be_had_names_what_is_wrong_with_it(
    path: str, field: str, body: dict[str, Any], refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(path, json=body)
    error_of(answer, 400, "validation_error", field=field)


@pytest.mark.parametrize("path", CHATS)
async def test_only_the_message_that_is_wrong_is_blamed(
    path: str, refusing: httpx.AsyncClient
) -> None:
    good = {"role": "user", "content": "Hello"}
    body = {"messages": [good, {"role": "assistant", "content": "Hi"}, {"role": "usr"}, good]}
    answer = await refusing.post(path, json=body)
    error_of(answer, 400, "validation_error", field="messages.2.role")
