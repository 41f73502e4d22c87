"""What providers post, and what they are answered."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from service.web.body import parse_json
from service.web.schemas import ResponseModel
from service.web.validation import invalid_request, mistake_at
from service.webhooks.inbound_events import BATCH_EVENTS, GENERATION_EVENTS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# NUL is valid JSON, but PostgreSQL cannot keep it.
_Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]


def _in_utc(moment: datetime) -> datetime:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment < _EPOCH:
        raise ValueError("This must be a time after 1970")
    return moment


class ProviderEvent(BaseModel):
    """Something that happened at a provider. Fields that are not named here are ignored.

    Types that are not known are accepted, and have no effect.
    """

    # Not strict, as bodies otherwise are: whoever sends this goes by a document of their own.
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, hide_input_in_errors=True)

    type: _Name = Field(
        description="`generation.completed`, `generation.failed`, `usage.threshold_reached`, or OpenAI's"
        " `batch.completed`, `batch.failed`, `batch.cancelled`, `batch.expired`.",
        examples=["generation.completed"],
    )
    data: dict[str, Any] = Field(
        default_factory=dict,
        description="`request_id` (the `id` of our answer) with `result` or `error`; of a batch, its `id` at"
        " the provider.",
    )
    timestamp: Annotated[datetime, AfterValidator(_in_utc)] | None = Field(
        None,
        description="When it happened, RFC 3339 or unix seconds: of two events on one request the later one"
        " wins. Absent: when it comes.",
        examples=["2026-11-23T10:00:00Z"],
    )
    id: _Name | None = Field(
        None,
        description="What a repeat is known by, unless Standard Webhooks' own header is signed. Absent: the"
        " body's hash.",
        examples=["evt_0193a1b2c3d4"],
    )

    @model_validator(mode="after")
    def _name_what_it_is_about(self) -> "ProviderEvent":
        for events, field in ((GENERATION_EVENTS, "request_id"), (BATCH_EVENTS, "id")):
            if self.type in events and not isinstance(self.data.get(field), str):
                raise mistake_at(f"data.{field}", "This must be an id")
        return self

    @classmethod
    def read(cls, body: bytes) -> "ProviderEvent":
        """The event in a signed body. Raises `UnusableBody` and `InvalidRequest`, which names the field."""
        content = parse_json(body)
        try:
            return cls.model_validate(content)
        except ValidationError as wrong:
            problems = [{**each, "loc": ("body", *each["loc"])} for each in wrong.errors()]
            raise invalid_request(RequestValidationError(problems), cls) from wrong


class EventReceived(ResponseModel):
    """The event has come; a repeat and an unknown type get the same answer."""

    received: Literal[True] = Field(True, description="Always true.")
