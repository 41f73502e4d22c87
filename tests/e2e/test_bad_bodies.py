"""Bodies that are no plain JSON object of reasonable size, on every route that takes a body."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.routes import (
    BATCH,
    CANARY,
    CHAT,
    EMBEDDINGS,
    GENERATE,
    GOOD_BODIES,
    JSON_TYPE,
    POST_ROUTES,
    error_of,
    raw_exchange,
    raw_post,
)
from tests.ledger import settled_rows
from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Simulator

LIMIT_BYTES = 1_000_000
EVERY_ROUTE = pytest.mark.parametrize("path", POST_ROUTES)


def with_raw(path: str, name: str, raw: bytes) -> bytes:
    """A good body of the route with one more field, whose JSON is `raw`."""
    good = json.dumps(GOOD_BODIES[path]).encode()
    return good[:-1] + b', "' + name.encode() + b'": ' + raw + b"}"


DEEP = b"[" * 5000 + b"]" * 5000
NO_JSON: dict[str, bytes] = {
    "blank": b" ",
    "text": CANARY.encode(),
    "cut": b'{"prompt": "Hel',
    "single quotes": b"{'prompt': 'Hello'}",
    "trailing comma": b'{"prompt": "Hello",}',
    "two values": b'{"prompt": "Hello"} {}',
    "invalid UTF-8": b'{"prompt": "\xff\xfe"}',
    "cut UTF-8": b'{"prompt": "\xe2\x82"}',
    "BOM": b'\xef\xbb\xbf{"prompt": "Hello"}',
    "UTF-16": '{"prompt": "Hello"}'.encode("utf-16"),
    "lone surrogate": b'{"prompt": "\\ud83d"}',
    "surrogates the wrong way round": b'{"prompt": "\\ude00\\ud83d"}',
    "raw NUL": b'{"prompt": "a\0b"}',
    "raw line break": b'{"prompt": "a\nb"}',
    "5000 deep": DEEP,
    "5000 deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "gzip": gzip.compress(b'{"prompt": "Hello"}'),
}
NOT_AN_OBJECT = ["[]", '["Hello"]', '"Hello"', "5", "true", "null"]


@EVERY_ROUTE
@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
async def test_a_body_that_is_not_json_is_refused(
    path: str, body: bytes, refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(path, content=body, headers=JSON_TYPE)
    error = error_of(answer, 400, "validation_error")
    assert error["message"] == "The body is not valid JSON"


@EVERY_ROUTE
@pytest.mark.parametrize("body", NOT_AN_OBJECT)
async def test_a_body_that_is_not_an_object_is_refused(
    path: str, body: str, refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(path, content=body, headers=JSON_TYPE)
    assert error_of(answer, 400, "validation_error")["message"] == "This must be an object"


@EVERY_ROUTE
@pytest.mark.parametrize("headers", [{}, JSON_TYPE, {"Content-Type": "text/plain"}])
async def test_no_body_is_a_missing_body(
    path: str, headers: dict[str, str], refusing: httpx.AsyncClient
) -> None:
    answer = await refusing.post(path, headers=headers)
    assert error_of(answer, 400, "validation_error")["message"] == "The body is missing"


@EVERY_ROUTE
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400])
@pytest.mark.parametrize("field", ["temperature", "max_concurrency", "anything"])
async def test_a_number_that_is_none_is_refused(
    path: str, number: str, field: str, refusing: httpx.AsyncClient
) -> None:
    body = with_raw(path, field, number.encode())
    answer = await refusing.post(path, content=body, headers=JSON_TYPE)
    assert answer.status_code == 400
    error_of(answer, 400, "validation_error", field=answer.json()["error"]["field"])
    assert number not in answer.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000])
@pytest.mark.parametrize(
    ("path", "around"),
    [
        (GENERATE, '{"prompt": "x", "provider_options": {"anthropic": {"budget": %s}}}'),
        (CHAT, '{"messages": [{"role": "user", "content": "x"}], "tools": [{"function":'
               ' {"name": "f", "parameters": {"maximum": [%s]}}}]}'),
        (BATCH, '{"requests": [{"prompt": "x", "provider_options": {"openai": {"a": [%s]}}}]}'),
    ],
)  # fmt: skip
async def test_a_number_that_is_none_is_refused_where_any_json_goes(
    path: str, around: str, number: str, refusing: httpx.AsyncClient
) -> None:
    """JSON has no such numbers: whatever they were written as, the provider would get another one."""
    answer = await refusing.post(path, content=around % number, headers=JSON_TYPE)
    error_of(answer, 400, "validation_error")


@EVERY_ROUTE
async def test_json_deeper_than_the_limit_is_refused_and_up_to_it_is_read(
    path: str, refusing: httpx.AsyncClient
) -> None:
    deep = {"anything": json.loads("[" * 64 + "]" * 64)}
    answer = await refusing.post(path, json=GOOD_BODIES[path] | deep)
    assert "nested" in error_of(answer, 400, "validation_error")["message"]
    deep = {"anything": json.loads("[" * 63 + "]" * 63)}
    answer = await refusing.post(path, json=GOOD_BODIES[path] | deep)
    error_of(answer, 400, "validation_error", field="anything")


@EVERY_ROUTE
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application",
        "json",
        "text/json",
        "application/jsonp",
    ],
)
async def test_another_content_type_is_a_415(
    path: str, content_type: str | None, refusing: httpx.AsyncClient
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    body = json.dumps(GOOD_BODIES[path]).encode()
    answer = await refusing.post(path, content=body, headers=headers)
    error_of(answer, 415, "unsupported_media_type")


@EVERY_ROUTE
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-unknown", "gzip, identity"])
async def test_a_content_encoding_is_a_415_and_nothing_is_unpacked(
    path: str, encoding: str, refusing: httpx.AsyncClient
) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    headers = JSON_TYPE | {"Content-Encoding": encoding}
    answer = await refusing.post(path, content=bomb, headers=headers)
    error_of(answer, 415, "unsupported_media_type")


@EVERY_ROUTE
async def test_a_declared_length_over_the_limit_is_a_413_before_a_byte_is_sent(
    path: str, refusing: httpx.AsyncClient, shared_service: RunningService
) -> None:
    head = raw_post(path, b"", "Host: localhost").replace(
        b"Content-Length: 0", b"Content-Length: %d" % (LIMIT_BYTES + 1)
    )
    error = error_of(await raw_exchange(shared_service, head), 413, "payload_too_large")
    assert error["limit_bytes"] == LIMIT_BYTES


@EVERY_ROUTE
async def test_a_chunked_body_is_refused_once_it_is_over_the_limit(
    path: str, refusing: httpx.AsyncClient, shared_service: RunningService
) -> None:
    """The client would go on for ever: only a refusal in between can end this test."""
    host, port = shared_service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {ADMIN_KEY}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    answered = asyncio.get_running_loop().create_task(reader.readuntil(b"}}"))
    async with asyncio.timeout(10):
        while not answered.done():
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)  # drain alone may never let the answer be read
    writer.close()
    head, _, body = (await answered).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert json.loads(body)["error"]["limit_bytes"] == LIMIT_BYTES


async def test_a_body_of_just_the_limit_is_read(refusing: httpx.AsyncClient) -> None:
    body = b'{"input": 5}'
    body += b" " * (LIMIT_BYTES - len(body))
    answer = await refusing.post(EMBEDDINGS, content=body, headers=JSON_TYPE)
    error_of(answer, 400, "validation_error", field="input")
    answer = await refusing.post(EMBEDDINGS, content=body + b" ", headers=JSON_TYPE)
    error_of(answer, 413, "payload_too_large")


@EVERY_ROUTE
async def test_a_caller_who_leaves_in_mid_body_disturbs_nobody(
    path: str, refusing: httpx.AsyncClient
) -> None:
    async def half_a_body() -> AsyncIterator[bytes]:
        yield b'{"prompt": "Hel'
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await refusing.post(path, content=half_a_body(), headers=JSON_TYPE)
    assert (await refusing.get("/healthz")).status_code == 200


@EVERY_ROUTE
async def test_the_json_type_may_have_parameters_and_a_suffix(
    path: str, client: httpx.AsyncClient
) -> None:
    body = json.dumps(GOOD_BODIES[path]).encode()
    for content_type in (
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/a+json",
    ):
        answer = await client.post(path, content=body, headers={"Content-Type": content_type})
        assert answer.status_code == 200, answer.text


NUL_BODIES: dict[str, dict[str, Any]] = {
    path: json.loads(json.dumps(body).replace("Hello", "He\\u0000llo"))
    for path, body in GOOD_BODIES.items()
}


@EVERY_ROUTE
async def test_a_nul_in_a_prompt_goes_to_the_model_and_does_not_break_storage(
    path: str, client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    answer = await client.post(path, json=NUL_BODIES[path])
    assert answer.status_code == 200, answer.text
    assert b"He\\u0000llo" in simulator.calls[0].raw_body
    (row,) = await settled_rows(tmp_path, 1)
    assert row["outcome"] == "completed"
