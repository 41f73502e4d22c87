"""The semantic cache: a question that means nearly the same has an earlier one's answer, if it asks for that.

The simulator's embeddings are near where texts share words.
"""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.keys import make_key
from tests.ledger import settled_rows
from tests.running import RunningService, make_settings
from tests.simulator import Simulator, server_error
from tests.sse import read_stream, terminal_events, text_of

PLAIN, CHAT = "/api/v1/generate", "/api/v1/chat"
QUESTION = "what is the capital city of the beautiful country of france please"
SIMILAR = "what is the capital city of the beautiful country of france now"
OPT_IN = {"semantic_cache": {"threshold": 0.8}}


def body(prompt: str, **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, **OPT_IN, **more}


def calls(simulator: Simulator) -> int:
    """How often a model was asked to answer."""
    return sum("embeddings" not in call.path for call in simulator.calls)


async def ask(client: httpx.AsyncClient, prompt: str, **more: Any) -> dict[str, Any]:
    answer = await client.post(PLAIN, json=body(prompt, **more))
    assert answer.status_code == 200, answer.text
    json: dict[str, Any] = answer.json()
    return json


async def test_similar_question_has_the_first_ones_answer_at_no_cost(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    first = await ask(client, QUESTION)
    again = await ask(client, SIMILAR)
    assert (again["text"], again["cache_hit"], again["cost_usd"]) == (first["text"], True, 0)
    assert again["id"] != first["id"]
    assert calls(simulator) == 1
    rows = await settled_rows(tmp_path, 4)
    assert sorted((row["kind"], row["cache_hit"]) for row in rows) == [
        ("embeddings", 0),
        ("embeddings", 0),
        ("generate", 0),
        ("generate", 1),
    ]


async def test_stream_has_it_too(client: httpx.AsyncClient, simulator: Simulator) -> None:
    first = await ask(client, QUESTION)
    events = await read_stream(client, f"{PLAIN}/stream", body(SIMILAR))
    assert text_of(events) == first["text"]
    (done,) = terminal_events(events)
    assert (done["type"], done["cache_hit"]) == ("done", True)
    assert calls(simulator) == 1


async def test_questions_embedded_by_another_model_are_not_compared(
    tmp_path: Path, simulator: Simulator
) -> None:
    with RunningService(make_settings(tmp_path)) as service:  # the sandbox's vectors are shorter
        async with service.client() as client:
            await ask(client, QUESTION)
    vendor = {"openai_api_key": "sk-simulated", "openai_base_url": simulator.openai_base_url}
    with RunningService(make_settings(tmp_path, **vendor)) as service:
        async with service.client() as client:
            assert (await ask(client, SIMILAR))["cache_hit"] is False
            assert (await ask(client, QUESTION))["cache_hit"] is True
    assert calls(simulator) == 1


@pytest.mark.parametrize(
    "differently",
    [
        {"prompt": "how do I bake bread with a sourdough starter"},
        {"semantic_cache": {"threshold": 0.999}},
        {"semantic_cache": None},
        {"cache": False},
        {"system": "Answer in French."},
        {"max_tokens": 17},
    ],
    ids=str,
)
async def test_what_is_not_alike_or_does_not_ask_for_it_has_an_answer_of_its_own(
    client: httpx.AsyncClient, simulator: Simulator, differently: dict[str, Any]
) -> None:
    await ask(client, QUESTION)
    other = await ask(client, differently.pop("prompt", SIMILAR), **differently)
    assert not other["cache_hit"]
    assert calls(simulator) == 2


async def test_answer_to_a_similar_question_is_not_given_to_who_wants_their_own(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await ask(client, QUESTION)
    await ask(client, SIMILAR)
    exactly = await ask(client, SIMILAR, semantic_cache=None)
    assert not exactly["cache_hit"]
    assert calls(simulator) == 2


async def test_other_tenant_never_has_it(
    client: httpx.AsyncClient, service: RunningService, simulator: Simulator
) -> None:
    await ask(client, QUESTION)
    key = (await make_key(client, "generate", tenant="other"))["key"]
    async with service.client(key=key) as other:
        assert not (await ask(other, SIMILAR))["cache_hit"]
    assert calls(simulator) == 2


async def test_key_may_ask_for_it_for_all_of_its_requests(
    client: httpx.AsyncClient, service: RunningService, simulator: Simulator
) -> None:
    made = await make_key(client, "generate", **OPT_IN)
    assert made["semantic_cache"] == {"threshold": 0.8}
    async with service.client(key=made["key"]) as holder:
        await holder.post(PLAIN, json={"prompt": QUESTION})
        again = (await holder.post(PLAIN, json={"prompt": SIMILAR})).json()
    assert again["cache_hit"]
    assert calls(simulator) == 1


async def test_chats_are_alike_only_with_the_same_history(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    async def chat(history: str, question: str) -> bool:
        turns = [("user", history), ("assistant", "Yes."), ("user", question)]
        messages = [{"role": role, "content": content} for role, content in turns]
        answer = await client.post(CHAT, json={"messages": messages, **OPT_IN})
        hit: bool = answer.json()["cache_hit"]
        return hit

    assert [await chat("Hi", QUESTION), await chat("Hi", SIMILAR), await chat("Ho", SIMILAR)] == [
        False,
        True,
        False,
    ]
    assert calls(simulator) == 2


async def test_tools_are_never_answered_from_it(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    for question in (QUESTION, SIMILAR):
        messages = [{"role": "user", "content": question}]
        await client.post(CHAT, json={"messages": messages, "tools": [tool], **OPT_IN})
    assert len(simulator.calls) == calls(simulator) == 2


async def test_answer_that_was_cut_is_given_to_nobody_else(
    client: httpx.AsyncClient,
) -> None:
    assert (await ask(client, QUESTION, max_tokens=2))["finish_reason"] == "length"
    assert not (await ask(client, SIMILAR, max_tokens=2))["cache_hit"]


async def test_embeddings_that_fail_cost_no_answer(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(*[server_error()] * 6, on="embeddings")
    assert not (await ask(client, QUESTION))["cache_hit"]
    assert calls(simulator) == 1


@pytest.mark.parametrize("threshold", [0.49, 1.01, "high"])
async def test_threshold_out_of_range_is_refused(
    client: httpx.AsyncClient, threshold: object
) -> None:
    bad = await client.post(PLAIN, json=body("x") | {"semantic_cache": {"threshold": threshold}})
    assert bad.status_code == 400
    assert bad.json()["error"]["field"] == "semantic_cache.threshold"
