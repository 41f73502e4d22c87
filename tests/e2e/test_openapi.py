"""What the OpenAPI document promises to the people and the generators that read nothing else."""

import re
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import OpenAPIV31SpecValidator

from service.app import ROOMS
from service.web.admission import STREAM_SUFFIX
from tests.e2e.document import Document, Json
from tests.e2e.durable_batches import UPLOAD
from tests.e2e.routes import BATCHES, CHAT_STREAM, GENERATE_STREAM, POST_ROUTES
from tests.running import RunningService

SIGNED_BY_SENDER = "/api/v1/webhooks/llm-provider"
"""The one path of the API that needs no key, and goes by its senders' documents."""
PROMPT_ROUTES = [
    f"/api/v1/prompts/{{prompt_name}}/{call}"
    for call in ("generate", "generate/stream", "chat", "chat/stream")
]
SNAKE_CASE = re.compile(r"[a-z]+(_[a-z]+)*")
ARGUMENT_ORDER = {
    "GenerateRequest": "prompt model system max_tokens temperature top_p stop cache timeout_seconds"
    " metadata reasoning_effort provider_options sanitize semantic_cache",
    "ChatRequest": "messages model max_tokens temperature top_p stop tools tool_choice response_format"
    " conversation_id history_limit history_token_budget summarize_history cache timeout_seconds metadata"
    " reasoning_effort provider_options sanitize semantic_cache",
    "EmbeddingsRequest": "input model",
    "CreateKeyRequest": "name scopes tenant expires_at limits budget sanitize semantic_cache"
    " rotate_after_days",
    "BatchRequest": "prompts requests model max_concurrency requests_per_second",
    "CreateBatchRequest": "prompts requests model max_concurrency requests_per_second mode",
    "UploadBatchForm": "file max_concurrency requests_per_second mode",
    "PutPromptRequest": "template system defaults variables",
    "GenerateWithPromptRequest": "variables version label model max_tokens temperature top_p stop"
    " conversation_id cache timeout_seconds metadata reasoning_effort provider_options"
    " sanitize semantic_cache",
    "ChatWithPromptRequest": "variables version label messages model max_tokens temperature top_p stop tools"
    " tool_choice response_format conversation_id history_limit history_token_budget summarize_history cache"
    " timeout_seconds metadata reasoning_effort provider_options sanitize semantic_cache",
    "CreateConversationRequest": "system metadata",
    "ForkConversationRequest": "at_message_id",
    "ChatMessage": "role content tool_calls tool_call_id provider_data",
}
COSTLY_COLLECTION_ROUTES = tuple(
    f"/api/v1/collections/{{collection}}/{route}"
    for route in ("documents", "documents/upload", "retrieve", "query", "query/stream")
)
OPERATION_IDS = {
    "generate",
    "stream_generate",
    "chat",
    "stream_chat",
    "create_conversation",
    "list_conversations",
    "get_conversation",
    "list_conversation_messages",
    "export_conversation",
    "fork_conversation",
    "delete_conversation",
    "create_embeddings",
    "run_batch",
    "create_batch",
    "upload_batch",
    "list_batches",
    "get_batch",
    "get_batch_results",
    "cancel_batch",
    "list_models",
    "put_prompt",
    "list_prompts",
    "get_prompt",
    "delete_prompt",
    "list_prompt_versions",
    "put_prompt_label",
    "delete_prompt_label",
    "render_prompt",
    "generate_with_prompt",
    "stream_generate_with_prompt",
    "chat_with_prompt",
    "stream_chat_with_prompt",
    "get_usage",
    "get_request",
    "put_collection",
    "list_collections",
    "get_collection",
    "delete_collection",
    "add_documents",
    "upload_documents",
    "list_documents",
    "get_document",
    "delete_document",
    "retrieve",
    "query_collection",
    "stream_query_collection",
    "create_key",
    "list_keys",
    "get_key",
    "change_key",
    "revoke_key",
    "rotate_key",
    "mint_token",
    "create_webhook_endpoint",
    "list_webhook_endpoints",
    "get_webhook_endpoint",
    "change_webhook_endpoint",
    "delete_webhook_endpoint",
    "rotate_webhook_secret",
    "test_webhook_endpoint",
    "list_webhook_deliveries",
    "redeliver_failed_webhooks",
    "redeliver_webhook",
    "get_tenant",
    "put_tenant",
    "receive_provider_event",
    "get_health",
    "get_readiness",
    "get_metrics",
}
UNIONS = {
    "ContentPart": {"text", "image"},
    "ImageSource": {"url", "base64"},
    "KeptContentPart": {"text", "image"},
    "KeptImageSource": {"url", "base64"},
    "ResponseFormat": {"text", "json_schema"},
    "GenerateStreamEvent": {"token", "done", "error"},
    "ChatStreamEvent": {"token", "tool_call", "done", "error"},
    "QueryStreamEvent": {"sources", "token", "done", "error"},
}


@pytest.fixture(scope="module")
async def document(shared_service: RunningService) -> Document:
    """The document as it is served, to anybody."""
    async with shared_service.client(key=None) as client:
        answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    return Document(answer.json())


UPLOADS = {UPLOAD, "/api/v1/collections/{collection}/documents/upload"}
COSTS_MONEY = {*POST_ROUTES, *PROMPT_ROUTES, BATCHES, UPLOAD, *COSTLY_COLLECTION_ROUTES}


def needs_key(path: str) -> bool:
    """Whether the operations of a path are for holders of keys."""
    return path.startswith("/api/v1/") and path != SIGNED_BY_SENDER


def test_the_document_is_valid_openapi_3_1(document: Document) -> None:
    assert document.content["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(document.content).iter_errors()] == []


def test_its_version_is_the_one_that_the_service_tells(
    document: Document, shared_service: RunningService
) -> None:
    health = httpx.get(f"{shared_service.url}/healthz").json()
    assert document.content["info"]["version"] == health["version"]


def test_every_operation_is_told_apart_and_described(document: Document) -> None:
    tags = {tag["name"] for tag in document.content["tags"]}
    for method, path, operation in document.operations():
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"].startswith(operation["summary"]), where
        assert len(operation["tags"]) == 1, where
        assert set(operation["tags"]) <= tags, where
        assert not operation.get("deprecated"), where


def test_operation_ids_are_the_functions_names_and_stay_what_they_are(document: Document) -> None:
    ids = [operation["operationId"] for _, _, operation in document.operations()]
    assert len(ids) == len(set(ids))
    assert set(ids) >= OPERATION_IDS
    assert all(SNAKE_CASE.fullmatch(name) for name in ids)


def test_every_route_is_in_the_document_under_its_functions_name(document: Document) -> None:
    routes = [
        route
        for room in ROOMS
        for route in room.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    ]
    assert {route.path for route in routes} == set(document.content["paths"])
    for route in routes:
        for method in route.methods or ():
            operation = document.content["paths"][route.path][method.lower()]
            assert operation["operationId"] == route.endpoint.__name__


def test_the_api_needs_a_key_and_the_operations_routes_need_none(document: Document) -> None:
    schemes = document.content["components"]["securitySchemes"]
    assert schemes["ApiKey"]["in"] == "header"
    assert schemes["ApiKey"]["name"] == "X-API-Key"
    assert (schemes["Bearer"]["type"], schemes["Bearer"]["scheme"]) == ("http", "bearer")
    assert "security" not in document.content
    for _, path, operation in document.operations():
        if needs_key(path):
            assert operation["security"] == [{"ApiKey": []}, {"Bearer": []}], path
        else:
            assert "security" not in operation, path


def test_every_operation_of_the_api_says_which_scope_it_needs(document: Document) -> None:
    for _, path, operation in document.operations():
        says = re.search(
            r"\n\nNeeds the scope `[a-z:]+`(?: or `[a-z:]+`)*\.$", operation["description"]
        )
        of_any_key = operation["operationId"] == "mint_token"
        assert (says is not None) is (needs_key(path) and not of_any_key), path


def test_every_request_body_is_a_form_with_a_file_or_json_with_examples(document: Document) -> None:
    bodies = [
        (path, each["requestBody"])
        for _, path, each in document.operations()
        if "requestBody" in each
    ]
    assert len(bodies) > len(POST_ROUTES)
    for path, body in bodies:
        assert body["required"]
        (media,) = body["content"].items()
        if path in UPLOADS:
            assert media[0] == "multipart/form-data"
            file = document.referenced(media[1]["schema"])["properties"]["file"]
            assert file.get("items", file)["format"] == "binary", "generators know files by it"
            continue
        assert media[0] == "application/json"
        assert len(media[1]["examples"]) >= 2
        assert all(example["summary"] for example in media[1]["examples"].values())


def test_sdks_leave_out_what_needs_a_senders_signature_and_nothing_else(document: Document) -> None:
    ignored = {path for _, path, each in document.operations() if each.get("x-sdk-ignore")}
    assert ignored == {SIGNED_BY_SENDER}


def test_every_good_answer_has_an_example(document: Document) -> None:
    for _, path, operation in document.operations():
        (status,) = {"200", "201", "202", "204"} & set(operation["responses"])
        if status == "204":
            assert "content" not in operation["responses"]["204"], path
            continue
        for media in operation["responses"][status]["content"].values():
            assert "example" in media or media["examples"], path


def test_errors_are_typed_and_no_answer_is_undescribed(document: Document) -> None:
    for _, path, operation in document.operations():
        responses = operation["responses"]
        assert "422" not in responses, path
        assert {"500"} | ({"401", "403"} if needs_key(path) else set()) <= set(responses)
        for status, response in responses.items():
            assert response["description"], (path, status)
            assert "X-Request-ID" in response["headers"], (path, status)
            if status.startswith("2") or path == "/readyz":
                continue
            assert list(response["content"]) == ["application/json"], (path, status)
            media = response["content"]["application/json"]
            assert media["schema"] == {"$ref": "#/components/schemas/ErrorResponse"}
            assert media["example"]["error"]["type"] in error_types(document)
            assert ("Retry-After" in response["headers"]) == (status in ("429", "503"))


def test_what_costs_money_takes_an_idempotency_key(document: Document) -> None:
    for method, path, operation in document.operations():
        parameters = {
            (parameter["in"], parameter["name"]): parameter
            for parameter in operation.get("parameters", [])
        }
        key = parameters.get(("header", "Idempotency-Key"))
        assert (key is not None) == (method == "post" and path in COSTS_MONEY), path
        if key is not None:
            assert key["required"] is False
            assert key["description"]
            assert document.mistakes("order-4711-summary", key["schema"]) == []
            assert document.mistakes("k" * 256, key["schema"])
            assert "409" in operation["responses"]
            success = operation["responses"].get("200") or operation["responses"]["202"]
            assert "Idempotency-Replayed" in success["headers"]


def test_answers_that_need_a_key_tell_what_is_left_of_its_limits(document: Document) -> None:
    told = {"RateLimit", "RateLimit-Policy"}
    for _, path, operation in document.operations():
        for status, response in operation["responses"].items():
            has_key = needs_key(path) and status != "401"
            assert (told <= set(response["headers"])) == has_key, (path, status)


def test_streams_and_only_streams_have_paths_that_admission_knows_them_by(
    document: Document,
) -> None:
    for _, path, operation in document.operations():
        is_stream = "text/event-stream" in operation["responses"].get("200", {}).get("content", {})
        assert path.endswith(STREAM_SUFFIX) == is_stream, path


def error_types(document: Document) -> list[str]:
    """Every type that an error may have."""
    types: list[str] = document.schemas["ErrorDetail"]["properties"]["type"]["enum"]
    return types


def test_nothing_of_fastapis_own_validation_errors_is_left(document: Document) -> None:
    assert "ValidationError" not in str(document.content)


@pytest.mark.parametrize(
    ("path", "union"),
    [(GENERATE_STREAM, "GenerateStreamEvent"), (CHAT_STREAM, "ChatStreamEvent")],
)
def test_streams_answer_with_a_named_union_of_events(
    path: str, union: str, document: Document
) -> None:
    content = document.operation(path)["responses"]["200"]["content"]
    assert list(content) == ["text/event-stream"]
    assert content["text/event-stream"]["schema"] == {"$ref": f"#/components/schemas/{union}"}


@pytest.mark.parametrize(("union", "tags"), UNIONS.items())
def test_unions_are_components_that_a_type_field_tells_apart(
    union: str, tags: set[str], document: Document
) -> None:
    discriminator = document.schemas[union]["discriminator"]
    assert discriminator["propertyName"] == "type"
    assert set(discriminator["mapping"]) == tags
    branches = {branch["$ref"] for branch in document.schemas[union]["oneOf"]}
    assert branches == set(discriminator["mapping"].values())
    for tag, reference in discriminator["mapping"].items():
        assert document.referenced({"$ref": reference})["properties"]["type"]["const"] == tag


def test_every_schema_and_every_property_is_described(document: Document) -> None:
    for name, schema in document.schemas.items():
        assert schema.get("description"), name
        for field, described in schema.get("properties", {}).items():
            # A reference may leave the word to what it refers to, which has one: see above.
            assert described.get("description") or "$ref" in described, f"{name}.{field}"


def test_no_reference_leads_nowhere_and_no_schema_is_without_use(document: Document) -> None:
    references = set(re.findall(r"#/components/schemas/(\w+)", str(document.content)))
    assert references == set(document.schemas)


@pytest.mark.parametrize(("name", "order"), ARGUMENT_ORDER.items())
def test_properties_stand_in_the_order_of_the_arguments(
    name: str, order: str, document: Document
) -> None:
    assert list(document.schemas[name]["properties"]) == order.split()


def test_required_properties_come_first_in_request_bodies(document: Document) -> None:
    for path, body_schema in request_schemas(document):
        schema = document.referenced(body_schema)
        required = schema.get("required", [])
        assert list(schema["properties"])[: len(required)] == required, path


def test_request_bodies_refuse_unknown_fields_at_every_level(document: Document) -> None:
    schemas = [schema for path, schema in request_schemas(document) if path != SIGNED_BY_SENDER]
    for name in reachable(document, schemas):
        schema = document.schemas[name]
        if "properties" in schema:
            assert schema["additionalProperties"] is False, name


def request_schemas(document: Document) -> list[tuple[str, Json]]:
    """The path and the schema of each JSON body."""
    return [
        (path, media["schema"])
        for _, path, operation in document.operations()
        if "requestBody" in operation
        for media in operation["requestBody"]["content"].values()
    ]


def reachable(document: Document, start: list[Any]) -> set[str]:
    """The names of the components that these schemas refer to, directly or not."""
    found: set[str] = set()
    todo = re.findall(r"#/components/schemas/(\w+)", str(start))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += re.findall(r"#/components/schemas/(\w+)", str(document.schemas[name]))
    return found


def test_examples_follow_their_schemas(document: Document) -> None:
    for _, path, operation in document.operations():
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for described in (*bodies, *operation["responses"].values()):
            for media in described.get("content", {}).values():
                values = [each["value"] for each in media.get("examples", {}).values()]
                values += [media["example"]] if "example" in media else []
                for value in values:
                    assert document.mistakes(value, media["schema"]) == [], path


def test_examples_of_properties_follow_their_schemas(document: Document) -> None:
    for name, schema in document.schemas.items():
        for field, described in schema.get("properties", {}).items():
            for example in described.get("examples", []):
                assert document.mistakes(example, described) == [], f"{name}.{field}"
            if "default" in described:
                assert document.mistakes(described["default"], described) == [], f"{name}.{field}"
