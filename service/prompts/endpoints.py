"""`/prompts`: templates, their versions and their labels."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.core.errors import InvalidRequest
from service.prompts import examples
from service.prompts.definitions import Choice, LabelledVersion
from service.prompts.schemas import (
    MAX_VERSION,
    NAME_PATTERN,
    LabelName,
    PromptListResponse,
    PromptResponse,
    PutLabelRequest,
    PutPromptRequest,
    RenderedPromptResponse,
    RenderPromptRequest,
    VersionNumber,
)
from service.prompts.usecases import Prompts
from service.web.body import StrictRoute
from service.web.context import json_response
from service.web.openapi import API_PREFIX, answer_response, error_responses
from service.web.paging import Page, PageDependency
from service.web.schemas import NOT_A_KEY

router = APIRouter(prefix=API_PREFIX, tags=["Prompts"], route_class=StrictRoute)

_LISTS = (400, 401, 403, 500, 503)
_READS = (400, 401, 403, 404, 500, 503)
_PUTS = (400, 401, 403, 413, 415, 500, 503)
_CHANGES = (400, 401, 403, 404, 413, 415, 500, 503)


async def get_prompts(request: Request) -> Prompts:
    """The use case that the lifespan wired."""
    prompts: Prompts = request.state.prompts
    return prompts


async def reader(
    caller: Annotated[Principal, Depends(requires("generate", "admin"))],
) -> Principal:
    """Who may see what templates say: not the holder of a browser token, who may only use them."""
    if caller.token_id is not None:
        caller.require("admin")  # which no token has
    return caller


PromptsDependency = Annotated[Prompts, Depends(get_prompts)]
Reader = Annotated[Principal, Depends(reader)]
Editor = Annotated[Principal, Depends(requires("admin"))]
PromptName = Annotated[
    str,
    Path(pattern=NAME_PATTERN, description="The name of a prompt.", examples=["summary"]),
    NOT_A_KEY,
]
Label = Annotated[
    str, Path(pattern=NAME_PATTERN, description="A label.", examples=["production"]), NOT_A_KEY
]


@router.put(
    "/prompts/{prompt_name}",
    response_model=PromptResponse,
    responses=answer_response("The version.", examples.PROMPT) | error_responses(_PUTS),
)
async def put_prompt(
    prompt_name: PromptName,
    body: Annotated[PutPromptRequest, Body(openapi_examples=examples.PUT_PROMPT_BODIES)],
    caller: Editor,
    prompts: PromptsDependency,
) -> Response:
    """Make a new version of a prompt, or the first.

    If the latest version says just the same, it stays the latest: putting it again changes nothing.
    """
    return _one(await prompts.put(caller, prompt_name, body.to_definition()))


@router.get(
    "/prompts",
    response_model=PromptListResponse,
    responses=answer_response("A page of prompts.", examples.PROMPT_LIST) | error_responses(_LISTS),
)
async def list_prompts(
    page: PageDependency, caller: Reader, prompts: PromptsDependency
) -> Response:
    """List prompts by name, each in its latest version."""
    found = await prompts.list_prompts(caller, limit=page.rows, after=page.after)
    return _page(*page.cut(found, lambda each: each.version.name))


@router.get(
    "/prompts/{prompt_name}",
    response_model=PromptResponse,
    responses=answer_response("The version.", examples.PROMPT) | error_responses(_READS),
)
async def get_prompt(
    prompt_name: PromptName,
    caller: Reader,
    prompts: PromptsDependency,
    version: Annotated[
        VersionNumber | None, Query(description="A version's number. Absent: the latest.")
    ] = None,
    label: Annotated[
        LabelName | None, Query(description="Instead: the version that has this label.")
    ] = None,
) -> Response:
    """Look at a prompt: its latest version, a certain one, or the one that has a label."""
    if version is not None and label is not None:
        raise InvalidRequest("Name a version or a label, not both", field="label")
    return _one(await prompts.get(caller, prompt_name, Choice(version=version, label=label)))


@router.get(
    "/prompts/{prompt_name}/versions",
    response_model=PromptListResponse,
    responses=answer_response("A page of versions.", examples.PROMPT_LIST)
    | error_responses(_READS),
)
async def list_prompt_versions(
    prompt_name: PromptName, page: PageDependency, caller: Reader, prompts: PromptsDependency
) -> Response:
    """List a prompt's versions, the latest first."""
    found = await prompts.list_versions(
        caller, prompt_name, limit=page.rows, before=_version_before(page)
    )
    return _page(*page.cut(found, lambda each: str(each.version.version)))


@router.delete(
    "/prompts/{prompt_name}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is deleted."}, **error_responses(_READS)},
)
async def delete_prompt(
    prompt_name: PromptName, caller: Editor, prompts: PromptsDependency
) -> Response:
    """Delete a prompt with all of its versions and labels.

    What was made with it stays in the usage. If the name is used again, its versions count on.
    """
    await prompts.delete(caller, prompt_name)
    return Response(status_code=204)


@router.put(
    "/prompts/{prompt_name}/labels/{label}",
    response_model=PromptResponse,
    responses=answer_response("The version, as it now is.", examples.PROMPT)
    | error_responses(_CHANGES),
)
async def put_prompt_label(
    prompt_name: PromptName,
    label: Label,
    body: Annotated[PutLabelRequest, Body(openapi_examples=examples.PUT_LABEL_BODIES)],
    caller: Editor,
    prompts: PromptsDependency,
) -> Response:
    """Put a label on a version; if another has it, it moves.

    Whoever asks for the label gets this version from the next request on.
    """
    return _one(await prompts.put_label(caller, prompt_name, label, body.version))


@router.delete(
    "/prompts/{prompt_name}/labels/{label}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is taken away."}, **error_responses(_READS)},
)
async def delete_prompt_label(
    prompt_name: PromptName, label: Label, caller: Editor, prompts: PromptsDependency
) -> Response:
    """Take a label away. The version stays."""
    await prompts.delete_label(caller, prompt_name, label)
    return Response(status_code=204)


@router.post(
    "/prompts/{prompt_name}/render",
    response_model=RenderedPromptResponse,
    responses=answer_response("What the model would get.", examples.RENDERED_PROMPT)
    | error_responses(_CHANGES),
)
async def render_prompt(
    prompt_name: PromptName,
    body: Annotated[RenderPromptRequest, Body(openapi_examples=examples.RENDER_BODIES)],
    caller: Reader,
    prompts: PromptsDependency,
) -> Response:
    """Show what a prompt says with its variables filled in. No model is asked, and it costs nothing."""
    rendered = await prompts.render(caller, prompt_name, body.choice, body.variables)
    return json_response(RenderedPromptResponse.of(rendered))


def _one(version: LabelledVersion) -> Response:
    return json_response(PromptResponse.of(version))


def _page(versions: Sequence[LabelledVersion], next_cursor: str | None) -> Response:
    data = [PromptResponse.of(version) for version in versions]
    return json_response(PromptListResponse(data=data, next_cursor=next_cursor))


def _version_before(page: Page) -> int | None:
    """Raises `InvalidRequest` for the cursor of another list."""
    if page.after is None:
        return None
    # No page begins behind the first version.
    if page.after.isdecimal() and 1 < int(page.after) <= MAX_VERSION:
        return int(page.after)
    raise InvalidRequest("This is no cursor of this list", field="cursor")
