"""What every answer tells a browser: take nothing for what it is not, frame nothing, keep nothing.

An answer's own header of the same name stands: the docs page has a policy of its own, streams their caching.
"""

from collections.abc import Sequence
from typing import TypeAlias

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

_API_PATH = "/api/"
_EVERYWHERE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_API: Headers = (*_EVERYWHERE, (b"cache-control", b"no-store"))


def security_headers(path: str, own: Headers) -> list[tuple[bytes, bytes]]:
    """The headers to add to an answer from `path` that has its `own`."""
    names = {name for name, _ in own}
    headers = _API if path.startswith(_API_PATH) else _EVERYWHERE
    return [header for header in headers if header[0] not in names]
