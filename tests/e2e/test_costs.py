"""What an answer says it cost is what the price list says, to the nano-dollar."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from tests.e2e.routes import EMBEDDINGS, GENERATE, GENERATE_STREAM
from tests.ledger import settled_rows
from tests.running import RunningService
from tests.simulator import Reply, Simulator, Usage
from tests.sse import read_stream

NANO = Decimal("1e-9")
USAGES = {
    "small": Usage(input_tokens=12, output_tokens=3),
    "odd": Usage(input_tokens=1_234_567 % 9973, output_tokens=7),
    "cached": Usage(input_tokens=5_000, output_tokens=100, cache_read_tokens=4_096),
    "written": Usage(
        input_tokens=9_000, output_tokens=11, cache_read_tokens=1_024, cache_write_tokens=2_048
    ),
    "long": Usage(input_tokens=290_000, output_tokens=1_000, cache_read_tokens=50_000),
}
MODELS = [
    "anthropic/claude-haiku-5-5",
    "anthropic/claude-sonnet-5-5",
    "anthropic/claude-opus-5-5",
    "openai/gpt-6-luna",
    "openai/gpt-6.1-terra",
    "openai/gpt-6.1-sol",
]


def listed_price(model: str, usage: Usage) -> Decimal:
    """The library's own calculation."""
    provider, _, model_id = model.partition("/")
    priced = PricedUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    return calc_price(priced, model_id, provider_id=provider).total_price.quantize(NANO)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("usage", USAGES.values(), ids=USAGES)
async def test_the_cost_is_the_price_lists_own(
    model: str, usage: Usage, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    server = model.partition("/")[0]
    simulator.always(Reply(text="Hi", usage=usage), on=server)
    body = {"prompt": "Hi", "model": model, "cache": False}
    plain = (await shared_client.post(GENERATE, json=body)).json()
    (*_, done) = await read_stream(shared_client, GENERATE_STREAM, body)
    for answer in (plain, done):
        assert Decimal(str(answer["cost_usd"])) == listed_price(model, usage) > 0
        assert answer["usage"] == {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
            "cached_input_tokens": usage.cache_read_tokens or 0,
        }


async def test_what_was_cached_at_the_provider_costs_less(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    fresh = Usage(input_tokens=5_000, output_tokens=10)
    cached = Usage(input_tokens=5_000, output_tokens=10, cache_read_tokens=4_000)
    simulator.script(Reply(usage=fresh), Reply(usage=cached), on="anthropic")
    body: dict[str, Any] = {"prompt": "Hi", "cache": False}
    dear, cheap = [(await shared_client.post(GENERATE, json=body)).json() for _ in range(2)]
    assert cheap["cost_usd"] < dear["cost_usd"] / 2


async def test_embeddings_cost_what_the_price_list_says(shared_client: httpx.AsyncClient) -> None:
    answer = (await shared_client.post(EMBEDDINGS, json={"input": ["a b c"] * 100})).json()
    usage = Usage(input_tokens=300, output_tokens=0)
    price = listed_price("openai/text-embedding-3-small", usage)
    assert Decimal(str(answer["cost_usd"])) == price > 0


async def test_a_model_without_a_price_costs_null_and_is_in_the_ledger_so(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    answer = await shared_client.post(GENERATE, json={"prompt": "Hi", "model": "llama"})
    assert answer.status_code == 200
    assert answer.json()["cost_usd"] is None
    assert answer.json()["usage"]["total_tokens"] > 0
    rows = await settled_rows(shared_service.settings.data_dir, 1)
    (row,) = [row for row in rows if row["id"] == answer.json()["id"]]
    assert row["cost_usd"] is None
    assert row["output_tokens"] == answer.json()["usage"]["output_tokens"]


async def test_the_ledger_has_the_same_cost_as_the_answer(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    answer = (await shared_client.post(GENERATE, json={"prompt": "Same", "cache": False})).json()
    rows = await settled_rows(shared_service.settings.data_dir, 1)
    (row,) = [row for row in rows if row["id"] == answer["id"]]
    assert row["cost_usd"] * NANO == Decimal(str(answer["cost_usd"]))
