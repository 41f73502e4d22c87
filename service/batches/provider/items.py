"""A stored item in the terms of a provider's batch."""

from decimal import Decimal

from msgspec import Struct

from service.access.ports import Sanitize
from service.batches.durable.ends import completed
from service.batches.durable.runner import record_id
from service.batches.durable.schemas import ChatItem, GenerateItem, read_item
from service.batches.ports import ItemEnd, PendingItem, StoredBatch
from service.batches.provider.submissions import Submission
from service.core.messages import Completion, CompletionRequest
from service.generation.sanitize import sanitized_answer
from service.generation.schemas import ChatRequest
from service.generation.usecases import limited_history
from service.inference.answers import Answer
from service.usage.ports import RequestKind


class RunnableItem(Struct, frozen=True, kw_only=True):
    """An item as it is run. `record_id` names its row in the ledger and its answer."""

    index: int
    attempts: int
    record_id: str
    body: GenerateItem | ChatItem
    request: CompletionRequest

    @property
    def kind(self) -> RequestKind:
        """What it would have been, asked live."""
        return "chat" if isinstance(self.body, ChatRequest) else "generate"


def runnable(batch: StoredBatch, item: PendingItem) -> RunnableItem:
    """The item, read; see `read_item`."""
    body = read_item(item.body)
    request = body.to_completion()
    if isinstance(body, ChatItem):
        request = limited_history(request, body.to_history())
    return RunnableItem(
        index=item.index,
        attempts=item.attempts,
        record_id=record_id(batch.id, item.index, item.attempts),
        body=body,
        request=request,
    )


async def answered(
    item: RunnableItem, completion: Completion, submission: Submission, cost_usd: Decimal | None
) -> ItemEnd:
    """The end of an item that has an answer, as a plain call would have given it."""
    answer = Answer(
        id=item.record_id,
        model=item.request.model,
        provider=submission.provider,
        provider_model=completion.provider_model,
        label=submission.label,
        finish_reason=completion.finish_reason,
        usage=completion.usage,
        cost_usd=cost_usd,
        text=completion.text,
        tool_calls=completion.tool_calls,
        provider_data=completion.provider_data,
    )
    sanitized: Sanitize = item.body.sanitize or submission.sanitize
    return completed(item.index, item.body, await sanitized_answer(answer, sanitized))
