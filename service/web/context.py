"""What an endpoint reads off its request."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from service.web.schemas import ResponseModel


def request_id(request: Request) -> str:
    """The X-Request-ID, given or made."""
    found: str = request.state.request_id
    return found


def json_response(
    body: ResponseModel, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`body` as it is: FastAPI would validate our own model a second time before writing it."""
    return Response(
        body.model_dump_json(), status_code=status, headers=headers, media_type="application/json"
    )
