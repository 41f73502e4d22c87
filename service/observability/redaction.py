"""The last defence against secrets in logs and errors. The first is not to put them there.

Runs on every line that is logged: a search for a fixed text costs a tenth of a microsecond, the pattern is
tried only where that finds something.
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

REDACTED = "[redacted]"
_MIN_SECRET_CHARACTERS = 8
"""A shorter one is a word that lines hold by chance."""

# A word of its own, `task-…` is none; in a JSON text or an address it may follow an escape.
_KEY = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4})|(?<=%[0-9A-Fa-f]{2}))sk-[\w-]{12,}",
    re.ASCII,
)


def holds_key(text: str) -> bool:
    """Whether there is something in `text` that looks like an API key: ours and the vendors' are `sk-…`."""
    return "sk-" in text and _KEY.search(text) is not None


def without_keys(text: str) -> str:
    """`text`, with `[redacted]` for everything that looks like an API key."""
    return _KEY.sub(REDACTED, text) if "sk-" in text else text


class Redactor:
    """The last of structlog's processors: takes keys and these secrets out of a rendered line."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = [secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARACTERS]
        spellings = {spelling for secret in known for spelling in _spellings(secret)}
        # The longest first: one secret may begin with another.
        self._secrets = sorted(spellings, key=len, reverse=True)

    def __call__(self, _logger: object, _method: str, line: object) -> str:
        text = str(line)
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, REDACTED)
        return without_keys(text)


def _spellings(secret: str) -> tuple[str, ...]:
    """As it is, and as JSON, a traceback or an address would write it."""
    escaped = (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret))
    return (secret, quote(secret, safe=""), *(text[1:-1] for text in escaped))
