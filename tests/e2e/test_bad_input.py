"""Values that a field does not take: the answer is a 400 that names the field, and nothing else happens."""

from typing import Any

import httpx
import pytest

from tests.e2e.routes import (
    BATCH,
    CANARY,
    CHAT,
    CHATS,
    EMBEDDINGS,
    GENERATE,
    GENERATES,
    GOOD_BODIES,
    POST_ROUTES,
    error_of,
)

NOT_A_STRING: list[Any] = [5, 1.5, True, None, [CANARY], {"a": CANARY}]
NOT_A_NUMBER: list[Any] = [CANARY, "1", True, None, [1], {"a": 1}]
NOT_A_BOOLEAN: list[Any] = [CANARY, "true", 1, None, [], {}]

# A dotted path that differs from the field's own name stands beside its value.
OPTIONS: dict[str, list[Any]] = {
    "model": [*NOT_A_STRING, "", f"{CANARY} b", "ü", f"{CANARY}\0", "m" * 201, "\n"],
    "max_tokens": [*NOT_A_NUMBER, 0, -1, 1.5, 1_000_001, 10**30],
    "temperature": [*NOT_A_NUMBER, -0.1, 2.1, 10**30],
    "top_p": [*NOT_A_NUMBER[:3], [1], 0, -1, 1.1],
    "stop": [CANARY, 5, ["a"] * 5, {"a": 1}, ("stop.0", [5]), ("stop.1", ["a", ""])],
    "cache": NOT_A_BOOLEAN,
    "timeout_seconds": [*NOT_A_NUMBER[:3], 0, -1, 3601],
    "metadata": [
        CANARY,
        [],
        5,
        {f"k{n}": "v" for n in range(17)},
        ("metadata.a", {"a": 5}),
        ("metadata.a", {"a": None}),
        ("metadata.a", {"a": {"b": CANARY}}),
        ("metadata.a", {"a": f"{CANARY}\0"}),
        ("metadata.a", {"a": CANARY * 100}),
        ("metadata.n\0l", {"n\0l": CANARY}),
        ("metadata." + "k" * 65, {"k" * 65: CANARY}),
    ],
    "reasoning_effort": [CANARY, "maximum", 5, [], True],
    "provider_options": [
        CANARY,
        [],
        5,
        (f"provider_options.{CANARY[:6]}", {CANARY[:6]: {}}),
        ("provider_options.anthropic", {"anthropic": CANARY}),
        ("provider_options.openai", {"openai": [1]}),
        ("provider_options.anthropic.model", {"anthropic": {"model": CANARY}}),
        ("provider_options.openai.Stream", {"openai": {"Stream": True}}),
        ("provider_options.openai.api_key", {"openai": {"seed": 1, "api_key": CANARY}}),
        ("provider_options.anthropic.authorization", {"anthropic": {"authorization": CANARY}}),
        ("provider_options.openai.extra_headers", {"openai": {"extra_headers": {}}}),
    ],
}
GENERATE_FIELDS: dict[str, list[Any]] = OPTIONS | {
    "prompt": [*NOT_A_STRING, ""],
    "system": [*NOT_A_STRING[:3], [CANARY], ""],
}
CHAT_FIELDS: dict[str, list[Any]] = OPTIONS | {
    "history_limit": [*NOT_A_NUMBER, 0, -1, 1001, 2.5],
    "response_format": [CANARY, 5, []],
}
EMBEDDINGS_FIELDS: dict[str, list[Any]] = {
    "input": [
        5,
        None,
        True,
        {"a": CANARY},
        "",
        [],
        ["a"] * 2049,
        ("input.1", ["a", 5]),
        ("input.1", ["a", ""]),
        ("input.0", [["a"]]),
    ],
    "model": OPTIONS["model"],
}
BATCH_FIELDS: dict[str, list[Any]] = {
    "prompts": [
        CANARY,
        5,
        [],
        {"a": 1},
        ["p"] * 101,
        ("prompts.0", [5]),
        ("prompts.1", ["a", ""]),
    ],
    "model": [*NOT_A_STRING[:3], [CANARY], "", f"{CANARY} b"],
    "max_concurrency": [*NOT_A_NUMBER, 0, 101, 2.5],
    "requests_per_second": [*NOT_A_NUMBER[:3], 0, -1, 1001],
}
FIELDS_OF = {
    **dict.fromkeys(GENERATES, GENERATE_FIELDS),
    **dict.fromkeys(CHATS, CHAT_FIELDS),
    EMBEDDINGS: EMBEDDINGS_FIELDS,
    BATCH: BATCH_FIELDS,
}
EVERY_FIELD = [(path, field) for path, fields in FIELDS_OF.items() for field in fields]


@pytest.mark.parametrize(("path", "field"), EVERY_FIELD)
async def test_a_value_that_a_field_does_not_take_is_refused_by_its_name(
    path: str, field: str, refusing: httpx.AsyncClient
) -> None:
    for case in FIELDS_OF[path][field]:
        blamed, value = case if isinstance(case, tuple) else (field, case)
        answer = await refusing.post(path, json=GOOD_BODIES[path] | {field: value})
        error_of(answer, 400, "validation_error", field=blamed)


@pytest.mark.parametrize("path", POST_ROUTES)
@pytest.mark.parametrize("name", ["warmth", "Prompt", "str", "a[0]", "stream", "key\0", "x" * 300])
async def test_an_unknown_field_is_refused_by_its_name(
    path: str, name: str, refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(path, json=GOOD_BODIES[path] | {name: CANARY})
    error = error_of(answer, 400, "validation_error", field=name[:200])
    assert error["message"] == "This field is unknown"


@pytest.mark.parametrize("path", POST_ROUTES)
async def test_a_missing_field_is_named(path: str, refusing: httpx.AsyncClient) -> None:
    (required,) = GOOD_BODIES[path]
    answer = await refusing.post(path, json={})
    error_of(answer, 400, "validation_error", field=required)


@pytest.mark.parametrize("path", POST_ROUTES)
@pytest.mark.parametrize("model", [CANARY, f"google/{CANARY}", "anthropic", "sandbox"])
async def test_a_model_that_nobody_knows_is_refused_and_not_repeated(
    path: str, model: str, refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(path, json=GOOD_BODIES[path] | {"model": model})
    if path == BATCH:
        (result,) = answer.json()["results"]
        assert result["error"]["type"] == "validation_error"
        assert result["error"]["field"] == "model"
        assert CANARY not in answer.text
    else:
        error_of(answer, 400, "validation_error", field="model")


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("requests", {"prompts": ["a"], "requests": [{"prompt": "a"}]}),
        ("prompts", {"max_concurrency": 2}),
        ("prompts", {"prompts": None, "requests": None}),
        ("model", {"requests": [{"prompt": "a"}], "model": "haiku"}),
        ("requests", {"requests": []}),
        ("requests", {"requests": [{"prompt": "a"}] * 101}),
        ("requests", {"requests": {"prompt": CANARY}}),
        ("requests.0", {"requests": [CANARY]}),
        ("requests.0", {"requests": [None]}),
        ("requests.0.prompt", {"requests": [{}]}),
        ("requests.1.prompt", {"requests": [{"prompt": "a"}, {"prompt": 5}]}),
        ("requests.0.prompt", {"requests": [GOOD_BODIES[CHAT] | {"prompt": CANARY}]}),
        ("requests.0.foo", {"requests": [{"prompt": "a", "foo": CANARY}]}),
        ("requests.0.metadata.a", {"requests": [{"prompt": "a", "metadata": {"a": 5}}]}),
        ("requests.0.messages.0.role", {"requests": [{"messages": [{"role": CANARY}]}]}),
        (
            "requests.0.messages.0.content.0.text",
            {"requests": [{"messages": [{"role": "user", "content": [{"type": "text"}]}]}]},
        ),
    ],
)
async def test_a_batch_that_cannot_be_run_names_what_is_wrong_with_it(
    field: str, body: dict[str, Any], refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(BATCH, json=body)
    error_of(answer, 400, "validation_error", field=field)


async def test_of_two_mistakes_the_deeper_one_is_told(refusing: httpx.AsyncClient) -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}], "cache": 7}
    answer = await refusing.post(CHAT, json=body)
    error_of(answer, 400, "validation_error", field="messages.0.content.0.text")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (EMBEDDINGS, {"input": []}, "This has too few items"),
        (EMBEDDINGS, {"input": ""}, "This must not be empty"),
        (CHAT, {"messages": [5]}, "This must be an object"),
        (GENERATE, {"prompt": "x", "top_p": 2}, "Input should be less than or equal to 1"),
    ],
)
async def test_what_is_told_is_the_mistake_of_the_type_that_was_meant(
    path: str, body: dict[str, Any], message: str, refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(path, json=body)
    assert answer.json()["error"]["message"] == message


async def test_every_refusal_brings_a_request_id_of_its_own(refusing: httpx.AsyncClient) -> None:
    answers = [await refusing.post(GENERATE, json={}) for _ in range(10)]
    assert len({answer.json()["error"]["request_id"] for answer in answers}) == 10
