"""How much of a conversation goes to the model."""

from service.core.messages import Message


def last_messages(messages: tuple[Message, ...], limit: int) -> tuple[Message, ...]:
    """The last `limit` messages, and every system message wherever it stood.

    A tool's result is never cut from its call: where the cut would fall between them, the call and what
    led to it from the assistant are kept too, even over the limit.
    """
    turns = [place for place, message in enumerate(messages) if message.role != "system"]
    start = max(0, len(turns) - limit)
    while start > 0 and messages[turns[start]].role == "tool":
        start -= 1
    kept = set(turns[start:])
    return tuple(m for place, m in enumerate(messages) if m.role == "system" or place in kept)
