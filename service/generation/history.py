"""How much of a conversation goes to the model."""

from msgspec import Struct

from service.core.estimates import estimate_message_tokens
from service.core.messages import Message


class History(Struct, frozen=True, kw_only=True):
    """Which conversation a request goes on with, if any, and how much of all its messages goes to the model.

    The last `limit` messages do, of these as many as are within `token_budget` by estimate (None: all).
    With `summarize`, what falls out of a kept conversation goes in short.
    """

    limit: int | None = None
    token_budget: int | None = None
    conversation_id: str | None = None
    summarize: bool = False


def last_messages(
    messages: tuple[Message, ...], limit: int | None, *, token_budget: int | None = None
) -> tuple[Message, ...]:
    """The last `limit` messages within `token_budget`, and every system message wherever it stood.

    A tool's result is never cut from its call: where the limit would fall between them, the call and what
    led to it from the assistant are kept too, even over the limit; a budget leaves both out. The last
    message is kept whatever its size.
    """
    turns = [place for place, message in enumerate(messages) if message.role != "system"]
    start = 0 if limit is None else max(0, len(turns) - limit)
    while start > 0 and messages[turns[start]].role == "tool":
        start -= 1
    if token_budget is not None:
        start = max(start, _first_within(token_budget, [messages[place] for place in turns]))
    kept = set(turns[start:])
    return tuple(m for place, m in enumerate(messages) if m.role == "system" or place in kept)


def _first_within(token_budget: int, turns: list[Message]) -> int:
    """Where the last turns begin that are within the budget, which is never at a tool's result."""
    first: int | None = None
    tokens = 0
    for place in reversed(range(len(turns))):
        tokens += estimate_message_tokens(turns[place])
        if tokens > token_budget and first is not None:
            break
        if turns[place].role != "tool":
            first = place
    return first or 0
