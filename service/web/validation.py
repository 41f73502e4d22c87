"""From what pydantic and Starlette object to, to our errors: the field and a message, never the value."""

from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from typing_extensions import TypeAliasType

from service.core.errors import (
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ServiceError,
)
from service.observability.redaction import without_keys

_MESSAGES = {
    "missing": "This field is required",
    "extra_forbidden": "This field is unknown",
    "finite_number": "This must be a finite number",
    "string_too_short": "This must not be empty",
    "too_short": "This has too few items",
    "model_attributes_type": "This must be an object",
    "model_type": "This must be an object",
    "union_tag_invalid": "This is not one of the allowed types",
    "union_tag_not_found": "This needs a type",
}
_MAX_FIELD_CHARACTERS = 200
_MISTAKE = "mistake"
_TAG_PROBLEMS = frozenset({"union_tag_invalid", "union_tag_not_found"})
Path: TypeAlias = tuple[str | int, ...]


def mistake_at(field: str, message: str) -> PydanticCustomError:
    """For a model's own validators: the mistake is not in the whole object but in its `field`."""
    return PydanticCustomError(_MISTAKE, "{message}", {"field": field, "message": message})


def invalid_request(error: RequestValidationError, body_type: Any = None) -> InvalidRequest:
    """The deepest of the objections: in a union, that is the branch which the caller meant.

    `body_type` is what the body should have been.
    """
    problems = [(_place(problem, body_type), problem) for problem in error.errors()]
    path, worst = max(problems, key=_weight)
    if not path and worst["type"] == "missing":
        return InvalidRequest("The body is missing")
    field = without_keys(".".join(str(step) for step in path))
    return InvalidRequest(_message(worst), field=field[:_MAX_FIELD_CHARACTERS] or None)


def _place(problem: dict[str, Any], body_type: Any) -> Path:
    path = field_path(problem["loc"], body_type)
    if problem["type"] == _MISTAKE:
        return (*path, problem["ctx"]["field"])
    if problem["type"] in _TAG_PROBLEMS:
        return (*path, problem["ctx"]["discriminator"].strip("'"))
    return path


def _weight(found: tuple[Path, dict[str, Any]]) -> tuple[int, bool]:
    """Of two objections to one place, the one that takes the type for granted says more."""
    path, problem = found
    return len(path), not problem["type"].endswith("_type")


def field_path(location: Path, body_type: Any = None) -> Path:
    """The names and indexes that a caller wrote.

    Pydantic puts the branch of each union between them, under a name that a field may have as well
    (`text`, `url`): what is which only the types can tell.
    """
    part, *steps = location
    if part != "body":
        return tuple(steps[:1])  # a parameter is one name, whatever its type
    walked = _walk(tuple(steps), body_type)
    return tuple(steps) if walked is None else walked


def _walk(steps: Path, kind: Any) -> Path | None:
    """`steps` without the branches of unions; None if `kind` has no such place."""
    if not steps:
        return ()
    step, rest = steps[0], steps[1:]
    branches = _branches(kind)
    if len(branches) > 1:
        walks = (_walk(rest, branch) for branch in branches)
        return next((walked for walked in walks if walked is not None), None)
    if get_origin(branches[0]) is dict and rest == ("[key]",):
        return (step,)
    inner = _kind_at(step, branches[0])
    walked = None if inner is None else _walk(rest, inner)
    return None if walked is None else (step, *walked)


def _kind_at(step: str | int, kind: Any) -> Any:
    """The type at `step` within `kind`; None if nothing can be there."""
    parameters = get_args(kind)
    if get_origin(kind) in (dict, list):
        return parameters[-1]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        field = fields.get(str(step))
        return field.annotation if field else object  # an unknown field, which was refused as such
    return None


def _branches(kind: Any) -> list[Any]:
    """What a union leaves to choose from; a plain type is its own and only branch."""
    if isinstance(kind, TypeAliasType):
        return _branches(kind.__value__)
    if get_origin(kind) is Annotated:
        return _branches(get_args(kind)[0])
    if get_origin(kind) not in (Union, UnionType):
        return [kind]
    branches = [branch for branch in get_args(kind) if branch is not NoneType]
    return _branches(branches[0]) if len(branches) == 1 else branches


def _message(problem: dict[str, Any]) -> str:
    kind = problem["type"]
    if kind in _MESSAGES:
        return _MESSAGES[kind]
    if kind == "value_error":
        # Ours, without pydantic's "Value error, "; or FastAPI's, of a field that should have been a file.
        message = str(problem["ctx"]["error"])
        return "This must be a file" if message.startswith("Expected UploadFile") else message
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
