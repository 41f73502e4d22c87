"""The shapes that every room shares."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from service.core import messages
from service.observability.redaction import holds_key


class RequestModel(BaseModel):
    """A request body: unknown fields are refused, types are not coerced, numbers are finite."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class ResponseModel(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


def _refuse_key(text: str) -> str:
    if holds_key(text):
        raise ValueError("This looks like a secret key, which must not be kept")
    return text


NOT_A_KEY = AfterValidator(_refuse_key)
"""For texts that are kept: in the ledger, in logs."""
ModelName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$"),
    NOT_A_KEY,
    Field(
        description="An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id;"
        " `GET /api/v1/models` lists them.",
        examples=["haiku"],
    ),
]
# NUL is valid JSON, but PostgreSQL cannot keep it.
PLAIN_TEXT = r"^[^\x00]*$"
"""The pattern of texts that are kept."""
MetadataKey = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=PLAIN_TEXT), NOT_A_KEY
]
MetadataValue = Annotated[str, StringConstraints(max_length=512, pattern=PLAIN_TEXT), NOT_A_KEY]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)]


class Usage(ResponseModel):
    """Tokens. The cached input tokens are a part of the input tokens."""

    input_tokens: int = Field(description="Tokens of what was asked.", examples=[12])
    output_tokens: int = Field(description="Tokens of what was answered.", examples=[3])
    total_tokens: int = Field(description="Both together.", examples=[15])
    cached_input_tokens: int = Field(
        description="Input tokens that the provider had cached, and charged less for.", examples=[0]
    )

    @classmethod
    def of(cls, usage: messages.Usage) -> "Usage":
        """As the API shows it."""
        return cls(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            total_tokens=usage.total_tokens,
            cached_input_tokens=usage.cached_input_tokens,
        )


ErrorType = Literal[
    "validation_error",
    "authentication_error",
    "budget_exceeded",
    "authorization_error",
    "not_found",
    "method_not_allowed",
    "conflict",
    "payload_too_large",
    "unsupported_media_type",
    "rate_limit_error",
    "server_error",
    "provider_error",
    "service_unavailable",
    "timeout",
]


class SpentBudget(ResponseModel):
    """The budget that does not bear a request."""

    owner: Literal["key", "token", "tenant"] = Field(description="Whose budget it is.")
    period: Literal["day", "month", "total"] = Field(
        description="How often it begins anew, in UTC; `total`: never."
    )
    limit_usd: float = Field(description="What may be spent in a period.")
    spent_usd: float = Field(
        description="What is spent; requests under way hold their worst case besides."
    )


class ErrorDetail(ResponseModel):
    """What went wrong. `type` is stable: branch on it, not on the message."""

    type: ErrorType = Field(description="The kind of error.")
    message: str = Field(description="For people. Never holds what was sent.")
    request_id: str = Field(description="The X-Request-ID of the request, to quote in a report.")
    field: str | None = Field(
        None, description="`validation_error`: the dotted path of the field to blame, if one is."
    )
    required_scope: str | None = Field(
        None, description="`authorization_error`: the scope that the key lacks."
    )
    budget: SpentBudget | None = Field(
        None, description="`budget_exceeded`: the budget that has too little left."
    )
    resets_at: datetime | None = Field(
        None, description="`budget_exceeded`: when it begins anew; null: never."
    )
    limit_bytes: int | None = Field(None, description="`payload_too_large`: the limit.")
    retry_after: int | None = Field(
        None, description="`rate_limit_error`: the seconds after which there will be room."
    )
    estimated_time_seconds: float | None = Field(
        None, description="`service_unavailable`: when it is worth asking again."
    )


class ErrorResponse(ResponseModel):
    """The one envelope of every error."""

    error: ErrorDetail = Field(description="What went wrong.")


class SemanticCacheBody(RequestModel):
    """How alike two questions must be to have one answer."""

    threshold: float = Field(
        0.95,
        ge=0.5,
        le=1,
        description="The least cosine similarity of their embeddings. Below 0.9 answers begin to be wrong.",
    )
