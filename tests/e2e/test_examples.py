"""What Swagger UI fills in works, tried from top to bottom on a service that was just started."""

from pathlib import Path
from typing import Any

from tests.e2e.document import Document, Json
from tests.running import RunningService, make_settings


def filled_in(path: str, operation: Json) -> str | None:
    """The path with its examples; None if it has an id that only the service gives."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            examples = parameter["schema"].get("examples")
            if not examples:
                return None
            path = path.replace(f"{{{parameter['name']}}}", examples[0])
    return path


def first_body(operation: Json) -> Any:
    """The body that is filled in, if there is one."""
    content = operation.get("requestBody", {}).get("content", {})
    examples = content.get("application/json", {}).get("examples", {})
    return next((example["value"] for example in examples.values()), None)


async def test_what_is_filled_in_works_from_top_to_bottom(tmp_path: Path) -> None:
    tried = set()
    with RunningService(make_settings(tmp_path)) as service:
        async with service.client() as client:
            document = Document((await client.get("/openapi.json")).json())
            for method, path, operation in document.operations():
                url, body = filled_in(path, operation), first_body(operation)
                is_for_keys = "security" in operation
                takes_a_file = "requestBody" in operation and body is None
                if url is None or not is_for_keys or takes_a_file or method == "delete":
                    continue
                if operation["operationId"] == "create_webhook_endpoint":
                    continue  # its URL is somebody's
                answer = await client.request(method, url, json=body)
                assert answer.is_success, (method, url, answer.text)
                tried.add(operation["operationId"])
    assert tried >= {"put_prompt_label", "generate_with_prompt", "query_collection", "get_document"}
