"""What can go wrong, as one tree.

    AIServiceError
    ├── APIError                      the service answered with an error
    │   ├── ValidationError           400  mend the field that `field` names
    │   ├── AuthenticationError       401  send a valid key
    │   ├── BudgetExceededError       402  a budget is used up
    │   ├── AuthorizationError        403  the key lacks a scope
    │   ├── NotFoundError             404
    │   ├── ConflictError             409  it goes against the state that things are in
    │   ├── RateLimitError            429  come back after `retry_after` seconds
    │   └── ServerError               500, 504 and other 5xx
    │       ├── ProviderError         502  every provider answered badly
    │       └── ServiceUnavailableError  503  come back after `retry_after` seconds
    └── APIConnectionError            no answer, or not a whole one
        ├── APITimeoutError           none within the timeout
        └── StreamInterruptedError    a stream that had begun ended without its `done`

Other statuses (405, 413, 415, …) are a plain `APIError`. An `error` event within a stream raises the same
class as the status would.
"""

import copyreg
from typing import Any

__all__ = [
    "AIServiceError",
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AuthenticationError",
    "AuthorizationError",
    "BudgetExceededError",
    "ConflictError",
    "NotFoundError",
    "ProviderError",
    "RateLimitError",
    "ServerError",
    "ServiceUnavailableError",
    "StreamInterruptedError",
    "ValidationError",
]


class AIServiceError(Exception):
    """Every error of this SDK. `message` says what happened."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class APIError(AIServiceError):
    """The service answered with an error."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        type: str = "",  # noqa: A002 - as the envelope has it
        request_id: str | None = None,
        retry_after: float | None = None,
        field: str | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status; of an `error` event, the one that its type has elsewhere."""
        self.type = type
        """The stable name of the error, like `rate_limit_error`; empty if a proxy answered."""
        self.request_id = request_id
        """The id to tell the operator."""
        self.retry_after = retry_after
        """Seconds after which it is worth asking again, where the service says so."""
        self.field = field
        """The dotted path of the field that is to blame, of a `validation_error`."""
        self.body = body
        """The decoded body, or its text if it is not JSON."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    def __str__(self) -> str:
        said = f"{self.message} ({self.status}"
        if self.field:
            said += f", field {self.field}"
        return said + (f", request {self.request_id})" if self.request_id else ")")


class ValidationError(APIError):
    """400: the request cannot be used; `field` names what is to blame."""


class AuthenticationError(APIError):
    """401: no key, or not a valid one."""


class BudgetExceededError(APIError):
    """402: a budget has less left than the request may cost."""


class AuthorizationError(APIError):
    """403: the key lacks a scope."""


class NotFoundError(APIError):
    """404: there is no such thing, or it is another tenant's."""


class ConflictError(APIError):
    """409: the request goes against the state that things are in. It is never tried again."""


class RateLimitError(APIError):
    """429: a limit is used up; come back after `retry_after` seconds."""


class ServerError(APIError):
    """500 and other 5xx; 504 (`timeout`) is the service's own deadline."""


class ProviderError(ServerError):
    """502: every provider answered badly."""


class ServiceUnavailableError(ServerError):
    """503: nothing can take the request now; come back after `retry_after` seconds."""


class APIConnectionError(AIServiceError):
    """There was no answer, or not a whole one."""

    may_have_arrived: bool = True
    """False if there was not even a connection, so that the service cannot have acted on the request."""


class APITimeoutError(APIConnectionError):
    """There was no answer within the timeout."""


class StreamInterruptedError(APIConnectionError):
    """A stream ended without its terminal event: what came before is not the whole answer."""
