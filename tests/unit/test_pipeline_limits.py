"""Where on the way of a request its limits are counted."""

import asyncio
from contextlib import aclosing

import pytest

from service.access.ports import Quota, RateLimits, Unit
from service.access.principal import OwnedLimits, Principal
from service.core.errors import InvalidRequest, ProviderError, RateLimited, Unavailable
from service.core.messages import CompletionRequest, EmbeddingRequest, Embeddings, Usage
from service.inference.answers import Answer, AnswerEvent
from service.inference.context import CallContext
from service.inference.ports import FailureKind
from tests.fakes import HANG, Read, completion, context, failure, request, stream_end, words
from tests.unit.pipeline_bench import PipelineBench

PER_MINUTE = 1000
HI = request("Hi", max_tokens=99)
"""1 token in by estimate, and 99 out at most."""
RESERVED = 100
USED = 120
"""What the fakes' answers have used."""


def limited(
    key_id: str = "key_1", *, requests: int = PER_MINUTE, tokens: int = PER_MINUTE
) -> CallContext:
    """The surroundings of a request of a key with limits."""
    limits = RateLimits(requests_per_minute=requests, tokens_per_minute=tokens)
    return context(
        principal=Principal(
            key_id=key_id,
            tenant="tenant",
            scopes=frozenset({"generate"}),
            limits=(OwnedLimits(owner=key_id, limits=limits),),
        )
    )


def used(bench: PipelineBench, unit: Unit, key_id: str = "key_1") -> int:
    """What is counted of a key with the limits above."""
    return PER_MINUTE - bench.limiter.remaining(Quota(key_id, unit, PER_MINUTE)).units


async def turns() -> None:
    """Let everything go on until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def drain(
    bench: PipelineBench, call: CompletionRequest, asking: CallContext
) -> list[AnswerEvent]:
    return [event async for event in bench.pipeline.stream(call, asking)]


async def test_call_counts_as_one_request_and_by_the_tokens_it_has_used() -> None:
    bench = PipelineBench(completion())
    await bench.pipeline.complete(HI, limited())
    assert (used(bench, "requests"), used(bench, "tokens")) == (1, USED)


async def test_tokens_are_reserved_by_estimate_while_the_call_is_under_way() -> None:
    bench = PipelineBench(HANG)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(bench.pipeline.complete(HI, limited()))
        await turns()
        assert used(bench, "tokens") == RESERVED
        call.cancel()
    assert used(bench, "tokens") == bench.settlement.input_tokens == 1


async def test_stream_is_counted_by_what_was_used_when_it_ends() -> None:
    bench = PipelineBench([words("Good "), words("day"), [stream_end()]])
    events = bench.pipeline.stream(HI, limited())
    async with aclosing(events):
        await anext(events)
        assert used(bench, "tokens") == RESERVED
        async for _ in events:
            pass
    assert (used(bench, "requests"), used(bench, "tokens")) == (1, USED)


async def test_hang_up_in_mid_stream_gives_back_what_was_not_delivered() -> None:
    bench = PipelineBench([words("Hello there"), HANG])
    events = bench.pipeline.stream(HI, limited())
    await anext(events)
    await events.aclose()
    assert used(bench, "tokens") == 1 + 3
    assert bench.settlement.outcome == "cancelled"


async def test_failed_call_gives_back_all() -> None:
    bench = PipelineBench(failure(FailureKind.MISCONFIGURED))
    with pytest.raises(ProviderError):
        await bench.pipeline.complete(HI, limited())
    assert (used(bench, "requests"), used(bench, "tokens")) == (1, 0)


async def test_call_that_cannot_begin_without_the_ledger_gives_back_all() -> None:
    bench = PipelineBench(completion())
    bench.ledger.is_available = False
    with pytest.raises(Unavailable):
        await bench.pipeline.complete(HI, limited())
    assert used(bench, "tokens") == 0


async def test_embeddings_count_by_their_tokens() -> None:
    usage = Usage(input_tokens=7)
    bench = PipelineBench(Embeddings(vectors=[[0.5]], usage=usage, provider_model="one"))
    call = EmbeddingRequest(model="default", inputs=("one", "two"))
    await bench.pipeline.embed(call, limited())
    assert (used(bench, "requests"), used(bench, "tokens")) == (1, 7)
    with pytest.raises(RateLimited):
        await bench.pipeline.embed(call, limited(requests=1))


async def test_who_is_refused_is_told_before_anything_is_done() -> None:
    bench = PipelineBench(completion())
    for asking in (limited(requests=1), limited(tokens=50)):
        await bench.pipeline.complete(HI, asking)
        with pytest.raises(RateLimited):
            await bench.pipeline.complete(HI, asking)
        with pytest.raises(RateLimited):
            await drain(bench, HI, asking)
        bench.clock.advance(600)
    assert len(bench.acme.calls) == len(bench.ledger.intents) == 2


async def test_request_that_no_target_can_serve_does_not_count() -> None:
    bench = PipelineBench(completion())
    with pytest.raises(InvalidRequest):
        await bench.pipeline.complete(request(model="unknown"), limited())
    assert used(bench, "requests") == 0


async def test_hit_counts_as_a_request_and_spends_no_tokens() -> None:
    bench = PipelineBench(completion(), shares=True)
    for _ in range(3):
        await bench.pipeline.complete(HI, limited())
    assert (used(bench, "requests"), used(bench, "tokens")) == (3, USED)
    await bench.pipeline.complete(HI, limited("key_2", requests=1))
    with pytest.raises(RateLimited):
        await bench.pipeline.complete(HI, limited("key_2", requests=1))


async def test_hit_is_served_though_no_tokens_are_left() -> None:
    bench = PipelineBench(completion(), shares=True)
    asking = limited(tokens=RESERVED)
    await bench.pipeline.complete(HI, asking)
    assert (await bench.pipeline.complete(HI, asking)).cache_hit


async def test_followers_of_a_flight_count_as_requests_and_spend_no_tokens() -> None:
    bench = PipelineBench([words("Hello"), lambda: None, [stream_end()]], shares=True)
    await asyncio.gather(*(drain(bench, HI, limited()) for _ in range(5)))
    assert len(bench.acme.calls) == 1
    assert (used(bench, "requests"), used(bench, "tokens")) == (5, USED)


@pytest.mark.parametrize("streams", [True, False])
async def test_refusal_of_the_first_is_not_the_refusal_of_who_waits_with_it(
    streams: bool,
) -> None:
    pieces: list[Read] = [words("Hello"), [stream_end()]]
    bench = PipelineBench(pieces if streams else completion(), shares=True)

    async def ask(asking: CallContext) -> Answer:
        if not streams:
            return await bench.pipeline.complete(HI, asking)
        *_, last = await drain(bench, HI, asking)
        assert isinstance(last, Answer)
        return last

    poor = limited("key_poor", tokens=RESERVED)
    await bench.pipeline._limits.count_request(poor.principal)  # noqa: SLF001
    await bench.limiter.take([Quota("key_poor", "tokens", RESERVED)], 1)
    outcomes = await asyncio.gather(
        ask(poor), ask(limited("key_rich")), ask(poor), ask(limited()), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [RateLimited, Answer, Answer, Answer]
    assert len(bench.acme.calls) == 1
    assert len(bench.ledger.settlements) == 3
    assert {settlement.outcome for settlement in bench.ledger.settlements} == {"completed"}
