"""What has to be asked of a provider: metered, routed, and, for a stream, read to its end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

from service.access.limits import Limits
from service.core.errors import DeadlineExceeded, ProviderError
from service.core.estimates import estimate_input_tokens, estimate_tokens
from service.core.messages import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    StreamEnd,
    StreamEvent,
    UsageReport,
)
from service.inference.answers import Answer, AnswerEvent, Delta, EmbeddingsAnswer
from service.inference.catalog import Target
from service.inference.context import CallContext
from service.inference.metering import Meter, Metering
from service.inference.ports import CompletionCall, EmbeddingCall, FailureKind, ProviderFailure
from service.inference.routing import Deadline, Router, error_of
from service.inference.stored import assemble

_STREAM_TOO_LONG = "The stream took longer than it may"


class Upstream:
    """Calls that cost money. Every one has a row in the ledger before it is made."""

    def __init__(
        self,
        router: Router,
        limits: Limits,
        metering: Metering,
        *,
        first_token_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._router = router
        self._limits = limits
        self._metering = metering
        self._first_token_seconds = first_token_seconds
        self._idle_seconds = idle_seconds

    async def complete(
        self,
        request: CompletionRequest,
        context: CallContext,
        *,
        targets: tuple[Target, ...],
        deadline: Deadline,
    ) -> Answer:
        """A whole answer. Raises a `ServiceError`."""

        async def attempt(target: Target) -> Completion:
            return await target.provider.complete(_completion_call(request, target))

        meter = self._meter(request, context, targets, stream=False)
        async with self._tokens(context, meter, request.max_tokens), meter:
            target, completion = await self._router.run(
                meter.targets, meter.attempting(attempt), deadline=deadline, attempts=meter.attempts
            )
            cost_usd = meter.answered(
                target,
                usage=completion.usage,
                provider_model=completion.provider_model,
                finish_reason=completion.finish_reason,
            )
            meter.note_content(completion.text or "")
        return Answer(
            id=meter.id,
            model=request.model,
            provider=target.provider.name,
            provider_model=completion.provider_model,
            label=target.label,
            finish_reason=completion.finish_reason,
            usage=completion.usage,
            cost_usd=cost_usd,
            text=completion.text,
            tool_calls=completion.tool_calls,
            provider_data=completion.provider_data,
        )

    async def stream(
        self,
        request: CompletionRequest,
        context: CallContext,
        *,
        targets: tuple[Target, ...],
        deadline: Deadline,
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer as it comes; see `Pipeline.stream`."""
        come: list[Delta] = []
        meter = self._meter(request, context, targets, stream=True)
        async with self._tokens(context, meter, request.max_tokens), meter:

            async def attempt(target: Target) -> OpenStream:
                stream = target.provider.stream(_completion_call(request, target))
                return await OpenStream.begin(stream, meter, self._first_token_seconds)

            target, upstream = await self._router.run(
                meter.targets, meter.attempting(attempt), deadline=deadline, attempts=meter.attempts
            )
            try:
                while upstream.end is None:
                    if upstream.deltas:
                        come += upstream.deltas
                        yield upstream.deltas
                    await upstream.advance(idle_seconds=self._idle_seconds, deadline=deadline)
                # Before the last piece goes out: a caller who leaves with it is charged what is due.
                end = upstream.end
                cost_usd = meter.answered(
                    target,
                    usage=end.usage,
                    provider_model=end.provider_model,
                    finish_reason=end.finish_reason,
                )
                if upstream.deltas:
                    come += upstream.deltas
                    yield upstream.deltas
            finally:
                await upstream.aclose()
            text, tool_calls = assemble(come)
            meter.note_content(text or "")
        yield Answer(
            id=meter.id,
            model=request.model,
            provider=target.provider.name,
            provider_model=end.provider_model,
            label=target.label,
            finish_reason=end.finish_reason,
            usage=end.usage,
            cost_usd=cost_usd,
            text=text,
            tool_calls=tool_calls,
            provider_data=end.provider_data,
        )

    async def embed(
        self,
        request: EmbeddingRequest,
        context: CallContext,
        *,
        targets: tuple[Target, ...],
        deadline: Deadline,
    ) -> EmbeddingsAnswer:
        """A vector for each input. Raises a `ServiceError`."""

        async def attempt(target: Target) -> Embeddings:
            return await target.provider.embed(EmbeddingCall(request=request, model=target.model))

        meter = self._metering.meter(
            request,
            context,
            targets=targets,
            input_text="\n".join(request.inputs),
            estimated_input_tokens=sum(estimate_tokens(text) for text in request.inputs),
            stream=False,
            attempts=self._router.new_attempts(),
        )
        async with self._tokens(context, meter), meter:
            target, embeddings = await self._router.run(
                meter.targets, meter.attempting(attempt), deadline=deadline, attempts=meter.attempts
            )
            cost_usd = meter.answered(
                target,
                usage=embeddings.usage,
                provider_model=embeddings.provider_model,
                finish_reason=None,
            )
        return EmbeddingsAnswer(
            id=meter.id,
            model=request.model,
            provider=target.provider.name,
            provider_model=embeddings.provider_model,
            vectors=embeddings.vectors,
            usage=embeddings.usage,
            cost_usd=cost_usd,
        )

    def _tokens(
        self, context: CallContext, meter: Meter, max_output_tokens: int = 0
    ) -> AbstractAsyncContextManager[None]:
        """Holds what the call may use up of the caller's tokens per minute."""
        estimate = meter.estimated_input_tokens + max_output_tokens
        return self._limits.reserve_tokens(context.principal, meter, estimate=estimate)

    def _meter(
        self,
        request: CompletionRequest,
        context: CallContext,
        targets: tuple[Target, ...],
        *,
        stream: bool,
    ) -> Meter:
        return self._metering.meter(
            request,
            context,
            targets=targets,
            input_text="\n".join(message.text for message in request.messages),
            estimated_input_tokens=estimate_input_tokens(request),
            stream=stream,
            attempts=self._router.new_attempts(),
        )


class OpenStream:
    """A provider's stream whose first event is in hand.

    `deltas` is what the last read brought for the caller; `end` is set once the provider has said that
    the answer is whole.
    """

    def __init__(self, events: AsyncGenerator[list[StreamEvent]], meter: Meter) -> None:
        self._events = events
        self._meter = meter
        self.deltas: list[Delta] = []
        self.end: StreamEnd | None = None

    @classmethod
    async def begin(
        cls, events: AsyncGenerator[list[StreamEvent]], meter: Meter, first_token_seconds: float
    ) -> "OpenStream":
        """Wait for the first event. Raises `ProviderFailure`; then the connection is closed."""
        stream = cls(events, meter)
        try:
            async with asyncio.timeout(first_token_seconds):
                while not stream.deltas and stream.end is None:
                    stream._take(await anext(events))
        except TimeoutError as silence:
            await events.aclose()
            raise ProviderFailure(
                FailureKind.FIRST_TOKEN_TIMEOUT, "The provider sent no token in time"
            ) from silence
        except BaseException:
            await events.aclose()
            raise
        return stream

    async def advance(self, *, idle_seconds: float, deadline: Deadline) -> None:
        """Read on. Raises a `ServiceError` if the provider breaks off, falls silent or takes too long."""
        seconds_left = deadline.seconds_left()
        if seconds_left == 0:  # a provider with always more in its buffer would never be timed
            raise DeadlineExceeded(_STREAM_TOO_LONG)
        try:
            async with asyncio.timeout(min(idle_seconds, seconds_left)):
                self._take(await anext(self._events))
        except TimeoutError as silence:
            # Not by the clock of now: the loop's timers may fire a millisecond early.
            if seconds_left <= idle_seconds:
                raise DeadlineExceeded(_STREAM_TOO_LONG) from silence
            raise ProviderError("The provider fell silent in mid-stream") from silence
        except ProviderFailure as failure:
            raise error_of([failure]) from failure

    async def aclose(self) -> None:
        """Close the provider's connection, if it is still open."""
        await self._events.aclose()

    def _take(self, events: list[StreamEvent]) -> None:
        self._meter.observe(events)
        last = events[-1]
        if isinstance(last, StreamEnd):
            self.end = last
        self.deltas = [event for event in events if not isinstance(event, UsageReport | StreamEnd)]


def _completion_call(request: CompletionRequest, target: Target) -> CompletionCall:
    return CompletionCall(request=request, model=target.model, profile=target.profile)
