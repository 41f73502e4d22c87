"""What happens in a tenant that it may want to be told of."""

from datetime import datetime
from typing import Any, Literal, Protocol, get_args

from msgspec import Struct

from service.core.ids import new_id

EventType = Literal[
    "generation.completed",
    "generation.failed",
    "batch.completed",
    "batch.failed",
    "batch.cancelled",
    "usage.threshold_reached",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)


class Event(Struct, frozen=True, kw_only=True):
    """Written in the transaction that makes it true. `data` is what JSON can say, without content."""

    id: str
    tenant: str
    type: EventType
    data: dict[str, Any]
    created_at: datetime

    @classmethod
    def of(cls, tenant: str, type_: EventType, data: dict[str, Any], *, now: datetime) -> "Event":
        """A new event, with an id of its own."""
        return cls(id=new_id("evt_"), tenant=tenant, type=type_, data=data, created_at=now)


class Audience(Protocol):
    """Who waits to be told, as far as this process knows: asked on the hot path, so it asks nobody."""

    def awaits(self, tenant: str, type_: EventType) -> bool:
        """Whether anybody in the tenant wants events of this type."""
        ...

    def told(self) -> None:
        """Events have been committed. Must neither block nor raise."""
        ...


class NoAudience:
    """An Audience where nobody is."""

    def awaits(self, tenant: str, type_: EventType) -> bool:
        """Nobody does."""
        return False

    def told(self) -> None:
        """Of no interest."""
