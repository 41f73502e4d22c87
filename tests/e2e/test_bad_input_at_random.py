"""Good bodies, broken at random: whatever comes in, the answer is one that the contract knows."""

import copy
import json
import os
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.routes import (
    BATCH,
    CHAT,
    CHAT_STREAM,
    EMBEDDINGS,
    GENERATE,
    GENERATE_STREAM,
    JSON_TYPE,
    Body,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
STATUSES = {200, 400, 401, 402, 403, 404, 405, 409, 413, 415, 429, 502, 503, 504}

OPTIONS: Body = {
    "model": "haiku",
    "max_tokens": 10,
    "temperature": 0.5,
    "top_p": 0.9,
    "stop": ["END"],
    "cache": True,
    "timeout_seconds": 5,
    "metadata": {"team": "blue"},
    "reasoning_effort": "low",
    "provider_options": {"anthropic": {"metadata": {"user_id": "u"}}, "openai": {"seed": 1}},
}
FULL_GENERATE: Body = {"prompt": "Hello", "system": "Be brief.", **OPTIONS}
FULL_CHAT: Body = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                },
                {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
            "provider_data": {"anthropic": {"blocks": [{"type": "thinking", "thinking": ""}]}},
        },
        {"role": "tool", "content": "ok", "tool_call_id": "c1"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": {"type": "object", "properties": {}}},
    },
    "history_limit": 5,
    **OPTIONS,
}
FULL_BODIES: dict[str, Body] = {
    GENERATE: FULL_GENERATE,
    GENERATE_STREAM: FULL_GENERATE,
    CHAT: FULL_CHAT,
    CHAT_STREAM: FULL_CHAT,
    EMBEDDINGS: {"input": ["Hello", "world"], "model": "embedding"},
    BATCH: {"requests": [FULL_GENERATE, FULL_CHAT], "max_concurrency": 2},
}

Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> list[Place]:
    """Every place inside of a JSON value."""
    steps: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    return [found for step, child in steps for found in ((*at, step), *places(child, (*at, step)))]


NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1, 10**30, 50.5, -0.0, 1e308, "", " ", "\0", "\n", "none", "haiku", "x" * 5000,
     "text", "[key]", "https://[", "é\u2028\U0001f600", [], {}, [[]], [{}], {"": ""}, {"type": "text"}]
)  # fmt: skip
SCALARS = NASTY | st.text(max_size=8) | st.integers() | st.booleans()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "role", "a"]), inner, max_size=3)
    ),
    max_leaves=4,
)
ACTIONS = st.sampled_from(["replace", "delete", "insert", "repeat", "wrap"])


@st.composite
def broken(draw: st.DrawFn, whole: Body) -> Body:
    """`whole` after one to three changes anywhere in it."""
    body = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        found = places(body)
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        parent: Any = body
        for step in way:
            parent = parent[step]
        change(parent, last, draw(ACTIONS), copy.deepcopy(draw(VALUES)))
    return body


def change(parent: Any, at: Any, action: str, value: Any) -> None:
    """One change to `parent[at]`, or beside it."""
    if action == "delete":
        del parent[at]
    elif action == "replace":
        parent[at] = value
    elif action == "wrap":
        parent[at] = [parent[at]]
    elif action == "repeat" and isinstance(parent[at], list):
        parent[at] = parent[at] * 30
    elif isinstance(parent, list):
        parent.insert(at, value)
    else:
        parent[f"{at}x"] = value


def check(answer: httpx.Response) -> None:
    """The status is one of the contract's, a refusal has the envelope, and no fault of ours shows."""
    assert answer.status_code in STATUSES, answer.text
    assert "server_error" not in answer.text
    assert "Traceback" not in answer.text
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert {"type", "message", "request_id"} <= set(error)


def quick(examples: int) -> settings:
    """The same examples on every run; FUZZ_EXAMPLES=5000 looks further."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=examples <= 100,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("path", FULL_BODIES)
async def test_a_full_body_is_accepted(path: str, shared_client: httpx.AsyncClient) -> None:
    answer = await shared_client.post(path, json=FULL_BODIES[path])
    assert answer.status_code == 200, answer.text
    assert '"error"' not in answer.text


@pytest.mark.parametrize("path", FULL_BODIES)
@quick(EXAMPLES)
@given(data=st.data())
async def test_a_body_broken_anywhere_gets_an_answer_of_the_contract(
    path: str, shared_client: httpx.AsyncClient, data: st.DataObject
) -> None:
    body = data.draw(broken(FULL_BODIES[path]))
    content = json.dumps(body).encode()
    check(await shared_client.post(path, content=content, headers=JSON_TYPE))


@pytest.mark.parametrize("path", FULL_BODIES)
@quick(EXAMPLES // 2)
@given(data=st.data())
async def test_bytes_broken_anywhere_get_an_answer_of_the_contract(
    path: str, shared_client: httpx.AsyncClient, data: st.DataObject
) -> None:
    content = bytearray(json.dumps(FULL_BODIES[path]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    check(await shared_client.post(path, content=bytes(content), headers=JSON_TYPE))
