"""Batches that cannot be used: refused as a whole, before anything is kept."""

import json
from typing import Any

import httpx
import pytest

from service.batches.ports import MAX_ITEMS
from tests.conftest import ServiceFactory
from tests.disk import no_file_may_grow_beyond
from tests.e2e.durable_batches import UPLOAD, upload
from tests.e2e.routes import BATCHES, error_of

GOOD_LINE = b'{"prompt": "good"}\n'


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        (b'{"prompt": ""}', "file.3.prompt", "Line 3: This must not be empty"),
        (b'{"text": "x"}', "file.3.prompt", "Line 3: This field is required"),
        (b'{"prompt": "x"', "file.3", "Line 3: This is not valid JSON"),
        (b'{"prompt": "x", "top_p": NaN}', "file.3", "Line 3: This is not valid JSON"),
        (b'{"prompt": "\xff"}', "file.3", "Line 3: This is not valid JSON"),
        (b"[]", "file.3", "Line 3: This must be an object"),
        (b'{"prompt": "x", "custom_id": ""}', "file.3.custom_id", "Line 3: This must not be empty"),
        (b'{"prompt": "x", "custom_id": "a\\u0000"}', "file.3.custom_id", None),
        (
            b'{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
            "file.3.messages.0.content.0.text",
            "Line 3: This field is required",
        ),
        (
            b'{"messages": [{"role": "user", "content": "x"}], "conversation_id": "conv_1"}',
            "file.3.conversation_id",
            "Line 3: Turns of a conversation are not taken in batches",
        ),
    ],
)
async def test_a_bad_line_is_refused_with_its_number_before_anything_is_kept(
    line: bytes, field: str, message: str | None, refusing: httpx.AsyncClient
) -> None:
    answer = await upload(refusing, GOOD_LINE + b"\n" + line + b"\n" + GOOD_LINE)
    error = error_of(answer, 400, "validation_error", field=field)
    assert message in (None, error["message"])
    assert (await refusing.get(BATCHES)).json()["data"] == []


async def test_two_requests_of_one_name_are_refused(refusing: httpx.AsyncClient) -> None:
    twins = [{"custom_id": "x", "prompt": "a"}, {"prompt": "b"}, {"custom_id": "x", "prompt": "c"}]
    answer = await refusing.post(BATCHES, json={"requests": twins})
    error_of(answer, 400, "validation_error", field="requests.2.custom_id")
    lines = b"".join(json.dumps(twin).encode() + b"\n" for twin in twins)
    answer = await upload(refusing, lines)
    error = error_of(answer, 400, "validation_error", field="file.3.custom_id")
    assert error["message"].startswith("Line 3: ")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompts"),
        ({"prompts": []}, "prompts"),
        ({"prompts": ["a"], "requests": [{"prompt": "b"}]}, "requests"),
        ({"requests": [{"prompt": "a"}], "model": "haiku"}, "model"),
        (
            {"requests": [{"prompt": "a"}, {"prompt": "b", "temperature": 3}]},
            "requests.1.temperature",
        ),
        ({"requests": [5]}, "requests.0"),
        ({"prompts": ["a"], "max_concurrency": 101}, "max_concurrency"),
        ({"prompts": ["a"], "requests_per_second": 0}, "requests_per_second"),
        ({"prompts": ["a"], "mode": "elsewhere"}, "mode"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_by_the_name_of_its_field(
    body: dict[str, Any], field: str, refusing: httpx.AsyncClient
) -> None:
    error_of(await refusing.post(BATCHES, json=body), 400, "validation_error", field=field)


async def test_more_than_fifty_thousand_requests_are_refused(refusing: httpx.AsyncClient) -> None:
    answer = await upload(refusing, b'{"prompt":"x"}\n' * (MAX_ITEMS + 1))
    error_of(answer, 400, "validation_error", field="file")
    answer = await upload(refusing, b"\n \n")
    error_of(answer, 400, "validation_error", field="file")


@pytest.mark.parametrize(
    ("boundary", "reason"), [("", "Missing boundary"), ("; boundary=x", "Invalid multipart data")]
)
async def test_an_upload_that_is_no_form_is_told_why(
    boundary: str, reason: str, refusing: httpx.AsyncClient
) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}"}
    answer = await refusing.post(UPLOAD, content=GOOD_LINE, headers=headers)
    assert reason in error_of(answer, 400, "validation_error")["message"]


async def test_an_upload_that_the_disk_has_no_room_for_is_no_fault_of_the_callers(
    refusing: httpx.AsyncClient,
) -> None:
    answered = await upload(refusing, b" ")  # what is made at the first request is made by now
    assert answered.status_code == 400
    with no_file_may_grow_beyond(4 * 1024 * 1024):
        answer = await upload(refusing, b" " * 6 * 1024 * 1024)
    error_of(answer, 503, "service_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (await upload(refusing, GOOD_LINE)).status_code == 202


async def test_an_upload_that_is_no_form_with_a_file_is_refused(
    refusing: httpx.AsyncClient,
) -> None:
    answer = await refusing.post(UPLOAD, json={"file": "x"})
    error_of(answer, 415, "unsupported_media_type")
    answer = await refusing.post(UPLOAD, files={"other": b"x"})
    error_of(answer, 400, "validation_error", field="file")
    answer = await refusing.post(UPLOAD, data={"file": "x"}, files={"other": b"x"})
    error = error_of(answer, 400, "validation_error", field="file")
    assert error["message"] == "This must be a file"
    two = [("file", ("a", GOOD_LINE)), ("file", ("b", GOOD_LINE))]
    error_of(await refusing.post(UPLOAD, files=two), 400, "validation_error", field="file")
    answer = await upload(refusing, GOOD_LINE, max_concurrency="many")
    error_of(answer, 400, "validation_error", field="max_concurrency")
    answer = await upload(refusing, GOOD_LINE, unknown="1")
    error_of(answer, 400, "validation_error", field="unknown")
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await refusing.post(UPLOAD, content=b"--y", headers=broken)
    error_of(answer, 400, "validation_error")


async def test_an_upload_that_is_too_large_is_refused(start_service: ServiceFactory) -> None:
    async with start_service(max_upload_bytes=1000).client() as client:
        answer = await upload(client, GOOD_LINE * 100)
        assert error_of(answer, 413, "payload_too_large")["limit_bytes"] == 1000

        async def unannounced() -> Any:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            yield GOOD_LINE * 100

        form = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await client.post(UPLOAD, content=unannounced(), headers=form)
        error_of(answer, 413, "payload_too_large")


async def test_a_line_that_is_too_long_is_refused(start_service: ServiceFactory) -> None:
    async with start_service(max_body_bytes=1000).client() as client:
        line = json.dumps({"prompt": "x" * 1000}).encode()
        answer = await upload(client, GOOD_LINE + line)
        error = error_of(answer, 400, "validation_error", field="file.2")
        assert error["message"] == "Line 2: This is longer than 1000 bytes"
