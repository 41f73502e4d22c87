"""What /metrics tells, and that no caller can make it grow without end; and the request id."""

import re
from collections.abc import Iterable
from math import inf

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ServiceFactory
from tests.e2e.routes import CHAT, EMBEDDINGS, GENERATE, GENERATE_STREAM, MODELS, error_of
from tests.simulator import Reply, Simulator, Stall, Usage, overloaded, unknown_model
from tests.sse import read_stream

HAIKU = {"provider": "anthropic", "model": "claude-haiku-5-5"}
LUNA = {"provider": "openai", "model": "gpt-6-luna"}


class Samples:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.all = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(
            sample.value
            for sample in self.all
            if sample.name == f"ai_service_{name}" and labels.items() <= sample.labels.items()
        )

    def series(self) -> set[str]:
        """The names and labels of all samples, but for those of the scrape itself."""
        found = [s for s in self.all if s.labels.get("route") != "/metrics"]
        return {f"{sample.name}{sorted(sample.labels.items())}" for sample in found}

    def labels(self, name: str) -> set[str]:
        """Every value that a label has anywhere."""
        return {sample.labels[name] for sample in self.all if name in sample.labels}

    def quantile(self, q: float, name: str, **labels: str) -> float:
        """As Prometheus' `histogram_quantile` works it out, up to the bucket's end."""
        buckets: dict[float, float] = {}
        for sample in self.all:
            if (
                sample.name == f"ai_service_{name}_bucket"
                and labels.items() <= sample.labels.items()
            ):
                end = float(sample.labels["le"])
                buckets[end] = buckets.get(end, 0) + sample.value
        return min(end for end, count in buckets.items() if count >= q * buckets[inf])


async def scrape(client: httpx.AsyncClient) -> Samples:
    """The metrics as they are now."""
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Samples(answer.text)


async def test_traffic_is_counted_by_what_became_of_it(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    usage = Usage(input_tokens=100, output_tokens=20, cache_read_tokens=60)
    async with start_service(max_attempts=1).client() as client:
        simulator.always(Reply(text="Hi", usage=usage), on="anthropic")
        costs = 0.0
        for n in range(3):
            answer = await client.post(GENERATE, json={"prompt": f"plain {n}"})
            costs += answer.json()["cost_usd"]
        (*_, done) = await read_stream(client, GENERATE_STREAM, {"prompt": "streamed"})
        costs += done["cost_usd"]
        await client.post(CHAT, json={"messages": [{"role": "user", "content": "chat"}]})
        await client.post(EMBEDDINGS, json={"input": "one two"})
        simulator.script(overloaded(), on="anthropic")
        await client.post(GENERATE, json={"prompt": "falls back"})
        await client.post(GENERATE, json={"prompt": ""})
        await client.post(GENERATE, json={"prompt": "x"}, headers={"X-API-Key": "wrong"})
        await client.get("/nothing")
        found = await scrape(client)
    assert found.value("requests_total", kind="generate", outcome="completed", **HAIKU) == 4
    assert found.value("requests_total", kind="chat", outcome="completed", **HAIKU) == 1
    assert found.value("requests_total", kind="generate", outcome="completed", **LUNA) == 1
    assert found.value("requests_total", kind="embeddings", provider="openai") == 1
    assert found.value("upstream_attempts_total", outcome="ok", **HAIKU) == 5
    assert found.value("upstream_attempts_total", outcome="overloaded", **HAIKU) == 1
    assert found.value("upstream_attempts_total", outcome="ok", **LUNA) == 1
    for direction, tokens in (("input", 500), ("output", 100), ("cached_input", 300)):
        assert found.value("tokens_total", direction=direction, **HAIKU) == tokens
    assert found.value("cost_usd_total", **HAIKU) == pytest.approx(costs / 4 * 5, rel=1e-9)
    for error_type in ("validation_error", "authentication_error", "not_found"):
        assert found.value("errors_total", type=error_type) == 1
    assert found.value("first_token_seconds_count", **HAIKU) == 1
    assert found.value("http_request_duration_seconds_count", route=GENERATE, status="200") == 4
    assert found.value("http_request_duration_seconds_count", status="404") == 1
    assert found.value("breaker_state", **HAIKU) == 0
    assert found.value("requests_in_flight") == 1, "the scrape itself"


async def test_latencies_are_histograms_from_which_quantiles_can_be_read(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    async with start_service().client() as client:
        for n in range(20):
            simulator.script(Reply(text="Hi", delay_seconds=0.6 if n < 2 else 0), on="anthropic")
            await client.post(GENERATE, json={"prompt": f"latency {n}"})
        found = await scrape(client)
    name = "request_duration_seconds"
    assert found.value(f"{name}_count", kind="generate", **HAIKU) == 20
    assert 1.2 <= found.value(f"{name}_sum", kind="generate", **HAIKU) < 20
    assert found.quantile(0.5, name, **HAIKU) < 0.6 < found.quantile(0.95, name, **HAIKU) < inf
    http = "http_request_duration_seconds"
    assert found.quantile(0.95, http, route=GENERATE) >= found.quantile(0.5, http, route=GENERATE)


async def test_errors_inside_of_a_stream_are_counted_too(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=1), on="anthropic")
    async with start_service(stream_idle_timeout_seconds=0.05).client() as client:
        events = await read_stream(client, GENERATE_STREAM, {"prompt": "a b c"})
        found = await scrape(client)
    assert found.value("errors_total", type=events[-1]["error"]["type"]) == 1
    assert found.value("requests_total", outcome="failed", **HAIKU) == 1


async def test_what_callers_make_up_does_not_become_a_label(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    for vendor in ("anthropic", "openai"):
        simulator.always(unknown_model(), on=vendor)

    async def make_up(client: httpx.AsyncClient, numbers: Iterable[int]) -> None:
        for n in numbers:
            for model in (f"madeup-{n}", f"claude-madeup-{n}", f"gpt-madeup-{n}"):
                await client.post(GENERATE, json={"prompt": "x", "model": model})
            body = {"input": "x", "model": f"text-embedding-madeup-{n}"}
            await client.post(EMBEDDINGS, json=body)
            for path in (f"/madeup-{n}", f"/api/v1/madeup-{n}", f"/docs/assets/madeup-{n}"):
                await client.get(path, headers={"X-Request-ID": f"madeup-{n}"})
            await client.get(f"/api/v1/madeup-{n}", headers={"X-API-Key": f"madeup-{n}"})
            await client.post(GENERATE, json={f"madeup_{n}": "x", "prompt": "x"})

    async with start_service().client() as client:
        await make_up(client, range(1))
        before = await scrape(client)
        await make_up(client, range(1, 51))
        after = await scrape(client)
    assert not any("madeup" in value for s in after.all for value in s.labels.values())
    assert "other" in after.labels("model")
    assert after.value("upstream_attempts_total", model="other") == 3 * 51
    assert after.series() == before.series()


WELL_FORMED = ["a", "0", "req-1", "A.b_c:d-9", "x" * 128, "0193a1b2-c3d4-e5f6-0718-293a4b5c6d7e"]
ODD = ["", "a b", "x" * 129, "id;drop", "a/b", "<script>", "é", "a,b", "a\tb", '"a"', "{}"]


@pytest.mark.parametrize("given", WELL_FORMED)
async def test_a_well_formed_request_id_is_kept(
    given: str, shared_client: httpx.AsyncClient
) -> None:
    headers = {"X-Request-ID": given}
    answer = await shared_client.get(MODELS, headers=headers)
    assert answer.headers["x-request-id"] == given
    refused = await shared_client.post(GENERATE, json={}, headers=headers)
    assert error_of(refused, 400, "validation_error", field="prompt")["request_id"] == given


@pytest.mark.parametrize("given", ODD)
async def test_an_odd_request_id_is_replaced(given: str, shared_client: httpx.AsyncClient) -> None:
    headers = {b"X-Request-ID": given.encode("latin-1")}
    answer = await shared_client.get("/nothing", headers=headers)
    made = error_of(answer, 404, "not_found")["request_id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)


async def test_every_answer_has_a_request_id(shared_client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/nothing", MODELS):
        assert re.fullmatch(
            r"[0-9a-f]{32}", (await shared_client.get(path)).headers["x-request-id"]
        )
    asset = await shared_client.get("/docs/assets/swagger-ui.css")
    assert asset.headers["x-request-id"]


async def test_one_request_id_on_many_requests_makes_as_many_answers(
    shared_client: httpx.AsyncClient,
) -> None:
    headers = {"X-Request-ID": "the-same"}
    body = {"prompt": "Hi", "cache": False}
    ids = [
        (await shared_client.post(GENERATE, json=body, headers=headers)).json()["id"]
        for _ in range(3)
    ]
    assert len(set(ids)) == 3
