"""The last defence against secrets in logs and errors. The first is not to put them there.

Runs on every line that is logged, in about a microsecond: the pattern is tried only where a search for fixed
texts finds something.
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

REDACTED = "[redacted]"
_MIN_SECRET_CHARACTERS = 8
"""A shorter one is a word that lines hold by chance."""

_KEY = re.compile(
    r"""
    (?: (?<![A-Za-z0-9])            # a word of its own, which `task-…` does not hold,
      | (?<=\\[abfnrtv])            # or right after an escape of JSON or Python,
      | (?<=\\x[0-9a-f]{2})
      | (?<=\\u[0-9a-f]{4})
      | (?<=%[0-9A-Fa-f]{2})        # of an address,
      | (?<=[0-9]m)                 # or of a terminal's colours
    )
    sk-[\w-]{12,}
    """,
    re.ASCII | re.VERBOSE,
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
