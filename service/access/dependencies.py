"""Access as FastAPI dependencies, and the rule that every route has one."""

from collections.abc import Iterator, Sequence

from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
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


def refuse_open_routes(routes: Sequence[BaseRoute], *, prefix: str) -> None:
    """Raises `RuntimeError` if a route under `prefix` does not say what it requires.

    The default is deny: an application with such a route does not start.
    """
    undeclared = [
        route.path
        for route, requirement in _requirements(routes)
        if requirement is None and route.path is not None and route.path.startswith(prefix)
    ]
    if undeclared:
        raise RuntimeError(f"routes without a required scope: {', '.join(undeclared)}")


def scopes_by_operation(routes: Sequence[BaseRoute]) -> dict[str, tuple[Scope, ...]]:
    """The scopes of which each operation requires one, for those that do."""
    return {
        str(route.name): requirement.scopes
        for route, requirement in _requirements(routes)
        if requirement is not None and requirement.scopes
    }


def _requirements(
    routes: Sequence[BaseRoute],
) -> Iterator[tuple[RouteContext, Requirement | None]]:
    for route in iter_route_contexts(routes):
        yield route, _requirement_of(getattr(route, "dependant", None))


def _requirement_of(dependant: Dependant | None) -> Requirement | None:
    """What a route requires, which may be a dependency of a dependency; None if it says nothing."""
    if dependant is None:
        return None
    if isinstance(dependant.call, Requirement):
        return dependant.call
    found = (_requirement_of(dependency) for dependency in dependant.dependencies)
    return next((requirement for requirement in found if requirement is not None), None)
