"""One JSON line a request, with the facts and without the content."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.routes import (
    BATCH,
    CHAT,
    CHAT_STREAM,
    EMBEDDINGS,
    GENERATE,
    GENERATE_STREAM,
    MODELS,
)
from tests.ledger import settled_rows
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY
from tests.simulator import Cut, Malformed, Reply, Simulator, bad_request, overloaded
from tests.sse import read_stream

PROMPT = "canary-prompt-5d1e"
ANSWER = "canary-answer-9b7c"
SYSTEM = "canary-system-33aa"
ANTHROPIC_KEY = "sk-ant-canary-4c4c4c"
OPENAI_KEY = "sk-canary-7e7e7e"
WRONG_KEY = "sk-ais-canary-wrong-2f2f"
IDEMPOTENCY_KEY = "canary-idempotency-66d1"
CANARIES = (
    PROMPT,
    ANSWER,
    SYSTEM,
    ANTHROPIC_KEY,
    OPENAI_KEY,
    WRONG_KEY,
    ADMIN_KEY,
    IDEMPOTENCY_KEY,
)
CHAT_BODY = {
    "messages": [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": [{"type": "text", "text": f"{PROMPT} again"}]},
    ],
    "cache": False,
}
BODY = {"prompt": PROMPT, "system": SYSTEM, "cache": False}


def environment(simulator: Simulator, **more: str) -> dict[str, str]:
    """A service in front of the simulator that logs all it ever logs."""
    return {
        "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "OPENAI_API_KEY": OPENAI_KEY,
        "OPENAI_BASE_URL": simulator.openai_base_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "AI_SERVICE_LOG_LEVEL": "debug",
        "AI_SERVICE_MAX_ATTEMPTS": "1",
        "AI_SERVICE_BREAKER_FAILURES": "1000",
    } | more


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the process runs."""
    return tmp_path_factory.mktemp("process")


@pytest.fixture(scope="module")
def process(_simulator: Simulator, data_dir: Path) -> Iterator[ServiceProcess]:
    """The service as an operator runs it."""
    with ServiceProcess(data_dir, **environment(_simulator)) as running:
        yield running


@pytest.fixture
async def client(process: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the admin key."""
    async with process.client(ADMIN_KEY) as ready:
        yield ready


def lines_of(process: ServiceProcess, request_id: str) -> list[dict[str, Any]]:
    """The lines about one request, of which the last has come: each is a JSON object."""
    lines = [json.loads(line) for line in process.output if request_id in line]
    return [line for line in lines if line.get("request_id") == request_id]


def line_of(process: ServiceProcess, request_id: str) -> dict[str, Any]:
    """The one line about a request."""
    process.wait_for_line(request_id)
    (line,) = lines_of(process, request_id)
    return line


def promised(line: dict[str, Any], path: str, status: int) -> None:
    """What every line has."""
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert (line["path"], line["status"]) == (path, status)
    assert line["method"] in ("GET", "POST")
    assert line["duration_ms"] > 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (GENERATE, BODY),
        (GENERATE_STREAM, BODY),
        (CHAT, CHAT_BODY),
        (CHAT_STREAM, CHAT_BODY),
        (EMBEDDINGS, {"input": PROMPT}),
    ],
)
async def test_a_request_to_a_model_is_one_line_with_its_ids_tokens_cost_and_timings(
    path: str, body: dict[str, Any], client: httpx.AsyncClient, process: ServiceProcess
) -> None:
    request_id = "line-" + path.rpartition("v1/")[2].replace("/", "-")
    answer = await client.post(path, json=body, headers={"X-Request-ID": request_id})
    assert answer.status_code == 200
    line = line_of(process, request_id)
    promised(line, path, 200)
    is_embedding = path == EMBEDDINGS
    assert line["id"].startswith("req_")
    assert line["id"] in answer.text
    assert (line["tenant"], line["key_id"]) == ("default", "key_admin")
    assert line["model"] == ("embedding" if is_embedding else "haiku")
    assert line["provider"] == ("openai" if is_embedding else "anthropic")
    assert line["provider_model"]
    assert line["input_tokens"] > 0
    assert (line["output_tokens"] > 0) != is_embedding
    assert line["cost_usd"] > 0
    assert line["usage_source"] == "provider"
    assert (line["attempts"], line["outcome"], line["error_type"]) == (1, "completed", None)
    assert (line["first_token_ms"] is not None) == path.endswith("/stream")


async def test_a_batch_has_a_line_for_each_request_and_one_for_itself(
    client: httpx.AsyncClient, process: ServiceProcess
) -> None:
    body = {"prompts": [f"{PROMPT} {n}" for n in range(3)]}
    await client.post(BATCH, json=body, headers={"X-Request-ID": "line-batch"})
    line = {"event": ""}
    while line["event"] != "request":
        line = json.loads(process.wait_for_line("line-batch"))
    *items, whole = lines_of(process, "line-batch")
    promised(whole, BATCH, 200)
    assert [item["event"] for item in items] == ["batch item"] * 3
    assert {item["index"] for item in items} == {0, 1, 2}
    assert all(item["id"].startswith("req_") and item["cost_usd"] > 0 for item in items)


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "status", "error_type"),
    [
        ("GET", MODELS, None, ADMIN_KEY, 200, None),
        ("GET", "/healthz", None, None, 200, None),
        ("POST", GENERATE, BODY, WRONG_KEY, 401, "authentication_error"),
        ("POST", GENERATE, BODY | {"stop": PROMPT}, ADMIN_KEY, 400, "validation_error"),
        ("POST", GENERATE, BODY | {"model": PROMPT}, ADMIN_KEY, 400, "validation_error"),
        ("POST", "/api/v1/nothing", BODY, ADMIN_KEY, 404, "not_found"),
        ("GET", GENERATE, None, ADMIN_KEY, 405, "method_not_allowed"),
    ],
)
async def test_every_other_request_is_one_line_too(
    method: str,
    path: str,
    body: dict[str, Any] | None,
    key: str | None,
    status: int,
    error_type: str | None,
    process: ServiceProcess,
) -> None:
    request_id = f"line-{status}-{method}-{path.count('/')}-{len(str(body))}"
    async with process.client(key) as client:
        headers = {"X-Request-ID": request_id}
        answer = await client.request(
            method, path, json=body, headers=headers, params={"q": PROMPT}
        )
    assert answer.status_code == status
    line = line_of(process, request_id)
    promised(line, path, status)
    assert line.get("error_type") == error_type


@pytest.mark.parametrize(
    ("fault", "path", "status", "error_type"),
    [
        (overloaded(), GENERATE, 503, "service_unavailable"),
        (Malformed("html"), CHAT, 502, "provider_error"),
        (bad_request(f"{PROMPT} is too long ({ANTHROPIC_KEY})"), GENERATE, 400, "validation_error"),
        (Cut(after_words=1), CHAT_STREAM, 200, "provider_error"),
    ],
    ids=["overloaded", "garbage", "rejected", "cut"],
)
async def test_a_failure_of_a_provider_is_one_line_that_names_it(
    fault: Any,
    path: str,
    status: int,
    error_type: str,
    client: httpx.AsyncClient,
    process: ServiceProcess,
    simulator: Simulator,
) -> None:
    for vendor in ("anthropic", "openai"):
        simulator.always(fault, on=vendor)
    request_id = f"line-fault-{status}"
    body = CHAT_BODY if path.startswith(CHAT) else BODY
    answer = await client.post(path, json=body, headers={"X-Request-ID": request_id})
    assert answer.status_code == status
    assert ANTHROPIC_KEY not in answer.text
    line = line_of(process, request_id)
    promised(line, path, status)
    assert (line["error_type"], line["outcome"]) == (error_type, "failed")
    assert line["attempts"] >= 1


async def test_a_replay_is_one_line_that_says_so_and_costs_nothing(
    client: httpx.AsyncClient, process: ServiceProcess
) -> None:
    for request_id in ("line-first", "line-replay"):
        headers = {"X-Request-ID": request_id, "Idempotency-Key": "once"}
        assert (await client.post(GENERATE, json=BODY, headers=headers)).status_code == 200
    line = line_of(process, "line-replay")
    promised(line, GENERATE, 200)
    assert line["replayed"] is True
    assert "cost_usd" not in line
    (first,) = lines_of(process, "line-first")
    assert "replayed" not in first


async def test_content_and_keys_are_in_no_log_no_metric_and_no_file(
    client: httpx.AsyncClient, process: ServiceProcess, simulator: Simulator, data_dir: Path
) -> None:
    simulator.always(Reply(text=f"{ANSWER} one two three"), on="anthropic")
    answer = await client.post(GENERATE, json=BODY)
    assert ANSWER in answer.text
    await read_stream(client, CHAT_STREAM, CHAT_BODY)
    await client.post(EMBEDDINGS, json={"input": PROMPT})
    await client.post(BATCH, json={"prompts": [PROMPT]})
    for _ in range(2):
        kept = await client.post(GENERATE, json=BODY, headers={"Idempotency-Key": IDEMPOTENCY_KEY})
        assert ANSWER in kept.text
    assert kept.headers["idempotency-replayed"] == "true"
    refused = await client.post(
        GENERATE, json=BODY, headers={"X-API-Key": WRONG_KEY, "X-Request-ID": "line-last"}
    )
    metrics = await client.get("/metrics")
    process.wait_for_line("line-last")
    await settled_rows(data_dir / "data", 5)
    for text in ("\n".join(process.output), metrics.text, refused.text):
        assert [canary for canary in CANARIES if canary in text] == []
    assert found_in_files(data_dir, "key_admin"), "the database is among the files"
    assert found_in_files(data_dir, *CANARIES) == []


def found_in_files(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """The files that hold any of the texts, as bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [(f.name, text) for f in files for text in texts if text.encode() in f.read_bytes()]


async def test_content_is_on_the_line_where_the_operator_asked_for_it(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Reply(text=ANSWER), on="anthropic")
    variables = environment(simulator, AI_SERVICE_CONTENT_LOGGING="true")
    with ServiceProcess(tmp_path, **variables) as process:
        async with process.client(ADMIN_KEY) as client:
            await client.post(GENERATE, json=BODY, headers={"X-Request-ID": "content-plain"})
            await client.post(
                CHAT_STREAM, json=CHAT_BODY, headers={"X-Request-ID": "content-stream"}
            )
            for request_id in ("content-plain", "content-stream"):
                line = line_of(process, request_id)
                assert PROMPT in line["input_text"]
                assert SYSTEM in line["input_text"]
                assert line["output_text"] == ANSWER
            await client.post(
                GENERATE, json=BODY, headers={"X-API-Key": WRONG_KEY, "X-Request-ID": "content-401"}
            )
            process.wait_for_line("content-401")
        output = "\n".join(process.output)
    assert [key for key in (ANTHROPIC_KEY, OPENAI_KEY, WRONG_KEY, ADMIN_KEY) if key in output] == []
