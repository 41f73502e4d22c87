"""Kept conversations, as tests talk in them."""

from typing import Any

import httpx

from tests.e2e.routes import CHAT
from tests.simulator import Call

CONVERSATIONS = "/api/v1/conversations"
Json = dict[str, Any]


async def begin(client: httpx.AsyncClient, **body: Any) -> str:
    """The id of a new conversation."""
    answer = await client.post(CONVERSATIONS, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def turn(conversation: str, *said: str | Json, **options: Any) -> Json:
    """The body of a turn; texts are a user's."""
    messages = [
        {"role": "user", "content": each} if isinstance(each, str) else each for each in said
    ]
    return {"messages": messages, "conversation_id": conversation, "cache": False} | options


async def say(
    client: httpx.AsyncClient, conversation: str, *said: str | Json, **options: Any
) -> Json:
    """A turn that goes well."""
    answer = await client.post(CHAT, json=turn(conversation, *said, **options))
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def look(client: httpx.AsyncClient, conversation: str, part: str = "") -> Json:
    """The conversation, or a part of it."""
    answer = await client.get(f"{CONVERSATIONS}/{conversation}{part}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def messages_of(client: httpx.AsyncClient, conversation: str) -> list[Json]:
    """All that was said."""
    messages: list[Json] = (await look(client, conversation, "/export"))["messages"]
    return messages


async def said_in(client: httpx.AsyncClient, conversation: str) -> list[tuple[str, Any]]:
    """Who said what."""
    return [(each["role"], each["content"]) for each in await messages_of(client, conversation)]


def heard(call: Call) -> list[tuple[str, str]]:
    """Who said what, as it reached Anthropic."""
    return [
        (message["role"], "".join(block.get("text", "") for block in message["content"]))
        for message in call.body["messages"]
    ]
