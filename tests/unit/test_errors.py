"""Errors as HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest

from service.core.errors import (
    BudgetExceeded,
    Conflict,
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotAuthorized,
    NotFound,
    PayloadTooLarge,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
    UnsupportedMediaType,
)
from service.retrieval.ports import RetrievalStoreUnavailable
from service.web.errors import STATUS, error_body, error_response
from service.web.schemas import ErrorDetail, ErrorType

EXAMPLES: list[tuple[ServiceError, int, str, dict[str, object]]] = [
    (InvalidRequest("no", field="a.0.b"), 400, "validation_error", {"field": "a.0.b"}),
    (NotAuthenticated(), 401, "authentication_error", {}),
    (
        BudgetExceeded(
            owner="tenant",
            period="month",
            limit_usd=Decimal("5.00"),
            spent_usd=Decimal("4.98"),
            resets_at=datetime(2026, 12, 1, tzinfo=UTC),
        ),
        402,
        "budget_exceeded",
        {
            "budget": {"owner": "tenant", "period": "month", "limit_usd": 5.0, "spent_usd": 4.98},
            "resets_at": "2026-12-01T00:00:00Z",
        },
    ),
    (
        NotAuthorized(required_scope="admin"),
        403,
        "authorization_error",
        {"required_scope": "admin"},
    ),
    (NotFound("no"), 404, "not_found", {}),
    (MethodNotAllowed("no"), 405, "method_not_allowed", {}),
    (Conflict("no"), 409, "conflict", {}),
    (PayloadTooLarge(limit_bytes=5), 413, "payload_too_large", {"limit_bytes": 5}),
    (UnsupportedMediaType("no"), 415, "unsupported_media_type", {}),
    (RateLimited("no", retry_after_seconds=1.5), 429, "rate_limit_error", {"retry_after": 2}),
    (InternalError(), 500, "server_error", {}),
    (ProviderError("no"), 502, "provider_error", {}),
    (
        Unavailable("no", retry_after_seconds=1.5),
        503,
        "service_unavailable",
        {"estimated_time_seconds": 1.5},
    ),
    (DeadlineExceeded("no"), 504, "timeout", {}),
]


def descendants(error: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for child in error.__subclasses__():
        yield child
        yield from descendants(child)


OURS = {
    error
    for error in descendants(ServiceError)
    if error.__module__.startswith("service.") and "type" in vars(error)
}
"""Those with a type of their own; any other is answered as what it is a case of."""


def test_every_error_of_ours_has_a_status_and_an_example_here() -> None:
    assert set(STATUS) == OURS
    assert {type(error) for error, *_ in EXAMPLES} == OURS


def test_every_type_is_documented_and_none_stands_for_two_errors() -> None:
    types = [error.type for error in OURS]
    assert sorted(types) == sorted(get_args(ErrorType))
    assert len(set(types)) == len(types)


@pytest.mark.parametrize(("error", "status", "type_", "details"), EXAMPLES)
def test_envelope_has_the_contracts_shape(
    error: ServiceError, status: int, type_: str, details: dict[str, object]
) -> None:
    response = error_response(error, "4b1f")
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    envelope: dict[str, Any] = json.loads(bytes(response.body))
    assert envelope == {
        "error": {"type": type_, "message": error.message, "request_id": "4b1f", **details}
    }
    ErrorDetail.model_validate(envelope["error"])


@pytest.mark.parametrize(
    ("seconds", "header"), [(0, "1"), (0.2, "1"), (1.0, "1"), (1.2, "2"), (30, "30")]
)
def test_retry_after_is_whole_seconds_and_never_too_early(seconds: float, header: str) -> None:
    for error_type in (Unavailable, RateLimited):
        response = error_response(error_type("no", retry_after_seconds=seconds), "4b1f")
        assert response.headers["retry-after"] == header


def test_only_what_passes_with_time_says_when_to_come_back() -> None:
    for error, *_ in EXAMPLES:
        says = "retry-after" in error_response(error, "4b1f").headers
        assert says is isinstance(error, Unavailable | RateLimited)


def test_missing_key_is_told_the_scheme() -> None:
    assert error_response(NotAuthenticated(), "4b1f").headers["www-authenticate"] == "Bearer"


def test_an_error_without_a_type_of_its_own_is_answered_as_what_it_is_a_case_of() -> None:
    response = error_response(RetrievalStoreUnavailable("no"), "4b1f")
    assert response.status_code == 503
    assert json.loads(bytes(response.body))["error"]["type"] == "service_unavailable"


def test_given_headers_are_sent() -> None:
    response = error_response(MethodNotAllowed("no"), "4b1f", headers={"Allow": "GET"})
    assert response.headers["allow"] == "GET"


def test_fault_of_ours_says_nothing_of_the_inside() -> None:
    assert error_body(InternalError(), "4b1f")["message"] == "An internal error occurred"
