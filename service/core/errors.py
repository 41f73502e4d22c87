"""The errors that a caller can meet, drawn once.

    ServiceError
    ├── InvalidRequest          validation_error        what was sent cannot be used; names the field
    ├── NotAuthenticated        authentication_error    no key or signature, or not a valid one
    ├── BudgetExceeded          budget_exceeded         the budget does not bear what it may cost
    ├── NotAuthorized           authorization_error     the key lacks a scope
    ├── NotFound                not_found
    ├── MethodNotAllowed        method_not_allowed
    ├── Conflict                conflict                it goes against the state that things are in
    ├── PayloadTooLarge         payload_too_large
    ├── UnsupportedMediaType    unsupported_media_type
    ├── RateLimited             rate_limit_error        the key's or its tenant's minute is used up
    ├── InternalError           server_error            a fault of ours; says nothing of the inside
    ├── ProviderError           provider_error          the providers answered badly
    ├── Unavailable             service_unavailable     worth trying again, and when
    └── DeadlineExceeded        timeout                 the request's time was spent

`type` is the stable name that callers branch on. Which HTTP status a type has is decided in one
place, `service.web.errors`.
"""

import math
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal


class ServiceError(Exception):
    """What every error above shares."""

    type: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def details(self) -> dict[str, object]:
        """The fields of the error envelope beside `type`, `message` and `request_id`."""
        return {}


class InvalidRequest(ServiceError):
    """The request cannot be used. `field` is a dotted path into it, where one is to blame."""

    type = "validation_error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field

    def details(self) -> dict[str, object]:
        return {"field": self.field}


class NotAuthenticated(ServiceError):
    """One message for a missing, wrong, expired or revoked key, so that nothing can be probed.

    Who has shown a good key may be told more, with a `message` of its own.
    """

    type = "authentication_error"

    def __init__(self, message: str = "Invalid or missing API key") -> None:
        super().__init__(message)


class BudgetExceeded(ServiceError):
    """What the request may cost at worst is more than a budget has left.

    `owner` says whose it is. `resets_at` is None for a budget that never begins anew.
    """

    type = "budget_exceeded"

    def __init__(
        self,
        *,
        owner: Literal["key", "token", "tenant"],
        period: str,
        limit_usd: Decimal,
        spent_usd: Decimal,
        resets_at: datetime | None,
    ) -> None:
        super().__init__(
            f"The {owner}'s budget has too little left: {spent_usd:f} of {limit_usd:f} USD are spent,"
            " and the rest does not bear what this request may cost beside those under way"
        )
        self.owner = owner
        self.period = period
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd
        self.resets_at = resets_at

    def details(self) -> dict[str, object]:
        return {
            "budget": {
                "owner": self.owner,
                "period": self.period,
                "limit_usd": float(self.limit_usd),
                "spent_usd": float(self.spent_usd),
            },
            "resets_at": self.resets_at,
        }


class NotAuthorized(ServiceError):
    """The key is good, but may not do this."""

    type = "authorization_error"

    def __init__(self, *, required_scope: str) -> None:
        super().__init__(f"This key lacks the scope '{required_scope}'")
        self.required_scope = required_scope

    def details(self) -> dict[str, object]:
        return {"required_scope": self.required_scope}


class NotFound(ServiceError):
    """There is no such thing here, or it is another tenant's."""

    type = "not_found"


class MethodNotAllowed(ServiceError):
    """The path exists; the method does not."""

    type = "method_not_allowed"


class Conflict(ServiceError):
    """The request is good, but goes against the state that things are in."""

    type = "conflict"


class PayloadTooLarge(ServiceError):
    """The body, or what it would be added to, is over the limit."""

    type = "payload_too_large"

    def __init__(self, *, limit_bytes: int, what: str = "The request body") -> None:
        super().__init__(f"{what} is larger than {limit_bytes} bytes")
        self.limit_bytes = limit_bytes

    def details(self) -> dict[str, object]:
        return {"limit_bytes": self.limit_bytes}


class UnsupportedMediaType(ServiceError):
    """The body is of a type that the route does not take."""

    type = "unsupported_media_type"


class RateLimited(ServiceError):
    """A limit per minute has no room for this; `retry_after_seconds` is when it will have.

    It says something about one caller only, also where others wait for the same answer.
    """

    type = "rate_limit_error"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    def details(self) -> dict[str, object]:
        return {"retry_after": max(1, math.ceil(self.retry_after_seconds))}


class InternalError(ServiceError):
    """A fault of ours. Its cause is in the log, under the request id, and nowhere else."""

    type = "server_error"

    def __init__(self) -> None:
        super().__init__("An internal error occurred")


class ProviderError(ServiceError):
    """Every target answered badly, or refused for a reason that another try would not change."""

    type = "provider_error"


class Unavailable(ServiceError):
    """Nothing can take the request now; `retry_after_seconds` is when it is worth asking again."""

    type = "service_unavailable"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds

    def details(self) -> dict[str, object]:
        return {"estimated_time_seconds": self.retry_after_seconds}


class DeadlineExceeded(ServiceError):
    """The deadline of the request was spent before an answer was complete."""

    type = "timeout"


OWN_BOUNDS_SPENT = (RateLimited, BudgetExceeded)
"""What refuses a caller for bounds of its own: another may ask for the same."""
