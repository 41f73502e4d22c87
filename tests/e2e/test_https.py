"""Nothing but https, where the operator says so: on this service's own socket, or through a proxy."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.e2e.routes import GENERATE, GENERATE_STREAM, GOOD_BODIES, MODELS, POST_ROUTES, error_of
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.simulator import Simulator
from tests.sse import read_stream

HSTS = "max-age=63072000; includeSubDomains"
BY_HTTPS = {"X-Forwarded-Proto": "https"}
PROBED = ("/healthz", "/readyz", "/metrics")
PUBLIC = ("/docs", "/openapi.json", "/docs/assets/swagger-ui.css", "/nothing", "/")


@pytest.fixture(scope="module")
def behind_proxy(
    _simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that trusts a proxy at 127.0.0.1, as which every test calls."""
    settings = make_settings(
        tmp_path_factory.mktemp("data"),
        anthropic_api_key="sk-ant-simulated",
        anthropic_base_url=_simulator.anthropic_base_url,
        require_https=True,
        trusted_proxies="10.0.0.0/8, 127.0.0.1",
        cors_origins="https://app.example.com",
    )
    with RunningService(settings) as service:
        yield service


@pytest.mark.parametrize("path", [*POST_ROUTES, MODELS, "/api/v1/nothing", *PUBLIC])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_plain_request_is_refused_everywhere_without_a_redirect(
    method: str, path: str, behind_proxy: RunningService, simulator: Simulator
) -> None:
    async with behind_proxy.client() as client:
        answer = await client.request(method, path, json=GOOD_BODIES.get(path))
    error = error_of(answer, 400, "validation_error")
    assert "Use https" in error["message"]
    assert "location" not in answer.headers
    assert "strict-transport-security" not in answer.headers, "RFC 6797 keeps it off plain http"
    assert simulator.calls == []


@pytest.mark.parametrize("path", PROBED)
async def test_probes_and_scrapers_may_come_over_plain_http(
    path: str, behind_proxy: RunningService
) -> None:
    async with behind_proxy.client(key=None) as client:
        assert (await client.get(path)).status_code == 200


async def test_what_a_trusted_proxy_took_over_https_is_served_and_told_to_stay_there(
    behind_proxy: RunningService,
) -> None:
    async with behind_proxy.client() as client:
        answer = await client.post(GENERATE, json=GOOD_BODIES[GENERATE], headers=BY_HTTPS)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == HSTS
        missing = await client.get("/nothing", headers=BY_HTTPS)
        error_of(missing, 404, "not_found")
        assert missing.headers["strict-transport-security"] == HSTS
        client.headers.update(BY_HTTPS)
        events = await read_stream(client, GENERATE_STREAM, GOOD_BODIES[GENERATE_STREAM])
    assert events[-1]["type"] == "done"


@pytest.mark.parametrize("proto", ["http", "HTTPS", "https, http", "http, https", "ftp", "", "on"])
async def test_a_trusted_proxy_that_says_anything_else_is_refused(
    proto: str, behind_proxy: RunningService
) -> None:
    async with behind_proxy.client() as client:
        answer = await client.get(MODELS, headers={"X-Forwarded-Proto": proto})
        error_of(answer, 400, "validation_error")


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8, 192.168.1.7, ::1", "127.0.0.2"])
async def test_a_stranger_who_says_that_he_came_over_https_is_refused(
    trusted: str, start_service: ServiceFactory
) -> None:
    claims = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Scheme": "https",
        "Forwarded": "proto=https;for=10.0.0.1",
        "Front-End-Https": "on",
    }
    async with start_service(require_https=True, trusted_proxies=trusted).client() as client:
        error_of(await client.get(MODELS, headers=claims), 400, "validation_error")


async def test_a_preflight_over_plain_http_is_refused_so_that_no_key_follows_it(
    behind_proxy: RunningService,
) -> None:
    origin = "https://app.example.com"
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with behind_proxy.client(key=None) as client:
        refused = await client.options(GENERATE, headers=headers)
        error_of(refused, 400, "validation_error")
        assert "access-control-allow-origin" not in refused.headers
        allowed = await client.options(GENERATE, headers=headers | BY_HTTPS)
        assert allowed.headers["access-control-allow-origin"] == origin


async def test_without_the_setting_plain_requests_are_served_and_nothing_is_promised(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get(MODELS, headers=BY_HTTPS)
    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fresh key and a certificate that it signed itself, for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem"
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *name], cwd=folder, check=True, capture_output=True)
    return folder


async def test_the_service_speaks_tls_itself_where_it_has_a_certificate(
    certificate: Path, tmp_path: Path
) -> None:
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    with ServiceProcess(
        tmp_path,
        AI_SERVICE_ADMIN_KEY=ADMIN_KEY,
        AI_SERVICE_REQUIRE_HTTPS="true",
        AI_SERVICE_TLS_CERT_FILE=str(certificate / "cert.pem"),
        AI_SERVICE_TLS_KEY_FILE=str(certificate / "key.pem"),
    ) as service:
        assert service.url.startswith("https://127.0.0.1:")
        headers = {"X-API-Key": ADMIN_KEY}
        async with httpx.AsyncClient(
            base_url=service.url, verify=context, headers=headers, timeout=30
        ) as client:
            answer = await client.post(GENERATE, json={"prompt": "Hello"})
            assert answer.status_code == 200
            assert answer.headers["strict-transport-security"] == HSTS
            events = await read_stream(client, GENERATE_STREAM, {"prompt": "Hello"})
            assert events[-1]["type"] == "done"
            downgraded = await client.get(MODELS, headers={"X-Forwarded-Proto": "http"})
            assert downgraded.status_code == 200, "nobody is trusted to say how it came"
        async with httpx.AsyncClient(base_url=service.url.replace("https", "http")) as plain:
            with pytest.raises(httpx.TransportError):
                await plain.get(MODELS, headers=headers)
