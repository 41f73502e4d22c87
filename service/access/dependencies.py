"""Access as FastAPI dependencies, and the rule that every route has one."""

from collections.abc import Iterable, Iterator

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.routing import BaseRoute

from service.access.ports import Scope
from service.access.principal import Principal


class Requirement:
    """A dependency that hands over the key's holder, who has one of `scopes`; none are named: any holder."""

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes

    # Async, as every dependency here: FastAPI runs plain functions in a thread.
    async def __call__(self, request: Request) -> Principal:
        holder: Principal = request.state.principal
        if self.scopes and holder.scopes.isdisjoint(self.scopes):
            holder.require(self.scopes[0])
        return holder


def requires(scope: Scope, *alternatives: Scope) -> Requirement:
    """The key's holder; refuses a key that has neither `scope` nor one of the `alternatives`."""
    return Requirement(scope, *alternatives)


any_key = Requirement()
"""For routes that decide themselves what a key may do there."""


def requirement_of(dependant: Dependant | None) -> Requirement | None:
    """What a route requires, which may be a dependency of a dependency; None if it says nothing."""
    if dependant is None:
        return None
    if isinstance(dependant.call, Requirement):
        return dependant.call
    found = (requirement_of(dependency) for dependency in dependant.dependencies)
    return next((requirement for requirement in found if requirement is not None), None)


def refuse_open_routes(routes: Iterable[BaseRoute], *, prefix: str) -> None:
    """Raises `RuntimeError` if a route under `prefix` does not say what it requires.

    The default is deny: an application with such a route does not start.
    """
    if undeclared := list(_undeclared(routes, prefix)):
        raise RuntimeError(f"routes without a required scope: {', '.join(undeclared)}")


def _undeclared(routes: Iterable[BaseRoute], prefix: str) -> Iterator[str]:
    for route in iter_route_contexts(list(routes)):
        path = route.path or ""
        dependant = getattr(route, "dependant", None)
        if path.startswith(prefix) and requirement_of(dependant) is None:
            yield path
