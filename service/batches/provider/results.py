"""What providers made of items: each ends once, in the ledger first and then in the batch."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from itertools import islice

from msgspec import Struct

from service.batches.durable.ends import failed
from service.batches.ports import BatchStore, ItemEnd, PendingItem, StoredBatch
from service.batches.provider.bills import HowItEnded
from service.batches.provider.items import RunnableItem, answered, runnable
from service.batches.provider.ports import BatchedAnswer, NotRun, NotRunReason
from service.batches.provider.submissions import Submission, index_of, tag_of
from service.batches.provider.tools import ProviderTools
from service.core.errors import DeadlineExceeded, ProviderError, ServiceError
from service.core.messages import Completion
from service.inference.ports import CompletionCall, FailureKind, ProviderFailure
from service.inference.routing import error_of

MAX_ATTEMPTS = 3
"""How often an item is handed over before a failure that might pass is its end."""

_AT_ONCE = 50
_FINAL = (FailureKind.REJECTED, FailureKind.MISCONFIGURED)
_NOT_RUN: Mapping[NotRunReason, ServiceError] = {
    "expired": DeadlineExceeded("The provider did not run the request within its day"),
    "cancelled": ProviderError("The provider's batch was cancelled before the request was run"),
}
_SILENCE = ProviderFailure(FailureKind.MALFORMED, "The provider says nothing of the request")
_VOID = HowItEnded(outcome="cancelled")


class _Verdict(Struct, frozen=True):
    """How an item's row is settled, and how the item ends; None: it goes again, or the batch ends it."""

    row: HowItEnded
    end: ItemEnd | None
    goes_again: bool = False


class Results:
    """Takes down how the items of one batch have ended. Doing so twice changes nothing."""

    def __init__(self, tools: ProviderTools, batch: StoredBatch) -> None:
        self._tools = tools
        self._batch = batch

    async def fetch(
        self,
        submission: Submission,
        answers: AsyncGenerator[BatchedAnswer],
        *,
        rest_not_run: NotRunReason | None,
        is_stopping: bool,
    ) -> bool:
        """Take all answers down; whether some items go again. Raises `ProviderFailure`.

        `is_stopping`: what was not run is left to whoever stops the batch.
        """
        tag = tag_of(self._batch.id, submission)
        left = set(submission.indexes)
        goes_again = False
        chunk: dict[int, BatchedAnswer] = {}
        async with aclosing(answers):
            async for answer in answers:
                index = index_of(tag, answer.custom_id)
                if index not in left:
                    continue
                left.discard(index)
                chunk[index] = answer
                if len(chunk) == _AT_ONCE:
                    goes_again |= await self._take(submission, chunk, is_stopping=is_stopping)
                    chunk = {}
        nothing = BatchedAnswer(
            "", _raising(_SILENCE if rest_not_run is None else NotRun(rest_not_run))
        )
        for indexes in _chunks(left):
            chunk |= dict.fromkeys(indexes, nothing)
            goes_again |= await self._take(submission, chunk, is_stopping=is_stopping)
            chunk = {}
        return goes_again | await self._take(submission, chunk, is_stopping=is_stopping)

    async def fail_all(self, submission: Submission, failure: ProviderFailure) -> None:
        """None of the items has been run, nor ever will be."""

        refusal = BatchedAnswer("", _raising(failure))
        for indexes in _chunks(submission.indexes):
            refused = dict.fromkeys(indexes, refusal)
            await self._take(submission, refused, is_stopping=False)

    async def void(self, submission: Submission) -> None:
        """None of the items has been run; what their rows hold is given back."""
        async for found in pending_items(self._tools.store, self._batch.id, submission.indexes):
            items = [runnable(self._batch, item) for item in found]
            await asyncio.gather(
                *(self._tools.bills.settle(self._batch, i, submission, _VOID) for i in items)
            )

    async def _take(
        self, submission: Submission, chunk: Mapping[int, BatchedAnswer], *, is_stopping: bool
    ) -> bool:
        store, bills = self._tools.store, self._tools.bills
        pending = await store.pending_at(self._batch.id, list(chunk)) if chunk else []
        items = [runnable(self._batch, item) for item in pending]
        verdicts = [
            await self._verdict(submission, item, chunk[item.index], is_stopping=is_stopping)
            for item in items
        ]
        await asyncio.gather(
            *(
                bills.settle(self._batch, item, submission, verdict.row)
                for item, verdict in zip(items, verdicts, strict=True)
            )
        )
        ends = [verdict.end for verdict in verdicts if verdict.end is not None]
        if ends:
            await store.end_items(self._batch.id, ends)
        again = [i for i, verdict in zip(items, verdicts, strict=True) if verdict.goes_again]
        for item in again:
            await store.count_attempts(self._batch.id, item.index, item.attempts + 1)
        return bool(again)

    async def _verdict(
        self,
        submission: Submission,
        item: RunnableItem,
        answer: BatchedAnswer,
        *,
        is_stopping: bool,
    ) -> _Verdict:
        try:
            completion = answer.read(self._tools.call(item, submission))
        except NotRun as not_run:
            if is_stopping:
                return _Verdict(_VOID, None)
            return self._failed(item, _NOT_RUN[not_run.reason])
        except ProviderFailure as failure:
            if failure.kind in _FINAL or item.attempts + 1 >= MAX_ATTEMPTS:
                return self._failed(item, error_of([failure]))
            error_type = error_of([failure]).type
            row = HowItEnded(outcome="failed", error_type=error_type)
            return _Verdict(row, None, goes_again=not is_stopping)
        cost_usd = self._tools.bills.cost_usd(
            submission.provider, submission.model, completion.usage
        )
        end = await answered(item, completion, submission, cost_usd)
        return _Verdict(HowItEnded(completion=completion, cost_usd=cost_usd), end)

    def _failed(self, item: RunnableItem, error: ServiceError) -> _Verdict:
        end = failed(item.index, error, request_id=self._batch.request_id)
        return _Verdict(HowItEnded(outcome="failed", error_type=error.type), end)


async def pending_items(
    store: BatchStore, batch_id: str, indexes: Iterable[int]
) -> AsyncIterator[list[PendingItem]]:
    """Those of the items that have not ended, in portions."""
    for some in _chunks(indexes):
        yield await store.pending_at(batch_id, some)


def _chunks(indexes: Iterable[int]) -> Iterable[list[int]]:
    rest = iter(indexes)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _raising(error: Exception) -> Callable[[CompletionCall], Completion]:
    def read(_: CompletionCall) -> Completion:
        raise error

    return read
