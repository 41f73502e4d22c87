"""The queries and bodies of usage reports and request records."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from service.core.messages import UsageSource
from service.usage.period import parse_moment
from service.usage.ports import Outcome, RequestKind, Settlement, UsageRecord
from service.usage.reports import MAX_GROUPS, MAX_TAG_CHARACTERS, Sums, UsageSummary
from service.web.schemas import ResponseModel, Usage

Moment = Annotated[
    datetime,
    BeforeValidator(parse_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
            ]
        }
    ),
]


Tenant = Annotated[
    str | None,
    Field(description="Another tenant than the key's own; needs the scope `operator`."),
]
RequestStatus = Literal["in_flight", Outcome]


class QueryModel(BaseModel):
    """The parameters of a query: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class RequestQuery(QueryModel):
    """Where a request is looked for."""

    tenant: Tenant = None


class UsageQuery(QueryModel):
    """What a report is of."""

    start: Moment | None = Field(
        None,
        alias="from",
        description="The first moment of the report: an RFC 3339 time, or a date, which begins at"
        " midnight UTC. By default the first of this month.",
        examples=["2026-11-01"],
    )
    end: Moment | None = Field(
        None,
        alias="to",
        description="The first moment after the report, as `from`. By default now.",
        examples=["2026-12-01"],
    )
    group_by: str = Field(
        "day",
        description="`day` (UTC), `model` (as asked for), `key` (its id), or `tag:NAME` (what requests had in"
        f" `metadata` under NAME). A report of more than {MAX_GROUPS} groups is refused.",
        examples=["tag:team"],
        json_schema_extra={"pattern": rf"^(day|model|key|tag:[^\0]{{1,{MAX_TAG_CHARACTERS}}})$"},
    )
    tenant: Tenant = None


class UsageTotals(ResponseModel):
    """Sums over requests that have ended."""

    requests: int = Field(description="Requests that have ended, however they did.")
    errors: int = Field(
        description="Those of them that failed, or were lost with a process that died. A request that its"
        " caller gave up is none."
    )
    cache_hits: int = Field(
        description="Those of them that were answered with what another request had paid for."
    )
    input_tokens: int = Field(description="Tokens of what was asked.")
    output_tokens: int = Field(description="Tokens of what was answered.")
    total_tokens: int = Field(description="Both together.")
    cost_usd: float = Field(
        description="What they cost. A request whose price is not known adds nothing."
    )


class UsageGroup(UsageTotals):
    """The sums of the requests that have something in common."""

    group: str | None = Field(
        description="The day, the model, the key's id or the tag's value; null for requests without the tag."
    )


class UsageResponse(ResponseModel):
    """What a tenant used, in groups and in all."""

    data: list[UsageGroup] = Field(
        description="Days in their order; other groups with the dearest first."
    )
    totals: UsageTotals = Field(description="All groups together.")

    @classmethod
    def of(cls, summary: UsageSummary) -> "UsageResponse":
        """As the API shows it."""
        return cls(
            data=[UsageGroup(group=each.group, **_fields(each.sums)) for each in summary.groups],
            totals=UsageTotals(**_fields(summary.totals)),
        )


class RequestRecord(ResponseModel):
    """One request, as the ledger has it. Nothing of what was said is in it."""

    id: str = Field(description="The id that the answer had.", examples=["req_0193a1b2c3d4"])
    request_id: str = Field(description="The X-Request-ID that it came with.")
    status: RequestStatus = Field(
        description="`cancelled`: its caller hung up. `unknown`: the process that had it in hand died; it"
        " is charged at its estimated input."
    )
    error_type: str | None = Field(
        None, description="The type of the error that a failed one ended with."
    )
    kind: RequestKind = Field(description="What it asked for.")
    stream: bool = Field(description="Whether the answer was streamed.")
    model: str = Field(description="The model as it was asked for.", examples=["haiku"])
    provider: str | None = Field(None, description="Who answered, or was asked last.")
    provider_model: str | None = Field(None, description="The provider's own id of the model.")
    key_id: str = Field(description="The key that it came with.", examples=["key_0193a1b2c3d4"])
    metadata: dict[str, str] = Field(description="As it was given.")
    finish_reason: str | None = Field(None, description="Why the answer ended.")
    usage: Usage | None = Field(None, description="Its tokens; null while it is in flight.")
    usage_source: UsageSource | None = Field(
        None,
        description="`provider`: as the provider counted. `estimated`: nobody counted to the end.",
    )
    cost_usd: float | None = Field(
        None, description="What it cost; null while it is in flight, and where no price is known."
    )
    cache_hit: bool = Field(False, description="Whether another request had paid for the answer.")
    attempts: int = Field(0, description="How many calls to providers it took.")
    runs: int = Field(
        1,
        description="How often it was begun: more than once if the process that ran it for a batch died. A"
        " provider may have been paid each time; it is billed once.",
    )
    first_token_ms: float | None = Field(
        None, description="Milliseconds until a stream's first token came."
    )
    duration_ms: float | None = Field(None, description="Milliseconds from its start to its end.")
    created_at: datetime = Field(description="When it was written down.")
    completed_at: datetime | None = Field(None, description="When it ended.")

    @classmethod
    def of(cls, record: UsageRecord) -> "RequestRecord":
        """As the API shows it."""
        intent, end = record.intent, record.settlement
        return cls(
            id=intent.id,
            request_id=intent.request_id,
            status="in_flight" if end is None else end.outcome,
            kind=intent.kind,
            stream=intent.stream,
            model=intent.model,
            key_id=intent.key_id,
            metadata=intent.metadata,
            created_at=intent.created_at,
            runs=record.runs,
            **({} if end is None else _how_it_ended(end)),
        )


def _how_it_ended(end: Settlement) -> dict[str, Any]:
    return {
        "error_type": end.error_type,
        "provider": end.provider,
        "provider_model": end.provider_model,
        "finish_reason": end.finish_reason,
        "usage": Usage(
            input_tokens=end.input_tokens,
            output_tokens=end.output_tokens,
            total_tokens=end.input_tokens + end.output_tokens,
            cached_input_tokens=end.cached_input_tokens,
        ),
        "usage_source": end.usage_source,
        "cost_usd": None if end.cost_usd is None else float(end.cost_usd),
        "cache_hit": end.cache_hit,
        "attempts": end.attempts,
        "first_token_ms": end.first_token_ms,
        "duration_ms": end.duration_ms,
        "completed_at": end.completed_at,
    }


def _fields(sums: Sums) -> dict[str, Any]:
    return {
        "requests": sums.requests,
        "errors": sums.errors,
        "cache_hits": sums.cache_hits,
        "input_tokens": sums.input_tokens,
        "output_tokens": sums.output_tokens,
        "total_tokens": sums.total_tokens,
        "cost_usd": float(sums.cost_usd),
    }
