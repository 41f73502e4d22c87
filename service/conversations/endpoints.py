"""`/conversations`."""

import re
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from service.access.dependencies import requires
from service.access.ports import Sanitize
from service.access.principal import Principal
from service.conversations import examples
from service.conversations.schemas import (
    ConversationExportResponse,
    ConversationListResponse,
    ConversationResponse,
    CreateConversationRequest,
    ForkConversationRequest,
    MessageListResponse,
    MessageResponse,
)
from service.conversations.usecases import Conversations
from service.core.errors import InvalidRequest
from service.generation.options import CONVERSATION_ID_PATTERN
from service.web.body import StrictRoute
from service.web.context import json_response
from service.web.openapi import API_PREFIX, READS_A_BODY, answer_response, error_responses
from service.web.paging import Page, PageDependency

router = APIRouter(prefix=API_PREFIX, tags=["Conversations"], route_class=StrictRoute)

_POSITION = re.compile("[0-9]{1,9}")
_LISTS = (400, 401, 403, 500, 503)
_READS = (*_LISTS, 404)


async def get_conversations(request: Request) -> Conversations:
    """The use case that the lifespan wired."""
    conversations: Conversations = request.state.conversations
    return conversations


ConversationsDependency = Annotated[Conversations, Depends(get_conversations)]
Caller = Annotated[Principal, Depends(requires("generate"))]
ConversationId = Annotated[
    str, Path(pattern=CONVERSATION_ID_PATTERN, description="The id of a conversation.")
]
SanitizeQuery = Annotated[
    Sanitize | None,
    Query(
        description="Makes all text of the messages safe for a web page, as `sanitize` of `chat` does."
        " Absent: as the key has it."
    ),
]


@router.post(
    "/conversations",
    status_code=201,
    response_model=ConversationResponse,
    responses=answer_response("The conversation.", examples.NEW_CONVERSATION, status=201)
    | error_responses(READS_A_BODY),
)
async def create_conversation(
    body: Annotated[CreateConversationRequest, Body(openapi_examples=examples.CREATE_BODIES)],
    caller: Caller,
    conversations: ConversationsDependency,
) -> Response:
    """Begin a conversation. Pass its id to `chat` as `conversation_id`, and it has a memory.

    It is kept until it is deleted. Every key of the tenant may go on with it; a browser token has only those
    that it began itself.
    """
    created = await conversations.create(caller, system=body.system, metadata=body.metadata or {})
    return json_response(ConversationResponse.of(created), status=201)


@router.get(
    "/conversations",
    response_model=ConversationListResponse,
    responses=answer_response("A page of conversations.", examples.CONVERSATION_LIST)
    | error_responses(_LISTS),
)
async def list_conversations(
    page: PageDependency, caller: Caller, conversations: ConversationsDependency
) -> Response:
    """List conversations, the newest first."""
    found = await conversations.list_conversations(caller, limit=page.rows, before=page.after)
    shown, next_cursor = page.cut(found, lambda conversation: conversation.id)
    return json_response(
        ConversationListResponse(
            data=[ConversationResponse.of(each) for each in shown], next_cursor=next_cursor
        )
    )


@router.get(
    "/conversations/{conversation_id}",
    response_model=ConversationResponse,
    responses=answer_response("The conversation.", examples.CONVERSATION) | error_responses(_READS),
)
async def get_conversation(
    conversation_id: ConversationId, caller: Caller, conversations: ConversationsDependency
) -> Response:
    """Look at a conversation: how long it is, and what it has cost so far."""
    return json_response(ConversationResponse.of(await conversations.get(caller, conversation_id)))


@router.get(
    "/conversations/{conversation_id}/messages",
    response_model=MessageListResponse,
    responses=answer_response("A page of messages.", examples.MESSAGE_LIST)
    | error_responses(_READS),
)
async def list_conversation_messages(
    conversation_id: ConversationId,
    page: PageDependency,
    caller: Caller,
    conversations: ConversationsDependency,
    sanitize: SanitizeQuery = None,
) -> Response:
    """List the messages of a conversation, the oldest first."""
    found = await conversations.list_messages(
        caller,
        conversation_id,
        limit=page.rows,
        after=_position(page),
        sanitize=sanitize or caller.sanitize,
    )
    shown, next_cursor = page.cut(found, lambda message: str(message.position))
    return json_response(
        MessageListResponse(
            data=[MessageResponse.of(each) for each in shown], next_cursor=next_cursor
        )
    )


@router.get(
    "/conversations/{conversation_id}/export",
    response_model=ConversationExportResponse,
    responses=answer_response("The conversation, whole.", examples.EXPORT)
    | error_responses(_READS),
)
async def export_conversation(
    conversation_id: ConversationId,
    caller: Caller,
    conversations: ConversationsDependency,
    sanitize: SanitizeQuery = None,
) -> Response:
    """Export everything that is kept of a conversation."""
    conversation, messages = await conversations.export(
        caller, conversation_id, sanitize=sanitize or caller.sanitize
    )
    return json_response(ConversationExportResponse.of_all(conversation, messages))


@router.post(
    "/conversations/{conversation_id}/fork",
    status_code=201,
    response_model=ConversationResponse,
    responses=answer_response("The fork.", examples.FORK, status=201)
    | error_responses((*READS_A_BODY, 404)),
)
async def fork_conversation(
    conversation_id: ConversationId,
    body: Annotated[ForkConversationRequest, Body(openapi_examples=examples.FORK_BODIES)],
    caller: Caller,
    conversations: ConversationsDependency,
) -> Response:
    """Begin a conversation with what another has up to one of its messages; each goes on by itself."""
    fork = await conversations.fork(caller, conversation_id, at_message_id=body.at_message_id)
    return json_response(ConversationResponse.of(fork), status=201)


@router.delete(
    "/conversations/{conversation_id}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is deleted."}, **error_responses(_READS)},
)
async def delete_conversation(
    conversation_id: ConversationId, caller: Caller, conversations: ConversationsDependency
) -> Response:
    """Delete a conversation with its messages, for good. What it cost stays in the usage.

    A turn that is under way loses its place: its answer is a `conflict`. Forks are not touched.
    """
    await conversations.delete(caller, conversation_id)
    return Response(status_code=204)


def _position(page: Page) -> int:
    """The position that the page begins behind. Raises `InvalidRequest` for a cursor of another list."""
    if page.after is None:
        return -1
    if not _POSITION.fullmatch(page.after):
        raise InvalidRequest("This is no cursor of a page", field="cursor")
    return int(page.after)
