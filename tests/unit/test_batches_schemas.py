"""The bodies of the small batch."""

from typing import Any

import pytest
from pydantic import ValidationError

from service.batches.schemas import BatchRequest, BatchResult
from service.generation.schemas import ChatRequest, GenerateRequest

CHAT = {"messages": [{"role": "user", "content": "Hello"}]}


def batch(**body: Any) -> BatchRequest:
    return BatchRequest.model_validate(body)


def test_defaults_are_the_contracts() -> None:
    body = batch(prompts=["a"])
    assert (body.max_concurrency, body.requests_per_second) == (5, None)


def test_prompts_become_generate_requests_in_order() -> None:
    items = batch(prompts=["a", "b"]).items()
    assert items == [GenerateRequest(prompt="a"), GenerateRequest(prompt="b")]
    assert batch(prompts=["a"], model="opus").items() == [GenerateRequest(prompt="a", model="opus")]


def test_requests_are_generate_or_chat_bodies() -> None:
    items = batch(requests=[{"prompt": "a", "max_tokens": 5}, CHAT]).items()
    assert items == [
        GenerateRequest(prompt="a", max_tokens=5),
        ChatRequest.model_validate(CHAT),
    ]


def test_hundred_are_taken() -> None:
    assert len(batch(prompts=["a"] * 100).items()) == 100
    assert len(batch(requests=[CHAT] * 100).items()) == 100


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"prompts": ["a"], "requests": [CHAT]},
        {"prompts": []},
        {"prompts": [""]},
        {"prompts": ["a"] * 101},
        {"prompts": "a"},
        {"requests": []},
        {"requests": [CHAT] * 101},
        {"requests": [{}]},
        {"requests": ["a"]},
        {"requests": [{**CHAT, "prompt": "a"}]},
        {"requests": [CHAT], "model": "opus"},
        {"prompts": ["a"], "max_concurrency": 0},
        {"prompts": ["a"], "max_concurrency": 101},
        {"prompts": ["a"], "requests_per_second": 0},
        {"prompts": ["a"], "concurrency": 1},
    ],
)
def test_batch_that_cannot_be_run_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        batch(**body)


def test_pace_that_would_keep_a_caller_waiting_for_more_than_ten_minutes_is_refused() -> None:
    assert batch(prompts=["a"] * 61, requests_per_second=0.1).requests_per_second == 0.1
    assert batch(prompts=["a"], requests_per_second=1e-320).items()
    for body in ({"prompts": ["a"] * 62}, {"requests": [CHAT] * 62}):
        with pytest.raises(ValidationError, match="use /batches") as refusal:
            batch(**body, requests_per_second=0.1)
        assert refusal.value.errors()[0]["ctx"]["field"] == "requests_per_second"


def test_result_has_only_what_it_is() -> None:
    assert BatchResult(index=1, prompt="beginning").model_dump() == {
        "index": 1,
        "prompt": "beginning",
    }
