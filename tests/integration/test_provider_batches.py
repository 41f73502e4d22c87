"""Both vendors' batches behind their port, over the wire."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from service.adapters.providers.anthropic import AnthropicProvider
from service.adapters.providers.anthropic_batches import AnthropicBatches
from service.adapters.providers.openai import OpenAIProvider
from service.adapters.providers.openai_batches import OpenAIBatches
from service.batches.provider.ports import NotRun, NotYetKnown, ProviderBatches
from service.core.messages import Completion
from service.inference.ports import FailureKind, ProviderFailure
from tests.integration.provider_calls import make_call, opened, user
from tests.simulator import (
    Cut,
    Hangup,
    Malformed,
    Reply,
    Simulator,
    Status,
    Usage,
    bad_key,
    bad_request,
    rate_limited,
    server_error,
)

Vendor = Literal["anthropic", "openai"]
BOTH: list[Vendor] = ["anthropic", "openai"]
CREATE = {"anthropic": "/v1/messages/batches", "openai": "/v1/batches"}
POLL = {"anthropic": "GET /v1/messages/batches/{id}", "openai": "GET /v1/batches/{id}"}
RESULTS = {
    "anthropic": "GET /v1/messages/batches/{id}/results",
    "openai": "GET /v1/files/{id}/content",
}
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


@asynccontextmanager
async def opened_batches(vendor: Vendor, simulator: Simulator) -> AsyncIterator[ProviderBatches]:
    async with opened(vendor, simulator) as provider:
        if isinstance(provider, AnthropicProvider):
            yield AnthropicBatches(provider.api)
        else:
            assert isinstance(provider, OpenAIProvider)
            yield OpenAIBatches(provider.api)


@pytest.fixture(params=BOTH)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    name: Vendor = request.param
    return name


@pytest.fixture
async def batches(vendor: Vendor, simulator: Simulator) -> AsyncIterator[ProviderBatches]:
    async with opened_batches(vendor, simulator) as ready:
        yield ready


async def submit(
    batches: ProviderBatches, vendor: Vendor, *texts: str, tag: str = "batch_1-0"
) -> str:
    requests = [
        batches.encode(f"{tag}-{at}", make_call(vendor, user(text)))
        for at, text in enumerate(texts)
    ]
    return await batches.submit(requests, tag=tag)


async def ends_of(
    batches: ProviderBatches, vendor: Vendor, batch_id: str
) -> dict[str, Completion | ProviderFailure | NotRun]:
    """How each request ended, by its id."""
    ends: dict[str, Completion | ProviderFailure | NotRun] = {}
    async for answer in batches.results(batch_id):
        try:
            ends[answer.custom_id] = answer.read(make_call(vendor))
        except (ProviderFailure, NotRun) as failure:
            ends[answer.custom_id] = failure
    return ends


async def test_a_batch_runs_until_the_vendor_says_that_it_has_ended(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    batch_id = await submit(batches, vendor, "one", "two")
    assert not (await batches.poll(batch_id)).has_ended

    simulator.end_batches()

    state = await batches.poll(batch_id)
    assert (state.has_ended, state.refusal, state.rest_not_run) == (True, None, None)
    ends = await ends_of(batches, vendor, batch_id)
    answers = {key: end.text for key, end in ends.items() if isinstance(end, Completion)}
    assert answers == {"batch_1-0-0": "Echo: one", "batch_1-0-1": "Echo: two"}


async def test_what_is_batched_is_what_a_plain_call_would_send(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    call = make_call(vendor, user("hello"), stop=("x",), reasoning_effort="low")
    await batches.submit([batches.encode("t-0", call)], tag="t")
    async with opened(vendor, simulator) as provider:
        await provider.complete(call)

    assert simulator.batches[0].requests[0].body == simulator.calls[-1].body


async def test_each_request_ends_in_its_own_way(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    batch_id = await submit(batches, vendor, "counted", "bad", "down", "late")
    counted = Reply(
        text="Done", usage=Usage(input_tokens=70, output_tokens=3, cache_read_tokens=20)
    )
    simulator.end_batches(
        {
            "counted": counted,
            "bad": bad_request("too odd"),
            "down": server_error(),
            "late": "expired",
        }
    )

    ends = await ends_of(batches, vendor, batch_id)

    done, bad, down, late = [ends[f"batch_1-0-{at}"] for at in range(4)]
    assert isinstance(done, Completion)
    assert done.text == "Done"
    usage = done.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens) == (70, 3, 20)
    assert isinstance(bad, ProviderFailure)
    assert (bad.kind, bad.reason) == (FailureKind.REJECTED, "too odd")
    assert isinstance(down, ProviderFailure)
    assert down.kind is FailureKind.OVERLOADED
    assert isinstance(late, NotRun)
    assert late.reason == "expired"


async def test_a_cancelled_batch_has_the_answers_that_there_were(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    batch_id = await submit(batches, vendor, "quick", "slow")

    await batches.cancel(batch_id)
    assert not (await batches.poll(batch_id)).has_ended
    simulator.end_batches({"quick": Reply(text="Done")})

    assert (await batches.poll(batch_id)).has_ended
    ends = await ends_of(batches, vendor, batch_id)
    assert isinstance(ends["batch_1-0-0"], Completion)
    slow = ends["batch_1-0-1"]
    assert isinstance(slow, NotRun)
    assert slow.reason == "cancelled"


async def test_a_batch_whose_submission_was_not_answered_is_found_by_its_tag(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    await submit(batches, vendor, "another", "one", tag="batch_9-0")
    simulator.script(Cut(how="reset"), on=vendor, path=CREATE[vendor])
    with pytest.raises(ProviderFailure):
        await submit(batches, vendor, "mine", "too", tag="batch_1-0")
    simulator.end_batches()

    found = await batches.find("batch_1-0", request_count=2, since=LONG_AGO)

    assert [batch.id for batch in simulator.batches][1] == found


async def test_a_batch_that_never_arrived_is_not_found(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    await submit(batches, vendor, "another", "one", tag="batch_9-0")
    simulator.script(Hangup(), on=vendor, path=CREATE[vendor])
    with pytest.raises(ProviderFailure):
        await submit(batches, vendor, "mine", "too")
    simulator.end_batches()

    assert await batches.find("batch_1-0", request_count=2, since=LONG_AGO) is None


async def test_a_batch_is_looked_for_on_every_page_but_not_before_its_time(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    mine = await submit(batches, vendor, "mine")
    for at in range(120):
        await submit(batches, vendor, "another", tag=f"batch_9-{at}")
    simulator.end_batches()
    later = datetime.now(UTC) + timedelta(hours=1)

    assert await batches.find("batch_1-0", request_count=1, since=LONG_AGO) == mine
    assert await batches.find("batch_1-0", request_count=1, since=later) is None


async def test_whose_an_unfinished_batch_is_shows_at_anthropic_only_in_the_end(
    simulator: Simulator,
) -> None:
    async with opened_batches("anthropic", simulator) as batches:
        batch_id = await submit(batches, "anthropic", "mine")
        with pytest.raises(NotYetKnown):
            await batches.find("batch_1-0", request_count=1, since=LONG_AGO)
        assert await batches.find("batch_1-0", request_count=2, since=LONG_AGO) is None
        simulator.end_batches()
        assert await batches.find("batch_1-0", request_count=1, since=LONG_AGO) == batch_id


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("token_limit_exceeded", FailureKind.RATE_LIMITED),
        ("invalid_json_line", FailureKind.MISCONFIGURED),
    ],
)
async def test_a_batch_that_openai_turns_away_whole_says_why(
    simulator: Simulator, code: str, kind: FailureKind
) -> None:
    async with opened_batches("openai", simulator) as batches:
        batch_id = await submit(batches, "openai", "hello")
        simulator.refuse_batches(code)
        state = await batches.poll(batch_id)
    assert state.has_ended
    assert state.refusal is not None
    assert state.refusal.kind is kind


async def test_an_expired_batch_says_so_of_what_it_does_not_mention(simulator: Simulator) -> None:
    async with opened_batches("openai", simulator) as batches:
        batch_id = await submit(batches, "openai", "hello")
        simulator.end_batches({"hello": "expired"})
        assert (await batches.poll(batch_id)).rest_not_run == "expired"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (bad_key(), FailureKind.MISCONFIGURED),
        (bad_request("no"), FailureKind.REJECTED),
        (rate_limited(seconds=7), FailureKind.RATE_LIMITED),
        (server_error(), FailureKind.OVERLOADED),
        (Hangup(), FailureKind.UNREACHABLE),
        (Malformed("html"), FailureKind.MALFORMED),
        (Malformed("wrong_shape"), FailureKind.MALFORMED),
    ],
)
async def test_a_call_that_fails_says_how(
    batches: ProviderBatches,
    vendor: Vendor,
    simulator: Simulator,
    behaviour: Status | Hangup | Malformed,
    kind: FailureKind,
) -> None:
    batch_id = await submit(batches, vendor, "hello")
    simulator.end_batches()
    for path in (
        CREATE[vendor],
        POLL[vendor],
    ):  # always: a question is asked anew on a lost connection
        simulator.always(behaviour, on=vendor, path=path)

    with pytest.raises(ProviderFailure) as submitting:
        await submit(batches, vendor, "hello")
    with pytest.raises(ProviderFailure) as polling:
        await batches.poll(batch_id)

    assert [submitting.value.kind, polling.value.kind] == [kind, kind]


async def test_results_that_are_cut_off_are_a_failure_and_can_be_read_again(
    batches: ProviderBatches, vendor: Vendor, simulator: Simulator
) -> None:
    batch_id = await submit(batches, vendor, *[f"text {at}" for at in range(50)])
    simulator.end_batches()
    simulator.script(Cut(how="close"), on=vendor, path=RESULTS[vendor])

    with pytest.raises(ProviderFailure) as cut:
        await ends_of(batches, vendor, batch_id)

    assert cut.value.kind is FailureKind.MALFORMED
    assert len(await ends_of(batches, vendor, batch_id)) == 50


async def test_a_line_that_cannot_be_read_does_not_spoil_the_others(
    simulator: Simulator,
) -> None:
    async with opened_batches("openai", simulator) as batches:
        batch_id = await submit(batches, "openai", "hello")
        simulator.end_batches()
        simulator.script(Malformed("json"), on="openai", path=RESULTS["openai"])
        assert await ends_of(batches, "openai", batch_id) == {}
