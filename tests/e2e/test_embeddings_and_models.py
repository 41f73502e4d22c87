"""Vectors in order, and the list of what can be asked."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from genai_prices import Usage, calc_price

from tests.conftest import ServiceFactory
from tests.e2e.routes import EMBEDDINGS, MODELS, error_of
from tests.ledger import settled_rows
from tests.running import RunningService
from tests.simulator import Simulator, embedding_of

ALIASES = {
    "haiku": ["anthropic/claude-haiku-5-5", "openai/gpt-6-luna"],
    "sonnet": ["anthropic/claude-sonnet-5-5", "openai/gpt-6.1-terra"],
    "opus": ["anthropic/claude-opus-5-5", "openai/gpt-6.1-sol"],
    "gpt": ["openai/gpt-6.1-terra", "anthropic/claude-sonnet-5-5"],
    "embedding": ["openai/text-embedding-3-small"],
}


async def test_vectors_come_in_the_order_of_their_texts(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    texts = [f"text number {n} about {'cats' if n % 2 else 'dogs'}" for n in range(50)]
    answer = (await shared_client.post(EMBEDDINGS, json={"input": texts})).json()
    (call,) = simulator.calls
    assert (call.server, call.path) == ("openai", "/v1/embeddings")
    assert call.body["input"] == texts
    assert call.body["model"] == "text-embedding-3-small"
    assert [vector["index"] for vector in answer["data"]] == list(range(50))
    for text, vector in zip(texts, answer["data"], strict=True):
        assert vector["embedding"] == pytest.approx(embedding_of(text), abs=1e-6)


async def test_a_single_text_is_a_list_of_one(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    answer = (await shared_client.post(EMBEDDINGS, json={"input": "alone"})).json()
    assert simulator.calls[0].body["input"] == ["alone"]
    (vector,) = answer.pop("data")
    assert vector["embedding"] == pytest.approx(embedding_of("alone"), abs=1e-6)
    assert answer.pop("id").startswith("req_")
    assert answer.pop("cost_usd") > 0
    answer.pop("cache_hit", None)
    assert answer == {
        "model": "embedding",
        "provider": "openai",
        "provider_model": "text-embedding-3-small",
        "usage": {
            "input_tokens": 1,
            "output_tokens": 0,
            "total_tokens": 1,
            "cached_input_tokens": 0,
        },
    }


async def test_2048_texts_are_taken(shared_client: httpx.AsyncClient) -> None:
    answer = await shared_client.post(EMBEDDINGS, json={"input": [f"t{n}" for n in range(2048)]})
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == 2048


@pytest.mark.parametrize(
    ("asked", "exact"),
    [
        ("text-embedding-3-large", "text-embedding-3-large"),
        ("openai/text-embedding-3-small", "text-embedding-3-small"),
    ],
)
async def test_a_full_id_of_an_embedding_model_is_taken(
    asked: str, exact: str, shared_client: httpx.AsyncClient
) -> None:
    answer = await shared_client.post(EMBEDDINGS, json={"input": "full id", "model": asked})
    assert answer.json()["provider_model"] == exact
    assert answer.json()["model"] == asked


@pytest.mark.parametrize("model", ["haiku", "gpt", "claude-haiku-5-5", "llama"])
async def test_a_model_that_makes_no_vectors_is_a_400_and_is_never_tried(
    model: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    answer = await shared_client.post(EMBEDDINGS, json={"input": "x", "model": model})
    error_of(answer, 400, "validation_error", field="model")
    assert simulator.calls == []


async def test_with_anthropic_alone_embeddings_are_a_400_on_the_model(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    async with start_service(openai_api_key=None).client() as client:
        for body in ({"input": "x"}, {"input": "x", "model": "text-embedding-3-small"}):
            answer = await client.post(EMBEDDINGS, json=body)
            error_of(answer, 400, "validation_error", field="model")
    assert simulator.calls == []


async def test_an_embedding_model_does_not_write_text(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "x", "model": "embedding"}
    answer = await shared_client.post("/api/v1/generate", json=body)
    error_of(answer, 400, "validation_error", field="model")
    assert simulator.calls == []


async def test_an_embedding_is_in_the_ledger(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    answer = (await shared_client.post(EMBEDDINGS, json={"input": ["for the", "ledger"]})).json()
    rows = await settled_rows(shared_service.settings.data_dir, 1)
    (row,) = [row for row in rows if row["id"] == answer["id"]]
    assert (row["kind"], row["provider"], row["input_tokens"]) == ("embeddings", "openai", 3)


async def listed(client: httpx.AsyncClient) -> dict[str, list[dict[str, Any]]]:
    """The targets of each name."""
    answer = await client.get(MODELS)
    assert answer.status_code == 200
    return {model["id"]: model["targets"] for model in answer.json()["data"]}


async def test_the_list_has_every_alias_with_its_targets_in_order_and_every_listed_model(
    shared_client: httpx.AsyncClient,
) -> None:
    models = await listed(shared_client)
    assert list(models) == [*ALIASES, "local/llama"]
    for alias, names in ALIASES.items():
        assert [f"{t['provider']}/{t['model']}" for t in models[alias]] == names


async def test_each_target_tells_what_it_can_do(shared_client: httpx.AsyncClient) -> None:
    models = await listed(shared_client)
    haiku, luna = models["haiku"]
    (embedding,) = models["embedding"]
    (llama,) = models["local/llama"]
    assert (haiku["abilities"], embedding["abilities"]) == (["generate"], ["embed"])
    assert [t["takes_temperature"] for t in (haiku, luna, llama)] == [False, False, True]
    assert [t["takes_reasoning_effort"] for t in (haiku, luna, llama)] == [True, True, False]
    for target in (haiku, luna, llama):
        assert target["takes_tools"]
        assert target["takes_images"]
        assert target["takes_json_schema"]
    assert haiku["context_tokens"] >= 200_000
    assert llama["context_tokens"] is None


async def test_each_target_tells_its_price(shared_client: httpx.AsyncClient) -> None:
    models = await listed(shared_client)
    for target in (*models["haiku"], *models["opus"], *models["embedding"]):
        million = Decimal(1_000_000)
        for name, usage in {
            "input": Usage(input_tokens=1_000),
            "cached_input": Usage(input_tokens=1_000, cache_read_tokens=1_000),
            "output": Usage(input_tokens=0, output_tokens=1_000),
        }.items():
            price = calc_price(usage, target["model"], provider_id=target["provider"])
            told = Decimal(str(target[f"{name}_usd_per_million"]))
            assert told == price.total_price / 1_000 * million, name
    (llama,) = models["local/llama"]
    prices = ("input", "cached_input", "output")
    assert [llama[f"{name}_usd_per_million"] for name in prices] == [None] * 3


async def test_an_alias_without_a_configured_provider_is_listed_with_no_targets(
    start_service: ServiceFactory,
) -> None:
    async with start_service(openai_api_key=None).client() as client:
        models = await listed(client)
    assert models["embedding"] == []
    assert [target["provider"] for target in models["haiku"]] == ["anthropic"]
