"""The bodies of the small batch."""

from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator
from typing_extensions import TypeAliasType

from service.generation.schemas import (
    ChatRequest,
    ChatResponse,
    GenerateRequest,
    GenerateResponse,
)
from service.web.schemas import ErrorDetail, ModelName, RequestModel, ResponseModel, Usage
from service.web.validation import mistake_at


def kind_of(value: object) -> str:
    """The tag of an item: `chat` for what has messages, else `generate`."""
    if isinstance(value, dict):
        return "chat" if "messages" in value else "generate"
    return "chat" if isinstance(value, ChatRequest) else "generate"


def stands_alone(item: ChatRequest) -> ChatRequest:
    """The item, unless it is a turn of a conversation: those have an order."""
    if item.conversation_id is not None:
        raise mistake_at("conversation_id", "Turns of a conversation are not taken in batches")
    return item


BatchItem = TypeAliasType(
    "BatchItem",
    Annotated[
        Annotated[GenerateRequest, Tag("generate")]
        | Annotated[ChatRequest, AfterValidator(stands_alone), Tag("chat")],
        Discriminator(kind_of),
        Field(description="A generate body, or a chat body: the one with `messages`."),
    ],
)
Prompt = Annotated[str, StringConstraints(min_length=1)]
PROMPT_EXCERPT_CHARACTERS = 50
_STARTED_WITHIN_SECONDS = 600
"""Somebody waits, and has a place that others want. Slower ones can be durable."""
DEFAULT_MODEL: str = GenerateRequest.model_fields["model"].default


def refuse_unless_one(prompts: object, requests: object, *, model: str | None) -> None:
    """Raises a `PydanticCustomError` unless there is one of the two, and a model only for prompts."""
    if (prompts is None) == (requests is None):
        blamed = "requests" if prompts else "prompts"
        raise mistake_at(blamed, "Send either prompts or requests")
    if requests is not None and model is not None:
        raise mistake_at("model", "This goes with prompts; requests name their own")


class BatchRequest(RequestModel):
    """Up to 100 prompts, or as many full requests, answered in one response."""

    prompts: list[Prompt] | None = Field(
        None, min_length=1, max_length=100, description="Prompts; instead of `requests`."
    )
    requests: list[BatchItem] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Generate and chat bodies; instead of `prompts`.",
    )
    model: ModelName | None = Field(
        None, description="For `prompts`: the model (`haiku`). Bodies name their own."
    )
    max_concurrency: int = Field(5, ge=1, le=100, description="How many are in flight at once.")
    requests_per_second: float | None = Field(
        None, gt=0, le=1000, description="How fast they may be started."
    )

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> "BatchRequest":
        refuse_unless_one(self.prompts, self.requests, model=self.model)
        return self

    @model_validator(mode="after")
    def _is_started_in_time(self) -> "BatchRequest":
        pace = self.requests_per_second
        waiting = len(self.prompts or self.requests or ()) - 1
        if pace is not None and waiting > pace * _STARTED_WITHIN_SECONDS:
            message = (
                f"At this pace not all are started within {_STARTED_WITHIN_SECONDS} seconds:"
                " use /batches"
            )
            raise mistake_at("requests_per_second", message)
        return self

    def items(self) -> list[GenerateRequest | ChatRequest]:
        """The requests to run, in order."""
        if self.requests is not None:
            return list(self.requests)
        model = self.model or DEFAULT_MODEL
        return [GenerateRequest(prompt=prompt, model=model) for prompt in self.prompts or ()]


def is_none(value: object) -> bool:
    """For `exclude_if`."""
    return value is None


class BatchResult(ResponseModel):
    """How one request ended: with a `response`, or with an `error` and the prompt's beginning."""

    index: int = Field(description="Which request this is about, from 0.")
    response: GenerateResponse | ChatResponse | None = Field(
        None, exclude_if=is_none, description="The answer, if there is one."
    )
    error: ErrorDetail | None = Field(
        None, exclude_if=is_none, description="What went wrong, if something did."
    )
    prompt: str | None = Field(
        None, exclude_if=is_none, description="The first 50 characters of what failed."
    )


class BatchResponse(ResponseModel):
    """Every result, in the order of the requests, and what they cost together."""

    results: list[BatchResult] = Field(description="One for each request, in order.")
    usage: Usage = Field(description="The tokens of all answers together.")
    cost_usd: float | None = Field(
        description="The sum of the results' costs; null if one of them is not known."
    )
