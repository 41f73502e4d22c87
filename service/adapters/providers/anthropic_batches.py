"""Anthropic's Message Batches: https://platform.claude.com/docs/en/build-with-claude/batch-processing.

A batch there has no name of ours: whose it is shows in the ids of its results, once it has ended.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from service.adapters.providers.anthropic_answer import read_message
from service.adapters.providers.anthropic_request import messages_body
from service.adapters.providers.batch_calls import BatchCalls, Listed, is_older, place
from service.adapters.providers.failures import ErrorReport
from service.adapters.providers.sdk_api import SdkApi
from service.batches.provider.ports import (
    BatchedAnswer,
    NotRun,
    NotRunReason,
    NotYetKnown,
    ProviderBatchState,
)
from service.core.messages import Completion
from service.inference.ports import CompletionCall

_BATCHES = "/v1/messages/batches"
_PAGE_SIZE = 1_000
_NOT_RUN: dict[str, NotRunReason] = {"canceled": "cancelled", "expired": "expired"}


class _Counts(Struct):
    processing: int = 0
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0

    @property
    def total(self) -> int:
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


class _Batch(Listed):
    processing_status: str
    created_at: datetime
    request_counts: _Counts

    @property
    def has_ended(self) -> bool:
        return self.processing_status == "ended"


class _Outcome(Struct):
    type: str
    message: Raw = Raw(b"{}")
    error: Raw = Raw(b"{}")


class _Result(Struct):
    custom_id: str
    result: _Outcome


class AnthropicBatches:
    """The batches of one Anthropic workspace."""

    def __init__(self, api: SdkApi) -> None:
        self._calls = BatchCalls(api)

    def encode(self, custom_id: str, call: CompletionCall) -> bytes:
        params = Raw(messages_body(call, stream=False))
        return msgspec.json.encode({"custom_id": custom_id, "params": params})

    async def submit(self, requests: Sequence[bytes], *, tag: str) -> str:
        body = b'{"requests":[' + b",".join(requests) + b"]}"
        return (await self._calls.post(_BATCHES, body, _Batch)).id

    async def find(self, tag: str, *, request_count: int, since: datetime) -> str | None:
        is_clear = True
        listed = self._calls.listed(_BATCHES, _Batch, page_size=_PAGE_SIZE, cursor="after_id")
        async with aclosing(listed) as newest_first:
            async for batch in newest_first:
                if is_older(batch.created_at, since):
                    break
                if batch.request_counts.total != request_count:
                    continue
                if not batch.has_ended:
                    is_clear = False
                elif await self._has_tag(batch.id, tag):
                    return batch.id
        if not is_clear:
            raise NotYetKnown
        return None

    async def poll(self, batch_id: str) -> ProviderBatchState:
        batch = await self._calls.get(place(_BATCHES, batch_id), _Batch)
        return ProviderBatchState(has_ended=batch.has_ended)

    async def results(self, batch_id: str) -> AsyncGenerator[BatchedAnswer]:
        async with aclosing(
            self._calls.lines(place(_BATCHES, batch_id, "results"), _Result)
        ) as lines:
            async for line in lines:
                yield self._answer(line)

    async def cancel(self, batch_id: str) -> None:
        await self._calls.post(place(_BATCHES, batch_id, "cancel"), b"", _Batch)

    def _answer(self, line: _Result) -> BatchedAnswer:
        def read(call: CompletionCall) -> Completion:
            outcome = line.result
            if outcome.type == "succeeded":
                return read_message(bytes(outcome.message), call, self._calls.failures)
            if outcome.type in _NOT_RUN:
                raise NotRun(_NOT_RUN[outcome.type])
            raise self._calls.failures.of_event(ErrorReport.read(bytes(outcome.error)))

        return BatchedAnswer(line.custom_id, read)

    async def _has_tag(self, batch_id: str, tag: str) -> bool:
        async with aclosing(self.results(batch_id)) as answers:
            async for answer in answers:
                return answer.custom_id.startswith(f"{tag}-")
        return False
