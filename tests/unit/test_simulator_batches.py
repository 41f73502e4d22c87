"""The simulator's batches, met through both vendors' own SDKs."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tests.simulator import Cut, Reply, Simulator, Usage, bad_request

CLAUDE, GPT = "claude-haiku-5-5", "gpt-6-luna"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture
async def claude(sim: Simulator) -> AsyncIterator[AsyncAnthropic]:
    base_url = sim.anthropic_base_url
    async with AsyncAnthropic(api_key="k", base_url=base_url, max_retries=0) as client:
        yield client


@pytest.fixture
async def gpt(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="k", base_url=sim.openai_base_url, max_retries=0) as client:
        yield client


def said(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


async def sent_to_anthropic(claude: AsyncAnthropic, *texts: str) -> str:
    batch = await claude.messages.batches.create(
        requests=[
            {
                "custom_id": f"c-{at}",
                "params": {"model": CLAUDE, "max_tokens": 9, "messages": said(text)},
            }
            for at, text in enumerate(texts)
        ]
    )
    assert batch.processing_status == "in_progress"
    return batch.id


async def sent_to_openai(gpt: AsyncOpenAI, *texts: str, models: tuple[str, ...] = (GPT,)) -> str:
    lines = [
        {
            "custom_id": f"c-{at}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": models[at % len(models)], "messages": said(text)},
        }
        for at, text in enumerate(texts)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    file = await gpt.files.create(file=("batch.jsonl", content), purpose="batch")
    assert file.bytes == len(content)
    batch = await gpt.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"mine": "yes"},
    )
    return batch.id


async def test_message_batches_end_when_told_each_request_in_its_own_way(
    sim: Simulator, claude: AsyncAnthropic
) -> None:
    batch_id = await sent_to_anthropic(claude, "hello", "bad", "late", "counted")
    batches = claude.messages.batches
    assert (await batches.retrieve(batch_id)).request_counts.processing == 4
    with pytest.raises(anthropic.AnthropicError):
        await batches.results(batch_id)

    counted = Reply(text="Done", usage=Usage(input_tokens=7, output_tokens=3))
    sim.end_batches({"bad": bad_request("too odd"), "late": "expired", "counted": counted})

    ended = await batches.retrieve(batch_id)
    assert ended.processing_status == "ended"
    assert ended.ended_at is not None
    counts = ended.request_counts
    assert (counts.processing, counts.succeeded, counts.errored, counts.expired) == (0, 2, 1, 1)
    results = [result async for result in await batches.results(batch_id)]
    assert [result.custom_id for result in results] == ["c-3", "c-2", "c-1", "c-0"]
    done, late, bad, hello = [result.result for result in results]
    assert done.type == "succeeded"
    assert done.message.content[0].type == "text"
    assert done.message.content[0].text == "Done"
    assert (done.message.usage.input_tokens, done.message.usage.service_tier) == (7, "batch")
    assert late.type == "expired"
    assert bad.type == "errored"
    assert (bad.error.error.type, bad.error.error.message) == ("invalid_request_error", "too odd")
    assert hello.type == "succeeded"


async def test_a_cancelled_message_batch_ends_later_with_what_was_answered(
    sim: Simulator, claude: AsyncAnthropic
) -> None:
    batch_id = await sent_to_anthropic(claude, "hello", "other")

    assert (await claude.messages.batches.cancel(batch_id)).processing_status == "canceling"
    sim.end_batches({"hello": Reply()})

    ended = await claude.messages.batches.retrieve(batch_id)
    assert (ended.request_counts.succeeded, ended.request_counts.canceled) == (1, 1)


async def test_message_batches_are_checked_when_they_are_sent_and_listed_newest_first(
    sim: Simulator, claude: AsyncAnthropic
) -> None:
    first, second, third = [await sent_to_anthropic(claude, name) for name in "abc"]

    page = await claude.messages.batches.list(limit=2)
    assert [batch.id for batch in page.data] == [third, second]
    assert [batch.id async for batch in page] == [third, second, first]
    with pytest.raises(anthropic.BadRequestError, match="custom_id"):
        await claude.messages.batches.create(
            requests=[
                {
                    "custom_id": "no spaces",
                    "params": {"model": CLAUDE, "max_tokens": 9, "messages": said("hello")},
                }
            ]
        )
    with pytest.raises(anthropic.NotFoundError):
        await claude.messages.batches.retrieve("msgbatch_none")


async def test_a_batchs_files_hold_what_was_answered_and_what_was_not(
    sim: Simulator, gpt: AsyncOpenAI
) -> None:
    batch_id = await sent_to_openai(gpt, "hello", "bad", "late")
    assert (await gpt.batches.retrieve(batch_id)).status == "in_progress"

    sim.end_batches({"bad": bad_request("too odd"), "late": "expired"})

    ended = await gpt.batches.retrieve(batch_id)
    assert (ended.status, ended.metadata) == ("expired", {"mine": "yes"})
    assert ended.request_counts is not None
    counts = ended.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 1, 2)
    assert ended.output_file_id is not None
    assert ended.error_file_id is not None
    [answered] = (await gpt.files.content(ended.output_file_id)).text.splitlines()
    response = json.loads(answered)["response"]
    assert response["body"]["choices"][0]["message"]["content"] == "Echo: hello"
    late, bad = map(json.loads, (await gpt.files.content(ended.error_file_id)).iter_lines())
    assert late["error"]["code"] == "batch_expired"
    assert bad["response"]["status_code"] == 400
    assert bad["response"]["body"]["error"]["message"] == "too odd"


async def test_a_batch_that_mixes_models_fails_whole(sim: Simulator, gpt: AsyncOpenAI) -> None:
    batch = await gpt.batches.retrieve(
        await sent_to_openai(gpt, "a", "b", models=(GPT, "gpt-6.1-sol"))
    )
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert batch.errors.data[0].code == "mismatched_model"


async def test_a_cancelled_batch_ends_later_and_all_are_listed(
    sim: Simulator, gpt: AsyncOpenAI
) -> None:
    first = await sent_to_openai(gpt, "a")
    second = await sent_to_openai(gpt, "b")

    assert (await gpt.batches.cancel(first)).status == "cancelling"
    sim.end_batches()

    assert [batch.status async for batch in gpt.batches.list(limit=1)] == ["completed", "cancelled"]
    assert second in [batch.id async for batch in gpt.batches.list()]
    with pytest.raises(openai.NotFoundError):
        await gpt.batches.retrieve("batch_none")


async def test_an_answer_that_is_cut_off_was_taken_in_all_the_same(
    sim: Simulator, claude: AsyncAnthropic
) -> None:
    sim.script(Cut(how="reset"), on="anthropic", path="/v1/messages/batches")

    with pytest.raises((anthropic.APIError, httpx2.HTTPError)):
        await sent_to_anthropic(claude, "hello")

    assert [batch.requests[0].text for batch in sim.batches] == ["hello"]
