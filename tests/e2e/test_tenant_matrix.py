"""Whatever has an id in its path is not there for another tenant: every such route, now and to come.

The routes come from the OpenAPI document. A route with an object that nobody here makes fails: give its path
parameter a maker, and the operation a good body if it takes one.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.access.ports import ALL_SCOPES
from service.app import create_app
from tests.e2e.collections import add, make_collection
from tests.e2e.document import Document, Json
from tests.e2e.keys import KEYS, make_key
from tests.e2e.routes import GENERATE, error_of
from tests.running import RunningService, make_settings

Maker = Callable[[httpx.AsyncClient], Awaitable[str]]


async def make_a_key(owner: httpx.AsyncClient) -> str:
    made = await make_key(owner, "generate")
    return str(made["id"])


async def own_tenant(owner: httpx.AsyncClient) -> str:
    keys = (await owner.get(KEYS)).json()["data"]
    return str(keys[0]["tenant"])


async def make_a_request(owner: httpx.AsyncClient) -> str:
    answer = await owner.post(GENERATE, json={"prompt": "Hi", "cache": False})
    return str(answer.json()["id"])


async def make_a_collection(owner: httpx.AsyncClient) -> str:
    """It has a document, so that there is something to look for."""
    await add(owner, await make_collection(owner, "kb"), text="Text", id="doc_1")
    return "kb"


async def name_its_document(_: httpx.AsyncClient) -> str:
    return "doc_1"


MAKERS: dict[str, Maker] = {
    "collection": make_a_collection,
    "document_id": name_its_document,
    "key_id": make_a_key,
    "request_id": make_a_request,
    "tenant_id": own_tenant,
}
"""By path parameter: makes an object of the caller's tenant, and returns its id."""
BODIES: dict[str, Json] = {
    "change_key": {"name": "x"},
    "rotate_key": {},
    "mint_token": {},
    "put_tenant": {},
    "add_documents": {"text": "Text"},
    "retrieve": {"question": "Text"},
    "query_collection": {"question": "Text"},
    "stream_query_collection": {"question": "Text"},
}
"""By operation: a good body."""
MAKES_WHAT_IT_NAMES = frozenset({"put_collection"})
"""These operations make each tenant its own."""

DOCUMENT = Document(create_app(make_settings(Path("data"))).openapi())
ROUTES = [
    pytest.param(method, path, operation, id=operation["operationId"])
    for method, path, operation in DOCUMENT.operations()
    if "{" in path and operation["operationId"] not in MAKES_WHAT_IT_NAMES
]


@pytest.mark.parametrize(("method", "path", "operation"), ROUTES)
async def test_another_tenants_object_is_not_there(
    method: str,
    path: str,
    operation: Json,
    shared_service: RunningService,
    shared_client: httpx.AsyncClient,
) -> None:
    # Every scope but the one that rules all tenants.
    scopes = [scope for scope in ALL_SCOPES if scope != "operator"]
    owner_key, other_key = [
        (await make_key(shared_client, *scopes, tenant=tenant))["key"] for tenant in ("one", "two")
    ]
    async with (
        shared_service.client(key=owner_key) as owner,
        shared_service.client(key=other_key) as other,
    ):
        url = path
        for parameter in re.findall(r"{(\w+)}", path):
            assert parameter in MAKERS, f"MAKERS has nothing to make a {parameter} with"
            url = url.replace(f"{{{parameter}}}", await MAKERS[parameter](owner))
        # Its own comes last: it may end the object.
        theirs = await other.request(method, url, **_body(operation))
        owners = await owner.request(method, url, **_body(operation))
    if owners.status_code == 403:
        # For operators only, whose ever the object is.
        for answer in (theirs, owners):
            assert error_of(answer, 403, "authorization_error")["required_scope"] == "operator"
        return
    error_of(theirs, 404, "not_found")
    assert owners.is_success, owners.text


def _body(operation: Json) -> dict[str, Any]:
    if "requestBody" not in operation:
        return {}
    if "multipart/form-data" in operation["requestBody"]["content"]:
        return {"files": {"file": ("file.txt", b"Text")}}
    assert operation["operationId"] in BODIES, "BODIES has no body for this operation"
    return {"json": BODIES[operation["operationId"]]}
