"""A stored item in the terms of a provider's batch, and what is kept of its end."""

import hashlib
from decimal import Decimal

import msgspec
from msgspec import Struct
from pydantic import TypeAdapter

from service.access.ports import Sanitize
from service.batches.ports import ItemEnd, PendingItem, StoredBatch
from service.batches.schemas import BatchItem
from service.core.errors import ServiceError
from service.core.messages import Completion, CompletionRequest
from service.generation.sanitize import sanitized_answer
from service.generation.schemas import ChatRequest, ChatResponse, GenerateRequest, GenerateResponse
from service.generation.usecases import limited_history
from service.inference.answers import Answer
from service.usage.ports import RequestKind
from service.web.errors import error_body

_read: TypeAdapter[GenerateRequest | ChatRequest] = TypeAdapter(BatchItem)


class RunnableItem(Struct, frozen=True, kw_only=True):
    """An item as it is run. `record_id` names its row in the ledger and its answer."""

    index: int
    attempts: int
    record_id: str
    kind: RequestKind
    request: CompletionRequest
    metadata: dict[str, str]
    sanitize: Sanitize | None


def runnable(batch: StoredBatch, item: PendingItem) -> RunnableItem:
    """The item, read; it was checked when the batch was made."""
    value = msgspec.json.decode(item.body)
    value.pop("custom_id", None)
    body = _read.validate_python(value)
    request = body.to_completion()
    if isinstance(body, ChatRequest):
        request = limited_history(request, body.history_limit)
    return RunnableItem(
        index=item.index,
        attempts=item.attempts,
        record_id=record_id(batch.id, item),
        kind="chat" if isinstance(body, ChatRequest) else "generate",
        request=request,
        metadata=body.metadata or {},
        sanitize=body.sanitize,
    )


def record_id(batch_id: str, item: PendingItem) -> str:
    """The same for the same attempt at the same item, whoever makes it."""
    name = f"{batch_id}/{item.index}/{item.attempts}".encode()
    return "req_" + hashlib.blake2b(name, digest_size=16).hexdigest()


async def answered(
    item: RunnableItem,
    completion: Completion,
    *,
    provider: str,
    label: str,
    sanitize: Sanitize,
    cost_usd: Decimal | None,
) -> ItemEnd:
    """The end of an item that has an answer, with the body that a plain call would have had."""
    answer = Answer(
        id=item.record_id,
        model=item.request.model,
        provider=provider,
        provider_model=completion.provider_model,
        label=label,
        finish_reason=completion.finish_reason,
        usage=completion.usage,
        cost_usd=cost_usd,
        text=completion.text,
        tool_calls=completion.tool_calls,
        provider_data=completion.provider_data,
    )
    answer = await sanitized_answer(answer, item.sanitize or sanitize)
    shape = ChatResponse if item.kind == "chat" else GenerateResponse
    return ItemEnd(
        index=item.index,
        state="completed",
        result=shape.of(answer).model_dump_json(),
        usage=completion.usage,
        cost_usd=cost_usd or Decimal(0),
    )


def failed(index: int, error: ServiceError, request_id: str) -> ItemEnd:
    """The end of an item that has none."""
    result = msgspec.json.encode(error_body(error, request_id)).decode()
    return ItemEnd(index=index, state="failed", result=result)
