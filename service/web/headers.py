"""Names of headers, and one header of a request, read from the ASGI scope.

Starlette's `Headers` decodes all of them for each question, and the middleware asks several of every request.
"""

from starlette.types import Scope

IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENCY_REPLAYED = "Idempotency-Replayed"
NEXT_AFTER = "X-Next-After"
"""Of a page of JSON Lines: the next page's `after`. The SDKs know pages of lines by it."""


def header(scope: Scope, name: bytes) -> str:
    """The first header of this name, which is given in lower case; empty if there is none."""
    for found, value in scope["headers"]:
        if found == name:
            text: str = value.decode("latin-1")
            return text
    return ""
