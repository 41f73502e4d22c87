"""Signed requests: proof that one was sent by a key's holder, as it is, just now and once.

    X-Timestamp: 1763900000.123456      unix seconds; a fraction tells equal requests apart
    X-Signature: hex HMAC-SHA256(API key, METHOD\\nPATH?QUERY\\nTIMESTAMP\\n + hex SHA-256 of the body)

PATH?QUERY is what the request line has, escapes and all; without a query there is no `?`.
"""

import hashlib
import hmac
import re

from msgspec import Struct

from service.access.ports import SIGNATURE_WINDOW_SECONDS, SeenSignatures
from service.core.clock import Clock
from service.core.errors import NotAuthenticated

_TIMESTAMP = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


class Signed(Struct, frozen=True, kw_only=True):
    """What is signed but for the body: the request line's parts, and the time as it was sent."""

    method: str
    target: bytes
    timestamp: str


def sign(secret: str, signed: Signed, body: bytes) -> str:
    """The signature: 64 hex digits."""
    digest = hashlib.sha256(body).hexdigest()
    text = b"%s\n%s\n%s\n%s" % (
        signed.method.encode(),
        signed.target,
        signed.timestamp.encode(),
        digest.encode(),
    )
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class Signatures:
    """Checks signatures. Every method raises `NotAuthenticated`, with the reason: the key is known good."""

    def __init__(self, seen: SeenSignatures, *, clock: Clock) -> None:
        self._seen = seen
        self._clock = clock

    def check_time(self, timestamp: str) -> None:
        """Refuse a time that is none, or too far from ours. Needs no body."""
        age_seconds = (
            self._clock.now().timestamp() - float(timestamp)
            if _TIMESTAMP.fullmatch(timestamp)
            else float("inf")
        )
        if abs(age_seconds) > SIGNATURE_WINDOW_SECONDS:
            raise NotAuthenticated(
                "X-Timestamp must be the time in unix seconds, at most"
                f" {SIGNATURE_WINDOW_SECONDS} off the service's clock"
            )

    async def check(self, given: str, *, secret: str, signed: Signed, body: bytes) -> None:
        """Refuse a signature that does not fit, and one that has come before."""
        expected = sign(secret, signed, body)
        if not hmac.compare_digest(expected.encode(), given.lower().encode()):
            raise NotAuthenticated("X-Signature does not fit this request")
        if not await self._seen.add(expected):
            raise NotAuthenticated("This signed request has come before: sign each try anew")
