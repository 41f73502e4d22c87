"""Events that providers post: known again, noted, and passed on to whom they concern."""

import asyncio
from datetime import datetime, timedelta

import structlog

from service.core.clock import Clock
from service.core.errors import Unavailable
from service.observability.logs import note
from service.webhooks.inbound_events import (
    BATCH_EVENTS,
    KNOWN_EVENTS,
    USAGE_EVENT,
    InboundEvent,
)
from service.webhooks.inbound_ports import (
    Arrival,
    Effect,
    InboundEvents,
    InboundEventsUnavailable,
    ProviderBatchEvents,
    RequestReport,
)

_logger = structlog.get_logger(__name__)

_REMEMBERED = timedelta(days=8)
_REPORTED_ON = timedelta(days=7)
"""How old a request may be. Less than `_REMEMBERED`: what was signed without a time can be sent again for
ever, but once it has been forgotten its request is too old. Providers try for three days."""
_RETRY_AFTER_SECONDS = 5.0
_SWEEP_SECONDS = 3600.0
_LOGGED_CHARACTERS = 64


class Inbound:
    """What `POST /webhooks/llm-provider` asks for.

    `batches` is None where nobody waits for a provider's batches. `keeps_content`: reports hold all that was
    said, not only its facts.
    """

    def __init__(
        self,
        events: InboundEvents,
        *,
        batches: ProviderBatchEvents | None,
        keeps_content: bool,
        clock: Clock,
    ) -> None:
        self._events = events
        self._batches = batches
        self._keeps_content = keeps_content
        self._clock = clock

    async def receive(self, event: InboundEvent) -> None:
        """Let the event have its effect, once. Raises `Unavailable`."""
        now = self._clock.now()
        arrival = Arrival(id=event.identity, type=event.type, received_at=now)
        try:
            effect = await self._events.take(arrival, self._about(event, now=now))
        except InboundEventsUnavailable as away:
            raise Unavailable(
                "Events cannot be taken now", retry_after_seconds=_RETRY_AFTER_SECONDS
            ) from away
        note(event_type=event.type, event_effect=effect)
        if effect == "repeated":
            return
        if event.type in BATCH_EVENTS and self._batches is not None:
            self._batches.notify(event.data["id"])
        _tell_the_operator(event, effect)

    def _about(self, event: InboundEvent, *, now: datetime) -> RequestReport | None:
        report = event.report(now=now, with_content=self._keeps_content)
        if report is None or event.request_id is None:
            return None
        return RequestReport(
            request_id=event.request_id, report=report, made_after=now - _REPORTED_ON
        )


def _tell_the_operator(event: InboundEvent, effect: Effect) -> None:
    """What concerns no tenant."""
    if event.type not in KNOWN_EVENTS:
        _logger.info("unknown_webhook_event", event_type=event.type)
    elif event.type == USAGE_EVENT and event.request_id is None:
        _logger.warning("provider_usage_threshold_reached", figures=event.figures)
    elif effect == "none":
        _logger.info(
            "webhook_event_without_effect",
            event_type=event.type,
            about=(event.request_id or "")[:_LOGGED_CHARACTERS],
        )


class InboundUpkeep:
    """Forgets, once an hour, which events have come, and what content has been kept for long enough."""

    def __init__(
        self, events: InboundEvents, *, clock: Clock, content_retention_days: float
    ) -> None:
        self._events = events
        self._clock = clock
        self._content_is_kept = timedelta(days=content_retention_days)
        self._keeper: asyncio.Task[None] | None = None
        self._sweeping = asyncio.Lock()

    async def start(self) -> None:
        """Start sweeping in the background."""
        # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def aclose(self) -> None:
        """Stop."""
        async with self._sweeping:  # a connection that is cancelled while it is made is left open
            if self._keeper is not None:
                self._keeper.cancel()
                await asyncio.wait([self._keeper])

    async def sweep(self) -> None:
        """Delete what is old; if it cannot be now, then later."""
        now = self._clock.now()
        try:
            await self._events.forget(received_before=now - _REMEMBERED)
            await self._events.forget_content(reported_before=now - self._content_is_kept)
        except InboundEventsUnavailable as away:
            _logger.debug("webhook_events_not_swept", reason=str(away))

    async def _keep(self) -> None:
        while True:
            async with self._sweeping:
                await self.sweep()
            await self._clock.sleep(_SWEEP_SECONDS)
