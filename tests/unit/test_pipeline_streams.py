"""Streams: what is retried, what ends them, and what is charged when they are cut."""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ProviderError,
    ServiceError,
    Unavailable,
)
from service.core.messages import TextDelta, ToolCallDelta, Usage, UsageReport
from service.inference.answers import Answer, AnswerEvent
from service.inference.pipeline import Timeouts
from service.inference.ports import FailureKind
from tests.fakes import (
    HANG,
    Read,
    context,
    failure,
    request,
    stream_end,
    words,
)
from tests.unit.pipeline_bench import PipelineBench

PATIENT = 30.0
SHORT = 0.01
"""Real seconds, after which something that never ends is given up."""

REPORT = UsageReport(Usage(input_tokens=70, cached_input_tokens=20))
WHOLE: list[Read] = [[REPORT], words("Good", "bye"), words("!"), [stream_end()]]


def timeouts(
    *, first_token: float = PATIENT, idle: float = PATIENT, total: float = 600
) -> Timeouts:
    return Timeouts(
        plain=PATIENT, stream_first_token=first_token, stream_idle=idle, stream_total=total
    )


def start(bench: PipelineBench, text: str = "x" * 400) -> AsyncGenerator[AnswerEvent]:
    return bench.pipeline.stream(request(text), context())


async def drain(stream: AsyncGenerator[AnswerEvent], events: list[AnswerEvent]) -> None:
    async for event in stream:
        events.append(event)  # noqa: PERF401 - what comes before an error counts


async def collect(bench: PipelineBench) -> list[AnswerEvent]:
    return [event async for event in start(bench)]


async def collect_until_error(bench: PipelineBench, error: type[ServiceError]) -> list[AnswerEvent]:
    """What came before the error."""
    events: list[AnswerEvent] = []
    with pytest.raises(error):
        await drain(start(bench), events)
    assert bench.acme.open_streams == bench.backup.open_streams == 0
    return events


async def test_pieces_come_as_they_are_read_and_then_the_answer() -> None:
    bench = PipelineBench(WHOLE)
    *pieces, answer = await collect(bench)
    assert pieces == [words("Good", "bye"), words("!")]
    assert isinstance(answer, Answer)
    assert answer.finish_reason == "stop"
    assert (answer.provider, answer.provider_model) == ("acme", "acme-1-20260101")
    assert answer.cost_usd == Decimal("0.0003")
    assert bench.acme.open_streams == 0


async def test_last_pieces_may_come_with_the_end() -> None:
    bench = PipelineBench([[*words("Hello!"), stream_end()]])
    pieces, answer = await collect(bench)
    assert pieces == words("Hello!")
    assert isinstance(answer, Answer)


async def test_answer_without_a_word_is_whole() -> None:
    bench = PipelineBench([[stream_end(finish_reason="content_filter")]])
    [answer] = await collect(bench)
    assert isinstance(answer, Answer)
    assert bench.settlement.first_token_ms is None


async def test_row_is_settled_before_the_answer_goes_out() -> None:
    bench = PipelineBench(WHOLE)
    async for event in start(bench):
        assert len(bench.ledger.settlements) == isinstance(event, Answer)
    settled = bench.settlement
    assert (settled.outcome, settled.usage_source) == ("completed", "provider")
    assert (settled.input_tokens, settled.output_tokens) == (100, 20)
    assert settled.finish_reason == "stop"


async def test_intent_says_that_it_is_a_stream() -> None:
    bench = PipelineBench(WHOLE)
    await collect(bench)
    [intent] = bench.ledger.intents.values()
    assert intent.stream


async def test_time_to_the_first_token_is_told() -> None:
    bench = PipelineBench()
    reads: list[Read] = [
        [REPORT],
        lambda: bench.clock.advance(0.25),
        words("Hello!"),
        lambda: bench.clock.advance(1),
        [stream_end()],
    ]
    bench.acme.answers = (reads,)
    await collect(bench)
    assert (bench.settlement.first_token_ms, bench.settlement.duration_ms) == (250, 1250)


async def test_ledger_away_means_unavailable_and_no_call() -> None:
    bench = PipelineBench(WHOLE)
    bench.ledger.is_available = False
    await collect_until_error(bench, Unavailable)
    assert bench.acme.calls == []
    assert bench.ledger.settlements == []


@pytest.mark.parametrize("reads", [[HANG], [[REPORT], HANG]])
async def test_silence_before_the_first_token_goes_on_to_the_next_target(
    reads: list[Read],
) -> None:
    bench = PipelineBench(reads, backup=[WHOLE], timeouts=timeouts(first_token=SHORT))
    *_, answer = await collect(bench)
    assert isinstance(answer, Answer)
    assert answer.provider == "backup"
    assert len(bench.acme.calls) == 1
    assert bench.acme.open_streams == 0
    assert bench.settlement.cost_usd == Decimal("0.0006")


async def test_silence_of_every_target_is_a_timeout() -> None:
    bench = PipelineBench([HANG], backup=[[HANG]], timeouts=timeouts(first_token=SHORT))
    assert await collect_until_error(bench, DeadlineExceeded) == []
    assert (bench.settlement.outcome, bench.settlement.error_type) == ("failed", "timeout")


async def test_failure_before_the_first_token_is_tried_again() -> None:
    bench = PipelineBench([[REPORT], failure(FailureKind.OVERLOADED)], WHOLE)
    assert len(await collect(bench)) == 3
    assert bench.settlement.attempts == 2


async def test_rejection_is_an_invalid_request() -> None:
    bench = PipelineBench(failure(FailureKind.REJECTED), backup=[WHOLE])
    assert await collect_until_error(bench, InvalidRequest) == []
    assert bench.backup.calls == []
    assert bench.settlement.cost_usd == 0


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FailureKind.MALFORMED, ProviderError),
        (FailureKind.UNREACHABLE, Unavailable),
        (FailureKind.OVERLOADED, Unavailable),
        (FailureKind.REJECTED, InvalidRequest),
    ],
)
async def test_nothing_is_tried_again_after_the_first_token(
    kind: FailureKind, error: type[ServiceError]
) -> None:
    reads: list[Read] = [[REPORT], words("Hello, wor"), failure(kind)]
    bench = PipelineBench(reads, backup=[WHOLE])
    assert await collect_until_error(bench, error) == [words("Hello, wor")]
    assert (len(bench.acme.calls), len(bench.backup.calls)) == (1, 0)
    settled = bench.settlement
    assert (settled.outcome, settled.error_type) == ("failed", error.type)


async def test_stream_that_stops_without_its_end_is_no_answer() -> None:
    bench = PipelineBench([words("Hello")], [words("Hello")])
    events: list[AnswerEvent] = []
    with pytest.raises(RuntimeError):  # it has broken its port's promise
        await drain(start(bench), events)
    assert events == [words("Hello")]
    assert (bench.settlement.outcome, bench.settlement.error_type) == ("failed", "server_error")


async def test_silence_in_mid_stream_is_a_provider_error() -> None:
    bench = PipelineBench([words("Hello"), HANG], timeouts=timeouts(idle=SHORT))
    assert await collect_until_error(bench, ProviderError) == [words("Hello")]
    assert bench.acme.cancelled_calls == 1


async def test_stream_that_outlasts_its_total_while_silent_is_a_timeout() -> None:
    bench = PipelineBench([words("Hello"), HANG], timeouts=timeouts(total=SHORT))
    assert await collect_until_error(bench, DeadlineExceeded) == [words("Hello")]


async def test_stream_that_outlasts_its_total_while_talking_is_a_timeout() -> None:
    bench = PipelineBench()
    talk: list[Read] = [words("bla ")]
    more: list[Read] = [lambda: bench.clock.advance(100), words("bla ")]
    bench.acme.answers = ([*talk, *(more * 50)],)
    assert len(await collect_until_error(bench, DeadlineExceeded)) == 7


async def test_caller_may_shorten_the_total() -> None:
    bench = PipelineBench([words("Hello"), HANG])
    stream = bench.pipeline.stream(request(), context(timeout_seconds=SHORT))
    assert await anext(stream) == words("Hello")
    with pytest.raises(DeadlineExceeded):
        await anext(stream)


async def test_cut_stream_is_charged_what_was_delivered() -> None:
    bench = PipelineBench([words("x" * 30, "y" * 10), failure(FailureKind.MALFORMED)])
    await collect_until_error(bench, ProviderError)
    settled = bench.settlement
    assert (settled.input_tokens, settled.output_tokens) == (100, 10)
    assert (settled.usage_source, settled.cost_usd) == ("estimated", Decimal("0.0002"))


async def test_arguments_of_tool_calls_are_delivered_too() -> None:
    call = ToolCallDelta(0, "x" * 40, id="call_1", name="f")
    bench = PipelineBench([[call], failure(FailureKind.MALFORMED)])
    await collect_until_error(bench, ProviderError)
    assert bench.settlement.output_tokens == 10


async def test_providers_own_count_so_far_is_preferred() -> None:
    bench = PipelineBench([[REPORT], words("x" * 40), failure(FailureKind.MALFORMED)])
    await collect_until_error(bench, ProviderError)
    settled = bench.settlement
    assert (settled.input_tokens, settled.cached_input_tokens, settled.output_tokens) == (
        70,
        20,
        10,
    )
    assert settled.usage_source == "estimated"


async def test_output_that_was_counted_but_not_delivered_is_charged() -> None:
    report = UsageReport(Usage(input_tokens=70, output_tokens=500))
    bench = PipelineBench([words("x" * 40), [report], failure(FailureKind.MALFORMED)])
    await collect_until_error(bench, ProviderError)
    assert bench.settlement.output_tokens == 500


async def test_count_of_a_target_that_failed_is_not_charged_to_the_next() -> None:
    bench = PipelineBench(
        [[UsageReport(Usage(input_tokens=9_999))], failure(FailureKind.MALFORMED)],
        backup=[[words("x" * 40), failure(FailureKind.MALFORMED)]],
    )
    await collect_until_error(bench, ProviderError)
    settled = bench.settlement
    assert (settled.provider, settled.input_tokens) == ("backup", 100)
    assert settled.cost_usd == Decimal("0.0004")


@pytest.mark.parametrize("taken", [1, 2])
async def test_caller_who_leaves_closes_the_stream_and_is_charged_what_was_delivered(
    taken: int,
) -> None:
    bench = PipelineBench([words("x" * 40), words("y" * 40), words("z" * 40), [stream_end()]])
    stream = start(bench)
    for _ in range(taken):
        await anext(stream)
    await stream.aclose()
    assert bench.acme.open_streams == 0
    settled = bench.settlement
    assert (settled.outcome, settled.error_type) == ("cancelled", None)
    assert (settled.output_tokens, settled.usage_source) == (10 * taken, "estimated")


async def test_caller_who_leaves_with_the_last_piece_is_charged_the_providers_count() -> None:
    bench = PipelineBench([words("x" * 40), [*words("!"), stream_end()]])
    stream = start(bench)
    await anext(stream)
    await anext(stream)
    await stream.aclose()
    settled = bench.settlement
    assert (settled.outcome, settled.usage_source) == ("cancelled", "provider")
    assert (settled.input_tokens, settled.output_tokens) == (100, 20)
    assert bench.acme.open_streams == 0


async def test_caller_who_leaves_with_the_answer_is_settled_as_completed() -> None:
    bench = PipelineBench(WHOLE)
    stream = start(bench)
    while not isinstance(await anext(stream), Answer):
        pass
    await stream.aclose()
    assert bench.settlement.outcome == "completed"


async def test_stream_that_is_never_begun_costs_nothing() -> None:
    bench = PipelineBench(WHOLE)
    await start(bench).aclose()
    assert bench.ledger.intents == {}
    assert bench.acme.calls == []


@pytest.mark.parametrize(
    ("reads", "output_tokens"), [([HANG], 0), ([[REPORT], HANG], 0), ([words("x" * 40), HANG], 10)]
)
async def test_caller_who_is_cancelled_while_waiting_is_charged_once(
    reads: list[Read], output_tokens: int
) -> None:
    bench = PipelineBench(reads, backup=[WHOLE])
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(collect(bench))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert (bench.acme.cancelled_calls, bench.acme.open_streams) == (1, 0)
    assert bench.backup.calls == []
    settled = bench.settlement
    assert (settled.outcome, settled.output_tokens) == ("cancelled", output_tokens)
    assert settled.input_tokens > 0


async def test_caller_who_leaves_while_the_intent_is_written_owes_and_settles_nothing() -> None:
    bench = PipelineBench(WHOLE)
    bench.ledger.can_commit.clear()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(collect(bench))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
    assert len(bench.ledger.voided) == 1
    assert bench.ledger.settlements == []
    assert bench.acme.calls == []


PIECES = st.text(min_size=1, max_size=20).map(TextDelta)
READS = st.lists(st.lists(PIECES, min_size=1, max_size=3), min_size=1, max_size=5)
ENDS = st.sampled_from(
    [[stream_end()], failure(FailureKind.MALFORMED), failure(FailureKind.RATE_LIMITED)]
)


@settings(deadline=None)
@given(reads=READS, end=ENDS, taken=st.integers(0, 8))
def test_every_stream_is_settled_exactly_once_wherever_it_stops(
    reads: list[Read], end: Read, taken: int
) -> None:
    async def scenario() -> None:
        bench = PipelineBench([*reads, end])
        stream = start(bench)
        finished = False
        try:
            for _ in range(taken):
                await anext(stream)
        except (ServiceError, StopAsyncIteration):
            finished = True
        await stream.aclose()
        assert bench.acme.open_streams == 0
        assert len(bench.ledger.settlements) == (taken > 0)
        if taken:
            reached_the_end = isinstance(end, list) and taken > len(reads)
            ended_badly = finished and not isinstance(end, list)
            expected = "completed" if reached_the_end else "failed" if ended_badly else "cancelled"
            assert bench.settlement.outcome == expected

    asyncio.run(scenario())
