"""How the simulator counts: one word is one token.

A word is a run of non-blank characters with the blanks before it; blanks at the very end are a
word of their own. So a stream of n word events has n tokens, and joining the words gives the text.
"""

import re
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"\s*\S+|\s+\Z")

TOKENS_PER_IMAGE = 85
"""For each part of a message that is neither text nor a tool's traffic."""


def split_words(text: str) -> list[str]:
    """The pieces a stream sends, one event each: `"a  b"` is `["a", "  b"]`."""
    return _WORD.findall(text)


def count_tokens(text: str) -> int:
    """Tokens of one text: its number of words."""
    return len(_WORD.findall(text))


def count_input_tokens(body: dict[str, Any]) -> int:
    """Tokens of a request of either vendor, as its usage reports them; at least 1.

    Counts the words of `system`, of every message (texts, tool arguments and tool results) and of
    the names and descriptions of the tools, plus `TOKENS_PER_IMAGE` for each other part.
    An embedding request counts the words of its `input`, or its token ids.
    """
    total = _of(body.get("system")) + _of(body.get("input"))
    for message in body.get("messages") or ():
        total += _of(message.get("content"))
        for call in message.get("tool_calls") or ():
            total += _of(call["function"]["arguments"])
    for tool in body.get("tools") or ():
        named = tool.get("function", tool)
        total += _of(named.get("name")) + _of(named.get("description"))
    return max(1, total)


def _of(content: Any) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return count_tokens(content)
    if isinstance(content, int):
        return 1
    if isinstance(content, list):
        return sum(map(_of, content))
    kind = content.get("type")
    if kind == "tool_use":
        return sum(map(_of_leaf, content["input"].values()))
    if kind == "tool_result":
        return _of(content.get("content"))
    for name in ("text", "refusal", "thinking"):
        if name in content:
            return _of(content[name])
    return TOKENS_PER_IMAGE


def _of_leaf(value: Any) -> int:
    return count_tokens(str(value))


@lru_cache(maxsize=64)
def numbered_words(count: int) -> tuple[str, ...]:
    """`("w0", " w1", " w2", …)`: what `Words(count)` says."""
    return tuple(f" w{n}" if n else "w0" for n in range(count))
