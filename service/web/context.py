"""What an endpoint reads off its request."""

from starlette.requests import Request
from starlette.responses import Response

from service.web.schemas import ResponseModel


def request_id(request: Request) -> str:
    """The X-Request-ID, given or made."""
    found: str = request.state.request_id
    return found


def json_response(body: ResponseModel) -> Response:
    """`body` as it is: FastAPI would validate our own model a second time before writing it."""
    return Response(body.model_dump_json(), media_type="application/json")
