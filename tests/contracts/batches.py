"""Batches to keep."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from service.batches.ports import BatchStore, NewItem, StoredBatch
from service.core.events import Event
from service.core.ids import new_id
from tests.clock import START

_BATCH = StoredBatch(
    id="",
    tenant="acme",
    key_id="key_1",
    token_id=None,
    request_id="4b1f",
    mode="service",
    max_concurrency=8,
    requests_per_second=None,
    total=0,
    created_at=START,
    expires_at=START + timedelta(days=7),
)


def make_batch(**changes: Any) -> StoredBatch:
    """A batch with an id of its own."""
    return replace(_BATCH, **{"id": new_id("batch_"), **changes})


def make_items(count: int) -> list[NewItem]:
    """Prompts that tell which is which."""
    return [NewItem(f"item-{n}", f'{{"prompt":"Zoë {n}"}}') for n in range(count)]


async def keep(store: BatchStore, items: Sequence[NewItem], **changes: Any) -> StoredBatch:
    """A batch of these items that is in the store, written in portions of two."""
    batch = make_batch(total=len(items), **changes)

    async def portions() -> AsyncIterator[Sequence[NewItem]]:
        for start in range(0, len(items), 2):
            yield items[start : start + 2]

    await store.create(batch, portions())
    return batch


def end_of(batch: StoredBatch) -> Event:
    """What is told of its end."""
    return Event.of(batch.tenant, "batch.completed", {"id": batch.id}, now=START)
