"""From what went wrong on the wire to the errors that callers meet."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from ai_service_sdk.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    AuthorizationError,
    BudgetExceededError,
    ConflictError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    ValidationError,
)

_CLASSES: Mapping[int, type[APIError]] = {
    400: ValidationError,
    401: AuthenticationError,
    402: BudgetExceededError,
    403: AuthorizationError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
    502: ProviderError,
    503: ServiceUnavailableError,
}
_STATUSES: Mapping[str, int] = {
    "validation_error": 400,
    "authentication_error": 401,
    "budget_exceeded": 402,
    "authorization_error": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "rate_limit_error": 429,
    "server_error": 500,
    "provider_error": 502,
    "service_unavailable": 503,
    "timeout": 504,
}
_NOT_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def response_error(response: httpx2.Response) -> APIError:
    """The error of an answer that was read and is no success."""
    try:
        body = json.loads(response.content)
    except ValueError:
        body = response.text
    detail = body.get("error") if isinstance(body, dict) else None
    return _error(
        response.status_code,
        detail if isinstance(detail, dict) else {},
        body=body,
        headers=response.headers,
    )


def event_error(event: Mapping[str, Any]) -> APIError:
    """The error that an `error` event tells."""
    detail = event.get("error")
    detail = detail if isinstance(detail, dict) else {}
    return _error(_STATUSES.get(detail.get("type", ""), 500), detail, body=event, headers={})


def connection_error(error: httpx2.RequestError) -> APIConnectionError:
    """The error of a request that was not answered."""
    failure: APIConnectionError
    if isinstance(error, httpx2.TimeoutException):
        failure = APITimeoutError("The service did not answer within the timeout")
    else:
        said = str(error) or type(error).__name__
        failure = APIConnectionError(f"There was no whole answer from the service: {said}")
    failure.may_have_arrived = not isinstance(error, _NOT_CONNECTED)
    return failure


def _error(
    status: int, detail: Mapping[str, Any], *, body: Any, headers: Mapping[str, str]
) -> APIError:
    kind = _CLASSES.get(status, ServerError if status >= 500 else APIError)
    return kind(
        str(detail.get("message") or f"The service answered with status {status}"),
        status=status,
        type=str(detail.get("type") or ""),
        request_id=headers.get("x-request-id") or detail.get("request_id"),
        retry_after=_retry_after(headers, detail),
        field=detail.get("field"),
        body=body,
    )


def _retry_after(headers: Mapping[str, str], detail: Mapping[str, Any]) -> float | None:
    """Seconds, from the first that says so: `retry-after-ms`, `Retry-After` (seconds or a date), the body."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    header = headers.get("retry-after")
    seconds = _number(header)
    if seconds is None and header:
        seconds = _seconds_until(header)
    if seconds is None:
        seconds = _number(detail.get("retry_after"))
    return seconds if seconds is not None else _number(detail.get("estimated_time_seconds"))


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < float("inf") else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000": the time is UTC, its zone not told
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())  # noqa: TID251 - against the wall clock
