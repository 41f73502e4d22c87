"""Access as FastAPI dependencies, and the rule that every route has one."""

from collections.abc import Iterator, Sequence

from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute

from service.access.ports import Scope
from service.access.principal import Principal
from service.access.senders import SenderSignatures, SignedMessage
from service.core.errors import NotFound
from service.web.body import read_within
from service.web.disconnects import ClientGone

_MAX_SIGNED_BYTES = 1024 * 1024
"""Whoever sends it is unknown until all of it has been read and hashed."""


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


class SenderSignature:
    """A dependency that hands over a body as its sender signed it: the one thing that may stand for a key.

    Without a secret in the settings, there is nothing at its path.
    """

    async def __call__(self, request: Request) -> SignedMessage:
        signatures: SenderSignatures | None = request.state.sender_signatures
        if signatures is None:
            raise NotFound("There is nothing at this path")
        signatures.require_one(request.headers)
        limit_bytes = min(_MAX_SIGNED_BYTES, request.app.state.max_body_bytes)
        try:
            body = await read_within(request, limit_bytes)
        except ClientDisconnect:
            raise ClientGone from None
        return signatures.check(request.headers, body)


signed_by_sender = SenderSignature()
"""For routes whose callers have no key but a secret in common with the service."""


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
        if isinstance(requirement, Requirement) and requirement.scopes
    }


def paths_signed_by_sender(routes: Sequence[BaseRoute]) -> frozenset[str]:
    """The paths that need no key. Raises `RuntimeError` for one that another path could be taken for."""
    paths = frozenset(
        str(route.path)
        for route, requirement in _requirements(routes)
        if isinstance(requirement, SenderSignature)
    )
    if any("{" in path for path in paths):
        raise RuntimeError("a path that needs no key must stand for itself only")
    return paths


def _requirements(
    routes: Sequence[BaseRoute],
) -> Iterator[tuple[RouteContext, Requirement | SenderSignature | None]]:
    for route in iter_route_contexts(routes):
        yield route, _requirement_of(getattr(route, "dependant", None))


def _requirement_of(dependant: Dependant | None) -> Requirement | SenderSignature | None:
    """What a route requires, which may be a dependency of a dependency; None if it says nothing."""
    if dependant is None:
        return None
    if isinstance(dependant.call, Requirement | SenderSignature):
        return dependant.call
    found = (_requirement_of(dependency) for dependency in dependant.dependencies)
    return next((requirement for requirement in found if requirement is not None), None)
