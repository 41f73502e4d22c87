"""Requests that are wrong around the body: hosts, paths and methods."""

import asyncio
import json

import httpx
import pytest

from tests.e2e.routes import (
    CANARY,
    GENERATE,
    GOOD_BODIES,
    POST_ROUTES,
    error_of,
    raw_exchange,
    raw_post,
)
from tests.ledger import ledger_rows
from tests.running import RunningService
from tests.simulator import Simulator

GET_ROUTES = ("/api/v1/models", "/healthz", "/readyz", "/metrics", "/docs")
GOOD = json.dumps(GOOD_BODIES[GENERATE]).encode()

BAD_HOSTS = {
    "brackets": "Host: ][",
    "empty": "Host:",
    "blank": "Host:   ",
    "none": "X-No: host",
    "two": "Host: localhost\r\nHost: example.com",
    "two of the same": "Host: localhost\r\nHost: localhost",
    "space inside": "Host: local host",
    "open bracket": "Host: [::1",
    "path": "Host: localhost/../x",
    "user": "Host: user@localhost",
    "scheme": "Host: http://localhost",
    "port too large": "Host: localhost:65536",
    "port is no number": "Host: localhost:http",
    "two ports": "Host: localhost:80:80",
    "latin-1": "Host: loc\xe4lhost",
    "quotes": 'Host: "localhost"',
    "script": "Host: <script>",
    "list": "Host: localhost, example.com",
}
GOOD_HOSTS = [
    "localhost",
    "localhost:8000",
    "127.0.0.1:1",
    "[::1]",
    "[::1]:8000",
    "a-b.c_d.example:",
]


@pytest.mark.parametrize("host", BAD_HOSTS.values(), ids=BAD_HOSTS)
@pytest.mark.parametrize("path", [GENERATE, "/healthz", "/no/such/path"])
async def test_an_odd_host_is_a_400_everywhere(
    path: str, host: str, refusing: httpx.AsyncClient, shared_service: RunningService
) -> None:
    answer = await raw_exchange(shared_service, raw_post(path, GOOD, host))
    error = error_of(answer, 400, "validation_error")
    assert error["message"] == "The Host header is missing or malformed"


@pytest.mark.parametrize(
    "lines", ["Host: localhost\r\nX: a\rb", "Host: local\rhost", "Host: a\nb", "Host: a\0b", "Host"]
)
async def test_a_line_break_in_a_header_is_turned_away_by_the_server(
    lines: str, refusing: httpx.AsyncClient, shared_service: RunningService
) -> None:
    """The HTTP parser itself refuses these: no middleware sees them."""
    answer = await raw_exchange(shared_service, raw_post(GENERATE, GOOD, lines))
    error = error_of(answer, 400, "validation_error")
    assert error["message"] == "This is not a valid HTTP request"
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\0\x01",
        b"GET\r\n\r\n",
        b"FOO / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_bytes_that_are_no_http_get_the_envelope_and_are_not_repeated(
    request_bytes: bytes, refusing: httpx.AsyncClient, shared_service: RunningService
) -> None:
    canary = b"X-API-Key: " + CANARY.encode() + b"\r\n\r\n"
    answer = await raw_exchange(shared_service, request_bytes.removesuffix(b"\r\n") + canary)
    error_of(answer, 400, "validation_error")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_ask_with_head(path: str, refusing: httpx.AsyncClient) -> None:
    answer = await refusing.head(path)
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize("host", GOOD_HOSTS)
async def test_hosts_of_every_regular_form_are_served(
    host: str, shared_service: RunningService
) -> None:
    request = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    assert (await raw_exchange(shared_service, request)).status_code == 200


async def test_an_http_1_0_probe_needs_no_host(shared_service: RunningService) -> None:
    answer = await raw_exchange(shared_service, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/generate",
        "/api/v1/generates",
        "/api/v1/generate/streams",
        "/api/v1/models/haiku",
        "/API/V1/GENERATE",
        "/api/v1/generate%00",
        "/api/v1/generate%2Fstream%2F",
        "/api/v1/../v1/nothing",
        "/docs/assets/",
        "/docs/assets/%2e%2e/%2e%2e/__init__.py",
        "/docs/assets/no-such-file.js",
        "/docs/assets/%00",
        "/redoc",
        "/docs/oauth2-redirect",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_an_unknown_path_is_a_404(
    method: str, path: str, refusing: httpx.AsyncClient, shared_service: RunningService
) -> None:
    url = httpx.URL(shared_service.url, raw_path=path.encode())
    answer = await refusing.request(method, url, content=GOOD)
    if path.startswith("/docs/assets/") and method != "GET":
        error_of(answer, 405, "method_not_allowed")
    else:
        error_of(answer, 404, "not_found")


@pytest.mark.parametrize("path", [*POST_ROUTES, *GET_ROUTES])
async def test_a_trailing_slash_is_another_path_and_is_not_redirected(
    path: str, refusing: httpx.AsyncClient
) -> None:
    for method in ("GET", "POST"):
        error_of(await refusing.request(method, f"{path}/", content=GOOD), 404, "not_found")


@pytest.mark.parametrize("path", [*POST_ROUTES, *GET_ROUTES])
async def test_a_wrong_method_is_a_405_that_tells_the_right_one(
    path: str, refusing: httpx.AsyncClient
) -> None:
    right = "POST" if path in POST_ROUTES else "GET"
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - {right}:
        answer = await refusing.request(method, path)
        error_of(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == right


@pytest.mark.parametrize("path", POST_ROUTES)
async def test_head_is_a_405_without_a_body(path: str, refusing: httpx.AsyncClient) -> None:
    answer = await refusing.head(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["x-request-id"]
    assert answer.content == b""


@pytest.mark.parametrize("path", POST_ROUTES)
async def test_query_parameters_change_nothing(path: str, client: httpx.AsyncClient) -> None:
    answer = await client.post(path, params={"model": "\0", "prompt": "x"}, json=GOOD_BODIES[path])
    assert answer.status_code == 200


async def test_requests_that_are_no_http_leave_the_service_as_it_was(
    shared_service: RunningService, simulator: Simulator
) -> None:
    host, port = shared_service.url.removeprefix("http://").split(":")
    for noise in (
        b"\x16\x03\x01\x02\0\x01",
        b"\0" * 1000,
        b"GET\r\n\r\n",
        b"FOO / HTTP/1.1\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(noise)
        async with asyncio.timeout(5):
            assert b"Traceback" not in await reader.read()
        writer.close()
    async with shared_service.client() as client:
        assert (await client.get("/healthz")).status_code == 200
    assert simulator.calls == []
    assert ledger_rows(shared_service.settings.data_dir) == []
