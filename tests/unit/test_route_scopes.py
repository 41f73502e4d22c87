"""Every route of the API says what it requires, or the application does not start."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, params
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from service.access.dependencies import (
    any_key,
    paths_signed_by_sender,
    refuse_open_routes,
    requires,
    signed_by_sender,
)
from service.access.principal import Principal
from service.app import create_app
from service.core.errors import NotAuthorized
from service.web.openapi import API_PREFIX
from tests.running import make_settings

Endpoint = Callable[..., Awaitable[None]]


async def nothing() -> None:
    """An endpoint that requires nothing."""


async def plain(request: Request) -> Response:
    """An endpoint of Starlette's."""
    return PlainTextResponse("open")


async def something(holder: Annotated[Principal, Depends(requires("generate"))]) -> None:
    """An endpoint that requires a scope."""


async def indirect(work: Annotated[None, Depends(something)]) -> None:
    """An endpoint one of whose dependencies requires a scope."""


def app_with(endpoint: Endpoint, *dependencies: params.Depends) -> FastAPI:
    app = FastAPI(openapi_url=None)
    router = APIRouter(prefix=API_PREFIX)
    router.add_api_route("/things", endpoint, dependencies=dependencies)
    app.include_router(router)
    return app


def test_the_application_has_no_route_that_declares_none(tmp_path: Path) -> None:
    refuse_open_routes(create_app(make_settings(tmp_path)).routes, prefix=API_PREFIX)


@pytest.mark.parametrize(
    "app",
    [
        app_with(something),
        app_with(indirect),
        app_with(nothing, Depends(any_key)),
        app_with(nothing, Depends(signed_by_sender)),
    ],
)
def test_route_that_declares_what_it_requires_is_taken(app: FastAPI) -> None:
    refuse_open_routes(app.routes, prefix=API_PREFIX)


def test_one_path_of_the_application_needs_no_key(tmp_path: Path) -> None:
    paths = paths_signed_by_sender(create_app(make_settings(tmp_path)).routes)
    assert paths == {f"{API_PREFIX}/webhooks/llm-provider"}


def test_path_that_needs_no_key_must_be_fixed() -> None:
    app = app_with(something)
    app.post(f"{API_PREFIX}/{{anything}}", dependencies=[Depends(signed_by_sender)])(nothing)
    with pytest.raises(RuntimeError, match="stand for itself only"):
        paths_signed_by_sender(app.routes)


def test_route_that_declares_nothing_is_refused_by_name() -> None:
    with pytest.raises(RuntimeError, match="without a required scope: /api/v1/things"):
        refuse_open_routes(app_with(nothing).routes, prefix=API_PREFIX)


def test_route_that_declares_nothing_is_refused_wherever_it_was_added() -> None:
    app = app_with(something)

    @app.get(f"{API_PREFIX}/direct")
    async def direct() -> None:
        """Added to the application itself."""

    app.mount(f"{API_PREFIX}/mounted", PlainTextResponse("open"))
    app.add_route(f"{API_PREFIX}/plain", plain)
    with pytest.raises(RuntimeError, match=r"/direct, .*/mounted, .*/plain"):
        refuse_open_routes(app.routes, prefix=API_PREFIX)


def test_routes_outside_of_the_api_need_declare_nothing() -> None:
    app = FastAPI()
    app.add_api_route("/healthz", nothing)
    refuse_open_routes(app.routes, prefix=API_PREFIX)


async def test_one_of_the_alternatives_is_enough_and_the_first_is_named() -> None:
    requirement = requires("admin", "operator")
    for scope in ("admin", "operator"):
        holder = Principal(key_id="key_1", tenant="acme", scopes=frozenset({scope}))
        assert await requirement(request_of(holder)) is holder
    with pytest.raises(NotAuthorized) as caught:
        await requirement(
            request_of(Principal(key_id="k", tenant="t", scopes=frozenset({"embed"})))
        )
    assert caught.value.required_scope == "admin"


async def test_any_key_will_do_where_the_route_decides_itself() -> None:
    holder = Principal(key_id="key_1", tenant="acme", scopes=frozenset())
    assert await any_key(request_of(holder)) is holder


def request_of(holder: Principal) -> Request:
    return Request({"type": "http", "state": {"principal": holder}})
