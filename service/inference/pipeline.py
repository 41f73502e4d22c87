"""The way of a request, read top-down.

    catalog      which targets can serve it (or a 400 that names the field)
    limits       one request more in this minute (or a 429)
    sharing      an answer that is known, or a call that is under way, is not paid for again
    semantics    nor is an answer to nearly the same question, where that is asked for
    upstream     limits (the tokens it may use are held, and corrected in the end),
                 metering (the intent is committed, its worst case held; nothing billable happens before),
                 routing (targets in order, one deadline and one purse of attempts for all),
                 metering (settled exactly once, also when it fails or the caller leaves)

The key check has happened before, at the door.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from service.access.limits import Limits
from service.access.principal import Principal
from service.core.clock import Clock
from service.core.messages import CompletionRequest, EmbeddingRequest
from service.inference.answers import Answer, AnswerEvent, EmbeddingsAnswer
from service.inference.budgets import priced_targets
from service.inference.catalog import Catalog, Target
from service.inference.context import CallContext
from service.inference.metering import Metering
from service.inference.ports import SemanticStore
from service.inference.routing import Deadline, Router
from service.inference.semantics import SemanticCache
from service.inference.sharing import Call, Sharing
from service.inference.upstream import Upstream


@dataclass(frozen=True)
class Timeouts:
    """The server's limits in seconds. A caller's `timeout_seconds` may shorten plain and stream total."""

    plain: float
    stream_first_token: float
    stream_idle: float
    stream_total: float


class Pipeline:
    """Carries requests from a model's name to a metered answer."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        router: Router,
        limits: Limits,
        metering: Metering,
        timeouts: Timeouts,
        clock: Clock,
        sharing: Sharing | None = None,
        semantic_store: SemanticStore | None = None,
    ) -> None:
        """Without `sharing` every request is a call of its own."""
        self._catalog = catalog
        self._limits = limits
        self._prices = metering.prices
        self._timeouts = timeouts
        self._clock = clock
        self._sharing = sharing
        self._semantic_cache = (
            None
            if semantic_store is None
            else SemanticCache(semantic_store, metering, embed=self.embed)
        )
        self._upstream = Upstream(
            router,
            limits,
            metering,
            first_token_seconds=timeouts.stream_first_token,
            idle_seconds=timeouts.stream_idle,
        )

    async def complete(self, request: CompletionRequest, context: CallContext) -> Answer:
        """A whole answer. Raises a `ServiceError`."""
        targets = self._catalog.completion_targets(request)
        targets = await self._admit(context.principal, request.model, targets)
        limit = self._timeouts.plain
        if self._sharing is None or not context.use_cache:
            deadline = self._deadline(limit, context)
            return await self._upstream.complete(
                request, context, targets=targets, deadline=deadline
            )

        async def call() -> AsyncGenerator[AnswerEvent]:
            # Under the server's own deadline: others may come to wait for this call too.
            yield await self._upstream.complete(
                request, context, targets=targets, deadline=Deadline(limit, clock=self._clock)
            )

        return await self._sharing.answer(
            request,
            context,
            call=self._unless_similar(call, request, context, stream=False),
            deadline=self._deadline(limit, context),
        )

    async def stream(
        self, request: CompletionRequest, context: CallContext
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer as it comes. Whatever is raised before the first item may still be a status.

        Closing the generator, or cancelling the task that awaits it, closes the provider's connection,
        unless others wait for the same answer, and settles what was delivered.
        """
        targets = self._catalog.completion_targets(request)
        targets = await self._admit(context.principal, request.model, targets)
        limit = self._timeouts.stream_total
        if self._sharing is None or not context.use_cache:
            deadline = self._deadline(limit, context)
            events = self._upstream.stream(request, context, targets=targets, deadline=deadline)
        else:

            def call() -> AsyncGenerator[AnswerEvent]:
                own = Deadline(limit, clock=self._clock)
                return self._upstream.stream(request, context, targets=targets, deadline=own)

            events = self._sharing.events(
                request,
                context,
                call=self._unless_similar(call, request, context, stream=True),
                deadline=self._deadline(limit, context),
            )
        async with aclosing(events):
            async for event in events:
                yield event

    async def embed(self, request: EmbeddingRequest, context: CallContext) -> EmbeddingsAnswer:
        """A vector for each input. Raises a `ServiceError`."""
        targets = self._catalog.embedding_targets(request.model)
        targets = await self._admit(context.principal, request.model, targets)
        return await self._upstream.embed(
            request,
            context,
            targets=targets,
            deadline=self._deadline(self._timeouts.plain, context),
        )

    def check_embedding_model(self, model: str) -> None:
        """Raises `InvalidRequest` if no target of this name makes embeddings."""
        self._catalog.embedding_targets(model)

    def _unless_similar(
        self, call: Call, request: CompletionRequest, context: CallContext, *, stream: bool
    ) -> Call:
        if self._semantic_cache is None:
            return call
        return self._semantic_cache.before(call, request, context, stream=stream)

    async def aclose(self) -> None:
        """Stop the calls that are shared, and wait for their settlement."""
        if self._sharing is not None:
            await self._sharing.aclose()

    async def _admit(
        self, principal: Principal, model: str, targets: tuple[Target, ...]
    ) -> tuple[Target, ...]:
        """One request more is counted. Who is on a budget may use what has a price."""
        if principal.budgets:
            targets = priced_targets(model, targets, self._prices)
        await self._limits.count_request(principal)
        return targets

    def _deadline(self, limit_seconds: float, context: CallContext) -> Deadline:
        return Deadline(limit_seconds, asked_seconds=context.timeout_seconds, clock=self._clock)
