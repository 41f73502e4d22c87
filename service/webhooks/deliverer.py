"""Delivering: events become deliveries, and each endpoint that has some due gets a courier.

A courier is a task that sends a few deliveries at once to its one endpoint, and then the next few, so that a
receiver who takes his time keeps nobody waiting but himself. Where all places are taken, a courier leaves his
after each few, so that a crowd of such receivers keeps nobody waiting for longer than a request may take.
Replicas share the work by leases; a receiver may get a message twice, under one id, but never none.
"""

import asyncio
from datetime import datetime, timedelta
from random import Random

import structlog
from msgspec import Struct

from service.core.clock import Clock
from service.core.outbound import Outbound, Unreachable, UrlRefused
from service.observability.metrics import Metrics
from service.webhooks.ports import (
    TEST_EVENT,
    Attempted,
    DisabledReason,
    Sending,
    WebhookStore,
    WebhookStoreUnavailable,
)
from service.webhooks.retries import RETRIES_END_AFTER, next_attempt, retry_after
from service.webhooks.signing import signed_headers
from service.webhooks.subscribers import Subscribers

_logger = structlog.get_logger(__name__)

_SHORTEST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 2.0
_EVENTS_AT_ONCE = 200
_COURIERS = 64
_DELIVERIES_AT_ONCE = 4
_MAX_ANSWER_BYTES = 64 * 1024
_GRACE_SECONDS = 2.0
_CLEANING_EVERY_SECONDS = 3600.0
_DELETED_AT_ONCE = 500
_GONE = 410


class Receipt(Struct, frozen=True, kw_only=True):
    """What a receiver answered, or why there is no status."""

    status: int | None = None
    error: str | None = None
    retry_after_seconds: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the message was taken."""
        return self.status is not None and 200 <= self.status <= 299


class Deliverer:
    """Works until it is closed. While the store is away, it waits for it.

    `lease_seconds` should be more than any request takes: it is when what a dead process was sending is sent
    again. What has ended is deleted after `retention`.
    """

    def __init__(
        self,
        store: WebhookStore,
        subscribers: Subscribers,
        outbound: Outbound,
        *,
        clock: Clock,
        random: Random,
        metrics: Metrics,
        lease_seconds: float,
        retention: timedelta,
    ) -> None:
        self._store = store
        self._subscribers = subscribers
        self._outbound = outbound
        self._clock = clock
        self._random = random
        self._metrics = metrics
        self._lease = timedelta(seconds=lease_seconds)
        self._retention = retention
        self._couriers: dict[str, asyncio.Task[None]] = {}
        self._posts: set[asyncio.Task[Receipt]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._turning = asyncio.Lock()
        self._next_cleaning = clock.monotonic()
        self._is_closing = False
        self._is_available = True  # as last logged

    async def start(self) -> None:
        """Start working in the background."""
        # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def aclose(self) -> None:
        """Stop: what is being sent has a moment to end; what has not is sent again, here or elsewhere."""
        self._is_closing = True
        async with self._turning:  # a connection that is cancelled while it is made is left open
            if self._worker is not None:
                self._worker.cancel()
                await asyncio.wait([self._worker])
        if self._posts:
            await asyncio.wait(self._posts, timeout=_GRACE_SECONDS)
        for post in self._posts:
            post.cancel()
        await self.finish()

    async def turn(self) -> bool:
        """Dispatch what has happened and send couriers to where something is due; whether there was any.

        Raises `WebhookStoreUnavailable`.
        """
        await self._subscribers.refresh_from(self._store)
        dispatched = 0
        while count := await self._store.dispatch(now=self._clock.now(), limit=_EVENTS_AT_ONCE):
            dispatched += count
        endpoints = await self._store.due_endpoints(
            now=self._clock.now(),
            except_endpoints=list(self._couriers),
            limit=_COURIERS - len(self._couriers),
        )
        for endpoint_id in endpoints:
            courier = asyncio.get_running_loop().create_task(self._serve(endpoint_id))
            self._couriers[endpoint_id] = courier
        await self._clean()
        return dispatched > 0 or bool(endpoints)

    async def finish(self) -> None:
        """Wait for the couriers that are under way."""
        while self._couriers:
            await asyncio.wait(self._couriers.values())

    async def _work(self) -> None:
        wait_seconds = _SHORTEST_WAIT_SECONDS
        while True:
            async with self._turning:
                is_busy = await self._try_turn()
            wait_seconds = (
                _SHORTEST_WAIT_SECONDS if is_busy else min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
            )
            await self._subscribers.wait_for_news(wait_seconds)

    async def _try_turn(self) -> bool:
        try:
            is_busy = await self.turn()
        except WebhookStoreUnavailable as away:
            if self._is_available:
                _logger.warning("webhooks_unavailable", reason=str(away))
            self._is_available = False
            return False
        except Exception:  # whatever is wrong with one turn, there must be a next
            _logger.exception("webhooks_turn_failed")
            return False
        if not self._is_available:
            _logger.info("webhooks_available_again")
        self._is_available = True
        return is_busy

    async def _serve(self, endpoint_id: str) -> None:
        """One courier's work: until nothing is due, or others may be waiting for his place."""
        try:
            while not self._is_closing:
                now = self._clock.now()
                sendings = await self._store.lease(
                    endpoint_id, now=now, until=now + self._lease, limit=_DELIVERIES_AT_ONCE
                )
                if not sendings:
                    break
                await asyncio.gather(*(self._send(sending) for sending in sendings))
                if len(self._couriers) >= _COURIERS:
                    break
        except WebhookStoreUnavailable:
            pass  # the next turn says so
        except Exception:  # whatever is wrong with one delivery, its endpoint gets others
            _logger.exception("webhook_courier_failed", endpoint_id=endpoint_id)
        finally:
            del self._couriers[endpoint_id]

    async def _send(self, sending: Sending) -> None:
        post = asyncio.get_running_loop().create_task(self._post(sending))
        self._posts.add(post)
        await asyncio.wait([post])
        self._posts.discard(post)
        try:
            if post.cancelled():
                await self._store.release(sending.delivery)
            else:
                await self._record(sending, post.result())
        except WebhookStoreUnavailable:
            # The receiver gets it again when the lease is over.
            _logger.debug("webhook_attempt_not_recorded", delivery_id=sending.delivery.id)

    async def _post(self, sending: Sending) -> Receipt:
        delivery, endpoint = sending.delivery, sending.endpoint
        now = self._clock.now()
        secrets = endpoint.secrets_at(now)
        if not secrets:
            return Receipt(error="secret_unreadable")
        signed = signed_headers(delivery.event_id, delivery.payload, secrets=secrets, now=now)
        try:
            answer = await self._outbound.request(
                "POST",
                endpoint.url,
                headers={"content-type": "application/json", "user-agent": "AI-Service"} | signed,
                body=delivery.payload.encode(),
                max_answer_bytes=_MAX_ANSWER_BYTES,
            )
        except UrlRefused:
            return Receipt(error="url_refused")
        except Unreachable as unreachable:
            return Receipt(error=unreachable.reason)
        return Receipt(
            status=answer.status,
            retry_after_seconds=retry_after(answer.status, answer.headers, now=self._clock.now()),
        )

    async def _record(self, sending: Sending, receipt: Receipt) -> None:
        attempted = self._attempted(sending, receipt, self._clock.now())
        if await self._store.record(attempted):
            _logger.warning(
                "webhook_endpoint_disabled",
                endpoint_id=sending.endpoint.id,
                tenant=sending.endpoint.tenant,
                reason=attempted.disable,
            )
        failed = "retried" if attempted.retry_at is not None else "failed"
        self._metrics.webhook_attempt("delivered" if attempted.is_delivered else failed)

    def _attempted(self, sending: Sending, receipt: Receipt, at: datetime) -> Attempted:
        if receipt.is_success:
            return Attempted(
                sending=sending, is_delivered=True, at=at, response_status=receipt.status
            )
        disable = _reason_to_disable(sending, receipt, at)
        until = sending.delivery.retries_until or at + RETRIES_END_AFTER
        retry_at = next_attempt(
            attempts=sending.delivery.attempts,
            now=at,
            until=until,
            retry_after_seconds=receipt.retry_after_seconds,
            random=self._random,
        )
        return Attempted(
            sending=sending,
            is_delivered=False,
            at=at,
            response_status=receipt.status,
            error=receipt.error,
            retry_at=None if disable == "gone" else retry_at,
            retries_until=until,
            disable=disable,
        )

    async def _clean(self) -> None:
        """Once an hour, delete what ended longer ago than things are kept."""
        if self._clock.monotonic() < self._next_cleaning:
            return
        before = self._clock.now() - self._retention
        while await self._store.delete_old(before=before, limit=_DELETED_AT_ONCE):
            pass
        self._next_cleaning = self._clock.monotonic() + _CLEANING_EVERY_SECONDS


def _reason_to_disable(sending: Sending, receipt: Receipt, at: datetime) -> DisabledReason | None:
    if receipt.status == _GONE:
        return "gone"
    failing_since = sending.endpoint.failing_since
    if sending.delivery.event_type == TEST_EVENT or failing_since is None:
        return None
    return "failing" if at - failing_since >= RETRIES_END_AFTER else None
