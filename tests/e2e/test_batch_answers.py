"""The small batch: everything answered, in order, and each failure for itself."""

import asyncio
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.e2e.routes import BATCH, CANARY
from tests.ledger import ledger_rows
from tests.running import RunningService
from tests.simulator import Reply, Simulator, Stall, bad_request, overloaded

OPENAI = "openai/gpt-6-luna"


async def run(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """The answer of a batch that was taken."""
    answer = await client.post(BATCH, json=body)
    assert answer.status_code == 200, answer.text
    batch: dict[str, Any] = answer.json()
    assert [result["index"] for result in batch["results"]] == list(range(len(batch["results"])))
    return batch


async def test_answers_come_in_the_order_of_the_prompts_whichever_was_first(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    delays = [Reply(delay_seconds=0.1 - n / 100) for n in range(10)]
    simulator.script(*delays, on="anthropic")
    batch = await run(shared_client, prompts=[f"order {n}" for n in range(10)], max_concurrency=10)
    texts = [result["response"]["text"] for result in batch["results"]]
    assert texts == [f"Echo: order {n}" for n in range(10)]
    assert all(set(result) == {"index", "response"} for result in batch["results"])


async def test_a_hundred_prompts_are_taken(shared_client: httpx.AsyncClient) -> None:
    prompts = [f"hundred {n}" for n in range(100)]
    batch = await run(shared_client, prompts=prompts, max_concurrency=20)
    assert [r["response"]["text"] for r in batch["results"]] == [f"Echo: {p}" for p in prompts]


async def test_the_model_of_a_batch_is_the_model_of_its_prompts(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    batch = await run(shared_client, prompts=["model a", "model b"], model="gpt")
    assert {call.body["model"] for call in simulator.calls} == {"gpt-6.1-terra"}
    assert {result["response"]["model"] for result in batch["results"]} == {"gpt"}


async def test_requests_may_be_generate_and_chat_bodies_with_all_their_options(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    chat = {"messages": [{"role": "user", "content": "mixed two"}], "model": OPENAI}
    generate = {"prompt": "mixed one", "system": "Be brief.", "stop": ["x"], "max_tokens": 9}
    batch = await run(shared_client, requests=[generate, chat])
    first, second = [result["response"] for result in batch["results"]]
    assert first["text"] == "Echo: mi"
    assert second["message"] == {"role": "assistant", "content": "Echo: mixed two"}
    (call,) = simulator.calls_to("anthropic")
    assert (call.body["system"], call.body["max_tokens"]) == ("Be brief.", 9)


async def test_one_that_fails_does_not_touch_the_others(
    shared_client: httpx.AsyncClient,
) -> None:
    long = "x" * 49 + "é" + CANARY
    parts = [{"type": "text", "text": "first part, "}, {"type": "text", "text": long}]
    batch = await run(
        shared_client,
        requests=[
            {"prompt": "part 0"},
            {"prompt": long, "model": "no-such-model"},
            {"messages": [{"role": "user", "content": parts}], "model": "no-such-model"},
            {"prompt": "part 3"},
        ],
    )
    good, bad, bad_chat, good_too = batch["results"]
    assert good["response"]["text"] == "Echo: part 0"
    assert good_too["response"]["text"] == "Echo: part 3"
    for failed in (bad, bad_chat):
        assert set(failed) == {"index", "error", "prompt"}
        assert failed["error"]["type"] == "validation_error"
        assert failed["error"]["field"] == "model"
        assert failed["error"]["request_id"]
    assert bad["prompt"] == long[:50]
    assert bad_chat["prompt"] == ("first part, " + long)[:50]
    assert CANARY not in str(batch)


async def test_failures_of_the_provider_are_told_one_by_one(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(bad_request("too long"), on="anthropic")
    simulator.always(overloaded(), on="local")
    batch = await run(
        shared_client,
        requests=[
            {"prompt": "rejected", "cache": False},
            {"prompt": "overloaded", "model": "llama", "timeout_seconds": 5},
            {"prompt": "answered"},
        ],
        max_concurrency=1,
    )
    rejected, unavailable, answered = batch["results"]
    assert rejected["error"]["type"] == "validation_error"
    assert "too long" in rejected["error"]["message"]
    assert rejected["prompt"] == "rejected"
    assert unavailable["error"]["type"] == "service_unavailable"
    assert unavailable["error"]["estimated_time_seconds"] > 0
    assert answered["response"]["text"] == "Echo: answered"


async def test_usage_and_cost_are_the_sums_of_the_answers(
    shared_client: httpx.AsyncClient,
) -> None:
    requests = [{"prompt": f"sum {'word ' * n}", "model": OPENAI} for n in range(7)]
    batch = await run(shared_client, requests=[*requests, {"prompt": "none", "model": "none"}])
    answers = [result["response"] for result in batch["results"][:-1]]
    for name in ("input_tokens", "output_tokens", "total_tokens", "cached_input_tokens"):
        assert batch["usage"][name] == sum(answer["usage"][name] for answer in answers)
    total = sum(Decimal(str(answer["cost_usd"])) for answer in answers)
    assert Decimal(str(batch["cost_usd"])) == total > 0


async def test_the_cost_is_null_if_that_of_one_answer_is_not_known(
    shared_client: httpx.AsyncClient,
) -> None:
    requests = [{"prompt": "price a"}, {"prompt": "price b", "model": "llama"}]
    assert (await run(shared_client, requests=requests))["cost_usd"] is None


async def test_a_batch_of_failures_costs_nothing(shared_client: httpx.AsyncClient) -> None:
    batch = await run(shared_client, prompts=["a", "b"], model="no-such-model")
    assert batch["cost_usd"] == 0
    assert batch["usage"]["total_tokens"] == 0


async def wait_for_calls(simulator: Simulator, count: int) -> None:
    """Wait until so many calls have arrived; more would be waited for in vain."""
    await simulator.wait_for(lambda s: len(s.calls) == count)


@pytest.mark.parametrize(("asked", "most"), [(1, 1), (3, 3), (None, 5), (100, 12)])
async def test_no_more_are_in_flight_than_asked_for(
    asked: int | None, most: int, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.always(Stall(before_headers=True), on="anthropic")
    limit = {} if asked is None else {"max_concurrency": asked}
    prompts = [f"flight {asked} {n}" for n in range(12)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(shared_client, prompts=prompts, **limit))
        for arrived in (*range(most, 12, most), 12):
            await wait_for_calls(simulator, arrived)
            simulator.release()
    assert len(simulator.calls) == 12
    assert simulator.peak_in_flight == most


@pytest.mark.parametrize("per_second", [20, 12.5])
async def test_no_more_are_started_each_second_than_asked_for(
    per_second: float, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    started = time.monotonic()
    await run(
        shared_client,
        prompts=[f"pace {per_second} {n}" for n in range(8)],
        max_concurrency=8,
        requests_per_second=per_second,
    )
    assert len(simulator.calls) == 8
    for n, call in enumerate(sorted(simulator.calls, key=lambda call: call.arrived_at)):
        assert call.arrived_at >= started + n / per_second


async def test_each_request_of_a_batch_has_a_row_of_its_own(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    headers = {"X-Request-ID": "one-batch"}
    body = {"prompts": ["row a", "row b", "row c"]}
    batch = (await shared_client.post(BATCH, json=body, headers=headers)).json()
    rows = ledger_rows(shared_service.settings.data_dir)
    mine = {row["id"]: row for row in rows if row["request_id"] == "one-batch"}
    assert {result["response"]["id"] for result in batch["results"]} == set(mine)
    assert {row["outcome"] for row in mine.values()} == {"completed"}
