"""The bodies of keys, browser tokens and tenants."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
)

from service.access import ports
from service.access.ports import (
    ApiKey,
    BudgetPeriod,
    KeySettings,
    KeyStatus,
    Sanitize,
    Scope,
    in_order,
)
from service.core.money import round_usd
from service.web.schemas import RequestModel, ResponseModel, SemanticCacheBody

MAX_TOKEN_SECONDS = 3600
MAX_OVERLAP_SECONDS = 7 * 24 * 3600
_MAX_A_MINUTE = 1_000_000_000
_MIN_BUDGET_USD = 0.000001
_MAX_BUDGET_USD = 1_000_000_000
_MAX_ROTATION_DAYS = 3650

TokenScope = Literal["generate", "embed", "batch", "retrieval", "usage:read"]

KEY_ID_PATTERN = r"^key_[0-9A-Za-z]{1,64}$"
TENANT_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

TenantName = Annotated[str, StringConstraints(pattern=TENANT_PATTERN)]
# Names are shown on terminals, which obey control characters.
KeyName = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]
Limit = Annotated[int, Field(ge=1, le=_MAX_A_MINUTE)]
RotationDays = Annotated[int, Field(ge=1, le=_MAX_ROTATION_DAYS)]


def _only_text(value: object) -> object:
    """Pydantic would take a number for Unix seconds."""
    if not isinstance(value, str):
        raise ValueError("This must be an RFC 3339 time with its offset")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("This time is out of range") from None


Moment = Annotated[
    AwareDatetime, Field(strict=False), AfterValidator(_in_utc), BeforeValidator(_only_text)
]


class LimitsBody(RequestModel):
    """How much may be asked in a minute. Absent or null: no limit."""

    requests_per_minute: Limit | None = Field(None, description="Requests.", examples=[600])
    tokens_per_minute: Limit | None = Field(
        None, description="Tokens, input and output together.", examples=[100_000]
    )

    def to_limits(self) -> ports.RateLimits:
        """In core words."""
        return ports.RateLimits(
            requests_per_minute=self.requests_per_minute, tokens_per_minute=self.tokens_per_minute
        )


class BudgetBody(RequestModel):
    """How much may be spent in a period; what would exceed it is refused before it costs anything."""

    limit_usd: float = Field(
        ge=_MIN_BUDGET_USD, le=_MAX_BUDGET_USD, description="US dollars.", examples=[25]
    )
    period: BudgetPeriod = Field(
        description="`day` and `month` are UTC's and begin anew; `total` never does.",
        examples=["month"],
    )

    def to_budget(self) -> ports.Budget:
        """In core words."""
        return ports.Budget(limit_usd=round_usd(Decimal(str(self.limit_usd))), period=self.period)


_NAME = "What the key is for, to tell keys apart."
_SCOPES = "What the key may do. Nobody grants a scope that they lack, but an operator grants all."
_EXPIRES_AT = "When the key ends, as RFC 3339 with an offset. Null: never."
_LIMITS = "What the key may ask in a minute, beside what its tenant may."
_BUDGET = "What the key may spend, beside what its tenant may. Null: no bound."
_SANITIZE = "How answers are cleaned where a request says nothing of its own."
_SEMANTIC_CACHE = (
    "Lets a question that means nearly the same as an earlier one have its answer, where a request says"
    " nothing of its own. Null: only the same question."
)
_ROTATE_AFTER_DAYS = (
    "After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`."
    " Null: never."
)


class CreateKeyRequest(RequestModel):
    """A key to be made."""

    name: KeyName = Field(description=_NAME, examples=["Billing backend"])
    scopes: list[Scope] = Field(min_length=1, max_length=20, description=_SCOPES)
    tenant: TenantName | None = Field(
        None, description="Whose key it is; another tenant than your own needs `operator`."
    )
    expires_at: Moment | None = Field(None, description=_EXPIRES_AT)
    limits: LimitsBody = Field(default_factory=LimitsBody, description=_LIMITS)
    budget: BudgetBody | None = Field(None, description=_BUDGET)
    sanitize: Sanitize = Field("none", description=_SANITIZE)
    semantic_cache: SemanticCacheBody | None = Field(None, description=_SEMANTIC_CACHE)
    rotate_after_days: RotationDays | None = Field(None, description=_ROTATE_AFTER_DAYS)

    def to_settings(self) -> KeySettings:
        """In core words: every field but the tenant."""
        return _settings(self, type(self).model_fields.keys() - {"tenant"})


def _absent() -> Any:
    """The default of a field whose absence means that nothing changes; it is never read."""
    return None


class ChangeKeyRequest(RequestModel):
    """What is to be changed of a key; what is absent stays as it is, null takes a bound away."""

    name: KeyName = Field(default_factory=_absent, description=_NAME)
    scopes: list[Scope] = Field(
        default_factory=_absent, min_length=1, max_length=20, description=_SCOPES
    )
    expires_at: Moment | None = Field(None, description=_EXPIRES_AT)
    limits: LimitsBody = Field(default_factory=_absent, description=f"{_LIMITS} Replaced whole.")
    budget: BudgetBody | None = Field(None, description=_BUDGET)
    sanitize: Sanitize = Field(default_factory=_absent, description=_SANITIZE)
    semantic_cache: SemanticCacheBody | None = Field(None, description=_SEMANTIC_CACHE)
    rotate_after_days: RotationDays | None = Field(None, description=_ROTATE_AFTER_DAYS)

    def to_settings(self) -> KeySettings:
        """In core words: the fields that were sent."""
        return _settings(self, self.model_fields_set)


def _settings(body: CreateKeyRequest | ChangeKeyRequest, fields: Iterable[str]) -> KeySettings:
    settings = {field: _in_core_words(getattr(body, field)) for field in fields}
    return cast(KeySettings, settings)  # the fields have the settings' names


def _in_core_words(value: object) -> object:
    match value:
        case LimitsBody():
            return value.to_limits()
        case BudgetBody():
            return value.to_budget()
        case SemanticCacheBody():
            return value.threshold
        case list():
            return in_order(value)
        case _:
            return value


class RotateKeyRequest(RequestModel):
    """How a key is to be rotated."""

    overlap_seconds: int = Field(
        3600,
        ge=0,
        le=MAX_OVERLAP_SECONDS,
        description="For how long the secret of now works beside the new one; 0: it ends at once.",
    )


class MintTokenRequest(RequestModel):
    """A browser token to be made."""

    ttl_seconds: int = Field(900, ge=1, le=MAX_TOKEN_SECONDS, description="How long it works.")
    scopes: list[TokenScope] | None = Field(
        None,
        min_length=1,
        max_length=20,
        description="What it may do, of what its key may. Absent: all of that, but for `admin` and"
        " `operator`, which no token carries.",
    )
    limits: LimitsBody = Field(
        default_factory=LimitsBody,
        description="What it may ask in a minute, beside what its key and its tenant may.",
    )
    budget: BudgetBody | None = Field(
        None, description="What it may spend, beside what its key and its tenant may."
    )
    sanitize: Sanitize = Field(
        "none", description="How answers are cleaned; `none`: as for its key."
    )


class PutTenantRequest(RequestModel):
    """What all keys of a tenant may use up together; what is absent has no bound."""

    limits: LimitsBody = Field(default_factory=LimitsBody, description="Requests and tokens.")
    budget: BudgetBody | None = Field(None, description="Money. Null: no bound.")


class Limits(ResponseModel):
    """What may be asked in a minute. Null: no limit."""

    requests_per_minute: int | None = Field(None, description="Requests.", examples=[600])
    tokens_per_minute: int | None = Field(
        None, description="Tokens, input and output together.", examples=[100_000]
    )

    @classmethod
    def of(cls, limits: ports.RateLimits) -> "Limits":
        """As the API shows them."""
        return cls(
            requests_per_minute=limits.requests_per_minute,
            tokens_per_minute=limits.tokens_per_minute,
        )


class Budget(ResponseModel):
    """What may be spent in a period."""

    limit_usd: float = Field(description="US dollars.", examples=[25])
    period: BudgetPeriod = Field(description="UTC's day or month, or all time.", examples=["month"])

    @classmethod
    def of(cls, budget: ports.Budget | None) -> "Budget | None":
        """As the API shows it."""
        if budget is None:
            return None
        return cls(limit_usd=float(budget.limit_usd), period=budget.period)


class KeyResponse(ResponseModel):
    """A key, without its secret."""

    id: str = Field(description="Its id, which stays when the secret is rotated.")
    name: str = Field(description="What it is for.")
    prefix: str = Field(description="How its secret begins.", examples=["sk-ais-4f1c2a"])
    tenant: str = Field(description="Whose it is.")
    parent_id: str | None = Field(None, description="For a browser token: the key that it is of.")
    scopes: list[Scope] = Field(description="What it may do.")
    limits: Limits = Field(description="What it may ask in a minute.")
    budget: Budget | None = Field(None, description="What it may spend.")
    sanitize: Sanitize = Field(description=_SANITIZE)
    semantic_cache: SemanticCacheBody | None = Field(None, description=_SEMANTIC_CACHE)
    rotate_after_days: int | None = Field(None, description=_ROTATE_AFTER_DAYS)
    created_at: datetime = Field(description="When it was made.")
    expires_at: datetime | None = Field(None, description="When it ends. Null: never.")
    last_used_at: datetime | None = Field(
        None, description="When it was last used, told up to a minute late. Null: never."
    )
    previous_key_expires_at: datetime | None = Field(
        None, description="Until when the secret before the last rotation works, or worked."
    )
    status: KeyStatus = Field(description="Whether it works.")

    @classmethod
    def of(cls, key: ApiKey, now: datetime) -> "KeyResponse":
        """As the API shows it."""
        return cls(**_shown(key, now))


class NewKeyResponse(KeyResponse):
    """A key with its secret, which is shown this once."""

    key: str = Field(description="The secret, to be sent as `X-API-Key`. It is kept nowhere.")

    @classmethod
    def of_new(cls, key: ApiKey, secret: str, now: datetime) -> "NewKeyResponse":
        """As the API shows it."""
        return cls(**_shown(key, now), key=secret)


class KeyListResponse(ResponseModel):
    """A page of keys, the newest first."""

    data: list[KeyResponse] = Field(description="The keys, without browser tokens.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class TenantResponse(ResponseModel):
    """What all keys of a tenant may use up together."""

    id: str = Field(description="The tenant's name.")
    limits: Limits = Field(description="What they may ask in a minute.")
    budget: Budget | None = Field(None, description="What they may spend. Null: no bound.")

    @classmethod
    def of(cls, tenant: ports.Tenant) -> "TenantResponse":
        """As the API shows it."""
        return cls(id=tenant.id, limits=Limits.of(tenant.limits), budget=Budget.of(tenant.budget))


def _shown(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "tenant": key.tenant,
        "parent_id": key.parent_id,
        "scopes": list(key.scopes),
        "limits": Limits.of(key.limits),
        "budget": Budget.of(key.budget),
        "sanitize": key.sanitize,
        "semantic_cache": (
            None if key.semantic_cache is None else SemanticCacheBody(threshold=key.semantic_cache)
        ),
        "rotate_after_days": key.rotate_after_days,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "previous_key_expires_at": key.previous_expires_at,
        "status": key.status_at(now),
    }
