"""What a caller is told about a body that cannot be used: which field, and never its value."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from service.batches.schemas import BatchRequest
from service.core.errors import (
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ServiceError,
)
from service.embeddings.schemas import EmbeddingsRequest
from service.generation.schemas import ChatRequest, GenerateRequest
from service.web.validation import Path, field_path, from_http_exception, invalid_request

Json = Any
GENERATE: Json = {
    "prompt": "Hi",
    "system": "S",
    "model": "haiku",
    "max_tokens": 5,
    "temperature": 0.5,
    "top_p": 0.5,
    "stop": ["a", "b"],
    "cache": True,
    "timeout_seconds": 5,
    "metadata": {"str": "x", "Team": "y", "a[b]": "z"},
    "reasoning_effort": "low",
    "provider_options": {"anthropic": {"top_k": 1}, "openai": {"seed": 1}},
}
CHAT: Json = {
    "messages": [
        {"role": "system", "content": "x"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "x"},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
                },
            ],
        },
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
            "provider_data": {"anthropic": []},
        },
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "x"}]},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": {}, "strict": True},
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "s", "description": "d", "schema": {}, "strict": False},
    },
    "history_limit": 5,
}
BODIES: list[tuple[type[BaseModel], Json]] = [
    (GenerateRequest, GENERATE),
    (ChatRequest, CHAT),
    (BatchRequest, {"requests": [GENERATE, CHAT], "max_concurrency": 1}),
    (BatchRequest, {"prompts": ["a", "b"], "model": "haiku", "requests_per_second": 1}),
    (EmbeddingsRequest, {"input": ["a", "b"], "model": "embedding"}),
    (EmbeddingsRequest, {"input": "a"}),
]
NAMES_OF_TYPES = (
    "text", "image", "url", "base64", "json_schema", "generate", "chat", "str", "int", "TextContent",
    "NamedToolChoice", "list[str]", "[key]", "constrained-str", "content", "Model",
)  # fmt: skip
WRONG: list[Json] = [None, 5, "x", [], {}, {"str": "x"}, [5], [{}], {"type": "text"}, True]


def problems(model: type[BaseModel], body: Json) -> RequestValidationError | None:
    """What FastAPI would raise for `body`."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        found = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        return RequestValidationError(found, body=body)
    return None


def refusal(model: type[BaseModel], body: Json) -> InvalidRequest:
    error = problems(model, body)
    assert error is not None
    return invalid_request(error, model)


def places(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Everything in a body, and where it is."""
    yield path, value
    children: Any = ()
    if isinstance(value, dict | list):
        children = value.items() if isinstance(value, dict) else enumerate(value)
    for step, child in children:
        yield from places(child, (*path, step))


def put(body: Json, path: Path, value: Json) -> Json:
    """A copy of `body` with `value` at `path`."""
    changed = deepcopy(body)
    parent = changed
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return changed


def leads_somewhere(body: Json, path: Path, *, missing: bool) -> bool:
    """Whether `path` is one of `body`, its last step perhaps that of a missing field."""
    for number, step in enumerate(path, start=1):
        is_there = (
            isinstance(step, int) and step < len(body)
            if isinstance(body, list)
            else isinstance(body, dict) and step in body
        )
        if not is_there:
            return missing and number == len(path) and isinstance(body, dict)
        body = body[step]
    return not missing


def test_bodies_of_these_tests_are_valid() -> None:
    assert [problems(model, body) for model, body in BODIES] == [None] * len(BODIES)


@pytest.mark.parametrize(("model", "body"), BODIES)
def test_value_of_a_wrong_type_is_found_where_it_is(model: type[BaseModel], body: Json) -> None:
    for path, _ in list(places(body))[1:]:
        for wrong in WRONG:
            changed = put(body, path, wrong)
            error = problems(model, changed)
            if error is None:
                continue
            for problem in error.errors():
                found = field_path(problem["loc"], model)
                assert leads_somewhere(changed, found, missing=problem["type"] == "missing")
                shorter = min(len(found), len(path))
                # Without its tools a choice among them is a mistake, too.
                assert found[:shorter] == path[:shorter] or found[-1] == "tool_choice"


@pytest.mark.parametrize(("model", "body"), BODIES)
@pytest.mark.parametrize("name", NAMES_OF_TYPES)
def test_unknown_field_is_named_whatever_it_is_called(
    model: type[BaseModel], body: Json, name: str
) -> None:
    found_some = False
    for path, value in places(body):
        if not isinstance(value, dict) or name in value:
            continue
        changed = put(body, (*path, name), 5)
        if problems(model, changed) is not None:
            found_some = True
            assert refusal(model, changed).field == ".".join(map(str, (*path, name)))
    assert found_some


@pytest.mark.parametrize(("model", "body"), BODIES)
def test_missing_field_is_named(model: type[BaseModel], body: Json) -> None:
    for path, _ in list(places(body))[1:]:
        changed = deepcopy(body)
        parent = changed
        for step in path[:-1]:
            parent = parent[step]
        if not isinstance(parent, dict):
            continue
        del parent[path[-1]]
        error = problems(model, changed)
        for problem in error.errors() if error else ():
            # A batch item without messages is not a chat any more.
            if problem["type"] == "missing" and path[-1] != "messages":
                assert field_path(problem["loc"], model) == path


FIELDS = st.sampled_from([*GENERATE, *CHAT, *NAMES_OF_TYPES, "type", "source", "function", "name"])
VALUES = st.recursive(
    st.sampled_from(
        [None, 5, "", "x", "text", "image", "url", "json_schema", "function", "user", True]
    ),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(FIELDS, values, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "model",
    [GenerateRequest, ChatRequest, BatchRequest, EmbeddingsRequest],
    ids=lambda m: m.__name__,
)
@settings(deadline=None, max_examples=50)
@given(
    body=st.dictionaries(FIELDS, VALUES, max_size=4)
    | st.fixed_dictionaries({"messages": st.lists(VALUES, max_size=2)})
    | st.fixed_dictionaries({"requests": st.lists(VALUES, max_size=2)})
    | st.fixed_dictionaries(
        {
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.just("user"), "content": VALUES}), min_size=1
            )
        }
    )
)
def test_every_objection_to_any_body_leads_to_a_place_in_it(
    model: type[BaseModel], body: Json
) -> None:
    error = problems(model, body)
    for problem in error.errors() if error else ():
        path = field_path(problem["loc"], model)
        assert leads_somewhere(body, path, missing=problem["type"] == "missing")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ([{"type": "text", "text": ""}], "messages.0.content.0.text"),
        ([{"type": "text"}], "messages.0.content.0.text"),
        ([{"type": "video"}], "messages.0.content.0.type"),
        ([{"text": "x"}], "messages.0.content.0.type"),
        ([{"type": "text", "text": "x", "url": 1}], "messages.0.content.0.url"),
        (
            [
                {"type": "text", "text": "x"},
                {"type": "image", "source": {"type": "url", "url": "ftp:"}},
            ],
            "messages.0.content.1.source.url",
        ),
        ([{"type": "image", "source": {"type": "url"}}], "messages.0.content.0.source.url"),
        ([{"type": "image", "source": {"type": "ftp"}}], "messages.0.content.0.source.type"),
        (5, "messages.0.content"),
        ({"str": "x"}, "messages.0.content"),
        ([], "messages.0.content"),
    ],
)
def test_field_of_a_message_is_told_by_its_path(content: Json, field: str) -> None:
    body = {"messages": [{"role": "user", "content": content}]}
    assert refusal(ChatRequest, body).field == field
    in_batch = {"requests": [{"prompt": "x"}, body]}
    assert refusal(BatchRequest, in_batch).field == f"requests.1.{field}"


@pytest.mark.parametrize(
    ("model", "body", "field", "message"),
    [
        (GenerateRequest, {}, "prompt", "This field is required"),
        (GenerateRequest, {"prompt": ""}, "prompt", "This must not be empty"),
        (GenerateRequest, {"prompt": "x", "Model": "y"}, "Model", "This field is unknown"),
        (GenerateRequest, [], None, "This must be an object"),
        (
            GenerateRequest,
            {"prompt": "x", "temperature": float("inf")},
            "temperature",
            "This must be a finite number",
        ),
        (
            GenerateRequest,
            {"prompt": "x", "provider_options": {"openai": {"model": "y"}}},
            "provider_options.openai.model",
            "This field may not be set here",
        ),
        (EmbeddingsRequest, {"input": ["a", 1]}, "input.1", "Input should be a valid string"),
        (EmbeddingsRequest, {"input": []}, "input", "This has too few items"),
        (BatchRequest, {"prompts": ["a"], "requests": []}, "requests", "This has too few items"),
        (BatchRequest, {}, "prompts", "Send either prompts or requests"),
        (
            ChatRequest,
            {"messages": [{"role": "user"}]},
            "messages.0.content",
            "This message has no content",
        ),
        (
            ChatRequest,
            {**CHAT, "tools": None},
            "tool_choice",
            "This names a function that is not in tools",
        ),
        (
            ChatRequest,
            {**CHAT, "response_format": {"type": "json_schema", "json_schema": {"name": "s"}}},
            "response_format.json_schema.schema",
            "This field is required",
        ),
    ],
)
def test_message_says_what_is_wrong_there(
    model: type[BaseModel], body: Json, field: str | None, message: str
) -> None:
    error = refusal(model, body)
    assert error.field == field
    assert error.message.startswith(message)


def test_missing_body_is_told_as_such() -> None:
    missing = {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
    error = invalid_request(RequestValidationError([missing]), GenerateRequest)
    assert (error.message, error.field) == ("The body is missing", None)


def test_value_is_never_repeated() -> None:
    secret = "sk-a-secret-that-was-sent"
    for model, body in BODIES:
        for path, _ in list(places(body))[1:]:
            error = problems(model, put(body, path, [secret]))
            if error is not None:
                assert secret not in str(invalid_request(error, model).message)


class Nested(BaseModel):
    """Shapes that no schema of today has."""

    by_name: dict[str, dict[Annotated[str, Field(max_length=3)], list[int]]] = {}
    either: int | list[int | list[str]] | None = None
    either_model: dict[str, int] | list["Nested"] = {}
    renamed_: list[int | str] = Field(default=[], alias="renamed")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"by_name": {"int": {"str": [0, "x"]}}}, ("by_name", "int", "str", 1)),
        ({"by_name": {"a": {"too long": [0]}}}, ("by_name", "a", "too long")),
        ({"either": [1, [5]]}, ("either", 1, 0)),
        ({"renamed": [0, []]}, ("renamed", 1)),
        ({"either_model": [{"either": ["x"]}]}, ("either_model", 0, "either", 0)),
    ],
)
def test_nested_unions_and_dictionaries_are_walked_through(body: Json, path: Path) -> None:
    error = problems(Nested, body)
    assert error is not None
    assert path in [field_path(problem["loc"], Nested) for problem in error.errors()]


def test_location_that_the_types_do_not_explain_is_told_as_it_is() -> None:
    assert field_path(("body", "a", 0, "b"), None) == ("a", 0, "b")
    assert field_path(("body", "prompt", "deeper"), GenerateRequest) == ("prompt", "deeper")


@pytest.mark.parametrize("part", ["query", "path", "header", "cookie"])
def test_parameter_is_told_by_its_name(part: str) -> None:
    assert field_path((part, "limit")) == ("limit",)
    assert field_path((part, "limit", "int")) == ("limit",)


def test_number_that_is_too_large_for_a_float_is_refused() -> None:
    adapter = TypeAdapter(GenerateRequest)
    with pytest.raises(ValidationError):
        adapter.validate_python({"prompt": "x", "timeout_seconds": 10**400})


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound),
        (405, MethodNotAllowed),
        (400, InvalidRequest),
        (431, InvalidRequest),
        (500, InternalError),
        (503, InternalError),
    ],
)
def test_what_starlette_raises_is_one_of_our_errors(status: int, error: type[ServiceError]) -> None:
    found = from_http_exception(HTTPException(status, "an inside that must not leak"))
    assert type(found) is error
    assert "leak" not in found.message
