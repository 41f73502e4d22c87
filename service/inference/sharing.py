"""The sharing stage: the response cache, then single flight.

Both are keyed by the tenant and every field of the request. What is shared costs its taker nothing: the
answer has an id of its own, `cost_usd` 0 and `cache_hit`, and a row in the ledger that says so.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from decimal import Decimal

import msgspec

from service.core.errors import OWN_BOUNDS_SPENT
from service.core.messages import CompletionRequest
from service.inference.answers import Answer, AnswerEvent
from service.inference.context import CallContext
from service.inference.flights import Flight, Flights
from service.inference.metering import FreeMeter, Metering
from service.inference.ports import ResponseCache
from service.inference.routing import Deadline
from service.inference.stored import StoredAnswer, as_deltas, cache_key, from_bytes, to_bytes

Call = Callable[[], AsyncGenerator[AnswerEvent]]
"""Starts the call that answers; its last item is the `Answer`."""


class Sharing:
    """Answers from what is known or under way, and calls only for the rest."""

    def __init__(self, cache: ResponseCache, metering: Metering) -> None:
        self._cache = cache
        self._metering = metering
        self._metrics = metering.metrics
        self._flights = Flights()

    async def answer(
        self, request: CompletionRequest, context: CallContext, *, call: Call, deadline: Deadline
    ) -> Answer:
        """A whole answer. Raises a `ServiceError`."""
        key = _key(request, context)
        stored = await self._find(key)
        if stored is not None:
            self._metrics.sharing("hit")
            async with self._free_meter(request, context, stream=False) as meter:
                return taken_from(stored, meter, request)
        while True:
            flight, is_first = self._board(key, call)
            if is_first:
                return await flight.result(deadline)
            with suppress(*OWN_BOUNDS_SPENT):  # those of whoever was first: ask for oneself
                async with self._free_meter(request, context, stream=False) as meter:
                    return taken_from(stored_of(await flight.result(deadline)), meter, request)

    async def events(
        self, request: CompletionRequest, context: CallContext, *, call: Call, deadline: Deadline
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer as a stream, whichever way it comes. Raises a `ServiceError`."""
        key = _key(request, context)
        stored = await self._find(key)
        if stored is not None:
            self._metrics.sharing("hit")
            async with self._free_meter(request, context, stream=True) as meter:
                taken = taken_from(stored, meter, request)
                if deltas := as_deltas(stored.text, stored.tool_calls):
                    yield deltas
            yield taken
            return
        while True:
            flight, is_first = self._board(key, call)
            if is_first:
                async with aclosing(flight.events(deadline)) as events:
                    async for event in events:
                        yield event
                return
            with suppress(*OWN_BOUNDS_SPENT):  # as above; they come before anything else
                async with (
                    self._free_meter(request, context, stream=True) as meter,
                    aclosing(flight.events(deadline)) as events,
                ):
                    async for event in events:
                        if isinstance(event, Answer):
                            taken = taken_from(stored_of(event), meter, request)
                        else:
                            yield event
                yield taken
                return

    async def aclose(self) -> None:
        """Stop the calls under way and wait for their settlement."""
        await self._flights.aclose()

    def _board(self, key: str, call: Call) -> tuple[Flight, bool]:
        flight, is_first = self._flights.join(key, lambda: self._kept(key, call()))
        self._metrics.sharing("miss" if is_first else "joined")
        return flight, is_first

    async def _find(self, key: str) -> StoredAnswer | None:
        value = await self._cache.get(key)
        return None if value is None else from_bytes(value)

    async def _kept(
        self, key: str, events: AsyncGenerator[AnswerEvent]
    ) -> AsyncGenerator[AnswerEvent]:
        """`events`; a whole answer is stored. What a provider has filtered may pass the next time."""
        async with aclosing(events):
            async for event in events:
                yield event
                if isinstance(event, Answer) and event.finish_reason != "content_filter":
                    await self._cache.put(key, to_bytes(stored_of(event)))

    def _free_meter(
        self, request: CompletionRequest, context: CallContext, *, stream: bool
    ) -> FreeMeter:
        return self._metering.free_meter(context, model=request.model, stream=stream)


def _key(request: CompletionRequest, context: CallContext) -> str:
    return cache_key(context.principal.tenant, request, context.semantic_cache)


def stored_of(answer: Answer) -> StoredAnswer:
    """What is kept of an answer."""
    return StoredAnswer(
        provider=answer.provider,
        provider_model=answer.provider_model,
        label=answer.label,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        text=answer.text,
        tool_calls=answer.tool_calls,
        provider_data=answer.provider_data,
    )


def taken_from(stored: StoredAnswer, meter: FreeMeter, request: CompletionRequest) -> Answer:
    """The answer for one who pays nothing for it."""
    meter.took(stored)
    return Answer(
        id=meter.id,
        model=request.model,
        cost_usd=Decimal(0),
        cache_hit=True,
        **msgspec.structs.asdict(stored),
    )
