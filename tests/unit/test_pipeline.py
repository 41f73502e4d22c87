"""Plain requests and embeddings, from a model's name to a metered answer."""

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.core.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ProviderError,
    ServiceError,
    Unavailable,
)
from service.core.messages import (
    EmbeddingRequest,
    Embeddings,
    ImageUrl,
    Message,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from service.inference.pipeline import Timeouts
from service.inference.ports import CompletionCall, EmbeddingCall, FailureKind
from service.observability.logs import request_line
from tests.clock import ManualClock
from tests.fakes import HANG, completion, context, failure, request
from tests.unit.pipeline_bench import PipelineBench

NO_MONEY = Decimal(0)
IMPATIENT = Timeouts(plain=0.01, stream_first_token=0.01, stream_idle=0.01, stream_total=0.01)


class EndlessWaits(ManualClock):
    """Whoever sleeps never wakes up."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def cancelled(work: Coroutine[Any, Any, object]) -> None:
    """Start `work`, and cancel it once it waits."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work)
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()


async def test_answer_says_who_gave_it_and_what_it_cost() -> None:
    bench = PipelineBench(
        completion(tool_calls=(ToolCall("call_1", "f", "{}"),), provider_data={"acme": [1]})
    )
    answer = await bench.pipeline.complete(request(), context())
    assert answer.id.startswith("req_")
    assert (answer.text, answer.finish_reason) == ("Hello!", "stop")
    assert (answer.model, answer.provider, answer.provider_model) == (
        "default",
        "acme",
        "acme-1-20260101",
    )
    assert answer.usage.total_tokens == 120
    assert answer.cost_usd == Decimal("0.0003")
    assert answer.tool_calls == (ToolCall("call_1", "f", "{}"),)
    assert answer.provider_data == {"acme": [1]}
    assert not answer.cache_hit


async def test_provider_gets_the_exact_model_and_its_profile() -> None:
    bench = PipelineBench(completion())
    asked = request("What?")
    await bench.pipeline.complete(asked, context())
    [call] = bench.acme.calls
    assert isinstance(call, CompletionCall)
    assert (call.request, call.model) == (asked, "one")
    assert call.profile.abilities == ("generate", "embed")


async def test_intent_is_committed_before_the_provider_is_called() -> None:
    bench = PipelineBench(completion())
    bench.ledger.can_commit.clear()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bench.pipeline.complete(request(), context()))
        for _ in range(5):
            await asyncio.sleep(0)
        assert bench.acme.calls == []
        bench.ledger.can_commit.set()
    assert task.result().text == "Hello!"


async def test_intent_says_who_asks_for_what_and_its_estimated_price() -> None:
    bench = PipelineBench(completion())
    answer = await bench.pipeline.complete(request("x" * 400), context())
    [intent] = bench.ledger.intents.values()
    assert intent.id == answer.id
    assert (intent.tenant, intent.key_id, intent.request_id) == ("tenant", "key_1", "4b1f")
    assert (intent.kind, intent.model, intent.stream) == ("generate", "default", False)
    assert intent.metadata == {"team": "search"}
    assert intent.created_at == bench.clock.now()
    assert intent.estimated_input_tokens == 100
    assert intent.estimated_cost_usd == Decimal("0.0001")


async def test_whole_answer_is_settled_once_at_the_providers_own_count() -> None:
    usage = Usage(input_tokens=100, output_tokens=20, cached_input_tokens=40)
    bench = PipelineBench(completion(usage=usage))
    answer = await bench.pipeline.complete(request(), context())
    settled = bench.settlement
    assert (settled.id, settled.outcome, settled.error_type) == (answer.id, "completed", None)
    assert (settled.provider, settled.provider_model) == ("acme", "acme-1-20260101")
    assert settled.finish_reason == "stop"
    assert (settled.input_tokens, settled.output_tokens, settled.cached_input_tokens) == (
        100,
        20,
        40,
    )
    assert (settled.usage_source, settled.cost_usd) == ("provider", answer.cost_usd)
    assert (settled.attempts, settled.cache_hit) == (1, False)


async def test_count_that_a_provider_left_to_us_is_marked_as_estimated() -> None:
    bench = PipelineBench(completion(usage=Usage(input_tokens=5, source="estimated")))
    await bench.pipeline.complete(request(), context())
    assert bench.settlement.usage_source == "estimated"


async def test_fallback_is_charged_at_its_own_price() -> None:
    bench = PipelineBench(failure(FailureKind.MALFORMED), backup=[completion()])
    answer = await bench.pipeline.complete(request(), context())
    assert answer.provider == "backup"
    assert answer.cost_usd == Decimal("0.0006")
    settled = bench.settlement
    assert (settled.provider, settled.attempts) == ("backup", 2)
    assert settled.cost_usd == answer.cost_usd


async def test_model_without_a_price_costs_nobody_knows_what() -> None:
    bench = PipelineBench(completion())
    with capture_logs() as logs:
        answer = await bench.pipeline.complete(request(model="free"), context())
    assert answer.cost_usd is None
    assert bench.settlement.cost_usd is None
    assert [line["log_level"] for line in logs] == ["warning"]


async def test_ledger_away_means_unavailable_and_no_call() -> None:
    bench = PipelineBench(completion())
    bench.ledger.is_available = False
    with pytest.raises(Unavailable) as caught:
        await bench.pipeline.complete(request(), context())
    assert caught.value.retry_after_seconds > 0
    assert bench.acme.calls == []
    assert bench.ledger.settlements == []


async def test_model_that_is_unknown_costs_no_row() -> None:
    bench = PipelineBench(completion())
    with pytest.raises(InvalidRequest):
        await bench.pipeline.complete(request(model="nonsense"), context())
    assert bench.ledger.intents == {}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FailureKind.REJECTED, InvalidRequest),
        (FailureKind.MALFORMED, ProviderError),
        (FailureKind.RATE_LIMITED, Unavailable),
        (FailureKind.FIRST_TOKEN_TIMEOUT, DeadlineExceeded),
    ],
)
async def test_failure_is_settled_once_under_its_type_and_costs_nothing(
    kind: FailureKind, error: type[ServiceError]
) -> None:
    bench = PipelineBench(failure(kind))
    with pytest.raises(error):
        await bench.pipeline.complete(request(), context())
    settled = bench.settlement
    assert (settled.outcome, settled.error_type) == ("failed", error.type)
    assert (settled.provider, settled.provider_model) == ("acme", "one")
    assert (settled.input_tokens, settled.output_tokens) == (0, 0)
    assert settled.cost_usd == NO_MONEY


async def test_failure_before_any_provider_was_reached_costs_nothing_and_names_nobody() -> None:
    bench = PipelineBench(failure(FailureKind.MALFORMED))
    for _ in range(5):
        with pytest.raises(ProviderError):
            await bench.pipeline.complete(request(), context())
    bench.ledger.intents.clear()
    bench.ledger.settlements.clear()
    with pytest.raises(Unavailable):
        await bench.pipeline.complete(request(), context())
    settled = bench.settlement
    assert (settled.provider, settled.provider_model) == (None, None)
    assert (settled.attempts, settled.cost_usd) == (0, NO_MONEY)


async def test_bug_of_ours_is_settled_as_a_server_error() -> None:
    bench = PipelineBench(RuntimeError("a fault of ours"))
    with pytest.raises(RuntimeError):
        await bench.pipeline.complete(request(), context())
    assert (bench.settlement.outcome, bench.settlement.error_type) == ("failed", "server_error")


async def test_caller_who_leaves_is_charged_the_estimated_input() -> None:
    bench = PipelineBench(HANG)
    await cancelled(bench.pipeline.complete(request("x" * 400), context()))
    assert bench.acme.cancelled_calls == 1
    settled = bench.settlement
    assert (settled.outcome, settled.error_type) == ("cancelled", None)
    assert (settled.input_tokens, settled.output_tokens) == (100, 0)
    assert (settled.usage_source, settled.cost_usd) == ("estimated", Decimal("0.0001"))


async def test_deadline_in_flight_is_charged_the_estimated_input() -> None:
    bench = PipelineBench(HANG, timeouts=IMPATIENT)
    with pytest.raises(DeadlineExceeded):
        await bench.pipeline.complete(request("x" * 400), context())
    assert bench.acme.cancelled_calls == 1
    settled = bench.settlement
    assert (settled.outcome, settled.error_type) == ("failed", "timeout")
    assert (settled.usage_source, settled.cost_usd) == ("estimated", Decimal("0.0001"))


async def test_callers_deadline_shortens_the_servers() -> None:
    bench = PipelineBench(HANG)
    with pytest.raises(DeadlineExceeded):
        await bench.pipeline.complete(request(), context(timeout_seconds=0.01))
    assert bench.acme.cancelled_calls == 1


async def test_estimate_counts_images_tools_and_calls_too() -> None:
    bench = PipelineBench(HANG)
    messages = (
        Message(role="user", content=(TextPart("x" * 40), ImageUrl("https://example.com/a"))),
        Message(role="assistant", content=None, tool_calls=(ToolCall("1", "f", "y" * 400),)),
    )
    tools = (Tool(name="f", description="z" * 4000, parameters={}),)
    await cancelled(bench.pipeline.complete(request(messages=messages, tools=tools), context()))
    assert bench.settlement.input_tokens >= 10 + 1_000 + 100 + 1_000
    [intent] = bench.ledger.intents.values()
    assert intent.estimated_input_tokens == bench.settlement.input_tokens


async def test_caller_who_leaves_between_two_tries_owes_nothing() -> None:
    bench = PipelineBench(failure(FailureKind.OVERLOADED), clock=EndlessWaits())
    await cancelled(bench.pipeline.complete(request(), context()))
    settled = bench.settlement
    assert (settled.outcome, settled.cost_usd, settled.attempts) == ("cancelled", NO_MONEY, 1)


async def test_caller_who_leaves_while_the_intent_is_written_owes_and_settles_nothing() -> None:
    bench = PipelineBench(completion())
    bench.ledger.can_commit.clear()
    await cancelled(bench.pipeline.complete(request(), context()))
    assert len(bench.ledger.voided) == 1
    assert bench.ledger.settlements == []
    assert bench.acme.calls == []


async def test_caller_who_leaves_while_the_settlement_is_written_does_not_undo_it() -> None:
    bench = PipelineBench(completion())
    bench.ledger.settles_at_once = False
    await cancelled(bench.pipeline.complete(request(), context()))
    settled = bench.settlement
    assert (settled.outcome, settled.cost_usd) == ("completed", Decimal("0.0003"))


async def test_answer_waits_for_its_row() -> None:
    bench = PipelineBench(completion())
    bench.ledger.settles_at_once = False
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bench.pipeline.complete(request(), context()))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        [unwritten] = bench.ledger.unwritten
        unwritten.set_result(None)
    assert task.result().text == "Hello!"


async def test_time_from_intent_to_settlement_is_told_in_milliseconds() -> None:
    bench = PipelineBench(failure(FailureKind.OVERLOADED), completion())
    await bench.pipeline.complete(request(), context())
    assert bench.settlement.duration_ms == 500
    assert bench.settlement.completed_at == bench.clock.now()


async def test_row_is_counted_in_the_metrics() -> None:
    bench = PipelineBench(completion())
    await bench.pipeline.complete(request(), context())
    labels = {"provider": "acme", "model": "one"}
    sample = bench.metrics.registry.get_sample_value
    assert sample("ai_service_cost_usd_total", labels) == pytest.approx(0.0003)
    assert sample("ai_service_tokens_total", {**labels, "direction": "input"}) == 100
    assert (
        sample("ai_service_requests_total", {**labels, "kind": "generate", "outcome": "completed"})
        == 1
    )


@pytest.mark.parametrize("content_logging", [False, True])
async def test_prompt_and_answer_are_on_the_line_only_where_the_settings_say_so(
    content_logging: bool,
) -> None:
    bench = PipelineBench(completion(), content_logging=content_logging)
    with request_line() as line:
        await bench.pipeline.complete(request("a secret"), context())
    assert line["outcome"] == "completed"
    assert line["cost_usd"] == pytest.approx(0.0003)
    assert ("a secret" in str(line)) is content_logging
    assert ("Hello!" in str(line)) is content_logging


VECTORS = Embeddings(
    vectors=[[1.0], [2.0]], usage=Usage(input_tokens=1_000), provider_model="acme-e"
)


async def test_embeddings_are_metered_like_answers() -> None:
    bench = PipelineBench(VECTORS)
    asked = EmbeddingRequest(model="default", inputs=("a", "b"))
    answer = await bench.pipeline.embed(asked, context(kind="embeddings"))
    assert (answer.vectors, answer.provider_model) == ([[1.0], [2.0]], "acme-e")
    assert answer.cost_usd == Decimal("0.001")
    settled = bench.settlement
    assert (settled.id, settled.outcome) == (answer.id, "completed")
    assert (settled.input_tokens, settled.finish_reason) == (1_000, None)
    assert bench.acme.calls == [EmbeddingCall(request=asked, model="one")]


async def test_cancelled_embeddings_are_charged_the_estimated_input() -> None:
    bench = PipelineBench(HANG)
    asked = EmbeddingRequest(model="default", inputs=("x" * 400, "y" * 400))
    await cancelled(bench.pipeline.embed(asked, context(kind="embeddings")))
    assert bench.settlement.input_tokens == 200
    assert bench.settlement.cost_usd == Decimal("0.0002")


async def test_provider_without_embeddings_is_never_tried() -> None:
    bench = PipelineBench(failure(FailureKind.OVERLOADED), backup=[VECTORS])
    with pytest.raises(Unavailable):
        await bench.pipeline.embed(
            EmbeddingRequest(model="default", inputs=("a",)), context(kind="embeddings")
        )
    assert bench.backup.calls == []
