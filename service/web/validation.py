"""From what pydantic and Starlette object to, to our errors: the field and a message, never the value."""

from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service.core.errors import (
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ServiceError,
)

_MESSAGES = {
    "missing": "This field is required",
    "extra_forbidden": "This field is unknown",
    "finite_number": "This must be a finite number",
    "string_too_short": "This must not be empty",
    "too_short": "This has too few items",
    "union_tag_invalid": "This is not one of the allowed types",
    "union_tag_not_found": "This needs a type",
}
_LOCATIONS = frozenset({"body", "query", "path", "header", "cookie"})


def invalid_request(error: RequestValidationError) -> InvalidRequest:
    """The deepest of the objections: in a union, that is the branch which the caller meant."""
    problems = error.errors()
    worst = max(problems, key=lambda problem: len(field_path(problem["loc"])))
    field = ".".join(str(step) for step in field_path(worst["loc"])) or None
    return InvalidRequest(_message(worst), field=field)


def field_path(location: Sequence[str | int]) -> list[str | int]:
    """The names and indexes that a caller wrote, without the names of our types in between."""
    steps = list(location)
    if steps and steps[0] in _LOCATIONS:
        steps = steps[1:]
    return [step for step in steps if isinstance(step, int) or _is_field_name(step)]


def _is_field_name(step: str) -> bool:
    return (
        not any(mark in step for mark in "[]()") and not step[:1].isupper() and step not in _TYPES
    )


# Pydantic puts the branch of a union into the location; these are the plain ones that ours have.
_TYPES = frozenset({"str", "int", "float", "bool", "json-or-python"})


def _message(problem: dict[str, Any]) -> str:
    kind = problem["type"]
    if kind in _MESSAGES:
        return _MESSAGES[kind]
    if kind == "value_error":
        # Ours: the text after pydantic's own "Value error, ".
        return str(problem["ctx"]["error"])
    return str(problem["msg"])


def from_http_exception(error: HTTPException) -> ServiceError:
    """What Starlette itself raises, in our tree."""
    if error.status_code == 404:
        return NotFound("There is nothing at this path")
    if error.status_code == 405:
        return MethodNotAllowed("This path does not take this method")
    if error.status_code < 500:
        return InvalidRequest("The request could not be read")
    return InternalError()
