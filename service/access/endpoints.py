"""`/keys` and `/tenants`."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from msgspec import Struct

from service.access import examples
from service.access.dependencies import any_key, requires
from service.access.ports import Tenant
from service.access.principal import Principal
from service.access.schemas import (
    KEY_ID_PATTERN,
    TENANT_PATTERN,
    ChangeKeyRequest,
    CreateKeyRequest,
    KeyListResponse,
    KeyResponse,
    MintTokenRequest,
    NewKeyResponse,
    PutTenantRequest,
    RotateKeyRequest,
    TenantResponse,
)
from service.access.usecases import Keys, NewSecret, Tenants
from service.core.clock import Clock
from service.web.body import StrictRoute
from service.web.context import json_response
from service.web.openapi import API_PREFIX, answer_response, error_responses
from service.web.paging import PageDependency

router = APIRouter(prefix=API_PREFIX, tags=["Keys"], route_class=StrictRoute)

_LISTS = (400, 401, 403, 500, 503)
_READS = (400, 401, 403, 404, 500, 503)
_REVOKES = (400, 401, 403, 404, 409, 500, 503)
_CREATES = (400, 401, 403, 413, 415, 500, 503)
_CHANGES = (400, 401, 403, 404, 409, 413, 415, 500, 503)


class Access(Struct, frozen=True):
    """What these endpoints need of the lifespan."""

    keys: Keys
    tenants: Tenants
    clock: Clock


async def get_access(request: Request) -> Access:
    """The use cases that the lifespan wired."""
    access: Access = request.state.access
    return access


AccessDependency = Annotated[Access, Depends(get_access)]
Ruler = Annotated[Principal, Depends(requires("admin", "operator"))]
KeyId = Annotated[str, Path(pattern=KEY_ID_PATTERN, description="The id of a key.")]
TenantId = Annotated[
    str,
    Path(pattern=TENANT_PATTERN, description="The name of a tenant.", examples=["default"]),
]


@router.post(
    "/keys",
    status_code=201,
    response_model=NewKeyResponse,
    responses=answer_response("The key, with its secret.", examples.NEW_KEY, status=201)
    | error_responses(_CREATES),
)
async def create_key(
    body: Annotated[CreateKeyRequest, Body(openapi_examples=examples.CREATE_KEY_BODIES)],
    caller: Ruler,
    access: AccessDependency,
) -> Response:
    """Make a key. Its secret is shown this once.

    An `admin` makes keys of its own tenant, an `operator` of any; a tenant is made by its first key.
    """
    made = await access.keys.create(caller, body.to_settings(), tenant=body.tenant)
    return _new_secret(made, access.clock.now(), status=201)


@router.get(
    "/keys",
    response_model=KeyListResponse,
    responses=answer_response("A page of keys.", examples.KEY_LIST) | error_responses(_LISTS),
)
async def list_keys(
    page: PageDependency,
    caller: Ruler,
    access: AccessDependency,
    tenant: Annotated[
        str | None,
        Query(
            pattern=TENANT_PATTERN,
            description="Whose keys; absent: your tenant's, or, for an `operator`, all.",
        ),
    ] = None,
) -> Response:
    """List keys, the newest first, whatever their state; browser tokens are not among them."""
    found = await access.keys.list_keys(caller, tenant=tenant, limit=page.rows, before=page.after)
    keys, next_cursor = page.cut(found, lambda key: key.id)
    now = access.clock.now()
    return json_response(
        KeyListResponse(data=[KeyResponse.of(key, now) for key in keys], next_cursor=next_cursor)
    )


@router.get(
    "/keys/{key_id}",
    response_model=KeyResponse,
    responses=answer_response("The key.", examples.KEY) | error_responses(_READS),
)
async def get_key(key_id: KeyId, caller: Ruler, access: AccessDependency) -> Response:
    """Look at a key or a browser token."""
    key = await access.keys.get(caller, key_id)
    return json_response(KeyResponse.of(key, access.clock.now()))


@router.patch(
    "/keys/{key_id}",
    response_model=KeyResponse,
    responses=answer_response("The key as it now is.", examples.KEY) | error_responses(_CHANGES),
)
async def change_key(
    key_id: KeyId,
    body: Annotated[ChangeKeyRequest, Body(openapi_examples=examples.CHANGE_KEY_BODIES)],
    caller: Ruler,
    access: AccessDependency,
) -> Response:
    """Change a key; felt at once here, and within a second on other replicas.

    The key in use can change only its own name.
    """
    key = await access.keys.change(caller, key_id, body.to_settings())
    return json_response(KeyResponse.of(key, access.clock.now()))


@router.delete(
    "/keys/{key_id}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is revoked."}, **error_responses(_REVOKES)},
)
async def revoke_key(key_id: KeyId, caller: Ruler, access: AccessDependency) -> Response:
    """Revoke a key with its browser tokens, or one token; for good.

    Felt at once here, and within a second on other replicas. The key in use cannot revoke itself.
    """
    await access.keys.revoke(caller, key_id)
    return Response(status_code=204)


@router.post(
    "/keys/{key_id}/rotate",
    response_model=NewKeyResponse,
    responses=answer_response("The key, with its new secret.", examples.ROTATED_KEY)
    | error_responses(_CHANGES),
)
async def rotate_key(
    key_id: KeyId,
    body: Annotated[RotateKeyRequest, Body(openapi_examples=examples.ROTATE_KEY_BODIES)],
    caller: Ruler,
    access: AccessDependency,
) -> Response:
    """Give a key another secret. The old one works for a while longer, so that nobody is locked out.

    If there has been a rotation lately, the secret from before it ends now.
    """
    rotated = await access.keys.rotate(caller, key_id, overlap_seconds=body.overlap_seconds)
    return _new_secret(rotated, access.clock.now(), status=200)


@router.post(
    "/keys/{key_id}/tokens",
    status_code=201,
    response_model=NewKeyResponse,
    responses=answer_response("The token, in `key`.", examples.NEW_TOKEN, status=201)
    | error_responses(_CHANGES),
)
async def mint_token(
    key_id: KeyId,
    body: Annotated[MintTokenRequest, Body(openapi_examples=examples.MINT_TOKEN_BODIES)],
    caller: Annotated[Principal, Depends(any_key)],
    access: AccessDependency,
) -> Response:
    """Mint a short-lived browser token, for a web page to use like a key.

    Any key mints tokens of its own; an `admin`, of the keys of its tenant. A token ends with its key, never
    has more scopes, and what it uses up is taken from its key's limits and budget as well as its own.
    """
    token = await access.keys.mint_token(
        caller,
        key_id,
        ttl_seconds=body.ttl_seconds,
        scopes=body.scopes,
        limits=body.limits.to_limits(),
        budget=body.budget.to_budget() if body.budget else None,
        sanitize=body.sanitize,
    )
    return _new_secret(token, access.clock.now(), status=201)


@router.get(
    "/tenants/{tenant_id}",
    response_model=TenantResponse,
    responses=answer_response("The tenant.", examples.TENANT) | error_responses(_READS),
)
async def get_tenant(tenant_id: TenantId, caller: Ruler, access: AccessDependency) -> Response:
    """Look at the bounds of a tenant: your own, or, as an `operator`, any. One never set has none."""
    return json_response(TenantResponse.of(await access.tenants.get(caller, tenant_id)))


@router.put(
    "/tenants/{tenant_id}",
    response_model=TenantResponse,
    responses=answer_response("The tenant as it now is.", examples.TENANT)
    | error_responses(_CREATES),
)
async def put_tenant(
    tenant_id: TenantId,
    body: Annotated[PutTenantRequest, Body(openapi_examples=examples.PUT_TENANT_BODIES)],
    caller: Annotated[Principal, Depends(requires("operator"))],
    access: AccessDependency,
) -> Response:
    """Set what all keys of a tenant may use up together; felt within a second everywhere."""
    tenant = await access.tenants.put(
        caller,
        Tenant(
            id=tenant_id,
            limits=body.limits.to_limits(),
            budget=body.budget.to_budget() if body.budget else None,
        ),
    )
    return json_response(TenantResponse.of(tenant))


def _new_secret(made: NewSecret, now: datetime, *, status: int) -> Response:
    body = NewKeyResponse.of_new(made.key, made.secret, now)
    # A secret must not stay in a cache on its way.
    return json_response(body, status=status, headers={"Cache-Control": "no-store"})
