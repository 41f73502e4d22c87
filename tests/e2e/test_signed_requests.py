"""Signed requests over the wire: by a key's holder, as they are, just now and once."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.e2e.keys import add_key
from tests.e2e.routes import EMBEDDINGS, GENERATE, GENERATE_STREAM, JSON_TYPE, MODELS, error_of
from tests.redis import RedisServer
from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.simulator import Simulator, Stall
from tests.sse import events_of

BODY = b'{"prompt": "Hello"}'
MAX_BODY_BYTES = 1000
_fractions = count()


def signature(
    method: str, target: str, body: bytes = b"", *, key: str = ADMIN_KEY, timestamp: str = ""
) -> dict[str, str]:
    """The headers that sign a request, as a client computes them: from the contract, not from our code."""
    timestamp = timestamp or f"{int(time.time())}.{next(_fractions):06}"
    text = f"{method}\n{target}\n{timestamp}\n{hashlib.sha256(body).hexdigest()}"
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {"X-Timestamp": timestamp, "X-Signature": digest}


def settings_for(mode: str, simulator: Simulator) -> dict[str, object]:
    return {
        "anthropic_api_key": "sk-ant-simulated",
        "anthropic_base_url": simulator.anthropic_base_url,
        "openai_api_key": "sk-simulated",
        "openai_base_url": simulator.openai_base_url,
        "max_body_bytes": MAX_BODY_BYTES,
        "request_signing": mode,
    }


@pytest.fixture(scope="module", params=["optional", "required"])
def signing(
    request: pytest.FixtureRequest, _simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that checks signatures."""
    settings = make_settings(
        tmp_path_factory.mktemp("data"), **settings_for(request.param, _simulator)
    )
    with RunningService(settings) as service:
        yield service


@pytest.fixture
async def client(signing: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the admin key, which signs nothing by itself."""
    async with signing.client() as ready:
        ready.headers.update(JSON_TYPE)
        yield ready


def assert_refused(answer: httpx.Response, words: str) -> None:
    """It is a 401 that says why."""
    assert words in error_of(answer, 401, "authentication_error")["message"]


async def test_a_signed_request_is_served(client: httpx.AsyncClient) -> None:
    answer = await client.post(GENERATE, content=BODY, headers=signature("POST", GENERATE, BODY))
    assert answer.status_code == 200
    assert answer.json()["text"]
    assert (await client.get(MODELS, headers=signature("GET", MODELS))).status_code == 200


async def test_path_and_query_are_signed_as_they_are_sent(client: httpx.AsyncClient) -> None:
    target = f"{MODELS}?a=%20b&c=%C3%A9&&d"
    answer = await client.get(target, headers=signature("GET", target))
    assert answer.status_code == 200
    assert_refused(await client.get(target, headers=signature("GET", MODELS)), "does not fit")
    odd = "/api/v1/g%65nerate"
    answer = await client.post(odd, content=BODY, headers=signature("POST", odd, BODY))
    assert answer.status_code == 200
    answer = await client.post(odd, content=BODY, headers=signature("POST", GENERATE, BODY))
    assert_refused(answer, "does not fit")


async def test_a_signed_stream_arrives(client: httpx.AsyncClient) -> None:
    headers = signature("POST", GENERATE_STREAM, BODY)
    async with client.stream("POST", GENERATE_STREAM, content=BODY, headers=headers) as answer:
        events = [event async for event in events_of(answer)]
    assert events[-1]["type"] == "done"


@pytest.mark.parametrize("path", [GENERATE, GENERATE_STREAM])
async def test_hanging_up_on_a_signed_request_stops_the_provider(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    body = b'{"prompt": "wait", "cache": false}'
    headers = signature("POST", path, body)
    call = asyncio.create_task(client.post(path, content=body, headers=headers))
    await simulator.wait_for(lambda s: s.calls)
    call.cancel()
    await asyncio.wait([call])
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


async def test_a_body_in_pieces_is_signed_as_a_whole(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in BODY:
            yield bytes([byte])

    headers = signature("POST", GENERATE, BODY)
    assert (await client.post(GENERATE, content=pieces(), headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"X-Signature": "0" * 64}, "does not fit"),
        ({"X-Signature": "nonsense"}, "does not fit"),
        ({"X-Timestamp": ""}, "X-Timestamp"),
        ({"X-Timestamp": "yesterday"}, "X-Timestamp"),
        ({"X-Timestamp": "1763900000"}, "X-Timestamp"),
    ],
)
async def test_a_signature_that_is_not_right_is_a_401(
    changed: dict[str, str], words: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    headers = signature("POST", GENERATE, BODY) | changed
    assert_refused(await client.post(GENERATE, content=BODY, headers=headers), words)
    assert simulator.calls == []


async def test_a_time_that_was_not_signed_is_a_401(client: httpx.AsyncClient) -> None:
    headers = signature("POST", GENERATE, BODY) | {"X-Timestamp": str(int(time.time()) - 1)}
    assert_refused(await client.post(GENERATE, content=BODY, headers=headers), "does not fit")


async def test_a_signature_holds_for_its_own_request_only(
    client: httpx.AsyncClient, signing: RunningService, simulator: Simulator
) -> None:
    other = await add_key(signing)
    refused = [
        await client.post(GENERATE, content=BODY + b" ", headers=signature("POST", GENERATE, BODY)),
        await client.post(EMBEDDINGS, content=BODY, headers=signature("POST", GENERATE, BODY)),
        await client.put(GENERATE, content=BODY, headers=signature("POST", GENERATE, BODY)),
        await client.post(
            f"{GENERATE}?x=1", content=BODY, headers=signature("POST", GENERATE, BODY)
        ),
        await client.post(
            GENERATE,
            content=BODY,
            headers=signature("POST", GENERATE, BODY, key=other),
        ),
    ]
    for answer in refused:
        assert_refused(answer, "does not fit")
    assert simulator.calls == []


async def test_a_replay_is_a_401_whatever_became_of_the_first(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    headers = signature("POST", GENERATE, BODY)
    first, *rest = await asyncio.gather(
        *(client.post(GENERATE, content=BODY, headers=headers) for _ in range(5))
    )
    answers = sorted((first, *rest), key=lambda answer: answer.status_code)
    assert answers[0].status_code == 200
    for replay in answers[1:]:
        assert_refused(replay, "has come before")
    broken = b"{"
    headers = signature("POST", GENERATE, broken)
    error_of(await client.post(GENERATE, content=broken, headers=headers), 400, "validation_error")
    assert_refused(await client.post(GENERATE, content=broken, headers=headers), "has come before")


async def test_a_wrong_key_is_refused_before_its_signature_is_looked_at(
    client: httpx.AsyncClient,
) -> None:
    headers = signature("POST", GENERATE, BODY, key="sk-ais-wrong") | {"X-API-Key": "sk-ais-wrong"}
    answer = await client.post(GENERATE, content=BODY, headers=headers)
    assert_refused(answer, "Invalid or missing API key")


async def test_a_signed_body_over_the_limit_is_a_413(client: httpx.AsyncClient) -> None:
    large = json.dumps({"prompt": "x" * MAX_BODY_BYTES}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield large

    for content in (large, pieces()):
        headers = signature("POST", GENERATE, large)
        answer = await client.post(GENERATE, content=content, headers=headers)
        error_of(answer, 413, "payload_too_large")


async def test_a_caller_who_hangs_up_in_the_middle_of_a_signed_body_leaves_nothing_behind(
    client: httpx.AsyncClient, signing: RunningService
) -> None:
    host, port = signing.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST {GENERATE} HTTP/1.1", f"Host: {host}", f"X-API-Key: {ADMIN_KEY}"]
    lines += [f"{name}: {value}" for name, value in signature("POST", GENERATE, BODY).items()]
    lines += [f"Content-Length: {len(BODY)}", "", ""]
    writer.write("\r\n".join(lines).encode() + BODY[:5])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    while 'status="499"' not in (await client.get("/metrics")).text:
        pass  # it is counted when it has been noticed
    in_flight = "ai_service_requests_in_flight 1.0"  # the scrape itself
    assert in_flight in (await client.get("/metrics")).text


async def test_where_signing_is_required_nothing_unsigned_passes_under_the_api(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    async with start_service(request_signing="required").client() as client:
        for method, path in (("POST", GENERATE), ("GET", MODELS), ("GET", "/api/v1/nothing")):
            answer = await client.request(method, path, content=BODY, headers=JSON_TYPE)
            assert_refused(answer, "must be signed")
        for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
            assert (await client.get(path)).status_code == 200
    assert simulator.calls == []


async def test_where_signing_is_optional_a_request_without_a_signature_passes(
    start_service: ServiceFactory,
) -> None:
    async with start_service(request_signing="optional").client() as client:
        assert (await client.post(GENERATE, json={"prompt": "Hello"})).status_code == 200
        assert (await client.get(MODELS, headers={"X-Timestamp": "0"})).status_code == 200


async def test_where_signing_is_off_nobody_looks_at_signatures(service: RunningService) -> None:
    async with service.client() as client:
        answer = await client.get(MODELS, headers={"X-Signature": "nonsense"})
    assert answer.status_code == 200


async def test_replicas_over_one_redis_refuse_each_others_replays_and_work_on_without_it(
    start_service: ServiceFactory,
) -> None:
    with RedisServer() as redis:
        replicas = [
            start_service(request_signing="required", redis_url=redis.url, cache_ttl_seconds=0)
            for _ in range(2)
        ]
        async with replicas[0].client() as one, replicas[1].client() as other:

            async def is_refused_by_the_other() -> bool:
                headers = signature("GET", MODELS)
                assert (await one.get(MODELS, headers=headers)).status_code == 200
                replay = await other.get(MODELS, headers=headers)
                return "has come before" in replay.text

            # One is enough: on a busy machine Redis may answer too late for another.
            assert any([await is_refused_by_the_other() for _ in range(5)])
            redis.stop()
            headers = signature("GET", MODELS)
            assert (await one.get(MODELS, headers=headers)).status_code == 200
            assert_refused(await one.get(MODELS, headers=headers), "has come before")
