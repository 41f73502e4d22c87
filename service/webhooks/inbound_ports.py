"""What has come from outside is kept here, and told to whoever waits for it."""

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from service.usage.ports import ProviderReport


class InboundEventsUnavailable(Exception):
    """The store cannot take an event now; its sender will come again."""


class Arrival(Struct, frozen=True, kw_only=True):
    """An event that has come. `id` is what a repeat is known by."""

    id: str
    type: str
    received_at: datetime


class RequestReport(Struct, frozen=True, kw_only=True):
    """What an event says of the request `request_id`, if that was made after `made_after`."""

    request_id: str
    report: ProviderReport
    made_after: datetime


Effect = Literal["taken", "repeated", "none"]
"""`none`: the request is not known, is too old, or something later has been said of it."""


class InboundEvents(Protocol):
    """The events that have come, and what they change. Every method raises `InboundEventsUnavailable`."""

    async def take(self, arrival: Arrival, about: RequestReport | None = None) -> Effect:
        """Note the event and, in the same transaction, what it says of a request.

        The report becomes the request's own unless a later one is there; its tenant is told by an event
        of the same type. Of equal events, concurrent ones too, one is taken.
        """
        ...

    async def forget(self, *, received_before: datetime) -> None:
        """Delete the events that are as old as that."""
        ...

    async def forget_content(self, *, reported_before: datetime) -> None:
        """Delete the content of reports that are as old as that; the reports stay."""
        ...


class ProviderBatchEvents(Protocol):
    """Who waits for batches that a provider works on."""

    def notify(self, provider_batch_id: str) -> None:
        """Something has happened to this batch: it is worth a look.

        May name a batch that nobody knows. What is missed is found by polling, so this never raises.
        """
        ...
