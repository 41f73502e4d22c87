"""Fallback, retries and refusals, against a wire that fails."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.ledger import settled_rows
from tests.simulator import (
    Behaviour,
    Hangup,
    Malformed,
    Reply,
    Simulator,
    Status,
    bad_key,
    bad_request,
    out_of_quota,
    overloaded,
    rate_limited,
    server_error,
    spend_limit,
    unknown_model,
)

HAIKU = {"prompt": "Hello", "model": "haiku", "cache": False}
GENERATE = "/api/v1/generate"


async def test_a_broken_first_target_falls_back_to_the_second(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(server_error(), on="anthropic")
    answer = await client.post(GENERATE, json=HAIKU)
    assert answer.status_code == 200
    assert answer.json()["provider"] == "openai"
    assert answer.json()["model"] == "haiku"
    assert answer.json()["provider_model"].startswith("gpt-6-luna")
    assert len(simulator.calls_to("anthropic")) == 3
    (row,) = await settled_rows(tmp_path, 1)
    assert (row["provider"], row["attempts"], row["outcome"]) == ("openai", 4, "completed")


@pytest.mark.parametrize(
    "fault",
    [
        bad_key(),
        unknown_model(),
        spend_limit(),
        out_of_quota(),
        Malformed("json"),
        Malformed("html"),
    ],
    ids=["bad-key", "unknown-model", "spend-limit", "quota", "json", "html"],
)
async def test_what_another_try_would_not_mend_falls_back_at_once(
    fault: Behaviour, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.always(fault, on="anthropic")
    answer = await client.post(GENERATE, json=HAIKU)
    assert answer.status_code == 200
    assert answer.json()["provider"] == "openai"
    assert len(simulator.calls_to("anthropic")) == 1


async def test_a_bad_provider_key_without_fallback_is_a_502_and_never_the_callers_401(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.always(bad_key(), on="anthropic")
    answer = await client.post(GENERATE, json=HAIKU | {"model": "claude-haiku-5-5"})
    assert answer.status_code == 502
    assert answer.json()["error"]["type"] == "provider_error"
    assert "sk-ant" not in answer.text


async def test_a_prompt_that_the_provider_rejects_is_the_callers_400_and_asks_nobody_else(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(
        Status(400, message="prompt is too long: 9 tokens (request req_011CSHoEeqs5C35K2UUqR7Fy)"),
        on="anthropic",
    )
    answer = await client.post(GENERATE, json=HAIKU)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "validation_error"
    assert "prompt is too long: 9 tokens" in error["message"]
    assert "req_011" not in error["message"]
    assert simulator.calls_to("openai") == []
    (row,) = await settled_rows(tmp_path, 1)
    assert (row["outcome"], row["error_type"], row["cost_usd"]) == ("failed", "validation_error", 0)


async def test_every_target_overloaded_is_a_503_with_the_smallest_retry_after(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.always(rate_limited(seconds=50), on="anthropic")
    simulator.always(rate_limited(seconds=41), on="openai")
    async with start_service().client() as client:
        answer = await client.post(GENERATE, json=HAIKU)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "41"
    assert answer.json()["error"]["estimated_time_seconds"] == pytest.approx(41, abs=0.5)
    assert len(simulator.calls) == 2, "a wait past the deadline goes to the next target instead"


async def test_one_target_overloaded_and_one_answering_garbage_is_a_502(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.always(overloaded(), on="anthropic")
    simulator.always(Malformed("html"), on="openai")
    async with start_service(max_attempts=1).client() as client:
        answer = await client.post(GENERATE, json=HAIKU)
    assert answer.status_code == 502


@pytest.mark.parametrize(
    "limited",
    [
        lambda: rate_limited(seconds=0.3),
        lambda: rate_limited(milliseconds=300),
        lambda: rate_limited(date_in_seconds=1.3),
    ],
    ids=["seconds", "milliseconds", "date"],
)
async def test_retry_after_is_a_floor_for_the_wait_in_each_of_its_forms(
    limited: Callable[[], Behaviour], client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(limited(), Reply(text="now"), on="anthropic")
    answer = await client.post(GENERATE, json=HAIKU)
    assert answer.json()["text"] == "now"
    first, second = simulator.calls_to("anthropic")
    assert second.arrived_at - first.arrived_at >= 0.29


async def test_the_deadline_ends_a_request_that_no_provider_answers(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Reply(text="late", delay_seconds=30), on="anthropic")
    answer = await client.post(GENERATE, json=HAIKU | {"timeout_seconds": 0.2})
    assert answer.status_code == 504
    assert answer.json()["error"]["type"] == "timeout"
    await simulator.wait_for(lambda s: s.in_flight == 0)
    (row,) = await settled_rows(tmp_path, 1)
    assert (row["outcome"], row["error_type"]) == ("failed", "timeout")


async def test_an_unreachable_provider_falls_back(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(anthropic_base_url="http://127.0.0.1:1")
    async with service.client() as client:
        answer = await client.post(GENERATE, json=HAIKU)
    assert answer.status_code == 200
    assert answer.json()["provider"] == "openai"


async def test_a_connection_dropped_before_the_status_is_tried_again(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Hangup(), Reply(text="again"), on="anthropic")
    answer = await client.post(GENERATE, json=HAIKU)
    assert answer.json()["text"] == "again"


async def test_a_target_that_keeps_failing_is_left_alone_and_shows_as_degraded(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.always(server_error(), on="anthropic")
    async with start_service(breaker_open_seconds=60).client() as client:
        for _ in range(100):
            assert (await client.post(GENERATE, json=HAIKU)).json()["provider"] == "openai"
        ready = await client.get("/readyz")
        metrics = (await client.get("/metrics")).text
    assert len(simulator.calls_to("anthropic")) <= 5
    assert ready.json()["status"] == "degraded"
    assert ready.json()["checks"]["providers"] == {"anthropic": "unavailable", "openai": "ok"}
    assert 'ai_service_breaker_state{model="claude-haiku-5-5",provider="anthropic"} 2.0' in metrics


async def test_a_made_up_model_id_does_not_degrade_its_provider(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.always(unknown_model(), on="anthropic")
    for _ in range(6):
        answer = await client.post(GENERATE, json=HAIKU | {"model": "claude-typo"})
        assert answer.status_code in (502, 503)
    assert (await client.get("/readyz")).json()["status"] == "ready"


async def test_a_target_that_recovers_is_used_again_after_one_probe(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.always(server_error(), on="anthropic")
    async with start_service(breaker_failures=1, breaker_open_seconds=0.2).client() as client:
        assert (await client.post(GENERATE, json=HAIKU)).json()["provider"] == "openai"
        simulator.always(None, on="anthropic")

        async def provider() -> str:
            answer: dict[str, Any] = (await client.post(GENERATE, json=HAIKU)).json()
            return str(answer["provider"])

        answered = [await provider() for _ in range(400)]
    assert answered[-1] == "anthropic"


async def test_an_outage_multiplies_no_calls(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    """RELIABILITY: at 100% provider failure, at most 1.2 upstream calls a request to each target."""
    simulator.always(overloaded(), on="anthropic")
    simulator.always(overloaded(), on="openai")
    async with start_service(breaker_failures=10_000).client() as client:
        for _ in range(150):
            assert (await client.post(GENERATE, json=HAIKU)).status_code == 503
    for vendor in ("anthropic", "openai"):
        assert len(simulator.calls_to(vendor)) <= 150 * 1.2 + 10


async def test_a_refusal_of_the_input_does_not_open_the_breaker(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.always(bad_request(), on="anthropic")
    async with start_service(breaker_failures=2).client() as client:
        for _ in range(5):
            assert (await client.post(GENERATE, json=HAIKU)).status_code == 400
    assert len(simulator.calls_to("anthropic")) == 5
