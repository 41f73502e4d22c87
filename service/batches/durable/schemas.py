"""The bodies of durable batches."""

from datetime import datetime
from typing import Annotated

from fastapi import UploadFile
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SkipValidation,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from typing_extensions import TypeAliasType

from service.batches.ports import MAX_ITEMS, BatchStatus, Mode, StoredBatch
from service.batches.schemas import Prompt, is_none, kind_of, refuse_unless_one, stands_alone
from service.core.errors import InvalidRequest
from service.generation.schemas import (
    ChatRequest,
    ChatResponse,
    GenerateRequest,
    GenerateResponse,
)
from service.web.schemas import (
    NOT_A_KEY,
    PLAIN_TEXT,
    ErrorDetail,
    ModelName,
    RequestModel,
    ResponseModel,
    Usage,
)

BATCH_ID_PATTERN = r"^batch_[0-9A-Za-z]{1,64}$"
DEFAULT_CONCURRENCY = 8
_MAX_CONCURRENCY = 100
_MAX_PER_SECOND = 1000

CustomId = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=PLAIN_TEXT), NOT_A_KEY
]
Concurrency = Annotated[
    int,
    Field(
        ge=1,
        le=_MAX_CONCURRENCY,
        description="How many are in flight at once, at most. Fewer are while others ask live.",
    ),
]
PerSecond = Annotated[
    float | None,
    Field(gt=0, le=_MAX_PER_SECOND, description="How fast they may be started."),
]
HowItRuns = Annotated[
    Mode,
    Field(
        description="`service`: one by one, as if asked live. `provider`: through the provider's own batch"
        " API, at its lower price, within a day."
    ),
]


class _Named(RequestModel):
    custom_id: CustomId | None = Field(
        None, description="A name of yours, given back with the result. No two may be the same."
    )


class GenerateItem(_Named, GenerateRequest):
    """A generate body with a name."""


class ChatItem(_Named, ChatRequest):
    """A chat body with a name."""


BatchItemRequest = TypeAliasType(
    "BatchItemRequest",
    Annotated[
        Annotated[GenerateItem, Tag("generate")]
        | Annotated[ChatItem, AfterValidator(stands_alone), Tag("chat")],
        Discriminator(kind_of),
        Field(description="A generate body, or a chat body: the one with `messages`."),
    ],
)
ITEM: TypeAdapter[GenerateItem | ChatItem] = TypeAdapter(BatchItemRequest)
"""Reads one item, of JSON or of what JSON has become."""


def read_item(text: str) -> GenerateItem | ChatItem:
    """An item as it is kept. It was checked when the batch was made, but perhaps by an earlier release with
    other rules: raises `InvalidRequest`."""
    try:
        return ITEM.validate_json(text)
    except ValidationError as error:
        raise InvalidRequest("This request cannot be read any more") from error


class CreateBatchRequest(RequestModel):
    """Up to 50,000 prompts, or as many full requests."""

    prompts: list[Prompt] | None = Field(
        None, min_length=1, max_length=MAX_ITEMS, description="Prompts; instead of `requests`."
    )
    # Tens of thousands would keep everybody waiting: they are validated in portions.
    requests: list[SkipValidation[BatchItemRequest]] | None = Field(
        None,
        min_length=1,
        max_length=MAX_ITEMS,
        description="Generate and chat bodies, each with a `custom_id` if you like; instead of `prompts`.",
    )
    model: ModelName | None = Field(
        None, description="For `prompts`: the model (`haiku`). Bodies name their own."
    )
    max_concurrency: Concurrency = DEFAULT_CONCURRENCY
    requests_per_second: PerSecond = None
    mode: HowItRuns = "service"

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> "CreateBatchRequest":
        refuse_unless_one(self.prompts, self.requests, model=self.model)
        return self


class UploadBatchForm(BaseModel):
    """A file of up to 50,000 requests, and how they are to be run."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    file: UploadFile = Field(
        description="JSON Lines: a generate or chat body a line, each with a `custom_id` if you like."
    )
    max_concurrency: Concurrency = DEFAULT_CONCURRENCY
    requests_per_second: PerSecond = None
    mode: HowItRuns = "service"


class BatchCounts(ResponseModel):
    """How many requests of a batch have ended, and how."""

    total: int = Field(description="All of them.")
    completed: int = Field(description="Those with a response.")
    failed: int = Field(description="Those with an error of their own.")
    cancelled: int = Field(description="Those that the batch's end left without one.")


class Batch(ResponseModel):
    """A durable batch, as it stands."""

    id: str = Field(description="The batch's id.", examples=["batch_0193…"])
    status: BatchStatus = Field(
        description="`paused`: it waits, and goes on by itself, see `reason`. `completed`: every request has"
        " ended, if only with an error. `failed`: the batch as a whole could not be run on."
    )
    reason: str | None = Field(None, description="Why it is paused, or has failed.")
    counts: BatchCounts = Field(description="How far it is.")
    usage: Usage = Field(description="The tokens of all responses so far.")
    cost_usd: float = Field(
        description="The price of all responses so far in US dollars; those without a known price count as 0."
    )
    mode: Mode = Field(description="Who runs it.")
    max_concurrency: int = Field(description="How many are in flight at once, at most.")
    requests_per_second: float | None = Field(
        None, description="How fast they are started, at most."
    )
    created_at: datetime = Field(description="When it was made.")
    started_at: datetime | None = Field(None, description="When it was first worked on.")
    cancel_requested_at: datetime | None = Field(
        None, description="When it was cancelled; what is under way then is stopped at once."
    )
    finished_at: datetime | None = Field(None, description="When it ended.")
    expires_at: datetime = Field(description="When it ends at the latest.")

    @classmethod
    def of(cls, batch: StoredBatch) -> "Batch":
        """As the API shows it."""
        return cls(
            id=batch.id,
            status=batch.status,
            reason=batch.reason,
            counts=BatchCounts(
                total=batch.total,
                completed=batch.completed,
                failed=batch.failed,
                cancelled=batch.cancelled,
            ),
            usage=Usage(
                input_tokens=batch.input_tokens,
                output_tokens=batch.output_tokens,
                total_tokens=batch.input_tokens + batch.output_tokens,
                cached_input_tokens=batch.cached_input_tokens,
            ),
            cost_usd=float(batch.cost_usd),
            mode=batch.mode,
            max_concurrency=batch.max_concurrency,
            requests_per_second=batch.requests_per_second,
            created_at=batch.created_at,
            started_at=batch.started_at,
            cancel_requested_at=batch.cancel_requested_at,
            finished_at=batch.finished_at,
            expires_at=batch.expires_at,
        )


class BatchList(ResponseModel):
    """A page of batches."""

    data: list[Batch] = Field(description="The newest first.")
    next_cursor: str | None = Field(
        description="What to send as `cursor` for the next page; null on the last."
    )


class BatchResultLine(ResponseModel):
    """How one request of a durable batch ended: with a `response`, or with an `error`."""

    index: int = Field(description="Which request this is about, from 0.")
    custom_id: str | None = Field(description="The name that it was given.")
    response: GenerateResponse | ChatResponse | None = Field(
        None, exclude_if=is_none, description="The answer, as /generate or /chat gives it."
    )
    error: ErrorDetail | None = Field(
        None, exclude_if=is_none, description="What went wrong, if something did."
    )
