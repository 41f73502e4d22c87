"""Access as FastAPI dependencies."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from service.access.ports import Scope
from service.access.principal import Principal


def requires(scope: Scope) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that hands over the key's holder, or refuses a key without `scope`."""

    # Async, as every dependency here: FastAPI runs plain functions in a thread.
    async def principal(request: Request) -> Principal:
        holder: Principal = request.state.principal
        holder.require(scope)
        return holder

    return principal
